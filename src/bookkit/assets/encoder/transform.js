// Samples to DCT coefficients, strip by strip: colour, chroma at half resolution, blocks and DCT.
// As repro.jpeg.transform, with the same float32 sums: `f32(sum + a * b)`, computed in double precision and rounded
// once, is the fused multiply-add of Python's compiled code.

import { FULL, HALF, RGB_TO_YCBCR } from "./color.js";
import { NATURAL } from "./tables.js";

const f32 = Math.fround;
const eight = new Float32Array(8);

/** Float64Array (64): the orthonormal 8×8 DCT-II (T.81, A.3.3), row v for frequency v, rounded to float32. */
export const DCT_MATRIX = Float64Array.from({ length: 64 }, (_, i) => {
  const [v, n] = [i >> 3, i & 7];
  return f32(((v ? 1 : Math.SQRT1_2) * Math.cos(((2 * n + 1) * v * Math.PI) / 16)) / 2);
});

/**
 * The DCT planes of a picture (color.js): { width, height, subsampling, planes: [{ F, rows, cols }] }.
 * F is Float32Array (rows · cols · 64), blocks in raster order, each in zigzag order; Y alone or Y, Cb, Cr.
 * `subsampling` is "4:2:0", with chroma halved and sharpened against the decoder's filter, or "4:4:4"; for a grey
 * picture it becomes "grey". `onRow(share)` is called with the share that is done, 0–1.
 */
export function forwardDct(picture, subsampling, onRow = () => {}) {
  const { width, height, channels } = picture;
  const grey = channels === 1;
  const half = !grey && subsampling === HALF;
  const blocks = (side, scale) => Math.ceil(side / (8 * scale));
  const planes = [0, 1, 2].slice(0, grey ? 1 : 3).map((i) => {
    const scale = half && i ? 2 : 1;
    const [rows, cols] = [blocks(height, scale), blocks(width, scale)];
    return { F: new Float32Array(rows * cols * 64), rows, cols };
  });
  planes.forEach((plane, i) => {
    const shares = grey ? Float32Array.of(1) : RGB_TO_YCBCR[i];
    const strip = new Float32Array(64 * plane.cols);
    const columns = new Float32Array(64 * plane.cols);
    const means = half && i ? new HalfRows(picture, shares, plane.cols) : null;
    for (let row = 0; row < plane.rows; row++) {
      if (means) means.fill(strip, row);
      else fillRows(picture, shares, i ? 0 : -128, strip, row);
      transformStrip(strip, columns, plane.F, row * plane.cols);
      onRow((i + row / plane.rows) / planes.length);
    }
  });
  return { planes, width, height, subsampling: grey ? "grey" : half ? HALF : FULL };
}

/** Fill `strip`, (8, 8 · cols), with a row of blocks: the channels times `shares`, plus `offset`; edges repeated. */
function fillRows({ data, width, height, channels }, shares, offset, strip, row) {
  const wide = strip.length / 8;
  const grey = channels === 1;
  const [r, g, b] = grey ? [shares[0], 0, 0] : shares;
  for (let y = 0; y < 8; y++) {
    const line = y * wide;
    let at = Math.min(8 * row + y, height - 1) * width * channels;
    for (let x = 0; x < width; x++, at += channels) {
      let sum = f32(offset + r * data[at]);
      if (!grey) sum = f32(f32(sum + g * data[at + 1]) + b * data[at + 2]);
      strip[line + x] = sum;
    }
    strip.fill(strip[line + width - 1], line + width, line + wide);
  }
}

/** Block rows of Cb or Cr at half resolution: means of 2 × 2 pixels, sharpened against the decoder's blur. */
class HalfRows {
  constructor(picture, shares, blocks) {
    this.picture = picture;
    this.quarters = Float32Array.from(shares, (share) => f32(share * 0.25));
    this.rows = (picture.height + 1) >> 1;
    this.cols = (picture.width + 1) >> 1;
    this.wide = 8 * blocks;
    this.mean = new Float32Array(10 * this.wide); // a row above the strip, and one below it
    this.edged = new Float32Array(this.cols + 2);
  }

  fill(strip, row) {
    const { rows, cols, wide, mean } = this;
    for (let y = 0; y < 10; y++) this.fillMeans(Math.min(Math.max(8 * row + y - 1, 0), rows - 1), y * wide);
    for (let y = 0; y < 8; y++) {
      const line = y * wide;
      if (8 * row + y >= rows) {
        strip.copyWithin(line, line - wide, line); // below the picture its last row is repeated
        continue;
      }
      sharpen(mean, strip, this.edged, line, wide, cols);
      strip.fill(strip[line + cols - 1], line + cols, line + wide);
    }
  }

  fillMeans(at, line) {
    const { mean, quarters, cols, wide } = this;
    const { data, width, height, channels } = this.picture;
    let upper = 2 * at * width * channels;
    let lower = Math.min(2 * at + 1, height - 1) * width * channels;
    const [r, g, b] = quarters;
    for (let x = 0; x < width >> 1; x++) {
      let sum = f32(r * (data[upper] + data[upper + channels] + data[lower] + data[lower + channels]));
      sum = f32(sum + g * (data[upper + 1] + data[upper + channels + 1] + data[lower + 1] + data[lower + channels + 1]));
      sum = f32(sum + b * (data[upper + 2] + data[upper + channels + 2] + data[lower + 2] + data[lower + channels + 2]));
      mean[line + x] = sum;
      upper += 2 * channels;
      lower += 2 * channels;
    }
    if (width % 2) {
      let sum = f32(2 * r * (data[upper] + data[lower]));
      sum = f32(sum + 2 * g * (data[upper + 1] + data[lower + 1]));
      mean[line + cols - 1] = f32(sum + 2 * b * (data[upper + 2] + data[lower + 2]));
    }
    mean.fill(mean[line + cols - 1], line + cols, line + wide);
  }
}

/** Fill a line of `strip`: 2 · `mean`, which begins one line above, less its blur by 1/8, 6/8, 1/8 on each axis. */
function sharpen(mean, strip, edged, line, wide, cols) {
  for (let x = 0; x < cols; x++) {
    const at = line + x;
    edged[x + 1] = (mean[at] + 6 * mean[at + wide] + mean[at + 2 * wide]) * 0.125;
  }
  edged[0] = edged[1];
  edged[cols + 1] = edged[cols];
  for (let x = 0; x < cols; x++) {
    const blurred = (edged[x] + 6 * edged[x + 1] + edged[x + 2]) * 0.125;
    strip[line + x] = 2 * mean[line + wide + x] - blurred;
  }
}

/** (8, 8 · n) samples → n blocks of `F` in zigzag order, from block `first` on. `columns` is scratch of that size. */
function transformStrip(strip, columns, F, first) {
  const D = DCT_MATRIX;
  const wide = strip.length >> 3;
  for (let x = 0; x < wide; x++) {
    for (let i = 0; i < 8; i++) eight[i] = strip[i * wide + x];
    for (let v = 0; v < 8; v++) columns[v * wide + x] = product(D, 8 * v, eight, 0);
  }
  for (let x = 0; x < wide; x += 8) {
    const block = 64 * (first + (x >> 3));
    for (let v = 0; v < 8; v++) {
      const at = v * wide + x;
      for (let u = 0; u < 8; u++) F[block + NATURAL[8 * v + u]] = product(D, 8 * u, columns, at);
    }
  }
}

/** Scalar product of the row of `D` that begins at index `row` and the eight values of `x` from `at` on. */
function product(D, row, x, at) {
  let sum = f32(D[row] * x[at]);
  sum = f32(sum + D[row + 1] * x[at + 1]);
  sum = f32(sum + D[row + 2] * x[at + 2]);
  sum = f32(sum + D[row + 3] * x[at + 3]);
  sum = f32(sum + D[row + 4] * x[at + 4]);
  sum = f32(sum + D[row + 5] * x[at + 5]);
  sum = f32(sum + D[row + 6] * x[at + 6]);
  return f32(sum + D[row + 7] * x[at + 7]);
}
