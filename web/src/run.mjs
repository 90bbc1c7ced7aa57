// The command line of the engine in node: `node run.mjs [FLAGS] SCRIPT [ARGS]…` prints what `pingscript --simulate` prints.

import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { blocking, load } from "./engine.js";

const USAGE = `Usage: node run.mjs [--seed N] [--json FILE] [--csv FILE] [--frames] [--trace] [--report FILE] [--change CHANGE]… SCRIPT [ARGS]…
       node run.mjs [FLAGS] -e CODE [ARGS]…
       node run.mjs --check [--json] FILE…
       --blocking jspi|asyncify: how waits are made; found out by itself
`;

// The files of this system. A path loses its first slash on its way through the core.
const written = new Map();
const files = {
  find: (name) => [name, `/${name}`].find((one) => fs.existsSync(one)),
  read(name) {
    const found = this.find(name);
    return found && fs.statSync(found).isFile() ? fs.readFileSync(found) : null;
  },
  isDirectory(name) {
    const found = this.find(name);
    return found !== undefined && fs.statSync(found).isDirectory();
  },
  create(name) {
    const where = fs.existsSync(path.dirname(name)) ? name : `/${name}`;
    try {
      if (!written.has(name)) written.set(name, fs.openSync(where, "w"));
      return true;
    } catch {
      return false;
    }
  },
  write(name, bytes) {
    writeAll(written.get(name), bytes);
  },
};

// The job that a command line asks for; null: the command line is wrong.
function parse(words) {
  const job = { args: [], changes: [], frames: false, trace: false };
  const named = { "--seed": "seed", "--json": "json", "--csv": "csv", "--report": "report", "-e": "code", "--blocking": "blocking" };
  while (words.length > 0 && words[0].startsWith("-") && words[0] !== "-") {
    const [flag, joined] = words.shift().split(/=(.*)/s, 2);
    if (flag === "--check") job.check = true;
    else if (flag === "--frames" || flag === "--trace") job[flag.slice(2)] = true;
    else if (flag === "--json" && job.check) job.rows = true;
    else if (flag === "--simulate") continue;
    else if (flag === "--change") job.changes.push(joined ?? words.shift());
    else if (named[flag]) job[named[flag]] = joined ?? words.shift();
    else return null;
  }
  if (job.code === undefined && words.length === 0) return null;
  if (job.code === undefined && !job.check) job.script = words.shift();
  return { ...job, args: words };
}

const writeAll = (fd, bytes) => {
  for (let done = 0; done < bytes.length; ) {
    try {
      done += fs.writeSync(fd, bytes, done);
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
    }
  }
};

// A line of standard input; undefined: its end.
function line() {
  const bytes = [];
  const one = Buffer.alloc(1);
  for (;;) {
    let count;
    try {
      count = fs.readSync(0, one);
    } catch (error) {
      if (error.code === "EAGAIN") continue;
      count = 0;
    }
    if (count === 0 && bytes.length === 0) return undefined;
    if (count === 0 || one[0] === 10) return Buffer.from(bytes).toString();
    bytes.push(one[0]);
  }
}

async function main() {
  const job = parse(process.argv.slice(2));
  if (!job) {
    writeAll(2, Buffer.from(USAGE));
    return 2;
  }
  const kind = job.blocking ?? blocking();
  const beside = path.dirname(fileURLToPath(import.meta.url));
  const file = path.join(beside, kind === "jspi" ? "engine.wasm" : "engine-asyncify.wasm");
  if (kind !== "jspi" && !fs.existsSync(file)) {
    writeAll(2, Buffer.from("error: this version of node cannot suspend WebAssembly (JSPI): version 25 can\n"));
    return 2;
  }
  const engine = await load(fs.readFileSync(file), { blocking: kind });
  if (job.check) return engine.ask({ check: { files: job.args, rows: job.rows === true } }, { files, output: writeAll });
  if (job.script === "-") [job.script, job.text] = ["stdin", fs.readFileSync(0, "utf8")];
  const run = engine.start({ ...job, files, onBytes: writeAll, onInput: async () => line(), isTerminal: process.stdin.isTTY === true });
  process.on("SIGINT", () => run.stop());
  const { code, error } = await run.finished;
  if (error) writeAll(2, Buffer.from(`error: ${error}\n`));
  return code;
}

process.exit(await main());
