// Drives the page in a browser: `npm test` in web/, after `bash web/build`. A URL tests a page that is hosted elsewhere.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { launch, open, results, run, write } from "./browser.mjs";
import { dist, serve, web } from "./files.mjs";
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

await test("a slider changes a link from the moment that is shown on, and the link of the run repeats it", async () => {
  const page = await open(browser, `${server.url}#script=labs/tcp_loss&seed=7`);
  await page.uncheck("#asks");
  await page.selectOption("#speed", "0");
  await run(page);
  const before = await results(page);
  const middle = await page.evaluate(() => Number(document.querySelector("#moment").max) / 2);
  await page.fill("#moment", String(middle));
  const at = await page.textContent("#time");
  await page.locator("#links-box").evaluate((box) => { box.open = true; });
  const slider = page.locator('#links input[aria-label^="delay of"]').first();
  await slider.fill(await slider.getAttribute("max"));
  await page.waitForFunction(() => /^Ended/.test(document.querySelector("#state").textContent) && document.querySelector("#changes").childElementCount === 1);
  assert.match(await page.textContent("#changes"), /delay 1.000 s from/);
  assert.match(await page.textContent("#command"), /--change '\d+ns \S+ delay=1000000000ns'/);
  const after = await results(page);
  assert.notDeepEqual(after.summary, before.summary);
  await page.evaluate(() => document.querySelector("#ladder .scroller").scrollTo(0, 0));
  await idle(page);
  assert.deepEqual((await results(page)).arrows.slice(0, 8), before.arrows.slice(0, 8), `what was before ${at} is as it was`);
  await page.screenshot({ path: join(shots, "links.png"), fullPage: true });
  await page.click("#share");
  await page.waitForFunction(() => document.querySelector("#link").value !== "");
  const other = await open(browser, await page.inputValue("#link"));
  await other.selectOption("#speed", "0");
  await other.uncheck("#asks");
  await run(other);
  assert.deepEqual(await results(other), after);
  await page.click("#changes button");
  await page.waitForFunction(() => /^Ended/.test(document.querySelector("#state").textContent) && document.querySelector("#changes").childElementCount === 0);
  assert.deepEqual(await results(page), before);
  [page, other].forEach(clean);
});

await test("a prompt goes on: a policy is changed on a server that runs", async () => {
  const page = await open(browser, server.url);
  await page.click("#prompt");
  const enter = async (entry, shows) => {
    await page.waitForFunction(() => /waits for an entry/.test(document.querySelector("#state").textContent));
    await page.fill("#entry", entry);
    await page.keyboard.press("Enter");
    await page.waitForFunction((text) => new RegExp(text).test(document.querySelector("#output .lines").textContent), shows);
  };
  await enter("6 * 7", "42");
  await enter("it + 1", "43");
  await enter('let server = udp::bind("127.0.0.1:0"); let echo = start_thread(|| for msg in server { msg.reply(msg.data) });', "start_thread");
  await enter('let sock = udp::open(server.addr); sock.ping(server.addr, "ping 1", 1.s)', "reply|Ping");
  await enter("set_policy(server, |pkt| drop())", "set_policy");
  await enter('sock.ping(server.addr, "ping 2", 1.s)', "timeout|no reply|timed out");
  await enter("sovk", "sock");
  await enter("loop {}", "loop");
  await page.waitForTimeout(200);
  await page.click("#stop");
  await enter("for i in 0..2 {\n print(`line ${i}`)\n}", "line 1");
  await page.fill("#entry", "udp::o");
  await page.keyboard.press("Tab");
  await page.waitForFunction(() => document.querySelector("#entry").value.startsWith("udp::open"));
  await page.fill("#entry", "");
  await page.keyboard.press("ArrowUp");
  assert.match(await page.inputValue("#entry"), /^for i in/);
  await page.screenshot({ path: join(shots, "prompt.png"), fullPage: true });
  await page.fill("#entry", "");
  await page.keyboard.press("Control+d");
  await page.waitForFunction(() => /^Ended/.test(document.querySelector("#state").textContent));
  clean(page);
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

await test("what takes too much is stopped or slowed, and the page stays alive", async () => {
  const page = await open(browser, server.url);
  const alive = async (least = 5) => {
    const ticks = await page.evaluate(() => new Promise((resolve) => {
      let count = 0;
      const timer = setInterval(() => { count += 1; }, 50);
      setTimeout(() => (clearInterval(timer), resolve(count)), 1_500);
    }));
    assert.ok(ticks >= least, `${ticks} of 30 beats of a timer`);
  };
  await write(page, "fn f(n) { f(n + 1) + 1 }\nprint(f(0));");
  await run(page);
  assert.match(await page.textContent("#output .lines"), /too deep|stack|recursion|calls/i);
  await write(page, "let all = [];\nloop { all.push(`a text that takes memory ${all.len()}`.to_upper()); }");
  await page.click("#run");
  await alive();
  await page.waitForFunction(() => /^Ended|ended/.test(document.querySelector("#state").textContent), null, { timeout: 60_000 }).catch(() => page.click("#stop"));
  await page.waitForFunction(() => !document.querySelector("#run").disabled, null, { timeout: 10_000 });
  await write(page, 'let s = udp::bind("127.0.0.1:0");\nfor i in 0..10_000_000 { s.send_to("x", s.addr); s.recv(); }');
  await page.click("#run");
  await page.waitForTimeout(8_000);
  await alive();
  const heap = await page.evaluate(() => performance.memory?.usedJSHeapSize ?? 0);
  assert.ok(heap < 600e6, `${heap} bytes of the page`);
  await page.click("#stop");
  await page.waitForFunction(() => !document.querySelector("#run").disabled, null, { timeout: 20_000 });
  console.log(`        10,000,000 packets: ${await page.textContent("#kept")} ${(heap / 1e6).toFixed(0)} MB`);
  await write(page, `${"// a line of a long script, which says nothing at all\n".repeat(19_000)}print("at its end");`);
  await alive();
  await run(page);
  assert.match(await page.textContent("#output .lines"), /at its end/);
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

await test("where WebAssembly cannot be suspended a sentence says so, and recorded runs can be opened", async () => {
  const page = await open(browser, server.url, { before: () => { delete WebAssembly.Suspending; } });
  if (existsSync(join(dist, "engine-asyncify.wasm"))) {
    const other = await open(browser, server.url);
    for (const one of [page, other]) await run(one);
    assert.deepEqual(await results(page), await results(other));
    return;
  }
  assert.match(await page.textContent("#state"), /cannot suspend WebAssembly \(JSPI\): Chrome 137, Firefox 153 and Safari 27 can\..* recorded run can be opened/);
  assert.ok(await page.isDisabled("#run"));
  const rows = join(shots, "by-hand.jsonl");
  writeFileSync(rows, [
    '{"type":"run","time_ns":1767225600000000000,"schema":1,"script":"x","args":[],"seed":7}',
    '{"type":"frame","time_ns":1767225600000000000,"number":1,"arrival_ns":1767225600001000000,"lost_ns":null,"link":"a-b","from_host":"a","to_host":"b","protocol":"udp","from":"10.0.0.1:1","to":"10.0.0.2:2","bytes":4,"size":46,"tcp":null,"icmp":null,"text":"ping 1","fate":"carried","cause":null,"detail":null,"draws":[],"at":null,"waited_ns":0}',
  ].join("\n"));
  await page.setInputFiles("#open", rows);
  await page.waitForFunction(() => document.querySelectorAll("#topology .node").length === 2);
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
