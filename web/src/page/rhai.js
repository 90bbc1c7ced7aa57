// The colours of Rhai. The same words as in editors/vscode/syntaxes/rhai.tmLanguage.json.

import { HighlightStyle, StreamLanguage, syntaxHighlighting } from "@codemirror/language";
import { tags } from "@lezer/highlight";

const CONTROL = new Set("if else for in while loop do until switch return break continue throw try catch import export as".split(" "));
const DECLARE = new Set(["let", "const", "fn", "private"]);
const ATOMS = new Set(["true", "false", "this", "global"]);

/** What is open: the depth of a block comment, a text in back-ticks, and of each `${` in it how many braces are open. */
function startState() {
  return { comment: 0, backtick: false, holes: [] };
}

function token(stream, state) {
  if (state.comment > 0) return blockComment(stream, state);
  if (state.backtick) return backtick(stream, state);
  if (stream.eatSpace()) return null;
  if (stream.match("//")) {
    const doc = stream.peek() === "!" || stream.peek() === "/";
    stream.skipToEnd();
    return doc ? "docComment" : "comment";
  }
  if (stream.match("/*")) {
    state.comment = 1;
    return blockComment(stream, state);
  }
  if (stream.match(/^"(\\.|[^"\\])*("|$)/) || stream.match(/^'(\\[^']+|[^'\\])'/)) return "string";
  if (stream.eat("`")) {
    state.backtick = true;
    return backtick(stream, state);
  }
  if (stream.match(/^(0[xX][0-9A-Fa-f_]+|0[oO][0-7_]+|0[bB][01_]+|[0-9][0-9_]*(\.[0-9][0-9_]*)?([eE][+-]?[0-9]+)?)/)) return "number";
  const word = stream.match(/^[A-Za-z_]\w*/);
  if (word) return kindOfWord(word[0], stream);
  return symbol(stream, state);
}

function kindOfWord(word, stream) {
  if (CONTROL.has(word)) return "controlKeyword";
  if (DECLARE.has(word)) return "definitionKeyword";
  if (ATOMS.has(word)) return "atom";
  if (stream.match("::", false)) return "namespace";
  if (stream.match(/^\s*\(/, false)) return "function";
  if (/^[A-Z][A-Z0-9_]+$/.test(word)) return "constant";
  return "variableName";
}

function symbol(stream, state) {
  const c = stream.next();
  const hole = state.holes.length - 1;
  if (c === "{" && hole >= 0) state.holes[hole] += 1;
  if (c === "}" && hole >= 0) {
    if (state.holes[hole] === 0) {
      state.holes.pop();
      state.backtick = true;
      return "string";
    }
    state.holes[hole] -= 1;
  }
  return /[-+*/%&|^<>!=?]/.test(c) ? "operator" : null;
}

function blockComment(stream, state) {
  while (!stream.eol()) {
    if (stream.match("*/")) {
      state.comment -= 1;
      if (state.comment === 0) break;
    } else if (stream.match("/*")) state.comment += 1;
    else stream.next();
  }
  return "comment";
}

function backtick(stream, state) {
  while (!stream.eol()) {
    if (stream.match("${")) {
      state.holes.push(0);
      state.backtick = false;
      break;
    }
    if (stream.next() === "`") {
      state.backtick = false;
      break;
    }
  }
  return "string";
}

/** The language. */
export const rhai = StreamLanguage.define({
  name: "rhai",
  startState,
  copyState: (state) => ({ ...state, holes: [...state.holes] }),
  token,
  languageData: { commentTokens: { line: "//", block: { open: "/*", close: "*/" } }, closeBrackets: { brackets: ["(", "[", "{", '"', "`"] } },
  tokenTable: { function: tags.function(tags.variableName), constant: tags.constant(tags.variableName), docComment: tags.docComment },
});

/** Its colours, from the variables of the page. */
export const colours = syntaxHighlighting(HighlightStyle.define([
  { tag: tags.comment, color: "var(--faint)", fontStyle: "italic" },
  { tag: tags.docComment, color: "var(--faint)" },
  { tag: tags.string, color: "var(--s2)" },
  { tag: tags.number, color: "var(--s1)" },
  { tag: [tags.controlKeyword, tags.definitionKeyword, tags.atom], color: "var(--s3)" },
  { tag: [tags.function(tags.variableName)], color: "var(--s0)" },
  { tag: [tags.namespace, tags.constant(tags.variableName)], color: "var(--s4)" },
]));
