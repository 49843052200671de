"""A picture that is written with the trellis, and with as much effort after it as was asked for.

``"fast"``: the trellis alone, told what errors are worth by frequency and activity. ``"default"``: tables of the
picture's own, a look at the distortion itself, tables again, and the trellis. ``"best"``: many looks, the trellis after
each, with more weight on what people see and less on MSE, and tables learned again half way, until its time is up.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from repro.encoder import chroma
from repro.encoder.analysis import to_tensor
from repro.encoder.images import Picture
from repro.encoder.models import ModelSet
from repro.encoder.refine import Descent, Refined, refine
from repro.errors import UsageError
from repro.trellis import parts, planes, sensitivity
from repro.trellis.planes import Analysed, Weights
from repro.trellis.scans import sequential, smallest
from repro.trellis.tables import Example, adapt

#: How far λ may be moved to meet a number of bits once targets are settled, and in how many halvings.
_REACH, _HALVINGS = 2.0, 7
_RATE = 0.08


@dataclass(frozen=True)
class Plan:
    """What an effort does: ``tables`` steps of learning the picture's own, from those of the set, and a ``descent``.

    ``mix``: weights of the distortion's terms by which errors are weighed; None: as the set's tables were learned with.
    ``heavier``: λ of the rate is this many times the set's: what a quality means. Chosen so that a file of one quality
    has about the same size at every effort.
    """

    descent: Descent | None = None
    tables: int = 0
    mix: Mapping[str, float] | None = None
    heavier: float = 1.0


_LOOK = Descent(steps=1, gamma=200.0, sigma=1200.0, damping=1.0, memory=(0.4, 0.4), anew=1, trusting=True)
_FURTHER = Descent(steps=30, gamma=380.0, sigma=3300.0, trust=0.5, damping=1.0, memory=(0.8, 0.97), anew=1)
#: What each effort of ``repro encode`` does.
PLANS = {
    "fast": Plan(),
    "default": Plan(_LOOK, tables=6),
    "best": Plan(_FURTHER, tables=12, mix=_FURTHER.terms, heavier=1.2),
}


@dataclass(frozen=True)
class Ready:
    """A picture with all that its numbers are chosen by: ``tables`` and ``lam`` as in :func:`planes.optimise`, and how
    much of chroma is kept."""

    subsampling: str
    analysed: Analysed
    weights: Sequence[Weights]
    tables: np.ndarray
    lam: float


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
        self._part = parts.of_pixels(self.x)
        self._subsampling: dict[float, str] = {}
        self._analysed = self._analyse(self.x, chroma.HALF)
        self._weights = self._weigh(self._analysed)
        self._threads = torch.get_num_threads()

    def at(self, quality: float) -> bytes:
        """The file at a quality from 1 to 100."""
        return self._write(*self.chosen(quality)[:2])

    def quick(self, quality: float) -> bytes:
        """About what :meth:`at` gives, by the trellis alone."""
        ready = self.ready(quality)
        return self._write(ready, self._trellis(ready, None))

    def fit(self, quality: float, bits: float) -> bytes | None:
        """The largest file within ``bits`` that other values of λ make of what :meth:`at` settles on; None: none."""
        ready, _, target = self.chosen(quality)
        low, high = -math.log(_REACH), math.log(_REACH)  # of λ: at low too much is spent, at high it fits
        best: bytes | None = None
        shift = 0.0
        for _ in range(_HALVINGS + 1):
            data = self._write(ready, self._trellis(replace(ready, lam=ready.lam * math.exp(shift)), target))
            if 8 * len(data) > bits:
                low = shift
            else:
                high = shift
                best = data if best is None or len(data) > len(best) else best
            shift = (low + high) / 2
        return best

    def chosen(self, quality: float) -> tuple[Ready, list[np.ndarray], Sequence[np.ndarray] | None]:
        """(what it is chosen by, numbers, targets) of :meth:`at`; None: the true values."""
        ready = self._with_own_tables(self.ready(quality))
        if self.plan.descent is None:
            return ready, self._trellis(ready, None), None
        found = self.descend(ready, self.plan.descent)
        return replace(ready, tables=found.tables), found.z, found.target

    def ready(self, quality: float) -> Ready:
        """At a quality, with the set's tables; as much of chroma as is worth its bits there."""
        p = self.models.at(quality)
        if p.lam is None:
            raise UsageError("a set of models for the trellis has a λ at every quality; this one has none")
        lam = self.plan.heavier / p.lam
        if quality not in self._subsampling:
            self._subsampling[quality] = chroma.cheaper(
                self._part, p.tables, lam, self._weigh, progressive=self.progressive
            )
        subsampling = self._subsampling[quality]
        if self._analysed.subsampling not in (subsampling, "grey"):
            self._analysed = self._analyse(self.x, subsampling)
            self._weights = self._weigh(self._analysed)
        return Ready(subsampling, self._analysed, self._weights, chroma.tables_for(subsampling, p.tables), lam)

    def descend(self, ready: Ready, how: Descent) -> Refined:
        """From the trellis's choice, while there is time."""
        return refine(
            self.x,
            ready.analysed,
            ready.weights,
            ready.tables,
            ready.lam,
            how,
            model=sensitivity.shipped().weights(ready.analysed, how.terms, floor=0.0),
            deadline=None if self.seconds is None else time.monotonic() + self.seconds,
            threads=self._threads,
        )

    def _analyse(self, x: torch.Tensor, subsampling: str) -> Analysed:
        return planes.analyse(x, subsampling, progressive=self.progressive)

    def _weigh(self, analysed: Analysed) -> list[Weights]:
        return sensitivity.shipped().weights(analysed, self.plan.mix or self.models.mix)

    def _with_own_tables(self, ready: Ready) -> Ready:
        """Learned from the picture, or from a part of it."""
        if not self.plan.tables:
            return ready
        part = Example(*parts.of_blocks(ready.analysed, ready.weights))
        own = adapt(part, ready.tables, ready.lam, steps=self.plan.tables, rate=_RATE, threads=self._threads)
        return replace(ready, tables=own)

    def _write(self, ready: Ready, z: list[np.ndarray]) -> bytes:
        chosen = planes.assemble(ready.analysed, z, ready.tables)
        return (smallest if self.progressive else sequential)(chosen, self.icc)

    def _trellis(self, ready: Ready, target: Sequence[np.ndarray] | None) -> list[np.ndarray]:
        return planes.optimise(
            ready.analysed, ready.weights, ready.tables, ready.lam, target=target, threads=self._threads
        )
