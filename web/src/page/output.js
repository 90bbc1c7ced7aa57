// What the script printed, line by line, and what it asks.

import { byId, cleanLines, el } from "./dom.js";

/** So many lines are in the page at once. */
const MOST = 1_500;

export class Output {
  constructor(root, app) {
    this.root = root;
    this.app = app;
    this.list = el("div", { class: "lines", role: "log", "aria-label": "Output", tabindex: 0 });
    this.note = el("p", { class: "faint" });
    this.form = el("form", { class: "ask", hidden: true },
      el("label", {}, "Reply (Enter alone takes the default) ", el("input", { id: "reply", autocomplete: "off" })), el("button", {}, "Enter"));
    this.form.addEventListener("submit", (event) => this.#reply(event));
    root.append(this.note, this.list, this.form);
    this.#listen();
    this.clear();
  }

  clear() {
    this.shown = 0;
    this.last = null;
    this.list.replaceChildren();
    this.note.textContent = "";
  }

  /** Adds what was printed since. */
  update() {
    const { lines } = this.app.run;
    const fresh = Math.min(lines.total - this.shown, MOST, lines.list.length);
    const atEnd = this.list.scrollTop + this.list.clientHeight >= this.list.scrollHeight - 30;
    // The last line may have gone on.
    if (this.last && !this.last.whole) this.#fill(this.last);
    const nodes = (fresh > 0 ? lines.list.slice(-fresh) : []).map((line) => this.#line(line));
    if (nodes.length >= MOST) this.list.replaceChildren(...nodes);
    else this.list.append(...nodes);
    this.shown = lines.total;
    while (this.list.childElementCount > MOST) this.list.firstElementChild.remove();
    const left = lines.total - this.list.childElementCount;
    this.root.classList.toggle("empty", lines.total === 0);
    this.note.textContent = lines.total === 0 && this.app.run.head ? "A recorded run has no output." : left > 0 ? `The last ${this.list.childElementCount} of ${lines.total.toLocaleString("en")} lines.` : "";
    if (atEnd) this.list.scrollTop = this.list.scrollHeight;
  }

  #line(line) {
    const node = el("div", { class: `line ${line.stream === "stderr" ? "note" : ""}` });
    this.last = { line, node };
    this.#fill(this.last);
    return node;
  }

  /** A line about a ping points at it, and chooses it; one that names a line of a script goes there. */
  #listen() {
    const seqOf = (event) => event.target.closest?.("[data-seq]")?.dataset.seq;
    this.list.addEventListener("click", (event) => {
      const place = this.app.place(event.target.closest?.("[data-place]")?.dataset.place);
      if (place) this.app.goTo(place);
      if (seqOf(event) !== undefined) this.app.chooseSeq(Number(seqOf(event)));
    });
    this.list.addEventListener("pointerover", (event) => {
      if (seqOf(event) === undefined) this.app.selection.point("probe", null);
      else this.app.pointSeq(Number(seqOf(event)));
    });
    this.list.addEventListener("pointerleave", () => this.app.selection.point("probe", null));
  }

  #fill(last) {
    const { line, node } = last;
    node.textContent = line.text === "" ? "\u00a0" : cleanLines(line.text);
    last.whole = line.ended;
    const seq = seqIn(line.text);
    if (seq !== null) node.dataset.seq = seq;
    const place = /[\w./-]+\.rhai:\d+/.exec(line.text);
    if (place) node.dataset.place = place[0];
  }

  /** Marks the lines of the ping that is chosen or pointed at. */
  mark() {
    const seq = this.app.seq(this.app.selection.marked);
    for (const node of this.list.querySelectorAll(".marked")) node.classList.remove("marked");
    if (seq === null) return;
    const lines = [...this.list.querySelectorAll(`[data-seq="${Number(seq)}"]`)];
    for (const node of lines) node.classList.add("marked");
    // What is chosen comes into view; what is only pointed at leaves the list where it is.
    if (!this.app.selection.pointed && lines[0]) this.list.scrollTop = lines[0].offsetTop - this.list.offsetTop - this.list.clientHeight / 3;
  }

  /** Asks for a line; null where the reader ends the input. */
  ask() {
    this.form.hidden = false;
    byId("reply").focus();
    return new Promise((resolve) => { this.resolve = resolve; });
  }

  /** Takes the question back: the run has ended. */
  endAsking() {
    this.form.hidden = true;
    this.resolve = null;
  }

  #reply(event) {
    event.preventDefault();
    const input = byId("reply");
    const { resolve } = this;
    this.endAsking();
    resolve?.(input.value);
    input.value = "";
  }
}

/** The number of the ping that a line is about, or null. */
function seqIn(text) {
  const found = /\b(?:ping|packet|seq)\s+(\d{1,9})\b/i.exec(text);
  return found ? Number(found[1]) : null;
}
