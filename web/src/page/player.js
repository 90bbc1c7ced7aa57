// The playhead: which moment of the run the topology shows. It moves in steps (see timeline.js) or with the clock of the run.

export const SPEEDS = [
  { name: "as fast as it goes", kind: "end" },
  { name: "40 events a second", kind: "steps", rate: 40 },
  { name: "10 events a second", kind: "steps", rate: 10 },
  { name: "3 events a second", kind: "steps", rate: 3 },
  { name: "real time", kind: "clock", rate: 1 },
  { name: "10 times slower", kind: "clock", rate: 0.1 },
  { name: "1000 times slower", kind: "clock", rate: 0.001 },
];

export class Player {
  step = 0;
  playing = false;
  speed = SPEEDS[2];
  #last = null;
  /** A moment to begin at, once it is known. */
  #from = 0;

  /** `onMove` is called with each move of the playhead, `onState` when it starts or stops. */
  constructor({ timeline, onMove, onState }) {
    this.timeline = timeline;
    this.onMove = onMove;
    this.onState = onState;
  }

  /** A new run: from this moment on. */
  restart(from = 0) {
    this.step = 0;
    this.#from = from;
    this.play();
  }

  play() {
    if (this.playing) return;
    this.playing = true;
    this.#last = null;
    this.onState();
    requestAnimationFrame((now) => this.#tick(now));
  }

  pause() {
    this.playing = false;
    this.onState();
  }

  /** Whether all that is known has been shown. */
  get atEnd() {
    return this.step >= this.timeline().length;
  }

  seek(step) {
    this.step = Math.max(0, Math.min(step, this.timeline().length));
    this.onMove();
  }

  #tick(now) {
    if (!this.playing) return;
    const seconds = this.#last === null ? 0 : Math.min(0.1, (now - this.#last) / 1000);
    this.#last = now;
    const timeline = this.timeline();
    if (this.#from > 0) {
      this.step = Math.max(this.step, timeline.stepOf(this.#from));
      if (this.step < timeline.length - 1.5 || this.onEnd?.()) this.#from = 0;
    } else if (this.speed.kind === "end") this.step = timeline.length;
    else if (this.speed.kind === "steps") this.step += seconds * this.speed.rate;
    else this.step = timeline.stepOf(timeline.timeOf(this.step) + seconds * this.speed.rate * 1e9);
    this.step = Math.min(this.step, timeline.length);
    this.onMove();
    if (this.atEnd && this.onEnd?.()) {
      this.pause();
      return;
    }
    requestAnimationFrame((next) => this.#tick(next));
  }
}
