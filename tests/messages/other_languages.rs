//! Forms of other languages, each with the corrected line as its hint.

use super::{Case, check_scripts};
use pingscript::bindings::context::Programs;
use pingscript::engine::programs::ScriptHost;

#[test]
fn the_hint_is_the_corrected_line() {
    check_scripts(FORMS);
}

#[test]
fn the_corrected_line_can_be_read() {
    let host = ScriptHost::for_checking();
    let lines = FORMS.iter().filter_map(|(.., message)| message.split("  hint: write: ").nth(1)?.lines().next());
    for line in lines {
        assert!(host.engine().compile(line).is_ok(), "{line}");
    }
    assert!(FORMS.len() > 60);
}

#[rustfmt::skip]
const FORMS: &[Case] = &[
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
    (
        r##"for i in range(5) { print(i); }"##,
        3,
        r##"
error: `range` cannot be called with (5)
  --> -e:1:10
    1 | for i in range(5) { print(i); }
      |          ^
  hint: write: for i in 0..5 { print(i); }
"##,
    ),
    (
        r##"print(“hi”);"##,
        3,
        r##"
error: `“` is a typographic quote (U+201C), not `"`
  --> -e:1:7
    1 | print(“hi”);
      |       ^
  hint: write: print("hi");
"##,
    ),
    (
        r##"let c = ‘x’;"##,
        3,
        r##"
error: `‘` is a typographic quote (U+2018), not `'`
  --> -e:1:9
    1 | let c = ‘x’;
      |         ^
  hint: write: let c = "x";
"##,
    ),
    (
        r##"let x = 5 – 3;"##,
        3,
        r##"
error: `–` is a typographic dash (U+2013), not `-`
  --> -e:1:11
    1 | let x = 5 – 3;
      |           ^
  hint: write: let x = 5 - 3;
"##,
    ),
    (
        r##"let x = 2 × 3;"##,
        3,
        r##"
error: `×` is a typographic sign (U+00D7), not `*`
  --> -e:1:11
    1 | let x = 2 × 3;
      |           ^
  hint: write: let x = 2 * 3;
"##,
    ),
    (
        r##"let x = 5 − 3;"##,
        3,
        r##"
error: `−` is a typographic dash (U+2212), not `-`
  --> -e:1:11
    1 | let x = 5 − 3;
      |           ^
  hint: write: let x = 5 - 3;
"##,
    ),
    (
        r##"for i in 0…5 {}"##,
        3,
        r##"
error: `…` is an ellipsis (U+2026), not `..`
  --> -e:1:10
    1 | for i in 0…5 {}
      |          ^
  hint: write: for i in 0..5 {}
"##,
    ),
    (
        r##"print（"x"）;"##,
        3,
        r##"
error: `（` is a wide bracket (U+FF08), not `(`
  --> -e:1:1
    1 | print（"x"）;
      | ^
  hint: write: print("x");
"##,
    ),
    (
        "let\u{a0}x = 1;",
        3,
        "
error: there is an invisible character here: a space of a page (U+00A0)
  --> -e:1:4
    1 | let\u{a0}x = 1;
      |    ^
  hint: write: let x = 1;
  hint: text copied from a page may have it; type the place again
",
    ),
    (
        "let x\u{200b} = 1;",
        3,
        "
error: there is an invisible character here: a space without width (U+200B)
  --> -e:1:6
    1 | let x\u{200b} = 1;
      |      ^
  hint: write: let x = 1;
  hint: text copied from a page may have it; type the place again
",
    ),
    (
        r##"try { print(1); } except Exception as e { print(2); }"##,
        3,
        r##"
error: `except` is not a word of this language
  --> -e:1:19
    1 | try { print(1); } except Exception as e { print(2); }
      |                   ^
  hint: write: try { print(1); } catch (e) { print(2); }
"##,
    ),
    (
        r##"try { print(1); } finally { print(2); }"##,
        3,
        r##"
error: there is no `finally`
  --> -e:1:19
    1 | try { print(1); } finally { print(2); }
      |                   ^
  hint: what is always to be done stands after the blocks: try { … } catch (err) { … } sock.close();
"##,
    ),
    (
        r##"for i in range(5): print(i)"##,
        3,
        r##"
error: a block stands between { }, not after a colon
  --> -e:1:18
    1 | for i in range(5): print(i)
      |                  ^
  hint: write: for i in 0..5 { print(i) }
"##,
    ),
    (
        r##"if 2 > 1: print(1)"##,
        3,
        r##"
error: a block stands between { }, not after a colon
  --> -e:1:9
    1 | if 2 > 1: print(1)
      |         ^
  hint: write: if 2 > 1 { print(1) }
"##,
    ),
    (
        r##"if true { print(1); } elif false { print(2); }"##,
        3,
        r##"
error: `elif` is not a word of this language
  --> -e:1:23
    1 | if true { print(1); } elif false { print(2); }
      |                       ^
  hint: write: if true { print(1); } else if false { print(2); }
"##,
    ),
    (
        r##"if true and not false or false { print(1); }"##,
        3,
        r##"
error: `and` is not a word of this language
  --> -e:1:9
    1 | if true and not false or false { print(1); }
      |         ^
  hint: write: if true && !false || false { print(1); }
"##,
    ),
    (
        r##"if 1 not in [2] { print(1); }"##,
        3,
        r##"
error: `not in` is not an operator of this language
  --> -e:1:4
    1 | if 1 not in [2] { print(1); }
      |    ^
  hint: write: if !(1 in [2]) { print(1); }
"##,
    ),
    (
        r##"let x = None;"##,
        3,
        r##"
error: `None` is not a value of this language
  --> -e:1:9
    1 | let x = None;
      |         ^
  hint: write: let x = ();
"##,
    ),
    (
        r##"let x = True;"##,
        3,
        r##"
error: `True` is not a value of this language
  --> -e:1:9
    1 | let x = True;
      |         ^
  hint: write: let x = true;
"##,
    ),
    (
        r##"def f(x): return x"##,
        3,
        r##"
error: a block stands between { }, not after a colon
  --> -e:1:1
    1 | def f(x): return x
      | ^
  hint: write: fn f(x) { return x }
"##,
    ),
    (
        r##"let f = lambda x: x + 1;"##,
        3,
        r##"
error: `lambda` is not a word of this language
  --> -e:1:9
    1 | let f = lambda x: x + 1;
      |         ^
  hint: write: let f = |x| x + 1;
"##,
    ),
    (
        r##"print "x";"##,
        3,
        r##"
error: `print` is a function: it is called with brackets
  --> -e:1:1
    1 | print "x";
      | ^
  hint: write: print("x");
"##,
    ),
    (
        r##"let x = 1; print("x:", x);"##,
        3,
        r##"
error: `print` takes one value
  --> -e:1:12
    1 | let x = 1; print("x:", x);
      |            ^
  hint: write: print(`x: ${x}`);
"##,
    ),
    (
        r##"time.sleep(1);"##,
        3,
        r##"
error: there is no `time` here
  --> -e:1:1
    1 | time.sleep(1);
      | ^
  hint: write: sleep(1.s);
"##,
    ),
    (
        r##"let x = random.randint(0, 10);"##,
        3,
        r##"
error: there is no `random` here
  --> -e:1:9
    1 | let x = random.randint(0, 10);
      |         ^
  hint: write: let x = random(0, 10);
"##,
    ),
    (
        r##"for (int i = 0; i < 5; i++) { print(i); }"##,
        3,
        r##"
error: a `for` has no start, condition and step: it goes through a range
  --> -e:1:10
    1 | for (int i = 0; i < 5; i++) { print(i); }
      |          ^
  hint: write: for i in 0..5 { print(i); }
"##,
    ),
    (
        r##"int x = 5;"##,
        3,
        r##"
error: variables have no written type
  --> -e:1:1
    1 | int x = 5;
      | ^
  hint: write: let x = 5;
"##,
    ),
    (
        r##"const int N = 5;"##,
        3,
        r##"
error: variables have no written type
  --> -e:1:11
    1 | const int N = 5;
      |           ^
  hint: write: const N = 5;
"##,
    ),
    (
        r##"let i = 0; i++;"##,
        3,
        r##"
error: `++` is not an operator of this language
  --> -e:1:13
    1 | let i = 0; i++;
      |             ^
  hint: write: i += 1;
"##,
    ),
    (
        r##"let x = 5; let y = x > 3 ? 1 : 2;"##,
        3,
        r##"
error: `?` is not an operator of this language
  --> -e:1:26
    1 | let x = 5; let y = x > 3 ? 1 : 2;
      |                          ^
  hint: write: let y = if x > 3 { 1 } else { 2 };
"##,
    ),
    (
        r##"let x = 1 if true else 2;"##,
        3,
        r##"
error: `if` stands before both values
  --> -e:1:11
    1 | let x = 1 if true else 2;
      |           ^
  hint: write: let x = if true { 1 } else { 2 };
"##,
    ),
    (
        r##"for i, x in enumerate([1]) { print(i); }"##,
        3,
        r##"
error: the names of a `for` stand between ( ), the item first
  --> -e:1:6
    1 | for i, x in enumerate([1]) { print(i); }
      |      ^
  hint: write: for (x, i) in [1] { print(i); }
"##,
    ),
    (
        r##"let x = [i * 2 for i in range(5)];"##,
        3,
        r##"
error: a list is not made with `for` between [ ]
  --> -e:1:10
    1 | let x = [i * 2 for i in range(5)];
      |          ^
  hint: write: let x = []; for i in 0..5 { x.push(i * 2); }
"##,
    ),
    (
        r##"let t = (1, 2);"##,
        3,
        r##"
error: several values stand between [ ]
  --> -e:1:11
    1 | let t = (1, 2);
      |           ^
  hint: write: let t = [1, 2];
"##,
    ),
    (
        r##"let f = (a, b) => a + b;"##,
        3,
        r##"
error: a closure has its parameters between | |
  --> -e:1:10
    1 | let f = (a, b) => a + b;
      |          ^
  hint: write: let f = |a, b| a + b;
"##,
    ),
    (
        r##"System.out.println("x");"##,
        3,
        r##"
error: there is no `System` here
  --> -e:1:1
    1 | System.out.println("x");
      | ^
  hint: write: print("x");
"##,
    ),
    (
        r##"printf("%d\n", 5);"##,
        3,
        r##"
error: no function `printf`
  --> -e:1:1
    1 | printf("%d\n", 5);
      | ^
  hint: write: print(`${5}`);
"##,
    ),
    (
        r##"let s = 'hello';"##,
        3,
        r##"
error: single quotes hold one character only
  --> -e:1:9
    1 | let s = 'hello';
      |         ^
  hint: write: let s = "hello";
"##,
    ),
    (
        r##"let s = udp::bind("127.0.0.1:0"); s.sendto("x", ("127.0.0.1", 5));"##,
        3,
        r##"
error: an address is one text
  --> -e:1:61
    1 | let s = udp::bind("127.0.0.1:0"); s.sendto("x", ("127.0.0.1", 5));
      |                                                             ^
  hint: write: s.send_to("x", "127.0.0.1:5");
"##,
    ),
    (
        r##"let s = udp::bind("127.0.0.1:0"); s.recv(1024);"##,
        3,
        r##"
error: `recv` takes no size: it gives the whole message
  --> -e:1:37
    1 | let s = udp::bind("127.0.0.1:0"); s.recv(1024);
      |                                     ^
  hint: write: s.recv();
"##,
    ),
    (
        r##"let x: int = 5;"##,
        3,
        r##"
error: variables have no written type
  --> -e:1:6
    1 | let x: int = 5;
      |      ^
  hint: write: let x = 5;
"##,
    ),
    (
        r##"fn f(x: int) -> int { x }"##,
        3,
        r##"
error: parameters have no written type
  --> -e:1:7
    1 | fn f(x: int) -> int { x }
      |       ^
  hint: write: fn f(x) { x }
"##,
    ),
    (
        r##"assert(1 == 2);"##,
        3,
        r##"
error: no function `assert`
  --> -e:1:1
    1 | assert(1 == 2);
      | ^
  hint: write: expect(1, 2);
"##,
    ),
    (
        r##"raise "x";"##,
        3,
        r##"
error: `raise` is not a word of this language
  --> -e:1:1
    1 | raise "x";
      | ^
  hint: write: throw "x";
"##,
    ),
    (
        r##"sleep(10 ms);"##,
        3,
        r##"
error: a duration is written with a dot
  --> -e:1:10
    1 | sleep(10 ms);
      |          ^
  hint: write: sleep(10.ms);
"##,
    ),
    (
        r##"let n = 5; sleep(1.seconds);"##,
        3,
        r##"
error: there is no unit `seconds`
  --> -e:1:20
    1 | let n = 5; sleep(1.seconds);
      |                    ^
  hint: write: sleep(1.s);
"##,
    ),
    (
        r##"let l = [1]; l.append(2);"##,
        3,
        r##"
error: there is no method `append`
  --> -e:1:16
    1 | let l = [1]; l.append(2);
      |                ^
  hint: write: l.push(2);
"##,
    ),
    (
        r##"x = 5;"##,
        3,
        r##"
error: no variable `x` is known here
  --> -e:1:1
    1 | x = 5;
      | ^
  hint: a new variable is declared with let: let x = 5;
"##,
    ),
];
