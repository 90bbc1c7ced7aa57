// The editor of one run's scripts: a tab for each.

import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { bracketMatching, indentUnit } from "@codemirror/language";
import { forceLinting, linter, lintGutter, lintKeymap } from "@codemirror/lint";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { EditorState, RangeSetBuilder, StateEffect, StateField } from "@codemirror/state";
import { Decoration, drawSelection, EditorView, highlightActiveLine, hoverTooltip, keymap, lineNumbers, WidgetType } from "@codemirror/view";
import { clean, el } from "./dom.js";
import { colours, rhai } from "./rhai.js";

/** What is shown at lines: `{ marked: line | null, counts: Map line -> text }`. */
const setMarks = StateEffect.define();

class Note extends WidgetType {
  constructor(text) {
    super();
    this.text = text;
  }

  eq(other) {
    return other.text === this.text;
  }

  toDOM() {
    return el("span", { class: "line-note" }, this.text);
  }
}

const marks = StateField.define({
  create: () => Decoration.none,
  update(value, transaction) {
    for (const effect of transaction.effects) if (effect.is(setMarks)) return decorations(transaction.state.doc, effect.value);
    // A line that is edited is another one.
    return transaction.docChanged ? value.map(transaction.changes) : value;
  },
  provide: (field) => EditorView.decorations.from(field),
});

function decorations(doc, { marked, counts }) {
  const builder = new RangeSetBuilder();
  const lines = new Set([...counts.keys(), ...(marked ? [marked] : [])]);
  for (const number of [...lines].sort((a, b) => a - b)) {
    if (number < 1 || number > doc.lines) continue;
    const line = doc.line(number);
    if (number === marked) builder.add(line.from, line.from, Decoration.line({ class: "marked-line" }));
    if (counts.has(number)) builder.add(line.to, line.to, Decoration.widget({ widget: new Note(counts.get(number)), side: 1 }));
  }
  return builder.finish();
}

/** The policy of the page lets styles in by it. */
const nonce = EditorView.cspNonce.of("page");

export class Editor {
  /** `language`: `{ check(name, text), complete(text, offset), hover(text, offset) }`, all promises. */
  constructor({ root, tabs, problems, language, onEdit }) {
    this.tabs = tabs;
    this.problems = problems;
    this.language = language;
    this.onEdit = onEdit;
    this.files = new Map();
    this.seen = new Set();
    this.current = null;
    this.view = new EditorView({ parent: root, extensions: [nonce] });
    tabs.addEventListener("keydown", (event) => this.#tabKey(event));
  }

  /** Opens these scripts, `{ name: text }`, the first one shown. */
  open(files) {
    this.files = new Map(Object.entries(files).map(([name, text]) => [name, this.#state(name, text)]));
    this.current = null;
    this.seen = new Set();
    this.show(this.files.keys().next().value);
  }

  /** Adds scripts that are not open yet. */
  add(files) {
    for (const [name, text] of Object.entries(files)) if (!this.files.has(name)) this.files.set(name, this.#state(name, text));
    this.#drawTabs();
  }

  /** The scripts as they are: `{ name: text }`. */
  get texts() {
    this.#keep();
    return Object.fromEntries([...this.files].map(([name, state]) => [name, state.doc.toString()]));
  }

  show(name) {
    if (!this.files.has(name) || name === this.current) return;
    this.#keep();
    this.current = name;
    this.view.setState(this.files.get(name));
    this.#drawTabs();
    if (!this.seen.has(name)) this.#skipHeader();
    this.seen.add(name);
    this.check();
  }

  /** Goes to a line. */
  goTo({ name, line }) {
    this.show(name);
    const { doc } = this.view.state;
    const at = doc.line(Math.max(1, Math.min(line, doc.lines)));
    this.view.dispatch({ selection: { anchor: at.from }, effects: EditorView.scrollIntoView(at.from, { y: "center" }) });
    this.view.focus();
  }

  /** Marks a line of the script that is shown, and says what lines have decided. */
  mark(markedPlace, countsOf) {
    const marked = markedPlace?.name === this.current ? markedPlace.line : null;
    this.view.dispatch({ effects: setMarks.of({ marked, counts: countsOf(this.current) }) });
  }

  check() {
    forceLinting(this.view);
  }

  /** Begins below the header, which the page shows in its own way, the explanation after the run. */
  #skipHeader() {
    const { doc } = this.view.state;
    let line = 1;
    while (line < doc.lines && doc.line(line).text.startsWith("//!")) line += 1;
    const at = doc.line(line).from;
    this.view.dispatch({ selection: { anchor: at }, effects: EditorView.scrollIntoView(at, { y: "start", yMargin: 0 }) });
  }

  #keep() {
    if (this.current !== null && this.files.has(this.current)) this.files.set(this.current, this.view.state);
  }

  #state(name, text) {
    return EditorState.create({
      doc: text,
      extensions: [
        lineNumbers(), lintGutter(), history(), drawSelection(), bracketMatching(), closeBrackets(), highlightActiveLine(),
        highlightSelectionMatches(), indentUnit.of("    "), EditorView.lineWrapping, rhai, colours, marks,
        nonce,
        EditorView.contentAttributes.of({ "aria-label": `Script ${name}. Escape, then Tab leaves the editor.`, spellcheck: "false" }),
        autocompletion({ override: [(context) => this.#complete(context)] }),
        hoverTooltip((view, at) => this.#hover(view, at)),
        linter((view) => this.#lint(name, view), { delay: 250 }),
        keymap.of([...closeBracketsKeymap, ...completionKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap, ...lintKeymap, indentWithTab]),
        EditorView.updateListener.of((update) => update.docChanged && this.onEdit(name)),
      ],
    });
  }

  async #lint(name, view) {
    const found = await this.language.check(name, view.state.doc.toString());
    if (name === this.current) this.#drawProblems(name, found);
    const { doc } = view.state;
    return found.map(({ line, column, end_line: endLine, end_column: endColumn, message, hint, severity }) => {
      const from = at(doc, line, column);
      const to = endLine ? at(doc, endLine, endColumn) : from;
      return { from, to: Math.max(to, Math.min(from + 1, doc.length)), severity: severity === "warning" ? "warning" : "error", message, renderMessage: () => problem(message, hint) };
    });
  }

  #drawProblems(name, found) {
    this.problems.replaceChildren(...found.slice(0, 20).map((one) => el("li", { class: one.severity },
      el("button", { type: "button", class: "as-link", onclick: () => this.goTo({ name, line: one.line }) }, `${clean(name)}:${one.line}`),
      " ", problem(one.message, one.hint))));
  }

  async #complete(context) {
    const word = context.matchBefore(/[\w.:]*$/);
    if (!context.explicit && !/(\w\w|[.:])$/.test(word?.text ?? "")) return null;
    const text = context.state.doc.toString();
    const found = await this.language.complete(text, context.pos);
    if (context.aborted || found.length === 0) return null;
    const [{ from }] = found;
    // What is said of a name is asked for when it is looked at: of the text as it would be.
    const about = async (label) => explained(await this.language.hover(text.slice(0, from) + label + text.slice(context.pos), from + 1));
    return {
      from,
      validFor: /^\w*$/,
      options: found.map(({ label, insert, kind }) => ({ label, apply: insert ?? label, type: kind, info: () => about(label) })),
    };
  }

  async #hover(view, pos) {
    const said = await this.language.hover(view.state.doc.toString(), pos);
    return said ? { pos, above: true, create: () => ({ dom: explained(said) }) } : null;
  }

  #drawTabs() {
    this.tabs.replaceChildren(...[...this.files.keys()].map((name) => el("button", {
      type: "button", role: "tab", id: `tab-${name}`, "aria-selected": String(name === this.current), "aria-controls": "editor",
      tabindex: name === this.current ? 0 : -1, onclick: () => this.show(name),
    }, clean(name))));
  }

  #tabKey(event) {
    const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!move) return;
    const names = [...this.files.keys()];
    this.show(names[(names.indexOf(this.current) + move + names.length) % names.length]);
    this.tabs.querySelector('[aria-selected="true"]').focus();
  }
}

/** What the language server says, in Markdown: code in its own letters, the rest as text. */
function explained(markdown) {
  if (!markdown) return null;
  const parts = markdown.split(/^```\w*$/m);
  return el("div", { class: "doc" }, ...parts.map((part, at) => el(at % 2 === 1 ? "pre" : "p", {}, part.trim())));
}

/** A message with its hints. */
function problem(message, hint) {
  const hints = (Array.isArray(hint) ? hint : String(hint ?? "").split("\n")).filter(Boolean);
  return el("span", { class: "problem" }, clean(message), ...hints.map((line) => el("span", { class: "hint" }, `Hint: ${clean(line)}`)));
}

/** The place of a line and a column, both from 1, columns in characters. */
function at(doc, lineNumber, column) {
  const line = doc.line(Math.max(1, Math.min(lineNumber || 1, doc.lines)));
  const before = [...line.text].slice(0, Math.max(0, (column || 1) - 1)).join("");
  return line.from + before.length;
}
