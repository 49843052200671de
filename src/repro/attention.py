"""Attention maps A^(L) and A^(C): what to keep of each DCT coefficient of each block. Eqs. 1 and 2, Figs. 3 and 4.

A convolutional network looks at the photo with an ImageNet trunk cut at stride 8, one feature vector a block; a 1×1
convolution turns each vector into 2 × 64 numbers and a sigmoid puts them between 0 and 1. A recurrent one reads the
DCT blocks themselves, row by row. Both return A of shape (B, 2, rows, cols, 8, 8): luma, then chroma for Cb and Cr.
"""

from __future__ import annotations

import torch
from torch import nn

from repro import weights
from repro.errors import UsageError
from repro.jpeg.checks import check_blocks, check_image

#: How many convolutions each VGG has before its third max-pool, stage by stage.
_VGG_STAGES = {"vgg16": (2, 2, 3), "vgg19": (2, 2, 4)}
#: Which bottleneck of ResNet-152's ``layer2`` (conv3) ends the trunk; the paper counts from 1.
_RESNET_BLOCKS = {"resnet152-block1": 1, "resnet152-block7": 7}
_RECURRENT = {"lstm": False, "bilstm": True}

METHODS = ("tables", *_VGG_STAGES, *_RESNET_BLOCKS, *_RECURRENT)
CONVOLUTIONAL = (*_VGG_STAGES, *_RESNET_BLOCKS)


def build(method: str, *, pretrained: bool = True, minmax: bool = False, start: float = 0.0) -> nn.Module | None:
    """The attention network of ``method``, or None for ``"tables"`` (no attention: A = 1).

    pretrained
        load the trunk's ImageNet weights (else random ones). Raises :class:`ReproError` where they are not at hand.
    minmax
        recurrent methods only: stretch each map to 0–1 over the picture (paper, section 6.8).
    start
        the head's first bias; 0 starts at A = 1/2 as the baseline does, 2 at A ≈ 0.88, which trains faster.
    """
    if method == "tables":
        return None
    if method in _RECURRENT:
        return RecurrentAttention(bidirectional=_RECURRENT[method], minmax=minmax)
    if method not in CONVOLUTIONAL:
        raise UsageError(f"unknown method {method!r}; choose from {', '.join(METHODS)}")
    if minmax:
        raise UsageError(f"min-max normalisation is for recurrent attention, not for {method!r}")
    return ConvolutionalAttention(method, pretrained=pretrained, start=start)


class ConvolutionalAttention(nn.Module):
    """Trunk, 1×1 convolution to 128 channels, sigmoid (paper, section 3.2 and Fig. 3; ResNet: section 5.2)."""

    def __init__(self, method: str, *, pretrained: bool = True, start: float = 0.0) -> None:
        super().__init__()
        self.trunk, channels = _vgg_trunk(method) if method in _VGG_STAGES else _resnet_trunk(method)
        self.source = "random"
        if pretrained:
            loaded = weights.load(method.split("-")[0])
            self.trunk.load_state_dict({k: loaded.state[k] for k in self.trunk.state_dict() if k in loaded.state})
            self.source = f"{loaded.source} (sha256 {loaded.sha256[:12]})"
        self.head = nn.Conv2d(channels, 2 * 64, kernel_size=1)
        nn.init.normal_(self.head.weight, std=0.01)
        with torch.no_grad():
            self.head.bias.fill_(start)  # type: ignore[union-attr]  # torch types a bias as optional

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) RGB on 0–255, sides multiples of 8 → (B, channels, H/8, W/8). Batch norms stay as trained."""
        check_image(x)
        self.trunk.eval()
        mean, std = (x.new_tensor(v).view(1, 3, 1, 1) * 255 for v in (weights.IMAGENET_MEAN, weights.IMAGENET_STD))
        return self.trunk((x - mean) / std)

    def forward(self, x: torch.Tensor, F: torch.Tensor, features: torch.Tensor | None = None) -> torch.Tensor:
        """A in 0–1, shape (B, 2, H/8, W/8, 8, 8). ``features`` replaces the trunk's pass; ``F`` is not looked at."""
        found = self.features(x) if features is None else features
        logits = self.head(found.to(self.head.weight.dtype))
        batch, _, rows, cols = logits.shape
        return torch.sigmoid(logits).view(batch, 2, 8, 8, rows, cols).permute(0, 1, 4, 5, 2, 3)


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
        sequence = F.reshape(batch, 3, rows * cols, 64) / 128
        luma = self._map(self.luma, 0, sequence[:, 0])
        chroma = self._map(self.chroma, 1, sequence[:, 1:].reshape(2 * batch, rows * cols, 64))
        maps = torch.stack([luma, chroma.view(batch, 2, rows * cols, 64).mean(1)], dim=1)
        if self.minmax:
            low, high = maps.amin((2, 3), keepdim=True), maps.amax((2, 3), keepdim=True)
            maps = (maps - low) / (high - low).clamp_min(1e-6)
        return maps.view(batch, 2, rows, cols, 8, 8)

    def _map(self, lstm: nn.LSTM, index: int, sequence: torch.Tensor) -> torch.Tensor:
        output = lstm(sequence)[0]
        return (1 + output) / 2 if self.merge is None else torch.sigmoid(self.merge[index](output))


def _vgg_trunk(method: str) -> tuple[nn.Module, int]:
    """VGG up to and with its third max-pool (stride 8, 256 channels), keys as torchvision's ``features.N``."""
    layers: list[nn.Module] = []
    channels = 3
    for stage, count in enumerate(_VGG_STAGES[method]):
        for _ in range(count):
            layers += [nn.Conv2d(channels, 64 << stage, 3, padding=1), nn.ReLU(inplace=True)]
            channels = 64 << stage
        layers.append(nn.MaxPool2d(2))
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
