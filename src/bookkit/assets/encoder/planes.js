// From a picture's DCT planes to the numbers of a file. As repro.trellis.planes and repro.trellis.own_tables.

import { HALF } from "./color.js";
import { acBands, dcCosts } from "./costs.js";
import { chooseAc, chooseDc, chooseEobRuns } from "./paths.js";
import { LARGEST } from "./symbols.js";
import { NATURAL, roundHalfEven, stepsOf } from "./tables.js";

const f32 = Math.fround;
/** In ownTables, the factor by which the difference is multiplied, and the largest change of log Q. */
const [TIMES, MOST] = [12, 0.2];
/** A frequency with this many non-zero numbers moves half as far. */
const FEW = 30;

/** AC magnitudes are rounded up from this fraction of a step on. */
export const AC_FROM = 0.65;

/** Int16Array for each plane: plain rounding, with AC rounded up from the fraction `acFrom` (0.5: to the nearest). */
export function round(dct, tables, acFrom = AC_FROM) {
  const ac = f32(1 - acFrom);
  return dct.planes.map(({ F }, i) => {
    const inverse = stepsOf(tables, i).map((step) => 1 / step);
    const z = new Int16Array(F.length);
    for (let at = 0; at < F.length; at++) {
      const k = at & 63;
      const size = Math.min(Math.floor(f32(f32(Math.abs(F[at]) * inverse[k]) + (k ? ac : 0.5))), LARGEST);
      z[at] = F[at] > 0 ? size : -size;
    }
    return z;
  });
}

/**
 * Replace the numbers `z` of each plane by those that minimise λ · bits + weighted squared error, at the bit costs of
 * Huffman codes optimised for the old ones. `weights` are as in sensitivity.js. `onPlane(share)`: the share done, 0–1.
 */
export function trellisQuantize(dct, weights, tables, lam, z, onPlane = () => {}) {
  const Q = dct.planes.map((_, i) => stepsOf(tables, i));
  dct.planes.forEach(({ F }, i) => {
    for (const band of acBands(z[i], i)) chooseBand(F, weights[i], Q[i], lam, band, z[i]);
    onPlane((i + 1) / (dct.planes.length + 1));
  });
  const dc = dcCosts(dct.planes.map(({ rows, cols }, i) => ({ z: z[i], rows, cols })));
  dct.planes.forEach(({ F }, i) => chooseDc(F, weights[i], Q[i][0], dc[i], lam, codingOrder(dct, i), z[i]));
  onPlane(1);
}

function chooseBand(F, weights, Q, lam, band, z) {
  const blocks = F.length / 64;
  const cost = new Float64Array(2 * blocks);
  chooseAc(F, weights, Q, band, lam, z, cost);
  const early = new Uint8Array(blocks);
  const end = lam * band.eob;
  for (let block = 0; block < blocks; block++) {
    if (z[64 * block + band.last] !== 0) continue;
    early[block] = 1;
    cost[2 * block + 1] -= end;
  }
  const keep = chooseEobRuns(cost, early, band.eobRunBits, lam);
  for (let block = 0; block < blocks; block++) {
    if (!keep[block]) z.fill(0, 64 * block + band.first, 64 * block + band.last + 1);
  }
}

/** Int32Array: a plane's blocks in the order in which DC is coded. In 4:2:0, luma comes in units of 2 × 2 blocks. */
export function codingOrder(dct, plane) {
  const { rows, cols } = dct.planes[plane];
  const order = new Int32Array(rows * cols);
  const side = dct.subsampling === HALF && plane === 0 ? 2 : 1;
  let at = 0;
  for (let top = 0; top < rows; top += side) {
    for (let left = 0; left < cols; left += side) {
      for (let row = top; row < Math.min(top + side, rows); row++) {
        for (let col = left; col < Math.min(left + side, cols); col++) order[at++] = row * cols + col;
      }
    }
  }
  return order;
}

/**
 * `tables`, adapted to the picture: the step of weighted least squares for the numbers `z` differs a little from the
 * table's, which moves by several times the difference. (repro.trellis.own_tables says why.)
 */
export function ownTables(dct, weights, tables, z) {
  const sums = tables.map(() => ({
    wanted: new Float64Array(64),
    got: new Float64Array(64),
    used: new Float64Array(64),
  }));
  dct.planes.forEach(({ F }, i) => {
    addUp(F, weights[i], z[i], stepsOf(tables, i), sums[Math.min(i, tables.length - 1)]);
  });
  return tables.map((table, i) => {
    const { wanted, got, used } = sums[i];
    return Uint16Array.from(table, (step, natural) => {
      const k = NATURAL[natural];
      const ratio = Math.min(Math.max(got[k] > 0 ? wanted[k] / got[k] : 1, 0.5), 2);
      const move = (TIMES * Math.log(ratio) * used[k]) / (used[k] + FEW);
      return Math.min(Math.max(roundHalfEven(step * Math.exp(Math.min(Math.max(move, -MOST), MOST))), 1), 255);
    });
  });
}

/** Add ΣwF(ẑQ), Σw(ẑQ)² and the count of non-zero ẑ, by frequency, to `wanted`, `got` and `used`. */
function addUp(F, { ofBand, bands, profile, band }, z, Q, { wanted, got, used }) {
  for (let block = 0; 64 * block < F.length; block++) {
    for (let k = 0; k < 64; k++) {
      const numbers = z[64 * block + k];
      if (numbers === 0) continue;
      const back = numbers * Q[k];
      const w = f32(profile[k] * ofBand[bands * block + band[k]]);
      wanted[k] += f32(w * F[64 * block + k]) * back;
      got[k] += w * back * back;
      used[k]++;
    }
  }
}
