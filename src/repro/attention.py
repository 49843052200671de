"""Attention maps A^(L) and A^(C): what to keep of each DCT coefficient of each block. Eqs. 1 and 2, Figs. 3 and 4.

A convolutional network looks at the photo with an ImageNet trunk cut at stride 8, one feature vector a block; a 1×1
convolution turns each vector into 2 × 64 numbers and a sigmoid puts them between 0 and 1. A recurrent one reads the
DCT blocks themselves, row by row. Both return A of shape (B, 2, rows, cols, 8, 8): luma, then chroma for Cb and Cr.

A photo is encoded region by region (:func:`attend`), to the same maps in bounded memory: a trunk sees each tile with
all the pixels around it that its features can depend on. Only an LSTM reads the whole photo at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext

import torch
import torch.nn.functional as nnf
from torch import nn

from repro import weights
from repro.errors import UsageError
from repro.jpeg.blocks import SIDE
from repro.precision import full_precision
from repro.recurrent import read_side_by_side
from repro.regions import Part, Region, pixels, strips, tiles
from repro.stages import check_blocks, check_image, forward_dct, pad

#: How many convolutions each VGG has before its third max-pool, stage by stage.
_VGG_STAGES = {"vgg16": (2, 2, 3), "vgg19": (2, 2, 4)}
#: Which bottleneck of ResNet-152's ``layer2`` (conv3) ends the trunk; the paper counts from 1.
_RESNET_BLOCKS = {"resnet152-block1": 1, "resnet152-block7": 7}
#: How far (pixels, whole blocks) a trunk's feature looks beyond its own block, rounded up.
_REACH = {"vgg16": 24, "vgg19": 24, "resnet152-block1": 24, "resnet152-block7": 72}
#: In bfloat16 its gradient's cosine to that of 32 bits falls below 0.999 (benchmarks/accuracy.py): it stays in 32 bits.
_EXACT = "resnet152-block7"
_RECURRENT = {"lstm": False, "bilstm": True}

METHODS = ("tables", *_VGG_STAGES, *_RESNET_BLOCKS, *_RECURRENT)
CONVOLUTIONAL = (*_VGG_STAGES, *_RESNET_BLOCKS)
#: How a trunk is fed; see :func:`build`.
TRUNK_INPUTS = ("imagenet", "unit")


def build(
    method: str,
    *,
    pretrained: bool = True,
    minmax: bool = False,
    start: float = 0.0,
    trunk_input: str = "imagenet",
    keep_dc: bool = False,
) -> nn.Module | None:
    """The attention network of ``method``, or None for ``"tables"`` (no attention: A = 1).

    pretrained
        load the trunk's ImageNet weights (else random ones). Raises :class:`ReproError` where they are not at hand.
    minmax
        recurrent methods only: stretch each map to 0–1 over the picture (paper, section 6.8).
    start
        the head's first bias; 0 starts at A = 1/2 as the baseline does, 2 at A ≈ 0.88, which trains faster.
    trunk_input
        one of :data:`TRUNK_INPUTS`: "imagenet" is what the trunks were trained to see, "unit" what the baseline's
        program gives them, colours from 0 to 1 and no mean taken off.
    keep_dc
        convolutional methods only: A is 1 for DC, so that no block fades. No part of the paper.
    """
    if trunk_input not in TRUNK_INPUTS:
        raise UsageError(f"unknown trunk input {trunk_input!r}; choose from {', '.join(TRUNK_INPUTS)}")
    if method == "tables":
        return None
    if method in _RECURRENT:
        return RecurrentAttention(bidirectional=_RECURRENT[method], minmax=minmax)
    if method not in CONVOLUTIONAL:
        raise UsageError(f"unknown method {method!r}; choose from {', '.join(METHODS)}")
    if minmax:
        raise UsageError(f"min-max normalisation is for recurrent attention, not for {method!r}")
    return ConvolutionalAttention(method, pretrained=pretrained, start=start, trunk_input=trunk_input, keep_dc=keep_dc)


@torch.no_grad()
def attend(network: nn.Module | None, x: torch.Tensor) -> Iterator[Part]:
    """F and A of ``x`` (1, 1 or 3, H, W) on 0–255, of any type and size, region by region; what ``network`` says of
    the whole picture, None: no attention. A grey picture is looked at as RGB, but only its luma is given.
    """
    if isinstance(network, ConvolutionalAttention):
        for region, features in network.tiles(x):
            yield Part(region, forward_dct(pixels(x, region)), network.maps(features))
    elif isinstance(network, RecurrentAttention):
        whole = pad(x.float().expand(-1, 3, -1, -1))
        F = forward_dct(whole)
        yield Part(Region(0, whole.shape[-2], 0, whole.shape[-1]), F[:, : x.shape[1]], network(whole, F))
    else:
        for region in strips(x):
            yield Part(region, forward_dct(pixels(x, region)), None)


class ConvolutionalAttention(nn.Module):
    """Trunk, 1×1 convolution to 128 channels, sigmoid (paper, section 3.2 and Fig. 3; ResNet: section 5.2)."""

    def __init__(
        self,
        method: str,
        *,
        pretrained: bool = True,
        start: float = 0.0,
        trunk_input: str = "imagenet",
        keep_dc: bool = False,
    ) -> None:
        super().__init__()
        self.trunk_input, self.keep_dc = trunk_input, keep_dc
        self.trunk, channels = _vgg_trunk(method) if method in _VGG_STAGES else _resnet_trunk(method)
        self.reach, self.exact = _REACH[method], method == _EXACT
        self.source = "random"
        if pretrained:
            loaded = weights.load(method.split("-")[0])
            self.trunk.load_state_dict({k: loaded.state[k] for k in self.trunk.state_dict() if k in loaded.state})
            self.source = f"{loaded.source} (sha256 {loaded.sha256[:12]})"
        self.head = nn.Conv2d(channels, 2 * 64, kernel_size=1)
        nn.init.normal_(self.head.weight, std=0.01)
        with torch.no_grad():
            self.head.bias.fill_(start)  # type: ignore[union-attr]  # torch types a bias as optional
        self.to(memory_format=torch.channels_last)  # faster on processors, and one sum whatever the picture's size

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) RGB on 0–255, sides multiples of 8 → (B, channels, H/8, W/8). Batch norms stay as trained."""
        self.trunk.eval()
        with full_precision(x) if self.exact else nullcontext():
            return self.trunk(self.normalised(x) if self.trunk_input == "imagenet" else check_image(x) / 255)

    @staticmethod
    def normalised(x: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) RGB on 0–255 as every ImageNet trunk was trained to see it."""
        mean, std = (x.new_tensor(v).view(1, 3, 1, 1) * 255 for v in (weights.IMAGENET_MEAN, weights.IMAGENET_STD))
        return (check_image(x) - mean) / std

    def tiles(self, x: torch.Tensor) -> Iterator[tuple[Region, torch.Tensor]]:
        """Of ``x`` (1, 1 or 3, H, W) on 0–255, tile by tile: the region, and its features (1, channels, rows, cols)."""
        rgb = x.expand(-1, 3, -1, -1)
        for (top, bottom, left, right), window in tiles(x, self.reach):
            seen = self.features(pixels(rgb, window))
            rows = slice((top - window.top) // SIDE, (bottom - window.top) // SIDE)
            cols = slice((left - window.left) // SIDE, (right - window.left) // SIDE)
            yield Region(top, bottom, left, right), seen[:, :, rows, cols]

    def forward(self, x: torch.Tensor, F: torch.Tensor, features: torch.Tensor | None = None) -> torch.Tensor:
        """A in 0–1, shape (B, 2, H/8, W/8, 8, 8). ``features`` replaces the trunk's pass; ``F`` is not looked at."""
        return self.maps(self.features(x) if features is None else features)

    def maps(self, features: torch.Tensor, head: tuple[torch.Tensor, torch.Tensor] | None = None) -> torch.Tensor:
        """(B, channels, rows, cols) → A in 0–1, (B, 2, rows, cols, 8, 8).

        ``head``: weight (128, channels) and bias (128,), float32, instead of the network's own.
        """
        weight, bias = head or (self.head.weight.flatten(1), self.head.bias)
        with full_precision(features):  # A multiplies coefficients
            # as a product of matrices: the convolution is slow backward
            places = features.to(weight.dtype).permute(0, 2, 3, 1)
            logits = nnf.linear(places, weight, bias)
        batch, rows, cols, _ = logits.shape
        A = torch.sigmoid(logits).view(batch, rows, cols, 2, 64)
        if self.keep_dc:
            A = A.masked_fill(torch.arange(64, device=A.device) == 0, 1.0)
        return A.view(batch, rows, cols, 2, 8, 8).permute(0, 3, 1, 2, 4, 5)


class RecurrentAttention(nn.Module):
    """One LSTM reads the luma blocks in raster order, another the chroma blocks: 64 units each (section 5.3, Fig. 4).

    Where the paper is silent: an LSTM's output h lies in −1…1, so A = (1 + h)/2; two directions give 128 numbers,
    which a linear layer and a sigmoid bring back to 64; Cb and Cr run through the one chroma network and the two maps
    are averaged, as Eqs. 5 and 6 share A^(C). Coefficients are divided by 128 on the way in.
    """

    def __init__(self, *, bidirectional: bool, minmax: bool) -> None:
        super().__init__()
        self.minmax = minmax
        self.source = "random"
        self.luma, self.chroma = (nn.LSTM(64, 64, batch_first=True, bidirectional=bidirectional) for _ in range(2))
        self.merge = nn.ModuleList([nn.Linear(128, 64), nn.Linear(128, 64)]) if bidirectional else None

    def forward(self, x: torch.Tensor, F: torch.Tensor, features: torch.Tensor | None = None) -> torch.Tensor:
        """A in 0–1, shape (B, 2, rows, cols, 8, 8), from the coefficients ``F`` (B, 3, rows, cols, 8, 8) alone."""
        batch, _, rows, cols = check_blocks(F).shape[:4]
        sequences = (F.reshape(batch, 3, rows * cols, 64) / 128).unbind(1)
        # one network for each plane: an LSTM over two planes at once takes longer than over one and then the other
        outputs = read_side_by_side((self.luma, self.chroma, self.chroma), sequences)
        luma, cb, cr = (
            (1 + output) / 2 if self.merge is None else torch.sigmoid(self.merge[min(plane, 1)](output))
            for plane, output in enumerate(outputs)
        )
        maps = torch.stack([luma, (cb + cr) / 2], dim=1).view(batch, 2, rows, cols, 8, 8)
        if not self.minmax:
            return maps
        low, high = maps.amin((2, 3, 4, 5), keepdim=True), maps.amax((2, 3, 4, 5), keepdim=True)
        return (maps - low) / (high - low).clamp_min(1e-6)


def _vgg_trunk(method: str) -> tuple[nn.Module, int]:
    """VGG up to and with its third max-pool (stride 8, 256 channels), keys as torchvision's ``features.N``.

    The ReLU before a pool stands behind it, where it has a quarter of the work and gives the same: it never falls.
    """
    layers: list[nn.Module] = []
    channels = 3
    for stage, count in enumerate(_VGG_STAGES[method]):
        for _ in range(count):
            layers += [nn.Conv2d(channels, 64 << stage, 3, padding=1), nn.ReLU(inplace=True)]
            channels = 64 << stage
        layers.insert(-1, nn.MaxPool2d(2))
    trunk = nn.Sequential()
    trunk.add_module("features", nn.Sequential(*layers))
    return trunk, channels


def _resnet_trunk(method: str) -> tuple[nn.Module, int]:
    """ResNet-152 from ``conv1`` to a bottleneck of ``layer2`` (stride 8, 512 channels), keys as torchvision's."""
    from torchvision.models.resnet import Bottleneck, ResNet

    whole = ResNet(Bottleneck, [3, _RESNET_BLOCKS[method], 1, 1])
    trunk = nn.Sequential()
    for name in ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2"):
        trunk.add_module(name, getattr(whole, name))
    return trunk, 512
