"""What a decoder shows, as a differentiable function of the coefficients: grey, 4:4:4 or 4:2:0.

libjpeg's way: samples are clipped in YCbCr, chroma is brought to full size by its triangle filter, colours are
converted and clipped again. Not rounded: gradients would be lost.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as nnf

from repro.jpeg.blocks import from_blocks, upsample
from repro.jpeg.color import ycbcr_to_rgb
from repro.jpeg.dct import idct
from repro.trellis.planes import NATURAL, Analysed

_NATURAL = torch.from_numpy(NATURAL)


def decode(analysed: Analysed, coefficients: Sequence[torch.Tensor]) -> torch.Tensor:
    """(1, 3, H, W) float RGB on 0–255 of the dequantised ``coefficients``, float (n, 64) zigzag for each plane of
    ``analysed``; a grey picture's three channels are alike."""
    samples = []
    for plane, values in zip(analysed.planes, coefficients, strict=True):
        blocks = values[:, _NATURAL].reshape(1, 1, plane.rows, plane.cols, 8, 8)
        samples.append((from_blocks(idct(blocks)) + 128).clamp(0, 255))
    height, width = analysed.height, analysed.width
    if analysed.subsampling == "4:2:0":
        half = (slice(None), slice(None), slice(-(-height // 2)), slice(-(-width // 2)))
        samples[1:] = [upsample(c[half]) for c in samples[1:]]
    shown = [s[..., :height, :width] for s in samples]
    if len(shown) == 1:
        return shown[0].expand(-1, 3, -1, -1)
    return nnf.hardtanh(ycbcr_to_rgb(torch.cat(shown, dim=1)), 0.0, 255.0)
