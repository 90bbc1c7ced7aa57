// Where the nodes of the topology stand: in columns by their distance from the first one.

const LEAST_WIDE = 190;
/** What a letter of a link's text takes, and a host beside it. */
const LETTER = 6.4;
const HOST = 110;
const HIGH = 84;
/** So many stand above each other at most. */
const TALL = 11;

/** `{ places: Map id -> {x, y}, width, height }`; `letters` is the length of the longest text of a link. */
export function layout(nodes, links, letters) {
  const neighbours = new Map([...nodes.keys()].map((id) => [id, []]));
  for (const { ends: [a, b] } of links) {
    neighbours.get(a)?.push(b);
    neighbours.get(b)?.push(a);
  }
  const columns = [];
  const seen = new Set();
  for (const root of nodes.keys()) {
    if (seen.has(root)) continue;
    seen.add(root);
    let level = [root];
    for (let depth = 0; level.length > 0; depth += 1) {
      (columns[depth] ??= []).push(...level);
      const next = [];
      for (const id of level) {
        for (const peer of neighbours.get(id)) {
          if (seen.has(peer)) continue;
          seen.add(peer);
          next.push(peer);
        }
      }
      level = next;
    }
  }
  return placed(columns, Math.max(LEAST_WIDE, HOST + letters * LETTER));
}

function placed(columns, wide) {
  // A column of many stands in several beside each other.
  const parts = columns.flatMap((column) => {
    const count = Math.ceil(column.length / TALL);
    return Array.from({ length: count }, (_, at) => column.filter((_, place) => place % count === at));
  });
  const most = Math.max(1, ...parts.map((part) => part.length));
  const step = most > 6 ? Math.max(40, 520 / most) : HIGH;
  const height = Math.max(150, most * step + 30);
  const places = new Map();
  parts.forEach((part, x) => {
    // Breadth first: the children of one parent stand together.
    part.forEach((id, y) => {
      places.set(id, { x: (x + 0.5) * wide, y: height / 2 + (y - (part.length - 1) / 2) * step + (x % 2) * (step / 4) });
    });
  });
  return { places, width: Math.max(1, parts.length) * wide, height, small: step < HIGH };
}
