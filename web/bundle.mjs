// Makes the page: dist/index.html with its files, and dist/single.html with all in one.
// By itself (`node bundle.mjs`) it takes the engine that dist/ has, or makes a page that opens recorded runs only.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const page = join(here, "src/page");

/** Where the engine was not built. */
const noEngine = {
  name: "no-engine",
  setup(hooks) {
    hooks.onResolve({ filter: /^\.\.\/engine\.js$/ }, () => ({ path: "engine.js", namespace: "none" }));
    hooks.onLoad({ filter: /.*/, namespace: "none" }, () => ({
      contents: 'const none = () => { throw new Error("this page was built without the engine."); };\nexport { none as blocking, none as load };',
    }));
  },
};

async function bundled(entry, format, engine) {
  const { outputFiles } = await build({
    entryPoints: [join(page, entry)], bundle: true, minify: true, write: false, format, target: "es2022", legalComments: "none", charset: "utf8",
    plugins: engine ? [] : [noEngine],
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

/** Makes both pages in `dist`; `wasm` and `wasmAsyncify` are the paths of the engines there. */
export async function bundle({ dist, wasm, wasmAsyncify }) {
  mkdirSync(dist, { recursive: true });
  const engine = existsSync(join(here, "src/engine.js"));
  const template = readFileSync(join(page, "index.html"), "utf8");
  const [script, worker] = await Promise.all([bundled("main.js", "iife", engine), bundled("worker.js", "iife", engine)]);
  const { outputFiles } = await build({ entryPoints: [join(page, "style.css")], minify: true, write: false, loader: { ".css": "css" } });
  const style = outputFiles[0].text;
  writeFileSync(join(dist, "page.js"), script);
  writeFileSync(join(dist, "worker.js"), worker);
  writeFileSync(join(dist, "page.css"), style);
  writeFileSync(join(dist, "index.html"), filled(template, {
    policy: policy({ "script-src": "'self' 'wasm-unsafe-eval'", "worker-src": "blob:", "connect-src": "'self'", "style-src": "'self' 'nonce-page'" }),
    style: '<link rel="stylesheet" href="page.css">', data: "", script: '<script src="page.js"></script>',
  }));
  // The end of a script element cannot stand in one.
  const inline = script.replace(/<\/(script)/gi, "<\\/$1").replace(/<!--/g, "<\\!--");
  const data = [block("data-worker", worker)];
  // One form of the core is enough: both would make the file three times as large.
  if (wasm) data.push(block("data-engine", readFileSync(wasm)));
  else if (wasmAsyncify) data.push(block("data-engine-asyncify", readFileSync(wasmAsyncify)));
  writeFileSync(join(dist, "single.html"), filled(template, {
    policy: policy({ "script-src": `${hash(inline)} 'wasm-unsafe-eval' blob:`, "worker-src": "blob:", "style-src": "'nonce-page'" }),
    style: `<style nonce="page">${style}</style>`, data: data.join("\n"), script: `<script>${inline}</script>`,
  }));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const dist = join(here, "dist");
  const [wasm, wasmAsyncify] = ["engine.wasm", "engine-asyncify.wasm"].map((name) => join(dist, name)).map((path) => (existsSync(path) ? path : undefined));
  await bundle({ dist, wasm, wasmAsyncify });
}
