"""Choose a block's numbers to minimise λ · bits + weighted squared error: a shortest path over zigzag runs.

A coefficient's symbol depends on how many zeros precede it, so the cost of one coefficient depends on which others are
kept. The best choice for each block is found exactly, by dynamic programming over the position of the last non-zero
coefficient. The candidates for each coefficient are the nearest whole number, the largest number of the next lower
category, and zero. (Within a category all numbers take the same bits, so the nearest wins.) DC is coded as differences
between neighbours, so there the path runs from block to block.

Source: Ramchandran and Vetterli 1994, "Rate-distortion optimal fast thresholding with complete JPEG/MPEG decoder
compatibility"; Crouse and Ramchandran 1997 for the whole of JPEG. mozjpeg's trellis is similar.
"""

from __future__ import annotations

import numpy as np

from repro.compiled import compiled
from repro.jpeg.coefficients import LARGEST
from repro.jpeg.huffman import ZRL
from repro.jpeg.symbols import category

#: Candidates for DC are the nearest whole number and this many on either side of it.
_DC_REACH = 2


@compiled()
def choose_ac(
    F: np.ndarray,
    of_band: np.ndarray,
    profile: np.ndarray,
    of_frequency: np.ndarray,
    Q: np.ndarray,
    ac: np.ndarray,
    lam: float,
    z: np.ndarray,
    first: int,
    last: int,
    eob: float,
    cost: np.ndarray,
) -> None:
    """For each block, fill positions ``first``–``last`` of ``z``, int16 (n, 64), with the best choice that is not all
    zero, or with zeros if plain rounding gives only zeros. Other positions are left alone.

    F
        float32 (n, 64): the coefficients before quantisation, in zigzag order.
    of_band, profile, of_frequency
        the weights of squared errors: :class:`repro.trellis.planes.Weights`.
    Q
        float32 (64,): the quantisation table in zigzag order.
    ac
        float64 (256,): bits of each symbol, from :func:`repro.trellis.costs.symbol_costs`.
    first, last
        a band of zigzag positions; 1 and 63 in a sequential scan.
    eob
        bits of the EOB of a block that ends before ``last``.
    cost
        float64 (n, 2), overwritten: λ · bits + error of the all-zero block, without its EOB, and of the choice, with
        its EOB if it needs one; infinite if there is no choice.
    """
    place = np.zeros(64, np.int64)  # positions that may be kept, from index 1; [0] is the one before the band
    best = np.zeros(64)  # cost of the best path that keeps this one last, less the error of all zeros up to here
    least_so_far = np.zeros(64)  # running minimum of best
    before = np.zeros(64, np.int64)
    value = np.zeros(64, np.int64)
    wanted, scaled, own, per_step, w = np.zeros((5, 64), np.float32)
    for k in range(64):
        per_step[k] = 1 / Q[k]
    price = np.zeros(256)
    for symbol in range(256):
        price[symbol] = lam * ac[symbol]
    for block in range(F.shape[0]):
        for k in range(first, last + 1):
            w[k] = profile[k] * of_band[block, of_frequency[k]]
            wanted[k] = abs(F[block, k])
            scaled[k] = wanted[k] * per_step[k] + np.float32(0.5)
            own[k] = w[k] * wanted[k] * wanted[k]
            z[block, k] = 0
        place[0] = first - 1
        dropped = 0.0  # error of all positions before this one, if all were zero
        least, kept = np.inf, 0
        count = 0
        for position in range(first, last + 1):
            if scaled[position] >= 1:
                nearest = min(int(scaled[position]), LARGEST)
                count += 1
                place[count] = position
                best[count] = np.inf
                bits = category(nearest)
                candidate = nearest  # in its category no other has a smaller error
                while candidate > 0:
                    off = wanted[position] - candidate * Q[position]
                    error = dropped + float(w[position]) * off * off
                    for previous in range(count - 1, -1, -1):
                        if least_so_far[previous] + error + lam * bits >= best[count]:
                            break  # no path through this position or an earlier one is cheaper
                        run = position - place[previous] - 1
                        path = best[previous] + error + (run >> 4) * price[ZRL] + price[((run & 15) << 4) | bits]
                        if path < best[count]:
                            best[count], before[count], value[count] = path, previous, candidate
                    bits -= 1
                    candidate = (1 << bits) - 1 if candidate == nearest else 0
                best[count] -= dropped + own[position]
                least_so_far[count] = min(least_so_far[count - 1], best[count])
                whole = best[count] + (lam * eob if position < last else 0.0)
                if whole < least:
                    least, kept = whole, count
            dropped += own[position]
        cost[block, 0], cost[block, 1] = dropped, dropped + least
        while kept > 0:
            position = place[kept]
            z[block, position] = value[kept] if F[block, position] > 0 else -value[kept]
            kept = before[kept]


@compiled()
def choose_eob_runs(cost: np.ndarray, early: np.ndarray, eob_run_bits: np.ndarray, lam: float) -> np.ndarray:
    """bool (n,): which blocks of a progressive scan keep what was chosen for them; the others are to be all zero. One
    symbol ends a run of successive blocks, so the state of the cheapest path is the length of the run so far.

    cost
        float (n, 2) from :func:`choose_ac`, without the bits of any EOB.
    early
        bool (n,): whether what was chosen ends before the band does, and so needs an EOB.
    eob_run_bits
        float64 (m,): bits of the symbol for an EOB run of 0, 1, 2, … blocks; longer runs cost as much as the last.
    """
    count, longest = cost.shape[0], eob_run_bits.shape[0] - 1
    # A path is identified by where its current EOB run begins. ``reached`` is its cost so far, relative to all blocks
    # being empty; ``last`` is the last block that it keeps. ``spread`` is the largest difference between the costs of
    # two runs: a path that is behind by more than that is dropped.
    begins, last = np.zeros(longest + 3, np.int64), np.full(longest + 3, -1)
    reached = np.zeros(longest + 3)
    before = np.zeros(count, np.int64)  # for a block that is kept: the kept one before it
    spread = lam * (max(eob_run_bits[1:]) - min(eob_run_bits[1:]))
    live = 1
    for block in range(count):
        if cost[block, 1] == np.inf:
            continue
        through, i = _cheapest(reached[:live], begins, block, eob_run_bits, lam)
        through += cost[block, 1] - cost[block, 0]
        before[block] = last[i]
        begin = block if early[block] else block + 1
        better = not (begins[live - 1] == begin and reached[live - 1] <= through)
        kept = 0
        for i in range(live):
            if reached[i] >= through + spread or (begins[i] == begin and better):
                continue
            if kept == 1 and block - begins[i] >= longest:  # from here on it costs the same as the one already kept
                kept = 0 if reached[i] < reached[0] else 1
                if kept == 1:
                    continue
            begins[kept], last[kept], reached[kept] = begins[i], last[i], reached[i]
            kept += 1
        if better:
            begins[kept], last[kept], reached[kept] = begin, block, through
            kept += 1
        live = kept
    keep = np.zeros(count, np.bool_)
    _, i = _cheapest(reached[:live], begins, count, eob_run_bits, lam)
    block = last[i]
    while block >= 0:
        keep[block] = True
        block = before[block]
    return keep


@compiled()
def _cheapest(
    reached: np.ndarray, begins: np.ndarray, block: int, eob_run_bits: np.ndarray, lam: float
) -> tuple[float, int]:
    """The least cost after writing the EOB run that ends before ``block``, and the index of the path that has it."""
    least, at = np.inf, 0
    for i in range(reached.shape[0]):
        cost = reached[i] + lam * eob_run_bits[min(block - begins[i], eob_run_bits.shape[0] - 1)]
        if cost < least:
            least, at = cost, i
    return least, at


@compiled()
def choose_dc(F: np.ndarray, w: np.ndarray, q: float, dc: np.ndarray, lam: float) -> np.ndarray:
    """int32 (n,): the quantised DC of blocks in coding order, by the cheapest path through their differences.

    ``F`` and ``w``, float (n,), are the coefficients and the weights of their squared errors; ``q`` is the quantisation
    step; ``dc`` (m,) has the bits of each category.
    """
    count, width = F.shape[0], 2 * _DC_REACH + 1
    value = np.zeros((count, width), np.int32)
    before = np.zeros((count, width), np.int8)
    cost = np.zeros(width)
    for block in range(count):
        nearest = int(abs(F[block]) / q + 0.5) if F[block] > 0 else -int(abs(F[block]) / q + 0.5)
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
    option = 0
    for other in range(1, width):
        if cost[other] < cost[option]:
            option = other
    for block in range(count - 1, -1, -1):
        chosen[block] = value[block, option]
        option = before[block, option]
    return chosen
