//! Forms of Python: statements, several names at once, texts.

use super::Case;

#[rustfmt::skip]
pub(super) const FORMS: &[Case] = &[
    (
        r##"raise ValueError("a");"##,
        3,
        r##"
error: `raise` is not a word of this language
  --> -e:1:1
    1 | raise ValueError("a");
      | ^
  hint: write: throw "a";
"##,
    ),
    (
        r##"let d = #{a: 1}; for k, v in d.items() { print(k); }"##,
        3,
        r##"
error: a map has no method `items`
  --> -e:1:23
    1 | let d = #{a: 1}; for k, v in d.items() { print(k); }
      |                       ^
  hint: write: let d = #{a: 1}; for k in d.keys() { let v = d[k]; print(k); }
"##,
    ),
    (
        r##"if isinstance(5, int) { print(1); }"##,
        3,
        r##"
error: no function `isinstance`
  --> -e:1:18
    1 | if isinstance(5, int) { print(1); }
      |                  ^
  hint: write: if type_of(5) == "integer" { print(1); }
"##,
    ),
    (
        r##"let c = true; assert(c, "m");"##,
        3,
        r##"
error: no function `assert`
  --> -e:1:15
    1 | let c = true; assert(c, "m");
      |               ^
  hint: write: expect(c, true, "m");
"##,
    ),
    (
        r##"let x = 1; assert x == 1, "m""##,
        3,
        r##"
error: `assert` is not a word of this language
  --> -e:1:12
    1 | let x = 1; assert x == 1, "m"
      |            ^
  hint: write: expect(x, 1, "m")
"##,
    ),
    (
        r##"let l = [1, 2, 3]; l[1:-1]"##,
        3,
        r##"
error: a part is not taken with `[from:to]`
  --> -e:1:23
    1 | let l = [1, 2, 3]; l[1:-1]
      |                       ^
  hint: write: l.extract(1..l.len - 1)
"##,
    ),
    (
        r##"let l = [1, 2, 3]; l[::-1]"##,
        3,
        r##"
error: a part is not taken with `[from:to]`
  --> -e:1:22
    1 | let l = [1, 2, 3]; l[::-1]
      |                      ^
  hint: write: l.reverse()
  hint: it turns the list itself round
"##,
    ),
    (
        r##"let sock = udp::bind("127.0.0.1:0"); let data, addr = sock.recvfrom(1024);"##,
        3,
        r##"
error: one name stands to the left of =
  --> -e:1:46
    1 | let sock = udp::bind("127.0.0.1:0"); let data, addr = sock.recvfrom(1024);
      |                                              ^
  hint: write: let pkt = sock.recv(); let data = pkt.data; let addr = pkt.from;
"##,
    ),
    (
        r##"let l = tcp::listen("127.0.0.1:0"); conn, addr = l.accept();"##,
        3,
        r##"
error: one name stands to the left of =
  --> -e:1:37
    1 | let l = tcp::listen("127.0.0.1:0"); conn, addr = l.accept();
      |                                     ^
  hint: write: let conn = l.accept(); let addr = conn.peer;
"##,
    ),
    (
        r##"let data = "abcd"; a, b = struct.unpack("!HH", data);"##,
        3,
        r##"
error: one name stands to the left of =
  --> -e:1:20
    1 | let data = "abcd"; a, b = struct.unpack("!HH", data);
      |                    ^
  hint: write: let r = reader(data); let a = r.u16(); let b = r.u16();
"##,
    ),
    (
        r##"let a = 1; let b = 2; a, b = b, a;"##,
        3,
        r##"
error: one name stands to the left of =
  --> -e:1:24
    1 | let a = 1; let b = 2; a, b = b, a;
      |                        ^
  hint: write: let old = a; a = b; b = old;
"##,
    ),
    (
        r##"start = time.time();"##,
        3,
        r##"
error: no variable `start` is known here
  --> -e:1:1
    1 | start = time.time();
      | ^
  hint: a new variable is declared with let: let start = unix_time();
"##,
    ),
    (
        r##"start = time.perf_counter();"##,
        3,
        r##"
error: no variable `start` is known here
  --> -e:1:1
    1 | start = time.perf_counter();
      | ^
  hint: a new variable is declared with let: let start = unix_time();
"##,
    ),
    (
        r##"let x = 5.0; print(f"{x:.2f} ms");"##,
        3,
        r##"
error: `f"…"` is not a form of text here: values stand between back-ticks
  --> -e:1:20
    1 | let x = 5.0; print(f"{x:.2f} ms");
      |                    ^
  hint: write: print(`${fixed(x, 2)} ms`);
"##,
    ),
    (
        r##"let x = 5.0; print("%.2f ms" % x);"##,
        3,
        r##"
error: `%` does not put values into a text
  --> -e:1:30
    1 | let x = 5.0; print("%.2f ms" % x);
      |                              ^
  hint: write: print(`${fixed(x, 2)} ms`);
"##,
    ),
    (
        r##"let x = 5.0; print("{:.1f} of {n}".format(x, n=3));"##,
        3,
        r##"
error: a text has no method `format`
  --> -e:1:46
    1 | let x = 5.0; print("{:.1f} of {n}".format(x, n=3));
      |                                              ^
  hint: write: print(`${fixed(x, 1)} of ${3}`);
"##,
    ),
    (
        r##"let c = true; print("a" if c else "b");"##,
        3,
        r##"
error: `if` stands before both values
  --> -e:1:25
    1 | let c = true; print("a" if c else "b");
      |                         ^
  hint: write: print(if c { "a" } else { "b" });
"##,
    ),
    (
        r##"let x = true; if not x: print(1)"##,
        3,
        r##"
error: a block stands between { }, not after a colon
  --> -e:1:18
    1 | let x = true; if not x: print(1)
      |                  ^
  hint: write: if !x { print(1) }
"##,
    ),
    (
        r##"for i, x in enumerate([1]): print(x)"##,
        3,
        r##"
error: a block stands between { }, not after a colon
  --> -e:1:6
    1 | for i, x in enumerate([1]): print(x)
      |      ^
  hint: write: for (x, i) in [1] { print(x) }
"##,
    ),
    (
        r##"def f(a=1): return a"##,
        3,
        r##"
error: a block stands between { }, not after a colon
  --> -e:1:1
    1 | def f(a=1): return a
      | ^
  hint: write: fn f(a) { return a }
"##,
    ),
    (
        r##"fn f(a, b=2) { a }"##,
        3,
        r##"
error: a parameter has no default value
  --> -e:1:10
    1 | fn f(a, b=2) { a }
      |          ^
  hint: write: fn f(a, b) { a }
  hint: and a second function for the default: fn f(a) { f(a, 2) }
"##,
    ),
    (
        r##"sock.bind(("", 12000));"##,
        3,
        r##"
error: a socket has its address from the call that makes it
  --> -e:1:1
    1 | sock.bind(("", 12000));
      | ^
  hint: write: let sock = udp::bind("0.0.0.0:12000");
  hint: a server of TCP: let listener = tcp::listen("0.0.0.0:12000")
"##,
    ),
    (
        r##"struct.pack("!BBHHH", 8, 0, 0, 1, 2);"##,
        3,
        r##"
error: there is no `struct` here
  --> -e:1:1
    1 | struct.pack("!BBHHH", 8, 0, 0, 1, 2);
      | ^
  hint: write: bytes().u8(8).u8(0).u16(0).u16(1).u16(2);
"##,
    ),
];
