//! Wrong names, wrong forms and wrong values.

use super::{Case, check_scripts};

#[test]
fn wrong_names_forms_and_values() {
    check_scripts(&OTHERS);
}

/// Words of other languages, misspelt names, wrong arguments.
const OTHERS: [Case; 17] = [
    (
        "spawn(|| 1);",
        3,
        r#"
error: `spawn` is a reserved word without a meaning here
  --> -e:1:1
    1 | spawn(|| 1);
      | ^
  hint: a thread is started with: start_thread(|| …)
"#,
    ),
    (
        r#"let sock = udp::bind("127.0.0.1:0");
sock.set_policy(|pkt| if sock.port == 1 { pass() } else { drop() });"#,
        3,
        r#"
error: `set_policy` is given a value that is in use
  --> -e:2:6
    2 | sock.set_policy(|pkt| if sock.port == 1 { pass() } else { drop() });
      |      ^
  hint: with a closure that uses the object itself, call it as a function: set_policy(sock, |…| …), not sock.set_policy(|…| …)
"#,
    ),
    (
        r#"let sock = udp::bind("127.0.0.1:0");
sock.send_to("x", sock.addr);
let pkt = sock.recv(1.s);
print(pkt.txt);"#,
        3,
        r#"
error: a Packet has no property `txt`
  --> -e:4:11
    4 | print(pkt.txt);
      |           ^
  hint: did you mean `text`?
  hint: its properties: data, flow, from, icmp, kind, len, number, received_at, text
"#,
    ),
    (
        r#"let sock = udp::bind("127.0.0.1:0");
sock.sned_to("x", sock.addr);"#,
        3,
        r#"
error: a UdpSocket has no method `sned_to`
  --> -e:2:6
    2 | sock.sned_to("x", sock.addr);
      |      ^
  hint: did you mean `send_to`?
"#,
    ),
    (
        r#"let sock = udp::bind("127.0.0.1:0");
sock.send_to(5, sock.addr);"#,
        3,
        r#"
error: argument: data is needed here, such as a string or a blob, not 5
  --> -e:2:6
    2 | sock.send_to(5, sock.addr);
      |      ^
"#,
    ),
    (
        r#"udp::bnd("127.0.0.1:0");"#,
        3,
        r#"
error: no function `udp::bnd`
  --> -e:1:6
    1 | udp::bnd("127.0.0.1:0");
      |      ^
  hint: did you mean `udp::bind`?
  hint: it is called as
        udp::bind(local: string)
        udp::bind(local: string, options: map)
"#,
    ),
    (
        r#"upd::bind("127.0.0.1:0");"#,
        3,
        r#"
error: no namespace `upd`
  --> -e:1:1
    1 | upd::bind("127.0.0.1:0");
      | ^
  hint: did you mean `udp`?
"#,
    ),
    (
        r#"bind("127.0.0.1:0");"#,
        3,
        r#"
error: no function `bind`
  --> -e:1:1
    1 | bind("127.0.0.1:0");
      | ^
  hint: did you mean `udp::bind`?
"#,
    ),
    (
        r#"udp.bind("127.0.0.1:0");"#,
        3,
        r#"
error: `udp` is a namespace, not a variable
  --> -e:1:1
    1 | udp.bind("127.0.0.1:0");
      | ^
  hint: write: udp::bind("127.0.0.1:0");
"#,
    ),
    (
        "timeout(1.s);",
        3,
        r#"
error: no function `timeout`
  --> -e:1:1
    1 | timeout(1.s);
      | ^
  hint: a function is written: fn timeout(…) { … }
"#,
    ),
    (
        "let d = 1.s + 1;",
        3,
        r#"
error: `+` does not work between a Duration and an integer
  --> -e:1:13
    1 | let d = 1.s + 1;
      |             ^
  hint: give the number its unit: `1.s` or `250.ms`; or take the number out of the duration: `d.ms`
"#,
    ),
    (
        "1.sec;",
        3,
        r#"
error: there is no unit `sec`
  --> -e:1:3
    1 | 1.sec;
      |   ^
  hint: write: 1.s;
"#,
    ),
    (
        "loss(20);",
        3,
        r#"
error: policy: p is a probability, from 0 to 1, not 20
  --> -e:1:1
    1 | loss(20);
      | ^
  hint: write 0.2 for 20%
"#,
    ),
    (
        r#"loss("0.2");"#,
        3,
        r#"
error: `loss` cannot be called with (string)
  --> -e:1:1
    1 | loss("0.2");
      | ^
  hint: argument 1 is a number: leave out the quotes, or use parse_int(text) or parse_float(text)
  hint: it is called as
        loss(p: float)
        loss(p: integer)
"#,
    ),
    (
        "random(6);",
        3,
        r#"
error: `random` cannot be called with (integer)
  --> -e:1:1
    1 | random(6);
      | ^
  hint: argument 2, `high`, is missing
  hint: it is called as
        random()
        random(low: integer, high: integer)
"#,
    ),
    (
        "for i in 5 { print(i); }",
        3,
        r#"
error: `for` cannot go through a number
  --> -e:1:10
    1 | for i in 5 { print(i); }
      |          ^
  hint: to repeat something n times write: for i in 0..n
"#,
    ),
    (
        "print(1, 2);",
        3,
        r#"
error: `print` takes one value
  --> -e:1:1
    1 | print(1, 2);
      | ^
  hint: write: print(`${1} ${2}`);
"#,
    ),
];
