"""Integers to a standard JPEG file and back, losslessly, through libjpeg in the coefficient domain.

``jpeglib`` binds libjpeg-turbo, which writes the coefficients that it is given with Huffman tables made for them.
``mozjpeg-lossless-optimization`` then looks for the cheapest progressive scan script; no coefficient changes.
Source: ITU-T T.81 (the file format), JFIF 1.02 (its colours), ICC.1 Annex B.4 (colour profiles in APP2).
"""

from __future__ import annotations

import io
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from repro.errors import ReproError
from repro.jpeg.blocks import from_blocks, upsample
from repro.jpeg.color import ycbcr_to_rgb
from repro.jpeg.dct import idct

MAX_SIDE = 65_500
_MAX_ICC_CHUNK = 65_519  # a marker holds 65 533 bytes, 14 of which name the profile and the chunk
_lock = threading.RLock()


@contextmanager
def c_library(version: str) -> Iterator[None]:
    """Run ``jpeglib`` on one of the C libraries that it carries; one thread at a time, as the choice is global."""
    import jpeglib

    with _lock:
        before = jpeglib.version.get()
        if before != version:
            jpeglib.version.set(version)
        try:
            yield
        finally:
            if before != version:
                jpeglib.version.set(before)


@dataclass(frozen=True)
class Coefficients:
    """What a JPEG file says, less its entropy coding.

    planes
        one (grey) or three (Y, Cb, Cr) int16 arrays (rows, cols, 8, 8): Ẑ, the quantised DCT coefficients.
    tables
        uint16 array (1 or 2, 8, 8) with entries in 1–255: Q for luma and, with three planes, for chroma.
    height, width
        the picture's size in pixels, 1–65 500; the planes cover it, edge blocks padded.

    Raises ``ValueError`` where planes, tables and size do not fit each other.
    """

    planes: tuple[np.ndarray, ...]
    tables: np.ndarray
    height: int
    width: int

    def __post_init__(self) -> None:
        if len(self.planes) not in (1, 3) or any(p.ndim != 4 or p.shape[2:] != (8, 8) for p in self.planes):
            raise ValueError(f"planes: expected 1 or 3 of (rows, cols, 8, 8), got {[p.shape for p in self.planes]}")
        if self.tables.shape != (min(2, len(self.planes)), 8, 8):
            raise ValueError(f"tables: expected one for luma and one for chroma, got {self.tables.shape}")
        if self.tables.min() < 1 or self.tables.max() > 255:
            raise ValueError(f"tables: entries must be 1–255, got {self.tables.min()}–{self.tables.max()}")
        if not (0 < self.height <= MAX_SIDE and 0 < self.width <= MAX_SIDE):
            raise ValueError(f"size: JPEG sides are 1–{MAX_SIDE}, got {self.width}×{self.height}")
        if self.planes[0].shape[:2] != (_blocks(self.height), _blocks(self.width)):
            raise ValueError(
                f"planes: {self.planes[0].shape[:2]} blocks do not cover {self.width}×{self.height} pixels"
            )
        _ = self.subsampling

    @property
    def subsampling(self) -> str:
        """``"grey"``, ``"4:4:4"`` or ``"4:2:0"``."""
        if len(self.planes) == 1:
            return "grey"
        full = (_blocks(self.height), _blocks(self.width))
        half = (_blocks(-(-self.height // 2)), _blocks(-(-self.width // 2)))
        chroma = {p.shape[:2] for p in self.planes[1:]}
        if chroma == {full}:  # a picture of one block is the same either way: call it 4:4:4
            return "4:4:4"
        if chroma == {half}:
            return "4:2:0"
        raise ValueError(f"planes: chroma of {chroma} blocks is neither 4:4:4 {full} nor 4:2:0 {half}")


def write(c: Coefficients, *, progressive: bool = True, optimise: bool = True, icc: bytes | None = None) -> bytes:
    """A standard JPEG file that holds exactly ``c``.

    ``optimise`` makes Huffman tables for this picture (else Annex K's are used). ``progressive`` then searches
    progressive scan scripts too and keeps the smaller file: tiny pictures stay sequential. ``icc`` is embedded.
    """
    import jpeglib

    luma, *chroma = c.planes
    cb, cr = chroma if chroma else (None, None)
    jpeg = jpeglib.from_dct(luma, cb, cr, qt=c.tables.astype(np.uint16))
    jpeg.height, jpeg.width = c.height, c.width
    if chroma:
        jpeg.samp_factor = np.array([[2 if c.subsampling == "4:2:0" else 1] * 2, [1, 1], [1, 1]], dtype=np.int16)
    # Of the libraries on board, all of which write the same bytes, libjpeg-turbo is the fastest.
    with tempfile.TemporaryDirectory(prefix="repro-") as folder, c_library("turbo210"):
        path = Path(folder, "out.jpg")
        try:
            jpeg.write_dct(str(path), flags=["+OPTIMIZE_CODING"] if optimise else [])
            data = path.read_bytes()
        except OSError as error:
            raise ReproError(f"{folder}: libjpeg could not write its temporary file; free some space there") from error
    if progressive and optimise:
        import mozjpeg_lossless_optimization

        data = min(data, mozjpeg_lossless_optimization.optimize(data), key=len)
    return embed_icc(data, icc) if icc else data


def read(data: bytes) -> Coefficients:
    """The coefficients and tables of a grey or YCbCr JPEG file, 4:4:4 or 4:2:0; the inverse of :func:`write`.

    Raises :class:`ReproError` where ``data`` is no such file.
    """
    import jpeglib

    try:  # libjpeg ends the process on a broken file, so Pillow decodes it first
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            kind = (image.format, image.mode)
    except (OSError, SyntaxError) as error:
        raise ReproError(f"not a readable JPEG file ({error})") from error
    if kind not in (("JPEG", "L"), ("JPEG", "RGB")):
        raise ReproError(f"expected a grey or colour JPEG, got {kind[0]} in mode {kind[1]}; convert it first")
    with tempfile.TemporaryDirectory(prefix="repro-") as folder, c_library("6b"):
        path = Path(folder, "in.jpg")
        path.write_bytes(data)
        jpeg = jpeglib.read_dct(str(path))
        luma, (cb, cr), _ = jpeg.load()
        planes = (luma,) if cb is None else (luma, cb, cr)
        tables = np.stack([jpeg.get_component_qt(i) for i in range(min(2, len(planes)))])
        return Coefficients(planes, tables.astype(np.uint16), int(jpeg.height), int(jpeg.width))


def decode(data: bytes) -> np.ndarray:
    """What Pillow (libjpeg-turbo) shows: (H, W, 3) uint8 RGB. Raises :class:`ReproError` on a broken file."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            return np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError) as error:
        raise ReproError(f"not a readable JPEG file ({error})") from error


def predict_decode(c: Coefficients) -> np.ndarray:
    """What our own inverse pipeline says a decoder shows: (H, W, 3) float32 RGB, whole numbers in 0–255.

    Samples are rounded and clipped in YCbCr, converted, then rounded and clipped again, as decoders do. Decoders may
    differ by a level or two: T.81 leaves the inverse DCT's arithmetic free.
    """
    planes = []
    for index, z_hat in enumerate(c.planes):
        dequantised = z_hat.astype(np.float32) * c.tables[min(index, 1)].astype(np.float32)
        planes.append(_round_half_up(from_blocks(idct(dequantised)) + 128).clip(0, 255))
    if c.subsampling == "4:2:0":
        half = (slice(-(-c.height // 2)), slice(-(-c.width // 2)))
        planes[1:] = [_round_upsampled(upsample(p[half])) for p in planes[1:]]
    shown = np.stack([p[: c.height, : c.width] for p in planes])
    if c.subsampling == "grey":
        return np.repeat(shown[0][..., None], 3, axis=2)
    return _round_half_up(ycbcr_to_rgb(shown)).clip(0, 255)


def embed_icc(data: bytes, profile: bytes) -> bytes:
    """``data`` (a JPEG file) with the colour profile in APP2 markers behind its JFIF header."""
    after_header = 4 + int.from_bytes(data[4:6], "big") if data[2:4] == b"\xff\xe0" else 2
    chunks = [profile[i : i + _MAX_ICC_CHUNK] for i in range(0, len(profile), _MAX_ICC_CHUNK)]
    markers = b"".join(
        b"\xff\xe2" + (len(chunk) + 16).to_bytes(2, "big") + b"ICC_PROFILE\0" + bytes((n, len(chunks))) + chunk
        for n, chunk in enumerate(chunks, start=1)
    )
    return data[:after_header] + markers + data[after_header:]


def _round_half_up(x: np.ndarray) -> np.ndarray:
    """Integer decoders add a half and cut. Flat blocks make exact halves common, so the tie rule shows."""
    return np.floor(x + np.float32(0.5 + 1e-4))


def _round_upsampled(x: np.ndarray) -> np.ndarray:
    """libjpeg's fancy upsampling adds 8/16 on even columns and 7/16 on odd ones, so that ties go both ways."""
    bias = np.tile(np.array([8 / 16, 7 / 16], np.float32), x.shape[-1] // 2)
    return np.floor(x + bias + np.float32(1e-4))


def _blocks(pixels: int) -> int:
    return -(-pixels // 8)
