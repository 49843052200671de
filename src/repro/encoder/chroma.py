"""Decide how much of chroma's resolution a file keeps: half of it (4:2:0) or all (4:4:4).

At low rates half is a bargain. At high rates the error that it causes outweighs the bits that it saves, on coloured
text long before it does on faces. So this error is compared with what a bit is worth at the quality.
"""

from __future__ import annotations

import numpy as np

from repro.compiled import compiled
from repro.jpeg.color import RGB_TO_YCBCR, YCBCR_TO_RGB

HALF, FULL = "4:2:0", "4:4:4"
#: Chroma keeps its full resolution if half loses more than this many bits per pixel are worth. Chosen by SSIMULACRA 2
#: at equal bits, on tuning photos at eight qualities; anything from 2.3 to 6 does as well.
_BITS = 3.0


def subsampling_for(lost: float, lam: float) -> str:
    """Return ``"4:2:0"`` or ``"4:4:4"``, given the error ``lost`` of half-resolution chroma (:func:`lost_by_half`) and
    ``lam``, the squared error that one bit is worth."""
    return FULL if lost > _BITS * lam else HALF


def lost_by_half(samples: np.ndarray) -> float:
    """Return the error of half-resolution chroma for ``samples``, (H, W) or (H, W, 3) on 0–255: the mean squared error
    of R, G and B if every 2 × 2 pixels shared one chroma value.

    This is zero if every edge lies between two such squares, as in a picture enlarged to twice its size. But decoders
    interpolate, and thereby blur such edges as well: each then has two errors of a quarter of its step, while averaging
    across an edge gives two of a half. So the result is at least a quarter of the error with squares one pixel further.
    """
    if samples.ndim == 2:
        return 0.0
    for axis in (0, 1):
        if samples.shape[axis] == 1:
            samples = np.repeat(samples, 2, axis)
    height, width = samples.shape[:2]
    return max(_mean_spread(samples, 0, 0), _mean_spread(samples, int(height > 2), int(width > 2)) / 4)


def _mean_spread(samples: np.ndarray, top: int, left: int) -> float:
    worth = np.square(YCBCR_TO_RGB).mean(0)  # mean squared error of R, G and B per squared error in Y, Cb, Cr
    spread = _spread(samples, top, left, RGB_TO_YCBCR[1:].astype(np.float32), worth[1:].astype(np.float32))
    return spread / (4 * ((samples.shape[0] - top) // 2) * ((samples.shape[1] - left) // 2))


@compiled()
def _spread(samples: np.ndarray, top: int, left: int, matrix: np.ndarray, worth: np.ndarray) -> float:
    """Return Σ ``worth`` · (chroma − its mean over 2 × 2 pixels)², with chroma = ``matrix`` · RGB; the squares begin at
    row ``top`` and column ``left``."""
    total = 0.0
    for y in range(top, samples.shape[0] - 1, 2):
        upper, lower = samples[y], samples[y + 1]
        of_row = np.float32(0)
        for x in range(left, samples.shape[1] - 1, 2):
            for c in range(2):
                m, mean, squares = matrix[c], np.float32(0), np.float32(0)
                for pixel in (upper[x], upper[x + 1], lower[x], lower[x + 1]):
                    value = m[0] * np.float32(pixel[0]) + m[1] * np.float32(pixel[1]) + m[2] * np.float32(pixel[2])
                    mean += value / 4
                    squares += value * value
                of_row += worth[c] * (squares - 4 * mean * mean)
        total += float(of_row)
    return total
