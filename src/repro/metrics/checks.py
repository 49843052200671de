"""What every metric requires of its images."""

from __future__ import annotations

from importlib.util import find_spec

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


def check_installed(metric: str, module: str, distribution: str) -> None:
    """The package that ``metric`` stands on, else a :class:`ReproError` with the line that installs it."""
    if find_spec(module) is None:
        raise ReproError(f"{metric}: not installed; run: pip install {distribution}")
