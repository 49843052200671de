"""What an error in a coefficient is worth to each metric, by frequency and by how much goes on around the block.

The distortion of Eq. 8 is no sum over coefficients, but near a given picture it is close to one: half its second
derivative is the weight of a squared error. Those of MSE are constants; LPIPS and MS-SSIM forgive in busy places and
look at some frequencies more than at others. :mod:`repro.training.sensitivity` measures their means on training
photos; here they become the weights that a picture is optimised with.
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
from scipy.ndimage import uniform_filter

from repro.errors import ReproError
from repro.files import atomic_path
from repro.rdo.planes import Analysed, Weights

#: Where one class of activity ends and the next begins: mean square of luma's AC over 3 × 3 blocks.
EDGES = np.array([2, 5, 10, 20, 50, 100, 200, 400, 800, 1600], np.float32)
CLASSES = len(EDGES) + 1
#: The terms of the distortion, each with weight 1.
TERMS = ("mse", "lpips", "ms_ssim")
_SHIPPED = "rdo/sensitivity.safetensors"


@dataclass(frozen=True)
class Sensitivity:
    """Second derivatives of each of :data:`TERMS`, times the number of pixels: float32 (2, 3, classes, 64).

    First axis: 4:2:0 and 4:4:4; second: Y, Cb, Cr; then the class of activity and the frequency in zigzag order.
    """

    of: Mapping[str, np.ndarray]

    def weights(self, analysed: Analysed, mix: Mapping[str, float], floor: float = 0.15) -> list[Weights]:
        """For each plane: half the second derivative of Σ mix · term, at least ``floor`` times that of MSE alone.

        LPIPS alone would have some errors be of no concern at all; what it forgives on the mean is not always free.
        """
        which = 1 if analysed.subsampling == "4:4:4" else 0
        found = []
        for plane, activity in enumerate(classes(analysed)):
            terms = {name: np.maximum(0, self.of[name][which, plane]) for name in TERMS}
            total = sum(mix.get(name, 0.0) * terms[name] for name in TERMS)
            half = np.maximum(total, floor * terms["mse"]) / 2
            found.append(Weights(half.astype(np.float32), activity))
        return found


def classes(analysed: Analysed) -> list[np.ndarray]:
    """int64 (n,) for each plane: which class of :data:`EDGES` each block is in; chroma's is that of the luma there."""
    luma = analysed.planes[0]
    energy = np.square(luma.F[:, 1:]).sum(1).reshape(luma.rows, luma.cols) / 64
    activity = uniform_filter(energy, 3, mode="nearest")
    found = [activity]
    for chroma in analysed.planes[1:]:
        factor = 2 if analysed.subsampling == "4:2:0" else 1
        below = ((0, factor * chroma.rows - luma.rows), (0, factor * chroma.cols - luma.cols))
        whole = np.pad(activity, below, mode="edge")
        found.append(whole.reshape(chroma.rows, factor, chroma.cols, factor).mean((1, 3)))
    return [np.digitize(values.ravel(), EDGES).astype(np.int64) for values in found]


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
