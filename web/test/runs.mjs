// Runs of the engine, for comparisons with the program: in node, and in browsers.

// Those that end by themselves.
const PINGERS = ["udp_ping", "tcp_ping", "icmp_ping", "traceroute", "sweep", "pmtu", "udp_load"];

/** The shipped scripts that are compared. */
export const scriptsOf = (engine) => [...PINGERS, ...engine.library().filter(({ kind }) => kind === "lab").map(({ name }) => name)];

/** How long a run took is each one's own. */
export const timeless = (text) => text.replace(/(^|\n)simulated: .*\n$/, "$1");

/** What a script prints, its exit code, and its rows with frames. */
export async function runInEngine(engine, script, seed) {
  const parts = { out: [], err: [], rows: [] };
  const files = {
    read: () => null, isDirectory: (name) => name === "" || name === "/", create: () => true,
    write: (_, bytes) => parts.rows.push(bytes),
  };
  const onBytes = (fd, bytes) => parts[fd === 1 ? "out" : "err"].push(bytes);
  const { code } = await engine.start({ script, seed, frames: true, json: "rows.jsonl", files, onBytes }).finished;
  const [out, err, rows] = await Promise.all([parts.out, parts.err, parts.rows].map((list) => new Blob(list).text()));
  return { out, err: timeless(err), code, rows };
}

/** The digest of a run, as everywhere. */
export async function digest(run) {
  const bytes = new TextEncoder().encode(JSON.stringify([run.out, run.err, run.code, run.rows]));
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(hash.slice(0, 8), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
