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

from repro.jpeg.coefficients import LARGEST
from repro.jpeg.huffman import ZRL
from repro.jpeg.symbols import category

#: How far from the nearest whole number DC is tried, on either side.
_DC_REACH = 2


@numba.njit(cache=True, nogil=True)
def choose_ac(
    F: np.ndarray,
    W: np.ndarray,
    row: np.ndarray,
    Q: np.ndarray,
    ac: np.ndarray,
    lam: float,
    z: np.ndarray,
    first: int,
    last: int,
    eob: float,
    cost: np.ndarray,
) -> None:
    """Fill positions ``first``–``last`` of ``z``, int16 (n, 64), with the best choice that is not all zero, for each
    block; with zeros where plain rounding gives nothing else. Other positions are left alone.

    F
        float32 (n, 64): what the decoder should get back, in zigzag order.
    W, row
        float32 (m, 64) weights of squared error, and int64 (n,): which row of them a block has.
    Q
        float32 (64,) the table, zigzag.
    ac
        float64 (256,) bits of each symbol with its number: :func:`repro.trellis.costs.symbol_costs`.
    first, last
        a band of the zigzag, 1–63 in a sequential scan.
    eob
        bits of the end of a block that ends before ``last``.
    cost
        float64 (n, 2), filled: λ · bits + error of the all-zero block without its end, and of what was chosen with its
        end; infinite where there is nothing to choose.
    """
    place = np.zeros(64, np.int64)  # positions that may be kept, from 1; [0] is what stands before the first
    best = np.zeros(64)  # cost of the best path that keeps this one last
    before = np.zeros(64, np.int64)
    value = np.zeros(64, np.int64)
    dropped = np.zeros(64)  # error of all positions up to here, if all were zero
    for block in range(F.shape[0]):
        w = W[row[block]]
        total = 0.0
        place[0] = first - 1
        dropped[first - 1] = 0.0
        for position in range(first, last + 1):
            total += w[position] * F[block, position] * F[block, position]
            dropped[position] = total
            z[block, position] = 0
        least, kept = np.inf, 0
        count = 0
        for position in range(first, last + 1):
            scaled = abs(F[block, position]) / Q[position]
            nearest = min(int(scaled + 0.5), LARGEST)
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
                    path = best[previous] + own + dropped[position - 1] - dropped[place[previous]]
                    path += lam * ((run >> 4) * ac[ZRL] + ac[((run & 15) << 4) | bits])
                    if path < best[count]:
                        best[count], before[count], value[count] = path, previous, candidate
            whole = best[count] + total - dropped[position]
            if position < last:
                whole += lam * eob
            if whole < least:
                least, kept = whole, count
        cost[block, 0], cost[block, 1] = total, least
        while kept > 0:
            position = place[kept]
            z[block, position] = value[kept] if F[block, position] > 0 else -value[kept]
            kept = before[kept]


@numba.njit(cache=True, nogil=True)
def choose_eob_runs(cost: np.ndarray, early: np.ndarray, eob_run_bits: np.ndarray, lam: float) -> np.ndarray:
    """bool (n,): which blocks of a progressive scan keep what was chosen for them. One symbol stands for a run of
    blocks that end side by side, so the cheapest path runs over the length of the run so far.

    cost
        float64 (n, 2) as of :func:`choose_ac`, without the bits of any end.
    early
        bool (n,): whether what was chosen ends before the band does, and so needs an end.
    eob_run_bits
        float64 (m,): bits of the symbol for a run of 0, 1, 2, … blocks; longer runs cost as much as the last.
    """
    count, states = cost.shape[0], eob_run_bits.shape[0]
    reached = np.full(states, np.inf)
    reached[0] = 0.0
    closed = np.zeros(count, np.int16)  # how many had ended before this block, where it keeps something
    kept = np.zeros(count, np.bool_)  # whether the state that this block begins is best reached by keeping
    stayed = np.zeros(count, np.bool_)  # whether the last state is best reached from itself
    for block in range(count):
        through, closed[block] = _least(reached, eob_run_bits, lam)
        through += cost[block, 1]
        stayed[block] = reached[states - 1] < reached[states - 2]
        longest = min(reached[states - 1], reached[states - 2])
        for state in range(states - 2, 0, -1):
            reached[state] = reached[state - 1] + cost[block, 0]
        reached[states - 1] = longest + cost[block, 0]
        reached[0] = np.inf
        begun = 1 if early[block] else 0
        if through < reached[begun]:
            reached[begun], kept[block] = through, True
    keep = np.zeros(count, np.bool_)
    _, state = _least(reached, eob_run_bits, lam)
    for block in range(count - 1, -1, -1):
        if kept[block] and state == (1 if early[block] else 0):
            keep[block], state = True, closed[block]
        elif not (state == states - 1 and stayed[block]):
            state -= 1
    return keep


@numba.njit(cache=True, nogil=True)
def _least(reached: np.ndarray, eob_run_bits: np.ndarray, lam: float) -> tuple[float, int]:
    """The least cost once the run is written, and its length."""
    least, at = np.inf, 0
    for state in range(eob_run_bits.shape[0]):
        cost = reached[state] + lam * eob_run_bits[state]
        if cost < least:
            least, at = cost, state
    return least, at


@numba.njit(cache=True, nogil=True)
def choose_dc(F: np.ndarray, w: np.ndarray, q: float, dc: np.ndarray, lam: float) -> np.ndarray:
    """int32 (n,): DC in the order of coding, the cheapest path through differences.

    F, w are float (n,): the coefficient and the weight of its squared error; ``dc`` (m,) bits by category.
    """
    count, width = F.shape[0], 2 * _DC_REACH + 1
    value = np.zeros((count, width), np.int32)
    before = np.zeros((count, width), np.int8)
    cost = np.zeros(width)
    for block in range(count):
        nearest = int(np.floor(F[block] / q + 0.5))
        reached = np.full(width, np.inf)
        for option in range(width):
            candidate = min(max(nearest + option - _DC_REACH, -LARGEST), LARGEST)
            value[block, option] = candidate
            if block == 0:
                reached[option] = lam * dc[category(candidate)]
            else:
                for previous in range(width):
                    difference = candidate - value[block - 1, previous]
                    through = cost[previous] + lam * dc[category(difference)]
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
