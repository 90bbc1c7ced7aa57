// Drives the page in a browser: `npm test` in web/, after `bash web/build`. A URL tests a page that is hosted elsewhere.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { dist, launch, open, results, run, serve, web, write } from "./browser.mjs";
import { mistakes } from "./mistakes.mjs";

const EVERY_THIRD = "let drop_policy = |pkt| if pkt.number % 3 == 0 { drop() } else { pass() };";
const shots = join(web, "dist-shots");
mkdirSync(shots, { recursive: true });

const server = process.argv[2] ? { url: process.argv[2], close: () => {} } : await serve();
const browser = await launch();
const only = process.env.ONLY;
let failed = 0;

async function test(name, body) {
  if (only && !name.includes(only)) return;
  try {
    await body();
    console.log(`ok      ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED  ${name}\n${error.stack}`);
  }
}

const clean = (page) => assert.deepEqual(page.faults, []);
const idle = (page) => page.waitForTimeout(300);

await test("a person's path: run, see losses, change the policy, share, the same run", async () => {
  const page = await open(browser, server.url);
  assert.equal(await page.locator("#topology .node").count(), 0, "nothing runs before Run is pressed");
  const loaded = page.requests.length;
  await page.selectOption("#library", "udp_ping");
  await page.fill("#args", "--count 10 --timeout 100ms");
  await run(page);
  const first = await results(page);
  assert.ok(first.lost.length >= 1, "the seed loses some");
  assert.match(first.summary, new RegExp(`${first.lost.length} of 10`));
  await page.locator("#ladder .arrow.lost").first().click();
  const details = await page.textContent("#details");
  assert.match(details, /dropped by .*udp_server\.rhai:14/);
  assert.match(details, /Random number0\.\d{3}/);
  assert.ok(await page.locator("#output .line.marked").count() > 0, "the output of that ping is marked");
  assert.equal(await page.locator("#chart .point.marked").count(), 1);
  await page.screenshot({ path: join(shots, "path.png"), fullPage: true });
  await page.locator("#details button", { hasText: "udp_server.rhai:14" }).first().click();
  assert.match(await page.textContent("#editor .marked-line"), /random\(\) < 0\.2/);
  const text = await page.evaluate(() => document.querySelector('[role="tab"][aria-selected="true"]').textContent);
  assert.equal(text, "udp_server.rhai");
  const server_text = readFileSync(join(web, "../scripts/udp_server.rhai"), "utf8");
  await write(page, server_text.replace(/^let drop_policy.*$/m, EVERY_THIRD));
  await page.fill("#args", "--count 6 --timeout 100ms");
  await run(page);
  const second = await results(page);
  assert.deepEqual(second.lost, [3, 6]);
  await page.click("#share");
  await page.waitForFunction(() => document.querySelector("#link").value !== "");
  const link = await page.inputValue("#link");
  assert.deepEqual(page.requests.slice(loaded).filter((url) => !url.includes("/api/")), [], "no request after loading");
  const other = await open(browser, link);
  assert.equal(await other.locator("#topology .node").count(), 0, "a link runs nothing");
  assert.match(await other.textContent("#banner"), /Nothing of them has run yet/);
  await run(other);
  assert.deepEqual(await results(other), second);
  [page, other].forEach(clean);
});

await test("a hostile link does no harm", async () => {
  const evil = '<img src=x onerror="window.harmed=1"><script>window.harmed=1</script>';
  const script = `const OPT = options([option("x", "", "<b>help</b>")]);\nprint("${evil.replace(/"/g, '\\"')}\\u202etxt");\nlet s = udp::bind("127.0.0.1:0");\nlet r = s.ping(s.addr, "ping 1 ${evil.replace(/"/g, "'")}", 1.s);\nprint(r);`;
  const plain = await open(browser, server.url);
  const link = await plain.evaluate(async ([name, text, args]) => {
    const bytes = new TextEncoder().encode(JSON.stringify({ v: 1, script: name, files: { [name]: text, "<script>.rhai": text }, args, seed: "<b>7" }));
    const packed = new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate-raw"))).arrayBuffer());
    return `#run=${btoa(String.fromCharCode(...packed)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "")}`;
  }, ["<img src=x onerror=alert(1)>.rhai", script, '--x "<svg onload=alert(1)>"']);
  const page = await open(browser, server.url + link);
  await idle(page);
  assert.equal(await page.locator("#topology .node").count(), 0);
  await run(page);
  await page.locator("#ladder .arrow").first().dispatchEvent("click");
  await idle(page);
  assert.match(await page.textContent("#output .lines"), /<img src=x onerror/);
  assert.match(await page.textContent("#output .lines"), /\\u\{202e\}txt/);
  assert.equal(await page.evaluate(() => window.harmed), undefined);
  assert.equal(await page.locator("img, #output script, #ladder script").count(), 0);
  clean(page);
  for (const bad of ["#run=AAAA", "#run=%%%", "#run=", "#script=../../etc/passwd", "#script=none"]) {
    const broken = await open(browser, server.url + bad);
    assert.match(await broken.textContent("#banner"), /cannot be read|No script|holds no run/, bad);
  }
  const bomb = await plain.evaluate(async () => {
    const stream = new Blob([new Uint8Array(50_000_000)]).stream().pipeThrough(new CompressionStream("deflate-raw"));
    const packed = new Uint8Array(await new Response(stream).arrayBuffer());
    return `#run=${btoa(Array.from(packed, (byte) => String.fromCharCode(byte)).join("")).replace(/\+/g, "-").replace(/\//g, "_")}`;
  });
  const bombed = await open(browser, server.url + bomb);
  assert.match(await bombed.textContent("#banner"), /more than 1 MB/);
});

await test("ten mistakes of beginners have a hint within a second", async () => {
  const page = await open(browser, server.url);
  for (const [text, hint] of mistakes) {
    await write(page, "print(1);");
    await page.waitForFunction(() => document.querySelector("#problems").childElementCount === 0);
    await write(page, text);
    const before = Date.now();
    await page.waitForFunction((source) => new RegExp(source).test(document.querySelector("#problems").textContent), hint.source, { timeout: 10_000 })
      .catch(async () => assert.fail(`${text}\nwants ${hint}, has ${await page.textContent("#problems")}`));
    console.log(`        ${Date.now() - before} ms: ${text.split("\n")[0].slice(0, 60)}`);
  }
  clean(page);
});

await test("a script without end is stopped, and the page goes on", async () => {
  const page = await open(browser, server.url);
  await write(page, "loop {}");
  await page.click("#run");
  await page.waitForTimeout(300);
  await page.click("#stop");
  await page.waitForFunction(() => !document.querySelector("#run").disabled, null, { timeout: 10_000 });
  await write(page, 'print("still here");');
  await run(page);
  assert.match(await page.textContent("#output .lines"), /still here/);
  clean(page);
});

await test("rows that were downloaded open as a recorded run", async () => {
  const page = await open(browser, `${server.url}#script=labs/tcp_loss&seed=7`);
  await page.uncheck("#asks");
  await run(page);
  const before = await results(page);
  await page.click("#downloads summary");
  const [file] = await Promise.all([page.waitForEvent("download"), page.click("#save-rows")]);
  await page.reload();
  await page.waitForSelector("html[data-ready]");
  await page.setInputFiles("#open", await file.path());
  await page.waitForFunction(() => /has no rows|Recorded run/.test(document.querySelector("#state").textContent));
  const after = await results(page);
  assert.deepEqual(after.lost, before.lost);
  assert.equal(after.summary, before.summary);
  for (const name of ["topology", "ladder", "chart"]) {
    await page.click("#downloads summary");
    const [svg] = await Promise.all([page.waitForEvent("download"), page.click(`#save-${name}`)]);
    assert.match(readFileSync(await svg.path(), "utf8"), /^<svg[^]*<\/svg>$/);
  }
  clean(page);
});

await test("it is used by keyboard alone", async () => {
  const page = await open(browser, `${server.url}#script=labs/tcp_loss&seed=7`);
  await page.uncheck("#asks");
  await page.focus("#run");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => /^Ended/.test(document.querySelector("#state").textContent));
  await page.focus("#ladder .scroller");
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowDown");
  assert.match(await page.textContent("#live"), /PING 1.* from b to a at 1\.005 ms: arrived/);
  await page.focus("#topology .node");
  await page.keyboard.press("Enter");
  assert.match(await page.textContent("#details"), /Host a/);
  await page.focus("#step");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Enter");
  assert.match(await page.textContent("#live"), /from [ab] to [ab]/);
  const unnamed = await page.evaluate(() => [...document.querySelectorAll("button, input, select, textarea, [role=button], [role=option]")]
    .filter((node) => !(node.getAttribute("aria-label") || node.textContent.trim() || node.labels?.length)).map((node) => node.outerHTML));
  assert.deepEqual(unnamed, []);
  clean(page);
});

await test("it is legible at 360 pixels, light and dark", async () => {
  for (const colorScheme of ["light", "dark"]) {
    const page = await open(browser, `${server.url}#script=labs/tcp_loss&seed=7`, { viewport: { width: 360, height: 740 }, colorScheme, reducedMotion: "reduce" });
    await page.uncheck("#asks");
    await run(page);
    await page.locator("#ladder .arrow.lost").first().click();
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= 360, "nothing is wider than the page");
    assert.equal(await page.inputValue("#speed"), "0", "nothing moves by itself");
    await page.screenshot({ path: join(shots, `360-${colorScheme}.png`), fullPage: true });
    clean(page);
  }
});

await test("single.html runs from a file", async () => {
  const path = join(dist, "single.html");
  if (process.argv[2] || !existsSync(path)) return console.log("        skipped: no dist/single.html");
  const page = await open(browser, pathToFileURL(path).href);
  await page.fill("#args", "--count 6 --timeout 100ms");
  await run(page);
  assert.match((await results(page)).summary, /6 sent/);
  assert.equal(page.requests.filter((url) => !/^(file|blob|data):/.test(url)).length, 0);
  clean(page);
});

await test("it runs where WebAssembly cannot be suspended", async () => {
  const [page, other] = await Promise.all([
    open(browser, server.url),
    open(browser, server.url, { before: () => { delete WebAssembly.Suspending; } }),
  ]);
  for (const one of [page, other]) await run(one);
  assert.deepEqual(await results(other), await results(page));
  assert.ok(other.requests.some((url) => url.endsWith("engine-asyncify.wasm")));
  [page, other].forEach(clean);
});

await test("pingscript web opens recorded runs", async () => {
  const binary = process.env.PINGSCRIPT;
  if (!binary) return console.log("        skipped: PINGSCRIPT names no binary with the feature web");
  const rows = join(shots, "run.jsonl");
  execFileSync(binary, ["--simulate", "--seed", "7", "--json", rows, "--frames", "labs/tcp_loss"], { stdio: "ignore" });
  const served = spawn(binary, ["web", rows]);
  try {
    const url = await new Promise((found) => served.stdout.on("data", (bytes) => found(/http:\S+/.exec(bytes)[0])));
    const page = await open(browser, url);
    await page.waitForFunction(() => /Recorded run of/.test(document.querySelector("#state").textContent));
    assert.match((await results(page)).summary, /120 sent/);
    clean(page);
  } finally {
    served.kill("SIGINT");
  }
});

await browser.close();
server.close();
console.log(failed === 0 ? "all passed" : `${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
