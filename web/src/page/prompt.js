// The prompt: lines of script, entered one by one into a run that goes on. Tab completes, the arrow keys find earlier entries.

import { announce, el } from "./dom.js";

/** So many completions are shown. */
const MOST = 40;

export class Prompt {
  #resolve = null;
  #entries = [];
  /** Which earlier entry is shown; as many as there are: the one that is being typed. */
  #at = 0;
  #draft = "";

  /** `complete(text, offset)` gives what may stand there. */
  constructor(root, { complete }) {
    this.complete = complete;
    this.input = el("textarea", { id: "entry", rows: 1, autocomplete: "off", spellcheck: "false", autocapitalize: "off" });
    this.choices = el("p", { class: "faint", role: "status" });
    this.form = el("form", { class: "prompt", hidden: true },
      el("label", { for: "entry" }, "Entry (Shift+Enter: another line; Tab completes; Ctrl+D leaves)"),
      el("div", { class: "entry" }, el("span", { "aria-hidden": "true" }, ">"), this.input, el("button", {}, "Enter")), this.choices);
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#enter();
    });
    this.input.addEventListener("keydown", (event) => this.#key(event));
    this.input.addEventListener("input", () => this.#grow());
    root.append(this.form);
  }

  /** Whether an entry is waited for. */
  get waits() {
    return this.#resolve !== null;
  }

  /** A session without earlier entries. */
  restart() {
    this.#entries = [];
    this.#at = 0;
  }

  /** Asks for an entry; null: there are no more. */
  ask() {
    this.form.hidden = false;
    this.input.focus();
    return new Promise((resolve) => { this.#resolve = resolve; });
  }

  /** Takes the question back: the session has ended. */
  end() {
    this.form.hidden = true;
    this.#answer(null);
  }

  #answer(text) {
    const resolve = this.#resolve;
    this.#resolve = null;
    this.choices.textContent = "";
    resolve?.(text);
  }

  #enter() {
    if (!this.waits) return;
    const text = this.input.value;
    if (text.trim() !== "" && this.#entries.at(-1) !== text) this.#entries.push(text);
    this.#at = this.#entries.length;
    this.#draft = "";
    this.#fill("");
    this.#answer(text);
  }

  #key(event) {
    const { key, shiftKey, ctrlKey } = event;
    const [before, after] = [this.input.value.slice(0, this.input.selectionStart), this.input.value.slice(this.input.selectionEnd)];
    if (key === "Enter" && !shiftKey) this.#enter();
    else if (key === "d" && ctrlKey && this.input.value === "") this.end();
    else if (key === "ArrowUp" && !before.includes("\n")) this.#show(this.#at - 1);
    else if (key === "ArrowDown" && !after.includes("\n")) this.#show(this.#at + 1);
    else if (key === "Tab" && !shiftKey && /\S$/.test(before)) this.#completed(before, after);
    else return;
    event.preventDefault();
  }

  /** Shows an earlier entry. */
  #show(at) {
    if (at < 0 || at > this.#entries.length) return;
    if (this.#at === this.#entries.length) this.#draft = this.input.value;
    this.#at = at;
    this.#fill(this.#entries[at] ?? this.#draft);
  }

  /** Completes the word before the cursor, as far as there is one way to; names of earlier entries are known. */
  async #completed(before, after) {
    const earlier = this.#entries.filter((entry) => !entry.startsWith(":")).map((entry) => `${entry}\n`).join("");
    const offset = earlier.length + before.length;
    const found = await this.complete(earlier + before, offset);
    if (found.length === 0 || this.input.value !== before + after) return;
    const from = Math.min(...found.map((one) => one.from)) - earlier.length;
    const words = found.map(({ insert, label }) => insert ?? label);
    const common = words.reduce((kept, word) => {
      let length = 0;
      while (length < kept.length && kept[length] === word[length]) length += 1;
      return kept.slice(0, length);
    });
    const typed = before.slice(from);
    if (common.length > typed.length) this.#fill(before.slice(0, from) + common, after);
    const more = words.length > MOST ? ` … ${words.length - MOST} more` : "";
    this.choices.textContent = words.length > 1 ? words.slice(0, MOST).join("  ") + more : "";
    announce(words.length > 1 ? `${words.length} completions` : words[0]);
  }

  #fill(text, after = "") {
    this.input.value = text + after;
    this.input.setSelectionRange(text.length, text.length);
    this.#grow();
  }

  #grow() {
    this.input.rows = Math.min(12, this.input.value.split("\n").length);
  }
}
