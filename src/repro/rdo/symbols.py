"""What Huffman coding will charge for a plane of quantised coefficients: its symbols, counted, and codes made for them.

Source: ITU-T T.81, F.1.2: a DC difference is coded by its category (the number of its bits), an AC coefficient by
the zeros before it (0–15) and its category in one symbol; the bits of the number itself follow. Sixteen zeros in a row
are a symbol of their own, and so is the end of a block. The functions compiled by Numba release Python's lock.
"""

from __future__ import annotations

import numba
import numpy as np

from repro.jpeg.huffman import EOB, ZRL

#: Categories of DC differences (0–11) and the symbols of AC (run × 16 + category).
DC_SYMBOLS, AC_SYMBOLS = 12, 256
#: A code has at most 16 bits (T.81, B.2.4.2); what never occurs is charged a little more than that.
_LONGEST, _UNSEEN = 16.0, 18.0


@numba.njit(cache=True, nogil=True)
def category(value: int) -> int:
    """How many bits ``abs(value)`` has; 0 for 0."""
    rest, bits = abs(value), 0
    while rest > 0:
        rest >>= 1
        bits += 1
    return bits


@numba.njit(cache=True, nogil=True)
def ac_symbols(z: np.ndarray) -> np.ndarray:
    """int64 (256,) how often each AC symbol occurs in the blocks ``z``, whole numbers (n, 64) in zigzag order."""
    counts = np.zeros(AC_SYMBOLS, np.int64)
    for block in range(z.shape[0]):
        run = 0
        for position in range(1, 64):
            value = z[block, position]
            if value == 0:
                run += 1
                continue
            while run > 15:
                counts[ZRL] += 1
                run -= 16
            counts[16 * run + category(value)] += 1
            run = 0
        if run > 0:
            counts[EOB] += 1
    return counts


@numba.njit(cache=True, nogil=True)
def dc_symbols(dc: np.ndarray) -> np.ndarray:
    """int64 (12,) how often each category of difference occurs in ``dc``, whole numbers (n,) in the order of coding."""
    counts = np.zeros(DC_SYMBOLS, np.int64)
    before = 0
    for value in dc:
        counts[category(value - before)] += 1
        before = value
    return counts


def dc_costs(counts: np.ndarray) -> np.ndarray:
    """float64 (12,) bits of each category together with the number that follows, in codes made for these counts:
    −log₂ of its share, which Huffman's whole bits come close to."""
    return _code_bits(counts) + np.arange(DC_SYMBOLS)


def ac_costs(counts: np.ndarray) -> np.ndarray:
    """float64 (256,) as :func:`dc_costs`, by symbol."""
    return _code_bits(counts) + (np.arange(AC_SYMBOLS) & 15)


def total_bits(dc_counts: np.ndarray, ac_counts: np.ndarray) -> float:
    """What symbols with these counts cost in a sequential scan, with codes made for them, headers apart."""
    return float(dc_counts @ dc_costs(dc_counts) + ac_counts @ ac_costs(ac_counts))


def _code_bits(counts: np.ndarray) -> np.ndarray:
    share = counts / max(1, counts.sum())
    with np.errstate(divide="ignore"):
        return np.where(counts > 0, np.minimum(-np.log2(share), _LONGEST), _UNSEEN)
