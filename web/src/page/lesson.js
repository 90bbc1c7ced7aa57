// What the header of a script says: what it asks before a run, and what it explains after it.

import { clean, el } from "./dom.js";
import { declared } from "./options.js";

/** The header of a script: `{ title, Predict, Explain, Remember, … }`. */
export function header(text) {
  const lines = [];
  for (const line of text.split("\n")) {
    if (!line.startsWith("//!")) break;
    lines.push(line.slice(3).replace(/^ /, ""));
  }
  const parts = { title: "" };
  let key = "title";
  for (const line of lines) {
    const found = /^([A-Z]\w+):\s+(.*)$/.exec(line);
    // The first paragraph is the title, also where it has a colon.
    if (found && key !== "title") {
      key = found[1];
      parts[key] = found[2];
    } else if (line.trim() === "") key = key === "title" ? "more" : key;
    else parts[key] = `${parts[key] ?? ""} ${line.trim()}`.trim();
  }
  return parts;
}

/** The text with the values of the options in it: `{loss}` is 0.1. */
function filled(text, options) {
  return text.replace(/\{([\w-]+)\}/g, (all, name) => options.find((option) => option.name === name)?.value ?? all);
}

/** The card of a script: before a run what it asks, after it what it explains. */
export function card(script, options, { explains, prediction, onPredict }) {
  const parts = header(script);
  const text = (key) => (parts[key] ? filled(parts[key], options) : null);
  const nodes = [el("p", { class: "title" }, clean(parts.title))];
  if (parts.Predict) {
    const field = el("textarea", { rows: 2, id: "prediction", oninput: (event) => onPredict(event.target.value) });
    field.value = prediction;
    nodes.push(section("Predict", text("Predict")), el("label", { class: "predict" }, "What do you expect? ", field));
  }
  if (parts.Explain && explains) nodes.push(section("Explain", text("Explain")));
  if (parts.Remember && explains) nodes.push(section("Remember", text("Remember")));
  if (parts.Explain && !explains) nodes.push(el("p", { class: "faint" }, "The explanation comes after the run."));
  if (!parts.Predict && parts.Usage) nodes.push(el("p", { class: "faint" }, clean(parts.Usage)));
  return nodes;
}

function section(name, text) {
  return el("p", {}, el("strong", {}, `${name}: `), clean(text));
}

/** The options of a script with the values that the arguments give them. */
export function valued(script, args) {
  return declared(script).map((option) => {
    const at = args.indexOf(`--${option.name}`);
    return { ...option, value: at >= 0 && option.kind !== "flag" ? (args[at + 1] ?? option.default) : option.default };
  });
}
