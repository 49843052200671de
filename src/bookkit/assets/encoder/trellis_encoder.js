// A picture's encoder at any quality, with the default effort of `repro encode`. As repro.encoder.trellis_encoder.

import { FULL, HALF, lostByHalf, subsamplingFor } from "./color.js";
import { ownTables, round, trellisQuantize } from "./planes.js";
import { weightsOf } from "./sensitivity.js";
import { withOneForChroma } from "./tables.js";
import { forwardDct } from "./transform.js";
import { TrellisSet } from "./trellis_set.js";
import { writeJpeg } from "./writer.js";

/** Pictures of so many pixels have a table for Cr: in smaller ones its 69 bytes are worth more than what it gains. */
const THIRD_TABLE = 2_000_000;
const MAX_SIDE = 65_500;
/** How often the numbers are chosen; between two times the tables are fitted to the picture. */
const ROUNDS = 2;

let shippedSet = null;

/**
 * Encodes one picture { data, width, height, channels } (color.js). What does not depend on the quality is computed
 * once. `subsampling` is "auto", as is worth its bits, "4:2:0" or "4:4:4".
 *
 * `onProgress({ stage, share })` is called while it works: stage "transform", "network", "trellis" or "write", share
 * 0–1 of one file.
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
    this.dct = null;
  }

  /**
   * The file at a quality from 1 to 100, and what it was made of: { bytes, scans, quality, lam, width, height,
   * subsampling, tables, planes: [{ rows, cols, F, z, weights }] }. README.md says what each holds.
   */
  encode(quality) {
    const chosen = this.choose(quality);
    const written = writeJpeg(chosen);
    this.tell("write", 1);
    return { ...written, ...chosen };
  }

  /** As encode, without the file. */
  choose(quality) {
    const { lam, tables: ofSet } = this.prepare(quality);
    const { dct, weights } = this;
    const pixels = dct.width * dct.height;
    let tables = pixels < THIRD_TABLE ? withOneForChroma(ofSet) : ofSet;
    const z = round(dct, tables);
    for (let i = 0; i < ROUNDS; i++) {
      if (i > 0) tables = ownTables(dct, weights, tables, z);
      trellisQuantize(dct, weights, tables, lam, z, (share) => this.tell("trellis", 0.5 + 0.4 * ((i + share) / ROUNDS)));
    }
    const planes = dct.planes.map((plane, i) => ({ ...plane, z: z[i], weights: weights[i] }));
    tables = tables.slice(0, planes.length);
    return { quality, lam, width: dct.width, height: dct.height, subsampling: dct.subsampling, tables, planes };
  }

  /** { lam, tables } of `quality`, with as much of chroma as is worth its bits there. */
  prepare(quality) {
    const median = this.set.medianLam(quality);
    const subsampling = this.subsampling === "auto" ? subsamplingFor(this.lost, median) : this.subsampling;
    if (!this.dct || ![subsampling, "grey"].includes(this.dct.subsampling)) {
      this.dct = forwardDct(this.picture, subsampling, (share) => this.tell("transform", 0.15 * share));
      this.weights = weightsOf(this.set.network, this.dct, (share) => this.tell("network", 0.15 + 0.35 * share));
      this.losses = this.set.expectedLosses(this.dct.planes[0], this.weights[0]);
    }
    const lam = this.set.lamAt(quality, this.losses);
    return { lam, tables: this.set.tablesAt(lam, subsampling) };
  }

  tell(stage, share) {
    this.onProgress({ stage, share });
  }
}

function checkPicture({ data, width, height, channels }) {
  const whole = [width, height].every((side) => Number.isInteger(side) && side >= 1 && side <= MAX_SIDE);
  if (!whole) throw new RangeError(`picture: ${width}×${height} px; a side of a JPEG file has 1–${MAX_SIDE}`);
  if (![1, 3, 4].includes(channels) || data.length !== width * height * channels) {
    throw new RangeError(`picture: ${data.length} bytes are not ${width}×${height} pixels of 1, 3 or 4 channels`);
  }
}
