//! Messages for calls that fit no function.

#[test]
fn messages() {
    super::check(&CASES);
}

/// Script, and the whole message for it.
const CASES: [(&str, &str); 24] = [
    (
        r#"prnt(1);"#,
        r#"
error: no function `prnt`
  --> main.rhai:1:1
    1 | prnt(1);
      | ^
  hint: did you mean `print`?
"#,
    ),
    (
        r#"println("x");"#,
        r#"
error: no function `println`
  --> main.rhai:1:1
    1 | println("x");
      | ^
  hint: write: print("x");
"#,
    ),
    (
        r#"bind("0.0.0.0:0");"#,
        r#"
error: no function `bind`
  --> main.rhai:1:1
    1 | bind("0.0.0.0:0");
      | ^
  hint: did you mean `tcp::bind` or `udp::bind`?
"#,
    ),
    (
        r#"udp::bnd("x");"#,
        r#"
error: no function `udp::bnd`
  --> main.rhai:1:6
    1 | udp::bnd("x");
      |      ^
  hint: did you mean `udp::bind`?
  hint: it is called as udp::bind(addr: string)
"#,
    ),
    (
        r#"udp::bind(5);"#,
        r#"
error: an address is one text
  --> main.rhai:1:6
    1 | udp::bind(5);
      |      ^
  hint: write: udp::bind("127.0.0.1:5");
"#,
    ),
    (
        r#"loss(1);"#,
        r#"
error: `loss` cannot be called with (integer)
  --> main.rhai:1:1
    1 | loss(1);
      | ^
  hint: argument 1 is a float: write it with a point, as in `1.0`, or use .to_float()
  hint: it is called as loss(float)
"#,
    ),
    (
        r#"let sock = udp::bind("x");
sock.recv(5);"#,
        r#"
error: `Socket.recv` cannot be called with (integer)
  --> main.rhai:2:6
    2 | sock.recv(5);
      |      ^
  hint: argument 1 is a Duration: give the number its unit, as in `1.s` or `250.ms`
  hint: it is called as Socket.recv(Duration)
"#,
    ),
    (
        r#"let sock = udp::bind("x");
sock.ping("a:1", 0.5);"#,
        r#"
error: `Socket.ping` cannot be called with (string, float)
  --> main.rhai:2:6
    2 | sock.ping("a:1", 0.5);
      |      ^
  hint: argument 2 is a Duration: give the number its unit, as in `1.s` or `250.ms`
  hint: it is called as Socket.ping(to: string, timeout: Duration)
"#,
    ),
    (
        r#"let sock = udp::bind("x");
sock.ping("a:1");"#,
        r#"
error: `Socket.ping` cannot be called with (string)
  --> main.rhai:2:6
    2 | sock.ping("a:1");
      |      ^
  hint: it is called as Socket.ping(to: string, timeout: Duration)
"#,
    ),
    (
        r#"let sock = udp::bind("x");
sock.png("a:1", 1.s);"#,
        r#"
error: a Socket has no method `png`
  --> main.rhai:2:6
    2 | sock.png("a:1", 1.s);
      |      ^
  hint: did you mean `ping`?
"#,
    ),
    (
        r#"let n = 5;
n.recv(1.s);"#,
        r#"
error: an integer has no method `recv`
  --> main.rhai:2:3
    2 | n.recv(1.s);
      |   ^
  hint: `recv` is a method of a Socket
"#,
    ),
    (
        r#"let sock = udp::bind("x");
sock.timeout();"#,
        r#"
error: a Socket has no method `timeout`
  --> main.rhai:2:6
    2 | sock.timeout();
      |      ^
  hint: `timeout` is a property: leave out the brackets
"#,
    ),
    (
        r#"let sock = udp::bind("x");
serve(sock, 5 > 3);"#,
        r#"
error: `serve` cannot be called with (Socket, bool)
  --> main.rhai:2:1
    2 | serve(sock, 5 > 3);
      | ^
  hint: argument 2 is a closure: put | | with its parameters before the expression, as in `|pkt| …`
  hint: it is called as serve(Socket, closure)
"#,
    ),
    (
        r#"let sock = udp::bind("x");
serve(sock, |pkt| pkt.foo);"#,
        r#"
error: the closure has 1 parameter more than it is given here
  --> main.rhai:2:1
    2 | serve(sock, |pkt| pkt.foo);
      | ^
  hint: the closure must take no parameter: write ||
"#,
    ),
    (
        r#"fn add(a, b) { a + b }
add(1);"#,
        r#"
error: `add` cannot be called with (integer)
  --> main.rhai:2:1
    2 | add(1);
      | ^
  hint: it is called as add(a, b)
"#,
    ),
    (
        r#"let twice = |x| 2 * x;
twice(5);"#,
        r#"
error: `twice` is a variable, not a function
  --> main.rhai:2:1
    2 | twice(5);
      | ^
  hint: a closure in a variable is called with .call: twice.call(…)
"#,
    ),
    (
        r#"let x = print("a");
x.trim();"#,
        r#"
error: () (no value) has no method `trim`
  --> main.rhai:2:3
    2 | x.trim();
      |   ^
  hint: the value before the dot is (): a call without a result, or a missing value
"#,
    ),
    (
        r#"[1, 2].map(|x| x.nothing());"#,
        r#"
error: an integer has no method `nothing`
  --> main.rhai:1:18
    1 | [1, 2].map(|x| x.nothing());
      |                  ^
  in a closure, called by `map` at main.rhai:1:8
  hint: is this the value you mean? print(…) shows it
"#,
    ),
    (
        r#""abc" - 1;"#,
        r#"
error: `-` does not work between a string and an integer
  --> main.rhai:1:7
    1 | "abc" - 1;
      |       ^
  hint: turn text into a number first: parse_int(text) or parse_float(text)
"#,
    ),
    (
        r#"1.s + 3;"#,
        r#"
error: `+` does not work between a Duration and an integer
  --> main.rhai:1:5
    1 | 1.s + 3;
      |     ^
  hint: give the number its unit: `1.s` or `250.ms`; or take the number out of the duration: `d.ms`
"#,
    ),
    (
        r#"-"abc";"#,
        r#"
error: `-` cannot be put before a string
  --> main.rhai:1:1
    1 | -"abc";
      | ^
  hint: it needs a number
"#,
    ),
    (
        r#"() + 1;"#,
        r#"
error: `+` does not work between () (no value) and an integer
  --> main.rhai:1:4
    1 | () + 1;
      |    ^
  hint: one side is (): a call without a result, or a field that the map does not have yet: m["n"] = (m.get("n") ?? 0) + 1
"#,
    ),
    (
        r#"() * 2;"#,
        r#"
error: `*` does not work between () (no value) and an integer
  --> main.rhai:1:4
    1 | () * 2;
      |    ^
  hint: one side is (), which is what a call without a result and a missing value give
"#,
    ),
    (
        r#"if 1 in 5 { }"#,
        r#"
error: `in` cannot look inside an integer
  --> main.rhai:1:6
    1 | if 1 in 5 { }
      |      ^
  hint: it looks for an item of an array, a key of a map, a part of a string, or a number of a range
"#,
    ),
];
