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
from repro.rdo import symbols
from repro.rdo.trellis import choose_ac, choose_dc

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
    """A picture of ``height`` × ``width`` pixels as planes: Y alone, or Y, Cb, Cr with ``subsampling`` as in a file."""

    planes: tuple[Plane, ...]
    height: int
    width: int
    subsampling: str


def analyse(x: torch.Tensor, subsampling: str = "4:2:0") -> Analysed:
    """(1, 1 or 3, H, W) on 0–255 → its planes. Grey pictures have one, whatever ``subsampling`` says.

    Chroma at half resolution is the mean of each 2 × 2, as libjpeg makes it. Raises :class:`UsageError` for another
    ``subsampling`` than ``"4:2:0"`` or ``"4:4:4"``.
    """
    if subsampling not in ("4:2:0", "4:4:4"):
        raise UsageError(f"unknown subsampling {subsampling!r}; choose '4:2:0' or '4:4:4'")
    height, width = x.shape[-2:]
    samples = x.float()
    if x.shape[1] == 1:
        return Analysed((_plane(samples - 128),), height, width, "grey")
    y, cb, cr = (rgb_to_ycbcr(samples) - 128).split(1, dim=1)
    chroma = (subsample(c) if subsampling == "4:2:0" else c for c in (cb, cr))
    return Analysed((_plane(y), *(_plane(c) for c in chroma)), height, width, subsampling)


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
        how often codes are made for what was chosen, and it is chosen anew. Cb and Cr share their codes.
    """
    wanted = [plane.F for plane in analysed.planes] if target is None else target
    chosen: list[np.ndarray] = []
    for members in ((0,), (1, 2))[: min(2, len(analysed.planes))]:
        Q = steps(tables, members[0]).astype(np.float32)
        order = _coding_order(analysed) if members == (0,) else None
        chosen += _component(
            [wanted[i] for i in members], [weights[i] for i in members], Q, lam, rounds, threads, order
        )
    return chosen


def _component(
    F: Sequence[np.ndarray],
    weights: Sequence[Weights],
    Q: np.ndarray,
    lam: float,
    rounds: int,
    threads: int,
    order: np.ndarray | None,
) -> list[np.ndarray]:
    """As :func:`optimise`, for the planes that share a table and its codes."""
    z = [_dead_zone(plane, Q) for plane in F]
    for _ in range(rounds):
        ac = symbols.ac_costs(np.sum([symbols.ac_symbols(plane) for plane in z], axis=0))
        for plane, weight, numbers in zip(F, weights, z, strict=True):
            _in_parts(plane, weight, Q, ac, lam, numbers, threads)
    for _ in range(rounds):
        dc = symbols.dc_costs(np.sum([symbols.dc_symbols(_ordered(numbers[:, 0], order)) for numbers in z], axis=0))
        for plane, weight, numbers in zip(F, weights, z, strict=True):
            w = weight.by_frequency[weight.row, 0]
            best = choose_dc(_ordered(plane[:, 0], order), _ordered(w, order), float(Q[0]), dc, lam)
            numbers[slice(None) if order is None else order, 0] = best
    return [np.clip(numbers, -_MOST, _MOST, out=numbers) for numbers in z]


def _in_parts(
    F: np.ndarray, weight: Weights, Q: np.ndarray, ac: np.ndarray, lam: float, z: np.ndarray, threads: int
) -> None:
    """The trellis of AC, several threads at once: blocks do not look at each other."""
    edges = np.linspace(0, len(F), threads + 1).astype(int)
    parts = [slice(start, end) for start, end in pairwise(edges)]

    def work(part: slice) -> None:
        choose_ac(F[part], weight.by_frequency, weight.row[part], Q, ac, lam, z[part])

    if threads == 1:
        work(parts[0])
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, parts))


def symbol_counts(analysed: Analysed, z: Sequence[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
    """(DC counts, AC counts) of luma and, with colour, of chroma together: what the codes of a file are made for."""
    order = _coding_order(analysed)
    found = []
    for members in ((0,), (1, 2))[: min(2, len(z))]:
        dc = sum(symbols.dc_symbols(_ordered(z[i][:, 0], order if i == 0 else None)) for i in members)
        ac = sum(symbols.ac_symbols(z[i]) for i in members)
        found.append((np.asarray(dc), np.asarray(ac)))
    return found


def bits(analysed: Analysed, z: Sequence[np.ndarray]) -> float:
    """About what a file with these numbers costs in its scans, sequential, with codes made for it."""
    return sum(symbols.total_bits(dc, ac) for dc, ac in symbol_counts(analysed, z))


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


def _coding_order(analysed: Analysed) -> np.ndarray | None:
    """Which luma block comes when: in 4:2:0, two rows of two with each block of chroma. None: raster order."""
    if analysed.subsampling != "4:2:0":
        return None
    luma = analysed.planes[0]
    row, col = np.divmod(np.arange(luma.rows * luma.cols), luma.cols)
    unit = (row // 2) * (-(-luma.cols // 2)) + col // 2
    return np.argsort(4 * unit + 2 * (row % 2) + col % 2, kind="stable")
