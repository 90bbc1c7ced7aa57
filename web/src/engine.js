// The engine of the playground: the core of pingscript, compiled to WebAssembly. Works in browsers, in workers and in node.

import { Tasks } from "./tasks.js";
import { Exit, MemoryFiles, Wasi } from "./wasi.js";

export { Exit };

// Where rows and the report of a run are written to, beside the files of the scripts.
const ROWS = "rows of the run", REPORT = "report of the run.html";

// What the clock of a simulated run shows when it begins, in nanoseconds.
const BEGINNING = 1e9;

// How long a stopped run may go on, for its last lines, before it is ended.
const GRACE = 500;

// Up to how many milliseconds early the time of a run that is shown slowly may go on: timers are no finer.
const EARLY = 4;

// What a browser says that can neither suspend WebAssembly nor run what Asyncify makes.
export const UNSUPPORTED =
  "This browser cannot run the playground: it has no WebAssembly, or one of before 2022. A current Firefox, Chrome, Edge or Safari can.";

// How tasks can be suspended here: "jspi", else "asyncify", which wants the larger module; null: not at all.
export function blocking() {
  if (typeof WebAssembly !== "object") return null;
  return typeof WebAssembly.Suspending === "function" && typeof WebAssembly.promising === "function" ? "jspi" : "asyncify";
}

// The engine made of a module: its bytes, a response that has them, or the module itself.
export async function load(source, options = {}) {
  const kind = options.blocking ?? blocking();
  if (kind === null) throw new Error(UNSUPPORTED);
  const module = await compiled(source).catch((error) => {
    throw error instanceof WebAssembly.CompileError ? new Error(UNSUPPORTED, { cause: error }) : error;
  });
  return new Engine(module, kind);
}

async function compiled(source) {
  if (source instanceof WebAssembly.Module) return source;
  if (typeof Response === "function" && source instanceof Response) {
    if (!source.ok) throw new Error(`the engine cannot be loaded: ${source.status} ${source.statusText}`);
    source = await source.arrayBuffer();
  }
  return WebAssembly.compile(source);
}

class Engine {
  constructor(module, kind) {
    Object.assign(this, { module, blocking: kind, lastDocument: 0 });
  }

  // An instance that answers what needs no run. One that has died is replaced.
  ask(question, { files = {}, output = () => {} } = {}) {
    this.asked ??= new Instance(this.module, this.blocking);
    Object.assign(this.asked.wasi, { files: fileSystem(files), output });
    try {
      return this.asked.ask(question);
    } catch (error) {
      this.asked = undefined;
      throw error;
    }
  }

  // What `pingscript --check --json` gives of a script: a row for each error and warning.
  check(name, text, files = {}) {
    const lines = new Lines();
    const output = (fd, bytes) => fd === 1 && lines.add(bytes);
    this.ask({ check: { files: [asFile(name)], rows: true } }, { files: { ...files, [asFile(name)]: text }, output });
    return lines.take().map((line) => JSON.parse(line));
  }

  // Messages that answer one of the language server's protocol.
  lsp(message, files = {}) {
    return this.ask({ lsp: { jsonrpc: "2.0", ...message } }, { files });
  }

  // What may stand at an offset of a text, in UTF-16 units: { from, label, insert, kind } each.
  complete(text, offset, files = {}) {
    const list = this.about("completion", text, offset, files) ?? [];
    const starts = lineStarts(text);
    return list.map(({ label, kind, textEdit: { newText, range } }) => {
      const from = starts[range.start.line] + range.start.character;
      return { label, insert: newText, from, kind: { 3: "function", 9: "namespace" }[kind] ?? "variable" };
    });
  }

  // What is said of the name at an offset, in Markdown; null: nothing.
  hover(text, offset, files = {}) {
    return this.about("hover", text, offset, files)?.contents.value ?? null;
  }

  // The forms of the call that an offset stands in, as the language server gives them.
  signatures(text, offset, files = {}) {
    return this.about("signatureHelp", text, offset, files);
  }

  about(method, text, offset, files) {
    const uri = "file:///script.rhai";
    const before = text.slice(0, offset).split("\n");
    const position = { line: before.length - 1, character: before.at(-1).length };
    this.lsp({ id: 0, method: "initialize", params: {} });
    this.lsp({ method: "textDocument/didOpen", params: { textDocument: { uri, text } } }, files);
    const params = { textDocument: { uri }, position };
    return this.lsp({ id: 1, method: `textDocument/${method}`, params }, files)[0].result;
  }

  // The version of pingscript.
  get version() {
    return this.ask("version");
  }

  // All scripts that came with pingscript.
  library() {
    const kinds = { labs: "lab", policies: "policy", examples: "example" };
    return this.ask("library").map(({ path, text }) => {
      const name = path.replace(/\.rhai$/, "");
      return { name, path: `scripts/${path}`, kind: kinds[name.split("/", 2)[0]] ?? "script", text };
    });
  }

  start(job) {
    return new Run(this, job);
  }
}

// An instance of the module, and what it asks of a system.
class Instance {
  constructor(module, kind, system = {}, waits = () => {}) {
    this.wasi = new Wasi({ files: new MemoryFiles(), output: () => {}, input: { take: () => new Uint8Array() }, ...system });
    this.tasks = new Tasks(kind, waits);
    const imports = { wasi_snapshot_preview1: this.wasi.imports(module), pingscript: { wait: this.tasks.wait() } };
    this.exports = new WebAssembly.Instance(module, imports).exports;
    this.wasi.attach(this.exports.memory);
    this.exports._initialize();
    this.tasks.attach(this.exports);
  }

  ask(question) {
    const bytes = new TextEncoder().encode(JSON.stringify(question));
    const at = this.exports.room(bytes.length);
    new Uint8Array(this.exports.memory.buffer, at, bytes.length).set(bytes);
    const answer = BigInt.asUintN(64, this.exports.ask(at, bytes.length));
    const text = new Uint8Array(this.exports.memory.buffer, Number(answer >> 32n), Number(answer & 0xffffffffn));
    return JSON.parse(new TextDecoder().decode(text.slice()));
  }
}

class Run {
  constructor(engine, job) {
    this.job = job;
    this.moves = { speed: job.speed ?? Infinity, isPaused: false, isStepping: false, isStopped: false };
    this.typed = new Typed(job.onInput);
    const system = { files: this.files(), output: this.output(), input: this.typed, isTerminal: job.isTerminal ?? Boolean(job.onInput) };
    this.instance = new Instance(engine.module, engine.blocking, system, (what, time, resume) => this.waits(what, time, resume));
    this.setPace();
    this.finished = this.run();
  }

  async run() {
    const began = performance.now();
    const { script = "", text, code, args = [], prompt = false, changes = [], seed, json, csv, report, onRow, onReport, frames = false, trace = false } = this.job;
    const start = { script, text, code, args, prompt, changes, frames, trace, csv, seed: String(seed ?? Math.floor(Math.random() * 1e9)) };
    start.json = json ?? (onRow ? ROWS : undefined);
    start.report = report === true ? REPORT : (report ?? undefined);
    let ended;
    try {
      this.instance.ask({ start });
      ended = { code: await this.instance.tasks.run() };
    } catch (error) {
      ended = error instanceof Exit ? { code: error.code } : { code: 3, error: died(error) };
      if (ended.error) this.job.onOutput?.("stderr", `error: ${ended.error}\n`);
    }
    if (onReport && this.report) onReport(await new Blob(this.report).text());
    return { ...ended, ms: performance.now() - began };
  }

  files() {
    const { files = {}, onRow } = this.job;
    const given = fileSystem(files);
    const rows = new Lines((line) => {
      if (line.startsWith('{"type":"frame"')) this.sawFrame = true;
      onRow(line);
    });
    return {
      read: (path) => given.read(path),
      isDirectory: (path) => given.isDirectory(path),
      create: (path, truncate) => path === ROWS || path === REPORT || given.create(path, truncate),
      write: (path, bytes) => {
        if (path === ROWS) rows.add(bytes);
        else if (path === REPORT) (this.report ??= []).push(bytes);
        else given.write(path, bytes);
      },
    };
  }

  output() {
    const { onOutput, onBytes } = this.job;
    if (onBytes) return onBytes;
    const decoders = [new TextDecoder(), new TextDecoder()];
    return (fd, bytes) => onOutput?.(fd === 1 ? "stdout" : "stderr", decoders[fd - 1].decode(bytes, { stream: true }));
  }

  waits(what, time, resume) {
    if (what === "input") return this.typed.wait(resume);
    this.now = time - BEGINNING;
    if (this.moves.isStepping && this.sawFrame) {
      this.moves.isStepping = false;
      this.setPace();
    }
    this.held = { time, resume };
    this.look();
  }

  // Has the time go on that waits to, if it may.
  look() {
    clearTimeout(this.timer);
    if (!this.held) return;
    const { isPaused, isStepping, isStopped, speed } = this.moves;
    if (isPaused && !isStepping && !isStopped) return;
    const due = isStepping || isStopped || speed === Infinity ? 0 : this.dueAt(this.held.time) - performance.now();
    if (due > EARLY) this.timer = setTimeout(() => this.look(), due);
    else {
      const { resume } = this.held;
      this.held = undefined;
      resume();
    }
  }

  // When a time of the run comes, on the clock of the page.
  dueAt(time) {
    this.since ??= { time, real: performance.now() };
    return this.since.real + (time - this.since.time) / 1e6 / this.moves.speed;
  }

  setPace() {
    const { isPaused, isStopped, speed } = this.moves;
    this.since = undefined;
    this.instance.exports.pace(!isStopped && (isPaused || speed !== Infinity) ? 1 : 0);
  }

  move(how) {
    if (this.instance.tasks.isOver) return;
    Object.assign(this.moves, how);
    this.setPace();
    this.look();
  }

  get speed() { return this.moves.speed; }
  set speed(speed) { this.move({ speed }); }

  pause() { this.move({ isPaused: true, isStepping: false }); }
  resume() { this.move({ isPaused: false, isStepping: false }); }

  // On to the next frame.
  step() {
    this.sawFrame = false;
    this.move({ isPaused: true, isStepping: true });
  }

  // Stops what runs as Ctrl-C does, and a little later what does not end by itself; a prompt goes on.
  interrupt() {
    const { exports, tasks } = this.instance;
    const stop = () => {
      exports.stop();
      tasks.wake();
    };
    const { asked } = this.typed;
    stop();
    setTimeout(() => asked === this.typed.asked && !tasks.isOver && stop(), GRACE);
  }

  // Ends the run as Ctrl-C does; what does not end by itself is ended.
  stop() {
    const { exports, tasks } = this.instance;
    if (tasks.isOver) return;
    exports.stop();
    this.move({ isStopped: true });
    this.typed.end();
    tasks.wake();
    if (!this.ending) this.ending = setTimeout(() => tasks.isOver || this.stop(), GRACE);
  }
}

// What is typed, as the core reads it.
class Typed {
  constructor(ask) {
    Object.assign(this, { ask, bytes: new Uint8Array(), hasEnded: !ask, asked: 0 });
  }

  // One line at most: what the core reads ahead it does not wait for.
  take(most) {
    const taken = this.bytes.slice(0, Math.min(most, this.bytes.indexOf(10) + 1 || most));
    this.bytes = this.bytes.slice(taken.length);
    return taken;
  }

  async wait(resume) {
    this.resume = resume;
    if (this.bytes.length === 0 && !this.hasEnded) {
      this.asked += 1;
      const line = await this.ask();
      if (typeof line === "string") this.bytes = new TextEncoder().encode(`${line}\n`);
      else this.end();
    }
    this.goOn();
  }

  goOn() {
    const { resume } = this;
    this.resume = undefined;
    resume?.();
  }

  end() {
    this.hasEnded = true;
    this.goOn();
  }
}

// Bytes as whole lines.
class Lines {
  constructor(line) {
    Object.assign(this, { line, lines: [], rest: "", decoder: new TextDecoder() });
  }

  add(bytes) {
    const lines = (this.rest + this.decoder.decode(bytes, { stream: true })).split("\n");
    this.rest = lines.pop();
    if (this.line) lines.forEach(this.line);
    else this.lines.push(...lines);
  }

  take() { return this.lines; }
}

const fileSystem = (files) => (typeof files.read === "function" ? files : new MemoryFiles(files));

const asFile = (name) => (name.endsWith(".rhai") || name.includes("/") ? name : `${name}.rhai`);

function lineStarts(text) {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}

// Why an instance has died.
function died(error) {
  if (error instanceof RangeError) return "the run has used up the stack of the browser, and was ended";
  if (error instanceof WebAssembly.RuntimeError) return `the run broke off, which is a bug in pingscript (${error.message})`;
  return String(error?.message ?? error);
}
