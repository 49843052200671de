"""Measure what an error in a coefficient is worth: second derivatives of MSE, LPIPS and MS-SSIM, on training crops.

Some coefficients of a coded picture are moved by half a quantisation step, up or down by chance, and the gradient of
each term is taken on either side. The difference over the distance, sign by sign, is a coefficient's own second
derivative plus the chance effects of the others that moved, whose mean is 0 (Hutchinson 1989, "A stochastic estimator
of the trace of the influence matrix"). Means over many blocks are therefore those of the diagonal, at the distance at
which quantisation moves things.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from repro.losses import Distortion, Known, LossWeights
from repro.progress import track
from repro.rdo import planes
from repro.rdo.decoder import decode
from repro.rdo.planes import Analysed, Weights
from repro.rdo.sensitivity import CLASSES, TERMS, Sensitivity, classes

#: The share of coefficients that a probe moves, and how far, in quantisation steps.
_SHARE, _STEP = 0.15, 0.5
#: Second derivatives of MSE times pixels of Y, Cb, Cr in 4:2:0, about: how the picture that is probed is coded.
_PLAIN = (2.0, 8.0, 6.4)
#: Weight of a term beside MSE's 1: large, for the difference of the two is what is wanted.
_LARGE = 1000.0
_LOSSES = {
    "mse": LossWeights(1.0, gamma=0.0, sigma=0.0),
    "lpips": LossWeights(1.0, gamma=_LARGE, sigma=0.0),
    "ms_ssim": LossWeights(1.0, gamma=0.0, sigma=_LARGE),
}


def measure(crops: np.ndarray, tables: np.ndarray, lam: float, *, probes: int = 6, seed: int = 0) -> Sensitivity:
    """Means over ``crops``, uint8 (n, S, S, 3) with S ≥ 161, coded with ``tables`` (2, 8, 8) at ``lam``."""
    rng = np.random.default_rng(seed)
    sums = {name: np.zeros((2, 3, CLASSES, 64)) for name in TERMS}
    counts = np.zeros((2, 3, CLASSES, 64))
    for crop in track(crops, "measure sensitivity"):
        x = torch.from_numpy(crop.copy()).permute(2, 0, 1)[None].float()
        for which, subsampling in enumerate(("4:2:0", "4:4:4")):
            analysed = planes.analyse(x, subsampling)
            coded = _coded(analysed, tables, lam)
            rows = classes(analysed)
            gradients = _Gradients(x, analysed)
            for _ in range(probes):
                moves = [_moves(values.shape, planes.steps(tables, i), rng) for i, values in enumerate(coded)]
                up = gradients([c + m for c, m in zip(coded, moves, strict=True)])
                down = gradients([c - m for c, m in zip(coded, moves, strict=True)])
                for plane, move in enumerate(moves):
                    moved = move != 0
                    np.add.at(counts[which, plane], rows[plane], moved)
                    for name in TERMS:
                        change = (up[name][plane] - down[name][plane]) / (2 * np.where(moved, move, 1))
                        np.add.at(sums[name][which, plane], rows[plane], np.where(moved, change, 0))
    means = {name: total / np.maximum(counts, 1) for name, total in sums.items()}
    for name in ("lpips", "ms_ssim"):  # measured together with MSE, which every distortion has
        means[name] = (means[name] - means["mse"]) / _LARGE
    return Sensitivity({name: values.astype(np.float32) for name, values in means.items()})


class _Gradients:
    """Of each term times the number of pixels, with respect to the dequantised coefficients."""

    def __init__(self, x: torch.Tensor, analysed: Analysed) -> None:
        self.x, self.analysed = x, analysed
        self.losses = {name: Distortion(weights) for name, weights in _LOSSES.items()}
        self.known: dict[str, Known] = {name: loss.known(x) for name, loss in self.losses.items()}

    def __call__(self, coefficients: Sequence[np.ndarray]) -> dict[str, list[np.ndarray]]:
        values = [torch.from_numpy(c.astype(np.float32)).requires_grad_() for c in coefficients]
        shown = decode(self.analysed, values)
        pixels = shown.shape[-1] * shown.shape[-2]
        found = {}
        for name, loss in self.losses.items():
            d = loss(self.x, shown, self.known[name])["d"] * pixels
            found[name] = [g.numpy() for g in torch.autograd.grad(d, values, retain_graph=True)]
        return found


def _coded(analysed: Analysed, tables: np.ndarray, lam: float) -> list[np.ndarray]:
    plain = [
        Weights(np.full((1, 64), _PLAIN[i] / 2, np.float32), np.zeros(len(plane.F), np.int64))
        for i, plane in enumerate(analysed.planes)
    ]
    z = planes.optimise(analysed, plain, tables, lam)
    return [numbers * planes.steps(tables, i) for i, numbers in enumerate(z)]


def _moves(shape: tuple[int, ...], steps: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    signs = rng.choice([-1.0, 1.0], shape) * (rng.random(shape) < _SHARE)
    return signs * _STEP * steps
