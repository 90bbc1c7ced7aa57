// A server of files for the tests.

import { existsSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

export const web = dirname(dirname(fileURLToPath(import.meta.url)));
export const dist = join(web, "dist");

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css", ".wasm": "application/wasm" };

/** Serves dist/ as any static host does; `{ url, asked, close }`. `others`: texts by their path, or functions for what is sent there. */
export async function serve(others = {}) {
  const asked = [];
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    asked.push(pathname);
    const other = others[pathname];
    if (typeof other === "function") {
      const parts = [];
      for await (const part of request) parts.push(part);
      other(Buffer.concat(parts).toString());
      response.writeHead(204).end();
      return;
    }
    const path = join(dist, normalize(pathname === "/" ? "/index.html" : pathname));
    if (other === undefined && (!path.startsWith(dist) || !existsSync(path) || !statSync(path).isFile())) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { "content-type": TYPES[extname(path)] ?? "text/plain" }).end(other ?? readFileSync(path));
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  return { url: `http://127.0.0.1:${server.address().port}/`, asked, close: () => server.close() };
}
