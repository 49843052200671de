// Quantisation tables: the zigzag order, Annex K, and the steps of a plane. As repro.jpeg.tables.
// A table is 64 whole numbers in 1–255, row by row; steps and coefficients are in zigzag order.

/** The row-major index of each zigzag position: along anti-diagonals, turning at the edges. */
export const ZIGZAG = Uint8Array.from(
  Array.from({ length: 64 }, (_, i) => i).sort((a, b) => zigzagKey(a) - zigzagKey(b)),
);
/** The zigzag position of each row-major index, the inverse of ZIGZAG. */
export const NATURAL = new Uint8Array(64);
ZIGZAG.forEach((natural, position) => (NATURAL[natural] = position));

function zigzagKey(i) {
  const [row, col] = [i >> 3, i & 7];
  return 8 * (row + col) + ((row + col) % 2 ? row : col);
}

/** The luma and chroma tables of Annex K, used at quality 50. */
export const ANNEX_K = [
  [
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51,
    87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101,
    72, 92, 95, 98, 112, 100, 103, 99,
  ],
  [
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99,
    99, 99, 99, ...new Array(32).fill(99),
  ],
];

/** The two tables that libjpeg uses at a whole-number `quality` in 1–100. */
export function qualityTables(quality) {
  const percent = quality < 50 ? Math.floor(5000 / quality) : 200 - 2 * quality;
  return ANNEX_K.map((table) =>
    Uint16Array.from(table, (step) => Math.min(Math.max(Math.floor((step * percent + 50) / 100), 1), 255)),
  );
}

/** Float32Array (64), zigzag: the steps of a plane. If there are two tables, Cb and Cr share the second. */
export function stepsOf(tables, plane) {
  const table = tables[Math.min(plane, tables.length - 1)];
  return Float32Array.from(ZIGZAG, (natural) => table[natural]);
}

/** Three tables → two: one for chroma, the geometric mean of those for Cb and Cr. */
export function withOneForChroma(tables) {
  const [luma, cb, cr] = tables;
  return [luma, Uint16Array.from(cb, (step, i) => roundHalfEven(Math.sqrt(step * cr[i])))];
}

/** The nearest whole number; halves are rounded to even, as in NumPy and Python. */
export function roundHalfEven(value) {
  const low = Math.floor(value);
  const rest = value - low;
  return rest < 0.5 || (rest === 0.5 && low % 2 === 0) ? low : low + 1;
}
