// Optimal Huffman codes for given symbol counts, and packing symbols into bytes with them. As repro.jpeg.codes.
// Source: ITU-T T.81, K.2 (code lengths of at most 16 bits), Annex C (the codes), F.1.2.3 (byte stuffing).

import { BARE, FOLLOWING, SYMBOLS, TABLES } from "./symbols.js";

const LONGEST = 16;

/**
 * { counts, lengths, bits } of coded symbols: how often each symbol of each table occurs, Int32Array (5 · 256); how
 * long its optimal code is, Uint8Array (5 · 256); and how many bits all symbols take.
 */
export function measure(coded) {
  const counts = new Int32Array(TABLES * SYMBOLS);
  for (let i = 0; i < coded.length; i++) counts[coded[i] >> 16]++;
  const lengths = new Uint8Array(TABLES * SYMBOLS);
  let bits = 0;
  for (let table = 0; table < TABLES; table++) {
    const own = counts.subarray(SYMBOLS * table, SYMBOLS * (table + 1));
    if (!own.some((often) => often > 0)) continue;
    if (table !== BARE) lengths.set(codeLengths(own), SYMBOLS * table);
    for (let symbol = 0; symbol < SYMBOLS; symbol++) {
      bits += own[symbol] * (lengths[SYMBOLS * table + symbol] + FOLLOWING[symbol]);
    }
  }
  return { counts, lengths, bits };
}

/**
 * Uint8Array (256): Huffman code lengths for symbols with these `counts` (256): 1–16 bits, or 0 if the count is 0.
 * An extra symbol that never occurs takes the code of all ones, which the standard reserves.
 */
export function codeLengths(counts) {
  const used = [];
  for (let symbol = 0; symbol < SYMBOLS; symbol++) if (counts[symbol] > 0) used.push(symbol);
  const length = huffmanLengths(Float64Array.from([...used.map((symbol) => counts[symbol]), 1]));
  const howMany = new Int32Array(SYMBOLS + 1);
  for (const bits of length) howMany[bits]++;
  shorten(howMany);
  const lengths = new Uint8Array(SYMBOLS);
  let short = 1;
  for (let bits = 1; bits < SYMBOLS; bits++) {
    // from the shortest code to the longest, without the extra symbol, which is last
    for (let i = 0; i < used.length; i++) {
      if (length[i] !== bits) continue;
      while (howMany[short] === 0) short++;
      howMany[short]--;
      lengths[used[i]] = short;
    }
  }
  return lengths;
}

/** Code lengths for symbols of these weights, which are overwritten. Of equal ones the last is merged first (K.2). */
function huffmanLengths(weight) {
  const total = weight.length;
  const length = new Int32Array(total);
  const beside = new Int32Array(total).fill(-1); // the next symbol below the same node
  for (let merged = 1; merged < total; merged++) {
    let [rare, rarer] = [-1, -1];
    for (let i = 0; i < total; i++) {
      if (weight[i] === 0) continue;
      if (rarer < 0 || weight[i] <= weight[rarer]) {
        rare = rarer;
        rarer = i;
      } else if (rare < 0 || weight[i] <= weight[rare]) {
        rare = i;
      }
    }
    weight[rarer] += weight[rare];
    weight[rare] = 0;
    beside[lengthen(rarer, length, beside)] = rare;
    lengthen(rare, length, beside);
  }
  return length;
}

/** Add one bit to the codes of `symbol` and of those linked after it in `beside`; return the last of them. */
function lengthen(symbol, length, beside) {
  length[symbol]++;
  while (beside[symbol] >= 0) {
    symbol = beside[symbol];
    length[symbol]++;
  }
  return symbol;
}

/** Limit codes to 16 bits: shorten longer ones in pairs and lengthen a shorter one in exchange (Figure K.3). */
function shorten(howMany) {
  for (let bits = howMany.length - 1; bits > LONGEST; bits--) {
    while (howMany[bits] > 0) {
      let shorter = bits - 2;
      while (howMany[shorter] === 0) shorter--;
      howMany[bits] -= 2;
      howMany[bits - 1]++;
      howMany[shorter + 1] += 2;
      howMany[shorter]--;
    }
  }
}

/** The symbols of one table that have a code, by code length and then by value (Annex C). */
export function inOrder(lengths) {
  const symbols = [];
  for (let bits = 1; bits <= LONGEST; bits++) {
    for (let symbol = 0; symbol < SYMBOLS; symbol++) if (lengths[symbol] === bits) symbols.push(symbol);
  }
  return symbols;
}

/** Uint16Array (256): the code of each symbol of one table. */
export function codesOf(lengths) {
  const found = new Uint16Array(SYMBOLS);
  let [code, before] = [0, 0];
  for (const symbol of inOrder(lengths)) {
    code <<= lengths[symbol] - before;
    before = lengths[symbol];
    found[symbol] = code++;
  }
  return found;
}

/** Uint8Array: the bytes of a scan: the `coded` symbols in codes of these `lengths` (5 · 256), together `bits` long. */
export function pack(coded, lengths, bits) {
  const codes = new Uint16Array(TABLES * SYMBOLS);
  for (let at = 0; at < codes.length; at += SYMBOLS) codes.set(codesOf(lengths.subarray(at, at + SYMBOLS)), at);
  const out = new Uint8Array(2 * (Math.floor(bits / 8) + 1));
  let [held, holds, at] = [0, 0, 0];
  for (let i = 0; i < coded.length; i++) {
    const which = coded[i] >> 16;
    held = (held << lengths[which]) | codes[which];
    holds += lengths[which];
    while (holds >= 8) {
      holds -= 8;
      const byte = (held >> holds) & 255;
      out[at++] = byte;
      if (byte === 255) at++; // a zero behind it, or it would begin a marker
    }
    const more = FOLLOWING[which & 255];
    held = (held << more) | (coded[i] & 0xffff);
    holds += more;
    while (holds >= 8) {
      holds -= 8;
      const byte = (held >> holds) & 255;
      out[at++] = byte;
      if (byte === 255) at++;
    }
  }
  if (holds > 0) {
    const byte = ((held << (8 - holds)) | ((1 << (8 - holds)) - 1)) & 255; // filled up with ones
    out[at++] = byte;
    if (byte === 255) at++;
  }
  return out.subarray(0, at);
}
