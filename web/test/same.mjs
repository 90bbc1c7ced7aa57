// Whether the engine prints what the program does: standard output, standard error but for its last line, the exit code and the rows
// with frames, of every shipped lab and pinger, to the byte.
//     node web/test/same.mjs BINARY [FIRST..LAST] [jspi|asyncify]

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { blocking, load } from "../dist/engine.js";

const [binary, range = "1..20", kind = blocking()] = process.argv.slice(2);
const [first, last] = range.split("..").map(Number);
const dist = path.join(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), "../dist");
const file = path.join(dist, kind === "jspi" ? "engine.wasm" : "engine-asyncify.wasm");
const engine = await load(fs.readFileSync(file), { blocking: kind });
const rows = path.join(fs.mkdtempSync(path.join(os.tmpdir(), "playground-")), "rows.jsonl");

// Those that end by themselves.
const PINGERS = ["udp_ping", "tcp_ping", "icmp_ping", "traceroute", "sweep", "pmtu", "udp_load"];
const scripts = [...PINGERS, ...engine.library().filter(({ kind }) => kind === "lab").map(({ name }) => name)];

const digest = (text) => createHash("sha256").update(text).digest("hex").slice(0, 12);
// How long it took is each one's own.
const timeless = (text) => text.replace(/(^|\n)simulated: .*\n$/, "$1");

function native(script, seed) {
  fs.rmSync(rows, { force: true });
  const flags = ["--simulate", "--seed", seed, "--frames", "--json", rows, script];
  const run = spawnSync(binary, flags, { encoding: "utf8", maxBuffer: 1 << 30, stdio: ["ignore", "pipe", "pipe"] });
  return { out: run.stdout, err: timeless(run.stderr), code: run.status, rows: fs.existsSync(rows) ? fs.readFileSync(rows, "utf8") : "" };
}

async function inEngine(script, seed) {
  const said = { out: [], err: [], rows: [] };
  const files = {
    read: () => null, isDirectory: (name) => name === "" || name === "/", create: () => true,
    write: (_, bytes) => said.rows.push(bytes),
  };
  const onBytes = (fd, bytes) => said[fd === 1 ? "out" : "err"].push(bytes);
  const { code } = await engine.start({ script, seed, frames: true, json: "rows.jsonl", files, onBytes }).finished;
  const [out, err, all] = [said.out, said.err, said.rows].map((parts) => Buffer.concat(parts).toString());
  return { out, err: timeless(err), code, rows: all };
}

let unlike = 0;
for (const script of scripts) {
  let [nativeMs, engineMs, lines] = [0, 0, 0];
  const all = createHash("sha256");
  for (let seed = first; seed <= last; seed++) {
    const began = performance.now();
    const one = native(script, String(seed));
    const between = performance.now();
    const other = await inEngine(script, seed);
    [nativeMs, engineMs] = [nativeMs + between - began, engineMs + performance.now() - between];
    lines += one.rows.split("\n").length - 1;
    all.update(JSON.stringify(one));
    for (const part of ["out", "err", "code", "rows"]) {
      if (one[part] === other[part]) continue;
      unlike++;
      const [a, b] = [one, other].map((run) => String(run[part]).split("\n"));
      const at = a.findIndex((line, index) => line !== b[index]);
      console.log(`${script} seed ${seed}: ${part} differs (${digest(String(one[part]))}, ${digest(String(other[part]))}), line ${at + 1}:\n  ${a[at]}\n  ${b[at]}`);
    }
  }
  console.log(`${script}: ${all.digest("hex").slice(0, 12)}, ${lines} rows, ${nativeMs.toFixed(0)} ms natively, ${engineMs.toFixed(0)} ms here`);
}
console.log(unlike === 0 ? "all the same" : `${unlike} unlike`);
process.exit(unlike === 0 ? 0 : 1);
