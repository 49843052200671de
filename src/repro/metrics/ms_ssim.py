"""MS-SSIM, from the difference δ = y − x: exact, symmetric, and half the work if x has been seen before.

    MS-SSIM = l₅^0.1333 · Π cs_j^w_j    over five scales j, each half the one before

with l luminance and cs contrast and structure, each the mean over places (at the fifth scale the mean of the product
l·cs, as in the authors' code). Let σ² be a variance under the Gaussian window, and σ(a, b) a covariance. With
y = x + δ, the term of contrast and structure is

    cs = (2 σ(x, y) + C₂) / (σ²(x) + σ²(y) + C₂) = 1 − σ²(δ) / (2 σ²(x) + 2 σ(x, δ) + σ²(δ) + C₂)

so the small number 1 − cs is computed from small numbers, and the moments of x do not depend on y. Likewise, luminance
is 1 − μ²(δ) / (μ²(x) + μ²(y) + C₁). Halving a picture is linear, so δ itself is halved for the coarser scales.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch.autograd.function import once_differentiable

from repro.metrics.checks import check_pair, check_side
from repro.precision import full_precision

#: Exponents of the five scales (Wang, Simoncelli, Bovik 2003), finest first.
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
#: SSIM's constants for values on 0–255: (0.01 · 255)² and (0.03 · 255)².
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
#: Smallest side that MS-SSIM takes: halved four times, 161 px still hold one 11-px window.
MIN_SIDE_MS_SSIM = 161
_WINDOW, _SIGMA = 11, 1.5


class ScaleStatistics(NamedTuple):
    """What one scale needs of the original x: its samples (1, 3B, H, W), and their mean under the window and
    2 σ²(x) + C₂, both (1, 3B, H − 10, W − 10). All planes of the batch are channels of one image, channels last: one
    convolution takes them all, ten times as fast on a CPU as plane by plane."""

    x: torch.Tensor
    mean: torch.Tensor
    floor: torch.Tensor


def ms_ssim(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Multi-scale structural similarity (Wang, Simoncelli, Bovik 2003): two (B, 3, H, W) on 0–255 → (B,) in [0, 1], 1
    for equal images.

    Agrees with TensorFlow's ``tf.image.ssim_multiscale(..., max_val=255)``, which the original code uses: five
    scales, an 11-px Gaussian window (sigma 1.5) at each, product over scales first, then mean over RGB. A scale's mean
    contrast term counts as 0 if it is negative (and passes no gradient). Differentiable in one of the two images.

    Raises :class:`ReproError` for a side under 161 px, and ``ValueError`` if both images require gradients.
    """
    check_pair(x, y)
    if x.requires_grad:
        if y.requires_grad:
            raise ValueError("ms_ssim: only one of the images can have a gradient; detach the original")
        x, y = y, x  # MS-SSIM is symmetric
    return ms_ssim_from_difference(reference_statistics(x), y.float() - x.float())


@torch.no_grad()
def reference_statistics(x: torch.Tensor) -> tuple[ScaleStatistics, ...]:
    """All that MS-SSIM needs of an original (B, 3, H, W) on 0–255, scale by scale.

    Raises :class:`ReproError` for a side under 161 px.
    """
    check_side(x, MIN_SIDE_MS_SSIM, "MS-SSIM halves it four times")
    scales = []
    with full_precision(x):
        x = _planes(x.float())
        for index in range(len(SCALE_WEIGHTS)):
            if index:
                x = _halve(x)
            mean = _window(x)
            variance = _window(x * x).addcmul_(mean, mean, value=-1)
            scales.append(ScaleStatistics(x, mean, variance.mul_(2).add_(_C2)))
    return tuple(scales)


def ms_ssim_from_difference(reference: tuple[ScaleStatistics, ...], d: torch.Tensor) -> torch.Tensor:
    """:func:`ms_ssim` (B,) of x + ``d`` (B, 3, H, W) and x; ``reference`` is :func:`reference_statistics` of x."""
    batch, channels = d.shape[:2]
    product: torch.Tensor | float = 1.0
    with full_precision(d):
        d = _planes(d)
        for index, (scale, weight) in enumerate(zip(reference, SCALE_WEIGHTS, strict=True)):
            if index:
                d = _halve(d)
            last = index == len(SCALE_WEIGHTS) - 1
            product = product * _power(1 - _Dissimilarity.apply(d, scale, last), weight)
    assert isinstance(product, torch.Tensor)
    return product.view(batch, channels).mean(1)


class _Dissimilarity(torch.autograd.Function):
    """(1, 3B, H, W) differences → (1, 3B), the mean over places of 1 − cs, or of 1 − cs · l with luminance.

    The derivative is written out: autograd's would take some forty passes over memory.
    """

    @staticmethod
    def forward(ctx: Any, d: torch.Tensor, scale: ScaleStatistics, with_luminance: bool) -> torch.Tensor:
        mean = _window(d)
        spread = _window(d * d).addcmul_(mean, mean, value=-1)
        along = _window(scale.x * d).addcmul_(scale.mean, mean, value=-1)
        whole = along.mul_(2).add_(scale.floor).add_(spread)
        found = spread.div_(whole)
        ctx.save_for_backward(d, scale.x, scale.mean, mean, whole, found)
        ctx.with_luminance = with_luminance
        if with_luminance:
            bright, _ = _luminance(scale.mean, mean)
            found = 1 - (1 - found) * bright
        return found.mean((2, 3))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        d, x, mean_x, mean, whole, unlike = ctx.saved_tensors
        # with u = 1 − cs: ∂u/∂σ²(δ) = (1 − u) / whole and ∂u/∂σ(x, δ) = −2 u / whole; twice both, halved at the end
        each = 2 * gradient[:, :, None, None] / (whole.shape[2] * whole.shape[3])
        scaled = each / whole
        if ctx.with_luminance:
            bright, slope = _luminance(mean_x, mean)
            scaled = scaled * bright
        along = scaled * unlike
        spread = scaled.sub_(along)
        through_mean = (spread * mean).addcmul_(along, mean_x, value=-1)
        if ctx.with_luminance:
            through_mean -= (unlike - 1) * each * slope / 2
        # The window is symmetric, so its transpose is the window itself on gradients with a border of zeros.
        border = _WINDOW - 1
        total = _window(spread, border).mul_(d).sub_(_window(through_mean, border))
        return total.addcmul_(_window(along, border), x, value=-1), None, None


def _luminance(mean_x: torch.Tensor, mean: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """SSIM's luminance term for means μ(x) and μ(x) + μ(δ), and its derivative with respect to μ(δ)."""
    mean_y = mean_x + mean
    whole = mean_x.square() + mean_y.square() + _C1
    share = mean.square() / whole
    return 1 - share, 2 * (share * mean_y - mean) / whole


def _planes(x: torch.Tensor) -> torch.Tensor:
    """(B, 3, H, W) → (1, 3B, H, W), channels last."""
    return x.reshape(1, -1, *x.shape[2:]).contiguous(memory_format=torch.channels_last)


def _window(maps: torch.Tensor, border: int = 0) -> torch.Tensor:
    """Filter every channel of (1, C, H, W), padded with ``border`` zeros on each side, with the Gaussian window."""
    channels = maps.shape[1]
    down, across = _weights(channels, maps.dtype, maps.device)
    found = F.conv2d(maps, down, padding=(border, 0), groups=channels)
    return F.conv2d(found, across, padding=(0, border), groups=channels)


@lru_cache(maxsize=32)
@torch.inference_mode(False)  # whoever calls first, the cached window must serve training too
def _weights(channels: int, dtype: torch.dtype, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """The window along the vertical and the horizontal axis, repeated for each channel."""
    from pytorch_msssim.ssim import _fspecial_gauss_1d

    window = _fspecial_gauss_1d(_WINDOW, _SIGMA).to(device, dtype).flatten()
    shapes = (1, 1, _WINDOW, 1), (1, 1, 1, _WINDOW)
    down, across = (window.view(shape).repeat(channels, 1, 1, 1) for shape in shapes)
    return down, across


def _halve(x: torch.Tensor) -> torch.Tensor:
    """2×2 means. An odd side is first made even by repeating its last line, as in TensorFlow."""
    height, width = x.shape[-2:]
    if height % 2 or width % 2:
        x = F.pad(x, (0, width % 2, 0, height % 2), mode="replicate")
    return F.avg_pool2d(x, 2)


def _power(base: torch.Tensor, exponent: float) -> torch.Tensor:
    """max(base, 0) ** exponent, with gradient 0 instead of NaN where base ≤ 0."""
    positive = base > 0
    return torch.where(positive, torch.where(positive, base, 1.0) ** exponent, 0.0)
