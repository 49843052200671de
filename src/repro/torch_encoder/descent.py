"""Weights found by descent, picture by picture: the effort ``"best"``.

It begins with what the effort ``"default"`` chooses. The gradient of the blended loss, at what a decoder shows, tells
what errors cost. Costs over squared errors are the weights of a block's bands, which the network could only estimate.
Then the weights move towards these, and the trellis chooses again, with tables that fit.

A plain descent on coefficients through rounding diverges: gradients are as large at zero coefficients as elsewhere, so
each step turns on noise. This one changes only the weights and, by a fraction of a step, the *targets* that the decoder
should reach. What has no signal stays zero.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from repro.encoder.images import Picture
from repro.encoder.search import largest_within, scorer, smallest_reaching
from repro.encoder.trellis_encoder import Prepared, TrellisEncoder
from repro.encoder.trellis_set import TrellisSet
from repro.jpeg.writer import Scans
from repro.progress import bar
from repro.ssimulacra2 import MIN_SIDE
from repro.stages import to_tensor
from repro.torch_encoder.blended_loss import BlendedLoss, Measured
from repro.training.sensitivity import Blend
from repro.trellis import planes
from repro.trellis.own_tables import own_tables
from repro.trellis.planes import Plane, Weights

#: Default time limit of a descent, in seconds: per megapixel, and the minimum for small pictures.
_SECONDS_A_MEGAPIXEL, _SECONDS = 10.0, 60.0
#: By what factor λ may be moved to meet a target once the weights are settled, and in how many halvings.
_REACH, _HALVINGS = 2.0, 7
#: Factor on the shifts of DC's targets. At coarse scales the means of neighbouring blocks add up, so shifts that suit
#: each block alone are too long together.
_DC = 0.1


@dataclass(frozen=True)
class Descent:
    """How to descend.

    steps
        how many gradients are followed.
    momentum
        the share of the previous weights and targets in the next, 0 to 1: at the first step, and at the last. Little
        momentum finds them quickly, much of it settles them.
    most
        the largest factor by which a band of a block may weigh more or less than the network says.
    prior
        the share of the median block's cost per band that is added to numerator and denominator of each ratio, since
        small errors say little.
    max_shift
        how far a target may lie from the true coefficient, in quantisation steps: luma's and chroma's.
    damping
        what shifts are divided by; more is slower, and safer.
    blend
        the loss. MSE has a larger share than in the network's training, since a descent exploits whatever the loss does
        not count.
    """

    steps: int = 8
    momentum: tuple[float, float] = (0.5, 0.8)
    most: float = 3.0
    prior: float = 0.35
    max_shift: tuple[float, float] = (0.15, 0.3)
    damping: float = 2.0
    blend: Blend = field(default_factory=lambda: Blend({"ssimulacra2": 0.55, "ms_ssim": 0.25}))

    def momentum_at(self, step: int) -> float:
        """The share of the previous weights and targets in the next, at a step from 0."""
        first, last = self.momentum
        return first + (last - first) * step / max(1, self.steps - 1)


@dataclass(frozen=True)
class Found:
    """The best that was found: the trellis's input, with the descent's weights, targets and tables, and the quantised
    coefficients that it chose, int16 (n, 64) zigzag for each plane.

    ``objective``: J = loss + λ · bits of every choice that was measured, the default effort's first.
    """

    prepared: Prepared
    z: list[np.ndarray]
    objective: tuple[float, ...]


class DescentEncoder(TrellisEncoder):
    """As :class:`~repro.encoder.trellis_encoder.TrellisEncoder`, followed by a descent from the default effort's
    choice.

    ``seconds`` limits the time of each file's descent, by default 10 per megapixel and at least 60. Pictures under
    113 px a side, the minimum of SSIMULACRA 2, are encoded by the default effort, and ``notices`` says so.
    """

    def __init__(
        self,
        picture: Picture,
        chosen: TrellisSet,
        how: Descent | None = None,
        *,
        scans: Scans = "interleaved",
        subsampling: str | None = None,
        seconds: float | None = None,
    ) -> None:
        super().__init__(picture, chosen, scans=scans, subsampling=subsampling)
        self._how = how or Descent()
        self._seconds = max(_SECONDS, _SECONDS_A_MEGAPIXEL * picture.pixels / 1e6) if seconds is None else seconds
        self._too_small = min(picture.width, picture.height) < MIN_SIDE
        if self._too_small:
            self.notices = (f"a side is under {MIN_SIDE} px, too small for --effort best; encoded by --effort default",)

    def encode(self, quality: float) -> bytes:
        """The file at a quality from 1 to 100, at the default effort's λ."""
        if self._too_small:
            return super().encode(quality)
        found = self.descend(quality)
        return self._write(found.prepared, found.z)

    def within(self, bits: float, name: str) -> tuple[float, bytes]:
        """As :meth:`TrellisEncoder.within`, with one descent, at the quality at which the default effort meets
        ``bits``."""
        quality, data = largest_within(super().encode, bits, self.picture.pixels, name, self.beside)
        if self._too_small:
            return quality, data
        return quality, self._fit(quality, lambda data: 8 * len(data) <= bits, "larger") or data

    def reaching(self, score: float, name: str) -> tuple[float, bytes, float]:
        """As :meth:`TrellisEncoder.reaching`, with one descent, at the quality at which the default effort reaches
        ``score``."""
        score_of = scorer(self.picture, name)
        quality, data, reached = smallest_reaching(super().encode, score, score_of, name)
        found = self._fit(quality, lambda data: score_of(data) >= score, "smaller")
        if found is None or len(found) > len(data):
            return quality, data, reached
        return quality, found, score_of(found)

    def descend(self, quality: float) -> Found:
        """Return the best choice for ``quality`` that is found within the time limit."""
        deadline = time.monotonic() + self._seconds
        return descend(self.picture.samples, *self.choose(quality), self._how, deadline, self._threads)

    def _fit(self, quality: float, accepts: Callable[[bytes], bool], side: str) -> bytes | None:
        """Bisect λ, with the weights and targets found at ``quality``; return the last file that ``accepts`` takes,
        None if it takes none. ``side``: whether it takes files at ``"larger"`` or at ``"smaller"`` λ."""
        found = self.descend(quality)
        reach = math.log(_REACH) * (1 if side == "larger" else -1)
        accepted, refused = reach, -reach  # of log λ
        best, shift = None, 0.0
        for _ in range(_HALVINGS + 1):
            moved = replace(found.prepared, lam=found.prepared.lam * math.exp(shift))
            data = self._write(moved, self._quantize(moved, start=[numbers.copy() for numbers in found.z]))
            if accepts(data):
                accepted, best = shift, data
            else:
                refused = shift
            shift = (accepted + refused) / 2
        return best


def descend(
    picture: np.ndarray,
    start: Prepared,
    z: list[np.ndarray],
    how: Descent,
    deadline: float = math.inf,
    threads: int = 1,
) -> Found:
    """Return the best choice for ``picture``, (H, W) or (H, W, 3) on 0–255, starting from the quantised coefficients
    ``z``, which were chosen with ``start``. It is never worse than these. At ``deadline``, on the clock of
    :func:`time.monotonic`, return the best so far."""
    dct, lam = start.dct, start.lam
    loss = BlendedLoss(to_tensor(picture), dct, how.blend)
    of_planes = zip(dct.planes, start.weights, strict=True)
    guided = [Guided(plane, weights, how, how.max_shift[min(i, 1)]) for i, (plane, weights) in enumerate(of_planes)]
    prepared, best = start, (start, z)
    objective: list[float] = []
    scales: dict[str, float] = {}
    with bar(how.steps, "descent") as progress:
        for step in range(how.steps + 1):
            Q = [planes.steps(prepared.tables, i).astype(np.float32) for i in range(len(z))]
            values = [numbers * q for numbers, q in zip(z, Q, strict=True)]
            measured = loss.measure(values, lambda: bool(objective) and time.monotonic() > deadline)
            if measured is None:
                break
            scales = scales or _scales(measured, loss.shares, how.blend, start, values)
            objective.append(sum(scales[name] * d for name, d in measured.losses.items()) + lam * planes.bits(dct, z))
            if objective[-1] == min(objective):
                best = prepared, z
            if step == how.steps or time.monotonic() > deadline:
                break
            for i, plane in enumerate(guided):
                plane.update(z[i], Q[i], _blended(measured, scales, how.blend, i), step)
            target = replace(dct, planes=tuple(plane.target for plane in guided))
            weights = [plane.weights for plane in guided]
            prepared = Prepared(target, weights, own_tables(target, weights, prepared.tables, z), lam)
            z = planes.trellis_quantize(
                target, weights, prepared.tables, lam, start=[n.copy() for n in z], rounds=1, threads=threads
            )
            progress.update()
    return Found(*best, tuple(objective))


class Guided:
    """A plane during the descent: its weights, at first the network's, and how far its targets have moved."""

    def __init__(self, plane: Plane, weights: Weights, how: Descent, max_shift: float) -> None:
        self._plane, self._network, self._how, self._max_shift = plane, weights, how, max_shift
        self._begin = np.flatnonzero(np.diff(weights.band, prepend=-1))
        self._log_ratio = np.zeros_like(weights.of_band)
        self._moved = np.zeros_like(plane.F)

    @property
    def target(self) -> Plane:
        """The plane that the decoder should reconstruct."""
        return self._plane._replace(F=self._plane.F + self._moved)

    @property
    def weights(self) -> Weights:
        """Weights of errors, for the trellis."""
        return self._network._replace(of_band=self._network.of_band * np.exp(self._log_ratio))

    def update(self, z: np.ndarray, Q: np.ndarray, gradient: np.ndarray, step: int) -> None:
        """Update weights and targets by the loss's ``gradient``, (n, 64), at the quantised coefficients ``z`` with
        steps ``Q``."""
        momentum = self._how.momentum_at(step)
        error = z * Q - self._plane.F
        # Along the error the loss changes by gradient · error, and the weighted squared error by twice itself.
        costs = np.add.reduceat(gradient * error, self._begin, axis=1)
        expected = 2 * np.add.reduceat(self._network.each() * np.square(error), self._begin, axis=1)
        prior = self._how.prior * np.median(expected.sum(1)) / len(self._begin) + 1e-6
        ratio = (np.maximum(costs, 0) + prior) / (expected + prior)
        seen = np.log(ratio.clip(1 / self._how.most, self._how.most))
        self._log_ratio = (momentum * self._log_ratio + (1 - momentum) * seen).astype(np.float32)
        # Targets move by the part of the gradient that the weights do not explain.
        w = self.weights.each()
        wanted = (2 * w * error - gradient) / (2 * self._how.damping * w)
        wanted[:, 0] *= _DC
        wanted = wanted.clip(-self._max_shift * Q, self._max_shift * Q)
        self._moved = (momentum * self._moved + (1 - momentum) * wanted).astype(np.float32)


def _blended(measured: Measured, scales: dict[str, float], blend: Blend, plane: int) -> np.ndarray:
    """Return the blended loss's gradient with respect to a plane's coefficients, (n, 64)."""
    total = np.zeros_like(next(iter(measured.gradients.values()))[plane])
    for name, gradient in measured.gradients.items():
        total += np.float32(scales[name] * (blend.chroma.get(name, 1.0) if plane else 1.0)) * gradient[plane]
    return total


def _scales(
    measured: Measured, shares: dict[str, float], blend: Blend, start: Prepared, values: Sequence[np.ndarray]
) -> dict[str, float]:
    """Return the factor of each metric's loss. With these, at ``values`` and along their errors, the metrics' slopes
    have the blend's shares, and what the descent counts of them equals the slope of the weighted squared error."""
    errors = [v - plane.F for v, plane in zip(values, start.dct.planes, strict=True)]
    expected = sum(2 * float(np.vdot(w.each(), np.square(e))) for w, e in zip(start.weights, errors, strict=True))
    slopes, counted = {}, 0.0
    for name, gradient in measured.gradients.items():
        luma, *chroma = (float(np.vdot(g, e)) for g, e in zip(gradient, errors, strict=True))
        slopes[name] = max(luma + sum(chroma), 1e-9)
        counted += shares[name] * (luma + blend.chroma.get(name, 1.0) * sum(chroma)) / slopes[name]
    return {name: share * expected / max(counted, 1e-9) / slopes[name] for name, share in shares.items()}
