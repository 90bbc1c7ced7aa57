// Makes the page: dist/index.html with its files, and dist/single.html with all in one.
// The core is in dist/ already; without it the page opens recorded runs only.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const page = join(here, "src/page");

async function bundled(entry) {
  const { outputFiles } = await build({
    entryPoints: [join(page, entry)], bundle: true, minify: true, write: false, format: "iife", target: "es2022", legalComments: "none", charset: "utf8",
  });
  return outputFiles[0].text;
}

const hash = (text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

/** What the page may load and run. Styles of the editor are made by its code: they carry the nonce. */
function policy(parts) {
  return Object.entries({ "default-src": "'none'", "base-uri": "'none'", "form-action": "'none'", "img-src": "data:", ...parts })
    .map(([name, value]) => `${name} ${value}`).join("; ");
}

function filled(template, values) {
  return template.replace(/\{\{(\w+)\}\}/g, (_, name) => values[name]);
}

/** A block of data of the page, compressed. */
function block(id, bytes) {
  return `<script type="application/octet-stream" id="${id}">${gzipSync(bytes, { level: 9 }).toString("base64")}</script>`;
}

/** Makes both pages in `dist`; `wasm` is the path of the core, which the page in one file has in it. */
export async function bundle({ dist, wasm }) {
  mkdirSync(dist, { recursive: true });
  const template = readFileSync(join(page, "index.html"), "utf8");
  const [script, worker] = await Promise.all([bundled("main.js"), bundled("worker.js")]);
  const { outputFiles } = await build({ entryPoints: [join(page, "style.css")], minify: true, write: false, loader: { ".css": "css" } });
  const style = outputFiles[0].text;
  writeFileSync(join(dist, "page.js"), script);
  writeFileSync(join(dist, "worker.js"), worker);
  writeFileSync(join(dist, "page.css"), style);
  writeFileSync(join(dist, "index.html"), filled(template, {
    policy: policy({ "script-src": "'self' 'wasm-unsafe-eval'", "worker-src": "blob:", "connect-src": "'self'", "style-src": "'self' 'nonce-page'" }),
    style: '<link rel="stylesheet" href="page.css">', data: "", script: '<script src="page.js"></script>',
  }));
  if (!wasm) return;
  // The end of a script element cannot stand in one.
  const inline = script.replace(/<\/(script)/gi, "<\\/$1").replace(/<!--/g, "<\\!--");
  // One form of the core is enough: both would make the file four times as large.
  const data = [block("data-worker", worker), block("data-engine", readFileSync(wasm))];
  writeFileSync(join(dist, "single.html"), filled(template, {
    policy: policy({ "script-src": `${hash(inline)} 'wasm-unsafe-eval' blob:`, "worker-src": "blob:", "style-src": "'nonce-page'" }),
    style: `<style nonce="page">${style}</style>`, data: data.join("\n"), script: `<script>${inline}</script>`,
  }));
}

/** Puts what a first visit loads beside itself, compressed, for hosts that serve such files; how many bytes that is. */
function compress(dist) {
  const loaded = ["index.html", "page.css", "page.js", "worker.js", "engine.wasm"].filter((name) => existsSync(join(dist, name)));
  const sizes = loaded.map((name) => {
    const bytes = readFileSync(join(dist, name));
    const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 24, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
    const packed = brotliCompressSync(bytes, { params });
    writeFileSync(join(dist, `${name}.br`), packed);
    return [name, packed.length];
  });
  for (const [name, size] of sizes) console.log(`${String(size).padStart(9)} ${name}.br`);
  return sizes.reduce((sum, [, size]) => sum + size, 0);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const dist = join(here, "dist");
  const wasm = join(dist, "engine.wasm");
  await bundle({ dist, wasm: existsSync(wasm) ? wasm : undefined });
  console.log(`${String(compress(dist)).padStart(9)} bytes are loaded at a first visit`);
}
