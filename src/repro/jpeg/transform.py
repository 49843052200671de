"""Samples to DCT coefficients in one go: colour, chroma at half resolution, blocks and DCT, strip by strip.

The stages are those of :mod:`~repro.jpeg.color`, :mod:`~repro.jpeg.blocks` and :mod:`~repro.jpeg.dct`. Here they run on
a few rows at a time, which stay in the processor's cache, so that no plane of the picture is stored between them.
"""

from __future__ import annotations

import numpy as np

from repro.compiled import compiled
from repro.jpeg.blocks import SIDE
from repro.jpeg.color import RGB_TO_YCBCR
from repro.jpeg.dct import dct_matrix
from repro.jpeg.tables import NATURAL
from repro.threads import in_parallel

#: Rows of units that one thread transforms at a time.
_UNITS = 16


def transform(samples: np.ndarray, subsampling: str, threads: int = 1) -> tuple[np.ndarray, ...]:
    """(H, W) grey or (H, W, 3) RGB on 0–255 → float32 (rows, cols, 64) for each component: F, in zigzag order.

    ``subsampling`` is ``"4:2:0"`` or ``"4:4:4"``. The result does not depend on ``threads``.
    """
    height, width = samples.shape[:2]
    side = 2 if subsampling == "4:2:0" and samples.ndim == 3 else 1
    units = -(-height // (SIDE * side)), -(-width // (SIDE * side))  # of what one block of chroma covers
    luma = np.empty((-(-height // SIDE), -(-width // SIDE), 64), np.float32)
    F = (luma,) if samples.ndim == 2 else (luma, *np.empty((2, *units, 64), np.float32))
    matrix = RGB_TO_YCBCR.astype(np.float32) if samples.ndim == 3 else np.ones((1, 1), np.float32)
    channels = samples.reshape(height, width, -1)
    spans = [(top, min(top + _UNITS, units[0])) for top in range(0, units[0], _UNITS)]
    D = dct_matrix().astype(np.float32)
    in_parallel(lambda span: _rows(channels, matrix, D, side, F, *span), spans, threads)
    return F


@compiled(fastmath={"contract"})
def _rows(
    samples: np.ndarray, matrix: np.ndarray, D: np.ndarray, side: int, F: tuple[np.ndarray, ...], first: int, last: int
) -> None:
    """Fill rows ``first``–``last`` of units, 8 · ``side`` pixels square, of the planes ``F`` (rows, cols, 64), zigzag.

    ``samples`` (H, W, 1 or 3) become planes by ``matrix``; where ``side`` is 2, all but the first are halved. The edge
    is repeated, as in libjpeg. ``D``: :func:`repro.jpeg.dct.dct_matrix`.
    """
    height, width, channels = samples.shape
    tall = 8 * side
    wide = (width + tall - 1) // tall * tall
    strip = np.empty((channels, tall, wide), np.float32)
    half, columns = np.empty((8, wide), np.float32), np.zeros((8, wide), np.float32)
    for unit in range(first, last):
        for y in range(tall):
            pixels = samples[min(unit * tall + y, height - 1)]
            for c in range(channels):
                centre = np.float32(0 if c > 0 else -128)
                for x in range(width):
                    strip[c, y, x] = centre
                for i in range(channels):
                    share = matrix[c, i]
                    for x in range(width):
                        strip[c, y, x] += share * np.float32(pixels[x, i])
            for x in range(width, wide):
                for c in range(channels):
                    strip[c, y, x] = strip[c, y, width - 1]
        for c in range(channels):
            plane, halved = F[c], c > 0 and side == 2
            for part in range(1 if c > 0 else side):
                row = unit if c > 0 else side * unit + part
                if row >= plane.shape[0]:
                    continue
                rows = strip[c, 8 * part : 8 * part + 8]
                if halved:
                    for y in range(8):
                        upper, lower = strip[c, 2 * y], strip[c, 2 * y + 1]
                        for x in range(wide // 2):
                            four = upper[2 * x] + upper[2 * x + 1] + lower[2 * x] + lower[2 * x + 1]
                            half[y, x] = four * np.float32(0.25)
                    rows = half
                for v in range(8):
                    for x in range(wide):
                        columns[v, x] = 0
                    for y in range(8):
                        for x in range(wide):
                            columns[v, x] += D[v, y] * rows[y, x]
                for col in range(plane.shape[1]):
                    block = plane[row, col]
                    for v in range(8):
                        for u in range(8):
                            total = np.float32(0)
                            for x in range(8):
                                total += D[u, x] * columns[v, 8 * col + x]
                            block[NATURAL[8 * v + u]] = total
