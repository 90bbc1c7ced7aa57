// The page's side of the engine: finds and compiles it, keeps one worker that answers and one that runs.

import { blocking } from "../engine.js";
import { byId } from "./dom.js";

/** A worker that has not stopped after so long is ended. */
const GRACE_MS = 600;

/** The bytes in a block of data of this page (web/dist/single.html), or null. */
async function inline(id) {
  const block = byId(id);
  if (!block) return null;
  const packed = Uint8Array.from(atob(block.textContent.trim()), (c) => c.charCodeAt(0));
  return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

/** The code of workers is read once, so that nothing is asked for after loading. */
async function workerUrl() {
  const code = (await inline("data-worker")) ?? (await (await fetch("worker.js")).arrayBuffer());
  return URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
}

async function compiled(kind) {
  const name = kind === "jspi" ? "engine" : "engine-asyncify";
  const bytes = await inline(`data-${name}`);
  if (bytes !== null) return WebAssembly.compile(bytes);
  // The page in one file has one form of the core.
  if (byId("data-worker")) throw new Error("This browser cannot suspend WebAssembly, which the page in one file needs: Chrome 137, Firefox 153 and Safari 27 can.");
  const response = await fetch(`${name}.wasm`);
  if (!response.ok && kind === "asyncify") throw new Error("This browser cannot suspend WebAssembly (JSPI): Chrome 137, Firefox 153 and Safari 27 can.");
  if (!response.ok) throw new Error(`${name}.wasm is not there (${response.status}).`);
  return WebAssembly.compile(await response.arrayBuffer());
}

/** Loads the engine. Throws with a sentence where there is none or none works here. */
export async function loadEngine() {
  const kind = blocking();
  if (kind === null) throw new Error("This browser has no WebAssembly that scripts can run in. A newer one has: Chrome, Edge, Firefox or Safari of this year.");
  const [module, url] = await Promise.all([compiled(kind), workerUrl()]);
  const make = async () => {
    const worker = new Caller(url);
    worker.version = await worker.call("load", module, kind);
    return worker;
  };
  return new Engine(make, await make());
}

/** Calls what a worker does, and passes on what it sends by itself. */
class Caller {
  #calls = new Map();
  #next = 1;

  constructor(url) {
    this.worker = new Worker(url);
    this.worker.onmessage = ({ data }) => this.#message(data);
    this.worker.onerror = (event) => this.end(event.message || "The engine could not be started.");
  }

  call(what, ...args) {
    const id = this.#next;
    this.#next += 1;
    this.worker.postMessage({ id, what, args });
    return new Promise((resolve, reject) => this.#calls.set(id, { resolve, reject }));
  }

  end(why) {
    this.worker.terminate();
    for (const { reject } of this.#calls.values()) reject(new Error(why));
    this.#calls.clear();
  }

  #message(data) {
    if (data.batch) this.onBatch?.(data.batch);
    else if (data.ask !== undefined) this.onAsk?.(data.ask);
    else if (data.report !== undefined) this.onReport?.(data.report);
    else {
      const { resolve, reject } = this.#calls.get(data.id) ?? {};
      this.#calls.delete(data.id);
      if (data.error === undefined) resolve?.(data.value);
      else reject?.(new Error(data.error));
    }
  }
}

class Engine {
  running = false;
  #make;
  /** A promise: it starts while the page is read. */
  #runner;

  constructor(make, answers) {
    this.#make = make;
    this.#runner = make();
    this.answers = answers;
    this.version = answers.version;
  }

  library() {
    return this.answers.call("library");
  }

  check(name, text) {
    return this.answers.call("check", name, text);
  }

  complete(text, offset) {
    return this.answers.call("complete", text, offset);
  }

  hover(text, offset) {
    return this.answers.call("hover", text, offset);
  }

  /** Runs a script, or a prompt: `{ script, text, files, args, seed, changes, prompt }`; resolves to `{ code, … }`. */
  async run(what, { onBatch, onAsk, onReport, asks }) {
    this.#runner ??= this.#make();
    const made = this.#runner;
    const runner = await made;
    runner.onBatch = onBatch;
    runner.onAsk = onAsk;
    runner.onReport = onReport;
    this.running = true;
    try {
      return await runner.call("start", { ...what, asks });
    } catch (error) {
      // An instance that failed is not used again.
      if (this.#runner === made) this.#runner = null;
      runner.end("The run was ended.");
      throw error;
    } finally {
      this.running = false;
    }
  }

  reply(line) {
    this.#tell("reply", line);
  }

  /** So many batches have been read. */
  read(batches) {
    this.#tell("read", batches);
  }

  hold(value) {
    this.#tell(value ? "pause" : "resume");
  }

  /** Stops what runs at the prompt, which goes on. */
  interrupt() {
    this.#tell("interrupt");
  }

  /** Ends the run: kindly, and where that does not help, with its worker. */
  async stop() {
    const made = this.#runner;
    if (!made || !this.running) return;
    this.#tell("stop");
    const runner = await made;
    setTimeout(() => {
      if (!this.running || this.#runner !== made) return;
      this.#runner = null;
      runner.end("The run did not end by itself and was ended.");
    }, GRACE_MS);
  }

  #tell(what, ...args) {
    this.#runner?.then((runner) => runner.call(what, ...args)).catch(() => {});
  }
}
