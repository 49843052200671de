"""A picture's planes of DCT coefficients in zigzag order, chroma at full or half resolution, and back to a file's.

:func:`trellis_quantize` chooses the numbers of a file, and :func:`assemble` makes
:class:`repro.jpeg.codestream.Coefficients` of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from repro.errors import UsageError
from repro.jpeg.blocks import pad, subsample, to_blocks
from repro.jpeg.codestream import Coefficients
from repro.jpeg.color import rgb_to_ycbcr
from repro.jpeg.dct import dct_zigzag
from repro.jpeg.tables import ZIGZAG
from repro.trellis import costs
from repro.trellis.costs import Band
from repro.trellis.paths import choose_ac, choose_dc, choose_eob_runs

#: (64,) the zigzag position of each natural (row-major) index: what brings zigzag order back.
NATURAL = np.argsort(ZIGZAG)
#: The largest numbers that baseline JPEG codes at 8 bits: AC by category 10, DC so that differences fit category 11.
_MOST = 1023


class Plane(NamedTuple):
    """F float32 (rows · cols, 64) in zigzag order, blocks in raster order; ``rows`` and ``cols`` in blocks."""

    F: np.ndarray
    rows: int
    cols: int


class Weights(NamedTuple):
    """Weights of squared errors: float32 (m, 64), m sets of them by frequency (zigzag); int64 (n,), which of the m sets
    each block has."""

    by_frequency: np.ndarray
    row: np.ndarray


@dataclass(frozen=True)
class DctPlanes:
    """A picture of ``height`` × ``width`` pixels as planes: Y alone, or Y, Cb, Cr with ``subsampling`` as in a file;
    ``progressive``: how it will be coded."""

    planes: tuple[Plane, ...]
    height: int
    width: int
    subsampling: str
    progressive: bool = True


def forward_dct(samples: np.ndarray, subsampling: str = "4:2:0", *, progressive: bool = True) -> DctPlanes:
    """(H, W) grey or (H, W, 3) RGB on 0–255 → its planes. Grey pictures have one, whatever ``subsampling`` says.

    Chroma at half resolution is the mean of each 2 × 2, as libjpeg makes it. Raises :class:`UsageError` for another
    ``subsampling`` than ``"4:2:0"`` or ``"4:4:4"``.
    """
    if subsampling not in ("4:2:0", "4:4:4"):
        raise UsageError(f"unknown subsampling {subsampling!r}; choose '4:2:0' or '4:4:4'")
    height, width = samples.shape[:2]
    if samples.ndim == 2:
        return DctPlanes((_plane(samples.astype(np.float32) - 128),), height, width, "grey", progressive)
    y, *chroma = rgb_to_ycbcr(samples) - np.float32(128)
    if subsampling == "4:2:0":
        chroma = [subsample(c) for c in chroma]
    return DctPlanes((_plane(y), *map(_plane, chroma)), height, width, subsampling, progressive)


def trellis_quantize(
    dct: DctPlanes,
    weights: Sequence[Weights],
    tables: np.ndarray,
    lam: float,
    *,
    target: Sequence[np.ndarray] | None = None,
    rounds: int = 2,
    threads: int = 1,
) -> list[np.ndarray]:
    """int32 (n, 64) zigzag for each plane: the numbers that make λ · bits + weighted squared error least.

    weights
        one for each plane.
    tables
        whole numbers in 1–255, (1 or 2, 8, 8), as in a file: luma, then chroma for Cb and Cr.
    lam
        the squared error that one bit may save (0–255 scale, of a coefficient of weight 1).
    target
        what the decoder should get back, for each plane as its F; the planes' own F unless given.
    rounds
        how often the numbers are chosen; each time at what bits cost in codes made for the numbers before.
    """
    wanted = [plane.F for plane in dct.planes] if target is None else target
    chosen: list[np.ndarray] = []
    for members, order in _sharing(dct):
        Q = steps(tables, members[0]).astype(np.float32)
        coder = _Coder(Q, lam, order, dct.progressive, threads)
        chosen += coder.choose([wanted[i] for i in members], [weights[i] for i in members], rounds)
    return chosen


@dataclass(frozen=True)
class _Coder:
    """Of planes that share a table and its codes; ``order``: in which luma's blocks come, None as they lie."""

    Q: np.ndarray
    lam: float
    order: np.ndarray | None
    progressive: bool
    threads: int

    def choose(self, F: Sequence[np.ndarray], weights: Sequence[Weights], rounds: int) -> list[np.ndarray]:
        """As :func:`trellis_quantize`."""
        z = [_dead_zone(plane, self.Q) for plane in F]
        for _ in range(rounds):
            for band in costs.bands(z, self.progressive):
                for plane, weight, numbers in zip(F, weights, z, strict=True):
                    self._ac(plane, weight, band, numbers)
        for _ in range(rounds):
            dc = costs.dc_costs([_ordered(numbers[:, 0], self.order) for numbers in z])
            for plane, weight, numbers in zip(F, weights, z, strict=True):
                self._dc(plane, weight, dc, numbers)
        return [np.clip(numbers, -_MOST, _MOST, out=numbers) for numbers in z]

    def _ac(self, F: np.ndarray, weight: Weights, band: Band, z: np.ndarray) -> None:
        """Several threads at once: blocks are independent until runs of ended blocks are chosen."""
        edges = np.linspace(0, len(F), self.threads + 1).astype(int)
        first, last = band.first, band.last
        cost = np.zeros((len(F), 2))

        def work(part: slice) -> None:
            w, row = weight.by_frequency, weight.row[part]
            choose_ac(F[part], w, row, self.Q, band.ac, self.lam, z[part], first, last, band.eob, cost[part])

        if self.threads == 1:
            work(slice(None))
        else:
            with ThreadPoolExecutor(self.threads) as pool:
                list(pool.map(work, (slice(start, end) for start, end in pairwise(edges))))
        eob = self.lam * band.eob
        if band.eob_runs:
            early = z[:, last] == 0
            cost[early, 1] -= eob
            keep = choose_eob_runs(cost, early, band.eob_run_bits, self.lam)
        else:
            keep = cost[:, 1] < cost[:, 0] + eob
        z[~keep, first : last + 1] = 0

    def _dc(self, F: np.ndarray, weight: Weights, bits: np.ndarray, z: np.ndarray) -> None:
        w = weight.by_frequency[weight.row, 0]
        best = choose_dc(_ordered(F[:, 0], self.order), _ordered(w, self.order), float(self.Q[0]), bits, self.lam)
        z[slice(None) if self.order is None else self.order, 0] = best


def bits(dct: DctPlanes, z: Sequence[np.ndarray]) -> float:
    """About what a file with these numbers costs in its scans, with codes made for it."""
    total = 0.0
    for members, order in _sharing(dct):
        total += costs.ac_bits([z[i] for i in members], dct.progressive)
        total += costs.dc_bits([_ordered(z[i][:, 0], order) for i in members])
    return total


def steps(tables: np.ndarray, plane: int) -> np.ndarray:
    """(64,) in zigzag order: the steps that a plane takes, of ``tables`` (1 or 2, 8, 8); Cb and Cr share the second."""
    return tables[min(plane, 1)].reshape(64)[ZIGZAG]


def assemble(dct: DctPlanes, z: Sequence[np.ndarray], tables: np.ndarray) -> Coefficients:
    """The numbers as a file holds them. ``tables`` as in :func:`trellis_quantize`."""
    planes = tuple(
        np.ascontiguousarray(numbers[:, NATURAL].reshape(plane.rows, plane.cols, 8, 8).astype(np.int16))
        for plane, numbers in zip(dct.planes, z, strict=True)
    )
    kept = np.ascontiguousarray(tables[: min(2, len(planes))], np.uint16)
    return Coefficients(planes, kept, dct.height, dct.width)


def _plane(samples: np.ndarray) -> Plane:
    blocks = to_blocks(pad(samples))
    return Plane(dct_zigzag(blocks), *blocks.shape[:2])


def _dead_zone(F: np.ndarray, Q: np.ndarray) -> np.ndarray:
    """A first guess, for which the first codes are made: AC rounds up from 0.65, as in most encoders."""
    z = (np.sign(F) * np.floor(np.abs(F) / Q + 0.35)).astype(np.int32)
    z[:, 0] = np.rint(F[:, 0] / Q[0])
    return z


def _ordered(values: np.ndarray, order: np.ndarray | None) -> np.ndarray:
    return values if order is None else values[order]


def _sharing(dct: DctPlanes) -> list[tuple[tuple[int, ...], np.ndarray | None]]:
    """Which planes share their codes, and in which order their blocks' DC comes; None: as they lie."""
    if dct.progressive:
        return [((i,), None) for i in range(len(dct.planes))]
    luma, chroma = ((0,), _coding_order(dct)), ((1, 2), None)
    return [luma, chroma] if len(dct.planes) > 1 else [luma]


def _coding_order(dct: DctPlanes) -> np.ndarray | None:
    """Which luma block comes when, where its DC is coded: in one scan of all planes in 4:2:0, two rows of two with each
    block of chroma. None: raster order."""
    if dct.subsampling != "4:2:0":
        return None
    luma = dct.planes[0]
    row, col = np.divmod(np.arange(luma.rows * luma.cols), luma.cols)
    unit = (row // 2) * (-(-luma.cols // 2)) + col // 2
    return np.argsort(4 * unit + 2 * (row % 2) + col % 2, kind="stable")
