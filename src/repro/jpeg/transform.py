"""Samples to DCT coefficients in one pass: colour conversion, chroma subsampling, blocks and DCT, strip by strip.

The stages are those of :mod:`~repro.jpeg.color`, :mod:`~repro.jpeg.blocks` and :mod:`~repro.jpeg.dct`. Here they run on
a few rows at a time, which stay in the processor's cache, and no full plane is stored between stages.
"""

from __future__ import annotations

import numpy as np

from repro.compiled import compiled
from repro.jpeg.blocks import SIDE
from repro.jpeg.color import RGB_TO_YCBCR
from repro.jpeg.dct import dct_matrix
from repro.jpeg.tables import NATURAL
from repro.threads import in_parallel

#: Rows of units (MCUs) that one thread transforms at a time.
_UNITS = 16


def transform(
    samples: np.ndarray, subsampling: str, threads: int = 1, *, sharp_chroma: bool = True
) -> tuple[np.ndarray, ...]:
    """(H, W) grey or (H, W, 3) RGB on 0–255 → float32 (rows, cols, 64) for each component: F, in zigzag order.

    ``subsampling`` is ``"4:2:0"`` or ``"4:4:4"``. Chroma is halved as in :func:`repro.jpeg.blocks.subsample_sharply`,
    or without ``sharp_chroma`` as in :func:`~repro.jpeg.blocks.subsample` and libjpeg. The result does not depend on
    ``threads``.
    """
    height, width = samples.shape[:2]
    side = 2 if subsampling == "4:2:0" and samples.ndim == 3 else 1
    units = -(-height // (SIDE * side)), -(-width // (SIDE * side))  # each is the area of one chroma block
    luma = np.empty((-(-height // SIDE), -(-width // SIDE), 64), np.float32)
    F = (luma,) if samples.ndim == 2 else (luma, *np.empty((2, *units, 64), np.float32))
    matrix = RGB_TO_YCBCR.astype(np.float32) if samples.ndim == 3 else np.ones((1, 1), np.float32)
    channels = samples.reshape(height, width, -1)
    spans = [(top, min(top + _UNITS, units[0])) for top in range(0, units[0], _UNITS)]
    D = dct_matrix().astype(np.float32)

    def work(span: tuple[int, int]) -> None:
        first, last = span
        for i, plane in enumerate(F):
            if i and side == 2:
                _half_rows(channels, matrix[i], D, sharp_chroma, plane, first, last)
            else:
                times = side if i == 0 else 1
                _rows(channels, matrix[i], 0.0 if i else -128.0, D, plane, times * first, times * last)

    in_parallel(work, spans, threads)
    return F


@compiled(fastmath={"contract"})
def _rows(
    samples: np.ndarray, shares: np.ndarray, offset: float, D: np.ndarray, plane: np.ndarray, first: int, last: int
) -> None:
    """Fill block rows ``first`` up to ``last`` of ``plane`` (rows, cols, 64), as far as it has them.

    Each sample is the sum of the channels of ``samples`` (H, W, 1 or 3) times ``shares``, plus ``offset``. Edges are
    repeated, as in libjpeg. ``D`` is :func:`repro.jpeg.dct.dct_matrix`.
    """
    height, width, channels = samples.shape
    strip = np.empty((8, 8 * plane.shape[1]), np.float32)
    for row in range(first, min(last, plane.shape[0])):
        for y in range(8):
            pixels = samples[min(8 * row + y, height - 1)]
            for x in range(width):
                strip[y, x] = offset
            for i in range(channels):
                for x in range(width):
                    strip[y, x] += shares[i] * np.float32(pixels[x, i])
            for x in range(width, strip.shape[1]):
                strip[y, x] = strip[y, width - 1]
        _transform_strip(strip, D, plane[row])


@compiled(fastmath={"contract"})
def _half_rows(
    samples: np.ndarray, shares: np.ndarray, D: np.ndarray, sharp: bool, plane: np.ndarray, first: int, last: int
) -> None:
    """As :func:`_rows`, for samples at half resolution: means of 2 × 2 pixels, with ``sharp`` sharpened to compensate
    for the decoder's blur."""
    height, width, channels = samples.shape
    rows, cols = (height + 1) // 2, (width + 1) // 2
    strip = np.empty((8, 8 * plane.shape[1]), np.float32)
    mean = np.empty((10, 8 * plane.shape[1]), np.float32)  # with one row above the strip and one below it
    edged = np.empty(cols + 2, np.float32)
    for row in range(first, last):
        for y in range(10):
            at = min(max(8 * row + y - 1, 0), rows - 1)
            upper, lower = samples[2 * at], samples[min(2 * at + 1, height - 1)]
            for x in range(cols):
                mean[y, x] = 0
            for i in range(channels):
                quarter = shares[i] * np.float32(0.25)
                for x in range(width // 2):
                    four = (
                        np.float32(upper[2 * x, i])
                        + np.float32(upper[2 * x + 1, i])
                        + np.float32(lower[2 * x, i])
                        + np.float32(lower[2 * x + 1, i])
                    )
                    mean[y, x] += quarter * four
                if width % 2:
                    two = np.float32(upper[width - 1, i]) + np.float32(lower[width - 1, i])
                    mean[y, cols - 1] += 2 * quarter * two
            for x in range(cols, strip.shape[1]):
                mean[y, x] = mean[y, cols - 1]
        for y in range(8):
            below = 8 * row + y >= rows  # below the picture, whose last row is repeated
            for x in range(strip.shape[1]):
                strip[y, x] = strip[y - 1, x] if below else mean[y + 1, x]
            if sharp and not below:
                for x in range(cols):
                    edged[x + 1] = (mean[y, x] + 6 * mean[y + 1, x] + mean[y + 2, x]) * np.float32(0.125)
                edged[0], edged[cols + 1] = edged[1], edged[cols]
                for x in range(cols):
                    blurred = (edged[x] + 6 * edged[x + 1] + edged[x + 2]) * np.float32(0.125)
                    strip[y, x] = 2 * strip[y, x] - blurred
                for x in range(cols, strip.shape[1]):
                    strip[y, x] = strip[y, cols - 1]
        _transform_strip(strip, D, plane[row])


@compiled(fastmath={"contract"})
def _transform_strip(strip: np.ndarray, D: np.ndarray, blocks: np.ndarray) -> None:
    """(8, 8 · n) samples → ``blocks`` (n, 64), in zigzag order."""
    columns = np.zeros_like(strip)
    for v in range(8):
        for y in range(8):
            for x in range(strip.shape[1]):
                columns[v, x] += D[v, y] * strip[y, x]
    for col in range(len(blocks)):
        for v in range(8):
            for u in range(8):
                total = np.float32(0)
                for x in range(8):
                    total += D[u, x] * columns[v, 8 * col + x]
                blocks[col, NATURAL[8 * v + u]] = total
