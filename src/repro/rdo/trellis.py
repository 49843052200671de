"""The whole numbers of a block that make λ · bits + weighted squared error least: a shortest path over zigzag runs.

A coefficient's symbol depends on how many zeros stand before it, so what one coefficient costs depends on which others
are kept. The best choice for each block is found exactly, by dynamic programming over the position of the last
coefficient that is not zero, among the candidates for each: the nearest whole number, the next one towards zero, the
largest of the next shorter category, and zero. DC is coded as differences between neighbours: there the path runs from
block to block.

Source: Ramchandran and Vetterli 1994, "Rate-distortion optimal fast thresholding with complete JPEG/MPEG decoder
compatibility"; Crouse and Ramchandran 1997 for the whole of JPEG; mozjpeg has a relative of it.
"""

from __future__ import annotations

import numba
import numpy as np

from repro.jpeg.huffman import EOB, ZRL
from repro.rdo.symbols import category

#: How far from the nearest whole number DC is tried, on either side.
_DC_REACH = 2


@numba.njit(cache=True, nogil=True)
def choose_ac(
    F: np.ndarray, W: np.ndarray, row: np.ndarray, Q: np.ndarray, ac: np.ndarray, lam: float, z: np.ndarray
) -> None:
    """Fill positions 1–63 of ``z``, int32 (n, 64), block by block; position 0 is left alone.

    F
        float32 (n, 64): what the decoder should get back, in zigzag order.
    W, row
        float32 (m, 64) weights of squared error, and int64 (n,): which row of them a block has.
    Q
        float32 (64,) the table, zigzag.
    ac
        float64 (256,) bits of each symbol with its number: :func:`repro.rdo.symbols.ac_costs`.
    """
    place = np.zeros(64, np.int64)  # positions that may be kept, from 1; [0] is DC's
    best = np.zeros(64)  # cost of the best path that keeps this one last
    before = np.zeros(64, np.int64)
    value = np.zeros(64, np.int64)
    dropped = np.zeros(64)  # error of all positions up to here, if all were zero
    for block in range(F.shape[0]):
        w = W[row[block]]
        total = 0.0
        for position in range(1, 64):
            total += w[position] * F[block, position] * F[block, position]
            dropped[position] = total
            z[block, position] = 0
        least, last = total + lam * ac[EOB], 0
        count = 0
        for position in range(1, 64):
            scaled = abs(F[block, position]) / Q[position]
            nearest = int(scaled + 0.5)
            if nearest == 0:
                continue
            count += 1
            place[count] = position
            best[count] = np.inf
            error = w[position] * Q[position] * Q[position]
            shorter = (1 << (category(nearest) - 1)) - 1
            for candidate in (nearest, nearest - 1, shorter):
                if candidate <= 0:
                    continue
                bits = category(candidate)
                own = error * (scaled - candidate) * (scaled - candidate)
                for previous in range(count):
                    run = position - place[previous] - 1
                    cost = best[previous] + own + dropped[position - 1] - dropped[place[previous]]
                    cost += lam * ((run >> 4) * ac[ZRL] + ac[((run & 15) << 4) | bits])
                    if cost < best[count]:
                        best[count], before[count], value[count] = cost, previous, candidate
            end = best[count] + dropped[63] - dropped[position]
            if position < 63:
                end += lam * ac[EOB]
            if end < least:
                least, last = end, count
        while last > 0:
            position = place[last]
            z[block, position] = value[last] if F[block, position] > 0 else -value[last]
            last = before[last]


@numba.njit(cache=True, nogil=True)
def choose_dc(F: np.ndarray, w: np.ndarray, q: float, dc: np.ndarray, lam: float) -> np.ndarray:
    """int32 (n,): DC in the order of coding, the cheapest path through differences.

    F, w are float (n,): the coefficient and the weight of its squared error; ``dc`` (12,) bits by category.
    """
    count, width = F.shape[0], 2 * _DC_REACH + 1
    value = np.zeros((count, width), np.int32)
    before = np.zeros((count, width), np.int8)
    cost = np.zeros(width)
    for block in range(count):
        nearest = int(np.floor(F[block] / q + 0.5))
        reached = np.full(width, np.inf)
        for option in range(width):
            candidate = nearest + option - _DC_REACH
            value[block, option] = candidate
            if block == 0:
                reached[option] = lam * dc[min(category(candidate), 11)]
            else:
                for previous in range(width):
                    difference = candidate - value[block - 1, previous]
                    through = cost[previous] + lam * dc[min(category(difference), 11)]
                    if through < reached[option]:
                        reached[option], before[block, option] = through, previous
            error = F[block] - candidate * q
            reached[option] += w[block] * error * error
        cost = reached
    chosen = np.zeros(count, np.int32)
    option = int(np.argmin(cost))
    for block in range(count - 1, -1, -1):
        chosen[block] = value[block, option]
        option = before[block, option]
    return chosen
