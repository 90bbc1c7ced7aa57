// A browser for the tests.

import { chromium } from "playwright-core";

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
