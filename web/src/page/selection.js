// What is chosen and what is pointed at: one value that all pictures mark.

/** `{ kind: "frame" | "node" | "link" | "probe", value }` or null. */
export class Selection {
  chosen = null;
  pointed = null;
  #listeners = [];

  onChange(listener) {
    this.#listeners.push(listener);
  }

  choose(kind, value) {
    this.chosen = value === null ? null : { kind, value };
    this.pointed = null;
    this.#tell();
  }

  point(kind, value) {
    if (this.pointed?.value === value || (!this.pointed && value === null)) return;
    this.pointed = value === null ? null : { kind, value };
    this.#tell();
  }

  clear() {
    this.chosen = null;
    this.pointed = null;
    this.#tell();
  }

  /** What is to be marked: what is pointed at, or else what is chosen. */
  get marked() {
    return this.pointed ?? this.chosen;
  }

  /** Whether this one is marked. */
  marks(kind, value) {
    return this.marked?.kind === kind && this.marked.value === value;
  }

  #tell() {
    for (const listener of this.#listeners) listener();
  }
}
