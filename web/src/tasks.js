// Runs the tasks of the core, one at a time. A task that waits is suspended: by JSPI, which keeps its stack, or by what Asyncify has put
// into the module, which unwinds the stack and winds it again.

const TURN = 0, TIME = 1, INPUT = 2;

// For how many milliseconds tasks run before the page, or node, has its turn.
const TURN_OF_TASKS = 12;

const nothing = () => {};

// Lets events of the page happen.
const breathe = typeof setImmediate === "function"
  ? () => new Promise((resolve) => setImmediate(resolve))
  : () => new Promise((resolve) => {
      const channel = new MessageChannel();
      channel.port1.onmessage = () => (channel.port1.close(), resolve());
      channel.port2.postMessage(null);
    });

export class Tasks {
  // `waits(what, time, resume)`: a task waits for the moment (TIME) or for input; `resume` has it go on.
  constructor(blocking, waits) {
    Object.assign(this, { blocking, waits, known: new Map(), outside: [], wake: nothing, running: 0, isOver: false });
  }

  // The import that tasks wait in.
  wait() {
    if (this.blocking === "jspi") {
      return new WebAssembly.Suspending((what, time) => new Promise((resolve) => {
        const task = this.known.get(this.running);
        task.stack = this.pointer.value;
        task.resume = resolve;
        this.tell(this.running, what, time);
        this.baton();
      }));
    }
    return (what, time) => {
      const task = this.known.get(this.running);
      if (this.exports.asyncify_get_state() === 2) return this.exports.asyncify_stop_rewind();
      task.stack = this.pointer.value;
      new DataView(this.exports.memory.buffer).setUint32(task.unwound, task.unwound + 8, true);
      this.exports.asyncify_start_unwind(task.unwound);
      this.tell(this.running, what, time);
    };
  }

  attach(exports) {
    this.exports = exports;
    this.pointer = exports.__stack_pointer;
    this.main = this.pointer.value;
    if (this.blocking === "jspi") this.begin = WebAssembly.promising(exports.run);
  }

  tell(number, what, time) {
    const resume = () => {
      this.outside.push(number);
      this.wake();
    };
    if (what === TURN) return;
    if (what === TIME || what === INPUT) this.waits(what === TIME ? "time" : "input", time, resume);
    else if (time > 0) setTimeout(resume, time);
    else resume();
  }

  // Runs them until the run is over.
  async run() {
    let since = performance.now();
    while (this.exports.code() < 0) {
      const number = this.outside.shift() ?? this.exports.next();
      if (number === 0) {
        await new Promise((resolve) => (this.wake = resolve));
        this.wake = nothing;
        since = performance.now();
        continue;
      }
      this.running = number;
      const goesOn = this.step(number);
      if (goesOn) await goesOn;
      this.running = 0;
      this.pointer.value = this.main;
      if (performance.now() - since > TURN_OF_TASKS) {
        await breathe();
        since = performance.now();
      }
    }
    this.isOver = true;
    return this.exports.code();
  }

  // Has a task begin or go on, until it waits or ends.
  step(number) {
    const known = this.known.get(number);
    const task = known ?? { stack: this.exports.stack_of(number) };
    if (!known) this.known.set(number, task);
    this.pointer.value = task.stack;
    return this.blocking === "jspi" ? this.stepOnItsStack(number, task, known) : this.stepByWinding(number, task, known);
  }

  stepOnItsStack(number, task, known) {
    return new Promise((resolve, reject) => {
      Object.assign(this, { baton: resolve, fail: reject });
      if (known) return task.resume();
      const end = () => {
        this.known.delete(number);
        this.baton();
      };
      this.begin(number).then(end, (error) => this.fail(error));
    });
  }

  stepByWinding(number, task, known) {
    const { exports } = this;
    if (!known) {
      const room = exports.unwound_of(number);
      task.unwound = Number(BigInt.asUintN(64, room) >> 32n);
      new DataView(exports.memory.buffer).setUint32(task.unwound + 4, Number(room & 0xffffffffn), true);
    } else exports.asyncify_start_rewind(task.unwound);
    exports.run(number);
    if (exports.asyncify_get_state() === 1) exports.asyncify_stop_unwind();
    else this.known.delete(number);
  }
}
