"""What every metric requires of its images."""

from __future__ import annotations

import torch

from repro.errors import ReproError
from repro.stages import check_image, check_range


def check_pair(x: torch.Tensor, y: torch.Tensor) -> None:
    """Two float RGB tensors of one shape on 0–255, else ``ValueError``."""
    check_range(check_image(x, "first image"), "first image")
    check_range(check_image(y, "second image"), "second image")
    if x.shape != y.shape:
        raise ValueError(f"images must have the same shape, got {tuple(x.shape)} and {tuple(y.shape)}")


def check_side(x: torch.Tensor, least: int, why: str) -> None:
    """Sides of at least ``least`` px, else :class:`ReproError`."""
    height, width = x.shape[-2:]
    if min(height, width) < least:
        raise ReproError(f"the picture is {width}×{height} px; {why} and needs at least {least} px a side")
