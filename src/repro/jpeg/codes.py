"""Optimal Huffman codes for given symbol counts, and packing symbols into bytes with them.

Source: ITU-T T.81, K.2 (code lengths of at most 16 bits), Annex C (the codes), F.1.2.3 (byte stuffing).
"""

from __future__ import annotations

import numpy as np

from repro.compiled import compiled
from repro.jpeg.symbols import BARE, FOLLOWING, SYMBOLS, TABLES

#: A code has at most 16 bits (T.81, B.2.4.2).
LONGEST = 16


@compiled()
def optimal_code_lengths(counts: np.ndarray) -> np.ndarray:
    """int64 (256,): Huffman code lengths for symbols with these ``counts`` (256,): 1–16 bits, or 0 if the count is 0.

    An extra symbol that never occurs takes the code of all ones, which the standard reserves.
    """
    used = np.empty(SYMBOLS + 1, np.int64)
    weight = np.empty(SYMBOLS + 1, np.int64)
    total = 0
    for symbol in range(SYMBOLS + 1):
        often = counts[symbol] if symbol < SYMBOLS else 1
        if often > 0:
            used[total], weight[total] = symbol, often
            total += 1
    length = _huffman(weight[:total])
    how_many = np.zeros(SYMBOLS + 1, np.int64)
    for i in range(total):
        how_many[length[i]] += 1
    _shorten(how_many)
    lengths = np.zeros(SYMBOLS, np.int64)
    short = 1
    for bits in range(1, SYMBOLS):  # from the shortest code to the longest, without the extra symbol, which is last
        for i in range(total - 1):
            if length[i] == bits:
                while how_many[short] == 0:
                    short += 1
                how_many[short] -= 1
                lengths[used[i]] = short
    return lengths


@compiled()
def _huffman(weight: np.ndarray) -> np.ndarray:
    """int64 (n,): code lengths for symbols of these weights. ``weight`` is overwritten. Of equal weights, that of the
    last symbol is merged first (K.2, Figure K.1)."""
    total = weight.shape[0]
    length = np.zeros(total, np.int64)
    beside = np.full(total, -1)  # the next symbol in the same subtree, or −1
    for _ in range(total - 1):
        rare = rarer = -1
        for i in range(total):
            if weight[i] == 0:
                continue
            if rarer < 0 or weight[i] <= weight[rarer]:
                rare, rarer = rarer, i
            elif rare < 0 or weight[i] <= weight[rare]:
                rare = i
        weight[rarer] += weight[rare]
        weight[rare] = 0
        beside[_lengthen(rarer, length, beside)] = rare
        _lengthen(rare, length, beside)
    return length


@compiled()
def _lengthen(symbol: int, length: np.ndarray, beside: np.ndarray) -> int:
    """Add one bit to the codes of ``symbol`` and of those linked after it in ``beside``; return the last of them."""
    length[symbol] += 1
    while beside[symbol] >= 0:
        symbol = beside[symbol]
        length[symbol] += 1
    return symbol


@compiled()
def _shorten(how_many: np.ndarray) -> None:
    """Limit codes to 16 bits: shorten longer ones in pairs and lengthen a shorter one in exchange (Figure K.3).
    ``how_many`` counts the codes of each length and is changed in place."""
    for bits in range(len(how_many) - 1, LONGEST, -1):
        while how_many[bits] > 0:
            shorter = bits - 2
            while how_many[shorter] == 0:
                shorter -= 1
            how_many[bits] -= 2
            how_many[bits - 1] += 1
            how_many[shorter + 1] += 2
            how_many[shorter] -= 1


@compiled()
def measure(coded: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Return how often each symbol of each table occurs in ``coded`` and how long its optimal code is, int64 (5, 256)
    each, and how many bits all symbols take."""
    counts = np.zeros((TABLES, SYMBOLS), np.int64)
    lengths = np.zeros((TABLES, SYMBOLS), np.int64)
    for symbol in coded:
        counts[symbol >> 24, (symbol >> 16) & 255] += 1
    bits = 0
    for table in range(TABLES):
        found = 0
        for symbol in range(SYMBOLS):
            found += counts[table, symbol]
        if found > 0:
            if table != BARE:
                found_lengths = optimal_code_lengths(counts[table])
                for symbol in range(SYMBOLS):
                    lengths[table, symbol] = found_lengths[symbol]
            for symbol in range(SYMBOLS):
                bits += counts[table, symbol] * (lengths[table, symbol] + FOLLOWING[symbol])
    return counts, lengths, bits


def in_order(lengths: np.ndarray) -> np.ndarray:
    """The symbols that have a code, by code length and then by value: the order in which codes count up (Annex C)."""
    symbols = np.flatnonzero(lengths)
    return symbols[np.argsort(lengths[symbols], kind="stable")]


def codes(lengths: np.ndarray) -> np.ndarray:
    """int64 (256,): the code of each symbol."""
    found = np.zeros(SYMBOLS, np.int64)
    code = before = 0
    for symbol in in_order(lengths):
        code <<= int(lengths[symbol]) - before
        before = int(lengths[symbol])
        found[symbol] = code
        code += 1
    return found


def pack(coded: np.ndarray, lengths: np.ndarray, bits: int) -> bytes:
    """The bytes of a scan: the ``coded`` symbols in codes of these ``lengths``, (5, 256), together ``bits`` long. Both
    come from :func:`measure`."""
    of_tables = np.stack([codes(table) for table in lengths])
    out = np.empty(2 * (bits // 8 + 1), np.uint8)
    used = _pack(coded, of_tables.ravel(), lengths.ravel(), np.tile(FOLLOWING, TABLES), out)
    return out[:used].tobytes()


@compiled()
def _pack(coded: np.ndarray, codes: np.ndarray, lengths: np.ndarray, following: np.ndarray, out: np.ndarray) -> int:
    held, bits, at = np.uint64(0), 0, 0
    for symbol in coded:
        which = symbol >> 16
        more = following[which]
        held = (held << np.uint64(lengths[which])) | np.uint64(codes[which])
        held = (held << np.uint64(more)) | np.uint64(symbol & 0xFFFF)
        bits += lengths[which] + more
        while bits >= 8:
            bits -= 8
            byte = np.uint8((held >> np.uint64(bits)) & np.uint64(255))
            out[at] = byte
            at += 1
            if byte == 255:  # would start a marker: stuff a zero
                out[at] = 0
                at += 1
    if bits > 0:  # fill the last byte with ones
        byte = np.uint8(((held << np.uint64(8 - bits)) & np.uint64(255)) | np.uint64((1 << (8 - bits)) - 1))
        out[at] = byte
        at += 1
        if byte == 255:
            out[at] = 0
            at += 1
    return at
