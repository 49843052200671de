// The scans of a file: which symbols each holds, and where a component's AC is cut into bands. As repro.jpeg.scans.
// A scan is { components, first, last, high, low, symbols, counts, lengths, dataBits, bits }: `symbols()` makes its
// coded symbols anew, so that none have to be kept; `bits` counts its header and tables too.

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

/** Positions after which AC may be cut: all ways that are tried. */
const CUTS = [[], [2], [5], [2, 20], [5, 20]];
/** Last bits may come later: so many at most, and only if blocks have so many numbers on average. */
const [LOWEST_BITS, MANY] = [3, 8];
/** Bits of a scan's header and of its table of codes, which has 8 more for each symbol. */
const HEADER = 8 * (10 + 4 + 17);

function scanOf(components, first, last, symbols, [high, low] = [0, 0]) {
  const { counts, lengths, bits: dataBits } = measure(symbols());
  const bits = dataBits + HEADER + 8 * lengths.reduce((used, length) => used + (length > 0), 0);
  return { components, first, last, high, low, symbols, counts, lengths, dataBits, bits };
}

/** All coefficients of `planes`, { z, rows, cols } each, z in zigzag order. */
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

/** DC of all components. */
export function dcScan(planes) {
  return scanOf([...planes.keys()], 0, 0, () => interleavedSymbols(planes));
}

/** AC of one component, cut where that takes fewest bits. */
export function acScans(z, component) {
  return bandsOf(nonzeros(z), component);
}

/** As acScans, but the last bits of all numbers come in refinement scans where that takes fewer bits. */
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

/** AC of one component without the last `low` bits of the numbers, and a refinement scan for each such bit. */
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
