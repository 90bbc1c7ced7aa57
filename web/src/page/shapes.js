// How a packet looks: its shape and colour say the protocol, its outline what became of it. None of both is told by colour alone.

import { svg } from "./dom.js";

const SHAPES = {
  udp: "M-7 0a7 7 0 1 0 14 0a7 7 0 1 0-14 0z",
  tcp: "M-6-6h12v12h-12z",
  icmp: "M0-8l8 14h-16z",
  arp: "M0-8l7 8-7 8-7-8z",
  other: "M-8 0l4-7h8l4 7-4 7h-8z",
};

/** The kind of a protocol: one of udp, tcp, icmp, arp, other. */
export function kindOf(protocol) {
  if (protocol === "icmp6") return "icmp";
  if (protocol === "ping") return "udp";
  return protocol in SHAPES ? protocol : "other";
}

/** What became of it: one of arrived, changed, lost, open. */
export function fateOf(frame) {
  if (frame.lost) return "lost";
  if (["delayed", "duplicated", "corrupted", "replaced"].includes(frame.row.fate)) return "changed";
  return frame.end === null ? "open" : "arrived";
}

/** A packet around (0, 0). */
export function packet(frame) {
  const kind = kindOf(frame.row.protocol);
  const group = svg("g", { class: `packet ${kind} ${fateOf(frame)}` });
  group.append(svg("circle", { r: 14, class: "area" }), svg("path", { d: SHAPES[kind], class: "body" }));
  if (fateOf(frame) === "changed") group.append(svg("circle", { r: 11, class: "ring" }));
  if (frame.row.tcp?.retransmission) group.append(svg("text", { y: 4, class: "mark" }, "R"));
  return group;
}

/** The sign of a loss around (0, 0). */
export function cross() {
  return svg("path", { d: "M-7-7L7 7M7-7L-7 7", class: "cross" });
}

/** What the shapes mean. */
export function legend() {
  const items = [["udp", "UDP"], ["tcp", "TCP"], ["icmp", "ICMP"], ["arp", "ARP"], ["other", "other"]].map(([kind, name]) =>
    item(name, svg("g", { class: `packet ${kind} arrived` }, svg("path", { d: SHAPES[kind], class: "body" }))));
  items.push(item("delayed or changed by a policy", svg("g", { class: "packet udp changed" },
    svg("path", { d: SHAPES.udp, class: "body" }), svg("circle", { r: 11, class: "ring" }))));
  items.push(item("lost", cross()));
  return items;
}

function item(name, sign) {
  const picture = svg("svg", { viewBox: "-12 -12 24 24", width: 16, height: 16, "aria-hidden": "true" }, sign);
  const line = document.createElement("li");
  line.append(picture, " ", name);
  return line;
}
