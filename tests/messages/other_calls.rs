//! Forms of other languages: calls, arguments and texts.

use super::Case;

#[rustfmt::skip]
pub(super) const FORMS: &[Case] = &[
    (
        r##"set_policy(udp::bind("127.0.0.1:0"), |pkt| if random() < 0.1 { drop() } else { pass });"##,
        3,
        r##"
error: `pass` is a function: it is called with brackets
  --> -e:1:80
    1 | set_policy(udp::bind("127.0.0.1:0"), |pkt| if random() < 0.1 { drop() } else { pass });
      |                                                                                ^
  hint: write: set_policy(udp::bind("127.0.0.1:0"), |pkt| if random() < 0.1 { drop() } else { pass() });
  hint: pass() is the verdict of a policy; a block that does nothing is empty: { }
"##,
    ),
    (
        r##"fn serve(conn) { () } let conn = 1; start_thread(serve(conn));"##,
        3,
        r##"
error: `serve(conn)` is called here, before there is a thread or a host to run it
  --> -e:1:37
    1 | fn serve(conn) { () } let conn = 1; start_thread(serve(conn));
      |                                     ^
  hint: write: start_thread(|| serve(conn));
"##,
    ),
    (
        r##"udp::bind("127.0.0.1", 11000);"##,
        3,
        r##"
error: an address is one text
  --> -e:1:6
    1 | udp::bind("127.0.0.1", 11000);
      |      ^
  hint: write: udp::bind("127.0.0.1:11000");
"##,
    ),
    (
        r##"let port = 12000; tcp::listen("127.0.0.1", port);"##,
        3,
        r##"
error: an address is one text
  --> -e:1:24
    1 | let port = 12000; tcp::listen("127.0.0.1", port);
      |                        ^
  hint: write: tcp::listen(`127.0.0.1:${port}`);
"##,
    ),
    (
        r##"udp::bind(("127.0.0.1", 11000));"##,
        3,
        r##"
error: an address is one text
  --> -e:1:23
    1 | udp::bind(("127.0.0.1", 11000));
      |                       ^
  hint: write: udp::bind("127.0.0.1:11000");
"##,
    ),
    (
        r##"udp::bind(11000);"##,
        3,
        r##"
error: an address is one text
  --> -e:1:6
    1 | udp::bind(11000);
      |      ^
  hint: write: udp::bind("127.0.0.1:11000");
"##,
    ),
    (
        r##"let x = 1; print(f"x is {x}");"##,
        3,
        r##"
error: `f"…"` is not a form of text here: values stand between back-ticks
  --> -e:1:18
    1 | let x = 1; print(f"x is {x}");
      |                  ^
  hint: write: print(`x is ${x}`);
"##,
    ),
    (
        r##"import socket
let s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);"##,
        3,
        r##"
error: there is no module `socket` to import
  --> -e:1:8
    1 | import socket
      |        ^
  hint: leave this line out; write: udp::bind("127.0.0.1:11000"), udp::open(server), tcp::connect(server)
"##,
    ),
    (
        r##"import udp; let s = udp::bind("127.0.0.1:0");"##,
        3,
        r##"
error: there is no module `udp` to import
  --> -e:1:8
    1 | import udp; let s = udp::bind("127.0.0.1:0");
      |        ^
  hint: write: let s = udp::bind("127.0.0.1:0");
  hint: nothing is to be imported: write udp::
"##,
    ),
    (
        r##"while True: pass"##,
        3,
        r##"
error: a block stands between { }, not after a colon
  --> -e:1:7
    1 | while True: pass
      |       ^
  hint: write: while true { }
"##,
    ),
    (
        r##"import socket;"##,
        3,
        r##"
error: there is no module `socket` to import
  --> -e:1:8
    1 | import socket;
      |        ^
  hint: leave this line out; write: udp::bind("127.0.0.1:11000"), udp::open(server), tcp::connect(server)
"##,
    ),
    (
        r##"let s = udp::bind("127.0.0.1:0"); s.recv(timeout=1.s);"##,
        3,
        r##"
error: `timeout=` does not name an argument: they have no names
  --> -e:1:42
    1 | let s = udp::bind("127.0.0.1:0"); s.recv(timeout=1.s);
      |                                          ^
  hint: write: s.recv(1.s);
"##,
    ),
    (
        r##"let s = udp::bind("127.0.0.1:0"); s.ping(s.addr, "x", timeout=1.s, late=2);"##,
        3,
        r##"
error: `timeout=` does not name an argument: they have no names
  --> -e:1:55
    1 | let s = udp::bind("127.0.0.1:0"); s.ping(s.addr, "x", timeout=1.s, late=2);
      |                                                       ^
  hint: write: s.ping(s.addr, "x", #{ timeout: 1.s, late: 2 });
"##,
    ),
    (
        r##"let s = udp::bind("127.0.0.1:0"); s.ping(s.addr, "x", { timeout: 1.s });"##,
        3,
        r##"
error: a map begins with `#{`, a block with `{`
  --> -e:1:57
    1 | let s = udp::bind("127.0.0.1:0"); s.ping(s.addr, "x", { timeout: 1.s });
      |                                                         ^
  hint: write: s.ping(s.addr, "x", #{ timeout: 1.s });
"##,
    ),
    (
        r##"let m = {"a": 1};"##,
        3,
        r##"
error: a map begins with `#{`, a block with `{`
  --> -e:1:13
    1 | let m = {"a": 1};
      |             ^
  hint: write: let m = #{a: 1};
"##,
    ),
    (
        r##"let x = 3; print("x is %d" % x);"##,
        3,
        r##"
error: `%` does not put values into a text
  --> -e:1:28
    1 | let x = 3; print("x is %d" % x);
      |                            ^
  hint: write: print(`x is ${x}`);
"##,
    ),
    (
        r##"let a = 1; print("%d of %s" % (a, "b"));"##,
        3,
        r##"
error: `%` does not put values into a text
  --> -e:1:33
    1 | let a = 1; print("%d of %s" % (a, "b"));
      |                                 ^
  hint: write: print(`${a} of ${"b"}`);
"##,
    ),
    (
        r##"print("a {} b".format(1));"##,
        3,
        r##"
error: a text has no method `format`
  --> -e:1:16
    1 | print("a {} b".format(1));
      |                ^
  hint: write: print(`a ${1} b`);
"##,
    ),
    (
        r##"print("=" * 20);"##,
        3,
        r##"
error: `*` does not repeat a text
  --> -e:1:11
    1 | print("=" * 20);
      |           ^
  hint: write: print("=".repeat(20));
"##,
    ),
    (
        r##"let l = [1, 2, 3, 4]; print(l[1:3]);"##,
        3,
        r##"
error: a part is not taken with `[from:to]`
  --> -e:1:32
    1 | let l = [1, 2, 3, 4]; print(l[1:3]);
      |                                ^
  hint: write: print(l.extract(1..3));
"##,
    ),
    (
        r##"let s = "abc"; print(s[1:]);"##,
        3,
        r##"
error: a part is not taken with `[from:to]`
  --> -e:1:25
    1 | let s = "abc"; print(s[1:]);
      |                         ^
  hint: write: print(s.sub_string(1));
"##,
    ),
    (
        r##"let m = #{ "1": 2 }; let x = 1; if x in m { print("y"); }"##,
        3,
        r##"
error: the keys of a map are strings, and an integer is none
  --> -e:1:38
    1 | let m = #{ "1": 2 }; let x = 1; if x in m { print("y"); }
      |                                      ^
  hint: write: x.to_string() in m
"##,
    ),
    (
        r##"let name = input("name? ");"##,
        3,
        r##"
error: no function `input`
  --> -e:1:12
    1 | let name = input("name? ");
      |            ^
  hint: a script declares what it asks for: const OPT = options([ ask("name", "", "Enter a name:") ]); then OPT.name
"##,
    ),
    (
        r##"let f = open("x.txt");"##,
        3,
        r##"
error: no function `open`
  --> -e:1:9
    1 | let f = open("x.txt");
      |         ^
  hint: scripts open no files; rows are written with --json FILE, what is printed with > FILE; a socket: udp::open(server)
"##,
    ),
    (
        r##"dir(1);"##,
        3,
        r##"
error: no function `dir`
  --> -e:1:1
    1 | dir(1);
      | ^
  hint: write: help(1);
"##,
    ),
    (
        r##"print(type(1));"##,
        3,
        r##"
error: no function `type`
  --> -e:1:7
    1 | print(type(1));
      |       ^
  hint: write: print(type_of(1));
"##,
    ),
    (
        r##"let data = "abc".encode();"##,
        3,
        r##"
error: there is no method `encode`
  --> -e:1:18
    1 | let data = "abc".encode();
      |                  ^
  hint: write: let data = "abc".to_blob();
"##,
    ),
];
