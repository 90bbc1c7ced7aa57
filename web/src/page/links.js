// Sliders for what the links of a run do. A change holds from the moment that is shown on: the run is repeated with it, and since the
// same seed gives the same run, all before that moment stays as it was.

import { clean, el } from "./dom.js";
import { duration, rate } from "./format.js";

const MS = 1e6;
const DELAYS = [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000].map((ms) => ms * MS);
const RATES = [1e4, 1e5, 5e5, 1e6, 2e6, 5e6, 1e7, 2e7, 5e7, 1e8, 1e9, null];
const LOSSES = [0, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 1];

/** What can be changed: what it is called, its values, how one is shown, how it is written, and what a link begins with. */
const PROPERTIES = {
  delay: { values: DELAYS, shown: duration, written: (ns) => `${ns}ns`, read: (text) => Number(text.replace("ns", "")), first: (row) => row.delay_ns },
  rate: { values: RATES, shown: (bits) => (bits === null ? "no limit" : rate(bits)), written: (bits) => String(bits ?? "none"), read: (text) => (text === "none" ? null : Number(text)), first: (row) => row.rate },
  loss: { values: LOSSES, shown: (share) => (share === undefined ? "as the script has it" : `${Number((share * 100).toFixed(2))}%`), written: String, read: Number, first: () => undefined },
};

/** With more links than these the sliders are shown when asked for. */
const FEW = 3;

const FORM = /^(\d{1,16})ns (\S{1,100}) (delay|rate|loss)=([\w.]{1,20})$/;

/** A change as it is given to the engine, in parts; null: it is none of this page's. */
export function parsed(change) {
  const found = FORM.exec(change);
  return found && { at: Number(found[1]), link: found[2], name: found[3], value: PROPERTIES[found[3]].read(found[4]) };
}

/** `changes` with one more; one of the same property of that link from that moment on takes its place. */
export function changed(changes, { at, link, name, value }) {
  const others = changes.filter((change) => {
    const one = parsed(change);
    return !(one.link === link && one.name === name && one.at >= at);
  });
  return [...others, `${at}ns ${link} ${name}=${PROPERTIES[name].written(value)}`];
}

export class Links {
  changes = [];
  #shape = "";

  /** `onChange(at)` runs the script again, and shows it from that moment on. */
  constructor(root, app, { onChange }) {
    Object.assign(this, { root, app, onChange });
    this.box = root.querySelector("#links");
    this.list = root.querySelector("#changes");
  }

  /** Another script: its links as it has them. */
  set(changes) {
    this.changes = changes.filter(parsed);
    this.#shape = "";
    this.update();
  }

  /** Draws the sliders anew where links have changed. */
  update() {
    const links = [...this.app.run.nodes.links.values()].filter((link) => link.row && !/\s/.test(link.name));
    const shape = JSON.stringify([links.map(({ name, row }) => [name, row.delay_ns, row.rate]), this.changes]);
    // What was changed stays in reach while the run begins again.
    if (shape === this.#shape || (links.length === 0 && this.changes.length > 0)) return;
    if (this.root.hidden) this.root.open = links.length <= FEW;
    this.#shape = shape;
    this.root.hidden = links.length === 0;
    const focused = this.root.contains(document.activeElement) ? document.activeElement.getAttribute("aria-label") : null;
    this.box.replaceChildren(...links.map((link) => this.#sliders(link)));
    this.list.replaceChildren(...this.changes.map((change) => this.#change(change)));
    // A slider that is moved by keys is moved several times.
    [...this.root.querySelectorAll("[aria-label]")].find((node) => node.getAttribute("aria-label") === focused)?.focus();
  }

  #sliders({ name, row }) {
    const now = (property) => this.changes.map(parsed).filter((one) => one.link === name && one.name === property).at(-1)?.value ?? PROPERTIES[property].first(row);
    return el("fieldset", {}, el("legend", {}, clean(name)), ...Object.keys(PROPERTIES).map((property) => this.#slider(name, property, now(property))));
  }

  #slider(link, name, now) {
    const { values, shown } = PROPERTIES[name];
    // The value that it has is one of them.
    const all = values.includes(now) || now === undefined ? values : [...values, now].sort((a, b) => (a ?? Infinity) - (b ?? Infinity));
    const output = el("output", {}, shown(now));
    const slider = el("input", {
      type: "range", min: 0, max: all.length - 1, "aria-label": `${name} of ${link}`, "aria-valuetext": shown(now),
      oninput: () => {
        output.textContent = shown(all[slider.value]);
        slider.setAttribute("aria-valuetext", output.textContent);
      },
      onchange: () => this.#set(link, name, all[slider.value]),
    });
    slider.value = Math.max(0, all.indexOf(now));
    return el("label", {}, el("span", {}, name), slider, output);
  }

  #set(link, name, value) {
    const { player, timeline } = this.app;
    // What has been shown to its end is seen from its beginning.
    const at = player.atEnd ? 0 : Math.max(0, Math.round(timeline.timeOf(player.step)));
    this.changes = changed(this.changes, { at, link, name, value });
    this.onChange(at);
    this.update();
  }

  #change(change) {
    const { at, link, name, value } = parsed(change);
    const text = `${link}: ${name} ${PROPERTIES[name].shown(value)} from ${duration(at)} on`;
    const remove = () => {
      this.changes = this.changes.filter((one) => one !== change);
      this.onChange(0);
      this.update();
    };
    return el("li", {}, clean(text), " ", el("button", { type: "button", onclick: remove, "aria-label": clean(`Take back: ${text}`) }, "Take back"));
  }
}
