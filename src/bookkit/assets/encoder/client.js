// A page's side of worker.js: one promise for each file.

export { ZIGZAG } from "./tables.js";

/** Talks to a Worker that runs worker.js, and works off what it is asked one after the other. */
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
   * The result of worker.js for `picture`, { data, width, height } with the RGBA bytes of an ImageData, which are
   * copied; or for the picture before where it is null. `options` are those of `encode` (index.js), and `details`:
   * whether planes come with it; `onProgress({ stage, share, file })`; `latest`: whether this takes the place of what still
   * waits with `latest`, whose promise becomes null; but a picture that waits stays, unless another one comes. Rejects
   * with the encoder's RangeError or an Error.
   */
  encode(picture, { onProgress = () => {}, latest = false, ...options } = {}) {
    const { data: rgba, width, height } = picture ?? {};
    if (latest) this.drop((job) => job.latest && (picture || !job.message.rgba));
    return this.ask({ cmd: "encode", rgba, width, height, options }, onProgress, latest);
  }

  /**
   * Of a block of the latest file, `plane` 0–2, `block` in raster order: { F, z, table, symbols }. F and z are 64 values in
   * zigzag order, `table` is its plane's, and `symbols` what symbolsOfBlock (bits.js) says.
   */
  block(plane, block) {
    return this.ask({ cmd: "block", plane, block });
  }

  /** End the worker; promises that are open become null. */
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

  /** What the worker refuses comes as a message; an error of its own means that it could not be started. */
  fail(error) {
    this.failed = error;
    this.running?.reject(error);
    this.running = null;
    for (const job of this.waiting) job.reject(error);
    this.waiting = [];
  }
}
