//! Forms of other languages: modules, calls, and what a beginner types first.

use super::Case;

#[rustfmt::skip]
pub(super) const FORMS: &[Case] = &[
    (
        r##"tcp::bind("127.0.0.1:7");"##,
        3,
        r##"
error: `tcp::listen` makes a listener, `tcp::connect` a connection
  --> -e:1:6
    1 | tcp::bind("127.0.0.1:7");
      |      ^
  hint: write: tcp::listen("127.0.0.1:7");
"##,
    ),
    (
        r##"udp::listen("127.0.0.1:7");"##,
        3,
        r##"
error: over UDP nothing is connected: `udp::bind` makes the socket of a server
  --> -e:1:6
    1 | udp::listen("127.0.0.1:7");
      |      ^
  hint: write: udp::bind("127.0.0.1:7");
"##,
    ),
    (
        r##"tcp::open("127.0.0.1:7");"##,
        3,
        r##"
error: `tcp::connect` makes a connection
  --> -e:1:6
    1 | tcp::open("127.0.0.1:7");
      |      ^
  hint: write: tcp::connect("127.0.0.1:7");
"##,
    ),
    (
        r##"udp::connect("127.0.0.1:7");"##,
        3,
        r##"
error: `udp::open` makes the socket of a client
  --> -e:1:6
    1 | udp::connect("127.0.0.1:7");
      |      ^
  hint: write: udp::open("127.0.0.1:7");
"##,
    ),
    (
        r##"for (let x of [1,2]) { print(x); }"##,
        3,
        r##"
error: a `for` goes through the values of a list with `in`
  --> -e:1:6
    1 | for (let x of [1,2]) { print(x); }
      |      ^
  hint: write: for x in [1,2] { print(x); }
"##,
    ),
    (
        r##"let x = 2.5; print(x.toFixed(2));"##,
        3,
        r##"
error: a number has no method `toFixed`
  --> -e:1:22
    1 | let x = 2.5; print(x.toFixed(2));
      |                      ^
  hint: write: print(fixed(x, 2));
"##,
    ),
    (
        r##"print(["a","b"].join(", "));"##,
        3,
        r##"
error: `join` waits for tasks here, and joins no texts
  --> -e:1:17
    1 | print(["a","b"].join(", "));
      |                 ^
  hint: write: let text = ""; for (x, i) in list { if i > 0 { text += ", "; } text += x; }
"##,
    ),
    (
        r##"typeof 5;"##,
        3,
        r##"
error: `typeof` is not an operator of this language
  --> -e:1:1
    1 | typeof 5;
      | ^
  hint: write: type_of(5);
"##,
    ),
    (
        r##"process.exit(1);"##,
        3,
        r##"
error: there is no `process` here
  --> -e:1:1
    1 | process.exit(1);
      | ^
  hint: write: exit(1);
"##,
    ),
    (
        r##"let t = Date.now();"##,
        3,
        r##"
error: there is no `Date` here
  --> -e:1:9
    1 | let t = Date.now();
      |         ^
  hint: write: let t = unix_time();
  hint: seconds since 1970, not milliseconds
"##,
    ),
    (
        r##"print("a", end="");"##,
        3,
        r##"
error: `print` takes one value
  --> -e:1:12
    1 | print("a", end="");
      |            ^
  hint: write: print("a");
  hint: each call of print prints a line
"##,
    ),
    (
        r##"try { print(1); } catch (e) { } finally { print(2); }"##,
        3,
        r##"
error: there is no `finally`
  --> -e:1:33
    1 | try { print(1); } catch (e) { } finally { print(2); }
      |                                 ^
  hint: what is always to be done stands after the blocks: try { … } catch (err) { … } sock.close();
"##,
    ),
    (
        r##"with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:"##,
        3,
        r##"
error: `with` is not a word of this language
  --> -e:1:1
    1 | with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
      | ^
  hint: write: let s = udp::bind("127.0.0.1:0");
"##,
    ),
    (
        r##"let s = socket.socket(socket.AF_INET, socket.SOCK_STREAM);"##,
        3,
        r##"
error: there is no `socket` here
  --> -e:1:9
    1 | let s = socket.socket(socket.AF_INET, socket.SOCK_STREAM);
      |         ^
  hint: write: let s = tcp::connect("127.0.0.1:12000");
"##,
    ),
    (
        r##"let x = (); if x is None { print(1); }"##,
        3,
        r##"
error: `is` is not an operator of this language
  --> -e:1:18
    1 | let x = (); if x is None { print(1); }
      |                  ^
  hint: write: let x = (); if x == () { print(1); }
"##,
    ),
    (
        r##"random.choice(["a", "b"]);"##,
        3,
        r##"
error: there is no `random` here
  --> -e:1:1
    1 | random.choice(["a", "b"]);
      | ^
  hint: write: ["a", "b"][random(0, ["a", "b"].len - 1)];
"##,
    ),
    (
        r##"math.sqrt(2);"##,
        3,
        r##"
error: there is no `math` here
  --> -e:1:1
    1 | math.sqrt(2);
      | ^
  hint: write: (2).to_float().sqrt();
"##,
    ),
    (
        r##"os.getpid();"##,
        3,
        r##"
error: there is no `os` here
  --> -e:1:1
    1 | os.getpid();
      | ^
  hint: here there is: exit(0), and in a lab host.exec(["ls"])
"##,
    ),
    (
        r##"socket.inet_aton("1.2.3.4");"##,
        3,
        r##"
error: there is no `socket` here
  --> -e:1:1
    1 | socket.inet_aton("1.2.3.4");
      | ^
  hint: here there is: udp::bind("127.0.0.1:11000"), udp::open(server), tcp::connect(server)
"##,
    ),
    (
        r##"threading.Thread(target=serve, args=(conn,)).start();"##,
        3,
        r##"
error: there is no `Thread` here: a thread is started by a call
  --> -e:1:1
    1 | threading.Thread(target=serve, args=(conn,)).start();
      | ^
  hint: write: start_thread(|| serve(conn));
"##,
    ),
    (
        r##"let host = sys.argv[1];"##,
        3,
        r##"
error: there is no `sys` here
  --> -e:1:12
    1 | let host = sys.argv[1];
      |            ^
  hint: write: let host = options([ argument("host", "127.0.0.1", "Whom to ping") ]).host;
  hint: 1 is the place of the argument; each has a name and a default
"##,
    ),
    (
        r##"let d = {}; d["a"] = 1;"##,
        3,
        r##"
error: () (no value) has no items to take with [string]
  --> -e:1:14
    1 | let d = {}; d["a"] = 1;
      |              ^
  hint: { } is an empty block; write: let d = #{};
"##,
    ),
    (
        r##"let d = #{a: 1}; d.get("b", 0);"##,
        3,
        r##"
error: `get` takes the name of the field only
  --> -e:1:20
    1 | let d = #{a: 1}; d.get("b", 0);
      |                    ^
  hint: write: d.get("b") ?? 0;
"##,
    ),
    (
        r##"let l = [x * 2 for x in range(5)]; l"##,
        3,
        r##"
error: a list is not made with `for` between [ ]
  --> -e:1:10
    1 | let l = [x * 2 for x in range(5)]; l
      |          ^
  hint: write: let l = []; for x in 0..5 { l.push(x * 2); } l
"##,
    ),
    (
        r##"[x * 2 for x in range(5)]"##,
        3,
        r##"
error: a list is not made with `for` between [ ]
  --> -e:1:2
    1 | [x * 2 for x in range(5)]
      |  ^
  hint: write: let list = []; for x in 0..5 { list.push(x * 2); }
"##,
    ),
    (
        r##"let l = [1]; list(map(lambda x: x + 1, l));"##,
        3,
        r##"
error: `list` is not a function here
  --> -e:1:23
    1 | let l = [1]; list(map(lambda x: x + 1, l));
      |                       ^
  hint: write: l.map(|x| x + 1);
"##,
    ),
    (
        r##"console.log("a", 1);"##,
        3,
        r##"
error: there is no `console` here
  --> -e:1:1
    1 | console.log("a", 1);
      | ^
  hint: write: print(`a ${1}`);
"##,
    ),
    (
        r##"global x;"##,
        3,
        r##"
error: `global` is not a word of this language
  --> -e:1:1
    1 | global x;
      | ^
  hint: a function gets what it needs as arguments and returns what it has changed: fn add(n) { n + 1 }
"##,
    ),
    (
        r##"if (1 == 1) print(1);"##,
        3,
        r##"
error: a block stands between { }, even a single line
  --> -e:1:13
    1 | if (1 == 1) print(1);
      |             ^
  hint: write: if 1 == 1 { print(1); }
"##,
    ),
    (
        r##"go f(1);"##,
        3,
        r##"
error: `go` is not a word of this language
  --> -e:1:1
    1 | go f(1);
      | ^
  hint: write: start_thread(|| f(1));
"##,
    ),
    (
        r##"let mut x = 5;"##,
        3,
        r##"
error: all variables can be changed
  --> -e:1:9
    1 | let mut x = 5;
      |         ^
  hint: write: let x = 5;
"##,
    ),
    (
        r##"func f(x int) int { return x }"##,
        3,
        r##"
error: `func` is not a word of this language
  --> -e:1:1
    1 | func f(x int) int { return x }
      | ^
  hint: a function is written: fn name(a, b) { … }
"##,
    ),
    (
        r##"let c = counter(); c += 1;"##,
        3,
        r##"
error: `+` does not work between a Counter and an integer
  --> -e:1:22
    1 | let c = counter(); c += 1;
      |                      ^
  hint: a counter counts with a method: c.add(1)
"##,
    ),
];
