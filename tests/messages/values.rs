//! Wrong values, and arguments that fit no function.

use super::{Case, check_scripts};
use crate::common::pingscript;

#[test]
fn wrong_values() {
    check_scripts(&VALUES);
}

#[test]
fn a_simulated_clock_has_an_end() {
    let script = "simulate(); sleep(2562047.h); sleep(2562047.h);";
    let run = pingscript(&["-e", script]).run().expect_code(3);
    let expected = "error: sleep: the clock of a simulated run ends 292 years after its start\n  --> -e:1:31\n";
    assert!(run.stderr.starts_with(expected), "{}", run.stderr);
}

/// Script, exit code, and the whole message for it.
const VALUES: [Case; 18] = [
    (
        "9223372036.s + 9223372036.s",
        3,
        r#"
error: the duration is too long: 9223372036s + 9223372036s
  --> -e:1:14
    1 | 9223372036.s + 9223372036.s
      |              ^
  hint: a duration reaches to 292 years, which is 2562047.h
"#,
    ),
    (
        "let d = 1.h; d *= 99999999; 99999999999.s",
        3,
        r#"
error: the duration is too long: 3600s * 99999999
  --> -e:1:16
    1 | let d = 1.h; d *= 99999999; 99999999999.s
      |                ^
  hint: a duration reaches to 292 years, which is 2562047.h
"#,
    ),
    (
        r#"let double = |x| 2 * x;
double(4);"#,
        3,
        r#"
error: `double` is a variable, not a function
  --> -e:2:1
    2 | double(4);
      | ^
  hint: a closure in a variable is called with .call: double.call(…)
"#,
    ),
    (
        r#"fn double(x) { 2 * x }
double(1, 2);"#,
        3,
        r#"
error: `double` cannot be called with (integer, integer)
  --> -e:2:1
    2 | double(1, 2);
      | ^
  hint: it is called as double(x)
"#,
    ),
    (
        "[1, 2, 3][5];",
        3,
        r#"
error: no item 5: the list has 3 items
  --> -e:1:11
    1 | [1, 2, 3][5];
      |           ^
  hint: they are numbered from 0 to 2; -1 is the last
"#,
    ),
    (
        r#""5" * 2;"#,
        3,
        r#"
error: `*` does not work between a string and an integer
  --> -e:1:5
    1 | "5" * 2;
      |     ^
  hint: turn text into a number first: parse_int(text) or parse_float(text); a text is repeated with "=".repeat(20)
"#,
    ),
    (
        "let text = 'abc';",
        3,
        r#"
error: single quotes hold one character only
  --> -e:1:12
    1 | let text = 'abc';
      |            ^
  hint: write: let text = "abc";
"#,
    ),
    (
        r#"let text = "abc"#,
        3,
        r#"
error: this text is never closed
  --> -e:1:12
    1 | let text = "abc
      |            ^
  hint: close it with " in the same line; text of several lines is written between back-ticks
"#,
    ),
    (
        r#"let i = 0;
i++;"#,
        3,
        r#"
error: `++` is not an operator of this language
  --> -e:2:2
    2 | i++;
      |  ^
  hint: write: i += 1;
"#,
    ),
    (
        "x = 5;",
        3,
        r#"
error: no variable `x` is known here
  --> -e:1:1
    1 | x = 5;
      | ^
  hint: a new variable is declared with let: let x = 5;
"#,
    ),
    (
        "if (true) print(1)",
        3,
        r#"
error: a block stands between { }, even a single line
  --> -e:1:11
    1 | if (true) print(1)
      |           ^
  hint: write: if true { print(1); }
"#,
    ),
    (
        r#"let task = start_thread(|x| x);
task.join();"#,
        3,
        r#"
in the thread started at -e:1:
error: the closure has 1 parameter more than it is given here
  --> -e:1:12
    1 | let task = start_thread(|x| x);
      |            ^
  hint: the closure must take no parameter: write ||
error: join: the thread ended with the error above
  --> -e:2:6
    2 | task.join();
      |      ^
  hint: to go on without it: try { task.join() } catch { … }
"#,
    ),
    (
        r#"let task = start_thread(|| 1);
task.join();
task.join();"#,
        3,
        r#"
error: join: the task was joined before
  --> -e:3:6
    3 | task.join();
      |      ^
"#,
    ),
    (
        r#"resolve("localhost");"#,
        3,
        r#"
error: address: "localhost" has no port
  --> -e:1:1
    1 | resolve("localhost");
      | ^
  hint: write HOST:PORT, such as 127.0.0.1:11000, localhost:11000 or [::1]:11000
"#,
    ),
    (
        r#"let sock = udp::bind("127.0.0.1:0");
sock.port = 5;"#,
        3,
        r#"
error: `port` of a UdpSocket can be read, but not set
  --> -e:2:6
    2 | sock.port = 5;
      |      ^
"#,
    ),
    (
        r#"let sock = udp::bind("127.0.0.1:0");
sock.send("x");"#,
        3,
        r#"
error: send: the socket is not connected
  --> -e:2:6
    2 | sock.send("x");
      |      ^
  hint: connect it first, or use send_to(data, address)
"#,
    ),
    (
        r#"let sock = udp::bind("127.0.0.1:0");
sock.ping(sock.addr, "x", #{ size: 1 << 40 });"#,
        3,
        r#"
error: send: 1099511627776 bytes do not fit into a datagram
  --> -e:2:6
    2 | sock.ping(sock.addr, "x", #{ size: 1 << 40 });
      |      ^
  hint: send at most 65507 bytes
"#,
    ),
    (
        r#"let sock = udp::bind("127.0.0.1:0");
pinger(sock, sock.addr, #{ size: 70_000 });"#,
        3,
        r#"
error: send: 70000 bytes do not fit into a datagram
  --> -e:2:1
    2 | pinger(sock, sock.addr, #{ size: 70_000 });
      | ^
  hint: send at most 65507 bytes
"#,
    ),
];
