// What a progressive file charges for the numbers in it. As repro.trellis.costs.

import { acScans, dcScan } from "./scans.js";
import { AC, EOB, FOLLOWING, SYMBOLS } from "./symbols.js";

/** Bits of a symbol that has no code since it never occurs: a little more than the longest code. */
const UNSEEN = 18;
/** Runs of ended blocks are told apart up to this length. */
const LONGEST_RUN = 64;

/** Float64Array (256): bits of each symbol together with the number that follows, where codes have these lengths. */
function symbolCosts(lengths) {
  return Float64Array.from(lengths, (length, symbol) => (length || UNSEEN) + FOLLOWING[symbol]);
}

/**
 * The bands in which AC of a component `z` is coded: [{ first, last, ac, eob, eobRunBits }]. `ac` has the bits of each
 * symbol with its number, `eob` those of a block's end on average, `eobRunBits` those of 0, 1, 2, … ended blocks.
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

/** For each of `planes` the bits by category of DC's differences. Cb and Cr share codes. */
export function dcCosts(planes) {
  const { lengths } = dcScan(planes);
  const [luma, chroma] = [0, SYMBOLS].map((table) => symbolCosts(lengths.subarray(table, table + SYMBOLS)));
  return planes.map((_, i) => (i ? chroma : luma));
}
