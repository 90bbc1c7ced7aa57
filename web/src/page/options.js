// What a script declares as options, as fields: a slider where a range is given. The arguments are the one place where values are.

import { el } from "./dom.js";

const CALL = /\b(option|ask|flag)\(\s*"([\w-]+)"\s*,\s*/g;

/** The options that a script declares: `[{ kind, name, default, help, least, most, choices }]`. */
export function declared(text) {
  const found = [];
  const code = text.replace(/^\s*\/\/.*$/gm, "");
  for (const match of code.matchAll(CALL)) {
    const [, kind, name] = match;
    const rest = code.slice(match.index + match[0].length);
    const value = kind === "flag" ? null : /^("(?:\\.|[^"\\])*"|[^,"]+?)\s*,\s*/.exec(rest);
    if (kind !== "flag" && !value) continue;
    const help = /^"((?:\\.|[^"\\])*)"\s*\)/.exec(rest.slice(value ? value[0].length : 0));
    if (!help) continue;
    const after = rest.slice((value ? value[0].length : 0) + help[0].length, rest.length);
    const methods = /^(\s*\.\w+\([^()]*\))*/.exec(after)[0];
    found.push({
      kind, name, help: unquoted(help[1]), default: value ? plain(value[1]) : "false",
      least: argument(methods, "at_least"), most: argument(methods, "at_most"),
      choices: [...(/\.choices\(\[([^\]]*)\]\)/.exec(methods)?.[1] ?? "").matchAll(/"((?:\\.|[^"\\])*)"/g)].map((one) => unquoted(one[1])),
    });
  }
  return found;
}

function argument(methods, name) {
  const found = new RegExp(`\\.${name}\\(([^()]*)\\)`).exec(methods);
  return found ? plain(found[1]) : null;
}

function unquoted(text) {
  return text.replace(/\\(.)/g, "$1");
}

/** A value as it is typed on the command line: 1.s is 1s, 65_507 is 65507. */
function plain(value) {
  const text = value.trim();
  if (text.startsWith('"')) return unquoted(text.slice(1, -1));
  return text.replace(/_/g, "").replace(/\.(ns|us|ms|s|min|h)$/, "$1");
}

/** The words of a command line; quotes hold blanks together. */
export function words(line) {
  return [...line.matchAll(/"((?:\\.|[^"\\])*)"|'([^']*)'|(\S+)/g)].map(([, double, single, bare]) => bare ?? single ?? unquoted(double));
}

/** Words as a command line, in quotes where a shell needs them. */
export function line(list) {
  return list.map((word) => (/^[\w@%+=:,./*[\]-]+$/.test(word) ? word : `'${word.replace(/'/g, "'\\''")}'`)).join(" ");
}

/** The value of an option among the arguments, or null. */
function given(args, { name, kind }) {
  for (let i = 0; i < args.length; i += 1) {
    if (args[i] === `--${name}`) return kind === "flag" ? "true" : (args[i + 1] ?? "");
    if (args[i].startsWith(`--${name}=`)) return args[i].slice(name.length + 3);
  }
  return null;
}

/** The arguments with another value of this option; its default is left out. */
function replaced(args, option, value) {
  const rest = [];
  for (let i = 0; i < args.length; i += 1) {
    if (args[i] === `--${option.name}`) i += option.kind === "flag" ? 0 : 1;
    else if (!args[i].startsWith(`--${option.name}=`)) rest.push(args[i]);
  }
  if (value === option.default) return rest;
  return option.kind === "flag" ? [...rest, `--${option.name}`] : [...rest, `--${option.name}`, value];
}

/** The value as number and unit, where it has that form. */
function measured(text) {
  const found = /^(-?\d+(?:\.\d+)?)(ns|us|ms|s|min|h)?$/.exec(text);
  return found ? { number: Number(found[1]), unit: found[2] ?? "" } : null;
}

/** Fields for `options`; `args` is the input with the arguments; `onChange` is called when a field has changed it. */
export function fields(options, args, onChange) {
  return options.map((option) => {
    const value = given(words(args.value), option) ?? option.default;
    const set = (next) => {
      args.value = line(replaced(words(args.value), option, next));
      onChange();
    };
    return el("div", { class: "option" }, el("label", { for: `option-${option.name}` }, `--${option.name}`),
      el("span", { class: "inputs" }, ...inputs(option, value, set)), el("span", { class: "faint help" }, option.help));
  });
}

function inputs(option, value, set) {
  const id = `option-${option.name}`;
  if (option.kind === "flag" || option.default === "true" || option.default === "false") {
    const box = el("input", { id, type: "checkbox", onchange: (event) => set(String(event.target.checked)) });
    box.checked = value === "true";
    return [box];
  }
  if (option.choices.length > 0) {
    const list = el("select", { id, onchange: (event) => set(event.target.value) }, ...option.choices.map((choice) => el("option", { value: choice }, choice || "(none)")));
    list.value = value;
    return [list];
  }
  const field = el("input", { id, size: 10, onchange: (event) => set(event.target.value.trim()), autocomplete: "off" });
  field.value = value;
  const [now, least, first, greatest] = [value, option.least, option.default, option.most].map((text) => (text === null ? null : measured(text)));
  // Without an end the slider goes to four times what it begins with; the field takes more.
  const most = greatest ?? (first?.number > 0 ? { ...first, number: Math.max(4 * first.number, now?.number ?? 0) } : null);
  const slides = now && least && most && (least.unit === now.unit || least.number === 0) && most.unit === now.unit && most.number > least.number;
  if (!slides) return [field];
  const whole = !option.default.includes(".") && !/\./.test(`${option.most ?? ""}${option.least}`);
  const slider = el("input", {
    type: "range", min: least.number, max: most.number, step: whole && most.number - least.number > 1 ? 1 : (most.number - least.number) / 100,
    "aria-label": `--${option.name}`, oninput: () => { field.value = `${Number(Number(slider.value).toFixed(4))}${now.unit}`; },
    onchange: () => set(field.value),
  });
  slider.value = now.number;
  return [slider, field];
}
