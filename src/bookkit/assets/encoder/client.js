// A page's side of worker.js: a promise for each request.

export { ZIGZAG } from "./tables.js";

/** Sends requests to a Worker that runs worker.js, one at a time and in order. */
export class EncoderClient {
  constructor(worker) {
    this.worker = worker;
    this.running = null;
    this.waiting = [];
    this.count = 0;
    this.failed = null; // why the worker does not work
    this.lost = null; // why the latest picture did not reach it
    worker.onmessage = ({ data }) => this.receive(data);
    worker.onerror = (event) => {
      event.preventDefault(); // told to whoever asks
      this.fail(new Error(event.message || "the encoder could not be started"));
    };
  }

  /**
   * Encode `picture`, { data, width, height } with the RGBA bytes of an ImageData, which are copied, or the previous
   * picture if it is null. Resolves to the result of worker.js; rejects with the encoder's RangeError or an Error.
   *
   * `options` are those of `encode` and `encodeWith` (index.js), and `details`: true if the result is to have planes,
   * "maps" for planes without F and z. `onProgress({ stage, share, file })` is called during the work. `latest` drops
   * requests with `latest` that are still waiting; their promises resolve to null. But a waiting request with a new
   * picture is dropped only for one with another picture.
   */
  encode(picture, { onProgress = () => {}, latest = false, ...options } = {}) {
    const { data: rgba, width, height } = picture ?? {};
    if (latest) this.drop((job) => job.latest && (picture || !job.message.rgba));
    return this.ask({ cmd: "encode", rgba, width, height, options }, onProgress, latest);
  }

  /**
   * { F, z, table, symbols } of one block of the latest file, `plane` 0–2, `block` in raster order. F and z are 64
   * values in zigzag order, `table` is the plane's quantisation table, `symbols` is as in symbolsOfBlock (bits.js).
   */
  block(plane, block) {
    return this.ask({ cmd: "block", plane, block });
  }

  /** Terminate the worker; pending promises resolve to null. */
  close() {
    this.worker.terminate();
    this.running?.resolve(null);
    this.running = null;
    this.drop(() => true);
  }

  ask(message, onProgress = () => {}, latest = false) {
    if (this.failed) return Promise.reject(this.failed);
    return new Promise((resolve, reject) => {
      this.waiting.push({ message: { id: ++this.count, ...message }, onProgress, latest, resolve, reject });
      this.next();
    });
  }

  drop(which) {
    for (const job of this.waiting.filter(which)) job.resolve(null);
    this.waiting = this.waiting.filter((job) => !which(job));
  }

  next() {
    if (this.running || this.waiting.length === 0) return;
    const job = (this.running = this.waiting.shift());
    try {
      if (this.lost && !job.message.rgba) throw this.lost; // the worker has only the picture before that one
      this.worker.postMessage(job.message);
      this.lost = null;
    } catch (error) {
      const told = job.message.rgba ? new Error("this browser has no room for a copy of the picture") : error;
      if (job.message.rgba) this.lost = told;
      this.running = null;
      job.reject(told);
      this.next();
    }
  }

  receive({ id, type, result, name, message, ...progress }) {
    const job = this.running;
    if (!job || job.message.id !== id) return;
    if (type === "progress") return void job.onProgress(progress);
    this.running = null;
    if (type === "result") job.resolve(result);
    else job.reject(name === "RangeError" ? new RangeError(message) : new Error(message));
    this.next();
  }

  /** Reject all requests from now on: the worker could not be started. (A request that it refuses gives a message.) */
  fail(error) {
    this.failed = error;
    this.running?.reject(error);
    this.running = null;
    for (const job of this.waiting) job.reject(error);
    this.waiting = [];
  }
}
