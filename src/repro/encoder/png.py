"""PNG: the one transparent colour of pictures without an alpha channel (tRNS), which Pillow compares at 8 bits.

Source: PNG 3rd edition, 11.2.1 (IHDR) and 11.3.1.1 (tRNS).
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

GREY, COLOUR = 0, 2


def key_mask(image: Image.Image, head: bytes, source: object) -> np.ndarray | None:
    """Where the decoded ``image``, whose file is ``source`` and begins with ``head``, is opaque; None: it has no such
    colour, or one that Pillow finds itself."""
    key = image.info.get("transparency")
    if len(head) < 26 or key is None:
        return None
    bits, kind = head[24], head[25]
    if kind == GREY:
        samples = np.asarray(image).astype(np.int64)
        scale = {1: 1, 2: 85, 4: 17}.get(bits, 1)  # Pillow scales the samples to 8 bits, but not the key
        return np.asarray(samples != key * scale)
    if kind == COLOUR and bits == 16:
        high, low = np.array(key) >> 8, np.array(key) & 255
        differs = (np.asarray(image) != high) | (_low_bytes(source) != low)
        return np.asarray(differs.any(axis=2))
    return None


def _low_bytes(source: object) -> np.ndarray:
    """The lower halves of 16-bit RGB samples, of which Pillow's picture has the upper ones: it takes the file for one
    of the other byte order."""
    assert isinstance(source, bytes | str | Path)
    with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as again:
        again.tile = [tile._replace(args="RGB;16L") for tile in again.tile]
        return np.asarray(again)
