"""The scans of a file: which symbols each holds, and where a component's AC is cut into bands.

A progressive file begins with DC of all components in one scan, so that a picture has its colours from the first bytes.
AC follows component by component, each in one to three bands of frequencies, whichever costs fewest bits. In a band of
its own a frequency has codes that fit it, and blocks that are empty there are ended in long runs. But each band ends
its blocks anew. At high qualities the last bits of all numbers, which are nearly random, come in scans of their own.
Source: ITU-T T.81, G.1.1.
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
    Nonzeros,
    band_symbols,
    interleaved_symbols,
    nonzeros,
    refinement_symbols,
    without_last_bits,
)
from repro.jpeg.tables import ZIGZAG

#: Positions after which AC may be cut: all ways that are tried. Of the cuts after 1, 2, 3, 5, 7, 9, 14 and 20, two at
#: most, these have nearly all of the gain on tuning photos: half a per cent over one cut after 2 or 5.
CUTS = ((), (2,), (5,), (2, 20), (5, 20))
#: Last bits may come later: so many at most, and only if blocks have so many numbers on average. With fewer there is
#: nothing to gain.
_LOWEST, _MANY = 3, 8
#: No symbols of AC.
_NONE = (np.zeros(0, np.uint32), np.zeros(0, np.int64))
#: Bits of a scan's header and of its table of codes, which has 8 more for each symbol.
_HEADER = 8 * (10 + 4 + 17)


class Scan(NamedTuple):
    """Zigzag positions ``first``–``last`` of ``components`` (0, 1, 2): their coded symbols, int64 (5, 256) by table how
    often each occurs and how long its code is, and the bits of all of them.

    The scan leaves out the last ``low`` bits of each number. Unless ``high`` is 0, numbers without their last ``high``
    bits are known, and the scan adds the next one.
    """

    components: tuple[int, ...]
    first: int
    last: int
    coded: np.ndarray
    counts: np.ndarray
    lengths: np.ndarray
    data_bits: int
    high: int = 0
    low: int = 0

    @property
    def bits(self) -> int:
        """Of data, header and table, as if of one component and one table, without stuffed zeros."""
        return self.data_bits + _HEADER + 8 * int(np.count_nonzero(self.lengths))


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
    return _bands(nonzeros(z, order), component)


def best_ac_scans(z: np.ndarray, component: int) -> list[Scan]:
    """As :func:`ac_scans`, but the last bits of all numbers come in refinement scans where that takes fewer bits."""
    numbers = nonzeros(z, ZIGZAG)
    best = _bands(numbers, component)
    if len(numbers[1]) < _MANY * len(z):
        return best
    for low in range(1, _LOWEST + 1):
        scans = approximated(numbers, component, low)
        if sum(scan.bits for scan in scans) >= sum(scan.bits for scan in best):
            break
        best = scans
    return best


def approximated(numbers: Nonzeros, component: int, low: int) -> list[Scan]:
    """AC of one component without the last ``low`` bits of the numbers, and a refinement scan for each such bit."""
    bands = [scan._replace(low=low) for scan in _bands(without_last_bits(numbers, low), component)]
    for bit in reversed(range(low)):
        coded = refinement_symbols(numbers, bit, AC + min(component, 1))
        bands.append(_scan([component], 1, 63, coded)._replace(high=bit + 1, low=bit))
    return bands


def _bands(numbers: Nonzeros, component: int) -> list[Scan]:
    @cache
    def band(before: int, last: int) -> Scan:
        coded, _ = band_symbols(numbers, before + 1, last, PROGRESSIVE, AC + min(component, 1))
        return _scan([component], before + 1, last, coded)

    ways = [[band(*ends) for ends in pairwise((0, *cuts, 63))] for cuts in CUTS]
    return min(ways, key=lambda scans: sum(scan.bits for scan in scans))


def _scan(components: Sequence[int], first: int, last: int, coded: np.ndarray) -> Scan:
    return Scan(tuple(components), first, last, coded, *measure(coded))
