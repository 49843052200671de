"""Encode with the trellis, guided by the distortion's gradient: the efforts ``"default"`` and ``"best"``.

``"default"`` learns the picture's own tables, takes one gradient of the distortion, and updates the tables once more.
``"best"`` takes many, with more weight on the perceptual metrics and less on MSE, until its time is up.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from repro.encoder.images import Picture
from repro.encoder.search import largest_within
from repro.encoder.trellis_encoder import Plan, Prepared, TrellisEncoder
from repro.encoder.trellis_set import TrellisSet
from repro.jpeg.writer import Scans
from repro.stages import to_tensor
from repro.torch_encoder.refine import Descent, Refined, refine

#: How far λ may be moved to meet a number of bits once targets are settled, and in how many halvings.
_REACH, _HALVINGS = 2.0, 7


@dataclass(frozen=True)
class DescentPlan(Plan):
    """A plan with a ``descent`` after the picture's own tables."""

    descent: Descent = field(default_factory=Descent)


_LONG = Descent(steps=30, gamma=380.0, sigma=3300.0, max_shift=0.5, damping=1.0, momentum=(0.8, 0.97), table_updates=1)
#: What each effort does. λ is scaled so that a file of one quality has about the same size at every effort.
PLANS = {
    "best": DescentPlan(table_steps=12, descent=_LONG),
}


class DescentEncoder(TrellisEncoder):
    """As :class:`~repro.encoder.trellis_encoder.TrellisEncoder`, with an effort of :data:`PLANS` or another plan.

    ``seconds`` bounds the time that the descent takes, for each file; None: as long as its steps take.
    """

    plan: DescentPlan

    def __init__(
        self,
        picture: Picture,
        chosen: TrellisSet,
        plan: DescentPlan,
        *,
        scans: Scans = "interleaved",
        seconds: float | None = None,
    ) -> None:
        super().__init__(picture, chosen, plan, scans=scans)
        self.seconds = seconds
        self._x = to_tensor(picture.samples)

    def encode(self, quality: float) -> bytes:
        """The file at a quality from 1 to 100."""
        prepared, found = self._refined(quality)
        return self._write(prepared, found.z)

    def within(self, bits: float, name: str) -> tuple[float, bytes]:
        """As :meth:`TrellisEncoder.within`, with one descent: where the trellis alone meets ``bits``."""
        quality, data = largest_within(self._without_descent, bits, self.picture.pixels, name)
        return quality, self._fit(quality, bits) or data

    def descend(self, prepared: Prepared, how: Descent) -> Refined:
        """From the trellis's choice, while there is time."""
        return refine(
            self._x,
            prepared.dct,
            prepared.weights,
            prepared.tables,
            prepared.lam,
            how,
            deadline=None if self.seconds is None else time.monotonic() + self.seconds,
            threads=self._threads,
        )

    def _refined(self, quality: float) -> tuple[Prepared, Refined]:
        prepared = self._with_own_tables(self.prepare(quality))
        found = self.descend(prepared, self.plan.descent)
        return replace(prepared, tables=found.tables), found

    def _without_descent(self, quality: float) -> bytes:
        prepared = self.prepare(quality)
        return self._write(prepared, self._quantize(prepared))

    def _fit(self, quality: float, bits: float) -> bytes | None:
        """The largest file within ``bits`` that other values of λ make of the targets at ``quality``; None: none."""
        prepared, found = self._refined(quality)
        target: Sequence[np.ndarray] = found.target
        low, high = -math.log(_REACH), math.log(_REACH)  # of λ: at low too much is spent, at high it fits
        best: bytes | None = None
        shift = 0.0
        for _ in range(_HALVINGS + 1):
            scaled = replace(prepared, lam=prepared.lam * math.exp(shift))
            data = self._write(scaled, self._quantize(scaled, target))
            if 8 * len(data) > bits:
                low = shift
            else:
                high = shift
                best = data if best is None or len(data) > len(best) else best
            shift = (low + high) / 2
        return best
