"""Attention maps A^(L) and A^(C): how much to keep of each DCT coefficient of each block. Eqs. 1 and 2, Figs. 3 and 4.

A convolutional network runs an ImageNet trunk, cut at stride 8, over the photo: one feature vector per block. A 1×1
convolution turns each vector into 2 × 64 numbers, and a sigmoid maps them to 0–1. A recurrent network reads the DCT
blocks themselves, row by row. Both return A of shape (B, 2, rows, cols, 8, 8): luma, then one map for Cb and Cr.

A photo is encoded region by region (:func:`attend`), which gives the same maps in bounded memory: a trunk sees each
tile with all the pixels around it that its features can depend on. Only an LSTM reads the whole photo at once.
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

#: Convolutions of each VGG in each of the stages before its third max-pool.
_VGG_STAGES = {"vgg16": (2, 2, 3), "vgg19": (2, 2, 4)}
#: Which bottleneck of ResNet-152's ``layer2`` (conv3) ends the trunk; the paper counts from 1.
_RESNET_BLOCKS = {"resnet152-block1": 1, "resnet152-block7": 7}
#: How many pixels beyond its own block a trunk's feature depends on, rounded up to whole blocks.
_REACH = {"vgg16": 24, "vgg19": 24, "resnet152-block1": 24, "resnet152-block7": 72}
#: Kept in 32 bits: in bfloat16, its gradient's cosine with the 32-bit one falls below 0.999 (benchmarks/accuracy.py).
_EXACT = "resnet152-block7"
_RECURRENT = {"lstm": False, "bilstm": True}

METHODS = ("tables", *_VGG_STAGES, *_RESNET_BLOCKS, *_RECURRENT)
CONVOLUTIONAL = (*_VGG_STAGES, *_RESNET_BLOCKS)
#: How a trunk's input is scaled; see :func:`build`.
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
        load the trunk's ImageNet weights (else random ones). Raises :class:`ReproError` if they are not found.
    minmax
        recurrent methods only: stretch each map to 0–1 over the picture (the paper's section 6.8).
    start
        initial bias of a convolutional network's head: 0 gives A = 1/2 as in the baseline, 2 gives A ≈ 0.88, which
        trains faster.
    trunk_input
        one of :data:`TRUNK_INPUTS`: "imagenet" is the normalisation that the trunks were trained with; "unit" is that
        of the baseline's program, colours in 0–1 with no mean subtracted.
    keep_dc
        convolutional methods only: A is 1 for DC, so that no block fades towards grey. Not in the paper.

    Raises :class:`UsageError` for an unknown ``method`` or ``trunk_input``, or ``minmax`` with a convolutional method.
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
    """Yield F and A of ``x`` (1, 1 or 3, H, W) on 0–255, of any type and size, region by region.

    The maps are those that ``network`` gives for the whole picture; without a network, A is None. The network sees a
    grey picture as RGB, but F then has luma only.
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
        self.to(memory_format=torch.channels_last)  # faster on CPUs; sums in the same order at any picture size

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) RGB on 0–255, sides multiples of 8 → (B, channels, H/8, W/8). Batch norms stay in eval mode."""
        self.trunk.eval()
        with full_precision(x) if self.exact else nullcontext():
            return self.trunk(self.normalised(x) if self.trunk_input == "imagenet" else check_image(x) / 255)

    @staticmethod
    def normalised(x: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) RGB on 0–255 → the same, normalised as in the training of every ImageNet trunk."""
        mean, std = (x.new_tensor(v).view(1, 3, 1, 1) * 255 for v in (weights.IMAGENET_MEAN, weights.IMAGENET_STD))
        return (check_image(x) - mean) / std

    def tiles(self, x: torch.Tensor) -> Iterator[tuple[Region, torch.Tensor]]:
        """Yield each tile's region and features (1, channels, rows, cols), for ``x`` (1, 1 or 3, H, W) on 0–255."""
        rgb = x.expand(-1, 3, -1, -1)
        for (top, bottom, left, right), window in tiles(x, self.reach):
            seen = self.features(pixels(rgb, window))
            rows = slice((top - window.top) // SIDE, (bottom - window.top) // SIDE)
            cols = slice((left - window.left) // SIDE, (right - window.left) // SIDE)
            yield Region(top, bottom, left, right), seen[:, :, rows, cols]

    def forward(self, x: torch.Tensor, F: torch.Tensor, features: torch.Tensor | None = None) -> torch.Tensor:
        """A in 0–1, shape (B, 2, H/8, W/8, 8, 8). ``features`` replace the trunk's pass; ``F`` is ignored."""
        return self.maps(self.features(x) if features is None else features)

    def maps(self, features: torch.Tensor, head: tuple[torch.Tensor, torch.Tensor] | None = None) -> torch.Tensor:
        """(B, channels, rows, cols) → A in 0–1, (B, 2, rows, cols, 8, 8).

        ``head``: weight (128, channels) and bias (128,), float32, used instead of the network's own.
        """
        weight, bias = head or (self.head.weight.flatten(1), self.head.bias)
        with full_precision(features):  # A multiplies coefficients, so its rounding counts
            # a matrix product: the 1×1 convolution has a slow backward pass
            places = features.to(weight.dtype).permute(0, 2, 3, 1)
            logits = nnf.linear(places, weight, bias)
        batch, rows, cols, _ = logits.shape
        A = torch.sigmoid(logits).view(batch, rows, cols, 2, 64)
        if self.keep_dc:
            A = A.masked_fill(torch.arange(64, device=A.device) == 0, 1.0)
        return A.view(batch, rows, cols, 2, 8, 8).permute(0, 3, 1, 2, 4, 5)


class RecurrentAttention(nn.Module):
    """One LSTM reads the luma blocks in raster order, another the chroma blocks: 64 units each (section 5.3, Fig. 4).

    Our choices where the paper is silent: an LSTM's output h lies in −1…1, so A = (1 + h)/2. Two directions give 128
    numbers, which a linear layer and a sigmoid bring back to 64. Cb and Cr both run through the chroma network, and
    the two maps are averaged, as Eqs. 5 and 6 share A^(C). Input coefficients are divided by 128.
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
        # plane by plane: an LSTM takes longer over two planes at once than over one after the other
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
    """VGG up to and including its third max-pool (stride 8, 256 channels), with torchvision's keys ``features.N``.

    The ReLU before each pool is moved behind it: it is monotonic, so the result is the same for a quarter of the work.
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
    """ResNet-152 from ``conv1`` to a bottleneck of ``layer2`` (stride 8, 512 channels), with torchvision's keys."""
    from torchvision.models.resnet import Bottleneck, ResNet

    whole = ResNet(Bottleneck, [3, _RESNET_BLOCKS[method], 1, 1])
    trunk = nn.Sequential()
    for name in ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2"):
        trunk.add_module(name, getattr(whole, name))
    return trunk, 512
