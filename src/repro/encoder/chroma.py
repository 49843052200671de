"""How much of chroma a file keeps: half its resolution, or all of it, whichever costs less for a picture at a quality.

At few bits half is a bargain. At many, what half cannot show outweighs all other loss, on coloured text long before it
does on faces. So both are tried, and what half cannot show is counted as lost.
"""

from __future__ import annotations

import numpy as np

from repro.jpeg.blocks import subsample, upsample
from repro.jpeg.color import rgb_to_ycbcr, ycbcr_to_rgb
from repro.trellis import planes
from repro.trellis.planes import DctPlanes
from repro.trellis.tables import Example, WeightsOf, objective

HALF, FULL = "4:2:0", "4:4:4"
#: In bits a pixel, times λ: where half of chroma loses less than that, all of chroma costs more than it shows.
_LEAST_LOSS = 0.05
#: All of chroma is kept where its cost is below this share of half's. The cost counts errors of red, green and blue,
#: and so weighs chroma more than eyes do. The share was chosen by SSIMULACRA 2 on tuning photos: it prefers half until
#: about here. Nothing else in the encoder was chosen or learned by it.
_FULL_CHROMA_MARGIN = 0.85
#: When all of chroma is kept, a coefficient reaches a quarter of the pixels. An error in it costs a quarter, and a step
#: in proportion to one over the root of that is twice as long.
_STEP_RATIO = 2


def cheaper_subsampling(
    samples: np.ndarray, tables: np.ndarray, lam: float, weigh: WeightsOf, *, progressive: bool = True
) -> str:
    """``"4:2:0"`` or ``"4:4:4"`` for ``samples``, (H, W) or (H, W, 3) on 0–255; the former where they are grey.

    ``tables`` (2, 8, 8) for half of chroma, whole numbers; ``lam``: squared error that a bit is worth; ``weigh``: the
    weights of errors in a picture.
    """
    if samples.ndim == 2:
        return HALF
    shown = _chroma_halved(samples)
    if np.square(shown - samples).mean() < _LEAST_LOSS * lam:
        return HALF
    costs = {}
    for subsampling in (HALF, FULL):
        dct = planes.forward_dct(samples, subsampling, progressive=progressive)
        example = Example(dct, weigh(dct))
        costs[subsampling] = objective([example], tables_for(subsampling, tables), lam)
    costs[HALF] += _error(example, planes.forward_dct(shown, FULL)) / (samples.size / 3)
    return FULL if costs[FULL] < _FULL_CHROMA_MARGIN * costs[HALF] else HALF


def tables_for(subsampling: str, tables: np.ndarray) -> np.ndarray:
    """``tables`` (2, 8, 8), made for half of chroma, for ``subsampling``."""
    if subsampling == HALF or tables.max() <= 1:
        return tables
    chroma = np.minimum(_STEP_RATIO * tables[1].astype(np.int64), 255)
    return np.stack([tables[0], chroma.astype(tables.dtype)])


def _chroma_halved(rgb: np.ndarray) -> np.ndarray:
    """What a decoder shows of (H, W, 3) where chroma was halved and nothing else was lost, float32; not clipped."""
    height, width = rgb.shape[:2]
    y, *chroma = rgb_to_ycbcr(rgb)
    return ycbcr_to_rgb(np.stack([y, *(upsample(subsample(c))[:height, :width] for c in chroma)]))


def _error(original: Example, shown: DctPlanes) -> float:
    """Weighted squared error of ``shown``, in sum over pixels."""
    total = 0.0
    for a, b, weights in zip(original.dct.planes, shown.planes, original.weights, strict=True):
        total += float((weights.by_frequency[weights.row] * np.square(a.F - b.F)).sum())
    return total
