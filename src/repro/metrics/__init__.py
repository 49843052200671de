"""How far a picture is from its original: MSE, PSNR, MS-SSIM, LPIPS and two artefacts, one number per image.

Every function takes two tensors (B, 3, H, W), float RGB on 0–255, and returns (B,). All are
differentiable; the loss (Eq. 8) uses :func:`ms_ssim` and :class:`LPIPS`. A shape, dtype
or range that does not fit raises ``ValueError`` which says what came.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from repro.jpeg.color import rgb_to_ycbcr
from repro.metrics.artefacts import blocking, mse_chroma
from repro.metrics.checks import check_pair
from repro.metrics.lpips import LPIPS, MIN_SIDE_LPIPS, lpips, lpips_on
from repro.metrics.ms_ssim import MIN_SIDE_MS_SSIM, ms_ssim

__all__ = [
    "LPIPS",
    "METRICS",
    "MIN_SIDE_LPIPS",
    "MIN_SIDE_MS_SSIM",
    "Metric",
    "blocking",
    "lpips",
    "lpips_on",
    "ms_ssim",
    "mse",
    "mse_chroma",
    "psnr",
    "psnr_y",
]


def mse(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Mean squared error over channels and pixels, on the 0–255 scale (Eq. 10)."""
    check_pair(x, y)
    return (x - y).square().flatten(1).mean(1)


def psnr(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Peak signal-to-noise ratio in dB over all three RGB channels; infinite for equal images."""
    return _decibels(mse(x, y))


def psnr_y(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Peak signal-to-noise ratio in dB of luma alone (JFIF's Y, full range, not rounded)."""
    check_pair(x, y)
    difference = rgb_to_ycbcr(x)[:, 0] - rgb_to_ycbcr(y)[:, 0]
    return _decibels(difference.square().flatten(1).mean(1))


Metric = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
#: name → (function, which direction is better, unit for an axis label)
METRICS: dict[str, tuple[Metric, str, str]] = {
    "mse": (mse, "lower", "MSE (0–255 scale)"),
    "psnr": (psnr, "higher", "PSNR (dB)"),
    "psnr_y": (psnr_y, "higher", "PSNR of luma (dB)"),
    "lpips": (lpips, "lower", "LPIPS (AlexNet)"),
    "ms_ssim": (ms_ssim, "higher", "MS-SSIM"),
    "mse_chroma": (mse_chroma, "lower", "MSE of Cb and Cr (0–255 scale)"),
    "blocking": (blocking, "lower", "excess of block edges (levels)"),
}


def _decibels(error: torch.Tensor) -> torch.Tensor:
    return 10 * torch.log10(255.0**2 / error)
