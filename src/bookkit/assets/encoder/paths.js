// Choose a block's numbers to minimise λ · bits + weighted squared error: a shortest path over zigzag runs.
// As repro.trellis.paths, whose docstrings explain it (Ramchandran and Vetterli 1994).

import { LARGEST, ZRL, category } from "./symbols.js";

const f32 = Math.fround;
/** Candidates for DC are the nearest whole number and this many on either side of it; and how many that makes. */
const DC_REACH = 2;
const DC_WIDTH = 2 * DC_REACH + 1;

const place = new Int32Array(64); // positions that may be kept, from 1; [0] is what stands before the first
const best = new Float64Array(64); // cost of the best path that keeps this one last, less the error of all zeros
const leastSoFar = new Float64Array(64); // of best
const cameFrom = new Int32Array(64);
const chosenValue = new Int32Array(64);
const perStep = new Float32Array(64);
const price = new Float64Array(256);

/**
 * For each block of `F`, fill the positions of `band` (costs.js) in `z` with the best choice that is not all zero, or
 * with zeros if plain rounding gives only zeros. `weights` are as in sensitivity.js, `Q` the steps in zigzag order.
 * `cost`, Float64Array (2 n), is overwritten: λ · bits + error of the all-zero block, without its EOB, and of the
 * choice, with its EOB if it needs one; infinite if there is no choice.
 */
export function chooseAc(F, weights, Q, band, lam, z, cost) {
  const { ofBand, bands, profile, band: bandOf } = weights;
  const { first, last, ac } = band;
  const end = lam * band.eob;
  const blocks = cost.length >> 1;
  for (let k = 0; k < 64; k++) perStep[k] = 1 / Q[k];
  for (let symbol = 0; symbol < 256; symbol++) price[symbol] = lam * ac[symbol];
  for (let block = 0; block < blocks; block++) {
    const at = 64 * block;
    place[0] = first - 1;
    let dropped = 0; // error of all positions before this one, if all were zero
    let [least, kept, count] = [Infinity, 0, 0];
    for (let position = first; position <= last; position++) {
      const wanted = Math.abs(F[at + position]);
      const w = f32(profile[position] * ofBand[bands * block + bandOf[position]]);
      const own = f32(f32(w * wanted) * wanted);
      const scaled = f32(f32(wanted * perStep[position]) + 0.5);
      z[at + position] = 0;
      if (scaled >= 1) {
        const nearest = Math.min(Math.floor(scaled), LARGEST);
        count++;
        place[count] = position;
        const reached = extend(count, nearest, wanted, w, Q[position], dropped, lam) - (dropped + own);
        best[count] = reached;
        leastSoFar[count] = Math.min(leastSoFar[count - 1], reached);
        const whole = reached + (position < last ? end : 0);
        if (whole < least) {
          least = whole;
          kept = count;
        }
      }
      dropped += own;
    }
    cost[2 * block] = dropped;
    cost[2 * block + 1] = dropped + least;
    for (; kept > 0; kept = cameFrom[kept]) {
      const position = at + place[kept];
      z[position] = F[position] > 0 ? chosenValue[kept] : -chosenValue[kept];
    }
  }
}

/** The least cost of a path to `place[count]`, by the nearest number or the largest of the next lower category. */
function extend(count, nearest, wanted, w, step, dropped, lam) {
  let reached = Infinity;
  let bits = category(nearest);
  let candidate = nearest;
  while (candidate > 0) {
    const off = wanted - candidate * step;
    const error = dropped + w * off * off;
    for (let previous = count - 1; previous >= 0; previous--) {
      if (leastSoFar[previous] + error + lam * bits >= reached) break; // no path from here or before is cheaper
      const run = place[count] - place[previous] - 1;
      const path = best[previous] + error + (run >> 4) * price[ZRL] + price[((run & 15) << 4) | bits];
      if (path < reached) {
        reached = path;
        cameFrom[count] = previous;
        chosenValue[count] = candidate;
      }
    }
    bits--;
    candidate = candidate === nearest ? (1 << bits) - 1 : 0;
  }
  return reached;
}

/**
 * Uint8Array (n): which blocks keep what was chosen for them; the others are to be all zero. One symbol ends a run of
 * successive blocks, so the state of the cheapest path is the length of the run so far. `cost` is that of chooseAc,
 * without the bits of any EOB; `early` says whether what was chosen ends before the band does, and so needs an EOB.
 */
export function chooseEobRuns(cost, early, eobRunBits, lam) {
  const blocks = early.length;
  const longest = eobRunBits.length - 1;
  const runs = new EobRuns(eobRunBits, lam);
  const { begins, last, reached } = runs;
  const before = new Int32Array(blocks); // of a block that keeps something: the one before it
  const several = eobRunBits.subarray(1);
  const spread = lam * (Math.max(...several) - Math.min(...several));
  for (let block = 0; block < blocks; block++) {
    if (cost[2 * block + 1] === Infinity) continue;
    const from = runs.cheapest(block);
    const through = runs.least + (cost[2 * block + 1] - cost[2 * block]);
    before[block] = last[from];
    const begin = early[block] ? block : block + 1;
    const better = !(begins[runs.live - 1] === begin && reached[runs.live - 1] <= through);
    let kept = 0;
    for (let i = 0; i < runs.live; i++) {
      if (reached[i] >= through + spread || (begins[i] === begin && better)) continue;
      if (kept === 1 && block - begins[i] >= longest) {
        // from here on it costs the same as the one already kept
        kept = reached[i] < reached[0] ? 0 : 1;
        if (kept === 1) continue;
      }
      begins[kept] = begins[i];
      last[kept] = last[i];
      reached[kept] = reached[i];
      kept++;
    }
    if (better) {
      begins[kept] = begin;
      last[kept] = block;
      reached[kept] = through;
      kept++;
    }
    runs.live = kept;
  }
  const keep = new Uint8Array(blocks);
  for (let block = last[runs.cheapest(blocks)]; block >= 0; block = before[block]) keep[block] = 1;
  return keep;
}

/** Paths, identified by where their current EOB run begins: the cost of each so far, and the last block it keeps. */
class EobRuns {
  constructor(eobRunBits, lam) {
    const size = eobRunBits.length + 2;
    this.begins = new Int32Array(size);
    this.last = new Int32Array(size).fill(-1);
    this.reached = new Float64Array(size);
    this.prices = eobRunBits.map((bits) => lam * bits);
    this.live = 1;
    this.least = 0;
  }

  /** The index of the cheapest path after writing the EOB run that ends before `block`; sets `least` to its cost. */
  cheapest(block) {
    const { begins, reached, prices, live } = this;
    let [least, at] = [Infinity, 0];
    for (let i = 0; i < live; i++) {
      const through = reached[i] + prices[Math.min(block - begins[i], prices.length - 1)];
      if (through < least) {
        least = through;
        at = i;
      }
    }
    this.least = least;
    return at;
  }
}

/**
 * Fill the DC of `z` by the cheapest path through the differences between blocks, which are coded in the order `order`.
 * `weights` are those of squared errors (sensitivity.js), `q` is the step, `dc` has the bits of each category.
 */
export function chooseDc(F, weights, q, dc, lam, order, z) {
  const blocks = order.length;
  const value = new Int16Array(blocks * DC_WIDTH);
  const before = new Int8Array(blocks * DC_WIDTH);
  let cost = new Float64Array(DC_WIDTH);
  let reached = new Float64Array(DC_WIDTH);
  for (let i = 0; i < blocks; i++) {
    const wanted = F[64 * order[i]];
    const w = f32(weights.profile[0] * weights.ofBand[weights.bands * order[i]]);
    const size = Math.floor(Math.abs(wanted) / q + 0.5);
    const nearest = wanted > 0 ? size : -size;
    const at = DC_WIDTH * i;
    for (let option = 0; option < DC_WIDTH; option++) {
      const candidate = Math.min(Math.max(nearest + option - DC_REACH, -LARGEST), LARGEST);
      value[at + option] = candidate;
      let least = Infinity;
      if (i === 0) least = lam * dc[category(Math.abs(candidate))];
      for (let previous = 0; i > 0 && previous < DC_WIDTH; previous++) {
        const difference = candidate - value[at - DC_WIDTH + previous];
        const through = cost[previous] + lam * dc[category(Math.abs(difference))];
        if (through < least) {
          least = through;
          before[at + option] = previous;
        }
      }
      const error = wanted - candidate * q;
      reached[option] = least + w * error * error;
    }
    [cost, reached] = [reached, cost];
  }
  let option = 0;
  for (let other = 1; other < DC_WIDTH; other++) if (cost[other] < cost[option]) option = other;
  for (let i = blocks - 1; i >= 0; i--) {
    z[64 * order[i]] = value[DC_WIDTH * i + option];
    option = before[DC_WIDTH * i + option];
  }
}
