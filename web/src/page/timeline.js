// When things happened, as steps: each time at which a packet leaves, arrives or is lost is one step further, however long it took.
// The ladder is drawn to it, and playing packet by packet follows it.

/** A gap at least this many times the usual one gets a step of its own. */
const LONG = 20;
const LEAST_GAP = 1e6;

export class Timeline {
  constructor(frames) {
    const all = [];
    for (const frame of frames) {
      all.push(frame.begin);
      if (frame.end !== null) all.push(frame.end);
    }
    this.times = Float64Array.from(new Set(all)).sort();
    this.steps = new Float64Array(this.times.length);
    /** Long times in which nothing happened: at which step, and how long. */
    this.gaps = [];
    this.#place(idleBefore(frames));
    for (const frame of frames) {
      frame.u0 = this.stepOf(frame.begin);
      frame.u1 = frame.end === null ? frame.u0 + 1 : Math.max(this.stepOf(frame.end), frame.u0 + (frame.lost ? 0.5 : 0));
    }
  }

  /** How many steps there are. */
  get length() {
    return this.steps.length === 0 ? 0 : this.steps[this.steps.length - 1] + 1.5;
  }

  #place(idle) {
    const { times, steps } = this;
    const differences = Array.from(times, (time, i) => time - (times[i - 1] ?? time)).sort((a, b) => a - b);
    const long = Math.max(LEAST_GAP, LONG * (differences[differences.length >> 1] ?? 0));
    let at = 1;
    for (let i = 0; i < times.length; i += 1) {
      const gap = i === 0 ? 0 : times[i] - times[i - 1];
      if (gap >= long && idle.has(times[i])) {
        this.gaps.push({ step: at + 0.25, ns: gap });
        at += 1;
      }
      steps[i] = at;
      at += 1;
    }
  }

  /** The step of a moment; between two known ones in proportion. */
  stepOf(time) {
    return between(this.times, this.steps, time, 0);
  }

  /** The moment of a step. */
  timeOf(step) {
    return between(this.steps, this.times, step, 0);
  }

  /** The next step with an event after `step`, or the end. */
  next(step) {
    const at = firstAbove(this.steps, step + 1e-6);
    return at < this.steps.length ? this.steps[at] : this.length;
  }

  /** The last step with an event before `step`. */
  previous(step) {
    const at = firstAbove(this.steps, step - 1e-6);
    return at === 0 ? 0 : this.steps[at - 1];
  }
}

/** The moments at which a packet leaves after a time in which none was on its way. */
function idleBefore(frames) {
  const moments = new Set();
  let latest = -Infinity;
  for (const frame of [...frames].sort((a, b) => a.begin - b.begin)) {
    if (frame.begin > latest) moments.add(frame.begin);
    latest = Math.max(latest, frame.end ?? frame.begin);
  }
  return moments;
}

function firstAbove(list, value) {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle] > value) high = middle;
    else low = middle + 1;
  }
  return low;
}

function between(from, to, value, none) {
  if (from.length === 0) return none;
  const after = firstAbove(from, value);
  if (after === 0) return Math.max(0, to[0] - (from[0] - value > 0 ? 1 : 0));
  if (after === from.length) return to[after - 1] + Math.min(1.5, Math.max(0, value - from[after - 1]));
  const share = (value - from[after - 1]) / (from[after] - from[after - 1]);
  return to[after - 1] + share * (to[after] - to[after - 1]);
}
