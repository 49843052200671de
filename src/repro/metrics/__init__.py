"""How far an image is from its original: one file per metric, one number per image.

Every metric takes two tensors (B, 3, H, W), the original first, float RGB on 0–255, and returns (B,). A shape, dtype or
range that does not fit raises ``ValueError``, whose message names it; an image that is too small raises
:class:`~repro.errors.ReproError`.

The paper's loss (Eq. 8) is made of MSE, LPIPS and MS-SSIM. The encoder beyond the paper learns from
:func:`ssimulacra2`, MSE and MS-SSIM. All of these are differentiable. No loss contains :func:`dists` or
:func:`butteraugli`. :func:`dists` decided one setting of the slowest effort, on tuning photos. :func:`butteraugli` is
held out altogether and only reported.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch

from repro.metrics.blocking import blocking
from repro.metrics.butteraugli import MIN_SIDE_BUTTERAUGLI, butteraugli, butteraugli_installed
from repro.metrics.dists import MIN_SIDE_DISTS, dists
from repro.metrics.lpips import LPIPS, MIN_SIDE_LPIPS, lpips, lpips_on
from repro.metrics.ms_ssim import MIN_SIDE_MS_SSIM, ms_ssim
from repro.metrics.mse import mse, mse_chroma, mse_y_blurred, psnr, psnr_y
from repro.metrics.ssimulacra2 import MIN_SIDE_SSIMULACRA2, ssimulacra2

__all__ = [
    "LPIPS",
    "METRICS",
    "MIN_SIDE_LPIPS",
    "Metric",
    "blocking",
    "butteraugli",
    "butteraugli_installed",
    "dists",
    "lpips",
    "lpips_on",
    "ms_ssim",
    "mse",
    "mse_chroma",
    "mse_y_blurred",
    "psnr",
    "psnr_y",
    "ssimulacra2",
]


class Metric(NamedTuple):
    """A metric's function, which direction is better ("lower" or "higher"), and the smallest side in px it takes."""

    function: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    better: str
    min_side: int = 1


#: Every metric by its name.
METRICS = {
    "mse": Metric(mse, "lower"),
    "psnr": Metric(psnr, "higher"),
    "psnr_y": Metric(psnr_y, "higher"),
    "lpips": Metric(lpips, "lower", MIN_SIDE_LPIPS),
    "ms_ssim": Metric(ms_ssim, "higher", MIN_SIDE_MS_SSIM),
    "mse_chroma": Metric(mse_chroma, "lower"),
    "blocking": Metric(blocking, "lower"),
    "ssimulacra2": Metric(ssimulacra2, "higher", MIN_SIDE_SSIMULACRA2),
    "dists": Metric(dists, "lower", MIN_SIDE_DISTS),
    "butteraugli": Metric(butteraugli, "lower", MIN_SIDE_BUTTERAUGLI),
    "mse_y_blurred": Metric(mse_y_blurred, "lower"),
}
