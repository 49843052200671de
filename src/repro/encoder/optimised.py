"""A picture that is written with the trellis, and with as much effort after it as was asked for.

``"fast"``: the trellis alone, told what errors are worth by frequency and activity. ``"default"``: tables of the
picture's own, two looks at the distortion itself, and the trellis after each. ``"best"``: the same, more often and
further, with more weight on what people see and less on MSE, until its time is up.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from repro.encoder.analysis import to_tensor
from repro.encoder.images import Picture
from repro.encoder.models import ModelSet, Parameters
from repro.encoder.refine import Descent, Refined, refine
from repro.errors import UsageError
from repro.rdo import planes, sensitivity
from repro.rdo.planes import Analysed, Weights
from repro.rdo.scans import sequential, smallest
from repro.rdo.tables import Example, learn

#: How far λ may be moved to meet a number of bits once targets are settled, and in how many halvings.
_REACH, _HALVINGS = 2.0, 7
#: Tables are learned from this many pixels of a large picture, in bands of so many rows.
_LEARNED_FROM, _BAND = 1 << 20, 64
_RATE = 0.08


@dataclass(frozen=True)
class Plan:
    """What an effort does: ``tables`` steps of learning the picture's own, from those of the set, and a ``descent``.

    ``mix``: weights of the distortion's terms by which errors are weighed; None: as the set's tables were learned with.
    ``heavier``: λ is this many times the set's, for the same bits.
    """

    descent: Descent | None = None
    tables: int = 0
    mix: Mapping[str, float] | None = None
    heavier: float = 1.0


_FURTHER = Descent(steps=24, gamma=560.0, sigma=4200.0, trust=0.5, damping=1.0, memory=0.9)
#: What each effort of ``repro encode`` does.
PLANS = {
    "fast": Plan(),
    "default": Plan(Descent(steps=2, gamma=200.0, sigma=1200.0, damping=1.5, memory=0.5, trusting=True), tables=6),
    "best": Plan(_FURTHER, tables=12, mix=_FURTHER.terms, heavier=1.85),
}


class Optimised:
    """``picture`` before a set of ``models`` for the trellis, to be written with an ``effort``: of :data:`PLANS`, or a
    plan of one's own.

    ``seconds`` bounds the time that descending takes, for each file; None: as long as its steps take.
    """

    def __init__(
        self,
        picture: Picture,
        models: ModelSet,
        effort: str | Plan = "default",
        *,
        progressive: bool = True,
        seconds: float | None = None,
    ) -> None:
        self.x = to_tensor(picture)
        self.models, self.progressive, self.icc, self.seconds = models, progressive, picture.icc, seconds
        self.plan = PLANS[effort] if isinstance(effort, str) else effort
        self._analysed = planes.analyse(self.x, "4:2:0", progressive=progressive)
        self._weights = self._weigh(self._analysed)
        self._threads = torch.get_num_threads()

    def at(self, quality: float) -> bytes:
        """The file at a quality from 1 to 100."""
        return self._write(*self.chosen(quality)[:2])

    def quick(self, quality: float) -> bytes:
        """About what :meth:`at` gives, by the trellis alone."""
        p = self.models.at(quality)
        return self._write(p.tables, self._trellis(p.tables, self.lam(p), None))

    def fit(self, quality: float, bits: float) -> bytes | None:
        """The largest file within ``bits`` that other values of λ make of what :meth:`at` settles on; None: none."""
        tables, _, target = self.chosen(quality)
        lam = self.lam(self.models.at(quality))
        low, high = -math.log(_REACH), math.log(_REACH)  # of λ: at low too much is spent, at high it fits
        best: bytes | None = None
        shift = 0.0
        for _ in range(_HALVINGS + 1):
            data = self._write(tables, self._trellis(tables, lam * math.exp(shift), target))
            if 8 * len(data) > bits:
                low = shift
            else:
                high = shift
                best = data if best is None or len(data) > len(best) else best
            shift = (low + high) / 2
        return best

    def chosen(self, quality: float) -> tuple[np.ndarray, list[np.ndarray], Sequence[np.ndarray] | None]:
        """(tables, numbers, targets) of :meth:`at`, as :mod:`repro.rdo.planes` has them; None: the true values."""
        p = self.models.at(quality)
        lam = self.lam(p)
        tables = self._own_tables(p, lam)
        if self.plan.descent is None:
            return tables, self._trellis(tables, lam, None), None
        found = self.descend(tables, lam, self.plan.descent)
        return tables, found.z, found.target

    def descend(self, tables: np.ndarray, lam: float, how: Descent) -> Refined:
        """From the trellis's choice for ``tables`` and ``lam``, while there is time."""
        return refine(
            self.x,
            self._analysed,
            self._weights,
            tables,
            lam,
            how,
            model=sensitivity.shipped().weights(self._analysed, how.terms, floor=0.0),
            deadline=None if self.seconds is None else time.monotonic() + self.seconds,
            threads=self._threads,
        )

    def _weigh(self, analysed: Analysed) -> list[Weights]:
        return sensitivity.shipped().weights(analysed, self.plan.mix or self.models.mix)

    def lam(self, p: Parameters) -> float:
        """Squared error that a bit is worth."""
        if p.lam is None:
            raise UsageError("a set of models for the trellis has a λ at every quality; this one has none")
        return self.plan.heavier / p.lam

    def _own_tables(self, p: Parameters, lam: float) -> np.ndarray:
        """Of the picture, whole numbers; the set's where there is nothing to gain: at the highest qualities."""
        if not self.plan.tables or p.tables.max() <= 1:
            return p.tables
        part = _bands(self.x)
        whole = part.shape == self.x.shape
        analysed = self._analysed if whole else planes.analyse(part, "4:2:0", progressive=self.progressive)
        example = Example(analysed, self._weights if whole else self._weigh(analysed))
        start = np.maximum(p.tables.astype(np.float64), 1)
        learned = learn(
            [example], lam, start=start, steps=self.plan.tables, batch=1, rate=_RATE, threads=self._threads, quiet=True
        )
        return np.rint(learned).astype(p.tables.dtype)

    def _write(self, tables: np.ndarray, z: list[np.ndarray]) -> bytes:
        chosen = planes.assemble(self._analysed, z, tables)
        return (smallest if self.progressive else sequential)(chosen, self.icc)

    def _trellis(self, tables: np.ndarray, lam: float, target: Sequence[np.ndarray] | None) -> list[np.ndarray]:
        return planes.optimise(self._analysed, self._weights, tables, lam, target=target, threads=self._threads)


def _bands(x: torch.Tensor) -> torch.Tensor:
    """``x`` (1, C, H, W), or bands of its rows, evenly spread, where it has many pixels."""
    height, width = x.shape[-2:]
    count = max(1, _LEARNED_FROM // (_BAND * width))
    if count * _BAND >= height:
        return x
    tops = np.linspace(0, height - _BAND, count).astype(int)
    return torch.cat([x[..., top : top + _BAND, :] for top in tops], dim=-2)
