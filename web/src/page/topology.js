// The network: its hosts, its links, and the packets that are on their way at the moment of the playhead.

import { clean, svg } from "./dom.js";
import { duration, label, outcome, rate } from "./format.js";
import { layout } from "./layout.js";
import { cross, fateOf, packet } from "./shapes.js";

/** At most so many packets are drawn at once. */
const MOST = 150;
/** With more links than these, what they do stands in the details alone. */
const LABELLED = 12;
/** A loss is shown for so many steps. */
const SHOWN = 2;

export class Topology {
  constructor(root, app) {
    this.root = root;
    this.app = app;
    this.shape = "";
    this.drawn = new Map();
    root.addEventListener("pointerleave", () => app.selection.point("frame", null));
  }

  /** Draws hosts and links anew where they have changed. */
  update() {
    const { nodes } = this.app.run;
    const shape = [...nodes.all.values()].map((n) => `${n.id} ${n.name} ${n.router} ${n.addrs[0]} ${n.role}`).join("\n") + [...nodes.links.keys()].join("|");
    if (shape !== this.shape) {
      this.shape = shape;
      this.#drawNetwork(nodes);
    }
    this.mark();
    this.move();
  }

  #drawNetwork(nodes) {
    const links = [...nodes.links.values()];
    const { places, width, height, small } = layout(nodes.all, links, Math.max(0, ...links.map((link) => about(link.row).length)));
    this.places = places;
    this.packets = svg("g", {});
    this.drawn.clear();
    this.linkShapes = new Map(links.map((link) => [link, this.#link(link, links.length <= LABELLED)]));
    this.nodeShapes = new Map([...nodes.all.values()].map((node) => [node, this.#node(node, small)]));
    this.root.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.root.style.maxWidth = `${Math.max(width * 1.5, 300)}px`;
    this.root.replaceChildren(svg("g", {}, ...this.linkShapes.values()), svg("g", {}, ...this.nodeShapes.values()), this.packets);
  }

  #link(link, labelled) {
    const [a, b] = link.ends.map((end) => this.places.get(end));
    const text = about(link.row);
    const group = svg("g", { class: "link", tabindex: 0, role: "button", "aria-label": clean(`Link ${link.name}${text ? `: ${text}` : ""}`) },
      svg("line", { x1: a.x, y1: a.y, x2: b.x, y2: b.y, class: "area" }),
      svg("line", { x1: a.x, y1: a.y, x2: b.x, y2: b.y, class: "cable" }),
      svg("text", { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 + 30 }, labelled ? text : ""));
    return this.#choosable(group, "link", link);
  }

  #node(node, small) {
    const { x, y } = this.places.get(node.id);
    const what = node.router ? "Router" : node.isHost ? "Host" : "Socket";
    const [width, height] = node.isHost ? [96, small ? 30 : 44] : [140, small ? 28 : 44];
    const below = node.router ? "router" : node.isHost ? (node.addrs[0] ?? "") : (node.role ?? "");
    const group = svg("g", {
      class: `node${node.router ? " router" : ""}`, transform: `translate(${x} ${y})`, tabindex: 0, role: "button",
      "aria-label": clean(`${what} ${node.name}${node.isHost ? `, ${node.addrs.join(", ")}` : ""}`),
    },
    svg("rect", { x: -width / 2, y: -height / 2, width, height, rx: node.isHost ? 6 : height / 2 }),
    svg("text", { y: below && !small ? -2 : 4, class: "name" }, clean(node.name).slice(0, 22)));
    if (below && !small) group.append(svg("text", { y: 14 }, clean(below).slice(0, 18)));
    return this.#choosable(group, "node", node);
  }

  #choosable(group, kind, value) {
    const { selection } = this.app;
    group.addEventListener("click", () => selection.choose(kind, value));
    group.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      selection.choose(kind, value);
    });
    group.addEventListener("pointerenter", () => selection.point(kind, value));
    group.addEventListener("pointerleave", () => selection.point(kind, null));
    return group;
  }

  /** Marks what is chosen or pointed at. */
  mark() {
    const { marked } = this.app.selection;
    const frame = marked?.kind === "frame" ? marked.value : null;
    for (const [node, shape] of this.nodeShapes ?? []) {
      shape.classList.toggle("marked", marked?.value === node || frame?.from === node.id || frame?.to === node.id);
    }
    for (const [link, shape] of this.linkShapes ?? []) shape.classList.toggle("marked", marked?.value === link || frame?.link === link.key);
    for (const [known, shape] of this.drawn) shape.classList.toggle("marked", known === frame);
  }

  /** Puts the packets where they are at the playhead. */
  move() {
    if (!this.places) return;
    const { step } = this.app.player;
    const now = new Set();
    for (const frame of this.app.run.frames.list) {
      if (now.size >= MOST) break;
      if (frame.u0 === undefined || frame.u0 > step || (frame.lost ? frame.u1 + SHOWN : frame.u1) < step) continue;
      now.add(frame);
    }
    const chosen = this.app.selection.chosen;
    if (chosen?.kind === "frame" && chosen.value.u0 !== undefined) now.add(chosen.value);
    for (const [frame, shape] of this.drawn) {
      if (now.has(frame)) continue;
      shape.remove();
      this.drawn.delete(frame);
    }
    for (const frame of now) this.#place(frame, step);
  }

  #place(frame, step) {
    const from = this.places.get(frame.from);
    const to = frame.from === frame.to && from ? { x: from.x + 84, y: from.y - 34 } : this.places.get(frame.to);
    if (!from || !to) return;
    let shape = this.drawn.get(frame);
    if (!shape) {
      shape = packet(frame);
      shape.append(svg("title", {}, `${label(frame.row)}: ${outcome(frame.row)}`));
      this.#choosable(shape, "frame", frame);
      this.packets.append(shape);
      this.drawn.set(frame, shape);
    }
    const way = (step - frame.u0) / Math.max(frame.u1 - frame.u0, 1e-9);
    const last = frame.lost ? whereLost(frame) : frame.end === null ? 0.6 : 1;
    const share = Math.min(1, Math.max(0, way)) * last;
    if (frame.lost && way >= 1 && !shape.querySelector(".cross")) shape.append(cross());
    if (frame.lost && way < 1) shape.querySelector(".cross")?.remove();
    // Both directions beside each other, not over each other.
    const [dx, dy] = [to.x - from.x, to.y - from.y];
    const far = Math.hypot(dx, dy) || 1;
    const [x, y] = [from.x + dx * share - (dy / far) * 9, from.y + dy * share + (dx / far) * 9];
    shape.setAttribute("transform", `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
    shape.classList.toggle("marked", this.app.selection.marks("frame", frame));
    shape.dataset.fate = fateOf(frame);
  }
}

/** How far along its link a frame is lost. */
export function whereLost(frame) {
  const { row } = frame;
  if (row.at?.startsWith("ingress")) return 0.78;
  if (row.fate === "queue full" || row.fate === "no room") return 0.3;
  return row.link === undefined ? 0.34 : 0.5;
}

/** What a link does, in a few words. */
export function about(row) {
  if (!row) return "";
  const parts = [row.delay_ns > 0 ? duration(row.delay_ns).replace(/\.000/, "") : "", row.jitter_ns > 0 ? `±${duration(row.jitter_ns)}` : "",
    row.rate === null || row.rate === undefined ? "" : rate(row.rate), row.queue ? `queue ${row.queue}` : ""];
  return parts.filter(Boolean).join(", ");
}
