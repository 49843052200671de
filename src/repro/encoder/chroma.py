"""How much of chroma a file keeps: half its resolution, or all of it, whichever costs less for a picture at a quality.

At few bits half is a bargain. At many, what half cannot show outweighs all else that is lost, on coloured text long
before it does on faces. So both are tried, and what half cannot show is counted as lost.
"""

from __future__ import annotations

import numpy as np
import torch
from torch.nn.functional import mse_loss

from repro.jpeg.blocks import subsample, upsample
from repro.jpeg.color import rgb_to_ycbcr, ycbcr_to_rgb
from repro.trellis import planes
from repro.trellis.planes import Analysed
from repro.trellis.tables import Example, WeightsOf, objective

HALF, ALL = "4:2:0", "4:4:4"
#: In bits a pixel, what they are worth: where half loses less than that, all of chroma costs more than it shows.
_WORTH_A_TRIAL = 0.05
#: All is kept where it costs less than this share of what half costs. Costs are in red, green and blue, and so take
#: chroma for more than eyes do: on tuning photos SSIMULACRA 2, which none of this learned from, sides with half until
#: about here.
_MUCH_LESS = 0.85
#: A coefficient of chroma reaches a quarter of the pixels when all of it is kept. An error in it costs a quarter, and
#: steps in proportion to one over the root of that are twice as long.
_LONGER = 2


def cheaper(x: torch.Tensor, tables: np.ndarray, lam: float, weigh: WeightsOf, *, progressive: bool = True) -> str:
    """``"4:2:0"`` or ``"4:4:4"`` for the picture ``x`` (1, 1 or 3, H, W) on 0–255; the former where it is grey.

    ``tables`` (2, 8, 8) for half of chroma, whole numbers; ``lam``: squared error that a bit is worth; ``weigh``: what
    errors are worth in an analysed picture.
    """
    if x.shape[1] == 1:
        return HALF
    x = x.float()
    shown = _by_half(x)
    if float(mse_loss(shown, x)) < _WORTH_A_TRIAL * lam:
        return HALF
    costs = {}
    for subsampling in (HALF, ALL):
        analysed = planes.analyse(x, subsampling, progressive=progressive)
        example = Example(analysed, weigh(analysed))
        costs[subsampling] = objective([example], tables_for(subsampling, tables), lam)
    costs[HALF] += _error(analysed, planes.analyse(shown, ALL), example) / shown[0, 0].numel()
    return ALL if costs[ALL] < _MUCH_LESS * costs[HALF] else HALF


def tables_for(subsampling: str, tables: np.ndarray) -> np.ndarray:
    """``tables`` (2, 8, 8), made for half of chroma, for ``subsampling``."""
    if subsampling == HALF or tables.max() <= 1:
        return tables
    chroma = np.minimum(_LONGER * tables[1].astype(np.int64), 255)
    return np.stack([tables[0], chroma.astype(tables.dtype)])


def _by_half(x: torch.Tensor) -> torch.Tensor:
    """What a decoder shows of ``x`` (1, 3, H, W) where chroma was halved and nothing else was lost; not clipped."""
    height, width = x.shape[-2:]
    y, *chroma = rgb_to_ycbcr(x).split(1, dim=1)
    return ycbcr_to_rgb(torch.cat([y, *(upsample(subsample(c))[..., :height, :width] for c in chroma)], dim=1))


def _error(original: Analysed, shown: Analysed, example: Example) -> float:
    """Weighted squared error of ``shown``, in sum over pixels."""
    total = 0.0
    for a, b, weights in zip(original.planes, shown.planes, example.weights, strict=True):
        total += float((weights.by_frequency[weights.row] * np.square(a.F - b.F)).sum())
    return total
