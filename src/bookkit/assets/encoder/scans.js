// The scans of a file: the symbols of each, and the split of a component's AC into bands. As repro.jpeg.scans.
// A scan is { components, first, last, high, low, symbols, counts, lengths, dataBits, bits }: `symbols()` computes its
// coded symbols again, so that none are stored; `bits` includes its header and tables.

import { measure } from "./codes.js";
import {
  AC,
  PROGRESSIVE,
  SEQUENTIAL,
  bandSymbols,
  interleavedSymbols,
  nonzeros,
  refinementSymbols,
  withoutLastBits,
} from "./symbols.js";

/** The splits of AC that are tried, as zigzag positions after which to cut. */
const CUTS = [[], [2], [5], [2, 20], [5, 20]];
/** The most last bits left to refinement scans, and the mean number of non-zero AC per block below which none are. */
const [LOWEST_BITS, MANY] = [3, 8];
/** Bits of a scan's header and its Huffman table, without the table's 8 bits per symbol. */
const HEADER = 8 * (10 + 4 + 17);

function scanOf(components, first, last, symbols, [high, low] = [0, 0]) {
  const { counts, lengths, bits: dataBits } = measure(symbols());
  const bits = dataBits + HEADER + 8 * lengths.reduce((used, length) => used + (length > 0), 0);
  return { components, first, last, high, low, symbols, counts, lengths, dataBits, bits };
}

/** A scan of all coefficients of `planes`, { z, rows, cols } each, with z in zigzag order. */
export function sequentialScan(planes) {
  const symbols = () => {
    const ac = planes.map(({ z }, i) => {
      const until = new Int32Array(z.length / 64);
      return { coded: bandSymbols(nonzeros(z), 1, 63, SEQUENTIAL, AC + (i ? 1 : 0), until).slice(), until };
    });
    return interleavedSymbols(planes, ac);
  };
  return scanOf([...planes.keys()], 0, 63, symbols);
}

/** A scan of the DC of all components. */
export function dcScan(planes) {
  return scanOf([...planes.keys()], 0, 0, () => interleavedSymbols(planes));
}

/** Scans of the AC of one component, split into the bands that take the fewest bits. */
export function acScans(z, component) {
  return bandsOf(nonzeros(z), component);
}

/** As acScans, but the last bits of all coefficients go into refinement scans if that takes fewer bits. */
export function bestAcScans(z, component) {
  const numbers = nonzeros(z);
  let best = bandsOf(numbers, component);
  if (numbers.positions.length < (MANY * z.length) / 64) return best;
  for (let low = 1; low <= LOWEST_BITS; low++) {
    const scans = approximated(numbers, component, low);
    if (sumOfBits(scans) >= sumOfBits(best)) break;
    best = scans;
  }
  return best;
}

/** Scans of the AC of one component without its last `low` bits, and a refinement scan for each of these bits. */
function approximated(numbers, component, low) {
  const scans = bandsOf(withoutLastBits(numbers, low), component, [0, low]);
  for (let bit = low - 1; bit >= 0; bit--) {
    const symbols = () => refinementSymbols(numbers, bit, AC + (component ? 1 : 0));
    scans.push(scanOf([component], 1, 63, symbols, [bit + 1, bit]));
  }
  return scans;
}

function bandsOf(numbers, component, approximation) {
  const made = new Map();
  const band = (before, last) => {
    const key = 64 * before + last;
    if (!made.has(key)) {
      const symbols = () => bandSymbols(numbers, before + 1, last, PROGRESSIVE, AC + (component ? 1 : 0));
      made.set(key, scanOf([component], before + 1, last, symbols, approximation));
    }
    return made.get(key);
  };
  const ways = CUTS.map((cuts) => [...cuts, 63].map((last, i) => band(i ? cuts[i - 1] : 0, last)));
  return ways.reduce((best, scans) => (sumOfBits(scans) < sumOfBits(best) ? scans : best));
}

function sumOfBits(scans) {
  return scans.reduce((sum, scan) => sum + scan.bits, 0);
}
