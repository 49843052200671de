"""Mean squared error, of RGB, of chroma or of blurred luma, and PSNR, which is the same in decibels.

For images x and y on 0–255 and n = 3HW values:

    MSE = Σ (x − y)² / n        PSNR = 10 log₁₀(255² / MSE)

Source: Eq. 10 of the paper.
"""

from __future__ import annotations

import torch
from scipy.ndimage import gaussian_filter

from repro.metrics.checks import check_pair
from repro.stages import rgb_to_ycbcr


def mse(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Mean squared error over channels and pixels: two (B, 3, H, W) → (B,)."""
    check_pair(x, y)
    return _mean_square(x - y)


def psnr(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Peak signal-to-noise ratio in dB over all three RGB channels; infinite for equal images."""
    return _decibels(mse(x, y))


def psnr_y(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Peak signal-to-noise ratio in dB of luma alone (JFIF's Y, full range, not rounded)."""
    check_pair(x, y)
    return _decibels(_mean_square(rgb_to_ycbcr(x)[:, 0] - rgb_to_ycbcr(y)[:, 0]))


def mse_chroma(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Mean squared error of JFIF's Cb and Cr (not rounded): how far colours are off."""
    check_pair(x, y)
    return _mean_square((rgb_to_ycbcr(x) - rgb_to_ycbcr(y))[:, 1:])


def mse_y_blurred(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Mean square of the luma error after a Gaussian blur with σ = 4 px: how far areas are off, not single pixels.

    The error is mirrored at the picture's edges. It passes no gradient.
    """
    check_pair(x, y)
    error = (rgb_to_ycbcr(x) - rgb_to_ycbcr(y))[:, 0].detach().double()
    blurred = gaussian_filter(error.cpu().numpy(), (0, 4, 4), mode="reflect")
    return torch.from_numpy(blurred).to(x).square().flatten(1).mean(1)


def _mean_square(difference: torch.Tensor) -> torch.Tensor:
    return difference.square().flatten(1).mean(1)


def _decibels(error: torch.Tensor) -> torch.Tensor:
    return 10 * torch.log10(255.0**2 / error)
