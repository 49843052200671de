// What quantised coefficients cost, in bits, in progressive scans. As repro.trellis.costs.

import { acScans, dcScan } from "./scans.js";
import { AC, EOB, FOLLOWING, SYMBOLS } from "./symbols.js";

/** Bits charged for a symbol that has no code because it never occurs: a little more than the longest code. */
const UNSEEN = 18;
/** Only EOB runs shorter than this are told apart. */
const LONGEST_RUN = 64;

/** Float64Array (256): bits of each symbol, including those that follow it, for codes of these `lengths`. */
function symbolCosts(lengths) {
  return Float64Array.from(lengths, (length, symbol) => (length || UNSEEN) + FOLLOWING[symbol]);
}

/**
 * The bands in which the AC of a component `z` is coded: [{ first, last, ac, eob, eobRunBits }]. `ac` has the bits of
 * each symbol, including those that follow it, `eob` the mean bits of the symbol that ends a block or an EOB run, and
 * `eobRunBits` the bits of the symbol for an EOB run of 0, 1, 2, … blocks.
 */
export function acBands(z, component) {
  const table = SYMBOLS * (AC + (component ? 1 : 0));
  return acScans(z, component).map(({ first, last, counts, lengths }) => {
    const ac = symbolCosts(lengths.subarray(table, table + SYMBOLS));
    let [often, bits] = [0, 0];
    for (let symbol = 0; symbol < 0xf0; symbol += 16) {
      often += counts[table + symbol];
      bits += counts[table + symbol] * ac[symbol];
    }
    const eobRunBits = new Float64Array(LONGEST_RUN);
    for (let run = 1; run < LONGEST_RUN; run++) eobRunBits[run] = ac[16 * (31 - Math.clz32(run))];
    return { first, last, ac, eob: often ? bits / often : ac[EOB], eobRunBits };
  });
}

/** For each of `planes`, the bits of DC differences by category. Cb and Cr share codes. */
export function dcCosts(planes) {
  const { lengths } = dcScan(planes);
  const [luma, chroma] = [0, SYMBOLS].map((table) => symbolCosts(lengths.subarray(table, table + SYMBOLS)));
  return planes.map((_, i) => (i ? chroma : luma));
}
