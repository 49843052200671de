"""Encode with a set for the trellis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from repro import threads
from repro.encoder import chroma
from repro.encoder.images import Picture
from repro.encoder.search import Encoder
from repro.encoder.trellis_set import TrellisSet, expected_losses
from repro.jpeg.blocks import SIDE
from repro.jpeg.writer import Scans, write
from repro.trellis import planes
from repro.trellis.own_tables import own_tables
from repro.trellis.planes import DctPlanes, Weights

#: Pictures of at least this many pixels have a table for Cr. In smaller ones its 69 bytes cost more than it gains: on
#: tuning photos of 0.3 megapixels up to 0.4 % at equal SSIMULACRA 2, and 0.6 to 0.8 % at equal MSE.
_THIRD_TABLE = 2_000_000


@dataclass(frozen=True)
class Prepared:
    """The trellis's input for a picture: arguments of :func:`repro.trellis.planes.trellis_quantize`."""

    dct: DctPlanes
    weights: Sequence[Weights]
    tables: np.ndarray
    lam: float


class TrellisEncoder(Encoder):
    """Encodes ``picture`` at any quality: first the chroma subsampling is decided, then the trellis chooses the
    quantised coefficients.

    What does not depend on the quality is computed once.

    rounds
        how often the coefficients are chosen. Each later round takes the bit costs of Huffman codes made for the
        previous choice, and tables fitted to it.
    subsampling
        ``"4:2:0"`` or ``"4:4:4"``; None takes what is worth its bits.
    sharp_chroma
        whether half-resolution chroma is sharpened against the decoder's filter.
    """

    def __init__(
        self,
        picture: Picture,
        chosen: TrellisSet,
        *,
        rounds: int = 2,
        scans: Scans = "interleaved",
        subsampling: str | None = None,
        sharp_chroma: bool = True,
    ) -> None:
        self.picture, self.set, self.scans = picture, chosen, scans
        self._rounds, self._fixed, self._sharp_chroma = rounds, subsampling, sharp_chroma
        self._threads = threads.available()
        self._lost_by_half = chroma.lost_by_half(picture.samples)
        self._dct: DctPlanes | None = None

    def encode(self, quality: float) -> bytes:
        """The file at a quality from 1 to 100."""
        return self._write(*self.choose(quality))

    def choose(self, quality: float) -> tuple[Prepared, list[np.ndarray]]:
        """Return the trellis's input at a quality from 1 to 100, and the quantised coefficients that it chose, int16
        (n, 64) zigzag for each plane."""
        prepared = self.prepare(quality)
        if self.picture.pixels < _THIRD_TABLE:
            prepared = replace(prepared, tables=with_one_for_chroma(prepared.tables))
        z = self._quantize(prepared)
        for _ in range(self._rounds - 1):
            own = own_tables(prepared.dct, prepared.weights, prepared.tables, z)
            prepared = replace(prepared, tables=own)
            z = self._quantize(prepared, start=z)
        return prepared, z

    def prepare(self, quality: float) -> Prepared:
        """Return the trellis's input at ``quality``: the set's tables, and as much chroma as is worth its bits."""
        subsampling = self._fixed or chroma.subsampling_for(self._lost_by_half, self.set.median_lam(quality))
        if max(self.picture.width, self.picture.height) <= SIDE:  # one block of each component either way
            subsampling = chroma.FULL
        if self._dct is None or self._dct.subsampling not in (subsampling, "grey"):
            self._dct = planes.forward_dct(
                self.picture.samples,
                subsampling,
                progressive=self.scans != "sequential",
                sharp_chroma=self._sharp_chroma,
                threads=self._threads,
            )
            self._weights = self.set.network.weights(self._dct, self._threads)
            self._losses = expected_losses(self.set, self._dct.planes[0], self._weights[0])
        lam = self.set.lam_at(quality, self._losses)
        return Prepared(self._dct, self._weights, self.set.tables_at(lam, subsampling), lam)

    def _quantize(self, p: Prepared, start: Sequence[np.ndarray] | None = None) -> list[np.ndarray]:
        return planes.trellis_quantize(p.dct, p.weights, p.tables, p.lam, start=start, rounds=1, threads=self._threads)

    def _write(self, prepared: Prepared, z: list[np.ndarray]) -> bytes:
        chosen = planes.assemble(prepared.dct, z, prepared.tables)
        return write(chosen, scans=self.scans, icc=self.picture.icc, threads=self._threads)


def with_one_for_chroma(tables: np.ndarray) -> np.ndarray:
    """(3, 8, 8) → (2, 8, 8) of the same dtype: one table for chroma, the geometric mean of those for Cb and Cr."""
    chroma_steps = np.sqrt(tables[1].astype(np.float64) * tables[2])
    return np.stack([tables[0], np.rint(chroma_steps).astype(tables.dtype)])
