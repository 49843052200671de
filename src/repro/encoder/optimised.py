"""A picture that is written with the trellis, and with as much effort after it as was asked for.

``"fast"``: the trellis alone, told what errors are worth by frequency and activity. ``"default"``: one look at the
distortion itself, and the trellis again. ``"best"``: looks and chooses again and again, until its time is up.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence

import numpy as np
import torch

from repro.encoder.analysis import to_tensor
from repro.encoder.images import Picture
from repro.encoder.models import ModelSet, Parameters
from repro.encoder.refine import Descent, refine
from repro.errors import UsageError
from repro.jpeg.codestream import write
from repro.rdo import planes, sensitivity

#: How far λ may be moved to meet a number of bits once targets are settled, and in how many halvings.
_REACH, _HALVINGS = 2.0, 7


class Optimised:
    """``picture`` before a set of ``models`` for the trellis, to be written with an ``effort`` of the module's.

    ``seconds`` bounds the time that descending takes, for each file; None: as long as its steps take.
    """

    def __init__(
        self,
        picture: Picture,
        models: ModelSet,
        effort: str = "default",
        *,
        progressive: bool = True,
        seconds: float | None = None,
    ) -> None:
        self.x = to_tensor(picture)
        self.models, self.progressive, self.icc, self.seconds = models, progressive, picture.icc, seconds
        self._descent = descent_of(effort, models.mix)
        self._analysed = planes.analyse(self.x, "4:2:0")
        self._weights = sensitivity.shipped().weights(self._analysed, models.mix)
        self._threads = torch.get_num_threads()

    def at(self, quality: float) -> bytes:
        """The file at a quality from 1 to 100."""
        p = self.models.at(quality)
        return self._write(p, self._chosen(p)[0])

    def fit(self, quality: float, bits: float) -> bytes | None:
        """The largest file within ``bits`` that other values of λ make of what :meth:`at` settles on; None: none."""
        p = self.models.at(quality)
        _, target = self._chosen(p)
        low, high = -math.log(_REACH), math.log(_REACH)  # of λ: at low too much is spent, at high it fits
        best: bytes | None = None
        shift = 0.0
        for _ in range(_HALVINGS + 1):
            data = self._write(p, self._trellis(p, _lam(p) * math.exp(shift), target))
            if 8 * len(data) > bits:
                low = shift
            else:
                high = shift
                best = data if best is None or len(data) > len(best) else best
            shift = (low + high) / 2
        return best

    def _chosen(self, p: Parameters) -> tuple[list[np.ndarray], Sequence[np.ndarray] | None]:
        """(numbers, targets)."""
        if self._descent is None:
            return self._trellis(p, _lam(p), None), None
        deadline = None if self.seconds is None else time.monotonic() + self.seconds
        found = refine(
            self.x,
            self._analysed,
            self._weights,
            p.tables,
            _lam(p),
            self._descent,
            deadline=deadline,
            threads=self._threads,
        )
        return found.z, found.target

    def _write(self, p: Parameters, z: list[np.ndarray]) -> bytes:
        chosen = planes.assemble(self._analysed, z, p.tables)
        return write(chosen, progressive=self.progressive, icc=self.icc)

    def _trellis(self, p: Parameters, lam: float, target: Sequence[np.ndarray] | None) -> list[np.ndarray]:
        return planes.optimise(self._analysed, self._weights, p.tables, lam, target=target, threads=self._threads)


def descent_of(effort: str, mix: Mapping[str, float]) -> Descent | None:
    """How ``effort`` descends on the distortion itself, whose MS-SSIM weighs as in ``mix``; ``"fast"`` does not."""
    if effort == "fast":
        return None
    if effort == "default":
        return Descent(steps=1, gamma=1000.0, sigma=1000.0, damping=3.0, memory=0.0, trusting=True)
    return Descent(steps=30, gamma=4000.0, sigma=mix.get("ms_ssim", 0.0), damping=3.0, memory=0.7)


def _lam(p: Parameters) -> float:
    """Squared error that a bit is worth."""
    if p.lam is None:
        raise UsageError("a set of models for the trellis has a λ at every quality; this one has none")
    return 1 / p.lam
