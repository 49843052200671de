"""Quantised coefficients as symbols for Huffman coding, each with the bits that follow it.

The symbol of a DC difference is its category: the number of bits of its magnitude. The symbol of an AC coefficient
combines the number of zeros before it (0–15) with its category. The bits of the value itself follow. Sixteen zeros in a
row have a symbol of their own (ZRL). So does the end of a block (EOB); in progressive scans, one symbol can stand for a
run of successive blocks that end (an EOB run). Source: ITU-T T.81, F.1.2 and G.1.2.2.

Coefficients may also be sent bit by bit (successive approximation, G.1.2.3): first without their last bits, then one
more bit in each refinement scan, where a symbol announces each coefficient that becomes non-zero.

A coded symbol is one uint32: the table's index × 256 + the symbol in the upper 16 bits, the bits that follow it in the
lower 16. Tables are numbered DC 0, DC 1, AC 0, AC 1. A fifth is for bits without a code; its "symbol" is their number,
1–15.
"""

from __future__ import annotations

import numpy as np

from repro.compiled import compiled
from repro.jpeg.huffman import ZRL

#: Index of the first AC table.
AC = 2
TABLES, SYMBOLS = 5, 256
BARE = 4
#: The most correction bits that may wait for the end of their EOB run, as in libjpeg (MAX_CORR_BITS).
_MOST_HELD = 1000
#: The most blocks that one EOB symbol can end, in a sequential and in a progressive scan.
SEQUENTIAL, PROGRESSIVE = 1, 0x7FFF

#: Non-zero coefficients: int64 (n + 1,) where each block's begin; their zigzag positions, uint8; their values, int16.
Nonzeros = tuple[np.ndarray, np.ndarray, np.ndarray]

#: (256,) how many bits follow each symbol: its category, or n for the EOB run symbol EOBn.
FOLLOWING = np.array([symbol & 15 or (symbol >> 4 if symbol < ZRL else 0) for symbol in range(SYMBOLS)])
#: (2048,) the category of each magnitude.
_CATEGORY = np.array([value.bit_length() for value in range(2048)], np.uint8)


@compiled()
def nonzeros(z: np.ndarray, order: np.ndarray) -> Nonzeros:
    """The non-zero AC coefficients of the blocks ``z``, (n, 64) whole numbers within ±1023. ``order`` (64,) gives the
    index in a block of each zigzag position."""
    starts = np.zeros(z.shape[0] + 1, np.int64)
    for block in range(z.shape[0]):
        found = 0
        for k in range(64):
            found += z[block, k] != 0
        starts[block + 1] = starts[block] + found  # counts DC too, so a little more than needed
    positions, values = np.empty(starts[-1], np.uint8), np.empty(starts[-1], np.int16)
    at = 0
    for block in range(z.shape[0]):
        left = starts[block + 1] - starts[block] - (z[block, order[0]] != 0)
        starts[block] = at
        position = 1
        while left > 0:
            value = z[block, order[position]]
            if value != 0:
                positions[at], values[at] = position, value
                at, left = at + 1, left - 1
            position += 1
    starts[-1] = at
    return starts, positions[:at], values[:at]


@compiled()
def band_symbols(numbers: Nonzeros, first: int, last: int, longest: int, table: int) -> tuple[np.ndarray, np.ndarray]:
    """The coded symbols, uint32, of zigzag positions ``first``–``last`` (1–63) of blocks, and where those of each block
    end, int64 (n,). ``longest`` is :data:`SEQUENTIAL` or :data:`PROGRESSIVE`, ``table`` the AC table's index."""
    starts, positions, values = numbers
    blocks = len(starts) - 1
    coded = np.empty(2 * len(positions) + (last - first) // 16 * blocks + blocks + 1, np.uint32)
    until = np.empty(blocks, np.int64)
    at, ended = 0, 0
    for block in range(blocks):
        before = first - 1
        for i in range(starts[block], starts[block + 1]):
            position = int(positions[i])
            if position < first:
                continue
            if position > last:
                break
            if ended > 0:
                coded[at], ended = _end(ended, table), 0
                at += 1
            run = position - before - 1
            while run > 15:
                coded[at] = (table << 24) | (ZRL << 16)
                at, run = at + 1, run - 16
            coded[at] = _number(int(values[i]), run, table)
            at, before = at + 1, position
        ended += before < last
        if ended == longest:
            coded[at], ended = _end(ended, table), 0
            at += 1
        until[block] = at
    if ended > 0:
        coded[at] = _end(ended, table)
        at += 1
    return coded[:at], until


@compiled()
def without_last_bits(numbers: Nonzeros, low: int) -> Nonzeros:
    """The coefficients without the last ``low`` bits of their magnitudes; those that become 0 are left out."""
    starts, positions, values = numbers
    fewer, kept, shorter = np.zeros_like(starts), np.empty_like(positions), np.empty_like(values)
    at = 0
    for block in range(len(starts) - 1):
        for i in range(starts[block], starts[block + 1]):
            size = abs(int(values[i])) >> low
            if size > 0:
                kept[at], shorter[at] = positions[i], size if values[i] > 0 else -size
                at += 1
        fewer[block + 1] = at
    return fewer, kept[:at], shorter[:at]


@compiled()
def refinement_symbols(numbers: Nonzeros, low: int, table: int) -> np.ndarray:
    """uint32: the coded symbols of an AC refinement scan, which adds bit ``low`` to coefficients known without it."""
    starts, positions, values = numbers
    blocks = len(starts) - 1
    coded = np.empty(3 * len(positions) + 6 * blocks + 16, np.uint32)
    held, own = np.zeros(_MOST_HELD, np.uint8), np.zeros(64, np.uint8)  # correction bits: of ended blocks, of this one
    at, ended, holds = 0, 0, 0
    for block in range(blocks):
        newest = 0  # position of the last coefficient that becomes non-zero here
        for i in range(starts[block], starts[block + 1]):
            if abs(int(values[i])) >> low == 1:
                newest = int(positions[i])
        run, before, owns = 0, 0, 0
        for i in range(starts[block], starts[block + 1]):
            size, position = abs(int(values[i])) >> low, int(positions[i])
            if size == 0:
                continue
            run, before = run + position - before - 1, position
            while run > 15 and position <= newest:
                at, ended, holds = _held_end(ended, held, holds, table, coded, at), 0, 0
                coded[at] = (table << 24) | (ZRL << 16)
                at, owns, run = _bare(own, owns, coded, at + 1), 0, run - 16
            if size > 1:
                own[owns] = size & 1
                owns += 1
                continue
            at, ended, holds = _held_end(ended, held, holds, table, coded, at), 0, 0
            coded[at] = _number(1 if values[i] > 0 else -1, run, table)
            at, owns, run = _bare(own, owns, coded, at + 1), 0, 0
        if run + 63 - before > 0 or owns > 0:
            ended += 1
            for i in range(owns):
                held[holds] = own[i]
                holds += 1
            if ended == PROGRESSIVE or holds > _MOST_HELD - 64:
                at, ended, holds = _held_end(ended, held, holds, table, coded, at), 0, 0
    at = _held_end(ended, held, holds, table, coded, at)
    return coded[:at]


@compiled()
def _held_end(ended: int, held: np.ndarray, holds: int, table: int, coded: np.ndarray, at: int) -> int:
    """Write the end of ``ended`` blocks, if any, and their held bits; return the index of the next symbol."""
    if ended == 0:
        return at
    coded[at] = _end(ended, table)
    return _bare(held, holds, coded, at + 1)


@compiled()
def _bare(bits: np.ndarray, count: int, coded: np.ndarray, at: int) -> int:
    """Write ``count`` bits without a code; return the index of the next symbol."""
    for first in range(0, count, 15):
        size, value = min(15, count - first), 0
        for i in range(first, first + size):
            value = 2 * value + bits[i]
        coded[at] = (BARE << 24) | (size << 16) | value
        at += 1
    return at


@compiled()
def interleaved_symbols(
    planes: tuple[np.ndarray, ...], order: np.ndarray, ac: tuple[tuple[np.ndarray, np.ndarray], ...]
) -> np.ndarray:
    """uint32: the coded symbols of an interleaved scan of all ``planes`` (rows, cols, 64), of DC or of DC and AC.

    For each plane, ``ac`` has the result of :func:`band_symbols`, or two empty arrays for a scan of DC alone.
    ``order`` is as in :func:`nonzeros`.

    For each block of chroma there is one block of luma or, in 4:2:0, 2×2. If such a unit extends past the picture's
    edge, the missing blocks repeat the last DC and have no AC.
    """
    rows, cols = planes[-1].shape[:2]
    factor = 1 if planes[0].shape[:2] == (rows, cols) else 2
    size = 2 * rows * cols * (factor * factor + len(planes) - 1)  # DC, and an EOB for each missing block
    for c in range(len(planes)):
        size += len(ac[c][0])
    coded = np.empty(size, np.uint32)
    before = np.zeros(len(planes), np.int64)
    at = 0
    for row in range(rows):
        for col in range(cols):
            for c in range(len(planes)):
                side = factor if c == 0 else 1
                for part in range(side * side):
                    y, x = side * row + part // side, side * col + part % side
                    inside = y < planes[c].shape[0] and x < planes[c].shape[1]
                    dc = int(planes[c][y, x, order[0]]) if inside else before[c]
                    coded[at] = _number(dc - before[c], 0, min(c, 1))
                    at, before[c] = at + 1, dc
                    symbols, until = ac[c]
                    if len(until) == 0:
                        continue
                    if not inside:
                        coded[at] = _end(1, AC + min(c, 1))
                        at += 1
                        continue
                    block = y * planes[c].shape[1] + x
                    for i in range(until[block - 1] if block > 0 else 0, until[block]):
                        coded[at] = symbols[i]
                        at += 1
    return coded[:at]


@compiled()
def category(value: int) -> int:
    """The number of bits of ``abs(value)``, 0 for 0. Magnitudes may be at most 2047."""
    return _CATEGORY[abs(value)]


@compiled()
def _number(value: int, run: int, table: int) -> int:
    """The coded symbol of ``value`` after ``run`` zeros. A negative value is followed by the low bits of value − 1."""
    size = category(value)
    bits = (value if value >= 0 else value - 1) & ((1 << size) - 1)
    return (table << 24) | (run << 20) | (size << 16) | bits


@compiled()
def _end(ended: int, table: int) -> int:
    """The coded symbol for the end of ``ended`` blocks."""
    size, rest = 0, ended
    while rest > 1:
        size, rest = size + 1, rest >> 1
    return (table << 24) | (size << 20) | (ended - (1 << size))
