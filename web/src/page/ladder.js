// The ladder: hosts are columns, time goes down, an arrow for each packet. Only what is in view is drawn.

import { clean, el, onFrame, svg } from "./dom.js";
import { duration, moment, outcome, shortLabel } from "./format.js";
import { cross, fateOf, kindOf, packet } from "./shapes.js";
import { whereLost } from "./topology.js";

const ROW = 24;
const MOST = 400;
const LEAST_COLUMN = 150;
const TIMES = 82;
/** Fates that need no word. */
const USUAL = new Set(["carried", "sent", "received"]);

export class Ladder {
  constructor(root, app) {
    this.app = app;
    this.heads = svg("svg", { class: "heads", height: 28, "aria-hidden": "true" });
    this.picture = svg("svg", { class: "rungs" });
    this.space = el("div", { class: "space" }, this.picture);
    this.scroller = el("div", {
      class: "scroller", tabindex: 0, role: "listbox", "aria-label": "Packets in the order of time. Arrow keys go from one to the next.",
    }, this.heads, this.space);
    this.draw = onFrame(() => this.#draw());
    this.scroller.addEventListener("scroll", this.draw);
    this.scroller.addEventListener("keydown", (event) => this.#key(event));
    new ResizeObserver(() => this.update()).observe(this.scroller);
    root.append(this.scroller);
  }

  /** Draws it for the frames as they are now. */
  update() {
    const { nodes } = this.app.run;
    const used = new Set(this.app.run.frames.list.flatMap((frame) => [frame.from, frame.to]));
    this.columns = [...nodes.all.values()].filter((node) => used.has(node.id));
    const room = Math.max(0, this.scroller.clientWidth - TIMES - 16);
    this.wide = Math.max(LEAST_COLUMN, room / Math.max(1, this.columns.length));
    this.width = TIMES + this.wide * this.columns.length;
    this.height = (this.app.timeline.length + 1) * ROW;
    this.space.style.height = `${this.height}px`;
    this.space.style.width = `${this.width}px`;
    this.heads.setAttribute("width", this.width);
    this.heads.replaceChildren(...this.columns.map((node) => svg("text", { x: this.#x(node.id), y: 18 }, clean(node.name).slice(0, 24))));
    this.draw();
  }

  #x(id) {
    const at = this.columns.findIndex((node) => node.id === id);
    return TIMES + (at + 0.5) * this.wide;
  }

  #draw() {
    const { scrollTop, clientHeight } = this.scroller;
    const [top, high] = [Math.max(0, scrollTop - 2 * ROW), clientHeight + 4 * ROW];
    const [first, last] = [top / ROW, (top + high) / ROW];
    this.picture.setAttribute("width", this.width);
    this.picture.setAttribute("height", Math.min(high, Math.max(ROW, this.height - top)));
    this.picture.setAttribute("viewBox", `0 ${top} ${this.width} ${Math.min(high, Math.max(ROW, this.height - top))}`);
    this.picture.style.top = `${top}px`;
    const parts = this.columns.map((node) => svg("line", { class: "column", x1: this.#x(node.id), x2: this.#x(node.id), y1: top, y2: top + high }));
    for (const gap of this.app.timeline.gaps.filter(({ step }) => step >= first && step <= last)) {
      parts.push(svg("text", { class: "gap", x: TIMES + 8, y: gap.step * ROW + 5 }, `⋮ nothing for ${duration(gap.ns)}`));
    }
    const seen = this.app.run.frames.list.filter((frame) => frame.u1 >= first && frame.u0 <= last).slice(0, MOST);
    const moments = new Set();
    for (const frame of seen) {
      const y = frame.u0 * ROW;
      if (!moments.has(y)) parts.push(svg("text", { class: "moment", x: TIMES - 10, y: y + 4 }, moment(frame.begin)));
      moments.add(y);
      parts.push(this.#arrow(frame));
    }
    const at = this.app.player.step * ROW;
    if (seen.length > 0) parts.push(svg("line", { class: "playhead", x1: 0, x2: this.width, y1: at, y2: at }));
    this.picture.replaceChildren(...parts);
    this.mark();
  }

  #arrow(frame) {
    const lost = frame.lost;
    const x1 = this.#x(frame.from);
    // What a socket sends to itself goes a little way to the right.
    const xEnd = frame.from === frame.to ? x1 + 44 : this.#x(frame.to);
    const x2 = lost ? x1 + (xEnd - x1) * whereLost(frame) : frame.end === null ? x1 + (xEnd - x1) * 0.6 : xEnd;
    const [y1, y2] = [frame.u0 * ROW, (lost && frame.u1 - frame.u0 <= 0.5 ? frame.u0 : frame.u1) * ROW];
    const back = x2 < x1;
    const head = lost ? svg("g", { transform: `translate(${x2} ${y2})` }, cross())
      : svg("path", { class: "head", d: `M${x2} ${y2}l${back ? 9 : -9}-4v8z` });
    const text = [shortLabel(frame.row), frame.row.tcp?.retransmission ? "sent again" : "", USUAL.has(frame.row.fate) ? "" : outcome(frame.row)].filter(Boolean).join(", ");
    const small = svg("g", { transform: `translate(${x1} ${y1}) scale(0.62)` }, packet(frame));
    const group = svg("g", {
      class: `arrow ${kindOf(frame.row.protocol)} ${fateOf(frame)}`, id: `arrow-${frame.id}`, role: "option",
      "aria-label": this.app.describe(frame),
    },
    svg("line", { class: "area", x1, y1, x2, y2 }), svg("line", { class: "shaft", x1, y1, x2, y2 }), head, small,
    svg("text", { x: x1 + (back ? -12 : 12), y: y1 - 5, "text-anchor": back ? "end" : "start" }, clipped(text, back ? x1 - TIMES : this.width - x1)));
    group.frame = frame;
    group.addEventListener("click", () => this.app.selection.choose("frame", frame));
    group.addEventListener("pointerenter", () => this.app.selection.point("frame", frame));
    group.addEventListener("pointerleave", () => this.app.selection.point("frame", null));
    return group;
  }

  /** Marks what is chosen or pointed at. */
  mark() {
    const { marked, chosen } = this.app.selection;
    const family = this.app.family(marked);
    for (const group of this.picture.querySelectorAll(".arrow")) {
      group.classList.toggle("marked", marked?.kind === "frame" && group.frame === marked.value);
      group.classList.toggle("family", family.has(group.frame));
      group.setAttribute("aria-selected", String(chosen?.value === group.frame));
    }
    if (chosen?.kind === "frame") this.scroller.setAttribute("aria-activedescendant", `arrow-${chosen.value.id}`);
    else this.scroller.removeAttribute("aria-activedescendant");
  }

  /** Scrolls to a frame. */
  show(frame) {
    const y = frame.u0 * ROW;
    const { scrollTop, clientHeight } = this.scroller;
    if (y < scrollTop + 3 * ROW || y > scrollTop + clientHeight - 3 * ROW) this.scroller.scrollTop = Math.max(0, y - clientHeight / 2);
    this.draw();
  }

  #key(event) {
    const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity };
    if (!(event.key in moves)) return;
    event.preventDefault();
    const list = this.app.inOrder();
    const at = list.indexOf(this.app.selection.chosen?.value);
    const next = Math.max(0, Math.min(list.length - 1, at + moves[event.key]));
    if (list[next]) this.app.selection.choose("frame", list[next]);
  }
}

/** As much of the text as there is room for. */
function clipped(text, room) {
  const most = Math.max(16, Math.floor((room - 14) / 6.3));
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}
