"""The whole numbers of a block that make λ · bits + weighted squared error least: a shortest path over zigzag runs.

A coefficient's symbol depends on how many zeros stand before it, so what one coefficient costs depends on which others
are kept. The best choice for each block is found exactly, by dynamic programming over the position of the last
coefficient that is not zero, among the candidates for each: the nearest whole number, the largest of the next shorter
category, and zero. (Within a category all numbers take the same bits, so the nearest wins.) DC is coded as differences
between neighbours: there the path runs from block to block.

Source: Ramchandran and Vetterli 1994, "Rate-distortion optimal fast thresholding with complete JPEG/MPEG decoder
compatibility"; Crouse and Ramchandran 1997 for the whole of JPEG; mozjpeg has a relative of it.
"""

from __future__ import annotations

import numpy as np

from repro.compiled import compiled
from repro.jpeg.coefficients import LARGEST
from repro.jpeg.huffman import ZRL
from repro.jpeg.symbols import category

#: How far from the nearest whole number DC is tried, on either side.
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
    """Fill positions ``first``–``last`` of ``z``, int16 (n, 64), with the best choice that is not all zero, for each
    block; with zeros where plain rounding gives nothing else. Other positions are left alone.

    F
        float32 (n, 64): what the decoder should get back, in zigzag order.
    of_band, profile, of_frequency
        the weights of squared errors: :class:`repro.trellis.planes.Weights`.
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
    best = np.zeros(64)  # cost of the best path that keeps this one last, less the error of all zeros up to here
    least_so_far = np.zeros(64)  # of best
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
                            break  # no path from here or before is cheaper
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
    """bool (n,): which blocks of a progressive scan keep what was chosen for them. One symbol stands for a run of
    blocks that end side by side, so the cheapest path runs over the length of the run so far.

    cost
        float (n, 2) as of :func:`choose_ac`, without the bits of any end.
    early
        bool (n,): whether what was chosen ends before the band does, and so needs an end.
    eob_run_bits
        float64 (m,): bits of the symbol for a run of 0, 1, 2, … blocks; longer runs cost as much as the last.
    """
    count, longest = cost.shape[0], eob_run_bits.shape[0] - 1
    # A path is known by where its run of ended blocks begins. ``reached`` is what it has cost, over what empty blocks
    # alone would have; ``last`` is the last block that keeps something. ``spread`` is the most that one run may cost
    # over another: paths behind by more than that are given up.
    begins, last = np.zeros(longest + 3, np.int64), np.full(longest + 3, -1)
    reached = np.zeros(longest + 3)
    before = np.zeros(count, np.int64)  # of a block that keeps something: the one before it
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
            if kept == 1 and block - begins[i] >= longest:  # costs the same from here on as the one that is kept
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
    """The least cost once the run that ends before ``block`` is written, and which path has it."""
    least, at = np.inf, 0
    for i in range(reached.shape[0]):
        cost = reached[i] + lam * eob_run_bits[min(block - begins[i], eob_run_bits.shape[0] - 1)]
        if cost < least:
            least, at = cost, i
    return least, at


@compiled()
def choose_dc(F: np.ndarray, w: np.ndarray, q: float, dc: np.ndarray, lam: float) -> np.ndarray:
    """int32 (n,): DC in the order of coding, the cheapest path through differences.

    F, w are float (n,): the coefficient and the weight of its squared error; ``dc`` (m,) bits by category.
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
