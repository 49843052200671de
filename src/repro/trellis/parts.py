"""A part of a large picture, from which as much is learned as from all of it: strips from top to bottom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from repro.trellis.planes import Analysed, Plane, Weights

#: The part of a picture, one of so many; so many pixels at least, and at most.
_PART, _LEAST, _MOST = 4, 1 << 18, 1 << 20
#: Rows of pixels in a strip, and what a strip's first is a multiple of: two blocks, one of chroma at half resolution.
_STRIP, _UNIT = 64, 16


def strips(height: int, width: int) -> list[slice]:
    """Rows of pixels of each strip, evenly spread; all rows in one where the picture is small."""
    enough = min(max(_LEAST, height * width // _PART), _MOST)
    count = max(1, enough // (_STRIP * width))
    if count * _STRIP >= height:
        return [slice(0, height)]
    tops = np.linspace(0, (height - _STRIP) // _UNIT, count).astype(int) * _UNIT
    return [slice(int(top), int(top) + _STRIP) for top in tops]


def of_pixels(x: torch.Tensor) -> torch.Tensor:
    """The strips of ``x`` (1, C, H, W), one below the other; ``x`` itself where it is small."""
    rows = strips(*x.shape[-2:])
    return x if rows[0].stop == x.shape[-2] else torch.cat([x[..., part, :] for part in rows], dim=-2)


def of_blocks(analysed: Analysed, weights: Sequence[Weights]) -> tuple[Analysed, Sequence[Weights]]:
    """The strips' blocks, and what errors are worth in them; all where the picture is small."""
    rows = strips(analysed.height, analysed.width)
    if rows[0].stop == analysed.height:
        return analysed, weights
    found = [
        _cut(plane, w, rows, 16 if i and analysed.subsampling == "4:2:0" else 8)
        for i, (plane, w) in enumerate(zip(analysed.planes, weights, strict=True))
    ]
    planes, worth = zip(*found, strict=True)
    return replace(analysed, planes=planes, height=_STRIP * len(rows)), worth


def _cut(plane: Plane, weights: Weights, rows: Sequence[slice], pixels: int) -> tuple[Plane, Weights]:
    """``pixels``: how many of the picture's rows a row of blocks stands for."""
    blocks = np.concatenate([np.arange(part.start // pixels, part.stop // pixels) for part in rows])
    F = plane.F.reshape(plane.rows, plane.cols, 64)[blocks].reshape(-1, 64)
    row = weights.row.reshape(plane.rows, plane.cols)[blocks].ravel()
    return Plane(F, len(blocks), plane.cols), Weights(weights.by_frequency, row)
