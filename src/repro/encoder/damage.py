"""Detect files that lack their end or are damaged inside, as far as decoders notice."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from PIL import Image, ImageFile

from repro.jpeg.segments import EOI

_JPEG_END = bytes((0xFF, EOI))
_PNG_END = b"IEND\xaeB`\x82"  # PNG 3rd edition, 11.2.5
#: How libjpeg's warnings about damage begin; its other warnings are about kinds of files.
_WARNINGS = ("Corrupt", "Premature", "Inconsistent", "Invalid")
#: How many bytes are kept of what libtiff writes.
_MOST_TOLD = 4096


def ended(data: bytes) -> bytes | None:
    """Return the JPEG file ``data`` with the end marker that it lacks; None if it has one, if more is missing, or if it
    is no JPEG.

    A picture whose data are complete decodes to the same pixels whatever bits follow, except for the last few blocks.
    """
    if not data.startswith(b"\xff\xd8") or data.endswith(_JPEG_END):
        return None
    data = data.rstrip(b"\xff")  # half of an end marker
    bits = np.random.default_rng(0).integers(0, 255, len(data), np.uint8).tobytes()  # no 255, which begins a marker
    try:
        one, other = (_pixels(data + more + _JPEG_END) for more in (b"", bits))
    except Exception:  # decoders of broken files raise nearly anything
        return None
    return data + _JPEG_END if np.mean(one != other) < 0.01 else None


def of_jpeg(data: bytes) -> str | None:
    """Return libjpeg's warning about damage inside the JPEG file ``data``, after which it goes on decoding; None if
    there is none.

    Pillow decodes with libjpeg too, but ignores its warnings. Damage that leaves valid codes is not found.
    """
    import simplejpeg

    try:
        simplejpeg.decode_jpeg(data, "GRAY")
    except ValueError as error:
        what = str(error)
        return what.rpartition(": ")[2] if what.startswith(_WARNINGS) else None
    return None


def of_png(data: bytes) -> str | None:
    """Return what is missing from a PNG file whose pixels are there, or None. The pixels themselves have checksums."""
    return None if _PNG_END in data else "lacks the end of a PNG file, but the picture is there"


@contextmanager
def decoder_warnings(image: Image.Image) -> Iterator[list[str]]:
    """Yield a list that on exit holds the lines that libtiff wrote to standard error while it decoded ``image``: about
    damage, it only warns. The user does not see them, since they do not name the picture."""
    lines: list[str] = []
    tiles = image.tile if isinstance(image, ImageFile.ImageFile) else []
    if os.name == "nt" or sys.stderr is None or not (tiles and tiles[0].codec_name == "libtiff"):
        yield lines
        return
    sys.stderr.flush()
    terminal, (reads, writes) = os.dup(2), os.pipe()  # a temporary file would need a folder
    for end in (reads, writes):
        os.set_blocking(end, False)  # what a full pipe has no room for is lost
    os.dup2(writes, 2)
    os.close(writes)
    try:
        yield lines
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)
        with open(reads, "rb", buffering=0) as caught:
            lines += (caught.read(_MOST_TOLD) or b"").decode(errors="replace").splitlines()


def _pixels(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
        return np.asarray(image)
