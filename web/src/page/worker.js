// The engine's side: one of these answers questions about scripts, another one runs them.

import { load } from "../engine.js";
import { Written } from "./written.js";

/** Rows and output go to the page in batches of so many, and no more than so many batches are on their way. */
const BATCH = 2_000;
const ON_THEIR_WAY = 6;
const FLUSH_MS = 40;

let engine = null;
let run = null;
let batch = [];
let size = 0;
let unread = 0;
let held = false;
let timer = null;
let replies = [];

self.onmessage = async ({ data }) => {
  const { id, what, args } = data;
  try {
    self.postMessage({ id, value: await does[what](...args) });
  } catch (error) {
    self.postMessage({ id, error: String(error?.message ?? error) });
  }
};

const does = {
  load: async (module, blocking) => {
    engine = await load(module, { blocking });
    return engine.version ?? "";
  },
  library: () => engine.library(),
  check: (name, text) => engine.check(name, text),
  complete: (text, offset) => engine.complete(text, offset),
  hover: (text, offset) => engine.hover?.(text, offset) ?? null,
  start: async ({ asks, files, ...what }) => {
    const written = new Written(files);
    run = engine.start({
      ...what, files: written, frames: true, report: true,
      onReport: (report) => self.postMessage({ report }),
      onRow: (row) => add("rows", row),
      onOutput: (stream, text) => add(stream, text),
      onInput: asks ? askPage : undefined,
    });
    const ended = await run.finished;
    run = null;
    flush();
    return { ...ended, written: written.all };
  },
  reply: (line) => replies.shift()?.(line),
  stop: () => run?.stop(),
  interrupt: () => run?.interrupt(),
  pause: () => hold(true),
  resume: () => hold(false),
  read: (batches) => {
    unread -= batches;
    if (unread < ON_THEIR_WAY && !held) run?.resume?.();
  },
};

function hold(value) {
  held = value;
  if (value) run?.pause?.();
  else if (unread < ON_THEIR_WAY) run?.resume?.();
}

function askPage(prompt) {
  flush();
  self.postMessage({ ask: String(prompt ?? "") });
  return new Promise((resolve) => replies.push(resolve));
}

/** Adds a row or a piece of output; what is of the same kind goes together. */
function add(kind, text) {
  if (batch.at(-1)?.kind === kind) batch.at(-1).texts.push(text);
  else batch.push({ kind, texts: [text] });
  size += 1;
  if (size >= BATCH) flush();
  else timer ??= setTimeout(flush, FLUSH_MS);
}

function flush() {
  clearTimeout(timer);
  timer = null;
  if (size === 0) return;
  self.postMessage({ batch });
  batch = [];
  size = 0;
  unread += 1;
  if (unread >= ON_THEIR_WAY) run?.pause?.();
}
