"""DISTS (Ding et al. 2020, arXiv:2004.07728), a metric of structure and texture that no loss contains.

With μ, σ² and σ(x, y) the means, variances and covariance of a channel's two maps, and the sum over the channels of the
images themselves and of five layers of VGG-16:

    DISTS = 1 − Σ [α (2 μx μy + c) / (μx² + μy² + c) + β (2 σ(x, y) + c) / (σx² + σy² + c)]

The first term compares textures, which may shift as long as they look the same; the second compares structure.

Network and weights are those of the package ``DISTS-pytorch``, the convolutions those of :func:`repro.weights.load`. No
loss here compares VGG-16's features, but VGG-16 guides the attention of some encoders, so this metric is not
independent of them.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace

import torch

from repro import weights
from repro.errors import needs_extra
from repro.metrics.checks import check_pair, check_side
from repro.precision import full_precision

#: Smallest side at which VGG-16's last maps have more than one place: the variance of a single one is zero.
MIN_SIDE_DISTS = 17


@torch.no_grad()
def dists(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """DISTS: two (B, 3, H, W) on 0–255 → (B,); 0 for equal images, at most about 1. It passes no gradient.

    Images are compared at full size. The authors fitted DISTS to photos with a shorter side of 256 px and shrink others
    to that first, but this would average away coding errors at single pixels.

    Raises :class:`ReproError` for sides under 17 px, or if the package or VGG-16's weights are missing.
    """
    check_pair(x, y)
    check_side(x, MIN_SIDE_DISTS, "VGG-16 shrinks it")
    with needs_extra("peers", "DISTS"):
        network = _network(x.device)
    # channels last: twice as fast on a CPU
    x, y = (image.float().div(255).contiguous(memory_format=torch.channels_last) for image in (x, y))
    with full_precision(x):
        return torch.atleast_1d(network(x, y))


@lru_cache(maxsize=4)
def _network(device: torch.device) -> torch.nn.Module:
    """The package's network with our copy of VGG-16; its constructor would download one."""
    from DISTS_pytorch import DISTS_pt as package
    from torchvision.models.vgg import cfgs, make_layers

    with torch.device("meta"):
        features = make_layers(cfgs["D"])
    state = weights.load("vgg16").state
    features.load_state_dict({key.removeprefix("features."): value for key, value in state.items()}, assign=True)
    torchvision = package.models
    package.models = SimpleNamespace(vgg16=lambda pretrained: SimpleNamespace(features=features))
    try:
        # It also draws random channel weights, overwritten below: keep the caller's random state.
        with torch.random.fork_rng(devices=[]):
            network: torch.nn.Module = package.DISTS(load_weights=False)
    finally:
        package.models = torchvision
    # Loaded here, as the package looks for this file in Python's installation folder.
    learned = torch.load(Path(package.__file__).with_name("weights.pt"), map_location="cpu", weights_only=True)
    network.requires_grad_(False)
    for name in ("alpha", "beta"):
        network.get_parameter(name).copy_(learned[name])
    network = network.to(device).eval()
    return network.to(memory_format=torch.channels_last)
