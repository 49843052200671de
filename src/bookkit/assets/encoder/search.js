// The largest file within a number of bytes. As repro.encoder.search.

import { HIGHEST, LOWEST } from "./trellis_set.js";
import { roundHalfEven } from "./tables.js";

/** Qualities are tried in these steps; step 0 is quality 1, the last step quality 100. */
const STEP = 0.1;
const LAST_STEP = Math.round((HIGHEST - LOWEST) / STEP);
/** Used for quality 100, whose percent of 0 has no logarithm (quality 99.9 has 0.2). */
const LEAST_PERCENT = 0.1;
/** Slope of log(file size) against log percent (IJG's quality scale): for photographs nearly a straight line. */
const SLOPE_OF_SIZE = -0.65 / 1.2;
const FIRST_QUALITY = 40;

/**
 * What `encode(quality)` returns for the highest quality, in steps of 0.1, whose `bytes` are at most `size`. Throws a
 * RangeError if even the lowest quality gives a larger file.
 */
export function largestWithin(encode, size) {
  const finest = encode(HIGHEST);
  if (finest.bytes.length <= size) return finest;
  const smallest = encode(LOWEST);
  if (smallest.bytes.length > size) {
    throw new RangeError(`${size} bytes cannot be met; choose at least ${smallest.bytes.length} bytes, or shrink the picture`);
  }
  let best = { step: -1, result: smallest };
  const logSize = (step) => {
    const result = encode(qualityOf(step));
    if (result.bytes.length <= size && step > best.step) best = { step, result };
    return Math.log(8 * result.bytes.length);
  };
  lastWithin(logSize, Math.log(8 * size));
  return best.result;
}

/** Call `value`, which grows with the step, until a bracket around the last step not over `goal` is two neighbours. */
function lastWithin(value, goal) {
  let [low, high] = [-1, LAST_STEP + 1]; // low is not over the goal, high is; these two are not tried
  let [sameSide, slope] = [0, SLOPE_OF_SIZE]; // how often in a row the same end moved, signed
  const seen = new Map();
  let step = stepAt(scaleOf(FIRST_QUALITY));
  while (high - low > 1) {
    seen.set(step, value(step));
    const within = seen.get(step) <= goal;
    if (within) low = step;
    else high = step;
    sameSide = within ? Math.max(sameSide, 0) + 1 : Math.min(sameSide, 0) - 1;
    const [known, other] = seen.has(low) ? [low, high] : [high, low];
    const at = scaleOf(qualityOf(known));
    if (seen.has(other)) slope = (seen.get(other) - seen.get(known) || 1e-9) / (scaleOf(qualityOf(other)) - at);
    step = stepAt(at + (goal - seen.get(known)) / slope);
    if (sameSide > 1) step = Math.max(step, low + 2 ** sameSide); // the other end is stuck: step out to meet it
    else if (sameSide < -1) step = Math.min(step, high - 2 ** -sameSide);
    step = Math.min(Math.max(step, low + 1), high - 1);
  }
}

/** The percentage by which IJG scales Annex K at `quality`. */
function percentOf(quality) {
  return quality < 50 ? 5000 / quality : 200 - 2 * quality;
}

function scaleOf(quality) {
  return Math.log(Math.max(percentOf(quality), LEAST_PERCENT));
}

/** The step nearest to a log percent, clipped to the first and the last. */
function stepAt(scale) {
  const share = Math.exp(Math.min(Math.max(scale, scaleOf(HIGHEST)), scaleOf(LOWEST)));
  return roundHalfEven(((share > 100 ? 5000 / share : 100 - share / 2) - LOWEST) / STEP);
}

function qualityOf(step) {
  return Math.round(10 * (LOWEST + step * STEP)) / 10;
}
