"""JPEG files that lack their end or are damaged inside, and those whose gain map is left behind."""

from __future__ import annotations

import io
import os
import sys

import numpy as np
from PIL import Image, ImageFile

from repro.jpeg.segments import SOS, segments

END = b"\xff\xd9"  # ITU-T T.81, table B.1: EOI


def ended(data: bytes) -> bytes | None:
    """The JPEG file ``data`` with the end that it lacks; None: more than that is missing.

    Whatever bits follow, a picture whose data are all there decodes to the same pixels, but for the last few blocks.
    """
    if not data.startswith(b"\xff\xd8"):
        return None
    data = data.rstrip(b"\xff")  # half of the end
    bits = (
        np.random.default_rng(0).integers(0, 255, len(data), np.uint8).tobytes()
    )  # without 255, which begins a marker
    try:
        one, other = (_pixels(data + more + END) for more in (b"", bits))
    except Exception:  # decoders of broken files raise nearly anything
        return None
    return data + END if np.mean(one != other) < 0.01 else None


def seems_damaged(data: bytes, pixels: np.ndarray) -> bool:
    """Whether the JPEG file ``data``, which decodes to ``pixels``, has data to spare or too few.

    libjpeg goes on after damage, and rarely ends with the last bit: in a sound file the last bytes matter, and what is
    put after them does not. Damage that leaves as many bits is not found.
    """
    scan = next((segment for segment in segments(data) if segment.marker == SOS), None)
    if scan is None:
        return False
    end = data.find(END, scan.start)
    bits = np.random.default_rng(0).integers(0, 255, 64, np.uint8).tobytes()
    try:
        starved = not np.array_equal(_pixels(data[:end] + bits + END), pixels)
        return starved or np.array_equal(_pixels(data[: end - 6] + bits[:6] + END), pixels)
    except Exception:  # the last bytes held more than samples
        return False


def libtiff_complains(image: Image.Image) -> bool:
    """Decode ``image``; whether libtiff found damage, which it prints to standard error before it goes on.

    What it prints is kept from the user, who could not tell which picture is meant.
    """
    tiles = image.tile if isinstance(image, ImageFile.ImageFile) else []
    if os.name == "nt" or sys.stderr is None or not (tiles and tiles[0].codec_name == "libtiff"):
        image.load()
        return False
    sys.stderr.flush()
    shown, (reads, writes) = os.dup(2), os.pipe()
    try:
        os.set_blocking(reads, False)
        os.set_blocking(writes, False)  # what it has no room for is lost
        os.dup2(writes, 2)
        try:
            image.load()
        finally:
            os.dup2(shown, 2)
        return bool(os.read(reads, 1))
    except BlockingIOError:
        return False
    finally:
        for number in (shown, reads, writes):
            os.close(number)


def has_gain_map(head: bytes) -> bool:
    """Whether a JPEG that begins with ``head`` says that an HDR gain map follows (Ultra HDR, ISO 21496-1)."""
    return b"hdrgm:Version" in head or b"urn:iso:std:iso:ts:21496" in head or b"HDRGainMap" in head


def _pixels(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
        return np.asarray(image)
