"""Pictures to 8×8 blocks and back, and chroma at half resolution as libjpeg makes and undoes it."""

from __future__ import annotations

import torch
import torch.nn.functional as nnf

from repro.jpeg.checks import check_blocks

SIDE = 8


def pad(x: torch.Tensor, multiple: int = SIDE) -> torch.Tensor:
    """(B, C, H, W) → the same, its last column and row repeated until both sides are multiples of ``multiple``.

    Repeating the edge is what libjpeg does: it costs few bits and rings less than zeros would.
    """
    height, width = x.shape[-2:]
    bottom, right = -height % multiple, -width % multiple
    if not bottom and not right:
        return x
    return nnf.pad(x, (0, right, 0, bottom), mode="replicate")


def to_blocks(x: torch.Tensor) -> torch.Tensor:
    """(B, C, H, W) → (B, C, H/8, W/8, 8, 8). Sides must be multiples of 8: :func:`pad` first."""
    batch, channels, height, width = x.shape
    if height % SIDE or width % SIDE:
        raise ValueError(f"to_blocks: sides must be multiples of 8, got {height}×{width}; pad the image first")
    return x.reshape(batch, channels, height // SIDE, SIDE, width // SIDE, SIDE).transpose(3, 4)


def from_blocks(blocks: torch.Tensor) -> torch.Tensor:
    """(B, C, rows, cols, 8, 8) → (B, C, 8·rows, 8·cols), the inverse of :func:`to_blocks`."""
    batch, channels, rows, cols = check_blocks(blocks).shape[:4]
    return blocks.transpose(3, 4).reshape(batch, channels, rows * SIDE, cols * SIDE)


def subsample(x: torch.Tensor) -> torch.Tensor:
    """(B, C, H, W) → (B, C, ⌈H/2⌉, ⌈W/2⌉): the mean of each 2×2, an odd last row or column repeated (4:2:0)."""
    return nnf.avg_pool2d(pad(x, 2), 2)


def upsample(x: torch.Tensor) -> torch.Tensor:
    """(B, C, H, W) → (B, C, 2H, 2W) with libjpeg's “fancy” triangle filter, weights 3/4 and 1/4 on each axis.

    Bilinear interpolation between pixel centres has exactly these weights, and repeats the edge as libjpeg does.
    """
    return nnf.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
