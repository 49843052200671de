"""What the paper's eyes looked for in Fig. 6, as numbers: colours that are off, and edges of blocks that show."""

from __future__ import annotations

import torch

from repro.jpeg.color import rgb_to_ycbcr
from repro.metrics.checks import check_pair

_BLOCK = 8


def mse_chroma(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Mean squared error of Cb and Cr, not rounded, on the 0–255 scale: (B, 3, H, W) twice → (B,)."""
    check_pair(x, y)
    return (rgb_to_ycbcr(x) - rgb_to_ycbcr(y))[:, 1:].square().flatten(1).mean(1)


def blocking(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """How much more luma jumps where JPEG's blocks meet than elsewhere, in levels: (B, 3, H, W) twice → (B,).

    Mean absolute difference of neighbouring pixels across the edges of the 8×8 blocks, less that of all other
    neighbours; of ``y``, less the same of the original ``x``. 0: blocks show no more than in the original.
    """
    check_pair(x, y)
    return _excess(y) - _excess(x)


def _excess(x: torch.Tensor) -> torch.Tensor:
    luma = rgb_to_ycbcr(x)[:, 0]
    found = []
    for plane in (luma, luma.transpose(1, 2)):
        jumps = plane.diff(dim=2).abs()
        at_edge = torch.arange(1, plane.shape[2], device=x.device) % _BLOCK == 0
        if at_edge.any():  # a side of one block has none
            found.append(jumps[:, :, at_edge].flatten(1).mean(1) - jumps[:, :, ~at_edge].flatten(1).mean(1))
    return torch.stack(found).mean(0) if found else luma.new_zeros(len(luma))
