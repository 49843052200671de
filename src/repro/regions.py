"""A photo in regions: pixels → DCT coefficients → integers, a piece at a time, with the same result as the whole.

Working memory does not grow with the picture. Pieces consist of whole blocks: strips as wide as the picture if each
block is processed by itself, tiles if a network looks beyond the block. The sizes of a picture's pieces differ by a
block at most (those of tiles' windows not at all), since small matrix products sum in another order than large ones.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import torch

from repro.jpeg.blocks import SIDE
from repro.jpeg.codestream import Coefficients
from repro.stages import pad
from repro.threads import spans

#: Index of the table and map of Y, Cb and Cr: Cb and Cr share the second.
TABLE_OF = [0, 1, 1]
#: Approximate pixels of a strip: enough for fast matrix products, few compared to a large picture.
STRIP_PIXELS = 1 << 19
#: The longest side of a tile in pixels, without the surroundings that its window adds.
TILE_SIDE = 512


class Region(NamedTuple):
    """Rows ``top``–``bottom``, columns ``left``–``right`` in pixels, end excluded: whole blocks of a padded picture."""

    top: int
    bottom: int
    left: int
    right: int


class Part(NamedTuple):
    """F (1, C, rows, cols, 8, 8) of a region, and its A (1, 2, rows, cols, 8, 8), or None without attention."""

    region: Region
    F: torch.Tensor
    A: torch.Tensor | None


def strips(x: torch.Tensor) -> list[Region]:
    """Regions as wide as ``x`` (1, C, H, W), from top to bottom."""
    height, width = (_whole(side) for side in x.shape[-2:])
    rows = height // SIDE
    count = -(-rows // max(1, STRIP_PIXELS // (width * SIDE)))
    return [Region(SIDE * first, SIDE * end, 0, width) for first, end in spans(rows, count)]


def tiles(x: torch.Tensor, reach: int) -> list[tuple[Region, Region]]:
    """(tile, window) pairs in raster order. A window has at least ``reach`` pixels (whole blocks) on each side of its
    tile, as far as the picture ``x`` (1, C, H, W) extends. All windows have one size and lie inside the padded picture.
    """
    rows, cols = (_cut(_whole(side), reach) for side in x.shape[-2:])
    return [(Region(*row[0], *col[0]), Region(*row[1], *col[1])) for row in rows for col in cols]


def pixels(x: torch.Tensor, region: Region) -> torch.Tensor:
    """(1, C, H, W) of any type → float32 (1, C, bottom − top, right − left); edges repeat beyond the picture."""
    return pad(x[..., region.top : region.bottom, region.left : region.right].float())


def attended(F: torch.Tensor, A: torch.Tensor) -> torch.Tensor:
    """F ⊙ A, shape of F (B, 1 or 3, rows, cols, 8, 8), with A (B, 2, rows, cols, 8, 8)."""
    return F * A[:, TABLE_OF[: F.shape[1]]]


@torch.no_grad()
def quantise(x: torch.Tensor, tables: np.ndarray, parts: Iterable[Part]) -> Coefficients:
    """Ẑ = round(A ⊙ F / Q) of the picture ``x`` (1, 1 or 3, H, W), Eqs. 4 and 5; ``parts`` cover it, in any order.

    ``tables`` are Q (2, 8, 8), integers in 1–255. Cb and Cr share the second table and the second map.
    """
    components, height, width = x.shape[1:]
    Q = torch.from_numpy(tables.astype(np.float32)).to(x.device)[TABLE_OF[:components]].view(1, components, 1, 1, 8, 8)
    planes = np.empty((components, _whole(height) // SIDE, _whole(width) // SIDE, 8, 8), dtype=np.int16)
    filled = torch.from_numpy(planes)
    for (top, bottom, left, right), F, A in parts:
        z = (F if A is None else attended(F, A)) / Q
        filled[:, top // SIDE : bottom // SIDE, left // SIDE : right // SIDE] = z.round_()[0]
    return Coefficients(tuple(planes), tables[: min(2, components)].astype(np.uint16), height, width)


def _whole(side: int) -> int:
    return side + -side % SIDE


def _cut(side: int, reach: int) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """(start, end) of each tile along one side, and (start, end) of its window."""
    blocks = side // SIDE
    count = -(-side // TILE_SIDE)
    window = min(side, -(-blocks // count) * SIDE + 2 * reach)
    cut = []
    for first, end in spans(blocks, count):
        start = min(max(0, SIDE * first - reach), side - window)
        cut.append(((SIDE * first, SIDE * end), (start, start + window)))
    return cut
