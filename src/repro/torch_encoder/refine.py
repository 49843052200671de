"""Descend on the real distortion, picture by picture: MSE, LPIPS and MS-SSIM of what a decoder shows, and real bits.

A plain descent through rounding diverges: gradients of LPIPS are as large where a coefficient is zero as elsewhere,
and each step turns noise on. So the gradient only says where the decoder *should* land. The weights of
:mod:`repro.trellis.sensitivity` already say what errors cost on average; the gradient adds what is special about this
picture. Where a block's errors cost more than expected, they get more weight. And each coefficient's target moves
slowly away from its true value, by gradient over weight, at most a part of a quantisation step. Then the trellis
chooses again, with bits at their present cost. What has no signal stays zero.

Of a large picture the gradient is taken tile by tile, with some pixels around each, so that memory does not grow.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch

from repro.errors import UsageError
from repro.losses import Distortion, LossWeights, Reference
from repro.metrics import MIN_SIDE_LPIPS, MIN_SIDE_MS_SSIM
from repro.progress import bar
from repro.stages import decode
from repro.torch_encoder.guided import Guided
from repro.trellis import planes, sampling
from repro.trellis.planes import DctPlanes, Plane, Weights
from repro.trellis.tables import Example, adapt

#: Sides of a tile and what is seen around it, in pixels: multiples of 16, the unit of 4:2:0.
TILE, AROUND = 1024, 64
#: The original's features are kept from step to step for pictures of up to so many pixels; they take 200 bytes each.
_KEPT = 4 << 20
#: Rounds of the trellis after a gradient: one more than elsewhere, since the gradient took far longer.
_ROUNDS = 3
#: How tables are updated on the way: in few steps, for they are nearly right.
_UPDATE_STEPS, _UPDATE_RATE = 6, 0.05


@dataclass(frozen=True)
class Descent:
    """How to descend: at most ``steps`` times, with weights ``gamma`` of LPIPS and ``sigma`` of MS-SSIM (Eq. 8).

    max_shift
        how far a target may lie from the true coefficient, in quantisation steps; below 0.5, nothing is invented.
    damping
        what shifts are divided by; more is slower, and safer.
    momentum
        the share of the last targets in the next, 0 to 1: at the first step, and at the last. Little momentum finds the
        targets quickly, much of it settles them.
    table_updates
        how often, on the way, tables are learned again for the present targets and weights.
    skip_final_check
        take the last step without computing its distortion, unless the step before it did harm.
    """

    steps: int = 20
    gamma: float = 500.0
    sigma: float = 1000.0
    max_shift: float = 0.25
    damping: float = 3.0
    momentum: tuple[float, float] = (0.8, 0.8)
    table_updates: int = 0
    skip_final_check: bool = False

    def __post_init__(self) -> None:
        if self.steps < 1 or not 0 < self.max_shift <= 0.5 or self.damping <= 0:
            raise UsageError(f"refine: needs steps ≥ 1, 0 < max_shift ≤ 0.5 and damping > 0, got {self}")
        if not all(0 <= m < 1 for m in self.momentum) or not 0 <= self.table_updates <= self.steps:
            raise UsageError(f"refine: needs 0 ≤ momentum < 1 and at most one table update a step, got {self}")

    def momentum_at(self, step: int) -> float:
        """The share of the last targets in the next, at a step from 0."""
        first, last = self.momentum
        return first + (last - first) * step / max(1, self.steps - 1)

    @property
    def metric_weights(self) -> dict[str, float]:
        """As :meth:`repro.trellis.sensitivity.Sensitivity.weights` takes them."""
        return {"mse": 1.0, "lpips": self.gamma, "ms_ssim": self.sigma}


@dataclass(frozen=True)
class Refined:
    """Numbers for each plane, int32 (n, 64) zigzag, the targets that the trellis chose them for, and the tables;
    ``objective``: J = d · pixels + λ · bits wherever it was computed, of the trellis's own choice first; ``steps`` that
    were taken before time was up."""

    z: list[np.ndarray]
    target: list[np.ndarray]
    tables: np.ndarray
    objective: tuple[float, ...]
    steps: int

    @property
    def before(self) -> float:
        """J of the trellis's own choice."""
        return self.objective[0]

    @property
    def after(self) -> float:
        """The least J that was computed: that of these numbers, unless the final check was skipped."""
        return min(self.objective)


def refine(
    x: torch.Tensor,
    dct: DctPlanes,
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
    than the trellis's own choice unless ``how`` skips the final check.

    ``weights``, ``tables``, ``lam`` and ``threads`` as in :func:`repro.trellis.planes.trellis_quantize`; ``model``: the
    weights of errors in the distortion of ``how``, where those are not ``weights``. ``deadline``, on the clock of
    :func:`time.monotonic`, ends the search with what is best by then.
    """
    how = how or Descent()
    rgb = x.float().expand(-1, 3, -1, -1)
    tiles = [_Tile(rgb, dct, place, how) for place in _places(dct)]
    models = weights if model is None else model
    guided = [Guided(*of) for of in zip(dct.planes, weights, models, strict=True)]
    updates = {how.steps * i // (how.table_updates + 1) for i in range(1, how.table_updates + 1)}
    z = planes.trellis_quantize(dct, weights, tables, lam, threads=threads)
    best, objective = (z, [plane.F for plane in dct.planes], tables), []
    now = best
    taken = 0
    with bar(how.steps, "refine") as progress:
        for step in range(how.steps + 1):
            Q = [planes.steps(tables, i).astype(np.float32) for i in range(len(dct.planes))]
            found = _gradient(tiles, dct, z, Q, deadline if step else None)
            if found is None:
                break
            d, gradient = found
            objective.append(d + lam * planes.bits(dct, z))
            if objective[-1] == min(objective):
                best = now
            if step == how.steps or (deadline is not None and time.monotonic() > deadline):
                break
            own = [
                plane.update(*seen, how, step)
                for plane, seen in zip(guided, zip(z, Q, gradient, strict=True), strict=True)
            ]
            target = [plane.target for plane in guided]
            if step in updates:
                tables = _updated_tables(dct, target, own, tables, lam, threads)
            z = planes.trellis_quantize(dct, own, tables, lam, target=target, rounds=_ROUNDS, threads=threads)
            now, taken = (z, target, tables), step + 1
            if how.skip_final_check and taken == how.steps:
                best = now if objective[-1] == min(objective) else best
                break
            progress.update()
    return Refined(*best, tuple(objective), taken)


def _updated_tables(
    dct: DctPlanes,
    target: Sequence[np.ndarray],
    own: Sequence[Weights],
    tables: np.ndarray,
    lam: float,
    threads: int,
) -> np.ndarray:
    """Tables for the ``target`` and the ``own`` weights of each plane's blocks."""
    moved = tuple(plane._replace(F=F) for plane, F in zip(dct.planes, target, strict=True))
    part = Example(*sampling.sample_blocks(replace(dct, planes=moved), own))
    return adapt(part, tables, lam, steps=_UPDATE_STEPS, rate=_UPDATE_RATE, threads=threads)


class _Tile:
    """A part of the picture, the core, in a window with what lies around it; ranges are of luma's blocks."""

    def __init__(self, rgb: torch.Tensor, dct: DctPlanes, place: tuple[_Range, _Range], how: Descent) -> None:
        (self.rows, self.core_rows), (self.cols, self.core_cols) = place
        top, left = self.rows[0] * 8, self.cols[0] * 8
        self.x = rgb[..., top : self.rows[1] * 8, left : self.cols[1] * 8]
        self.height, self.width = self.x.shape[-2:]
        self.pixels = (min(8 * self.core_rows[1], dct.height) - 8 * self.core_rows[0]) * (
            min(8 * self.core_cols[1], dct.width) - 8 * self.core_cols[0]
        )
        self.factor = 2 if dct.subsampling == "4:2:0" else 1
        smallest = min(self.height, self.width)
        gamma = how.gamma if smallest >= MIN_SIDE_LPIPS else 0.0
        sigma = how.sigma if smallest >= MIN_SIDE_MS_SSIM else 0.0
        self.loss = Distortion(LossWeights(1.0, gamma=gamma, sigma=sigma), dtype=torch.float32)
        self.keep = rgb[0, 0].numel() <= _KEPT
        self._known: Reference | None = None

    def gradient(self, dct: DctPlanes, values: Sequence[np.ndarray], into: Sequence[np.ndarray]) -> float:
        """d of the core, in sum over its pixels; the gradient of the window's, for the core's blocks, to ``into``."""
        cut, inner = zip(*(self._cut(plane, i) for i, plane in enumerate(dct.planes)), strict=True)
        parts = [torch.from_numpy(v[c.ravel()]).requires_grad_() for v, c in zip(values, cut, strict=True)]
        window = tuple(Plane(p.detach().numpy(), *c.shape) for p, c in zip(parts, cut, strict=True))
        shown = decode(DctPlanes(window, self.height, self.width, dct.subsampling), parts)
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


def _places(dct: DctPlanes) -> Iterator[tuple[_Range, _Range]]:
    """((window, core) of rows, the same of columns) in luma blocks, for each tile."""
    luma = dct.planes[0]
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
    tiles: Sequence[_Tile], dct: DctPlanes, z: Sequence[np.ndarray], Q: Sequence[np.ndarray], deadline: float | None
) -> tuple[float, list[np.ndarray]] | None:
    """d of the whole picture, in sum over pixels, and its gradient for each plane; None where time is up before."""
    values = [numbers.astype(np.float32) * q for numbers, q in zip(z, Q, strict=True)]
    gradient = [np.zeros_like(plane.F) for plane in dct.planes]
    total = 0.0
    for tile in tiles:
        if deadline is not None and time.monotonic() > deadline:
            return None
        total += tile.gradient(dct, values, gradient)
    return total, gradient
