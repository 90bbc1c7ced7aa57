// The chart of round trips: a sign for each ping in the order of sending; × where one got no reply.

import { clean, el, svg } from "./dom.js";
import { duration } from "./format.js";
import { cross } from "./shapes.js";

const MOST = 1_500;
const [HIGH, LEFT, TOP, BOTTOM] = [190, 82, 14, 24];
const SIGNS = ["M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z", "M-4-4h8v8h-8z", "M0-5l5 9h-10z", "M0-5l5 5-5 5-5-5z", "M-5-1h10v2h-10z", "M-1-5h2v10h-2z"];

export class Chart {
  constructor(root, app) {
    this.app = app;
    this.picture = svg("svg", { class: "chart", role: "img", height: HIGH });
    this.keys = el("ul", { class: "keys" });
    this.note = el("p", { class: "faint" });
    this.root = root;
    root.append(this.picture, this.keys, this.note);
    new ResizeObserver(() => root.clientWidth !== this.wide && this.update()).observe(root);
  }

  update() {
    const { probes } = this.app.run;
    this.wide = this.root.clientWidth;
    const wide = Math.max(260, this.wide);
    this.picture.setAttribute("viewBox", `0 0 ${wide} ${HIGH}`);
    const shown = probes.list.slice(-MOST).sort((a, b) => a.time_ns - b.time_ns);
    const gone = probes.total - shown.length;
    this.note.textContent = probes.total === 0 ? "No pings yet." : gone > 0 ? `The last ${shown.length} of ${probes.total.toLocaleString("en")} pings.` : "";
    this.picture.toggleAttribute("hidden", shown.length === 0);
    this.marks = new Map();
    const times = shown.map((probe) => probe.rtt_ns).filter((rtt) => rtt !== null);
    const scale = scaleOf(times);
    const targets = [...new Set(shown.map(targetOf))];
    this.picture.setAttribute("aria-label", `Round-trip times of ${shown.length} pings, ${shown.length - times.length} without a reply`);
    const step = (wide - LEFT - 12) / Math.max(1, shown.length);
    const lines = scale.ticks.flatMap((tick) => [
      svg("line", { class: "grid", x1: LEFT, x2: wide - 8, y1: scale.y(tick), y2: scale.y(tick) }),
      svg("text", { x: LEFT - 6, y: scale.y(tick) + 4, "text-anchor": "end" }, duration(tick)),
    ]);
    const points = shown.map((probe, at) => this.#point(probe, LEFT + (at + 0.5) * step, scale, targets.indexOf(targetOf(probe)) % 6));
    const ends = shown.length === 0 ? [] : [
      svg("text", { x: LEFT, y: HIGH - 6 }, `ping ${shown[0].seq}`),
      svg("text", { x: wide - 8, y: HIGH - 6, "text-anchor": "end" }, `ping ${shown.at(-1).seq}`),
    ];
    this.picture.replaceChildren(...lines, ...points, ...ends);
    this.keys.replaceChildren(...targets.slice(0, 6).map((target, at) => el("li", {},
      svg("svg", { viewBox: "-7 -7 14 14", width: 12, height: 12, "aria-hidden": "true", class: `s${at}` }, svg("path", { d: SIGNS[at], class: "sign" })), ` ${clean(target)}`)));
    this.mark();
  }

  #point(probe, x, scale, series) {
    const lost = probe.rtt_ns === null;
    const pending = probe.state === "pending";
    const sign = lost && !pending ? cross() : svg("path", { d: SIGNS[series], class: `sign${pending ? " pending" : ""}` });
    const y = lost ? TOP : scale.y(probe.rtt_ns);
    const what = probe.icmp ? probe.icmp.name : (probe.error ?? probe.state.replace("_", " "));
    const group = svg("g", { class: `point s${series}`, transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})` },
      svg("circle", { r: 9, class: "area" }), sign,
      svg("title", {}, clean(`ping ${probe.seq} to ${probe.to}: ${lost ? what : duration(probe.rtt_ns)}`)));
    group.addEventListener("click", () => this.app.chooseProbe(probe));
    group.addEventListener("pointerenter", () => this.app.selection.point("probe", probe));
    group.addEventListener("pointerleave", () => this.app.selection.point("probe", null));
    this.marks.set(probe, group);
    return group;
  }

  /** Marks the ping of what is chosen or pointed at. */
  mark() {
    const wanted = this.app.probe(this.app.selection.marked);
    for (const [probe, group] of this.marks ?? []) group.classList.toggle("marked", probe === wanted);
  }
}

/** What the pings are grouped by: the host they come from and the target. */
function targetOf(probe) {
  return `${probe.host ? `${probe.host} to ` : ""}${probe.to}`;
}

/** Logarithmic where the longest is more than ten times the shortest. */
function scaleOf(times) {
  const [low, high] = times.length === 0 ? [0, 1e6] : [Math.min(...times), Math.max(...times)];
  const [y0, y1] = [HIGH - BOTTOM, TOP + 18];
  if (low > 0 && high > 10 * low) {
    const [a, b] = [Math.log10(low), Math.log10(high)];
    const ticks = Array.from({ length: 4 }, (_, i) => 10 ** (a + ((b - a) * i) / 3));
    return { ticks, y: (value) => y0 + ((Math.log10(value) - a) / (b - a)) * (y1 - y0) };
  }
  const top = high === 0 ? 1 : high * 1.1;
  return { ticks: [0, top / 2, top], y: (value) => y0 + (value / top) * (y1 - y0) };
}
