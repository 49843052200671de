"""SSIMULACRA 2.1 in differentiable PyTorch. :mod:`repro.ssimulacra2` says what it is and has its source and constants.

As there, everything is written in the difference δ = y − x, so that gradients are exact where pictures are alike. With
σ² a variance and σ a covariance under the blur, SSIM's term of contrast and structure gives

    1 − cs = σ²(δ) / (2 σ²(x) + 2 σ(x, δ) + σ²(δ) + C₂)
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F

from repro.metrics.checks import check_pair
from repro.precision import full_precision
from repro.ssimulacra2 import (
    BIAS,
    C2,
    CUBIC,
    FACTOR,
    KERNEL,
    MIN_SIDE,
    OPSIN,
    POWER,
    REACH,
    SCALES,
    WEIGHTS,
    check_side,
)

MIN_SIDE_SSIMULACRA2 = MIN_SIDE
#: Keeps the slopes of roots finite at zero, where pictures are equal.
_TINY = 1e-36


def ssimulacra2(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """SSIMULACRA 2.1 of ``y`` against the original ``x``: two (B, 3, H, W) sRGB on 0–255 → (B,). Not symmetric.

    100 for equal images, without a lower limit. Differentiable in ``y``. Raises :class:`ReproError` for sides under
    113 px.
    """
    check_pair(x, y)
    return Ssimulacra2(x).score(y)


class _Scale(NamedTuple):
    """What a scale needs of the original, each (B, 3, H, W): XYB, its mean under the blur, its difference from that
    mean, and 2 σ²(x) + C₂."""

    xyb: torch.Tensor
    mean: torch.Tensor
    detail: torch.Tensor
    floor: torch.Tensor


class Ssimulacra2:
    """SSIMULACRA 2.1 against one original ``x`` (B, 3, H, W), float sRGB on 0–255, whose maps are computed once.

    Raises :class:`ReproError` for sides under 113 px.
    """

    @torch.no_grad()
    def __init__(self, x: torch.Tensor) -> None:
        check_side(*x.shape[-2:])
        self._scales = []
        with full_precision(x):
            for xyb in _xyb_scales(x):
                mean = _blur(xyb)
                self._scales.append(_Scale(xyb, mean, xyb - mean, 2 * (_blur(xyb * xyb) - mean * mean) + C2))

    def raw(self, y: torch.Tensor) -> torch.Tensor:
        """(B,) weighted sum of all maps of ``y``, shaped as the original: 0 for equal images, larger for larger errors.

        Learn from this rather than from the score: it is nearly proportional to errors, while the score is steepest at
        equality."""
        total = y.new_zeros(len(y))
        with full_precision(y):
            for index, (scale, xyb) in enumerate(zip(self._scales, _xyb_scales(y), strict=True)):
                weights = torch.from_numpy(WEIGHTS[:, index].copy()).to(y)
                for which, values in enumerate(_maps(scale, xyb - scale.xyb)):
                    mean = values.mean((2, 3))
                    norm = (values.pow(4).mean((2, 3)) + _TINY).pow(0.25) - _TINY**0.25
                    total = total + mean @ weights[:, 0, which] + norm @ weights[:, 1, which]
        return total

    def score(self, y: torch.Tensor) -> torch.Tensor:
        """(B,) SSIMULACRA 2 of ``y``, shaped as the original."""
        s = FACTOR * self.raw(y)
        t = CUBIC[0] * s + CUBIC[1] * s**2 + CUBIC[2] * s**3
        return 100 - 10 * (t.clamp_min(0) + _TINY) ** POWER


def _maps(x: _Scale, d: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Maps of lost structure, gained edges and lost edges, each (B, 3, H, W), of a picture with XYB ``x`` + ``d``."""
    shift = _blur(d)
    spread = _blur(d * d) - shift * shift
    along = _blur(x.xyb * d) - x.mean * shift
    unlike = spread / (x.floor + 2 * along + spread)
    structure = (unlike + shift * shift * (1 - unlike)).clamp_min(0)
    before = x.detail.abs()
    edge = ((x.detail + d - shift).abs() - before) / (1 + before)
    return structure, edge.clamp_min(0), (-edge).clamp_min(0)


def _xyb_scales(rgb: torch.Tensor) -> list[torch.Tensor]:
    """(B, 3, H, W) sRGB on 0–255 → X, Y and B − Y at each scale, scaled and shifted as in the metric.

    They are channels last, which makes the blur twice as fast.
    """
    linear = _linear(rgb.contiguous(memory_format=torch.channels_last) / 255)
    scales = []
    for scale in range(SCALES):
        if scale:
            linear = F.avg_pool2d(linear, 2, ceil_mode=True, count_include_pad=False)
        scales.append(_xyb(linear))
    return scales


def _linear(v: torch.Tensor) -> torch.Tensor:
    return torch.where(v <= 0.04045, v / 12.92, ((v.clamp_min(0.04045) + 0.055) / 1.055) ** 2.4)


def _xyb(linear: torch.Tensor) -> torch.Tensor:
    mixed = torch.einsum("ij,bjhw->bihw", torch.from_numpy(OPSIN.copy()).to(linear), linear) + BIAS
    long, middle, short = (mixed.clamp_min(1e-9) ** (1 / 3) - BIAS ** (1 / 3)).unbind(1)
    y = (long + middle) / 2
    stacked = torch.stack([7 * (long - middle) + 0.42, y + 0.01, short - y + 0.55], 1)
    return stacked.contiguous(memory_format=torch.channels_last)


def _blur(planes: torch.Tensor) -> torch.Tensor:
    """Blur every plane of (B, 3, H, W) with the metric's kernel, with zeros beyond the edges."""
    kernel = torch.from_numpy(KERNEL.copy()).to(planes)
    down = F.conv2d(planes, kernel.view(1, 1, -1, 1).expand(3, 1, -1, 1), padding=(REACH, 0), groups=3)
    return F.conv2d(down, kernel.view(1, 1, 1, -1).expand(3, 1, 1, -1), padding=(0, REACH), groups=3)
