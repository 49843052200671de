"""A sample of a large picture, from which as much is learned as from all of it: strips from top to bottom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from repro.trellis.planes import DctPlanes, Plane, Weights

#: The sample is one part of so many of the picture; so many pixels at least, and at most.
_PART, _LEAST, _MOST = 4, 1 << 18, 1 << 20
#: Rows of pixels in a strip, and what a strip's first is a multiple of: two blocks, one of chroma at half resolution.
_STRIP, _UNIT = 64, 16


def sampled_rows(height: int, width: int) -> list[slice]:
    """Rows of pixels of each strip, evenly spread; all rows in one where the picture is small."""
    enough = min(max(_LEAST, height * width // _PART), _MOST)
    count = max(1, enough // (_STRIP * width))
    if count * _STRIP >= height:
        return [slice(0, height)]
    tops = np.linspace(0, (height - _STRIP) // _UNIT, count).astype(int) * _UNIT
    return [slice(int(top), int(top) + _STRIP) for top in tops]


def sample_blocks(dct: DctPlanes, weights: Sequence[Weights]) -> tuple[DctPlanes, Sequence[Weights]]:
    """The strips' blocks and the weights of their errors; all of them where the picture is small."""
    rows = sampled_rows(dct.height, dct.width)
    if rows[0].stop == dct.height:
        return dct, weights
    found = [
        _cut(plane, w, rows, 16 if i and dct.subsampling == "4:2:0" else 8)
        for i, (plane, w) in enumerate(zip(dct.planes, weights, strict=True))
    ]
    planes, of_planes = zip(*found, strict=True)
    return replace(dct, planes=planes, height=_STRIP * len(rows)), of_planes


def _cut(plane: Plane, weights: Weights, rows: Sequence[slice], pixels: int) -> tuple[Plane, Weights]:
    """``pixels``: how many of the picture's rows a row of blocks stands for."""
    blocks = np.concatenate([np.arange(part.start // pixels, part.stop // pixels) for part in rows])
    F = plane.F.reshape(plane.rows, plane.cols, 64)[blocks].reshape(-1, 64)
    of_band = weights.of_band.reshape(plane.rows, plane.cols, -1)[blocks]
    return Plane(F, len(blocks), plane.cols), weights._replace(of_band=of_band.reshape(len(F), -1))
