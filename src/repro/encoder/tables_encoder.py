"""Encode with learned tables alone, the paper's method without attention: 4:4:4, coefficients rounded to nearest."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from PIL import ImageFile

from repro.codecs import save_with_tables
from repro.encoder.images import Picture
from repro.encoder.models import ModelSet
from repro.encoder.search import Encoder
from repro.jpeg.blocks import SIDE, pad, to_blocks
from repro.jpeg.coefficients import Coefficients
from repro.jpeg.color import rgb_to_ycbcr
from repro.jpeg.dct import dct
from repro.jpeg.writer import Scans, embed_icc, write

#: What ``repro encode --scans`` means for the paper's sets: stored results use the cheapest of mozjpeg's scan scripts.
PAPERS_SCANS: dict[str, Scans] = {"interleaved": "searched", "smallest": "smallest", "sequential": "sequential"}
#: About how many pixels are transformed at a time, so that working memory does not grow with the picture.
_STRIP_PIXELS = 1 << 19
#: Held while Pillow's buffer, which all threads share, has another size.
_SAVING = threading.Lock()


class TablesEncoder(Encoder):
    """Encodes ``picture`` with a set of tables, at any quality.

    ``exact``: with our own DCT, which rounds once, and a search for the cheapest progressive scans; otherwise with
    libjpeg-turbo's, which also rounds intermediate results.
    """

    def __init__(self, picture: Picture, models: ModelSet, *, exact: bool = True, scans: str = "interleaved") -> None:
        self.picture, self.models, self.exact, self.scans = picture, models, exact, scans

    def encode(self, quality: float) -> bytes:
        """The file at a quality from 1 to 100."""
        tables = self.models.at(quality).tables
        if not self.exact:
            return encode_fast(self.picture, tables, self.scans)
        return write(quantise(self.picture.samples, tables), scans=PAPERS_SCANS[self.scans], icc=self.picture.icc)


def quantise(samples: np.ndarray, tables: np.ndarray) -> Coefficients:
    """Ẑ = round(F / Q) of ``samples``, (H, W) or (H, W, 3) uint8; ``tables`` Q (2, 8, 8) are whole numbers, as in a
    file."""
    height, width = samples.shape[:2]
    components = 1 if samples.ndim == 2 else 3
    planes = np.empty((components, -(-height // SIDE), -(-width // SIDE), SIDE, SIDE), np.int16)
    tall = SIDE * max(1, _STRIP_PIXELS // (SIDE * width))
    for top in range(0, height, tall):
        strip = samples[top : top + tall]
        of_strip = strip[None].astype(np.float32) if components == 1 else rgb_to_ycbcr(strip)
        for index, plane in enumerate(of_strip):
            F = dct(to_blocks(pad(plane - 128)))
            z = np.rint(F / tables[min(index, 1)].astype(np.float32))
            planes[index, top // SIDE : top // SIDE + len(z)] = z
    return Coefficients(tuple(planes), tables[: min(2, components)].astype(np.uint16), height, width)


def encode_fast(picture: Picture, tables: np.ndarray, scans: str) -> bytes:
    """The file that libjpeg-turbo makes of ``picture`` with ``tables`` (2, 8, 8), 1–255: 4:4:4, optimised."""
    progressive = {"interleaved": (True,), "smallest": (True, False), "sequential": (False,)}[scans]
    with _room_for(picture):
        data = min(
            (save_with_tables(picture.samples, tables, optimize=True, progressive=p) for p in progressive), key=len
        )
    return embed_icc(data, picture.icc) if picture.icc else data


@contextmanager
def _room_for(picture: Picture) -> Iterator[None]:
    """Enlarge Pillow's buffer: libjpeg writes optimised files in one piece, and those of noise at high quality do not
    fit."""
    with _SAVING:
        before, ImageFile.MAXBLOCK = ImageFile.MAXBLOCK, max(ImageFile.MAXBLOCK, 2**16 + 4 * picture.samples.size)
        try:
            yield
        finally:
            ImageFile.MAXBLOCK = before
