// Quantised coefficients as symbols for Huffman coding. As repro.jpeg.symbols (T.81, F.1.2 and G.1.2).
//
// A coded symbol is one whole number: the table's index × 2²⁴ + the symbol × 2¹⁶ + the bits that follow it. Tables are
// numbered DC 0, DC 1, AC 0, AC 1. A fifth is for bits without a code; its "symbol" is their number, 1–15.
// Coefficients z are Int16Array (n · 64), each block in zigzag order.

/** The index of the first AC table and of the table of bits without a code; how many tables there are, and symbols. */
export const [AC, BARE, TABLES, SYMBOLS] = [2, 4, 5, 256];
/** The symbols for sixteen zeros in a row, and for only zeros from here on. */
export const [ZRL, EOB] = [0xf0, 0x00];
/** The largest coefficient of baseline JPEG. */
export const LARGEST = 1023;
/** The most blocks that one EOB symbol can end: in a sequential scan, and in a progressive one. */
export const [SEQUENTIAL, PROGRESSIVE] = [1, 0x7fff];
/** The most correction bits that may wait for the end of their EOB run, as in libjpeg. */
const MOST_HELD = 1000;

/** How many bits follow each symbol: its category, or n for the EOB run symbol EOBn. */
export const FOLLOWING = Uint8Array.from({ length: SYMBOLS }, (_, i) => i & 15 || (i < ZRL ? i >> 4 : 0));

/** How many bits a magnitude has, 0 for 0. */
export function category(magnitude) {
  return 32 - Math.clz32(magnitude);
}

let room = new Int32Array(1 << 16);
/** A shared buffer for `size` coded symbols: use or copy its contents before the next call. */
function roomFor(size) {
  if (room.length < size) room = new Int32Array(Math.ceil(1.25 * size));
  return room;
}

/** Non-zero AC, { starts, positions, values }: where each block's begin, their zigzag positions, and their values. */
export function nonzeros(z) {
  const blocks = z.length / 64;
  const starts = new Int32Array(blocks + 1);
  for (let block = 0, i = 0; block < blocks; block++) {
    let found = 0;
    i++;
    for (const end = i + 63; i < end; i++) if (z[i] !== 0) found++;
    starts[block + 1] = starts[block] + found;
  }
  const positions = new Uint8Array(starts[blocks]);
  const values = new Int16Array(starts[blocks]);
  for (let block = 0, at = 0; block < blocks; block++) {
    for (let i = 64 * block + 1; at < starts[block + 1]; i++) {
      if (z[i] === 0) continue;
      positions[at] = i & 63;
      values[at++] = z[i];
    }
  }
  return { starts, positions, values };
}

/**
 * The coded symbols of zigzag positions `first`–`last` (1–63), in a buffer that the next call overwrites. `longest` is
 * SEQUENTIAL or PROGRESSIVE, `table` the AC table's index. `until`, if given, is filled with where the symbols of each
 * block end.
 */
export function bandSymbols(numbers, first, last, longest, table, until = null) {
  const { starts, positions, values } = numbers;
  const blocks = starts.length - 1;
  const coded = roomFor(2 * positions.length + ((last - first) >> 4) * blocks + blocks + 1);
  let [at, ended] = [0, 0];
  for (let block = 0; block < blocks; block++) {
    let before = first - 1;
    const end = starts[block + 1];
    for (let i = starts[block]; i < end; i++) {
      const position = positions[i];
      if (position < first) continue;
      if (position > last) break;
      if (ended > 0) {
        coded[at++] = endOf(ended, table);
        ended = 0;
      }
      let run = position - before - 1;
      while (run > 15) {
        coded[at++] = (table << 24) | (ZRL << 16);
        run -= 16;
      }
      coded[at++] = numberAfter(run, values[i], table);
      before = position;
    }
    if (before < last) ended++;
    if (ended === longest) {
      coded[at++] = endOf(ended, table);
      ended = 0;
    }
    if (until) until[block] = at;
  }
  if (ended > 0) coded[at++] = endOf(ended, table);
  return coded.subarray(0, at);
}

/** The coefficients without the last `low` bits of their magnitudes; those that become 0 are left out. */
export function withoutLastBits({ starts, positions, values }, low) {
  const fewer = { starts: new Int32Array(starts.length), positions: positions.slice(), values: values.slice() };
  let at = 0;
  for (let block = 0; block + 1 < starts.length; block++) {
    for (let i = starts[block]; i < starts[block + 1]; i++) {
      const size = Math.abs(values[i]) >> low;
      if (size === 0) continue;
      fewer.positions[at] = positions[i];
      fewer.values[at++] = values[i] > 0 ? size : -size;
    }
    fewer.starts[block + 1] = at;
  }
  return { starts: fewer.starts, positions: fewer.positions.subarray(0, at), values: fewer.values.subarray(0, at) };
}

/** The coded symbols of an AC refinement scan, which adds bit `low` to coefficients known without it (G.1.2.3). */
export function refinementSymbols({ starts, positions, values }, low, table) {
  const blocks = starts.length - 1;
  const out = new Refinement(roomFor(3 * positions.length + 6 * blocks + 16), table);
  for (let block = 0; block < blocks; block++) {
    let newest = 0; // position of the last number that begins here
    for (let i = starts[block]; i < starts[block + 1]; i++) {
      if (Math.abs(values[i]) >> low === 1) newest = positions[i];
    }
    let [run, before] = [0, 0];
    for (let i = starts[block]; i < starts[block + 1]; i++) {
      const size = Math.abs(values[i]) >> low;
      if (size === 0) continue;
      run += positions[i] - before - 1;
      before = positions[i];
      for (; run > 15 && before <= newest; run -= 16) out.symbol((table << 24) | (ZRL << 16));
      if (size > 1) {
        out.own[out.owns++] = size & 1;
        continue;
      }
      out.symbol(numberAfter(run, values[i] > 0 ? 1 : -1, table));
      run = 0;
    }
    if (run + 63 - before > 0 || out.owns > 0) out.endBlock();
  }
  out.writeEnd();
  return out.coded.subarray(0, out.at);
}

/** State of a refinement scan: correction bits of this block and of ended blocks wait for the symbol they follow. */
class Refinement {
  constructor(coded, table) {
    this.coded = coded;
    this.table = table;
    this.held = new Uint8Array(MOST_HELD);
    this.own = new Uint8Array(64);
    this.at = this.ended = this.holds = this.owns = 0;
  }

  symbol(coded) {
    this.writeEnd();
    this.coded[this.at++] = coded;
    this.writeBits(this.own, this.owns);
    this.owns = 0;
  }

  endBlock() {
    this.ended++;
    for (let i = 0; i < this.owns; i++) this.held[this.holds++] = this.own[i];
    this.owns = 0;
    if (this.ended === PROGRESSIVE || this.holds > MOST_HELD - 64) this.writeEnd();
  }

  writeEnd() {
    if (this.ended === 0) return;
    this.coded[this.at++] = endOf(this.ended, this.table);
    this.writeBits(this.held, this.holds);
    this.ended = this.holds = 0;
  }

  writeBits(bits, count) {
    for (let first = 0; first < count; first += 15) {
      const size = Math.min(15, count - first);
      let value = 0;
      for (let i = first; i < first + size; i++) value = 2 * value + bits[i];
      this.coded[this.at++] = (BARE << 24) | (size << 16) | value;
    }
  }
}

/**
 * The coded symbols of an interleaved scan of all `planes` { z, rows, cols }: DC, and AC if `ac` has { coded, until }
 * of bandSymbols for each plane. For each block of chroma there is one block of luma or, in 4:2:0, 2 × 2. If such a
 * unit extends past the picture's edge, the missing blocks repeat the last DC and have no AC.
 */
export function interleavedSymbols(planes, ac = null) {
  const { rows, cols } = planes[planes.length - 1];
  const factor = planes[0].rows === rows && planes[0].cols === cols ? 1 : 2;
  let size = 2 * rows * cols * (factor * factor + planes.length - 1);
  if (ac) for (const { coded } of ac) size += coded.length;
  const coded = roomFor(size);
  const before = new Int32Array(planes.length);
  let at = 0;
  for (let row = 0; row < rows; row++) {
    for (let col = 0; col < cols; col++) {
      for (let c = 0; c < planes.length; c++) {
        const side = c ? 1 : factor;
        const plane = planes[c];
        for (let y = side * row; y < side * (row + 1); y++) {
          for (let x = side * col; x < side * (col + 1); x++) {
            const inside = y < plane.rows && x < plane.cols;
            const block = y * plane.cols + x;
            const dc = inside ? plane.z[64 * block] : before[c];
            coded[at++] = numberAfter(0, dc - before[c], c ? 1 : 0);
            before[c] = dc;
            if (!ac) continue;
            if (!inside) {
              coded[at++] = endOf(1, AC + (c ? 1 : 0));
              continue;
            }
            const symbols = ac[c];
            const end = symbols.until[block];
            for (let i = block ? symbols.until[block - 1] : 0; i < end; i++) coded[at++] = symbols.coded[i];
          }
        }
      }
    }
  }
  return coded.subarray(0, at);
}

/** The coded symbol of `value` after `run` zeros. A negative value is followed by the low bits of value − 1. */
function numberAfter(run, value, table) {
  const size = category(Math.abs(value));
  const bits = (value >= 0 ? value : value - 1) & ((1 << size) - 1);
  return (table << 24) | (run << 20) | (size << 16) | bits;
}

/** The coded symbol for the end of `ended` blocks. */
function endOf(ended, table) {
  const size = category(ended) - 1;
  return (table << 24) | (size << 20) | (ended - (1 << size));
}
