// Rows of a run (docs/rows.md) as values. Times since 1970 have 19 digits, more than a number of JavaScript holds: they become
// nanoseconds since the start of the run.

const TIMES = /"(time_ns|arrival_ns|lost_ns)":(-?\d{16,})/g;

/** Reads lines of rows; remembers when the run began. */
export class RowReader {
  start = null;

  /** The row of a line, or null if the line is none. */
  read(line) {
    let row;
    try {
      row = JSON.parse(line.replace(TIMES, '"$1":"$2"'));
    } catch {
      return null;
    }
    if (row === null || typeof row !== "object" || typeof row.type !== "string") return null;
    for (const key of ["time_ns", "arrival_ns", "lost_ns"]) {
      if (row[key] !== undefined && row[key] !== null) row[key] = this.#since(row[key]);
    }
    return row;
  }

  #since(time) {
    if (!/^-?\d{1,19}$/.test(String(time))) return null;
    const exact = BigInt(time);
    this.start ??= exact;
    return Number(exact - this.start);
  }
}

/** The address and the port of `10.0.0.1:80` or `[::1]:80`. */
export function split(address) {
  const text = String(address);
  const at = text.lastIndexOf(":");
  return at < 0 ? [text, 0] : [text.slice(0, at).replace(/^\[|\]$/g, ""), Number(text.slice(at + 1)) || 0];
}
