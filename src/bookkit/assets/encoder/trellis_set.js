// The set that ships with the package: network, tables for every λ, and what a quality means. As
// repro.encoder.trellis_set. Its values are in model.js, which tools/ship_browser.py makes.

import { FULL, HALF } from "./color.js";
import { MODEL } from "./model.js";
import { AC_FROM } from "./planes.js";
import { FEATURES, OUTPUTS } from "./sensitivity.js";
import { roundHalfEven, stepsOf } from "./tables.js";

const f32 = Math.fround;
/** The largest factor between a photo's λ and the median photo's, either way. */
const REACH = 4;
/** A photo's loss is estimated from this many of its luma blocks, or up to twice as many. */
const SAMPLE = 1024;
export const [LOWEST, HIGHEST] = [1, 100];

export class TrellisSet {
  /** `model` has the form of MODEL (model.js). */
  constructor(model = MODEL) {
    this.logLams = model.lams.map(Math.log);
    this.losses = model.losses;
    this.powers = model.powers;
    this.qualities = model.scale.map(([quality]) => quality);
    this.logScale = model.scale.map(([, lam]) => Math.log(lam));
    this.logTables = Object.fromEntries([HALF, FULL].map((s) => [s, growing(model.tables[s]).map(logs)]));
    this.network = networkOf(model);
  }

  /** The tables for `lam` and `subsampling`: three Uint16Array (64), Y, Cb and Cr. */
  tablesAt(lam, subsampling) {
    const { logLams } = this;
    const tables = this.logTables[subsampling === FULL ? FULL : HALF];
    const place = clip(Math.log(lam), logLams[0], logLams[logLams.length - 1]);
    const right = clip(logLams.findIndex((one) => one >= place), 1, logLams.length - 1);
    const t = (place - logLams[right - 1]) / (logLams[right] - logLams[right - 1]);
    const beyond = (Math.log(lam) - place) / 2;
    return [0, 1, 2].map((i) =>
      Uint16Array.from({ length: 64 }, (_, k) => {
        const at = 64 * i + k;
        const log = (1 - t) * tables[right - 1][at] + t * tables[right][at] + beyond;
        return roundHalfEven(clip(Math.exp(log), 1, 255));
      }),
    );
  }

  /** λ of the median photo at `quality` in 1–100. Throws a RangeError outside this range. */
  medianLam(quality) {
    if (!(quality >= LOWEST && quality <= HIGHEST)) {
      throw new RangeError(`quality ${quality} is out of range; choose from ${LOWEST} to ${HIGHEST}`);
    }
    return Math.exp(interpolate(quality, this.qualities, this.logScale));
  }

  /** λ at which a photo with these expectedLosses looks about as good as the median photo at `quality`. */
  lamAt(quality, losses) {
    const { logLams } = this;
    let before = -Infinity;
    const own = logLams.map((log, i) => {
      before = Math.max(before, log - this.powers[i] * Math.log(losses[i] / this.losses[i]));
      return clip(before, log - Math.log(REACH), log + Math.log(REACH));
    });
    const place = Math.log(this.medianLam(quality));
    const inside = clip(place, logLams[0], logLams[logLams.length - 1]);
    return Math.exp(interpolate(inside, logLams, own) + place - inside);
  }

  /**
   * Estimate luma's weighted squared error per pixel at each of the set's λ, from a sample of its blocks, whose
   * coefficients are rounded up from AC_FROM. The arguments are luma's plane and its weights (sensitivity.js).
   */
  expectedLosses({ F }, { ofBand, bands, band }) {
    const profile = this.network.profile[0][0];
    const blocks = F.length / 64;
    const every = Math.max(1, Math.floor(blocks / SAMPLE));
    return this.logLams.map((logLam) => {
      const Q = stepsOf(this.tablesAt(Math.exp(logLam), HALF), 0);
      let [sum, count] = [0, 0];
      for (let block = 0; block < blocks; block += every, count += 64) {
        for (let k = 0; k < 64; k++) {
          const size = Math.abs(F[64 * block + k]);
          const error = f32(size - f32(Q[k] * Math.floor(f32(f32(size / Q[k]) + f32(1 - AC_FROM)))));
          sum += f32(profile[k] * ofBand[bands * block + band[k]]) * f32(error * error);
        }
      }
      return sum / count + 1e-6;
    });
  }
}

/** Tables (K, 3, 8, 8) → K arrays of 192, with steps raised so that none falls as λ grows. */
function growing(tables) {
  const flat = tables.map((each) => each.flat(2));
  for (let i = 1; i < flat.length; i++) flat[i] = flat[i].map((step, k) => Math.max(step, flat[i - 1][k]));
  return flat;
}

function logs(values) {
  return Float64Array.from(values, Math.log);
}

function clip(value, low, high) {
  return Math.min(Math.max(value, low), high);
}

/** Interpolate linearly between the points (xs, ys), with xs increasing; constant beyond them. */
function interpolate(x, xs, ys) {
  const right = xs.findIndex((one) => one > x);
  if (right === 0) return ys[0];
  if (right < 0) return ys[ys.length - 1];
  return ys[right - 1] + ((ys[right] - ys[right - 1]) / (xs[right] - xs[right - 1])) * (x - xs[right - 1]);
}

/**
 * { layers, profile }: layers as sensitivity.js takes them, with outputs padded to an even number; profile[0 for 4:2:0,
 * 1 for 4:4:4][Y, Cb, Cr], Float32Array (64) in zigzag order.
 */
function networkOf({ layers, values }) {
  const bytes = Uint8Array.from(atob(values), (letter) => letter.charCodeAt(0));
  const numbers = new Float32Array(bytes.buffer);
  let at = 0;
  const take = (count) => numbers.subarray(at, (at += count));
  let inputs = FEATURES;
  const found = layers.map(([side, outputs]) => {
    const layer = layerOf(side, inputs, outputs, take(side * side * inputs * outputs), take(outputs));
    inputs = layer.outputs;
    return layer;
  });
  const profile = [0, 1].map(() => [0, 1, 2].map(() => take(64)));
  if (at !== numbers.length || layers[layers.length - 1][1] !== OUTPUTS) throw new Error("model.js: of another version");
  return { layers: found, profile };
}

/** `weight` (side, side, inputs, outputs) → (outputs / 2, side, side, inputs, 2) in double precision. */
function layerOf(side, inputs, outputs, weight, bias) {
  const even = outputs + (outputs % 2);
  const taps = side * side * inputs;
  const paired = new Float64Array(taps * even);
  for (let tap = 0; tap < taps; tap++) {
    for (let o = 0; o < outputs; o++) paired[2 * ((o >> 1) * taps + tap) + (o & 1)] = weight[tap * outputs + o];
  }
  const biases = new Float64Array(even);
  biases.set(bias);
  return { side, outputs: even, weight: paired, bias: biases };
}
