"""Planes to 8×8 blocks and back, and chroma subsampling and upsampling as libjpeg does them."""

from __future__ import annotations

import numpy as np

SIDE = 8


def pad(plane: np.ndarray, multiple: int = SIDE) -> np.ndarray:
    """Pad (H, W, …) by repeating the last column and row until both sides are multiples of ``multiple``.

    libjpeg pads this way too: it costs few bits and causes less ringing than zeros would.
    """
    edges = [(0, -side % multiple) for side in plane.shape[:2]]
    return np.pad(plane, edges + [(0, 0)] * (plane.ndim - 2), mode="edge")


def to_blocks(plane: np.ndarray) -> np.ndarray:
    """(H, W) → (H/8, W/8, 8, 8). Raises ``ValueError`` unless both sides are multiples of 8; see :func:`pad`."""
    height, width = plane.shape
    if height % SIDE or width % SIDE:
        raise ValueError(f"to_blocks: sides must be multiples of 8, got {height}×{width}; pad the plane first")
    return plane.reshape(height // SIDE, SIDE, width // SIDE, SIDE).swapaxes(1, 2)


def from_blocks(blocks: np.ndarray) -> np.ndarray:
    """(rows, cols, 8, 8) → (8·rows, 8·cols), the inverse of :func:`to_blocks`."""
    rows, cols = blocks.shape[:2]
    return blocks.swapaxes(1, 2).reshape(rows * SIDE, cols * SIDE)


def subsample(plane: np.ndarray) -> np.ndarray:
    """(H, W, …) → (⌈H/2⌉, ⌈W/2⌉, …): the mean of each 2×2 pixels (4:2:0). An odd last row or column is repeated."""
    p = pad(plane, 2)
    return (p[::2, ::2] + p[::2, 1::2] + p[1::2, ::2] + p[1::2, 1::2]) / 4


def subsample_sharply(plane: np.ndarray) -> np.ndarray:
    """(H, W) → (⌈H/2⌉, ⌈W/2⌉): :func:`subsample`, then sharpen to compensate for the blur of :func:`upsample`.

    A decoder's triangle filter does not preserve the 2×2 means: those of its output are the file's, blurred by 1/8,
    6/8, 1/8 along each axis. The sharpening adds, once and in advance, what this blur takes away.
    """
    mean = subsample(plane)
    return 2 * mean - _blurred(_blurred(mean).T).T


def _blurred(plane: np.ndarray) -> np.ndarray:
    """Blur by 1/8, 6/8, 1/8 down the columns, with the edges repeated."""
    edged = np.pad(plane, ((1, 1), (0, 0)), mode="edge")
    return (edged[:-2] + 6 * plane + edged[2:]) / 8


def upsample(plane: np.ndarray) -> np.ndarray:
    """(H, W) → (2H, 2W) by libjpeg's “fancy” triangle filter: weights 3/4 and 1/4 on each axis, edges repeated."""
    return _doubled(_doubled(plane).T).T


def _doubled(plane: np.ndarray) -> np.ndarray:
    """Double the number of rows."""
    edged = np.pad(plane, ((1, 1), (0, 0)), mode="edge")
    near = 3 * plane
    rows = np.stack([near + edged[:-2], near + edged[2:]], axis=1) / 4
    return rows.reshape(2 * len(plane), -1)
