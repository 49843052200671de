"""Shape and range checks at the public boundaries: a wrong range makes metrics silently wrong."""

from __future__ import annotations

import torch

# Colour conversion and clipping are exact to a rounding error; this much over 0–255 is still the same picture.
SLACK = 0.5


def check_image(x: torch.Tensor, name: str = "x", channels: int = 3) -> torch.Tensor:
    """Return ``x`` if it is a float tensor (B, ``channels``, H, W), else raise ``ValueError`` that says what came."""
    if x.ndim != 4 or x.shape[1] != channels or 0 in x.shape:
        raise ValueError(f"{name}: expected shape (B, {channels}, H, W), got {tuple(x.shape)}")
    if not x.is_floating_point():
        raise ValueError(f"{name}: expected a float tensor on the 0–255 scale, got {x.dtype}")
    return x


def check_range(x: torch.Tensor, name: str = "x", low: float = 0.0, high: float = 255.0) -> torch.Tensor:
    """Return ``x`` if its values lie in [``low``, ``high``] (within half a level), else raise ``ValueError``."""
    least, most = (float(v) for v in torch.aminmax(x.detach()))
    if not (least >= low - SLACK and most <= high + SLACK):
        raise ValueError(f"{name}: expected values in {low:g}–{high:g}, got {least:.4g}–{most:.4g}")
    return x


def check_blocks(b: torch.Tensor, name: str = "blocks") -> torch.Tensor:
    """Return ``b`` if its shape is (B, C, rows, cols, 8, 8), else raise ``ValueError`` that says what came."""
    if b.ndim != 6 or b.shape[-2:] != (8, 8):
        raise ValueError(f"{name}: expected shape (B, C, rows, cols, 8, 8), got {tuple(b.shape)}")
    return b
