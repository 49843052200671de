"""JPEG files that lack their end, and those whose gain map is left behind."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

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


def has_gain_map(head: bytes) -> bool:
    """Whether a JPEG that begins with ``head`` says that an HDR gain map follows (Ultra HDR, ISO 21496-1)."""
    return b"hdrgm:Version" in head or b"urn:iso:std:iso:ts:21496" in head or b"HDRGainMap" in head


def _pixels(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
        return np.asarray(image)
