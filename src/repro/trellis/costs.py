"""What a file charges for the numbers in it, in a sequential scan or in progressive ones (:mod:`repro.jpeg.scans`).

A sequential scan marks the end of each block. A progressive scan codes one component, in one band of frequencies or
two, and there one symbol stands for a run of blocks that end side by side. So a block with nothing in a band is nearly
free, and a block with something pays for the run that it cuts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from repro.jpeg.huffman import EOB
from repro.jpeg.scans import Scan, ac_scans, dc_scan, sequential_scan
from repro.jpeg.symbols import AC, FOLLOWING
from repro.threads import in_parallel

#: Bits of a symbol that has no code since it never occurs: a little more than the longest code.
_UNSEEN = 18
#: Symbols of 1, of 2–3, of 4–7, … blocks that end side by side. Runs are told apart up to the length below.
_EOB_RUNS = np.arange(0, 0xF0, 16)
_LONGEST_RUN = 64
#: Numbers of a block lie in zigzag order.
_ORDER = np.arange(64)


class Band(NamedTuple):
    """Positions ``first``–``last`` of the zigzag, and what coding charges there.

    ac
        float64 (256,): bits of each symbol together with the number that follows it.
    eob
        bits of the symbol that ends a block or a run of blocks, on average.
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
        return np.concatenate([[0.0], self.ac[_EOB_RUNS[several]]])


def symbol_costs(lengths: np.ndarray) -> np.ndarray:
    """float64 (256,): bits of each symbol together with the number that follows, where codes have these ``lengths``
    (:func:`repro.jpeg.codes.optimal_code_lengths`)."""
    return np.where(lengths > 0, lengths, _UNSEEN) + FOLLOWING.astype(float)


def ac_bands(z: Sequence[np.ndarray], progressive: bool, threads: int = 1) -> list[list[Band]]:
    """For each component of a picture the bands in which its AC is coded. ``z``: int16 (rows, cols, 64) each, in zigzag
    order."""
    if progressive:
        scans = in_parallel(lambda i: _ac(z[i], i), range(len(z)), threads)
        return [[_band(scan, AC + (i > 0)) for scan in each] for i, each in enumerate(scans)]
    lengths = sequential_scan(z, _ORDER).lengths
    each = [symbol_costs(lengths[AC + (i > 0)]) for i in range(len(z))]
    return [[Band(1, 63, ac, float(ac[EOB]), eob_runs=False)] for ac in each]


def dc_costs(z: Sequence[np.ndarray]) -> list[np.ndarray]:
    """For each component the bits by category of DC's differences, as :func:`symbol_costs`. Cb and Cr share codes."""
    lengths = dc_scan(z, _ORDER).lengths
    luma, chroma = symbol_costs(lengths[0]), symbol_costs(lengths[1])
    return [chroma if i else luma for i in range(len(z))]


def bits(z: Sequence[np.ndarray], progressive: bool) -> float:
    """About what a file with these numbers costs in its scans, with codes made for it."""
    if not progressive:
        return sequential_scan(z, _ORDER).bits
    return dc_scan(z, _ORDER).bits + sum(scan.bits for i in range(len(z)) for scan in _ac(z[i], i))


def _ac(z: np.ndarray, i: int) -> list[Scan]:
    return ac_scans(z.reshape(-1, 64), i, _ORDER)


def _band(scan: Scan, table: int) -> Band:
    ac, runs = symbol_costs(scan.lengths[table]), scan.counts[table][_EOB_RUNS]
    eob = float(runs @ ac[_EOB_RUNS]) / runs.sum() if runs.any() else float(ac[EOB])
    return Band(scan.first, scan.last, ac, eob, eob_runs=True)
