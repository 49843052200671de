"""What a file charges for the numbers in it, in a sequential scan or in progressive ones, and what one choice costs.

A sequential scan codes all AC of a block at once and marks the end of each block; Cb and Cr share their codes. A
progressive scan (:mod:`repro.trellis.scans`) codes one component, in one band of frequencies or two. There one symbol
stands for a run of blocks that end side by side. So a block with nothing in a band is nearly free, and a block with
something pays for the run that it cuts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from repro.jpeg.huffman import EOB
from repro.trellis import symbols

#: Where AC may be cut in two, of the places that mozjpeg's search tries most; 0: not at all.
SPLITS = (0, 2, 5)
#: Bits of a scan's header and of its table of codes, which has 8 more for each symbol.
_HEADER = 8 * (10 + 4 + 17)
#: Runs of ended blocks are told apart up to this length.
_LONGEST_RUN = 64


class Band(NamedTuple):
    """Positions ``first``–``last`` of the zigzag, and what coding charges there.

    ac
        float64 (256,): bits of each symbol together with the number that follows it.
    eob
        bits of a block's end, on average.
    eob_runs
        whether one symbol stands for several blocks that end side by side, as in progressive scans.
    """

    first: int
    last: int
    ac: np.ndarray
    eob: float
    eob_runs: bool

    @property
    def eob_run_bits(self) -> np.ndarray:
        """float64: bits of the symbol for 0, 1, 2, … blocks that end side by side."""
        several = np.log2(np.arange(1, _LONGEST_RUN)).astype(int)
        return np.concatenate([[0.0], self.ac[symbols.EOB_RUNS[several]]])


def bands(members: Sequence[np.ndarray], progressive: bool) -> list[Band]:
    """How AC of the planes ``members``, int32 (n, 64) zigzag, which share their codes, is best coded."""
    return _coded(members, progressive)[1]


def ac_bits(members: Sequence[np.ndarray], progressive: bool) -> float:
    """About what AC of these planes costs with codes made for it."""
    return _coded(members, progressive)[0]


def dc_costs(members: Sequence[np.ndarray]) -> np.ndarray:
    """float64 (12,) bits by category of DC's differences, each of ``members`` (n,) in the order of coding."""
    return symbols.dc_costs(_dc_counts(members))


def dc_bits(members: Sequence[np.ndarray]) -> float:
    """About what these DC cost with codes made for them."""
    counts = _dc_counts(members)
    return float(counts @ symbols.dc_costs(counts))


def _dc_counts(members: Sequence[np.ndarray]) -> np.ndarray:
    return np.asarray(np.sum([symbols.dc_symbols(dc) for dc in members], axis=0))


def _coded(members: Sequence[np.ndarray], progressive: bool) -> tuple[float, list[Band]]:
    if not progressive:
        counts = np.sum([symbols.ac_symbols(z) for z in members], axis=0)
        ac = symbols.ac_costs(counts)
        return float(counts @ ac), [Band(1, 63, ac, float(ac[EOB]), eob_runs=False)]
    found = []
    for split in SPLITS:
        scans = [_scan(members, first, last) for first, last in _cut(split)]
        found.append((sum(bits for bits, _ in scans), [band for _, band in scans]))
    return min(found, key=lambda each: each[0])


def _cut(split: int) -> list[tuple[int, int]]:
    return [(1, split), (split + 1, 63)] if split else [(1, 63)]


def _scan(members: Sequence[np.ndarray], first: int, last: int) -> tuple[float, Band]:
    counts = np.sum([symbols.scan_symbols(z, first, last) for z in members], axis=0)
    ac = symbols.ac_costs(counts)
    runs = counts[symbols.EOB_RUNS]
    eob = float(runs @ ac[symbols.EOB_RUNS]) / runs.sum() if runs.any() else float(ac[EOB])
    header = _HEADER + 8 * np.count_nonzero(counts)
    return float(counts @ ac) + header, Band(first, last, ac, eob, eob_runs=True)
