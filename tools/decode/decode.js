// Decodes a JPEG file by jpeg-js (its decoder.js) and writes its samples: RGB, interleaved, 8 bits each.
//     node decode.js decoder.js photo.jpg
const fs = require("fs");
const [decoder, photo] = process.argv.slice(2);
const limits = { maxResolutionInMP: 500, maxMemoryUsageInMB: 16384 };
const options = { useTArray: true, formatAsRGBA: false, tolerantDecoding: false, ...limits };
process.stdout.write(require(decoder)(fs.readFileSync(photo), options).data);
