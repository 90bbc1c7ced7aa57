// The parts of the page that need no browser: `node --test test/parts.mjs`.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { header } from "../src/page/lesson.js";
import { changed, parsed } from "../src/page/links.js";
import { KEEP, Run } from "../src/page/model.js";
import { declared, line, words } from "../src/page/options.js";
import { RowReader, split } from "../src/page/rows.js";
import { Library } from "../src/page/session.js";
import { fromFragment, toFragment } from "../src/page/share.js";
import { Timeline } from "../src/page/timeline.js";

const scripts = new URL("../../scripts/", import.meta.url).pathname;
const texts = readdirSync(scripts, { recursive: true }).filter((name) => name.endsWith(".rhai")).map((name) => [name, readFileSync(join(scripts, name), "utf8")]);

const START = 1767225600000000000n;

function frame(number, at, fields = {}) {
  return JSON.stringify({
    type: "frame", time_ns: 0, number, arrival_ns: 0, lost_ns: null, link: "a-b", from_host: "a", to_host: "b", protocol: "udp", from: "10.0.0.1:1",
    to: "10.0.0.2:2", bytes: 4, size: 46, tcp: null, icmp: null, text: `ping ${number}`, fate: "carried", cause: null, detail: null, draws: [], at: null, waited_ns: 0, ...fields,
  }).replace('"time_ns":0', `"time_ns":${START + BigInt(at)}`).replace('"arrival_ns":0', `"arrival_ns":${START + BigInt(at) + 1_000_000n}`);
}

test("the options of every shipped script are read", () => {
  for (const [name, text] of texts) {
    const calls = text.replace(/^\s*\/\/.*$/gm, "").match(/\b(option|ask|flag)\(\s*"[\w-]+"/g) ?? [];
    assert.equal(declared(text).length, calls.length, name);
  }
  const [loss] = declared('const OPT = options([ option("loss", 0.1, "a \\"share\\"").at_least(0).at_most(0.2) ]);');
  assert.deepEqual([loss.default, loss.least, loss.most, loss.help], ["0.1", "0", "0.2", 'a "share"']);
  assert.equal(declared('option("timeout", 1.s, "wait")')[0].default, "1s");
  assert.equal(declared('option("size", 65_507, "bytes")')[0].default, "65507");
});

test("arguments are read as a shell reads them", () => {
  assert.deepEqual(words(`--a 1 --b "two words" 'it is'`), ["--a", "1", "--b", "two words", "it is"]);
  assert.equal(line(["--b", "two words", "it's"]), "--b 'two words' 'it'\\''s'");
});

test("headers ask, explain and remember", () => {
  const labs = texts.filter(([name]) => name.startsWith("labs/"));
  for (const [name, text] of labs) {
    const parts = header(text);
    for (const key of ["title", "Predict", "Explain", "Remember"]) assert.ok(parts[key]?.length > 10, `${name}: ${key}`);
  }
});

test("times keep all their digits", () => {
  const reader = new RowReader();
  reader.read(`{"type":"run","time_ns":${START}}`);
  assert.equal(reader.read(`{"type":"probe","time_ns":${START + 1n}}`).time_ns, 1);
  assert.equal(reader.read(`{"type":"frame","time_ns":${START + 123_456_789n},"text":"\\"time_ns\\":1767225600000000000"}`).text, '"time_ns":1767225600000000000');
  assert.equal(reader.read("no row"), null);
  assert.equal(reader.read('{"type":7}'), null);
  assert.deepEqual(split("[::1]:80"), ["::1", 80]);
});

test("what is sent at a socket and received at another is one packet", () => {
  const run = new Run();
  const at = { link: undefined, from_host: undefined, to_host: undefined };
  run.addRows([
    frame(1, 0, { ...at, arrival_ns: null, fate: "sent", from: "0.0.0.0:9", to: "127.0.0.1:7" }),
    frame(1, 10_000, { ...at, fate: "received", from: "127.0.0.1:9", to: "127.0.0.1:7" }),
    frame(1, 10_000, { ...at, arrival_ns: null, fate: "dropped", from: "127.0.0.1:7", to: "127.0.0.1:9", text: "PING 1" }),
  ]);
  assert.equal(run.frames.total, 2);
  assert.deepEqual(run.frames.list.map(({ from, to, lost }) => [from, to, lost]), [[":9", ":7", false], [":7", ":9", true]]);
});

test("memory is bounded, and what is not kept is counted", () => {
  const run = new Run();
  for (let i = 0; i < 4; i += 1) run.addRows(Array.from({ length: KEEP }, (_, number) => frame(i * KEEP + number + 1, number)));
  assert.equal(run.frames.total, 4 * KEEP);
  assert.ok(run.frames.list.length < 1.3 * KEEP && run.rows.list.length < 1.3 * KEEP);
  assert.equal(run.frames.gone + run.frames.list.length, 4 * KEEP);
});

test("a timeline has a step for each moment, and says where nothing happened", () => {
  const times = [0, 1e6, 2e6, 3e6, 2e9].map((begin) => ({ begin, end: begin + 1e6, lost: false }));
  const timeline = new Timeline(times);
  assert.equal(timeline.gaps.length, 1);
  assert.ok(timeline.stepOf(5e5) > timeline.stepOf(0) && timeline.stepOf(5e5) < timeline.stepOf(1e6));
  assert.ok(Math.abs(timeline.timeOf(timeline.stepOf(2e9)) - 2e9) < 1);
  assert.equal(timeline.next(timeline.stepOf(0)), timeline.stepOf(1e6));
});

test("a link holds the run", async () => {
  const run = { script: "a.rhai", files: { "a.rhai": "print(\"é漢\");", __proto__x: "" }, args: "--count 3", seed: "9", changes: ["5ns a-b loss=0.1"] };
  assert.deepEqual(await fromFragment(await toFragment(run)), { ...run, view: null });
  assert.equal(await fromFragment(""), null);
  assert.deepEqual((await fromFragment(await toFragment({ ...run, changes: undefined }))).changes, [], "links of before have none");
  await assert.rejects(toFragment({ ...run, changes: [{}] }).then(fromFragment), /holds no run/);
  await assert.rejects(fromFragment("#run=AAAA"), /cannot be read/);
  await assert.rejects(toFragment({ ...run, files: { "../a.rhai": "" }, script: "../a.rhai" }).then(fromFragment), /holds no run/);
});

test("a change of a link takes the place of those after it, and is written as the command line has it", () => {
  const delay = { link: "a-b", name: "delay", value: 20e6 };
  const first = changed([], { at: 5, ...delay });
  assert.deepEqual(first, ["5ns a-b delay=20000000ns"]);
  assert.deepEqual(parsed(first[0]), { at: 5, ...delay });
  const both = changed(first, { at: 9, link: "a-b", name: "rate", value: null });
  assert.deepEqual(both, [...first, "9ns a-b rate=none"]);
  assert.deepEqual(changed(both, { at: 5, ...delay, value: 0 }), ["9ns a-b rate=none", "5ns a-b delay=0ns"]);
  for (const bad of ["5ns a-b mtu=9", "x", "5ns a b loss=1", "5ns <b> loss=<b>"]) assert.equal(parsed(bad), null, bad);
});

test("the scripts that a script starts belong to its run", () => {
  const library = new Library(texts.map(([name, text]) => ({ name: name.replace(/\.rhai$/, ""), kind: "script", text })));
  assert.deepEqual(Object.keys(library.filesOf("udp_ping")), ["udp_ping.rhai", "udp_server.rhai"]);
  assert.equal(library.find("scripts/labs/tcp_loss.rhai").name, "labs/tcp_loss");
  assert.equal(library.find("none"), null);
});
