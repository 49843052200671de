"""Encode with a set of tables that was learned for the trellis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from repro import threads
from repro.encoder import chroma
from repro.encoder.images import Picture
from repro.encoder.models import ModelSet
from repro.encoder.search import Encoder
from repro.errors import UsageError
from repro.jpeg.writer import Scans, write
from repro.trellis import planes, sampling, sensitivity
from repro.trellis.own_tables import own_tables
from repro.trellis.planes import DctPlanes, Weights
from repro.trellis.tables import Example, adapt

#: Adam's rate where a picture's own tables are learned.
_RATE = 0.08


@dataclass(frozen=True)
class Plan:
    """How much to do for a picture.

    rounds
        how often the numbers are chosen. Each time bits cost what they do in codes made for the numbers before, and the
        tables are fitted to those numbers.
    table_steps
        steps of learning the picture's own tables, from those of the set; 0: the set's are taken.
    metric_weights
        weights of the metrics by which errors are weighted; None: those that the set was learned with.
    lambda_scale
        λ of the rate is the set's, times this. It makes up for other ``metric_weights``, so that one quality gives
        files of about one size under every plan.
    """

    rounds: int = 2
    table_steps: int = 0
    metric_weights: Mapping[str, float] | None = None
    lambda_scale: float = 1.0


@dataclass(frozen=True)
class Prepared:
    """A picture and all that its numbers are chosen by: arguments of :func:`repro.trellis.planes.trellis_quantize`."""

    dct: DctPlanes
    weights: Sequence[Weights]
    tables: np.ndarray
    lam: float


class TrellisEncoder(Encoder):
    """Encodes ``picture`` at any quality: how much of chroma to keep is decided first, then the trellis chooses.

    What does not depend on the quality is computed once. ``models`` must be a set for the trellis.
    """

    def __init__(
        self, picture: Picture, models: ModelSet, plan: Plan | None = None, *, scans: Scans = "interleaved"
    ) -> None:
        self.picture, self.models, self.plan, self.scans = picture, models, plan or Plan(), scans
        self._threads = threads.available()
        self._lost_by_half = chroma.lost_by_half(picture.samples)
        self._dct: DctPlanes | None = None

    def encode(self, quality: float) -> bytes:
        """The file at a quality from 1 to 100."""
        prepared = self._with_own_tables(self.prepare(quality))
        z = self._quantize(prepared, rounds=1)
        for _ in range(self.plan.rounds - 1):
            own = own_tables(prepared.dct, prepared.weights, prepared.tables, z)
            prepared = replace(prepared, tables=own)
            z = self._quantize(prepared, start=z, rounds=1)
        return self._write(prepared, z)

    def prepare(self, quality: float) -> Prepared:
        """With the set's tables for ``quality``, and as much of chroma as is worth its bits there."""
        p = self.models.at(quality)
        if p.lam is None:
            raise UsageError(f"model {self.models.name}: is no set for the trellis, so no λ belongs to a quality")
        lam = self.plan.lambda_scale / p.lam
        subsampling = chroma.subsampling_for(self._lost_by_half, lam)
        if self._dct is None or self._dct.subsampling not in (subsampling, "grey"):
            self._dct = self._forward_dct(subsampling)
            self._weights = self._weigh(self._dct)
        return Prepared(self._dct, self._weights, chroma.tables_for(subsampling, p.tables), lam)

    def _forward_dct(self, subsampling: str) -> DctPlanes:
        progressive = self.scans != "sequential"
        return planes.forward_dct(self.picture.samples, subsampling, progressive=progressive, threads=self._threads)

    def _weigh(self, dct: DctPlanes) -> list[Weights]:
        return sensitivity.shipped().weights(dct, self.plan.metric_weights or self.models.metric_weights)

    def _with_own_tables(self, prepared: Prepared) -> Prepared:
        """Learned from the picture, or from a sample of it."""
        if not self.plan.table_steps:
            return prepared
        sample = Example(*sampling.sample_blocks(prepared.dct, prepared.weights))
        own = adapt(
            sample, prepared.tables, prepared.lam, steps=self.plan.table_steps, rate=_RATE, threads=self._threads
        )
        return replace(prepared, tables=own)

    def _quantize(
        self,
        p: Prepared,
        target: Sequence[np.ndarray] | None = None,
        *,
        start: Sequence[np.ndarray] | None = None,
        rounds: int = 2,
    ) -> list[np.ndarray]:
        return planes.trellis_quantize(
            p.dct, p.weights, p.tables, p.lam, target=target, start=start, rounds=rounds, threads=self._threads
        )

    def _write(self, prepared: Prepared, z: list[np.ndarray]) -> bytes:
        chosen = planes.assemble(prepared.dct, z, prepared.tables)
        return write(chosen, scans=self.scans, icc=self.picture.icc, threads=self._threads)
