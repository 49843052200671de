"""PNG: where Pillow's reduction from 16 bits to 8 matters: the one transparent colour of pictures without an alpha
channel (tRNS), and samples that are proportional to light.

Source: PNG 3rd edition, 11.2.1 (IHDR) and 11.3.1.1 (tRNS).
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

GREY, COLOUR = 0, 2


def key_mask(image: Image.Image, data: bytes) -> np.ndarray | None:
    """Return where the decoded ``image``, whose file is ``data``, is opaque, as bool (H, W). None if it has no
    transparent colour, or one that Pillow handles itself."""
    key = image.info.get("transparency")
    if len(data) < 26 or key is None:
        return None
    bits, kind = data[24], data[25]
    if kind == GREY:
        samples = np.asarray(image).astype(np.int64)
        scale = {1: 1, 2: 85, 4: 17}.get(bits, 1)  # Pillow scales the samples to 8 bits, but not the key
        return np.asarray(samples != key * scale)
    deep = deep_samples(image, data) if kind == COLOUR else None
    return None if deep is None else np.asarray((deep != key).any(axis=2))


def deep_samples(image: Image.Image, data: bytes) -> np.ndarray | None:
    """Return the decoded ``image``'s 16-bit samples, uint16 (H, W), (H, W, 3) or (H, W, 4). None if it has fewer bits,
    or grey and alpha."""
    if data[24:25] != b"\x10" or image.mode == "LA":
        return None
    if image.mode not in ("RGB", "RGBA"):
        return np.asarray(image).astype(np.uint16)
    with Image.open(io.BytesIO(data)) as again:  # Pillow keeps upper bytes: in the other order, the lower ones
        again.tile = [tile._replace(args=f"{image.mode};16L") for tile in again.tile]
        return np.asarray(image).astype(np.uint16) << 8 | np.asarray(again)
