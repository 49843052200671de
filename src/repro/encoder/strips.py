"""Pixels → DCT coefficients → integers, a strip of block rows at a time: what is kept grows with the picture,
what is worked with does not. Each strip gives exactly what the whole picture would.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import torch

from repro.encoder.images import Picture
from repro.encoder.models import Parameters
from repro.jpeg.blocks import SIDE, pad, to_blocks
from repro.jpeg.codestream import Coefficients
from repro.jpeg.color import rgb_to_ycbcr
from repro.jpeg.dct import dct

#: Pixels in a strip, about: large enough for fast matrix products, small beside the picture.
_STRIP_PIXELS = 1 << 19

#: How far (pixels, whole blocks) a trunk's feature looks beyond its own block: half its receptive field, rounded up.
_REACH = {"vgg16": 24, "vgg19": 24, "resnet152-block1": 24, "resnet152-block7": 72}


class StripAttention:
    """An ImageNet trunk that is shown a strip with the rows around it that it can see, and heads given per quality."""

    def __init__(self, method: str, *, pretrained: bool = True) -> None:
        from repro.attention import ConvolutionalAttention

        self.reach = _REACH[method]
        self.network = ConvolutionalAttention(method, pretrained=pretrained).eval()

    def features(self, rgb: np.ndarray, top: int, bottom: int) -> torch.Tensor:
        """``rgb`` (3, H, W) uint8, sides multiples of 8 → (1, channels, rows, W/8) for pixel rows top–bottom."""
        first, last = max(0, top - self.reach), min(rgb.shape[1], bottom + self.reach)
        found = self.network.features(_as_float(rgb[:, first:last]))
        return found[:, :, (top - first) // SIDE : (bottom - first) // SIDE].clone()

    def maps(self, features: torch.Tensor, F: torch.Tensor, p: Parameters) -> torch.Tensor:
        """A (1, 2, rows, cols, 8, 8), eased towards 1 where the quality lies above the set's last model."""
        assert p.head is not None
        weight, bias = (torch.from_numpy(array) for array in p.head)
        self.network.head.load_state_dict({"weight": weight[..., None, None], "bias": bias})
        return 1 - p.strength * (1 - self.network(F, F, features))


@functools.lru_cache(maxsize=2)
def attention_of(method: str) -> StripAttention | None:
    """The trunk of ``method`` with its ImageNet weights, None for ``"tables"``; read once a process, for it takes long.

    Raises :class:`ReproError` where the weights are not at hand.
    """
    return None if method == "tables" else StripAttention(method)


@dataclass(frozen=True)
class Strip:
    """F (1, C, rows, cols, 8, 8) float32 of some block rows, and the trunk's features there."""

    F: torch.Tensor
    features: torch.Tensor | None


@dataclass(frozen=True)
class Analysis:
    """All of a picture that does not depend on the quality."""

    strips: tuple[Strip, ...]
    height: int
    width: int
    attention: StripAttention | None

    @torch.no_grad()
    def quantise(self, p: Parameters) -> Coefficients:
        """Ẑ = round(A ⊙ F / Q) with the tables and head of ``p`` (Eqs. 4 and 5)."""
        components, _, cols = self.strips[0].F.shape[1:4]
        rows = sum(strip.F.shape[2] for strip in self.strips)
        plane_of = [0, 1, 1][:components]  # Cb and Cr share a table and a map
        Q = torch.from_numpy(p.tables.astype(np.float32))[plane_of].view(1, components, 1, 1, 8, 8)
        planes = np.empty((components, rows, cols, 8, 8), dtype=np.int16)
        row = 0
        for strip in self.strips:
            z = strip.F / Q
            if self.attention is not None:
                assert strip.features is not None
                z *= self.attention.maps(strip.features, strip.F, p)[:, plane_of]
            planes[:, row : row + z.shape[2]] = z.round_()[0].numpy()
            row += z.shape[2]
        return Coefficients(tuple(planes), p.tables[: min(2, components)], self.height, self.width)


@torch.no_grad()
def analyse(picture: Picture, attention: StripAttention | None = None) -> Analysis:
    """Pad to whole blocks, convert colours, transform; grey pictures have one plane, and no colours to convert."""
    samples = picture.samples if picture.samples.ndim == 3 else picture.samples[..., None]
    padded = pad(torch.from_numpy(samples.transpose(2, 0, 1).copy())[None])[0].numpy()
    height, width = padded.shape[1:]
    step = max(1, _STRIP_PIXELS // (width * SIDE)) * SIDE
    strips = []
    for top in range(0, height, step):
        bottom = min(height, top + step)
        x = _as_float(padded[:, top:bottom])
        F = dct(to_blocks((rgb_to_ycbcr(x) if len(padded) == 3 else x) - 128))
        features = None
        if attention is not None:
            features = attention.features(np.broadcast_to(padded, (3, height, width)), top, bottom)
        strips.append(Strip(F, features))
    return Analysis(tuple(strips), picture.height, picture.width, attention)


def _as_float(rgb: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(rgb, dtype=np.float32))[None]
