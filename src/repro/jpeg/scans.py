"""The scans of a file: the symbols of each, and the split of a component's AC into bands.

A progressive file begins with the DC of all components in one scan, so that the first bytes already show colour. AC
follows component by component, each in one to three frequency bands, whichever costs the fewest bits. More bands mean
codes that fit their frequencies better, and long EOB runs over blocks that are empty in a band. But each band has to
signal the ends of its blocks again. At high qualities, the last bits of all coefficients, which are nearly random, go
into scans of their own. Source: ITU-T T.81, G.1.1.
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

#: The splits of AC that are tried, as zigzag positions after which to cut. Among all splits with at most two cuts after
#: 1, 2, 3, 5, 7, 9, 14 or 20, these give nearly all of the gain on tuning photos: half a per cent over one cut after 2
#: or 5.
CUTS = ((), (2,), (5,), (2, 20), (5, 20))
#: The most last bits that are left to refinement scans, and the mean number of non-zero AC coefficients per block below
#: which that is not tried, since nothing is gained.
_LOWEST, _MANY = 3, 8
#: No AC symbols.
_NONE = (np.zeros(0, np.uint32), np.zeros(0, np.int64))
#: Bits of a scan's header and its Huffman table, without the table's 8 bits per symbol.
_HEADER = 8 * (10 + 4 + 17)


class Scan(NamedTuple):
    """Zigzag positions ``first``–``last`` of ``components`` (0, 1, 2): their ``coded`` symbols, how often each
    symbol of each table occurs (``counts``) and how long its code is (``lengths``), both int64 (5, 256), and the bits
    of all of them (``data_bits``).

    The scan leaves out the last ``low`` bits of each coefficient. If ``high`` is not 0, it is a refinement scan:
    earlier scans gave the coefficients without their last ``high`` bits, and this one adds the next bit.
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
        """Bits of data, header and table, as if there were one component and one table, without byte stuffing."""
        return self.data_bits + _HEADER + 8 * int(np.count_nonzero(self.lengths))


def sequential_scan(planes: Sequence[np.ndarray], order: np.ndarray = ZIGZAG) -> Scan:
    """A scan of all coefficients of the components ``planes``, int16 (rows, cols, 64) each. ``order`` (64,) gives the
    index in a block of each zigzag position."""
    numbers = [nonzeros(plane.reshape(-1, 64), order) for plane in planes]
    ac = tuple(band_symbols(each, 1, 63, SEQUENTIAL, AC + min(i, 1)) for i, each in enumerate(numbers))
    return _scan(range(len(planes)), 0, 63, interleaved_symbols(tuple(planes), order, ac))


def dc_scan(planes: Sequence[np.ndarray], order: np.ndarray = ZIGZAG) -> Scan:
    """A scan of the DC of all components. Arguments as in :func:`sequential_scan`."""
    return _scan(range(len(planes)), 0, 0, interleaved_symbols(tuple(planes), order, (_NONE,) * len(planes)))


def ac_scans(z: np.ndarray, component: int, order: np.ndarray = ZIGZAG) -> list[Scan]:
    """Scans of the AC of one component ``z``, whole numbers (n, 64), split into the bands that take the fewest bits."""
    return _bands(nonzeros(z, order), component)


def best_ac_scans(z: np.ndarray, component: int) -> list[Scan]:
    """As :func:`ac_scans`, but the last bits of all coefficients go into refinement scans if that takes fewer bits."""
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
    """Scans of the AC of one component without its last ``low`` bits, and a refinement scan for each of these bits."""
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
