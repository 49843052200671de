// Where a file's bits go: the bits of each block, and the symbols of one block. For pages that show them.

import { codesOf } from "./codes.js";
import { codingOrder } from "./planes.js";
import { sequentialScan } from "./scans.js";
import { AC, FOLLOWING, PROGRESSIVE, SEQUENTIAL, SYMBOLS, ZRL, bandSymbols, category, nonzeros } from "./symbols.js";

/**
 * For each plane of `encoded` (TrellisEncoder.encode), Float32Array (rows · cols): the bits of each block in the file's
 * scans, without headers and Huffman tables. The bits of an EOB run are divided equally among the blocks that it ends,
 * those of a refinement scan among the coefficients that are not zero after it.
 */
export function bitsPerBlock(encoded) {
  const found = encoded.planes.map(({ rows, cols }) => new Float32Array(rows * cols));
  for (const scan of encoded.scans) {
    if (scan.first === 0) addDc(encoded, scan, found);
    if (scan.last === 0) continue;
    for (const i of scan.components) {
      const { z } = encoded.planes[i];
      if (scan.high > 0) addRefinement(z, scan, found[i]);
      else addAc(z, i, scan, found[i]);
    }
  }
  return found;
}

function addDc(encoded, { lengths }, found) {
  encoded.planes.forEach(({ z }, i) => {
    let before = 0;
    for (const block of codingOrder(encoded, i)) {
      const size = category(Math.abs(z[64 * block] - before));
      found[i][block] += lengths[SYMBOLS * (i ? 1 : 0) + size] + size;
      before = z[64 * block];
    }
  });
}

function addAc(z, component, { first, last, low, lengths }, found) {
  const known = low ? z.map((value) => Math.sign(value) * (Math.abs(value) >> low)) : z;
  const until = new Int32Array(found.length);
  const longest = first === 0 ? SEQUENTIAL : PROGRESSIVE;
  const coded = bandSymbols(nonzeros(known), Math.max(first, 1), last, longest, tableOf(component), until);
  let [block, ends] = [0, 0];
  for (let i = 0; i < coded.length; i++) {
    while (until[block] <= i) block++;
    const [which, symbol] = [coded[i] >> 16, (coded[i] >> 16) & 255];
    const bits = lengths[which] + FOLLOWING[symbol];
    if (symbol & 15 || symbol === ZRL) {
      found[block] += bits;
      continue;
    }
    const ended = (1 << (symbol >> 4)) + (coded[i] & 0xffff);
    for (let left = ended; left > 0; ends++) {
      if (known[64 * ends + last] !== 0) continue; // has no end
      found[ends] += bits / ended;
      left--;
    }
  }
}

function addRefinement(z, { low, dataBits }, found) {
  const sizes = new Int32Array(found.length);
  for (let at = 0; at < z.length; at++) if (at & 63 && Math.abs(z[at]) >> low > 0) sizes[at >> 6]++;
  const all = sizes.reduce((sum, size) => sum + size, 0);
  for (let block = 0; block < found.length; block++) found[block] += (dataBits * sizes[block]) / all;
}

/**
 * The symbols of block `block` of plane `plane` in a sequential scan of `encoded` with Huffman codes optimised for the
 * picture: [{ kind, position, run, value, code, following }]. `kind` is "DC", "AC", "ZRL" (sixteen zeros) or "EOB"
 * (only zeros from here on); `position` is in zigzag order; `run` is the number of zeros before it; `value` is the
 * number itself or, for DC, its difference from the previous block's; `code` and `following` are bits as text. `scan`
 * is sequentialScan(encoded.planes), computed if it is not given. Throws a RangeError if there is no such block.
 */
export function symbolsOfBlock(encoded, plane, block, scan = sequentialScan(encoded.planes)) {
  const { z } = encoded.planes[plane] ?? { z: [] };
  if (!(block >= 0 && 64 * block < z.length)) throw new RangeError(`there is no block ${block} in plane ${plane}`);
  const order = codingOrder(encoded, plane);
  const place = order.indexOf(block);
  const numbers = z.slice(64 * block, 64 * block + 64);
  const difference = numbers[0] - (place > 0 ? z[64 * order[place - 1]] : 0);
  const found = [symbolOf("DC", 0, 0, difference, category(Math.abs(difference)), scan, plane ? 1 : 0)];
  const coded = bandSymbols(nonzeros(numbers), 1, 63, SEQUENTIAL, tableOf(plane));
  let position = 0;
  for (const one of coded) {
    const symbol = (one >> 16) & 255;
    const run = symbol >> 4;
    const kind = symbol === ZRL ? "ZRL" : symbol & 15 ? "AC" : "EOB";
    if (kind !== "EOB") position += run + 1;
    else position++;
    const value = kind === "AC" ? numbers[position] : 0;
    found.push(symbolOf(kind, position, kind === "EOB" ? 0 : run, value, symbol, scan, tableOf(plane)));
  }
  return found;
}

function symbolOf(kind, position, run, value, symbol, { lengths }, table) {
  const own = lengths.subarray(SYMBOLS * table, SYMBOLS * (table + 1));
  const code = codesOf(own)[symbol].toString(2).padStart(own[symbol], "0");
  const size = FOLLOWING[symbol];
  const bits = (value >= 0 ? value : value - 1) & ((1 << size) - 1);
  return { kind, position, run, value, code, following: size ? bits.toString(2).padStart(size, "0") : "" };
}

function tableOf(component) {
  return AC + (component ? 1 : 0);
}
