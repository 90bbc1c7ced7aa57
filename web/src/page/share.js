// A run in a link: scripts, arguments and seed, compressed, in the fragment, which no browser sends anywhere.

const MOST_BYTES = 1_000_000;

async function through(bytes, stream, most) {
  const reader = new Blob([bytes]).stream().pipeThrough(stream).getReader();
  const parts = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.length;
    if (size > most) {
      await reader.cancel();
      throw new Error("The link holds more than 1 MB of scripts.");
    }
    parts.push(value);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/** The fragment for a run: `{ script, files, args, seed, changes }`. */
export async function toFragment(run) {
  const text = new TextEncoder().encode(JSON.stringify({ v: 1, ...run }));
  const packed = await through(text, new CompressionStream("deflate-raw"), Infinity);
  const binary = Array.from(packed, (byte) => String.fromCharCode(byte)).join("");
  return `#run=${btoa(binary).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "")}`;
}

/**
 * What a fragment asks for: a whole run (`#run=…`), or a shipped script (`#script=labs/tcp_loss&seed=7&args=--loss 0.2`); null
 * without one; or recorded runs beside the page (`#recorded=run.jsonl`). Throws with a sentence where it cannot be read.
 */
export async function fromFragment(fragment) {
  const given = new URLSearchParams(fragment.replace(/^#/, "").replace(/\+/g, "%2B"));
  if (given.has("script")) return { script: given.get("script"), args: given.get("args") ?? "", seed: given.get("seed") ?? "", changes: given.getAll("change"), files: null, view: given.get("view") };
  if (given.has("recorded")) return { recorded: given.getAll("recorded") };
  if (!given.has("run")) return null;
  let run;
  try {
    const binary = atob(given.get("run").replace(/-/g, "+").replace(/_/g, "/"));
    const bytes = Uint8Array.from(binary, (c) => c.charCodeAt(0));
    run = JSON.parse(new TextDecoder().decode(await through(bytes, new DecompressionStream("deflate-raw"), MOST_BYTES)));
  } catch (error) {
    throw new Error(`The link cannot be read: it may be cut short. ${error.message}`);
  }
  return { ...checked(run), view: given.get("view") };
}

/** Only what has the form of a run gets in. */
function checked(run) {
  const files = run?.files;
  const texts = files && typeof files === "object" && !Array.isArray(files) ? Object.entries(files) : [];
  const changes = run?.changes ?? [];
  const good = Array.isArray(changes) && changes.length <= 1_000 && changes.every((change) => typeof change === "string") && run?.v === 1 && typeof run.script === "string" && typeof run.args === "string" && typeof run.seed === "string"
    && texts.length > 0 && texts.length <= 50 && texts.every(([name, text]) => isName(name) && typeof text === "string") && Object.hasOwn(files, run.script);
  if (!good) throw new Error("The link holds no run that this page knows.");
  return { script: run.script, args: run.args, seed: run.seed, changes, files: Object.fromEntries(texts) };
}

/** The name of a script: a relative path without `..`. */
function isName(name) {
  return name.length <= 200 && !name.startsWith("/") && !name.split("/").includes("..");
}
