"""Quantised coefficients as the symbols that Huffman coding codes, each with the bits that follow it.

A DC difference is coded by its category, which is how many bits its magnitude has. An AC coefficient is coded by the
zeros before it (0–15) and its category in one symbol. The bits of the number itself follow. Sixteen zeros in a row are
a symbol of their own (ZRL). So is the end of a block (EOB), and in progressive scans one symbol stands for a run of
blocks that end side by side. Source: ITU-T T.81, F.1.2 and G.1.2.2.

A coded symbol is one uint32: the table's index × 256 + the symbol in the upper 16 bits, what follows it in the lower
16. Tables are numbered DC 0, DC 1, AC 0, AC 1.
"""

from __future__ import annotations

import numpy as np

from repro.compiled import compiled
from repro.jpeg.huffman import ZRL

#: Of the index of a table, where those for AC begin.
AC = 2
TABLES, SYMBOLS = 4, 256
#: The most blocks that one EOB symbol can end: in a sequential scan, and in a progressive one.
SEQUENTIAL, PROGRESSIVE = 1, 0x7FFF

#: (256,) how many bits follow each symbol: its category, or the length of a run of ended blocks.
FOLLOWING = np.array([symbol & 15 or (symbol >> 4 if symbol < ZRL else 0) for symbol in range(SYMBOLS)])
#: (2048,) the category of each magnitude.
_CATEGORY = np.array([value.bit_length() for value in range(2048)], np.uint8)


@compiled()
def last_numbers(z: np.ndarray, order: np.ndarray) -> np.ndarray:
    """uint8 (n,): the zigzag position of each block's last AC coefficient that is not 0; 0 where all are. ``z`` and
    ``order`` as in :func:`band_symbols`."""
    found = np.zeros(z.shape[0], np.uint8)
    for block in range(z.shape[0]):
        position = 63
        while position > 0 and z[block, order[position]] == 0:
            position -= 1
        found[block] = position
    return found


@compiled()
def band_symbols(
    z: np.ndarray, order: np.ndarray, ends: np.ndarray, first: int, last: int, longest: int, table: int
) -> np.ndarray:
    """uint32: the coded symbols of the zigzag positions ``first``–``last`` (1–63) of the blocks ``z``.

    z, order
        whole numbers (n, 64) within ±1023, and where in a block each zigzag position lies, (64,).
    ends
        :func:`last_numbers` of ``z``.
    longest
        :data:`SEQUENTIAL` or :data:`PROGRESSIVE`.
    table
        the AC table's index.
    """
    coded = np.empty(z.shape[0] * (last - first + 2) + 1, np.uint32)
    at, ended = 0, 0
    for block in range(z.shape[0]):
        at, ended = _block(z[block], order, int(ends[block]), first, last, table, ended, coded, at)
        if ended == longest:
            at, ended = _end(ended, table, coded, at), 0
    if ended > 0:
        at = _end(ended, table, coded, at)
    return coded[:at]


@compiled()
def interleaved_symbols(planes: tuple[np.ndarray, ...], order: np.ndarray, last: int) -> np.ndarray:
    """uint32: the coded symbols of the scan of all ``planes`` (rows, cols, 64) together: of DC alone where ``last`` is
    0, of all coefficients (a sequential scan) where it is 63.

    Luma has as many blocks as chroma, or (4:2:0) two by two for one of chroma. Where a unit reaches over the picture's
    edge, the missing blocks repeat the last DC and have no AC. ``order`` as in :func:`band_symbols`.
    """
    rows, cols = planes[-1].shape[:2]
    factor = 1 if planes[0].shape[:2] == (rows, cols) else 2
    blocks = rows * cols * (factor * factor + len(planes) - 1)
    coded = np.empty(blocks * (last + 2), np.uint32)
    before = np.zeros(len(planes), np.int64)
    at = 0
    for row in range(rows):
        for col in range(cols):
            for c in range(len(planes)):
                z, table = planes[c], min(c, 1)
                side = factor if c == 0 else 1
                for part in range(side * side):
                    y, x = side * row + part // side, side * col + part % side
                    inside = y < z.shape[0] and x < z.shape[1]
                    dc = int(z[y, x, order[0]]) if inside else before[c]
                    coded[at] = _number(dc - before[c], 0, table)
                    at, before[c] = at + 1, dc
                    if last > 0:
                        ended = 1
                        if inside:
                            at, ended = _block(z[y, x], order, 63, 1, last, AC + table, 0, coded, at)
                        if ended > 0:
                            at = _end(1, AC + table, coded, at)
    return coded[:at]


@compiled()
def count(coded: np.ndarray) -> np.ndarray:
    """int64 (4, 256): how often each symbol of each table occurs."""
    counts = np.zeros(TABLES * SYMBOLS, np.int64)
    for symbol in coded:
        counts[symbol >> 16] += 1
    return counts.reshape(TABLES, SYMBOLS)


@compiled()
def category(value: int) -> int:
    """How many bits ``abs(value)`` has, 0 for 0; for magnitudes up to 2047."""
    return _CATEGORY[abs(value)]


@compiled()
def _block(
    z: np.ndarray,
    order: np.ndarray,
    end: int,
    first: int,
    last: int,
    table: int,
    ended: int,
    coded: np.ndarray,
    at: int,
) -> tuple[int, int]:
    """Code one block's band after ``ended`` blocks that have ended; behind ``end`` all is 0. Returns where the next
    symbol goes, and how many blocks have ended since the last number."""
    run = 0
    for position in range(first, min(last, end) + 1):
        value = int(z[order[position]])
        if value == 0:
            run += 1
            continue
        if ended > 0:
            at, ended = _end(ended, table, coded, at), 0
        while run > 15:
            coded[at] = (table << 24) | (ZRL << 16)
            at, run = at + 1, run - 16
        coded[at] = _number(value, run, table)
        at, run = at + 1, 0
    return at, ended + (1 if run > 0 or end < last else 0)


@compiled()
def _number(value: int, run: int, table: int) -> int:
    """The symbol of a number after ``run`` zeros; negative numbers are followed by the bits of the number less one."""
    size = category(value)
    bits = (value if value >= 0 else value - 1) & ((1 << size) - 1)
    return (table << 24) | (run << 20) | (size << 16) | bits


@compiled()
def _end(ended: int, table: int, coded: np.ndarray, at: int) -> int:
    """The end of ``ended`` blocks; returns where the next symbol goes."""
    size, rest = 0, ended
    while rest > 1:
        size, rest = size + 1, rest >> 1
    coded[at] = (table << 24) | (size << 20) | (ended - (1 << size))
    return at + 1
