// A run as its rows and its output tell it. Memory is bounded: of packets, pings and lines the last ones are kept, and how many
// are not is counted.

import { Nodes } from "./nodes.js";
import { pairing } from "./pairing.js";
import { RowReader } from "./rows.js";

/** So many packets are kept; of pings, lines of output and other rows as many. */
export const KEEP = 20_000;

/** The fates of what does not arrive. */
const LOST = new Set(["dropped", "rejected", "queue full", "no room", "link down", "refused"]);

export class Run {
  constructor() {
    this.reader = new RowReader();
    this.nodes = new Nodes();
    this.head = null;
    this.summary = null;
    this.frames = new Kept();
    this.probes = new Kept();
    this.lines = new Kept();
    this.rows = new Kept();
    this.others = new Kept();
    /** How often a line of a script decided so: origin -> verdict -> count. */
    this.decided = new Map();
    this.unreadable = 0;
    this.chatter = 0;
    /** The latest time of any row. */
    this.now = 0;
    this.pair = pairing();
  }

  /** Adds lines of rows. */
  addRows(lines) {
    for (const line of lines) {
      if (line.trim() === "") continue;
      const row = this.reader.read(line);
      if (row === null) {
        this.unreadable += 1;
        continue;
      }
      this.rows.push(line);
      this.#add(row);
    }
  }

  /** Adds what the script printed. */
  addOutput(stream, text) {
    const pieces = text.split("\n");
    const rest = pieces.pop();
    for (const piece of pieces) this.#line(stream, piece, true);
    if (rest !== "") this.#line(stream, rest, false);
  }

  /** A line, or more of one that has not ended. */
  #line(stream, text, ended) {
    const last = this.lines.list.at(-1);
    if (!last || last.ended || last.stream !== stream) {
      this.lines.push({ stream, text, ended });
      return;
    }
    last.text += text;
    last.ended = ended;
  }

  /** At the end: where there are no frames, packets are drawn of the pings, as if each way took half of the round trip. */
  finish() {
    if (this.frames.total === 0) this.probes.list.forEach((probe) => this.#fromProbe(probe));
  }

  #add(row) {
    for (const time of [row.time_ns, row.arrival_ns, row.lost_ns]) if (time > this.now) this.now = time;
    switch (row.type) {
      case "run": this.head = row; break;
      case "summary": this.summary = row; break;
      case "host": this.nodes.host(row); break;
      case "link": this.nodes.link(row); break;
      case "frame": this.#frame(row); break;
      case "probe":
        this.probes.push(row);
        if (row.host === undefined) this.nodes.role(row);
        break;
      default:
        if (row.type === "verdict") this.#verdict(row);
        this.others.push(row);
    }
  }

  #verdict(row) {
    const line = this.decided.get(row.origin) ?? {};
    line[row.verdict] = (line[row.verdict] ?? 0) + 1;
    this.decided.set(row.origin, line);
  }

  #frame(row) {
    if (isChatter(row)) {
      this.chatter += 1;
      return;
    }
    const atSocket = row.link === undefined;
    const known = atSocket ? this.pair(row) : null;
    if (known) {
      known.end = row.arrival_ns;
      this.nodes.own(row.to);
      this.nodes.all.get(known.to)?.id !== undefined && this.#count(known.to, "received");
      return;
    }
    const received = atSocket && row.fate === "received";
    const from = atSocket ? (received ? this.nodes.peer(row.from) : this.nodes.own(row.from)) : this.nodes.named(row.from_host);
    const to = atSocket ? (received ? this.nodes.own(row.to) : this.nodes.peer(row.to)) : this.nodes.named(row.to_host);
    this.#arrow(row, from, to, {
      begin: received ? null : row.time_ns,
      end: row.arrival_ns ?? row.lost_ns ?? null,
    });
  }

  #arrow(row, from, to, { begin, end }) {
    const lost = LOST.has(row.fate);
    const frame = {
      id: this.frames.total,
      row,
      from: from.id,
      to: to.id,
      link: this.nodes.between(from.id, to.id).key,
      begin: begin ?? end ?? 0,
      end,
      lost,
    };
    this.frames.push(frame);
    if (row.fate === "sent") this.pair.sent(frame);
    this.#count(from.id, "sent", row.protocol);
    if (lost) this.#count(from.id, "lost");
    else if (end !== null) this.#count(to.id, "received");
    return frame;
  }

  #count(id, what, protocol) {
    const counts = this.nodes.all.get(id)?.counts;
    if (!counts) return;
    counts[what] = (counts[what] ?? 0) + 1;
    if (protocol) counts[protocol] = (counts[protocol] ?? 0) + 1;
  }

  #fromProbe(probe) {
    const from = probe.host ? this.nodes.named(probe.host) : this.nodes.own(probe.from);
    const to = this.nodes.peer(probe.to);
    const replied = probe.rtt_ns !== null;
    const half = (probe.rtt_ns ?? 0) / 2;
    const row = { protocol: "ping", from: probe.from, to: probe.to, bytes: probe.bytes, text: `ping ${probe.seq}`, draws: [], tcp: null, icmp: null };
    const ask = { ...row, type: "frame", time_ns: probe.time_ns, fate: replied ? "carried" : probe.state === "pending" ? "in flight" : "dropped" };
    this.#arrow(ask, from, to, { begin: probe.time_ns, end: replied ? probe.time_ns + half : null });
    if (!replied) return;
    const reply = { ...row, type: "frame", from: probe.to, to: probe.from, text: `reply ${probe.seq}`, fate: "carried", time_ns: probe.time_ns + half };
    this.#arrow(reply, to, from, { begin: probe.time_ns + half, end: probe.time_ns + probe.rtt_ns });
  }
}

/** What kernels say among each other about IPv6 and multicast groups: MLD, IGMP, router discovery, duplicate addresses. */
function isChatter(row) {
  if (row.protocol === "2") return true;
  const type = row.protocol === "icmp6" ? row.icmp?.type : null;
  return (type >= 130 && type <= 134) || type === 137 || type === 143 || (type === 135 && row.from.startsWith("[::]"));
}

/** A list of the last ones, and how many there were. */
export class Kept {
  list = [];
  total = 0;

  push(value) {
    this.total += 1;
    this.list.push(value);
    if (this.list.length >= KEEP * 1.2) this.list.splice(0, this.list.length - KEEP);
  }

  /** How many are kept no longer. */
  get gone() {
    return this.total - this.list.length;
  }
}
