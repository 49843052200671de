"""Independent witnesses of quality: measures that nothing in this project was trained, tuned or chosen on.

An encoder that learned from MS-SSIM and LPIPS may please those two alone. The measures here take part in no loss and in
no stored result; :func:`witness` asks them afterwards, of a file and its original.

**SSIMULACRA 2** (version 2.1, Sneyers 2023, libjxl's ``tools/ssimulacra2.cc``) compares structure, edges gained and
edges lost at six scales of the XYB colour space, weighed to agree with opinions of compressed photos, those of CID22's
training part among them. Its colours, maps and weights are the package ``ssimulacra2``'s. The blur and the walk
through the scales are here, as the package's own are not libjxl's: it mirrors pictures at two of their edges where
libjxl sees zeros at all four, blurs with the Gaussian that libjxl approximates, and stops a scale early on small
pictures. That moves its score by up to 4 points on photos of 300 px a side or more and by 10 to 15 on ones of 200. What
is here agrees with libjxl's program to 0.2 points up to a score of 80 (``tests/goldens/ssimulacra2.json``); above, the
program, whose blur rounds to 32 bits at every step, may say up to a point less of smooth skies.

**DISTS** (Ding et al. 2020, arXiv:2004.07728) compares means and variances of VGG-16's features: a texture may move as
long as it stays the same texture. The network and its channels' weights are the package ``DISTS-pytorch``'s, the
convolutions :func:`repro.weights.load`'s. VGG-16 guides the attention of this project's encoders too, though
no loss compares its features: this witness is the less independent of the two.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch

from repro import weights
from repro.errors import ReproError, UsageError
from repro.evaluation.measure import to_tensor
from repro.jpeg.codestream import decode
from repro.precision import full_precision

#: Smallest side at which libjxl's program reaches all six scales; below, its weights meet scales not theirs.
MIN_SIDE_SSIMULACRA2 = 113
#: Smallest side that leaves VGG-16's last features more than one place; the variance of one is nought.
MIN_SIDE_DISTS = 17
#: name → smallest side in px, and import and distribution name of the package that it stands on
_NEEDS = {
    "ssimulacra2": (MIN_SIDE_SSIMULACRA2, "ssimulacra2", "ssimulacra2"),
    "dists": (MIN_SIDE_DISTS, "DISTS_pytorch", "DISTS-pytorch"),
}
_SIGMA = 1.5  # of SSIMULACRA 2's blur, in px


def witness(rgb: np.ndarray, data: bytes, names: Iterable[str] | None = None) -> dict[str, float | None]:
    """What the witnesses ``names`` (all of :data:`WITNESSES` if None) say of the JPEG file ``data``.

    ``rgb`` (H, W, 3) uint8 is the original; a grey file is shown as RGB. A value is ``None`` where the picture is too
    small for the witness, or its package is missing: then a ``UserWarning`` says how to install it.

    Raises :class:`UsageError` for an unknown name or an ``rgb`` of another form, :class:`ReproError` where ``data`` is
    not a JPEG file or not of the original's size, and where VGG-16's weights for DISTS are missing or damaged.
    """
    names = list(WITNESSES if names is None else names)
    unknown = [name for name in names if name not in WITNESSES]
    if unknown:
        raise UsageError(f"unknown witness {unknown[0]!r}; choose from {', '.join(WITNESSES)}")
    decoded = decode(data)
    _check_pair(rgb, decoded)
    values: dict[str, float | None] = dict.fromkeys(names)
    for name in names:
        missing = _not_installed(name)
        if missing:
            warnings.warn(missing, stacklevel=2)
        elif min(rgb.shape[:2]) >= _NEEDS[name][0]:
            values[name] = WITNESSES[name][0](rgb, decoded)
    return values


def ssimulacra2(rgb: np.ndarray, decoded: np.ndarray) -> float:
    """SSIMULACRA 2.1 of two (H, W, 3) uint8 sRGB pictures, sides of 113 px or more; not symmetric.

    100 for equal pictures; by its author 90 is not told apart in a flicker test, 70 is high quality, 50 medium (about
    libjpeg's 4:2:0 at quality 35), 30 low; there is no lower limit.

    Raises :class:`UsageError` for other forms, :class:`ReproError` for unequal or too small pictures or without the
    package.
    """
    _check("ssimulacra2", rgb, decoded)
    from ssimulacra2 import ssimulacra2 as package

    linear = [package.srgb_to_linear(picture) for picture in (rgb, decoded)]
    whole = package.Msssim()
    for scale in range(package.kNumScales):
        if scale:
            linear = [package.downsample(picture, 2, 2) for picture in linear]
        # the package's XYB has columns for rows, which the blur and the means over all places do not notice
        x, y = (package.make_positive_xyb(package.linear_rgb_to_xyb(picture)) for picture in linear)
        mean_x, mean_y = _blur(x), _blur(y)
        here = package.MsssimScale()
        here.avg_ssim = package.ssim_map(mean_x, mean_y, _blur(x * x), _blur(y * y), _blur(x * y))
        here.avg_edgediff = package.edge_diff_map(x, mean_x, y, mean_y)
        whole.scales.append(here)
    return float(whole.score())


def dists(rgb: np.ndarray, decoded: np.ndarray) -> float:
    """DISTS of two (H, W, 3) uint8 pictures, sides of 17 px or more: 0 for equal ones, at most about 1.

    At full size, as the package's network takes them. Its authors fitted it to photos whose shorter side is 256 px
    and shrink others to that before they compare; coding errors at single pixels would then be averaged away.

    Raises :class:`UsageError` for other forms, :class:`ReproError` for unequal or too small pictures, without the
    package or without VGG-16's weights.
    """
    _check("dists", rgb, decoded)
    # channels last: twice as fast on a processor
    x, y = (to_tensor(p, "cpu").div(255).contiguous(memory_format=torch.channels_last) for p in (rgb, decoded))
    with torch.no_grad(), full_precision(x):
        return float(_dists_network()(x, y))


#: name → (function of the original and the decoded picture, which direction is better, words for an axis label)
WITNESSES: dict[str, tuple[Callable[[np.ndarray, np.ndarray], float], str, str]] = {
    "ssimulacra2": (ssimulacra2, "higher", "SSIMULACRA 2"),
    "dists": (dists, "lower", "DISTS (VGG-16)"),
}


def _check(name: str, rgb: np.ndarray, decoded: np.ndarray) -> None:
    """A pair that the witness ``name`` takes, and its package installed, or else an error."""
    _check_pair(rgb, decoded)
    missing = _not_installed(name)
    if missing:
        raise ReproError(missing)
    (height, width), least = rgb.shape[:2], _NEEDS[name][0]
    if min(height, width) < least:
        raise ReproError(f"the picture is {width}×{height} px; {name} needs at least {least} px a side")


def _check_pair(rgb: np.ndarray, decoded: np.ndarray) -> None:
    for what, picture in (("original", rgb), ("decoded picture", decoded)):
        if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8 or 0 in picture.shape:
            raise UsageError(f"{what}: expected (H, W, 3) uint8, got {picture.shape} {picture.dtype}")
    if decoded.shape != rgb.shape:
        (h, w), (height, width) = decoded.shape[:2], rgb.shape[:2]
        raise ReproError(f"the file shows {w}×{h} px, the original has {width}×{height}; compare equal sizes")


def _not_installed(name: str) -> str:
    """What is missing and the line that installs it; empty if nothing is."""
    _, module, distribution = _NEEDS[name]
    return "" if find_spec(module) else f"{name}: not installed; run: pip install {distribution}"


def _blur(planes: np.ndarray) -> np.ndarray:
    """libjxl's blur of (H, W, 3), with zeros beyond all edges."""
    from scipy.ndimage import correlate1d

    return np.asarray(correlate1d(correlate1d(planes, _kernel(), 0, mode="constant"), _kernel(), 1, mode="constant"))


@lru_cache(maxsize=1)
def _kernel() -> np.ndarray:
    """libjxl's stand-in for a Gaussian, (9,): three cosines that reach zero together, five pixels from the middle.

    Of all such kernels of sum 1 and variance σ² the one whose cosines' amplitudes are nearest to the Gaussian's.
    Charalampidis, "Recursive Implementation of the Gaussian Filter Using Truncated Cosine Functions", 2016.
    """
    radius = round(3.2795 * _SIGMA + 0.2546)  # Eq. 57
    places = np.arange(1 - radius, radius)
    frequencies = np.array([1, 3, 5]) * np.pi / (2 * radius)
    cosines = np.cos(np.outer(frequencies, places))
    gaussian = np.exp(-((_SIGMA * frequencies) ** 2) / 2) / radius
    moments = np.stack([cosines.sum(1), cosines @ places**2])
    lacking = np.array([1, _SIGMA**2]) - moments @ gaussian
    return np.asarray((gaussian + np.linalg.pinv(moments) @ lacking) @ cosines)


@lru_cache(maxsize=1)
def _dists_network() -> torch.nn.Module:
    """The package's network with our copy of VGG-16: its constructor would download one."""
    from DISTS_pytorch import DISTS_pt as package
    from torchvision.models.vgg import cfgs, make_layers

    with torch.device("meta"):
        features = make_layers(cfgs["D"])
    state = weights.load("vgg16").state
    features.load_state_dict({key.removeprefix("features."): value for key, value in state.items()}, assign=True)
    torchvision = package.models
    package.models = SimpleNamespace(vgg16=lambda pretrained: SimpleNamespace(features=features))
    try:
        # It also draws channel weights, only to be overwritten: spare the caller's random numbers.
        with torch.random.fork_rng(devices=[]):
            network: torch.nn.Module = package.DISTS(load_weights=False)
    finally:
        package.models = torchvision
    # By hand: it would look for this file in Python's own folder.
    learned = torch.load(Path(package.__file__).with_name("weights.pt"), map_location="cpu", weights_only=True)
    network.requires_grad_(False)
    for name in ("alpha", "beta"):
        network.get_parameter(name).copy_(learned[name])
    return network.to(memory_format=torch.channels_last).eval()
