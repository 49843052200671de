// Encode a picture at any quality, with the default effort of `repro encode`. As repro.encoder.trellis_encoder.

import { FULL, HALF, lostByHalf, subsamplingFor } from "./color.js";
import { ownTables, round, trellisQuantize } from "./planes.js";
import { weightsOf } from "./sensitivity.js";
import { qualityTables, withOneForChroma } from "./tables.js";
import { forwardDct } from "./transform.js";
import { TrellisSet } from "./trellis_set.js";
import { writeJpeg } from "./writer.js";

/** Pictures of at least this many pixels have a table for Cr: in smaller ones its 69 bytes cost more than it gains. */
const THIRD_TABLE = 2_000_000;
const MAX_SIDE = 65_500;
/** Up to this many pixels, results for both subsamplings are kept, so that a slider can move back and forth. */
const KEEP_BOTH = 4_000_000;
/** How many times the numbers are chosen; in between, the tables are fitted to the picture. */
const ROUNDS = 2;

let shippedSet = null;

/**
 * Encodes one picture { data, width, height, channels } (color.js). What does not depend on the quality is computed
 * once. `subsampling` is "4:2:0", "4:4:4" or "auto": whichever is worth its bits.
 *
 * `onProgress({ stage, share, file })` is called during the work: `stage` is "transform", "network", "trellis" or
 * "write", `share` 0–1 of one file, and `file` which file it is, counted from 1.
 */
export class TrellisEncoder {
  constructor(picture, { subsampling = "auto", onProgress = () => {} } = {}) {
    checkPicture(picture);
    if (!["auto", HALF, FULL].includes(subsampling)) throw new RangeError(`unknown subsampling ${subsampling}`);
    this.picture = picture;
    this.subsampling = subsampling;
    this.onProgress = onProgress;
    this.set = shippedSet ??= new TrellisSet();
    this.lost = lostByHalf(picture);
    this.files = 0;
    this.kept = new Map(); // by subsampling: { dct, weights, losses }
  }

  /**
   * The file at a quality from 1 to 100, and what it was made of: { bytes, scans, quality, lam, width, height,
   * subsampling, tables, planes: [{ rows, cols, F, z, weights }] }. README.md says what each holds.
   */
  encode(quality) {
    this.files++;
    const chosen = this.choose(quality);
    const written = writeJpeg(chosen);
    this.tell("write", 1);
    return { ...written, ...chosen };
  }

  /** As encode, but without the file: no `bytes` and no `scans`. */
  choose(quality) {
    const { dct, weights, lam, tables: ofSet } = this.prepare(quality);
    const pixels = dct.width * dct.height;
    let tables = pixels < THIRD_TABLE ? withOneForChroma(ofSet) : ofSet;
    const z = round(dct, tables);
    for (let i = 0; i < ROUNDS; i++) {
      if (i > 0) tables = ownTables(dct, weights, tables, z);
      trellisQuantize(dct, weights, tables, lam, z, (share) => this.tell("trellis", 0.5 + 0.4 * ((i + share) / ROUNDS)));
    }
    return assembled(dct, weights, tables, z, { quality, lam });
  }

  /**
   * As encode, but each coefficient is rounded to the nearest number, and the file is sequential: for comparison.
   * `tables` is "annex-k" (at the nearest whole quality) or "learned".
   */
  encodePlainly(quality, tables) {
    this.files++;
    const { dct, weights, lam, tables: learned } = this.prepare(quality);
    const taken = tables === "annex-k" ? qualityTables(Math.round(quality)) : withOneForChroma(learned);
    const chosen = assembled(dct, weights, taken, round(dct, taken, 0.5), { quality, lam });
    const written = writeJpeg(chosen, "sequential");
    this.tell("write", 1);
    return { ...written, ...chosen };
  }

  /** { dct, weights, lam, tables } for `quality`, with as much chroma as is worth its bits there. */
  prepare(quality) {
    const median = this.set.medianLam(quality);
    const wanted = this.subsampling === "auto" ? subsamplingFor(this.lost, median) : this.subsampling;
    const oneBlock = Math.max(this.picture.width, this.picture.height) <= 8; // of each component either way
    const subsampling = oneBlock ? FULL : wanted;
    if (!this.kept.has(subsampling)) {
      if (this.picture.width * this.picture.height > KEEP_BOTH) this.kept.clear();
      this.kept.set(subsampling, this.analyse(subsampling));
    }
    const { dct, weights, losses } = this.kept.get(subsampling);
    const lam = this.set.lamAt(quality, losses);
    return { dct, weights, lam, tables: this.set.tablesAt(lam, subsampling) };
  }

  /** What does not depend on the quality. */
  analyse(subsampling) {
    const dct = forwardDct(this.picture, subsampling, (share) => this.tell("transform", 0.15 * share));
    const { network } = this.set;
    const weights = weightsOf(network, dct, (share) => this.tell("network", 0.15 + 0.35 * share));
    return { dct, weights, losses: this.set.expectedLosses(dct.planes[0], weights[0]) };
  }

  tell(stage, share) {
    this.onProgress({ stage, share, file: this.files });
  }
}

function assembled({ planes, width, height, subsampling }, weights, tables, z, told) {
  const whole = planes.map((plane, i) => ({ ...plane, z: z[i], weights: weights[i] }));
  return { ...told, width, height, subsampling, tables: tables.slice(0, planes.length), planes: whole };
}

function checkPicture({ data, width, height, channels }) {
  const whole = [width, height].every((side) => Number.isInteger(side) && side >= 1 && side <= MAX_SIDE);
  if (!whole) throw new RangeError(`picture: ${width}×${height} px; a side of a JPEG file has 1–${MAX_SIDE}`);
  if (![1, 3, 4].includes(channels) || data.length !== width * height * channels) {
    throw new RangeError(`picture: ${data.length} bytes are not ${width}×${height} pixels of 1, 3 or 4 channels`);
  }
}
