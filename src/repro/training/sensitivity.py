"""Measure what an error in a coefficient is worth to MSE, LPIPS and MS-SSIM: shares of real errors, on training crops.

A crop is coded, and each term of the distortion is shared out among the coefficients that are wrong: each gets its
error times the term's mean gradient on the straight way from the original to what the decoder shows. Shares sum to
the whole distortion (Aumann and Shapley 1974; "integrated gradients", Sundararajan et al. 2017, arXiv:1703.01365). The
sum of shares over the sum of squared errors is then the weight that an error of this kind has.

A second derivative, from small random moves, would say less: quantisation errors are not random. What is zeroed is
missing in a whole neighbourhood at once, and errors of low frequencies add up over blocks at MS-SSIM's coarse scales,
where random ones cancel.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from repro.jpeg.tables import quality_tables
from repro.losses import Distortion, LossWeights, Reference
from repro.progress import track
from repro.stages import decode, to_tensor
from repro.trellis import planes
from repro.trellis.planes import DctPlanes, Weights
from repro.trellis.sensitivity import CLASSES, TERMS, Sensitivity, classes

#: Weights of squared errors of Y, Cb, Cr in MSE, about: how the crops that are measured on are coded.
_PLAIN = (1.0, 4.0, 3.2)
#: Places on the way at which gradients are taken: Gauss's two of the unit interval, exact up to cubes.
_PLACES = (0.5 - 12**-0.5, 0.5 + 12**-0.5)
#: Weight of a term beside MSE's 1: large, for the difference of the two is what is wanted.
_LARGE = 1000.0
_LOSSES = {
    "mse": LossWeights(1.0, gamma=0.0, sigma=0.0),
    "lpips": LossWeights(1.0, gamma=_LARGE, sigma=0.0),
    "ms_ssim": LossWeights(1.0, gamma=0.0, sigma=_LARGE),
}
#: A class of which there is little leans on all classes together: as if this share of all errors were its own too.
_LEAN = 1e-6


class Coarseness(NamedTuple):
    """How coarsely crops are coded: Annex K's tables at ``quality``, a bit worth ``lam`` of squared error."""

    quality: int
    lam: float


#: About 0.2, 0.3, 0.5 and 1 bit per pixel.
RATES = (Coarseness(12, 430.0), Coarseness(20, 210.0), Coarseness(42, 80.0), Coarseness(75, 20.0))


def measure(crops: np.ndarray, rates: Sequence[Coarseness] = RATES) -> Sensitivity:
    """Weights of :data:`~repro.trellis.sensitivity.TERMS` over ``crops``, uint8 (n, S, S, 3) with S ≥ 161, coded at
    each of ``rates``; rates count alike, whatever their errors."""
    shape = (2, 3, CLASSES, 64)
    shares = {name: np.zeros(shape) for name in TERMS}
    squares = np.zeros(shape)
    for rate in rates:
        at_rate, errors = _shares(crops, rate)
        squares += errors / errors.sum()
        for name in TERMS:
            shares[name] += at_rate[name] / errors.sum()
    for name in ("lpips", "ms_ssim"):  # measured together with MSE, which every distortion has
        shares[name] = (shares[name] - shares["mse"]) / _LARGE
    return Sensitivity({name: _leaning(shares[name], squares).astype(np.float32) for name in TERMS})


def _shares(crops: np.ndarray, rate: Coarseness) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Of each term, and squared errors: sums over all blocks of a class, (2, 3, classes, 64)."""
    sums = {name: np.zeros((2, 3, CLASSES, 64)) for name in TERMS}
    squares = np.zeros((2, 3, CLASSES, 64))
    tables = quality_tables(rate.quality)
    for crop in track(crops, f"sensitivity at λ={rate.lam:g}"):
        x = to_tensor(crop).float()
        for which, subsampling in enumerate(("4:2:0", "4:4:4")):
            dct = planes.forward_dct(crop, subsampling)
            errors, rows = _errors(dct, tables, rate.lam), classes(dct)
            gradients = _Gradients(x, dct)
            on_the_way = [
                gradients([plane.F + place * e for plane, e in zip(dct.planes, errors, strict=True)])
                for place in _PLACES
            ]
            for plane, (error, row) in enumerate(zip(errors, rows, strict=True)):
                np.add.at(squares[which, plane], row, np.square(error))
                for name in TERMS:
                    mean = sum(found[name][plane] for found in on_the_way) / len(_PLACES)
                    np.add.at(sums[name][which, plane], row, error * mean)
    return sums, squares


def _leaning(shares: np.ndarray, squares: np.ndarray) -> np.ndarray:
    """Shares over squares, class by class."""
    overall = shares.sum(2, keepdims=True) / squares.sum(2, keepdims=True)
    lean = _LEAN * squares.sum()
    return (shares + lean * overall) / (squares + lean)


class _Gradients:
    """Of each term times the number of pixels, with respect to the dequantised coefficients."""

    def __init__(self, x: torch.Tensor, dct: DctPlanes) -> None:
        self.x, self.dct = x, dct
        self.losses = {name: Distortion(weights) for name, weights in _LOSSES.items()}
        self.references: dict[str, Reference] = {name: loss.reference(x) for name, loss in self.losses.items()}

    def __call__(self, coefficients: Sequence[np.ndarray]) -> dict[str, list[np.ndarray]]:
        values = [torch.from_numpy(c.astype(np.float32)).requires_grad_() for c in coefficients]
        shown = decode(self.dct, values)
        pixels = shown.shape[-1] * shown.shape[-2]
        found = {}
        for name, loss in self.losses.items():
            d = loss(self.x, shown, self.references[name])["d"] * pixels
            found[name] = [g.numpy() for g in torch.autograd.grad(d, values, retain_graph=True)]
        return found


def _errors(dct: DctPlanes, tables: np.ndarray, lam: float) -> list[np.ndarray]:
    """What the decoder gets, less what is true, for each plane as its F."""
    plain = [
        Weights(np.full((1, 64), _PLAIN[i], np.float32), np.zeros(len(plane.F), np.int64))
        for i, plane in enumerate(dct.planes)
    ]
    z = planes.trellis_quantize(dct, plain, tables, lam)
    return [
        numbers * planes.steps(tables, i).astype(np.float32) - plane.F
        for i, (numbers, plane) in enumerate(zip(z, dct.planes, strict=True))
    ]
