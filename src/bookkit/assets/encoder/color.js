// RGB to YCbCr, and the error of half-resolution chroma. As repro.jpeg.color and repro.encoder.chroma.
// A picture is { data, width, height, channels }: Uint8Array or Uint8ClampedArray, row by row, with 1 (grey), 3 (RGB)
// or 4 (RGBA, whose A is ignored) bytes per pixel.

const f32 = Math.fround;

/** Rows Y, Cb, Cr; columns R, G, B (JFIF 1.02). */
export const RGB_TO_YCBCR = [
  [0.299, 0.587, 0.114],
  [-0.168735892, -0.331264108, 0.5],
  [0.5, -0.418687589, -0.081312411],
].map((row) => Float32Array.from(row));

export const [HALF, FULL] = ["4:2:0", "4:4:4"];
/** Chroma keeps its full resolution if half loses more than this many bits per pixel are worth. */
const WORTH_BITS = 3;
/** Mean squared error of R, G and B per squared error in Cb and in Cr: mean squares of columns of YCbCr to RGB. */
const CHROMA_WORTH = [
  f32((0.344136286 ** 2 + 1.772 ** 2) / 3),
  f32((1.402 ** 2 + 0.714136286 ** 2) / 3),
];

/** "4:2:0" or "4:4:4", given the error `lost` of half-resolution chroma and `lam`, the squared error a bit is worth. */
export function subsamplingFor(lost, lam) {
  return lost > WORTH_BITS * lam ? FULL : HALF;
}

/** The mean squared error of R, G and B if every 2 × 2 pixels shared one chroma value, but at least a quarter of that
 * with squares one pixel further on, since a decoder blurs the edges between squares. */
export function lostByHalf(picture) {
  if (picture.channels === 1) return 0;
  const [top, left] = [Number(picture.height > 2), Number(picture.width > 2)];
  return Math.max(meanSpread(picture, 0, 0), meanSpread(picture, top, left) / 4);
}

function meanSpread({ data, width, height, channels }, top, left) {
  // A picture with a side of one pixel is doubled there.
  const [below, beside] = [height > 1 ? channels * width : 0, width > 1 ? channels : 0];
  const [bottom, right] = [(Math.max(height, 2) - top) >> 1, (Math.max(width, 2) - left) >> 1];
  let total = 0;
  for (let row = 0; row < bottom; row++) {
    let ofRow = 0;
    for (let col = 0; col < right; col++) {
      const upper = below * (2 * row + top) + beside * (2 * col + left);
      const lower = upper + below;
      for (let c = 0; c < 2; c++) {
        const m = RGB_TO_YCBCR[c + 1];
        const a = chromaOf(data, upper, m);
        const b = chromaOf(data, upper + beside, m);
        const d = chromaOf(data, lower, m);
        const e = chromaOf(data, lower + beside, m);
        const mean = (a + b + d + e) / 4;
        const squares = f32(f32(f32(f32(a * a) + f32(b * b)) + f32(d * d)) + f32(e * e));
        ofRow += CHROMA_WORTH[c] * (squares - 4 * mean * mean);
      }
    }
    total += ofRow;
  }
  return total / (4 * bottom * right);
}

function chromaOf(data, at, m) {
  return f32(f32(f32(m[0] * data[at]) + f32(m[1] * data[at + 1])) + f32(m[2] * data[at + 2]));
}
