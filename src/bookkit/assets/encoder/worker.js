// The encoder in a Web Worker. README.md has the messages; client.js sends them.

import { bitsPerBlock } from "./bits.js";
import { encodeWith, encoderOf } from "./index.js";

let encoder = null; // of the latest picture
let onProgress = () => {};

self.onmessage = ({ data: { id, cmd, rgba, width, height, options = {} } }) => {
  try {
    if (cmd !== "encode") throw new RangeError(`unknown command ${cmd}`);
    if (rgba) encoder = newEncoder(new Uint8Array(rgba.buffer ?? rgba), width, height, options);
    if (!encoder) throw new RangeError("no picture yet");
    const { subsampling = "auto" } = options;
    if (encoder.subsampling !== subsampling) {
      const { picture } = encoder;
      encoder = newEncoder(picture.data, picture.width, picture.height, options);
    }
    onProgress = (progress) => self.postMessage({ id, type: "progress", ...progress });
    const encoded = encodeWith(encoder, options);
    const result = told(encoded, options.details);
    self.postMessage({ id, type: "result", result }, buffersOf(result));
  } catch (error) {
    self.postMessage({ id, type: "error", name: error.name, message: error.message });
  }
};

function newEncoder(data, width, height, { subsampling }) {
  return encoderOf(data, width, height, { subsampling, onProgress: (progress) => onProgress(progress) });
}

/** What of `encoded` a page gets: with `details` the planes too, and the bits of each block. */
function told(encoded, details) {
  const { planes, scans, ...result } = encoded;
  result.scans = scans.map(({ components, first, last, high, low, bits }) => {
    return { components, first, last, high, low, bits };
  });
  if (details) {
    const bits = bitsPerBlock(encoded);
    result.planes = planes.map((plane, i) => ({ ...plane, bits: bits[i] }));
  }
  return result;
}

/** What is made anew for each file, and so need not be copied. */
function buffersOf({ bytes, planes = [] }) {
  return [bytes.buffer, ...planes.flatMap(({ z, bits }) => [z.buffer, bits.buffer])];
}
