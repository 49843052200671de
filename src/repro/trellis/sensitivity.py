"""The weight of a squared error in each metric, by frequency and by the activity around the block.

The distortion of Eq. 8 is not a sum over coefficients, but it can be shared out among them: what all errors of one kind
cost, over the sum of their squares, is their weight. The weights of MSE are constants. LPIPS and MS-SSIM forgive errors
in busy places, and some frequencies matter more to them than others. :mod:`repro.training.sensitivity` measures the
weights on training photos; here they are combined for a picture.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from repro.errors import ReproError
from repro.files import atomic_path
from repro.trellis.planes import DctPlanes, Weights

#: Where one class of activity ends and the next begins: mean square of luma's AC over 3 × 3 blocks.
EDGES = np.array([2, 5, 10, 20, 50, 100, 200, 400, 800, 1600], np.float32)
#: And of a block's own share in that: calmer than what is around it, alike, or busier.
RATIOS = np.array([0.45, 1.1], np.float32)
CLASSES = (len(EDGES) + 1) * (len(RATIOS) + 1)
#: The terms of the distortion, each with weight 1.
TERMS = ("mse", "lpips", "ms_ssim")
_SHIPPED = "trellis/sensitivity.safetensors"


@dataclass(frozen=True)
class Sensitivity:
    """What a squared error adds to each of :data:`TERMS`, times the number of pixels: float32 (2, 3, classes, 64).

    First axis: 4:2:0 and 4:4:4; second: Y, Cb, Cr; then the class of activity and the frequency in zigzag order.
    """

    of: Mapping[str, np.ndarray]

    def weights(self, dct: DctPlanes, metric_weights: Mapping[str, float], floor: float = 0.15) -> list[Weights]:
        """For each plane: the weights of Σ metric_weights · term, at least ``floor`` times those of MSE alone.

        LPIPS alone would give some errors no weight at all, but what it forgives on average is not always free.
        """
        which = 1 if dct.subsampling == "4:4:4" else 0
        found = []
        for plane, activity in enumerate(classes(dct)):
            terms = {name: np.maximum(0, self.of[name][which, plane]) for name in TERMS}
            total = sum(metric_weights.get(name, 0.0) * terms[name] for name in TERMS)
            found.append(Weights(np.maximum(total, floor * terms["mse"]).astype(np.float32), activity))
        return found


def classes(dct: DctPlanes) -> list[np.ndarray]:
    """int64 (n,) for each plane: which class each block is in, activity × (RATIOS + 1) + share; chroma's is that of the
    luma there."""
    luma = dct.planes[0]
    own = np.square(luma.F[:, 1:]).sum(1).reshape(luma.rows, luma.cols) / 64
    around = _mean_3x3(own)
    found = [_class_of(own, around)]
    for chroma in dct.planes[1:]:
        factor = 2 if dct.subsampling == "4:2:0" else 1
        below = ((0, factor * chroma.rows - luma.rows), (0, factor * chroma.cols - luma.cols))
        own_there, around_there = (
            np.pad(values, below, mode="edge").reshape(chroma.rows, factor, chroma.cols, factor).mean((1, 3))
            for values in (own, around)
        )
        found.append(_class_of(own_there, around_there))
    return found


def _mean_3x3(values: np.ndarray) -> np.ndarray:
    """The mean of each value and its eight neighbours, edges repeated."""
    for _ in range(2):  # down the rows, then across the columns
        edged = np.pad(values.astype(np.float64), ((1, 1), (0, 0)), mode="edge")
        values = ((edged[:-2] + edged[1:-1] + edged[2:]) / 3).astype(np.float32).T
    return values


def _class_of(own: np.ndarray, around: np.ndarray) -> np.ndarray:
    share = own / np.maximum(around, 1e-6)
    found = np.digitize(around.ravel(), EDGES) * (len(RATIOS) + 1) + np.digitize(share.ravel(), RATIOS)
    return found.astype(np.int64)


def save(path: Path, sensitivity: Sensitivity, provenance: Mapping[str, object]) -> None:
    """Write as safetensors, whole or not at all."""
    with atomic_path(path) as temporary:
        save_file({name: np.ascontiguousarray(sensitivity.of[name]) for name in TERMS}, temporary,
                  metadata={"provenance": json.dumps(provenance)})  # fmt: skip


def load(path: Path) -> Sensitivity:
    """What :func:`save` wrote. Raises :class:`ReproError` where the file is missing or is no such thing."""
    try:
        with safe_open(str(path), framework="numpy") as stored:
            of = {name: stored.get_tensor(name) for name in TERMS}
    except (OSError, SafetensorError) as error:
        raise ReproError(f"{path}: no sensitivities ({error}); measure them with tools/ship_trellis.py") from error
    if any(values.shape != (2, 3, CLASSES, 64) or not np.isfinite(values).all() for values in of.values()):
        raise ReproError(f"{path}: holds other values than sensitivities; measure them with tools/ship_trellis.py")
    return Sensitivity(of)


@functools.cache
def shipped() -> Sensitivity:
    """The sensitivities that come with the package."""
    with resources.as_file(resources.files("repro").joinpath("assets", _SHIPPED)) as path:
        return load(path)
