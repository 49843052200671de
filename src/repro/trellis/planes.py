"""A picture's planes of DCT coefficients in zigzag order, chroma at full or half resolution, and back to a file's.

What is chosen here goes into a file as it is: :func:`assemble` gives :class:`repro.jpeg.codestream.Coefficients`.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch

from repro.errors import UsageError
from repro.jpeg.blocks import pad, subsample, to_blocks
from repro.jpeg.codestream import Coefficients
from repro.jpeg.color import rgb_to_ycbcr
from repro.jpeg.dct import dct
from repro.jpeg.tables import ZIGZAG
from repro.trellis import costs as coding
from repro.trellis.costs import Band
from repro.trellis.paths import choose_ac, choose_dc, choose_ends

_ZIGZAG = ZIGZAG.numpy()
#: (64,) the zigzag position of each natural (row-major) index: what brings zigzag order back.
NATURAL = np.argsort(_ZIGZAG)
#: The largest numbers that baseline JPEG codes at 8 bits: AC by category 10, DC so that differences fit category 11.
_MOST = 1023


class Plane(NamedTuple):
    """F float32 (rows · cols, 64) in zigzag order, blocks in raster order; ``rows`` and ``cols`` in blocks."""

    F: np.ndarray
    rows: int
    cols: int


class Weights(NamedTuple):
    """What an error is worth: float32 (m, 64), weights of squared error by frequency (zigzag); int64 (n,), which of the
    m rows each block has."""

    by_frequency: np.ndarray
    row: np.ndarray


@dataclass(frozen=True)
class Analysed:
    """A picture of ``height`` × ``width`` pixels as planes: Y alone, or Y, Cb, Cr with ``subsampling`` as in a file;
    ``progressive``: how it will be coded."""

    planes: tuple[Plane, ...]
    height: int
    width: int
    subsampling: str
    progressive: bool = True


def analyse(x: torch.Tensor, subsampling: str = "4:2:0", *, progressive: bool = True) -> Analysed:
    """(1, 1 or 3, H, W) on 0–255 → its planes. Grey pictures have one, whatever ``subsampling`` says.

    Chroma at half resolution is the mean of each 2 × 2, as libjpeg makes it. Raises :class:`UsageError` for another
    ``subsampling`` than ``"4:2:0"`` or ``"4:4:4"``.
    """
    if subsampling not in ("4:2:0", "4:4:4"):
        raise UsageError(f"unknown subsampling {subsampling!r}; choose '4:2:0' or '4:4:4'")
    height, width = x.shape[-2:]
    samples = x.float()
    if x.shape[1] == 1:
        return Analysed((_plane(samples - 128),), height, width, "grey", progressive)
    y, cb, cr = (rgb_to_ycbcr(samples) - 128).split(1, dim=1)
    chroma = (subsample(c) if subsampling == "4:2:0" else c for c in (cb, cr))
    return Analysed((_plane(y), *(_plane(c) for c in chroma)), height, width, subsampling, progressive)


def optimise(
    analysed: Analysed,
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
        squared error (0–255 scale, of a coefficient of weight 1) that a bit is worth.
    target
        what the decoder should get back, for each plane as its F; the planes' own F unless given.
    rounds
        how often codes are made for what was chosen, and it is chosen anew.
    """
    wanted = [plane.F for plane in analysed.planes] if target is None else target
    chosen: list[np.ndarray] = []
    for members, order in _sharing(analysed):
        Q = steps(tables, members[0]).astype(np.float32)
        coder = _Coder(Q, lam, order, analysed.progressive, threads)
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
        """As :func:`optimise`."""
        z = [_dead_zone(plane, self.Q) for plane in F]
        for _ in range(rounds):
            bands = coding.bands(z, self.progressive)
            for band in bands:
                for plane, weight, numbers in zip(F, weights, z, strict=True):
                    self._ac(plane, weight, band, numbers)
        for _ in range(rounds):
            costs = coding.dc_costs([_ordered(numbers[:, 0], self.order) for numbers in z])
            for plane, weight, numbers in zip(F, weights, z, strict=True):
                self._dc(plane, weight, costs, numbers)
        return [np.clip(numbers, -_MOST, _MOST, out=numbers) for numbers in z]

    def _ac(self, F: np.ndarray, weight: Weights, band: Band, z: np.ndarray) -> None:
        """Several threads at once: until they share their ends, blocks do not look at each other."""
        edges = np.linspace(0, len(F), self.threads + 1).astype(int)
        first, last = band.first, band.last
        cost = np.zeros((len(F), 2))

        def work(part: slice) -> None:
            w, row = weight.by_frequency, weight.row[part]
            choose_ac(F[part], w, row, self.Q, band.ac, self.lam, z[part], first, last, band.end, cost[part])

        if self.threads == 1:
            work(slice(None))
        else:
            with ThreadPoolExecutor(self.threads) as pool:
                list(pool.map(work, (slice(start, end) for start, end in pairwise(edges))))
        end = self.lam * band.end
        if band.shared:
            early = z[:, last] == 0
            cost[early, 1] -= end
            keep = choose_ends(cost, early, band.ends, self.lam)
        else:
            keep = cost[:, 1] < cost[:, 0] + end
        z[~keep, first : last + 1] = 0

    def _dc(self, F: np.ndarray, weight: Weights, costs: np.ndarray, z: np.ndarray) -> None:
        w = weight.by_frequency[weight.row, 0]
        best = choose_dc(_ordered(F[:, 0], self.order), _ordered(w, self.order), float(self.Q[0]), costs, self.lam)
        z[slice(None) if self.order is None else self.order, 0] = best


def bits(analysed: Analysed, z: Sequence[np.ndarray]) -> float:
    """About what a file with these numbers costs in its scans, with codes made for it."""
    total = 0.0
    for members, order in _sharing(analysed):
        total += coding.ac_bits([z[i] for i in members], analysed.progressive)
        total += coding.dc_bits([_ordered(z[i][:, 0], order) for i in members])
    return total


def steps(tables: np.ndarray, plane: int) -> np.ndarray:
    """(64,) in zigzag order: the steps that a plane takes, of ``tables`` (1 or 2, 8, 8); Cb and Cr share the second."""
    return tables[min(plane, 1)].reshape(64)[_ZIGZAG]


def assemble(analysed: Analysed, z: Sequence[np.ndarray], tables: np.ndarray) -> Coefficients:
    """The numbers as a file holds them. ``tables`` as in :func:`optimise`."""
    planes = tuple(
        np.ascontiguousarray(numbers[:, NATURAL].reshape(plane.rows, plane.cols, 8, 8).astype(np.int16))
        for plane, numbers in zip(analysed.planes, z, strict=True)
    )
    kept = np.ascontiguousarray(tables[: min(2, len(planes))], np.uint16)
    return Coefficients(planes, kept, analysed.height, analysed.width)


def _plane(samples: torch.Tensor) -> Plane:
    F = dct(to_blocks(pad(samples)))[0, 0]
    rows, cols = F.shape[:2]
    return Plane(F.reshape(-1, 64)[:, ZIGZAG].numpy(), rows, cols)


def _dead_zone(F: np.ndarray, Q: np.ndarray) -> np.ndarray:
    """A first guess, from which the first codes are made: AC rounds up from 0.65, as most encoders' AC."""
    z = (np.sign(F) * np.floor(np.abs(F) / Q + 0.35)).astype(np.int32)
    z[:, 0] = np.rint(F[:, 0] / Q[0])
    return z


def _ordered(values: np.ndarray, order: np.ndarray | None) -> np.ndarray:
    return values if order is None else values[order]


def _sharing(analysed: Analysed) -> list[tuple[tuple[int, ...], np.ndarray | None]]:
    """Which planes share their codes, and in which order their blocks' DC comes; None: as they lie."""
    if analysed.progressive:
        return [((i,), None) for i in range(len(analysed.planes))]
    luma, chroma = ((0,), _coding_order(analysed)), ((1, 2), None)
    return [luma, chroma] if len(analysed.planes) > 1 else [luma]


def _coding_order(analysed: Analysed) -> np.ndarray | None:
    """Which luma block comes when, where its DC is coded: in one scan of all planes in 4:2:0, two rows of two with each
    block of chroma. None: raster order."""
    if analysed.subsampling != "4:2:0":
        return None
    luma = analysed.planes[0]
    row, col = np.divmod(np.arange(luma.rows * luma.cols), luma.cols)
    unit = (row // 2) * (-(-luma.cols // 2)) + col // 2
    return np.argsort(4 * unit + 2 * (row % 2) + col % 2, kind="stable")
