// Runs that were recorded elsewhere with `pingscript --json FILE --frames …`.

/** A file larger than this is read to its first so many bytes. */
const MOST_BYTES = 400_000_000;

/** Gives the lines of a file in batches, without the whole of it in memory. */
export async function readLines(file, onLines) {
  const decoder = new TextDecoder();
  const reader = file.stream().getReader();
  let rest = "";
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (value) {
      size += value.length;
      rest += decoder.decode(value, { stream: true });
      const lines = rest.split("\n");
      rest = lines.pop();
      await onLines(lines);
    }
    if (done || size >= MOST_BYTES) break;
  }
  if (rest) await onLines([rest]);
  return size < MOST_BYTES;
}

/** A recorded run that lies beside the page, as a file. */
export async function fetched(name) {
  const url = new URL(name, location.href);
  if (url.origin !== location.origin) throw new Error("A recorded run is opened from where the page is, or from a file.");
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${name} is not there (${response.status}).`);
  return { name, stream: () => response.body };
}

/** Whether these lines are rows: the first one says what wrote them. */
export function areRows(lines) {
  return /^\s*\{.*"type":"/.test(lines.find((line) => line.trim() !== "") ?? "");
}
