// Whether the engine prints what the program does: standard output, standard error but for its last line, the exit code and the rows
// with frames, of every shipped lab and pinger, to the byte; in node, or in browsers, which are named by their commands.
//     node web/test/same.mjs BINARY [FIRST..LAST] [BROWSER…]

import { spawn, spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { blocking, load } from "../dist/engine.js";
import { dist, serve } from "./files.mjs";
import { digest, runInEngine, scriptsOf, timeless } from "./runs.mjs";

const [binary, range = "1..20", ...browsers] = process.argv.slice(2);
const [first, last] = range.split("..").map(Number);
const seeds = Array.from({ length: last - first + 1 }, (_, index) => first + index);
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), "playground-"));
const rows = path.join(scratch, "rows.jsonl");

function native(script, seed) {
  fs.rmSync(rows, { force: true });
  const flags = ["--simulate", "--seed", String(seed), "--frames", "--json", rows, script];
  const run = spawnSync(binary, flags, { encoding: "utf8", maxBuffer: 1 << 30, stdio: ["ignore", "pipe", "pipe"] });
  return { out: run.stdout, err: timeless(run.stderr), code: run.status, rows: fs.existsSync(rows) ? fs.readFileSync(rows, "utf8") : "" };
}

let unlike = 0;
function differs(script, seed, one, other) {
  for (const part of ["out", "err", "code", "rows"]) {
    if (one[part] === other[part]) continue;
    unlike++;
    const [a, b] = [one, other].map((run) => String(run[part]).split("\n"));
    const at = a.findIndex((line, index) => line !== b[index]);
    console.log(`${script} seed ${seed}: ${part} differs, line ${at + 1}:\n  ${a[at]}\n  ${b[at]}`);
  }
}

async function inNode() {
  const engine = await load(fs.readFileSync(path.join(dist, "engine.wasm")), { blocking: blocking() });
  for (const script of scriptsOf(engine)) {
    let [nativeMs, engineMs, lines, all] = [0, 0, 0, ""];
    for (const seed of seeds) {
      const began = performance.now();
      const one = native(script, seed);
      const between = performance.now();
      const other = await runInEngine(engine, script, String(seed));
      [nativeMs, engineMs] = [nativeMs + between - began, engineMs + performance.now() - between];
      lines += one.rows.split("\n").length - 1;
      all += await digest(one);
      differs(script, seed, one, other);
    }
    console.log(`${script}: ${all.slice(0, 12)}, ${lines} rows, ${nativeMs.toFixed(0)} ms natively, ${engineMs.toFixed(0)} ms here`);
  }
}

// The page that runs all, and gives their digests to the server.
const PAGE = `<!doctype html><script type="module">
import { load } from "./engine.js";
import { digest, runInEngine, scriptsOf } from "./runs.mjs";
const send = (what) => fetch("done", { method: "POST", body: JSON.stringify(what) });
const digests = [];
try {
  const engine = await load(await fetch("engine.wasm"));
  const began = performance.now();
  for (const script of scriptsOf(engine)) {
    for (const seed of ${JSON.stringify(seeds)}) digests.push([script, seed, await digest(await runInEngine(engine, script, String(seed)))]);
  }
  await send({ digests, ms: performance.now() - began });
} catch (error) { await send({ error: String(error) + ", after " + digests.length + " runs" }); }
</script>`;

async function inBrowser(browser, expected) {
  let done;
  const ended = new Promise((resolve) => { done = resolve; });
  const runs = fs.readFileSync(new URL("./runs.mjs", import.meta.url));
  const server = await serve({ "/same.html": PAGE, "/runs.mjs": runs, "/done": done });
  const profile = path.join(scratch, path.basename(browser));
  fs.mkdirSync(profile, { recursive: true });
  const url = `${server.url}same.html`;
  const isFirefox = /firefox/.test(browser);
  const args = isFirefox ? ["--headless", "--no-remote", "--profile", profile, url]
    : ["--headless=new", "--no-first-run", `--user-data-dir=${profile}`, ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []), url];
  const running = spawn(browser, args, { stdio: "ignore", env: { ...process.env, HOME: profile } });
  running.on("error", (error) => done(JSON.stringify({ error: String(error) })));
  const { digests = [], error, ms } = JSON.parse(await ended);
  running.kill();
  server.close();
  if (error) console.log(`${browser}: ${error}`);
  unlike += error ? 1 : 0;
  for (const [script, seed, found] of digests) {
    if (found === await expected(script, seed)) continue;
    unlike++;
    console.log(`${browser}: ${script} seed ${seed} differs`);
  }
  if (ms) console.log(`${browser}: ${digests.length} runs in ${ms.toFixed(0)} ms`);
}

if (browsers.length === 0) await inNode();
const known = new Map();
const expected = async (script, seed) => {
  const key = `${script} ${seed}`;
  if (!known.has(key)) known.set(key, await digest(native(script, seed)));
  return known.get(key);
};
for (const browser of browsers) await inBrowser(browser, expected);
fs.rmSync(scratch, { recursive: true, force: true });
console.log(unlike === 0 ? "all the same" : `${unlike} unlike`);
process.exit(unlike === 0 ? 0 : 1);
