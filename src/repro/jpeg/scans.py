"""The scans of a file: which symbols each holds, and where a component's AC is cut into two bands.

A progressive file begins with DC of all components in one scan, so that a picture has its colours from the first bytes.
AC follows component by component, each in one band of frequencies or two, whichever costs fewer bits: low frequencies
have long codes to save, high ones long runs of ended blocks. Source: ITU-T T.81, G.1.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from repro.jpeg.codes import code_lengths
from repro.jpeg.symbols import (
    AC,
    FOLLOWING,
    PROGRESSIVE,
    TABLES,
    band_symbols,
    count,
    interleaved_symbols,
    last_numbers,
)
from repro.jpeg.tables import ZIGZAG

#: Positions after which AC may be cut in two; 0: not at all.
SPLITS = (0, 2, 5)
#: Bits of a scan's header and of its table of codes, which has 8 more for each symbol.
_HEADER = 8 * (10 + 4 + 17)


class Scan(NamedTuple):
    """Zigzag positions ``first``–``last`` of ``components`` (0, 1, 2): their symbols, and int64 (4, 256) by table how
    often each occurs and how long its code is."""

    components: tuple[int, ...]
    first: int
    last: int
    coded: np.ndarray
    counts: np.ndarray
    lengths: np.ndarray

    @property
    def bits(self) -> int:
        """Of the coded data, the header and the tables, without stuffed zeros."""
        data = int((self.counts * (self.lengths + FOLLOWING)).sum())
        return data + _HEADER + 8 * int(np.count_nonzero(self.counts))


def sequential_scan(planes: Sequence[np.ndarray], order: np.ndarray = ZIGZAG) -> Scan:
    """All coefficients of the components ``planes``, int16 (rows, cols, 64); ``order``: where in a block each zigzag
    position lies."""
    return _scan(range(len(planes)), 0, 63, interleaved_symbols(tuple(planes), order, 63))


def dc_scan(planes: Sequence[np.ndarray], order: np.ndarray = ZIGZAG) -> Scan:
    """DC of all components. Arguments as in :func:`sequential_scan`."""
    return _scan(range(len(planes)), 0, 0, interleaved_symbols(tuple(planes), order, 0))


def ac_scans(z: np.ndarray, component: int, order: np.ndarray = ZIGZAG) -> list[Scan]:
    """AC of one component ``z``, whole numbers (n, 64), in one band or two: whichever takes fewer bits."""
    table, ends = AC + min(component, 1), last_numbers(z, order)

    def band(first: int, last: int) -> Scan:
        return _scan([component], first, last, band_symbols(z, order, ends, first, last, PROGRESSIVE, table))

    ways = [[band(1, split), band(split + 1, 63)] if split else [band(1, 63)] for split in SPLITS]
    return min(ways, key=lambda scans: sum(scan.bits for scan in scans))


def _scan(components: Sequence[int], first: int, last: int, coded: np.ndarray) -> Scan:
    counts = count(coded)
    lengths = np.zeros_like(counts)
    for table in range(TABLES):
        if counts[table].any():
            lengths[table] = code_lengths(counts[table])
    return Scan(tuple(components), first, last, coded, counts, lengths)
