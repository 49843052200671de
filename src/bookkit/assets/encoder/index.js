// The book's encoder in JavaScript: the default effort of `repro encode`, with the same weights and tables, for a Web
// Worker (worker.js and client.js) or Node. README.md describes the interface.

import { largestWithin } from "./search.js";
import { TrellisEncoder } from "./trellis_encoder.js";

export { bitsPerBlock, symbolsOfBlock } from "./bits.js";
export { round } from "./planes.js";
export { qualityTables } from "./tables.js";
export { forwardDct } from "./transform.js";
export { writeJpeg } from "./writer.js";
export { TrellisEncoder, largestWithin };

const DEFAULT_QUALITY = 75;

/**
 * Uint8Array: the JPEG file of `data`, uint8, `width` × `height` pixels with 1 (grey), 3 (RGB) or 4 (RGBA, whose A is
 * ignored) channels.
 *
 * Options: `quality` 1–100 (default 75), or `size`, the most bytes; `subsampling` "auto", "4:2:0" or "4:4:4";
 * `onProgress({ stage, share, file })`. Throws a RangeError if an argument is out of range or `size` cannot be met.
 */
export function encode(data, width, height, options = {}) {
  return encodeWith(encoderOf(data, width, height, options), options).bytes;
}

/** A TrellisEncoder of a picture as `encode` takes it, for use at several qualities. */
export function encoderOf(data, width, height, { subsampling, onProgress } = {}) {
  const channels = data.length / (width * height);
  return new TrellisEncoder({ data, width, height, channels }, { subsampling, onProgress });
}

/**
 * What TrellisEncoder.encode returns, at `quality` or for `size`. With `plain`, "annex-k" or "learned", coefficients
 * are rounded to the nearest number with these tables (TrellisEncoder.encodePlainly).
 */
export function encodeWith(encoder, { quality = DEFAULT_QUALITY, size = null, plain = null } = {}) {
  const made = (tried) => (plain === null ? encoder.encode(tried) : encoder.encodePlainly(tried, plain));
  encoder.files = 0;
  return size === null ? made(quality) : largestWithin(made, size);
}
