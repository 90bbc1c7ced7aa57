// Who takes part in a run: the hosts of its labs, or, outside of labs, the ends that its sockets send from and to.

import { split } from "./rows.js";

const UNSPECIFIED = /^(0\.0\.0\.0|::)$/;
const LOOPBACK = /^(127\.|::1$|0\.0\.0\.0$|::$)/;

/** At most so many ends are drawn; the others share one. */
const MOST = 60;

export class Nodes {
  constructor() {
    /** By id, in the order of appearance. */
    this.all = new Map();
    this.links = new Map();
  }

  /** A host of a lab, from its row. */
  host(row) {
    const known = this.#node(row.name, row.name);
    known.addrs = row.addrs ?? [];
    known.router = row.router === true;
    known.isHost = true;
    return known;
  }

  /** A link of a lab, from its row. */
  link(row) {
    for (const end of row.ends) this.#node(end, end).isHost = true;
    const found = this.between(...row.ends);
    Object.assign(found, { name: row.name, row });
  }

  /** The host of this name, also where its row is missing. */
  named(name) {
    const node = this.#node(name, name);
    node.isHost = true;
    return node;
  }

  /** The end of a socket of this run. All that is local goes by its port alone, since one row says 0.0.0.0 and another 127.0.0.1. */
  own(address) {
    const [ip, port] = split(address);
    return this.#end(port === 0 && UNSPECIFIED.test(ip) ? "this machine" : port === 0 ? ip : `:${port}`, ip, address);
  }

  /** The other end. */
  peer(address) {
    const [ip, port] = split(address);
    if (port === 0) return this.#end(ip, ip, ip);
    return this.#end(LOOPBACK.test(ip) || this.all.get(`:${port}`)?.ip === ip ? `:${port}` : address, ip, address);
  }

  /** Who asks and who replies, where the ends are sockets. */
  role(probe) {
    const [asks, replies] = [this.all.get(`:${split(probe.from)[1]}`), this.peer(probe.to)];
    if (asks) asks.role = "pings";
    if (!replies.isHost) replies.role ??= "replies";
  }

  /** The link between two nodes, made where there is none. */
  between(a, b) {
    const key = a < b ? `${a}\n${b}` : `${b}\n${a}`;
    if (!this.links.has(key)) this.links.set(key, { key, name: `${a}-${b}`, ends: [a, b], row: null });
    return this.links.get(key);
  }

  #end(id, ip, address) {
    const node = this.#node(id, address);
    if (!node.ip || (UNSPECIFIED.test(node.ip) && !UNSPECIFIED.test(ip))) {
      node.ip = ip;
      node.name = address;
      node.addrs = [address];
    }
    return node;
  }

  #node(id, name) {
    if (!this.all.has(id)) {
      if (this.all.size >= MOST) {
        id = "others";
        name = "all others";
      }
      if (!this.all.has(id)) this.all.set(id, { id, name, addrs: [], router: false, isHost: false, counts: {} });
    }
    return this.all.get(id);
  }
}
