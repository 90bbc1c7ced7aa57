// Elements made from data. Text goes in as text, never as markup.

const SVG = "http://www.w3.org/2000/svg";

/** An element of HTML: `el("p", { class: "note" }, "text", child)`. Properties that begin with `on` are listeners. */
export function el(tag, props = {}, ...children) {
  return filled(document.createElement(tag), props, children);
}

/** An element of SVG. */
export function svg(tag, props = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), props, children);
}

/** The element of the page with this id. */
export function byId(id) {
  return document.getElementById(id);
}

function filled(node, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat()) {
    if (child !== null && child !== undefined && child !== false) node.append(child);
  }
  return node;
}

const MISLEADING = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** `text` without what could mislead its reader: controls, and marks that change the direction of text. */
export function clean(text) {
  return String(text).replace(MISLEADING, (c) => `\\u{${c.codePointAt(0).toString(16)}}`);
}

/** The same, but line ends and tabs stay. */
export function cleanLines(text) {
  return String(text).split(/(?:\r?\n)/).map((line) => line.split("\t").map(clean).join("\t")).join("\n");
}

/** Calls `work` once for many calls within a frame. */
export function onFrame(work) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      work();
    });
  };
}

/** Calls `work` this long after the last call. */
export function debounced(work, ms) {
  let timer = 0;
  return (...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => work(...args), ms);
  };
}

/** Says `text` to a screen reader, politely. */
export function announce(text) {
  byId("live").textContent = clean(text);
}

/** Saves text or bytes as a file of the reader's. */
export function download(name, type, data) {
  const url = URL.createObjectURL(new Blob([data], { type }));
  const link = el("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
