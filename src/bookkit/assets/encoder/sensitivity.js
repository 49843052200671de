// Weights of errors in coefficients, predicted by a small network from the picture's blocks.
// As repro.trellis.sensitivity, but here the network's sums are in double precision.
//
// Weights of a plane are { ofBand, bands, profile, band }: a squared error of coefficient k (zigzag) in block n has the
// weight profile[k] · ofBand[bands · n + band[k]]. Luma has five bands: DC and positions 1–2, 3–9, 10–27 and 28–63;
// chroma has three: DC, 1–9 and 10–63.

import { FULL, HALF } from "./color.js";

const f32 = Math.fround;
const [LUMA_BANDS, CHROMA_BANDS] = [
  [0, 1, 3, 10, 28, 64],
  [0, 1, 10, 64],
];
/** The number of the network's inputs and of its outputs for each luma block. */
export const [FEATURES, OUTPUTS] = [12, 11];
/** Outputs are clipped to plus or minus this; e^3.5 is a factor of 33. */
const LIMIT = 3.5;

/** The weights of errors in each plane of `dct` (transform.js). `network`: { layers, profile } of trellis_set.js. */
export function weightsOf(network, dct, onRow = () => {}) {
  const { rows, cols } = dct.planes[0];
  const profiles = network.profile[dct.subsampling === FULL ? 1 : 0];
  const seen = features(dct);
  const said = new Float32Array(rows * cols * OUTPUTS);
  const stack = new Stack(network.layers, seen, rows, cols);
  for (let row = 0; row < rows; row++) {
    stack.output(row, said);
    onRow((row + 1) / rows);
  }
  let first = 0;
  return dct.planes.map((plane, i) => {
    const edges = i ? CHROMA_BANDS : LUMA_BANDS;
    const bands = edges.length - 1;
    const halved = i > 0 && dct.subsampling === HALF;
    const ofBand = new Float32Array(plane.rows * plane.cols * bands);
    for (let b = 0; b < bands; b++) {
      const fill = halved ? fillHalved : fillOne;
      fill(said, first + b, rows, cols, ofBand, b, bands);
    }
    first += bands;
    const band = Uint8Array.from({ length: 64 }, (_, k) => edges.findIndex((edge) => edge > k) - 1);
    return { ofBand, bands, profile: profiles[i], band };
  });
}

function weightOf(logarithm) {
  return Math.exp(Math.min(Math.max(logarithm, -LIMIT), LIMIT));
}

function fillOne(said, output, rows, cols, ofBand, b, bands) {
  for (let n = 0; n < rows * cols; n++) ofBand[bands * n + b] = weightOf(said[OUTPUTS * n + output]);
}

/** As fillOne, from means of 2 × 2 outputs, with an odd last row or column repeated. */
function fillHalved(said, output, rows, cols, ofBand, b, bands) {
  let n = 0;
  for (let row = 0; row < rows; row += 2) {
    const [upper, lower] = [row, Math.min(row + 1, rows - 1)].map((r) => OUTPUTS * r * cols + output);
    for (let col = 0; col < cols; col += 2, n++) {
      const [left, right] = [OUTPUTS * col, OUTPUTS * Math.min(col + 1, cols - 1)];
      const sum = f32(f32(f32(said[upper + left] + said[upper + right]) + said[lower + left]) + said[lower + right]);
      ofBand[bands * n + b] = weightOf(f32(sum / 4));
    }
  }
}

/** Float32Array (rows · cols · FEATURES): the network's inputs for each luma block. */
export function features(dct) {
  const { F, rows, cols } = dct.planes[0];
  const found = new Float32Array(rows * cols * FEATURES);
  const luma = energies(F, LUMA_BANDS, 1 / 1024);
  for (let n = 0; n < rows * cols; n++) {
    for (let b = 0; b < 5; b++) found[FEATURES * n + b] = luma[5 * n + b];
    found[FEATURES * n + 11] = dct.subsampling === FULL ? 1 : 0;
  }
  const shift = dct.subsampling === HALF ? 1 : 0;
  dct.planes.slice(1).forEach((plane, i) => {
    const chroma = energies(plane.F, CHROMA_BANDS, 1 / 512);
    for (let row = 0, n = 0; row < rows; row++) {
      for (let col = 0; col < cols; col++, n++) {
        const from = 3 * ((row >> shift) * plane.cols + (col >> shift));
        for (let b = 0; b < 3; b++) found[FEATURES * n + 5 + 3 * i + b] = chroma[from + b];
      }
    }
  });
  return found;
}

/** Float32Array (n · bands): DC times `scale`, then log(1 + mean square) / 4 of each further band. */
function energies(F, edges, scale) {
  const bands = edges.length - 1;
  const found = new Float32Array((F.length / 64) * bands);
  for (let block = 0, at = 0; 64 * block < F.length; block++) {
    found[at++] = F[64 * block] * scale;
    for (let band = 1; band < bands; band++) {
      let total = 0;
      for (let k = 64 * block + edges[band]; k < 64 * block + edges[band + 1]; k++) total = f32(total + f32(F[k] * F[k]));
      found[at++] = Math.log1p(total / (edges[band + 1] - edges[band])) / 4;
    }
  }
  return found;
}

/** Evaluates the layers over the grid of luma blocks, row by row, and keeps the last three rows of each layer. */
class Stack {
  constructor(layers, seen, rows, cols) {
    this.seen = seen;
    this.rows = rows;
    this.cols = cols;
    // Four columns are computed at a time; one more on either side repeats the edge.
    this.wide = 4 * Math.ceil(cols / 4) + 2;
    this.layers = layers.map((layer, i) => ({ ...layer, relu: i + 1 < layers.length }));
    this.kept = [FEATURES, ...layers.map(({ outputs }) => outputs)].map((channels) => ({
      channels,
      rows: [0, 1, 2].map(() => new Float64Array(channels * this.wide)),
      which: [-1, -1, -1],
    }));
  }

  /** Fill one row of `said`, Float32Array (rows · cols · OUTPUTS). */
  output(row, said) {
    const { channels } = this.kept[this.layers.length];
    const line = this.row(this.layers.length, row);
    for (let col = 0, at = OUTPUTS * row * this.cols; col < this.cols; col++, at += OUTPUTS) {
      for (let o = 0; o < OUTPUTS; o++) said[at + o] = line[channels * (col + 1) + o];
    }
  }

  /** Row `wanted`, clipped to the grid, of the output of layer `i`, counted from 1, or of the features if `i` is 0. */
  row(i, wanted) {
    const kept = this.kept[i];
    const row = Math.min(Math.max(wanted, 0), this.rows - 1);
    const line = kept.rows[row % 3];
    if (kept.which[row % 3] === row) return line;
    if (i === 0) {
      const at = FEATURES * row * this.cols;
      line.set(this.seen.subarray(at, at + FEATURES * this.cols), FEATURES);
    } else {
      const layer = this.layers[i - 1];
      const before = this.kept[i - 1].channels;
      const reach = layer.side >> 1;
      const lines = Array.from({ length: layer.side }, (_, dr) => this.row(i - 1, row + dr - reach));
      convolve(lines, layer, before, (1 - reach) * before, this.cols, line);
    }
    const { channels } = kept;
    line.copyWithin(0, channels, 2 * channels);
    line.copyWithin(channels * (this.cols + 1), channels * this.cols, channels * (this.cols + 1));
    kept.which[row % 3] = row;
    return line;
  }
}

/**
 * Fill `out` with one row of a layer. `lines` are the `side` input rows around it, (columns · inputs) each; their first
 * taps begin at `start`. `weight` is (outputs / 2, side, side · inputs, 2). Two outputs of four columns are computed at
 * a time.
 */
function convolve(lines, { side, outputs, weight, bias, relu }, inputs, start, cols, out) {
  const taps = side * inputs;
  for (let col = 0; col < cols; col += 4) {
    const from = start + col * inputs;
    for (let o = 0; o < outputs; o += 2) {
      let a0 = bias[o];
      let [a1, b0, b1] = [bias[o + 1], a0, bias[o + 1]];
      let [c0, c1, d0, d1] = [a0, a1, a0, a1];
      let at = o * side * taps; // o / 2 pairs of side · taps · 2
      for (let dr = 0; dr < side; dr++) {
        const line = lines[dr];
        let x = from;
        for (const end = from + taps; x < end; x++, at += 2) {
          const v = weight[at];
          const w = weight[at + 1];
          const a = line[x];
          const b = line[x + inputs];
          const c = line[x + 2 * inputs];
          const d = line[x + 3 * inputs];
          a0 += v * a;
          a1 += w * a;
          b0 += v * b;
          b1 += w * b;
          c0 += v * c;
          c1 += w * c;
          d0 += v * d;
          d1 += w * d;
        }
      }
      store(out, outputs * (col + 1) + o, outputs, relu, a0, a1, b0, b1, c0, c1, d0, d1);
    }
  }
}

function store(out, at, outputs, relu, a0, a1, b0, b1, c0, c1, d0, d1) {
  out[at] = relu && a0 < 0 ? 0 : a0;
  out[at + 1] = relu && a1 < 0 ? 0 : a1;
  at += outputs;
  out[at] = relu && b0 < 0 ? 0 : b0;
  out[at + 1] = relu && b1 < 0 ? 0 : b1;
  at += outputs;
  out[at] = relu && c0 < 0 ? 0 : c0;
  out[at + 1] = relu && c1 < 0 ? 0 : c1;
  at += outputs;
  out[at] = relu && d0 < 0 ? 0 : d0;
  out[at + 1] = relu && d1 < 0 ? 0 : d1;
}
