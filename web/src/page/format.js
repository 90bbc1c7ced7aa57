// Values as people read them. Times are nanoseconds since the start of the run.

import { clean } from "./dom.js";

/** A duration: `0.020 ms`, `2.04 s`. */
export function duration(ns) {
  if (ns === null || ns === undefined) return "–";
  if (Math.abs(ns) >= 1e9) return `${trimmed(ns / 1e9, 3)} s`;
  return `${trimmed(ns / 1e6, 3)} ms`;
}

/** A moment of the run. */
export function moment(ns) {
  if (ns === null || ns === undefined) return "not known";
  return `${trimmed(ns / 1e6, 3)} ms`;
}

function trimmed(value, places) {
  const [whole, part] = value.toFixed(places).split(".");
  return `${whole.replace(/\B(?=(\d{3})+$)/g, " ")}.${part}`;
}

/** Bits a second: `10 Mbit/s`. */
export function rate(bits) {
  const units = [[1e9, "Gbit/s"], [1e6, "Mbit/s"], [1e3, "kbit/s"]];
  const [factor, unit] = units.find(([least]) => bits >= least) ?? [1, "bit/s"];
  return `${Number((bits / factor).toFixed(2))} ${unit}`;
}

/** Random numbers of a verdict. */
export function draws(list) {
  return list.map((draw) => draw.toFixed(3)).join(", ");
}

/** What a frame is, in a few words: `SYN seq 0`, `UDP "ping 3 …"`. */
export function label(row) {
  if (row.tcp) {
    const ack = row.tcp.ack === null ? "" : ` ack ${row.tcp.ack}`;
    const data = row.bytes > 0 ? ` len ${row.bytes} "${row.text}"` : "";
    return clean(`${row.tcp.flags} seq ${row.tcp.seq}${ack}${data}`);
  }
  if (row.icmp) {
    const id = row.icmp.id === null || row.icmp.id === undefined ? "" : ` id ${row.icmp.id}`;
    const seq = row.icmp.seq === null || row.icmp.seq === undefined ? "" : ` seq ${row.icmp.seq}`;
    return clean(`${row.icmp.name}${id}${seq}`);
  }
  const name = String(row.protocol).toUpperCase();
  if (!row.text || row.protocol === "arp") return clean(`${name} ${row.bytes} bytes`);
  return clean(`${name} ${row.bytes} bytes "${row.text}"`);
}

/** The same, short: `ping 3`, `SYN seq 0`. */
export function shortLabel(row) {
  const ping = /^(?:ping|reply)\s+\d+/i.exec(row.text ?? "");
  if (ping && !row.tcp) return ping[0];
  if (row.tcp) return clean(`${row.tcp.flags} seq ${row.tcp.seq}${row.bytes > 0 ? ` ${ping ? ping[0] : `len ${row.bytes}`}` : ` ack ${row.tcp.ack ?? 0}`}`);
  return label(row);
}

/** What happened to it: `dropped by loss(0.2), random number 0.113`. */
export function outcome(row) {
  let text = { carried: "arrived", sent: "sent", received: "arrived" }[row.fate] ?? row.fate;
  if (row.detail && !/^re(ject|place)/.test(row.detail)) text = row.detail;
  if (row.cause) text += ` by ${row.cause}`;
  if (row.draws?.length > 0) text += `, random number ${draws(row.draws)}`;
  if (row.at?.startsWith("ingress")) text += `, at the ${row.at}`;
  return clean(text);
}

/** A number with what is counted: `1 packet`, `2 packets`. */
export function count(number, what) {
  return `${number.toLocaleString("en")} ${what}${number === 1 ? "" : "s"}`;
}
