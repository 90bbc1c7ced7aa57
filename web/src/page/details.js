// What is known of the packet, ping, host or link that was chosen.

import { byId, clean, el } from "./dom.js";
import { count, draws, duration, label, moment, outcome, rate } from "./format.js";

export class Details {
  constructor(root, app) {
    this.root = root;
    this.app = app;
  }

  update() {
    const { chosen } = this.app.selection;
    const parts = chosen === null ? [el("p", { class: "faint" }, "Choose a packet, a ping, a host or a link to see what is known of it.")]
      : this[chosen.kind](chosen.value);
    this.root.replaceChildren(...parts);
  }

  frame(frame) {
    const { row } = frame;
    const probe = this.app.probe({ kind: "frame", value: frame });
    return [
      el("h3", {}, label(row)),
      list([
        ["What happened", outcome(row)],
        ["Decided by", row.cause ? this.#line(row.cause) : null],
        ["Verdict", row.detail],
        ["Random number", row.draws?.length > 0 ? draws(row.draws) : null],
        ["From", `${named(row.from_host)}${row.from}`],
        ["To", `${named(row.to_host)}${row.to}`],
        ["Sent", moment(row.fate === "received" && frame.end === frame.begin ? null : frame.begin)],
        [frame.lost ? "Lost" : "Arrived", moment(frame.end)],
        ["On its way", frame.end === null || frame.lost ? null : duration(frame.end - frame.begin)],
        ["Waited", row.waited_ns > 0 ? duration(row.waited_ns) : null],
        ["Where", row.at],
        ["Link", row.link],
        ["Size", `${count(row.bytes, "byte")} of payload${row.size === null || row.size === undefined ? "" : `, ${row.size} in all`}`],
        ["TCP", row.tcp && `${row.tcp.flags}, sequence number ${row.tcp.seq}, acknowledges ${row.tcp.ack ?? "nothing"}, window ${row.tcp.window}${row.tcp.retransmission ? ", sent again (retransmission)" : ""}`],
        ["ICMP", row.icmp && `${row.icmp.name}: type ${row.icmp.type}, code ${row.icmp.code}`],
        ["Payload", row.text ? el("code", {}, clean(row.text)) : null],
        ["Ping", probe ? pinged(probe) : null],
      ]),
    ];
  }

  probe(probe) {
    const cause = this.app.run.others.list.find((row) => row.type === "cause" && row.seq === probe.seq && row.to === probe.to);
    return [
      el("h3", {}, `Ping ${probe.seq} to ${clean(probe.to)}`),
      list([
        ["What became of it", pinged(probe)],
        ["Why", cause?.cause ? this.#line(cause.cause.replace(/^dropped by /, "")) : null],
        ["Rests on", cause?.detail],
        ["From", `${named(probe.host)}${probe.from}`],
        ["Sent", moment(probe.time_ns)],
        ["Size", count(probe.bytes, "byte")],
        ["TTL", probe.ttl],
        ["Clock", probe.clock],
        ["Slots missed before it", probe.missed_slots],
      ]),
    ];
  }

  node(node) {
    const { run } = this.app;
    const links = [...run.nodes.links.values()].filter((link) => link.ends.includes(node.id)).map((link) => link.name);
    const mine = (row) => (node.isHost ? row.host === node.name : row.host === undefined && node.addrs.includes(row.from));
    const sockets = new Set([...run.probes.list, ...run.others.list.filter((row) => row.type === "connection")].filter(mine).map((row) => row.from));
    const policies = (run.summary?.policies ?? []).filter((policy) => policy.at.includes(node.name)).map((policy) => `${policy.name}: acted on ${policy.chosen} of ${policy.packets} packets`);
    const open = run.others.list.filter((row) => row.type === "connection" && mine(row)).slice(-8)
      .map((row) => `${row.event} ${row.to}${row.outcome ? `: ${row.outcome}` : ""} at ${moment(row.time_ns)}`);
    const { sent = 0, received = 0, lost = 0, ...protocols } = node.counts;
    return [
      el("h3", {}, `${node.router ? "Router" : node.isHost ? "Host" : "Socket"} ${clean(node.name)}`),
      list([
        ["Addresses", node.addrs.join(", ")],
        ["Links", node.isHost ? links.join(", ") : null],
        ["Packets", `${sent} sent, ${received} received, ${lost} lost of those sent`],
        ["Sent by protocol", Object.entries(protocols).map(([name, number]) => `${name} ${number}`).join(", ")],
        ["Sockets", [...sockets].slice(0, 12).join(", ")],
        ["Policies", policies.join("; ")],
        ["Connections", open.length > 0 ? el("ul", {}, ...open.map((text) => el("li", {}, clean(text)))) : null],
      ]),
    ];
  }

  link(link) {
    const { row } = link;
    const on = this.app.run.frames.list.filter((frame) => frame.link === link.key);
    const fates = {};
    for (const frame of on) fates[frame.row.fate] = (fates[frame.row.fate] ?? 0) + 1;
    return [
      el("h3", {}, `Link ${clean(link.name)}`),
      list([
        ["Delay", row && `${duration(row.delay_ns)}${row.jitter_ns > 0 ? ` ±${duration(row.jitter_ns)}` : ""}, each way`],
        ["Rate", row && (row.rate === null ? "no limit" : rate(row.rate))],
        ["Queue", row?.queue ? count(row.queue, "frame") : null],
        ["MTU", row && `${row.mtu} bytes`],
        ["Packets", Object.entries(fates).map(([fate, number]) => `${number} ${fate}`).join(", ")],
      ]),
    ];
  }

  /** A button that goes to the line, where the origin is a line of a script. */
  #line(origin) {
    const place = this.app.place(origin);
    if (!place) return clean(origin);
    return el("button", { type: "button", class: "as-link", onclick: () => this.app.goTo(place) }, clean(origin));
  }
}

function named(host) {
  return host ? `${clean(host)}, ` : "";
}

function pinged(probe) {
  if (probe.rtt_ns !== null) return `replied after ${duration(probe.rtt_ns)}${probe.out_of_order ? ", out of order" : ""}`;
  if (probe.icmp) return clean(`${probe.icmp.name}${probe.icmp.offender ? `, reported by ${probe.icmp.offender}` : ""}`);
  return clean(probe.error ?? { timed_out: "no reply in time", pending: "still open at the end" }[probe.state] ?? probe.state);
}

/** A list of what is known; what is empty is left out. */
function list(pairs) {
  return el("dl", {}, ...pairs.filter(([, value]) => value !== null && value !== undefined && value !== "")
    .map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, typeof value === "object" ? value : clean(value)))));
}

/** The summary of the run and its checks. */
export function summaryParts(run) {
  const { summary } = run;
  const checks = run.others.list.filter((row) => row.type === "check");
  const parts = [];
  if (summary) {
    const { loss, rtt } = summary;
    const share = (value) => `${(value * 100).toFixed(1)}%`;
    const interval = loss.rate === null ? "" : `: ${share(loss.rate)} (95%: ${share(loss.low)} to ${share(loss.high)})`;
    parts.push(list([
      ["Pings", `${summary.sent} sent, ${summary.replied} replied, ${summary.errored} ended by an error, ${summary.timed_out} timed out, ${summary.pending} open`],
      ["Loss", loss.of === 0 ? null : `${loss.lost} of ${loss.of}${interval}`],
      ["Round trip", rtt.min_ns === null ? null : `shortest ${duration(rtt.min_ns)}, median ${duration(rtt.p50_ns)}, longest ${duration(rtt.max_ns)}`],
      ["Strays", Object.entries({ late: summary.late, duplicate: summary.duplicate, foreign: summary.foreign, corrupt: summary.corrupt, truncated: summary.truncated })
        .filter(([, number]) => number > 0).map(([name, number]) => `${number} ${name}`).join(", ")],
      ["Policies", summary.policies.length > 0 ? el("ul", {}, ...summary.policies.map((policy) => el("li", {}, clean(`${policy.name} at ${policy.at}: acted on ${policy.chosen} of ${policy.packets} packets`)))) : null],
    ]));
  }
  if (checks.length > 0) {
    const passed = checks.filter((row) => row.passed === true).length;
    parts.push(el("p", {}, `${passed} of ${count(checks.length, "check")} passed.`));
    parts.push(el("ul", {}, ...checks.filter((row) => row.passed !== true).slice(0, 20).map((row) => el("li", {}, clean(`${row.passed === false ? "Failed" : "Not judged"}: ${row.name || row.origin}: ${row.actual ?? row.why ?? ""}, expected ${row.expected ?? "–"}`)))));
  }
  return parts.length > 0 ? parts : [el("p", { class: "faint" }, "The summary comes at the end of the run.")];
}

/** Says in the page what is not kept. */
export function keptNote(run) {
  const { frames, rows, chatter } = run;
  const notes = [];
  if (frames.gone > 0) notes.push(`${count(frames.total, "packet")} so far; the last ${frames.list.length.toLocaleString("en")} are kept and drawn. Download has the last ${rows.list.length.toLocaleString("en")} rows.`);
  if (chatter > 0) notes.push(`${count(chatter, "packet")} about IPv6 and multicast groups, which hosts send by themselves, ${chatter === 1 ? "is" : "are"} not drawn.`);
  byId("kept").textContent = notes.join(" ");
}
