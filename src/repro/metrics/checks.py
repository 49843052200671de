"""What every metric requires of its images."""

from __future__ import annotations

import torch

from repro.errors import ReproError
from repro.stages import check_image, check_range


def check_pair(x: torch.Tensor, y: torch.Tensor) -> None:
    """Raise ``ValueError`` unless both are float RGB tensors (B, 3, H, W) on 0–255, of the same shape."""
    check_range(check_image(x, "first image"), "first image")
    check_range(check_image(y, "second image"), "second image")
    if x.shape != y.shape:
        raise ValueError(f"images must have the same shape, got {tuple(x.shape)} and {tuple(y.shape)}")


def check_side(x: torch.Tensor, least: int, why: str) -> None:
    """Raise :class:`ReproError` if a side is under ``least`` px; ``why`` is part of its message."""
    height, width = x.shape[-2:]
    if min(height, width) < least:
        raise ReproError(f"the picture is {width}×{height} px; {why} and needs at least {least} px a side")
