// A browser and a server of files for the tests.

import { existsSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

export const web = dirname(dirname(fileURLToPath(import.meta.url)));
export const dist = join(web, "dist");

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".wasm": "application/wasm" };

/** Serves dist/ as any static host does; `{ url, asked, close }`. */
export async function serve() {
  const asked = [];
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    asked.push(pathname);
    const path = join(dist, normalize(pathname === "/" ? "/index.html" : pathname));
    if (!path.startsWith(dist) || !existsSync(path) || !statSync(path).isFile()) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { "content-type": TYPES[extname(path)] ?? "text/plain" }).end(readFileSync(path));
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  return { url: `http://127.0.0.1:${server.address().port}/`, asked, close: () => server.close() };
}

/** The browser: CHROMIUM names another one. Its sandbox needs a user that is not root. */
export function launch() {
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args });
}

/** A page in a profile of its own, ready; `before` runs before its scripts; what goes wrong in it is kept in `page.faults`. */
export async function open(browser, url, { before, ...options } = {}) {
  const context = await browser.newContext({ acceptDownloads: true, viewport: { width: 1400, height: 1000 }, ...options });
  if (before) await context.addInitScript(before);
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  page.faults = [];
  page.requests = [];
  page.on("console", (message) => message.type() === "error" && page.faults.push(message.text()));
  page.on("pageerror", (error) => page.faults.push(String(error.stack ?? error)));
  page.on("dialog", (dialog) => {
    page.faults.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("request", (request) => page.requests.push(request.url()));
  await page.goto(url);
  await page.waitForSelector("html[data-ready]");
  return page;
}

/** Presses Run and waits for the end. */
export async function run(page) {
  await page.click("#run");
  await page.waitForFunction(() => /^Ended|ended|cannot/.test(document.querySelector("#state").textContent), null, { timeout: 60_000 });
}

/** Replaces the text of the script that is shown. */
export async function write(page, text) {
  await page.click("#editor .cm-content");
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.press("Delete");
  await page.evaluate((value) => {
    const data = new DataTransfer();
    data.setData("text/plain", value);
    document.querySelector("#editor .cm-content").dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
  }, text);
}

/** What is drawn: the numbers of the pings that were lost, and the texts of the output. */
export async function results(page) {
  return page.evaluate(() => ({
    lost: [...document.querySelectorAll("#chart .point")].filter((point) => point.querySelector(".cross")).map((point) => Number(/^ping (\d+)/.exec(point.querySelector("title").textContent)[1])),
    // The last line has the time that the machine took.
    output: document.querySelector("#output .lines").textContent.replace(/network in \d+ ms/, "network"),
    summary: document.querySelector("#summary").textContent,
    arrows: [...document.querySelectorAll("#ladder .arrow")].map((arrow) => arrow.getAttribute("aria-label")),
  }));
}
