// What is sent at one socket and received at another of the same run is one packet.

import { split } from "./rows.js";

/** So many senders wait for their receipt at most. */
const MOST = 20_000;

/** Keeps what was sent; called with the row of what was received it gives the packet that was sent. */
export function pairing() {
  const waiting = new Map();
  const key = (row) => JSON.stringify([row.protocol, split(row.from)[1], split(row.to)[1], row.bytes, row.text]);
  const received = (row) => {
    if (row.fate !== "received") return null;
    const list = waiting.get(key(row));
    const frame = list?.shift() ?? null;
    if (list?.length === 0) waiting.delete(key(row));
    return frame;
  };
  received.sent = (frame) => {
    if (waiting.size >= MOST) waiting.clear();
    const at = key(frame.row);
    if (!waiting.has(at)) waiting.set(at, []);
    waiting.get(at).push(frame);
  };
  return received;
}

/** The number of the ping that a frame belongs to, or null. */
export function seqOf(row) {
  if (row.icmp?.seq !== null && row.icmp?.seq !== undefined) return row.icmp.seq;
  const found = /^(?:ping|reply|request)\s+(\d+)/i.exec(row.text ?? "");
  return found ? Number(found[1]) : null;
}

/** The probe of a frame, or null: by the port that asked and by its number. */
export function probeOf(frame, probes) {
  const seq = seqOf(frame.row);
  if (seq === null) return null;
  const ports = [frame.row.from, frame.row.to].map((address) => split(address)[1]);
  const id = frame.row.icmp?.id;
  const matches = (probe) => {
    const port = split(probe.from)[1];
    return probe.seq === seq && (ports.includes(port) || port === id);
  };
  return probes.find(matches) ?? null;
}

/** The frames of a probe. */
export function framesOf(probe, frames) {
  return frames.filter((frame) => probeOf(frame, [probe]) !== null);
}
