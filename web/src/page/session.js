// The scripts of a run: which one was chosen, and which others it names.

const GROUPS = [["script", "Pingers and servers"], ["lab", "Labs"], ["example", "Examples"], ["assignment", "Assignments"], ["policy", "Policies"]];

export class Library {
  /** `entries`: `[{ name, kind, text }]`, as the engine has them. */
  constructor(entries) {
    this.entries = entries.map(({ name, kind, text }) => ({ name: name.replace(/\.rhai$/, ""), kind: name.startsWith("assignments/") ? "assignment" : kind, text }));
  }

  /** For the list to choose from: `[[title, names]]`. */
  get groups() {
    const kinds = new Map(GROUPS);
    const groups = new Map(GROUPS.map(([, title]) => [title, []]));
    for (const { name, kind } of this.entries) {
      const title = kinds.get(kind) ?? "Others";
      if (!groups.has(title)) groups.set(title, []);
      groups.get(title).push(name);
    }
    return [...groups].filter(([, names]) => names.length > 0);
  }

  /** The entry of this name, with or without its directory and ending. */
  find(name) {
    if (name === "") return null;
    const plain = name.replace(/^\.?\//, "").replace(/^scripts\//, "").replace(/\.rhai$/, "");
    return this.entries.find((entry) => entry.name === plain) ?? this.entries.find((entry) => entry.name.split("/").pop() === plain.split("/").pop()) ?? null;
  }

  /** The scripts that a text starts or imports, and those that they name: `{ file name: text }`. */
  named(text, found = {}) {
    for (const [, name] of text.replace(/^\s*\/\/.*$/gm, "").matchAll(/"([\w./-]+\.rhai)"/g)) {
      const entry = this.find(name);
      if (!entry || name in found) continue;
      found[name] = entry.text;
      this.named(entry.text, found);
    }
    return found;
  }

  /** All files of a run of this script. */
  filesOf(name) {
    const entry = this.find(name);
    return entry ? { [`${entry.name}.rhai`]: entry.text, ...this.named(entry.text) } : null;
  }
}
