"""How far a picture is from its original: MSE, PSNR, MS-SSIM and LPIPS, one number per image.

Every function takes two tensors (B, 3, H, W), float RGB on 0–255, and returns (B,). All are
differentiable; the loss (Eq. 8) uses :func:`ms_ssim` and :class:`LPIPS`. A shape, dtype
or range that does not fit raises ``ValueError`` which says what came.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import torch
import torch.nn.functional as F

from repro import weights
from repro.errors import ReproError
from repro.jpeg.checks import check_image, check_range
from repro.jpeg.color import rgb_to_ycbcr

#: Exponents of the five scales (Wang, Simoncelli, Bovik 2003), finest first.
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
#: SSIM's constants for values on 0–255: (0.01 · 255)² and (0.03 · 255)².
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
#: Smallest side that MS-SSIM takes: halved four times, 161 still holds one 11-px window.
MIN_SIDE_MS_SSIM = 161
#: Smallest side that AlexNet's strided convolutions and pools leave a pixel of.
MIN_SIDE_LPIPS = 31


def mse(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Mean squared error over channels and pixels, on the 0–255 scale (Eq. 10)."""
    _check_pair(x, y)
    return (x - y).square().flatten(1).mean(1)


def psnr(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Peak signal-to-noise ratio in dB over all three RGB channels; infinite for equal images."""
    return _decibels(mse(x, y))


def psnr_y(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Peak signal-to-noise ratio in dB of luma alone (JFIF's Y, full range, not rounded)."""
    _check_pair(x, y)
    difference = rgb_to_ycbcr(x)[:, 0] - rgb_to_ycbcr(y)[:, 0]
    return _decibels(difference.square().flatten(1).mean(1))


def ms_ssim(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Multi-scale structural similarity in [0, 1], 1 for equal images (Wang, Simoncelli, Bovik 2003).

    Agrees with TensorFlow's ``tf.image.ssim_multiscale(..., max_val=255)``, which the original code uses:
    five scales, an 11-px Gaussian window (sigma 1.5) at each, product over scales first, then mean over RGB.
    Where a scale's mean contrast term is negative it counts as 0 (and passes no gradient). Raises
    :class:`ReproError` for images with a side under 161 px.
    """
    _check_pair(x, y)
    _check_side(x, MIN_SIDE_MS_SSIM, "MS-SSIM halves the picture four times")
    product: torch.Tensor | float = 1.0
    with _full_precision(x):
        x, y = (of.float().contiguous(memory_format=torch.channels_last) for of in (x, y))
        for scale, weight in enumerate(SCALE_WEIGHTS):
            if scale > 0:
                x, y = _halve(x), _halve(y)
            similar = _similarity(x, y, with_luminance=scale == len(SCALE_WEIGHTS) - 1)
            product = product * _power(similar.mean((2, 3)), weight)
    assert isinstance(product, torch.Tensor)
    return product.mean(1)


def _similarity(x: torch.Tensor, y: torch.Tensor, *, with_luminance: bool) -> torch.Tensor:
    """SSIM's contrast and structure at each place of the window (with luminance: SSIM itself), (B, 3, H − 10, W − 10).

    The window's five moments come from two calls, so that a picture that needs no gradient costs no backward pass.
    """
    mean_x, square_x = _window(torch.cat([x, x * x], 1)).chunk(2, 1)
    mean_y, square_y, product = _window(torch.cat([y, y * y, x * y], 1)).chunk(3, 1)
    variances = square_x - mean_x * mean_x + square_y - mean_y * mean_y
    similar = (2 * (product - mean_x * mean_y) + _C2) / (variances + _C2)
    if with_luminance:
        similar = similar * (2 * mean_x * mean_y + _C1) / (mean_x * mean_x + mean_y * mean_y + _C1)
    return similar


def _window(maps: torch.Tensor) -> torch.Tensor:
    """Every channel under the 11-px Gaussian, (B, C, H, W) → (B, C, H − 10, W − 10).

    As one convolution for each axis with all channels in a group of their own, channels last: ten times as fast on a
    CPU as channel by channel.
    """
    from pytorch_msssim.ssim import _fspecial_gauss_1d

    channels = maps.shape[1]
    window = _fspecial_gauss_1d(11, 1.5).to(maps).flatten()
    down, across = (window.view(shape).repeat(channels, 1, 1, 1) for shape in ((1, 1, 11, 1), (1, 1, 1, 11)))
    return F.conv2d(F.conv2d(maps, down, groups=channels), across, groups=channels)


class LPIPS(torch.nn.Module):
    """Learned perceptual distance (Zhang et al. 2018): AlexNet, version 0.1, "lin"; 0 for equal images.

    Put it on a device once and call it with two images. To compare many pictures with one original, take
    :meth:`features` of each and then :meth:`distance`. Nothing in it trains; it stays in evaluation mode.

    The linear layers come with the ``lpips`` package, the convolutions from :func:`repro.weights.load`.
    """

    def __init__(self) -> None:
        super().__init__()
        import lpips as package

        # The constructor draws random weights, only to be overwritten: spare the caller's random numbers.
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # lpips calls torchvision by an old signature
            self.net = package.LPIPS(net="alex", pretrained=False, pnet_rand=True, verbose=False)
        trunk = weights.load("alexnet").state
        # "slice2.3.weight" is what torchvision calls "features.3.weight".
        names = self.net.net.state_dict()
        self.net.net.load_state_dict({name: trunk[f"features.{name.split('.', 1)[1]}"] for name in names})
        path = Path(package.__file__).parent / "weights" / "v0.1" / "alex.pth"
        linear = torch.load(path, map_location="cpu", weights_only=True)
        for i, layer in enumerate(self.net.lins):
            layer.load_state_dict({"model.1.weight": linear[f"lin{i}.model.1.weight"]})
        self.net.to(memory_format=torch.channels_last)
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> LPIPS:
        """Stay in evaluation mode whatever the parent module does: dropout would make a noisy distance."""
        return super().train(False)

    def features(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """(B, 3, H, W) on 0–255 → the five feature maps, each of unit length along channels."""
        check_range(check_image(x))
        _check_side(x, MIN_SIDE_LPIPS, "AlexNet shrinks it")
        with _full_precision(x):
            scaled = self.net.scaling_layer(x.float() / 127.5 - 1)
            maps = self.net.net(scaled.contiguous(memory_format=torch.channels_last))
            return tuple(f / (torch.linalg.vector_norm(f, dim=1, keepdim=True) + 1e-10) for f in maps)

    def distance(self, fx: tuple[torch.Tensor, ...], fy: tuple[torch.Tensor, ...]) -> torch.Tensor:
        """Two tuples of :meth:`features` → (B,). A batch of 1 on one side meets all of the other."""
        with _full_precision(fx[0]):
            found = []
            for layer, a, b in zip(self.net.lins, fx, fy, strict=True):
                # mean over places first: the linear layer then weighs 64 to 384 numbers, not as many maps
                found.append((a - b).square().mean((2, 3)) @ layer.model[1].weight.flatten())
            return torch.stack(found).sum(0)

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        _check_pair(x, y)
        return self.distance(self.features(x), self.features(y))


def lpips(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """LPIPS (AlexNet v0.1) of each pair, by one :class:`LPIPS` kept per device. Sides of 31 px or more."""
    return lpips_on(x.device)(x, y)


@lru_cache(maxsize=4)
@torch.inference_mode(False)  # whoever asks first, the cached network must serve training too
def lpips_on(device: torch.device) -> LPIPS:
    """The :class:`LPIPS` of ``device``, built once."""
    return LPIPS().to(device)


Metric = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
#: name → (function, which direction is better, unit for an axis label)
METRICS: dict[str, tuple[Metric, str, str]] = {
    "mse": (mse, "lower", "MSE (0–255 scale)"),
    "psnr": (psnr, "higher", "PSNR (dB)"),
    "psnr_y": (psnr_y, "higher", "PSNR of luma (dB)"),
    "lpips": (lpips, "lower", "LPIPS (AlexNet)"),
    "ms_ssim": (ms_ssim, "higher", "MS-SSIM"),
}


def _check_pair(x: torch.Tensor, y: torch.Tensor) -> None:
    check_range(check_image(x, "first image"), "first image")
    check_range(check_image(y, "second image"), "second image")
    if x.shape != y.shape:
        raise ValueError(f"images must have the same shape, got {tuple(x.shape)} and {tuple(y.shape)}")


def _check_side(x: torch.Tensor, least: int, why: str) -> None:
    height, width = x.shape[-2:]
    if min(height, width) < least:
        raise ReproError(f"the picture is {width}×{height} px; {why} and needs at least {least} px a side")


def _decibels(error: torch.Tensor) -> torch.Tensor:
    return 10 * torch.log10(255.0**2 / error)


def _halve(x: torch.Tensor) -> torch.Tensor:
    """2×2 means; an odd side is first made even by repeating its last line, as TensorFlow does."""
    height, width = x.shape[-2:]
    return F.avg_pool2d(F.pad(x, (0, width % 2, 0, height % 2), mode="replicate"), 2)


def _power(base: torch.Tensor, exponent: float) -> torch.Tensor:
    """max(base, 0) ** exponent with gradient 0, not NaN, where base ≤ 0."""
    positive = base > 0
    return torch.where(positive, torch.where(positive, base, 1.0) ** exponent, 0.0)


@contextmanager
def _full_precision(x: torch.Tensor) -> Iterator[None]:
    """No bf16 or TF32 in here: a variance is a small difference of large squares."""
    cudnn = torch.backends.cudnn
    before, cudnn.allow_tf32 = cudnn.allow_tf32, False
    try:
        with torch.autocast(x.device.type, enabled=False):
            yield
    finally:
        cudnn.allow_tf32 = before
