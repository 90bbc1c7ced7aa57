// The files of a run: its scripts, and what it writes, such as recordings of packets.

import { MemoryFiles } from "../wasi.js";

/** More than so many bytes are not kept. */
const MOST = 64_000_000;

export class Written extends MemoryFiles {
  #parts = new Map();
  #size = 0;

  create(path, truncate) {
    if (truncate || !this.#parts.has(path)) this.#parts.set(path, []);
    return true;
  }

  /** Keeps a copy: the bytes are in the memory of the core. */
  write = (path, bytes) => {
    this.create(path, false);
    this.#size += bytes.length;
    if (this.#size <= MOST) this.#parts.get(path).push(bytes.slice());
  };

  read(path) {
    const parts = this.#parts.get(path);
    return parts ? joined(parts) : super.read(path);
  }

  /** What was written: `[[path, bytes]]`. */
  get all() {
    return [...this.#parts].map(([path, parts]) => [path, joined(parts)]);
  }
}

function joined(parts) {
  const bytes = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
