// What the core asks of a system (WASI preview 1): clocks, chance, files, standard streams. What is not here is answered with ENOSYS.

const OK = 0, BADF = 8, EXIST = 20, INVAL = 28, ISDIR = 31, NOENT = 44, NOSYS = 52, SPIPE = 70;
const CHARACTER_DEVICE = 2, DIRECTORY = 3, REGULAR_FILE = 4;
const CREATE = 1, EXCLUSIVE = 4, TRUNCATE = 8;

// The directory beneath which all files are.
const ROOT = 3;

export class Exit extends Error {
  constructor(code) {
    super(`exit ${code}`);
    this.code = code;
  }
}

// Files in memory: what scripts find by name. `write(path, bytes)` is called for what is added to a file.
export class MemoryFiles {
  constructor(files = {}, write = () => {}) {
    this.texts = new Map(Object.entries(files).map(([name, text]) => [plain(name), new TextEncoder().encode(text)]));
    this.write = write;
  }

  read(path) { return this.texts.get(plain(path)) ?? null; }

  isDirectory(path) {
    const within = plain(path) + "/";
    return within === "/" || [...this.texts.keys()].some((name) => name.startsWith(within));
  }

  create() { return true; }
}

const plain = (path) => path.split("/").filter((part) => part !== "" && part !== ".").join("/");

// `files`: read(path), isDirectory(path), create(path, truncate), write(path, bytes). `output(fd, bytes)`; `input.take(most)`: bytes.
export class Wasi {
  constructor({ files, output, input, isTerminal = false }) {
    Object.assign(this, { files, output, input, isTerminal, open: new Map(), nextFd: ROOT + 1 });
  }

  imports(module) {
    const functions = {};
    for (const { module: from, name } of WebAssembly.Module.imports(module)) {
      if (from === "wasi_snapshot_preview1") functions[name] = this[name]?.bind(this) ?? (() => NOSYS);
    }
    return functions;
  }

  attach(memory) { this.memory = memory; }

  view() { return new DataView(this.memory.buffer); }
  bytes(at, length) { return new Uint8Array(this.memory.buffer, at, length); }
  path(at, length) { return new TextDecoder().decode(this.bytes(at, length).slice()); }

  // Lists of pieces of memory: of each the address and the length.
  pieces(at, count) {
    const view = this.view();
    return Array.from({ length: count }, (_, i) => this.bytes(view.getUint32(at + 8 * i, true), view.getUint32(at + 8 * i + 4, true)));
  }

  clock_time_get(id, _, at) {
    const ms = id === 0 ? Date.now() : performance.now();
    this.view().setBigUint64(at, BigInt(Math.round(ms * 1e6)), true);
    return OK;
  }

  random_get(at, length) {
    for (let done = 0; done < length; done += 65536) crypto.getRandomValues(this.bytes(at + done, Math.min(65536, length - done)));
    return OK;
  }

  environ_sizes_get(count, size) { return this.none(count, size); }
  environ_get() { return OK; }
  args_sizes_get(count, size) { return this.none(count, size); }
  args_get() { return OK; }

  none(count, size) {
    this.view().setUint32(count, 0, true);
    this.view().setUint32(size, 0, true);
    return OK;
  }

  sched_yield() { return OK; }

  proc_exit(code) { throw new Exit(code); }

  fd_write(fd, at, count, written) {
    const file = this.open.get(fd);
    if (fd !== 1 && fd !== 2 && !file?.writes) return BADF;
    let length = 0;
    for (const piece of this.pieces(at, count)) {
      if (file) {
        this.files.write(file.path, piece.slice());
        file.at += piece.length;
      } else this.output(fd, piece.slice());
      length += piece.length;
    }
    this.view().setUint32(written, length, true);
    return OK;
  }

  fd_read(fd, at, count, read) {
    const file = this.open.get(fd);
    if (fd !== 0 && !file) return BADF;
    let length = 0;
    for (const piece of this.pieces(at, count)) {
      const bytes = file ? file.bytes.subarray(file.at, file.at + piece.length) : this.input.take(piece.length);
      piece.set(bytes);
      if (file) file.at += bytes.length;
      length += bytes.length;
      if (bytes.length < piece.length) break;
    }
    this.view().setUint32(read, length, true);
    return OK;
  }

  fd_seek(fd, offset, whence, result) {
    const file = this.open.get(fd);
    if (!file) return fd <= 2 ? SPIPE : BADF;
    const from = [0, file.at, file.bytes.length][whence] ?? 0;
    file.at = from + Number(offset);
    this.view().setBigUint64(result, BigInt(file.at), true);
    return OK;
  }

  fd_close(fd) { return this.open.delete(fd) ? OK : BADF; }

  kind(fd) { return fd === ROOT ? DIRECTORY : (this.open.get(fd)?.kind ?? (fd <= 2 ? CHARACTER_DEVICE : 0)); }

  fd_fdstat_get(fd, at) {
    const kind = this.kind(fd);
    if (!kind) return BADF;
    this.bytes(at, 24).fill(0);
    this.view().setUint8(at, kind);
    // Every right; what cannot be positioned is a terminal.
    this.view().setBigUint64(at + 8, fd === 0 && this.isTerminal ? ~0x24n : ~0n, true);
    this.view().setBigUint64(at + 16, ~0n, true);
    return OK;
  }

  stat(at, kind, size) {
    this.bytes(at, 64).fill(0);
    this.view().setUint8(at + 16, kind);
    this.view().setBigUint64(at + 24, 1n, true);
    this.view().setBigUint64(at + 32, BigInt(size), true);
    return OK;
  }

  fd_filestat_get(fd, at) {
    const kind = this.kind(fd);
    return kind ? this.stat(at, kind, this.open.get(fd)?.bytes.length ?? 0) : BADF;
  }

  fd_filestat_set_size() { return OK; }
  fd_fdstat_set_flags() { return OK; }
  fd_sync() { return OK; }
  fd_datasync() { return OK; }

  path_filestat_get(_, __, path, length, at) {
    const name = this.path(path, length);
    const bytes = this.files.read(name);
    if (bytes) return this.stat(at, REGULAR_FILE, bytes.length);
    return this.files.isDirectory(name) ? this.stat(at, DIRECTORY, 0) : NOENT;
  }

  fd_prestat_get(fd, at) {
    if (fd !== ROOT) return BADF;
    this.view().setUint32(at, 0, true);
    this.view().setUint32(at + 4, 1, true);
    return OK;
  }

  fd_prestat_dir_name(fd, at, length) {
    if (fd !== ROOT || length < 1) return INVAL;
    this.bytes(at, 1)[0] = 0x2f;
    return OK;
  }

  path_open(_, __, path, length, how, rights, ___, ____, result) {
    const name = this.path(path, length);
    const writes = (rights & 64n) !== 0n && !this.files.isDirectory(name);
    let bytes = this.files.read(name);
    let kind = REGULAR_FILE;
    if (bytes && how & CREATE && how & EXCLUSIVE) return EXIST;
    if (!bytes && this.files.isDirectory(name)) [bytes, kind] = [new Uint8Array(), DIRECTORY];
    if (kind === DIRECTORY && how & CREATE) return ISDIR;
    if (writes && (how & CREATE || bytes)) {
      if (!this.files.create(name, (how & TRUNCATE) !== 0)) return NOENT;
      if (!bytes || how & TRUNCATE) bytes = new Uint8Array();
    }
    if (!bytes) return NOENT;
    const fd = this.nextFd++;
    this.open.set(fd, { path: name, bytes, kind, writes, at: 0 });
    this.view().setUint32(result, fd, true);
    return OK;
  }
}
