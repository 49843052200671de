"""The picture that the census of formats writes in every kind of every format, and functions that all makers share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from skimage import data as photos

H, W = 48, 64
RGB = photos.astronaut()[:H, :W] / 255
GREY = RGB[..., 1]
ALPHA = np.tile(np.linspace(0.2, 1, W), (H, 1))
BLACK_WHITE = (GREY > 0.5).astype(int)
UNKNOWN = np.full((H, W), np.nan)  # equal to nothing: a file with it must be refused


@dataclass(frozen=True)
class Case:
    """A file. ``shown``: what it shows on white, (H, W) or (H, W, 3) on 0–1, sRGB; ``tolerance``: largest error of any
    sample, in levels of 255; ``rare``: whether it may be refused instead."""

    kind: str
    data: bytes
    shown: np.ndarray
    tolerance: float = 1.01
    rare: bool = False


def on_white(values: np.ndarray) -> np.ndarray:
    """``values`` with opacity :data:`ALPHA`, as seen on white."""
    alpha = ALPHA[..., None] if values.ndim == 3 else ALPHA
    return np.asarray(values * alpha + 1 - alpha)


def levels(values: np.ndarray, bits: int) -> np.ndarray:
    """0–1 → whole numbers 0 … 2^bits − 1."""
    return np.round(values * (2**bits - 1)).astype(np.int64)


def pack(samples: np.ndarray, bits: int, order: str = ">") -> bytes:
    """Rows of whole numbers, the high bit first, each padded to bytes; ``order``: the byte order of 16 or 32 bits."""
    rows = samples.reshape(len(samples), -1)
    if bits in (8, 16, 32):
        return rows.astype(f"{order}u{bits // 8}").tobytes()
    split = (rows[..., None] >> np.arange(bits - 1, -1, -1)) & 1
    return np.packbits(split.reshape(len(rows), -1).astype(np.uint8), axis=1).tobytes()


def ycbcr(rgb: np.ndarray, red: float = 0.299, blue: float = 0.114, full: bool = True) -> np.ndarray:
    """RGB on 0–1 → uint8 luma and chroma."""
    luma = rgb @ (red, 1 - red - blue, blue)
    cb, cr = (rgb[..., 2] - luma) / (2 - 2 * blue), (rgb[..., 0] - luma) / (2 - 2 * red)
    scale, base = ((255, 255, 255), (0, 128, 128)) if full else ((219, 224, 224), (16, 128, 128))
    return np.round(np.dstack([luma, cb, cr]) * scale + base).clip(0, 255).astype(np.uint8)


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIE L*a*b* (D50) of sRGB on 0–1, with Bradford adaptation (http://www.brucelindbloom.com)."""
    to_xyz = np.array(
        [[0.4360747, 0.3850649, 0.1430804], [0.2225045, 0.7168786, 0.0606169], [0.0139322, 0.0971045, 0.7141733]]
    )
    xyz = linear(rgb) @ to_xyz.T / (0.9642, 1, 0.8249)
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz * (29 / 6) ** 2 / 3 + 4 / 29)
    return np.dstack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])])


def linear(v: np.ndarray) -> np.ndarray:
    """sRGB samples on 0–1 → linear light."""
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def turned(upright: np.ndarray, orientation: int) -> np.ndarray:
    """The stored form of a picture that this EXIF orientation turns upright."""
    flipped = {2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1], 5: upright.swapaxes(0, 1)}
    flipped |= {6: np.rot90(upright), 7: upright[::-1, ::-1].swapaxes(0, 1), 8: np.rot90(upright, -1)}
    return flipped.get(orientation, upright)
