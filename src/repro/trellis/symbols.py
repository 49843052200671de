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
#: The longest run of ended blocks that one symbol can tell.
_LONGEST_EOB_RUN = 0x7FFF
#: Ends of 1, of 2–3, of 4–7, … blocks; how many bits follow each AC symbol.
EOB_RUNS = np.arange(0, 0xF0, 16)
_FOLLOWING = np.arange(AC_SYMBOLS) & 15
_FOLLOWING[EOB_RUNS] = np.arange(len(EOB_RUNS))


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
def scan_symbols(z: np.ndarray, first: int, last: int) -> np.ndarray:
    """int64 (256,) as :func:`ac_symbols`, in a progressive scan of the positions ``first``–``last`` (T.81, G.1.2.2).

    Ends of blocks in a row are one symbol there, 16 times the category of how many less one, with that many bits after
    it.
    """
    counts = np.zeros(AC_SYMBOLS, np.int64)
    ended = 0
    for block in range(z.shape[0]):
        run = 0
        for position in range(first, last + 1):
            value = z[block, position]
            if value == 0:
                run += 1
                continue
            if ended > 0:
                counts[16 * (category(ended) - 1)] += 1
                ended = 0
            while run > 15:
                counts[ZRL] += 1
                run -= 16
            counts[16 * run + category(value)] += 1
            run = 0
        if run > 0:
            ended += 1
            if ended == _LONGEST_EOB_RUN:
                counts[16 * (category(ended) - 1)] += 1
                ended = 0
    if ended > 0:
        counts[16 * (category(ended) - 1)] += 1
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
    """float64 (12,) bits of each category together with the number that follows, in codes made for these counts."""
    return _charged(counts) + np.arange(DC_SYMBOLS)


def ac_costs(counts: np.ndarray) -> np.ndarray:
    """float64 (256,) as :func:`dc_costs`, by symbol."""
    return _charged(counts) + _FOLLOWING


def _charged(counts: np.ndarray) -> np.ndarray:
    return np.where(counts > 0, np.minimum(_code_lengths(counts.astype(np.int64)), _LONGEST), _UNSEEN)


@numba.njit(cache=True)
def _code_lengths(counts: np.ndarray) -> np.ndarray:
    """float64, as ``counts``: lengths of Huffman's codes for symbols that occur so often (T.81, K.2).

    One more symbol, which never comes, takes the code of nothing but ones.
    """
    total = counts.shape[0] + 1
    often = np.zeros(total, np.int64)
    often[:-1], often[-1] = counts, 1
    length = np.zeros(total)
    beside = np.full(total, -1)  # the next symbol below the same node
    while True:
        rare = rarer = -1
        for symbol in range(total):
            if often[symbol] == 0:
                continue
            if rarer < 0 or often[symbol] <= often[rarer]:
                rare, rarer = rarer, symbol
            elif rare < 0 or often[symbol] <= often[rare]:
                rare = symbol
        if rare < 0:
            return length[:-1]
        often[rarer] += often[rare]
        often[rare] = 0
        beside[_lengthen(rarer, length, beside)] = rare
        _lengthen(rare, length, beside)


@numba.njit(cache=True)
def _lengthen(symbol: int, length: np.ndarray, beside: np.ndarray) -> int:
    """One bit more for ``symbol`` and all that hang on it; returns the last of them."""
    length[symbol] += 1
    while beside[symbol] >= 0:
        symbol = beside[symbol]
        length[symbol] += 1
    return symbol
