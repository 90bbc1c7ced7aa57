// What those who come from Python type, and what the hint says.

export const mistakes = [
  ["import socket", /udp::bind/],
  ['print(f"x");', /`/],
  ["let p = |pkt| if random() < 0.2 { pass } else { drop() };", /pass\(\)/],
  ["x = 5;", /let x/],
  ["let drop_policy = |pkt| if random() < 0.2 { dorp() } else { pass() };", /drop/],
  ["let s = udp::bnd(\"127.0.0.1:0\");", /bind/],
  ["def double(x):\n    return 2 * x", /fn /],
  ["print(“hello”);", /quote/],
  ["let n = len(\"abc\");\nlet t = None;", /\(\)|len/],
  ["for i in range(0, 3) {\nprint(i)", /\}/],
];
