"""The scans of a file: which symbols each holds, and where a component's AC is cut into bands.

A progressive file begins with DC of all components in one scan, so that a picture has its colours from the first bytes.
AC follows component by component, each in one to three bands of frequencies, whichever costs fewest bits. In a band of
its own a frequency has codes that fit it, and blocks that are empty there are ended in long runs. But each band ends
its blocks anew. Source: ITU-T T.81, G.1.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from repro.jpeg.codes import measure
from repro.jpeg.symbols import (
    AC,
    PROGRESSIVE,
    SEQUENTIAL,
    band_symbols,
    interleaved_symbols,
    nonzeros,
)
from repro.jpeg.tables import ZIGZAG

#: Positions after which AC may be cut: all ways that are tried. Of the cuts after 1, 2, 3, 5, 7, 9, 14 and 20, two at
#: most, these have nearly all of the gain on tuning photos: half a per cent over one cut after 2 or 5.
CUTS = ((), (2,), (5,), (2, 20), (5, 20))
#: No symbols of AC.
_NONE = (np.zeros(0, np.uint32), np.zeros(0, np.int64))
#: Bits of a scan's header and of its table of codes, which has 8 more for each symbol.
_HEADER = 8 * (10 + 4 + 17)


class Scan(NamedTuple):
    """Zigzag positions ``first``–``last`` of ``components`` (0, 1, 2): their coded symbols, int64 (4, 256) by table how
    often each occurs and how long its code is, and the bits of all of them."""

    components: tuple[int, ...]
    first: int
    last: int
    coded: np.ndarray
    counts: np.ndarray
    lengths: np.ndarray
    data_bits: int

    @property
    def bits(self) -> int:
        """Of data, header and tables, without stuffed zeros."""
        return self.data_bits + _HEADER + 8 * int(np.count_nonzero(self.counts))


def sequential_scan(planes: Sequence[np.ndarray], order: np.ndarray = ZIGZAG) -> Scan:
    """All coefficients of the components ``planes``, int16 (rows, cols, 64); ``order``: where in a block each zigzag
    position lies."""
    numbers = [nonzeros(plane.reshape(-1, 64), order) for plane in planes]
    ac = tuple(band_symbols(each, 1, 63, SEQUENTIAL, AC + min(i, 1)) for i, each in enumerate(numbers))
    return _scan(range(len(planes)), 0, 63, interleaved_symbols(tuple(planes), order, ac))


def dc_scan(planes: Sequence[np.ndarray], order: np.ndarray = ZIGZAG) -> Scan:
    """DC of all components. Arguments as in :func:`sequential_scan`."""
    return _scan(range(len(planes)), 0, 0, interleaved_symbols(tuple(planes), order, (_NONE,) * len(planes)))


def ac_scans(z: np.ndarray, component: int, order: np.ndarray = ZIGZAG) -> list[Scan]:
    """AC of one component ``z``, whole numbers (n, 64), cut where that takes fewest bits."""
    table, numbers = AC + min(component, 1), nonzeros(z, order)

    @cache
    def band(before: int, last: int) -> Scan:
        first = before + 1
        return _scan([component], first, last, band_symbols(numbers, first, last, PROGRESSIVE, table)[0])

    ways = [[band(*ends) for ends in pairwise((0, *cuts, 63))] for cuts in CUTS]
    return min(ways, key=lambda scans: sum(scan.bits for scan in scans))


def _scan(components: Sequence[int], first: int, last: int, coded: np.ndarray) -> Scan:
    return Scan(tuple(components), first, last, coded, *measure(coded))
