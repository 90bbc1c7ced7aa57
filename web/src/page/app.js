// What all pictures share: the run, its timeline, the playhead, and what is chosen.

import { Chart } from "./chart.js";
import { Details, keptNote, summaryParts } from "./details.js";
import { announce, byId, onFrame } from "./dom.js";
import { label, moment, outcome } from "./format.js";
import { Ladder } from "./ladder.js";
import { Run } from "./model.js";
import { Output } from "./output.js";
import { probeOf, seqOf } from "./pairing.js";
import { Player } from "./player.js";
import { Selection } from "./selection.js";
import { legend } from "./shapes.js";
import { Timeline } from "./timeline.js";
import { Topology } from "./topology.js";

/** Pictures are drawn anew so often at most; less often where it takes long. */
const REFRESH_MS = 120;

export class App {
  run = new Run();
  timeline = new Timeline([]);
  selection = new Selection();
  editor = null;

  constructor() {
    this.player = new Player({ timeline: () => this.timeline, onMove: onFrame(() => this.#moved()), onState: () => this.onState?.() });
    this.topology = new Topology(byId("topology"), this);
    this.ladder = new Ladder(byId("ladder"), this);
    this.chart = new Chart(byId("chart"), this);
    this.details = new Details(byId("details"), this);
    this.output = new Output(byId("output"), this);
    byId("legend").append(...legend());
    byId("moment").addEventListener("input", (event) => {
      this.player.pause();
      this.player.seek(Number(event.target.value));
    });
    this.selection.onChange(() => this.#selected());
    this.refresh();
  }

  /** Begins with an empty run. */
  clear() {
    this.run = new Run();
    this.output.clear();
    this.selection.clear();
    this.player.step = 0;
    this.refresh();
  }

  /** Draws all soon; several calls draw once. */
  changed() {
    if (this.pending) return;
    this.pending = setTimeout(() => this.refresh(), Math.max(REFRESH_MS, 8 * (this.cost ?? 0)));
  }

  /** Draws all for the run as it is now. */
  refresh() {
    clearTimeout(this.pending);
    this.pending = null;
    const before = performance.now();
    this.timeline = new Timeline(this.run.frames.list);
    const slider = byId("moment");
    slider.max = this.timeline.length;
    slider.disabled = this.timeline.length === 0;
    byId("topology").toggleAttribute("hidden", this.run.nodes.all.size === 0);
    byId("no-network").hidden = this.run.nodes.all.size > 0;
    this.topology.update();
    this.ladder.update();
    this.chart.update();
    this.details.update();
    this.output.update();
    byId("summary").replaceChildren(...summaryParts(this.run));
    keptNote(this.run);
    this.#moved();
    this.markLines();
    this.onRefresh?.();
    this.cost = performance.now() - before;
  }

  #moved() {
    byId("moment").value = this.player.step;
    byId("time").textContent = this.timeline.length === 0 ? "" : moment(Math.max(0, this.timeline.timeOf(this.player.step)));
    this.topology.move();
    this.ladder.draw();
    this.onMove?.();
  }

  #selected() {
    this.topology.mark();
    this.ladder.mark();
    this.chart.mark();
    this.output.mark();
    this.markLines();
    const { chosen, pointed } = this.selection;
    if (chosen === this.lastChosen || pointed) return;
    this.lastChosen = chosen;
    this.details.update();
    this.topology.move();
    if (chosen?.kind !== "frame") return;
    const { u0, u1 } = chosen.value;
    if (!this.player.playing && !(this.player.step >= u0 && this.player.step <= u1)) this.player.seek(chosen.value.lost ? u1 : (u0 + u1) / 2);
    this.ladder.show(chosen.value);
    announce(this.describe(chosen.value));
  }

  /** Marks the line that decided about what is marked, and says at each line what it has decided. */
  markLines() {
    if (!this.editor?.current) return;
    const { marked } = this.selection;
    const origin = marked?.kind === "frame" ? marked.value.row.cause : marked?.kind === "probe" ? this.#frames(marked.value).find((frame) => frame.row.cause)?.row.cause : null;
    this.editor.mark(this.place(origin), (name) => this.#countsOf(name));
  }

  #countsOf(name) {
    const counts = new Map();
    for (const [origin, verdicts] of this.run.decided) {
      const place = this.place(origin);
      if (place?.name !== name) continue;
      const text = Object.entries(verdicts).map(([verdict, number]) => `${verdict} ${number}`).join(", ");
      counts.set(place.line, counts.has(place.line) ? `${counts.get(place.line)}, ${text}` : text);
    }
    return counts;
  }

  /** The tab and the line of an origin such as scripts/udp_server.rhai:14; null where it is none of the open scripts. */
  place(origin) {
    const found = /^(.*\.rhai):(\d+)/.exec(origin ?? "");
    if (!found || !this.editor) return null;
    const last = (path) => path.split("/").pop();
    const names = [...this.editor.files.keys()];
    const name = names.find((one) => one === found[1]) ?? names.find((one) => found[1].endsWith(`/${one}`)) ?? names.find((one) => last(one) === last(found[1]));
    return name === undefined ? null : { name, line: Number(found[2]) };
  }

  goTo(place) {
    this.editor.goTo(place);
    this.markLines();
  }

  /** A frame in a sentence. */
  describe(frame) {
    const { nodes } = this.run;
    const [from, to] = [frame.from, frame.to].map((id) => nodes.all.get(id)?.name ?? id);
    return `${label(frame.row)} from ${from} to ${to} at ${moment(frame.begin)}: ${outcome(frame.row)}`;
  }

  /** All frames in the order in which they were sent. */
  inOrder() {
    return [...this.run.frames.list].sort((a, b) => a.begin - b.begin || a.id - b.id);
  }

  #frames(probe) {
    return this.run.frames.list.filter((frame) => seqOf(frame.row) === probe.seq && probeOf(frame, [probe]) !== null);
  }

  /** The frames that belong to what is marked: to the same ping. */
  family(marked) {
    const probe = this.probe(marked);
    return new Set(probe ? this.#frames(probe) : []);
  }

  /** The ping of what is marked, or null. */
  probe(marked) {
    if (marked?.kind === "probe") return marked.value;
    return marked?.kind === "frame" ? probeOf(marked.value, this.run.probes.list) : null;
  }

  /** The number of the ping of what is marked, or null. */
  seq(marked) {
    if (marked?.kind === "probe") return marked.value.seq;
    return marked?.kind === "frame" ? seqOf(marked.value.row) : null;
  }

  /** Chooses a ping: by its packet that was lost, or its first one, where there is one. */
  chooseProbe(probe) {
    const frames = this.#frames(probe);
    const frame = frames.find((one) => one.lost) ?? frames[0];
    if (!frame) {
      this.selection.choose("probe", probe);
      return;
    }
    this.selection.choose("frame", frame);
  }

  #bySeq(seq) {
    return this.run.probes.list.find((probe) => probe.seq === seq) ?? null;
  }

  chooseSeq(seq) {
    const probe = this.#bySeq(seq);
    if (probe) this.chooseProbe(probe);
  }

  pointSeq(seq) {
    const probe = this.#bySeq(seq);
    if (probe) this.selection.point("probe", probe);
  }
}
