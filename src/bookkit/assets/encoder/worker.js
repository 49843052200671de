// The encoder in a Web Worker. README.md describes the messages; client.js sends them.

import { bitsPerBlock, symbolsOfBlock } from "./bits.js";
import { encodeWith, encoderOf } from "./index.js";
import { sequentialScan } from "./scans.js";

let encoder = null; // of the latest picture
let latest = null; // { encoded, scan }: the latest file, and how a sequential scan would code it
let onProgress = () => {};

const COMMANDS = new Map([
  ["encode", encode],
  ["block", oneBlock],
]);

self.onmessage = ({ data: { id, cmd, ...asked } }) => {
  onProgress = (progress) => self.postMessage({ id, type: "progress", ...progress });
  try {
    if (!COMMANDS.has(cmd)) throw new RangeError(`unknown command ${cmd}`);
    const { result, moved } = COMMANDS.get(cmd)(asked);
    self.postMessage({ id, type: "result", result }, moved);
  } catch (error) {
    self.postMessage({ id, type: "error", name: error.name, message: error.message });
  }
};

/** Encode a file. `details` adds the planes, with the bits of each block; `details: "maps"` omits their F and z. */
function encode({ rgba, width, height, options = {} }) {
  const start = performance.now();
  if (rgba) {
    encoder = latest = null; // room for the new picture, and where it is refused, the old one is not taken for it
    const { buffer = rgba, byteOffset = 0, byteLength } = rgba; // a typed array, or an ArrayBuffer
    encoder = newEncoder(new Uint8Array(buffer, byteOffset, byteLength), width, height, options);
  }
  if (!encoder) throw new RangeError("no picture yet");
  if (encoder.subsampling !== (options.subsampling ?? "auto")) {
    const { picture } = encoder;
    encoder = newEncoder(picture.data, picture.width, picture.height, options);
  }
  latest = { encoded: encodeWith(encoder, options), scan: null };
  const { planes, bytes, ...result } = latest.encoded;
  result.bytes = bytes.slice();
  result.seconds = (performance.now() - start) / 1000;
  result.scans = result.scans.map(({ components, first, last, high, low, bits }) => {
    return { components, first, last, high, low, bits };
  });
  if (options.details) {
    const bits = bitsPerBlock(latest.encoded);
    result.planes = planes.map(({ F, z, ...plane }, i) => {
      return { ...plane, bits: bits[i], ...(options.details === "maps" ? {} : { F, z }) };
    });
  }
  return { result, moved: [result.bytes.buffer] };
}

/** One block of the latest file: its coefficients, the numbers they became, their table, and the block's symbols. */
function oneBlock({ plane, block }) {
  if (!latest) throw new RangeError("no file yet");
  const { encoded } = latest;
  latest.scan ??= sequentialScan(encoded.planes);
  const symbols = symbolsOfBlock(encoded, plane, block, latest.scan);
  const [F, z] = ["F", "z"].map((name) => encoded.planes[plane][name].slice(64 * block, 64 * block + 64));
  const table = encoded.tables[Math.min(plane, encoded.tables.length - 1)];
  return { result: { F, z, table, symbols }, moved: [] };
}

function newEncoder(data, width, height, { subsampling }) {
  return encoderOf(data, width, height, { subsampling, onProgress: (progress) => onProgress(progress) });
}
