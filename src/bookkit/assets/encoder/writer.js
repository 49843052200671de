// Write quantised coefficients as a standard JPEG file. As repro.jpeg.writer (T.81, Annex B; JFIF 1.02).

import { inOrder, pack } from "./codes.js";
import { bestAcScans, dcScan, sequentialScan } from "./scans.js";
import { SYMBOLS } from "./symbols.js";
import { ZIGZAG } from "./tables.js";

const [SOI, EOI, SOF0, SOF2, DHT, SOS, DQT, APP0] = [0xd8, 0xd9, 0xc0, 0xc2, 0xc4, 0xda, 0xdb, 0xe0];
/** Version 1.1, square pixels, no thumbnail. */
const JFIF = [0x4a, 0x46, 0x49, 0x46, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0];
/** Progressive files smaller than this, in bytes, may be larger than sequential ones. */
const SMALL = 8192;

/**
 * { bytes, scans } of the file of `coefficients`: { planes: [{ z, rows, cols }], tables, width, height }. There are one
 * plane (grey) or three (Y, Cb, Cr; chroma with as many blocks as Y, or half as many on each axis), and tables for Y,
 * for Y and chroma, or for Y, Cb and Cr. `layout` is "interleaved" (progressive, but a small file is sequential if that
 * is smaller) or "sequential" (baseline).
 */
export function writeJpeg(coefficients, layout = "interleaved") {
  const { planes } = coefficients;
  const sequential = () => file(coefficients, false, [sequentialScan(planes)]);
  if (layout === "sequential") return sequential();
  const ac = planes.flatMap(({ z }, i) => bestAcScans(z, i));
  const scans = [dcScan(planes), ...ac.filter((scan) => scan.high === 0), ...ac.filter((scan) => scan.high > 0)];
  const progressive = file(coefficients, true, scans);
  if (progressive.bytes.length >= SMALL) return progressive;
  const baseline = sequential();
  return baseline.bytes.length < progressive.bytes.length ? baseline : progressive;
}

function file({ planes, tables, width, height }, progressive, scans) {
  const kept = tables.length === 3 && tables[1].every((step, i) => step === tables[2][i]) ? tables.slice(0, 2) : tables;
  const written = kept.slice(0, planes.length);
  const last = planes[planes.length - 1];
  const factor = planes[0].rows === last.rows && planes[0].cols === last.cols ? 0x11 : 0x22;
  const components = planes.flatMap((_, i) => [i + 1, i ? 0x11 : factor, Math.min(i, written.length - 1)]);
  const size = [height >> 8, height & 255, width >> 8, width & 255];
  const parts = [[0xff, SOI], segment(APP0, JFIF)];
  written.forEach((table, i) => parts.push(segment(DQT, [i, ...Array.from(ZIGZAG, (natural) => table[natural])])));
  parts.push(segment(progressive ? SOF2 : SOF0, [8, ...size, planes.length, ...components]));
  for (const scan of scans) parts.push(...partsOf(scan));
  parts.push([0xff, EOI]);
  return { bytes: joined(parts), scans };
}

/** The Huffman tables, the header and the data of a scan. */
function partsOf(scan) {
  const parts = [];
  let chroma = 0x00;
  for (let table = 0; table < 4; table++) {
    const lengths = scan.lengths.subarray(SYMBOLS * table, SYMBOLS * (table + 1));
    const symbols = inOrder(lengths);
    if (symbols.length === 0) continue;
    if (table & 1) chroma = 0x11;
    const howMany = new Array(16).fill(0);
    for (const symbol of symbols) howMany[lengths[symbol] - 1]++;
    parts.push(segment(DHT, [((table >> 1) << 4) | (table & 1), ...howMany, ...symbols]));
  }
  const components = scan.components.flatMap((i) => [i + 1, i ? chroma : 0x00]);
  const header = [scan.components.length, ...components, scan.first, scan.last, (scan.high << 4) | scan.low];
  return [...parts, segment(SOS, header), pack(scan.symbols(), scan.lengths, scan.dataBits)];
}

function segment(marker, payload) {
  const length = payload.length + 2;
  return [0xff, marker, length >> 8, length & 255, ...payload];
}

function joined(parts) {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
