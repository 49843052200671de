"""What a file charges for the numbers in it, in a sequential scan or in progressive ones, and what one choice costs.

A sequential scan has all AC of a block in one go, with an end of its own, in codes that Cb and Cr share. Progressive
scans (:mod:`repro.trellis.scans`) have one component each, in one band of frequencies or two. There blocks that end
side by side share one symbol, so that a block with nothing in a band is nearly free, and a block with something pays
for the end that it sets.
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
#: Ends in a row are told apart up to so many.
_ENDS = 64


class Band(NamedTuple):
    """Positions ``first``–``last`` of the zigzag, and what coding charges there: ``ac`` float64 (256,) bits of each
    symbol with its number, ``end`` of a block's, on the mean; ``shared``: whether blocks share ends."""

    first: int
    last: int
    ac: np.ndarray
    end: float
    shared: bool

    @property
    def ends(self) -> np.ndarray:
        """float64: bits of the symbol for 0, 1, 2, … blocks that end side by side."""
        several = np.log2(np.arange(1, _ENDS)).astype(int)
        return np.concatenate([[0.0], self.ac[symbols.ENDS[several]]])


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
        return float(counts @ ac), [Band(1, 63, ac, float(ac[EOB]), shared=False)]
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
    ends = counts[symbols.ENDS]
    end = float(ends @ ac[symbols.ENDS]) / ends.sum() if ends.any() else float(ac[EOB])
    header = _HEADER + 8 * np.count_nonzero(counts)
    return float(counts @ ac) + header, Band(first, last, ac, end, shared=True)


MODE = [0]
