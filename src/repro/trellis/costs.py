"""What quantised coefficients cost, in bits, in a sequential scan or in progressive ones (:mod:`repro.jpeg.scans`).

A sequential scan codes the end of each block. A progressive scan codes one band of frequencies of one component, where
one symbol can end a run of successive blocks (an EOB run). So a block with nothing in a band is nearly free, and a
block with something in it also pays for splitting the run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from repro.jpeg.huffman import EOB
from repro.jpeg.scans import Scan, ac_scans, dc_scan, sequential_scan
from repro.jpeg.symbols import AC, FOLLOWING
from repro.threads import in_parallel

#: Bits charged for a symbol that has no code because it never occurs: a little more than the longest code.
_UNSEEN = 18
#: The symbols of EOB runs of 1, 2–3, 4–7, … blocks. Only runs shorter than ``_LONGEST_RUN`` are told apart.
_EOB_RUNS = np.arange(0, 0xF0, 16)
_LONGEST_RUN = 64
#: Blocks are in zigzag order here.
_ORDER = np.arange(64)


class Band(NamedTuple):
    """Zigzag positions ``first``–``last``, and the bits that coding them takes.

    ac
        float64 (256,): bits of each symbol, including those that follow it.
    eob
        mean bits of the symbol that ends a block or an EOB run.
    eob_runs
        whether one symbol can end several successive blocks, as in progressive scans.
    """

    first: int
    last: int
    ac: np.ndarray
    eob: float
    eob_runs: bool

    @property
    def eob_run_bits(self) -> np.ndarray:
        """float64 (64,): bits of the symbol for an EOB run of 0, 1, 2, … blocks."""
        several = np.log2(np.arange(1, _LONGEST_RUN)).astype(int)
        return np.concatenate([[0.0], self.ac[_EOB_RUNS[several]]])


def symbol_costs(lengths: np.ndarray) -> np.ndarray:
    """float64 (256,): bits of each symbol, including those that follow it, for codes of these ``lengths`` (256,); see
    :func:`repro.jpeg.codes.optimal_code_lengths`."""
    return np.where(lengths > 0, lengths, _UNSEEN) + FOLLOWING.astype(float)


def ac_bands(z: Sequence[np.ndarray], progressive: bool, threads: int = 1) -> list[list[Band]]:
    """For each component of a picture, the bands in which its AC is coded. ``z``: int16 (rows, cols, 64) each, in
    zigzag order."""
    if progressive:
        scans = in_parallel(lambda i: _ac(z[i], i), range(len(z)), threads)
        return [[_band(scan, AC + (i > 0)) for scan in each] for i, each in enumerate(scans)]
    lengths = sequential_scan(z, _ORDER).lengths
    each = [symbol_costs(lengths[AC + (i > 0)]) for i in range(len(z))]
    return [[Band(1, 63, ac, float(ac[EOB]), eob_runs=False)] for ac in each]


def dc_costs(z: Sequence[np.ndarray]) -> list[np.ndarray]:
    """For each component, the bits of DC differences by category, as :func:`symbol_costs`. Cb and Cr share codes."""
    lengths = dc_scan(z, _ORDER).lengths
    luma, chroma = symbol_costs(lengths[0]), symbol_costs(lengths[1])
    return [chroma if i else luma for i in range(len(z))]


def bits(z: Sequence[np.ndarray], progressive: bool) -> float:
    """About how many bits the scans of a file with the numbers ``z`` take, with codes optimised for them."""
    if not progressive:
        return sequential_scan(z, _ORDER).bits
    return dc_scan(z, _ORDER).bits + sum(scan.bits for i in range(len(z)) for scan in _ac(z[i], i))


def _ac(z: np.ndarray, i: int) -> list[Scan]:
    return ac_scans(z.reshape(-1, 64), i, _ORDER)


def _band(scan: Scan, table: int) -> Band:
    ac, runs = symbol_costs(scan.lengths[table]), scan.counts[table][_EOB_RUNS]
    eob = float(runs @ ac[_EOB_RUNS]) / runs.sum() if runs.any() else float(ac[EOB])
    return Band(scan.first, scan.last, ac, eob, eob_runs=True)
