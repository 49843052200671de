"""Descend on the real distortion, picture by picture: MSE, LPIPS and MS-SSIM of what a decoder shows, and real bits.

A plain descent through rounding diverges: gradients of LPIPS are as large where there is nothing as where there is
something, and each step turns noise on. So the gradient only says where the decoder *should* land. Weights
(:mod:`repro.trellis.sensitivity`) already say what errors cost on the mean; what the gradient says beyond that is this
picture's own. Where a block's errors cost more than the like of them do, they weigh more; and each coefficient's target
moves from its true value, by gradient over weight, at most a part of a quantisation step, slowly. Then the trellis
chooses again, at what bits cost by now. What has no signal stays zero.

Large pictures are looked at tile by tile, with some pixels around each, so that memory does not grow with them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch

from repro.encoder.guided import Guided
from repro.errors import UsageError
from repro.losses import Distortion, LossWeights, Reference
from repro.metrics import MIN_SIDE_LPIPS, MIN_SIDE_MS_SSIM
from repro.progress import bar
from repro.trellis import parts, planes
from repro.trellis.decoder import decode
from repro.trellis.planes import Analysed, Plane, Weights
from repro.trellis.tables import Example, adapt

#: Sides of a tile and what is seen around it, in pixels: multiples of 16, the unit of 4:2:0.
TILE, AROUND = 1024, 64
#: What the original's features are, is kept from step to step for pictures of up to so many pixels, 200 bytes for each.
_KEPT = 4 << 20
#: Rounds of the trellis after a look: one more than elsewhere, as the look before it took far longer.
_ROUNDS = 3
#: How tables are learned again on the way: in few steps, for they are nearly right.
_ANEW_STEPS, _ANEW_RATE = 6, 0.05


@dataclass(frozen=True)
class Descent:
    """How to descend: at most ``steps`` times, with weights ``gamma`` of LPIPS and ``sigma`` of MS-SSIM (Eq. 8).

    trust
        how far a target may lie from the true coefficient, in quantisation steps; below 0.5, nothing is invented.
    damping
        what shifts are divided by; more is slower, and safer.
    memory
        the share of the last targets in the next, 0 to 1: at the first step, and at the last. Much memory settles what
        little memory found quickly.
    anew
        how often, on the way, tables are learned again for the targets and weights as they are by then.
    trusting
        take the last step unseen, which saves a look at the distortion, unless the one before it did harm.
    """

    steps: int = 20
    gamma: float = 500.0
    sigma: float = 1000.0
    trust: float = 0.25
    damping: float = 3.0
    memory: tuple[float, float] = (0.8, 0.8)
    anew: int = 0
    trusting: bool = False

    def __post_init__(self) -> None:
        if self.steps < 1 or not 0 < self.trust <= 0.5 or self.damping <= 0 or not all(0 <= m < 1 for m in self.memory):
            raise UsageError(f"refine: steps ≥ 1, 0 < trust ≤ 0.5, damping > 0 and 0 ≤ memory < 1, got {self}")
        if not 0 <= self.anew <= self.steps:
            raise UsageError(f"refine: tables are learned anew at most once a step, got {self}")

    def remembered(self, step: int) -> float:
        """The share of the last targets at a step from 0."""
        first, last = self.memory
        return first + (last - first) * step / max(1, self.steps - 1)

    @property
    def terms(self) -> dict[str, float]:
        """Weights of the distortion's terms, as :meth:`repro.trellis.sensitivity.Sensitivity.weights` takes them."""
        return {"mse": 1.0, "lpips": self.gamma, "ms_ssim": self.sigma}


@dataclass(frozen=True)
class Refined:
    """Numbers for each plane, int32 (n, 64) zigzag, the targets that the trellis chose them for, and the tables; J =
    d · pixels + λ · bits wherever it was looked at, the trellis's own first; steps taken before time was up, or all."""

    z: list[np.ndarray]
    target: list[np.ndarray]
    tables: np.ndarray
    objective: tuple[float, ...]
    steps: int

    @property
    def before(self) -> float:
        """J of the trellis's own."""
        return self.objective[0]

    @property
    def after(self) -> float:
        """The least J that was seen: that of these numbers, unless the last step was taken unseen."""
        return min(self.objective)


def refine(
    x: torch.Tensor,
    analysed: Analysed,
    weights: Sequence[Weights],
    tables: np.ndarray,
    lam: float,
    how: Descent | None = None,
    *,
    model: Sequence[Weights] | None = None,
    deadline: float | None = None,
    threads: int = 1,
) -> Refined:
    """The best numbers found for the picture ``x`` (1, 1 or 3, H, W) on 0–255, by what the decoder shows; never worse
    than the trellis's own unless ``how`` is trusting.

    ``weights``, ``tables``, ``lam`` and ``threads`` as in :func:`repro.trellis.planes.optimise`; ``model``: what
    errors are worth in the distortion of ``how``, where that is not ``weights``. ``deadline``, on the clock of
    :func:`time.monotonic`, ends the search with what is best by then.
    """
    how = how or Descent()
    rgb = x.float().expand(-1, 3, -1, -1)
    tiles = [_Tile(rgb, analysed, place, how) for place in _places(analysed)]
    models = weights if model is None else model
    guided = [Guided(*of) for of in zip(analysed.planes, weights, models, strict=True)]
    again = {how.steps * i // (how.anew + 1) for i in range(1, how.anew + 1)}
    z = planes.optimise(analysed, weights, tables, lam, threads=threads)
    best, objective = (z, [plane.F for plane in analysed.planes], tables), []
    now = best
    taken = 0
    with bar(how.steps, "refine") as progress:
        for step in range(how.steps + 1):
            Q = [planes.steps(tables, i).astype(np.float32) for i in range(len(analysed.planes))]
            found = _gradient(tiles, analysed, z, Q, deadline if step else None)
            if found is None:
                break
            d, gradient = found
            objective.append(d + lam * planes.bits(analysed, z))
            if objective[-1] == min(objective):
                best = now
            if step == how.steps or (deadline is not None and time.monotonic() > deadline):
                break
            own = [
                plane.look(*seen, how, step)
                for plane, seen in zip(guided, zip(z, Q, gradient, strict=True), strict=True)
            ]
            target = [plane.target for plane in guided]
            if step in again:
                tables = _learned_again(analysed, target, own, tables, lam, threads)
            z = planes.optimise(analysed, own, tables, lam, target=target, rounds=_ROUNDS, threads=threads)
            now, taken = (z, target, tables), step + 1
            if how.trusting and taken == how.steps:
                best = now if objective[-1] == min(objective) else best
                break
            progress.update()
    return Refined(*best, tuple(objective), taken)


def _learned_again(
    analysed: Analysed,
    target: Sequence[np.ndarray],
    own: Sequence[Weights],
    tables: np.ndarray,
    lam: float,
    threads: int,
) -> np.ndarray:
    """Tables for the ``target`` and the ``own`` weights of each plane's blocks."""
    moved = tuple(plane._replace(F=F) for plane, F in zip(analysed.planes, target, strict=True))
    part = Example(*parts.of_blocks(replace(analysed, planes=moved), own))
    return adapt(part, tables, lam, steps=_ANEW_STEPS, rate=_ANEW_RATE, threads=threads)


class _Tile:
    """A part of the picture, the core, in a window with what lies around it; ranges are of luma's blocks."""

    def __init__(self, rgb: torch.Tensor, analysed: Analysed, place: tuple[_Range, _Range], how: Descent) -> None:
        (self.rows, self.core_rows), (self.cols, self.core_cols) = place
        top, left = self.rows[0] * 8, self.cols[0] * 8
        self.x = rgb[..., top : self.rows[1] * 8, left : self.cols[1] * 8]
        self.height, self.width = self.x.shape[-2:]
        self.pixels = (min(8 * self.core_rows[1], analysed.height) - 8 * self.core_rows[0]) * (
            min(8 * self.core_cols[1], analysed.width) - 8 * self.core_cols[0]
        )
        self.factor = 2 if analysed.subsampling == "4:2:0" else 1
        smallest = min(self.height, self.width)
        gamma = how.gamma if smallest >= MIN_SIDE_LPIPS else 0.0
        sigma = how.sigma if smallest >= MIN_SIDE_MS_SSIM else 0.0
        self.loss = Distortion(LossWeights(1.0, gamma=gamma, sigma=sigma), dtype=torch.float32)
        self.keep = rgb[0, 0].numel() <= _KEPT
        self._known: Reference | None = None

    def gradient(self, analysed: Analysed, values: Sequence[np.ndarray], into: Sequence[np.ndarray]) -> float:
        """d of the core, in sum over its pixels; the gradient of the window's, for the core's blocks, to ``into``."""
        cut, inner = zip(*(self._cut(plane, i) for i, plane in enumerate(analysed.planes)), strict=True)
        parts = [torch.from_numpy(v[c.ravel()]).requires_grad_() for v, c in zip(values, cut, strict=True)]
        window = tuple(Plane(p.detach().numpy(), *c.shape) for p, c in zip(parts, cut, strict=True))
        shown = decode(Analysed(window, self.height, self.width, analysed.subsampling), parts)
        known = self._known or self.loss.reference(self.x)
        if self.keep:
            self._known = known
        d = self.loss(self.x, shown, known)["d"]
        pixels = self.height * self.width
        for found, c, core, whole in zip(torch.autograd.grad(d * pixels, parts), cut, inner, into, strict=True):
            whole[c[core].ravel()] = found.numpy().reshape(*c.shape, 64)[core].reshape(-1, 64)
        return float(d.detach()) * self.pixels

    def _cut(self, plane: Plane, index: int) -> tuple[np.ndarray, tuple[slice, slice]]:
        """Numbers of the window's blocks in a plane, and where in them the core's lie."""
        f = self.factor if index else 1
        (top, bottom), (left, right) = ((a // f, -(-b // f)) for a, b in (self.rows, self.cols))
        (core_top, core_bottom), (core_left, core_right) = (
            (a // f, -(-b // f)) for a, b in (self.core_rows, self.core_cols)
        )
        numbers = np.arange(plane.rows * plane.cols).reshape(plane.rows, plane.cols)[top:bottom, left:right]
        return numbers, (slice(core_top - top, core_bottom - top), slice(core_left - left, core_right - left))


_Range = tuple[tuple[int, int], tuple[int, int]]


def _places(analysed: Analysed) -> Iterator[tuple[_Range, _Range]]:
    """((window, core) of rows, the same of columns) in luma blocks, for each tile."""
    luma = analysed.planes[0]
    for rows in _cuts(luma.rows):
        for cols in _cuts(luma.cols):
            yield rows, cols


def _cuts(blocks: int) -> list[_Range]:
    """(window, core) of equal parts of a side, cut at even blocks."""
    count = max(1, -(-blocks * 8 // TILE))
    edges = [2 * (-(-blocks // 2) * i // count) for i in range(count)] + [blocks]
    reach = AROUND // 8
    return [((max(0, a - reach), min(blocks, b + reach)), (a, b)) for a, b in pairwise(edges)]


def _gradient(
    tiles: Sequence[_Tile], analysed: Analysed, z: Sequence[np.ndarray], Q: Sequence[np.ndarray], deadline: float | None
) -> tuple[float, list[np.ndarray]] | None:
    """d of the whole picture, in sum over pixels, and its gradient for each plane; None where time is up before."""
    values = [numbers.astype(np.float32) * q for numbers, q in zip(z, Q, strict=True)]
    gradient = [np.zeros_like(plane.F) for plane in analysed.planes]
    total = 0.0
    for tile in tiles:
        if deadline is not None and time.monotonic() > deadline:
            return None
        total += tile.gradient(analysed, values, gradient)
    return total, gradient
