//! More mistakes that a beginner makes: values, closures and what stands outside of them.

use super::{Case, check_scripts};

#[test]
fn further_likely_ones() {
    check_scripts(&LIKELY_TOO);
}

/// Script, exit code, and the whole message for it.
pub(crate) const LIKELY_TOO: [Case; 17] = [
    (
        r#"let sock = udp::bind("127.0.0.1:0");
set_policy(sock, drop());"#,
        3,
        r#"
error: policy: drop() is no policy
  --> -e:2:1
    2 | set_policy(sock, drop());
      | ^
  hint: it is a verdict; for each packet alike: always(drop())
"#,
    ),
    (
        r#"let sock = udp::bind("127.0.0.1:0");
set_policy(sock, 0.2);"#,
        3,
        r#"
error: policy: 0.2 is no policy
  --> -e:2:1
    2 | set_policy(sock, 0.2);
      | ^
  hint: give a closure, |pkt| …, or a policy such as loss(0.2)
"#,
    ),
    (
        r#"fn serve() { 1 }
start_thread(serve());"#,
        3,
        r#"
error: `serve()` is called here, before there is a thread or a host to run it
  --> -e:2:1
    2 | start_thread(serve());
      | ^
  hint: write: start_thread(|| serve());
"#,
    ),
    (
        r#"let limit = 5;
fn half(n) { n / limit }
half(3);"#,
        3,
        r#"
error: no variable `limit` is known here
  --> -e:2:18
    2 | fn half(n) { n / limit }
      |                  ^
  hint: functions do not see variables declared outside them, such as the `limit` of line 1
  hint: pass it as an argument: fn half(…, limit); a closure |…| does see it
"#,
    ),
    (
        r#"const LIMIT = 5;
fn half(n) { n / LIMIT }
half(3);"#,
        3,
        r#"
error: no variable `LIMIT` is known here
  --> -e:2:18
    2 | fn half(n) { n / LIMIT }
      |                  ^
  hint: functions do not see names declared outside them, such as the const of line 1
  hint: a constant can be read as global::LIMIT
"#,
    ),
    (
        r#"let n = 1;
if n = 1 { print("one"); }"#,
        3,
        r#"
error: `=` gives a value and cannot be a condition
  --> -e:2:6
    2 | if n = 1 { print("one"); }
      |      ^
  hint: write: if n == 1 { print("one"); }
"#,
    ),
    (
        r#"let n = 1;
while n = 1 { n = 2; }"#,
        3,
        r#"
error: `=` gives a value and cannot be a condition
  --> -e:2:9
    2 | while n = 1 { n = 2; }
      |         ^
  hint: write: while n == 1 { n = 2; }
"#,
    ),
    (
        r#"const OPT = options([ option("count", 5, "how many") ]);
print(OPT.cuont);"#,
        3,
        r#"
error: options: there is no option `cuont`
  --> -e:2:10
    2 | print(OPT.cuont);
      |          ^
  hint: did you mean `count`? The options are count
"#,
    ),
    (
        r#"option("count");"#,
        3,
        r#"
error: `option` cannot be called with (string)
  --> -e:1:1
    1 | option("count");
      | ^
  hint: it is called as option(name: string, default, help: string)
"#,
    ),
    (
        r#"option("count", 5);"#,
        3,
        r#"
error: `option` cannot be called with (string, integer)
  --> -e:1:1
    1 | option("count", 5);
      | ^
  hint: it is called as option(name: string, default, help: string)
"#,
    ),
    (
        r#"options(option("count", 5, "how many"));"#,
        3,
        r#"
error: `options` cannot be called with (DeclaredOption)
  --> -e:1:1
    1 | options(option("count", 5, "how many"));
      | ^
  hint: argument 1 is an array: put it in [ ]
  hint: it is called as options(list: array)
"#,
    ),
    (
        r#"options([ "count" ]);"#,
        3,
        r#"
error: options: item 1 of the list is "count"
  --> -e:1:1
    1 | options([ "count" ]);
      | ^
  hint: list option(…), ask(…), flag(…), argument(…) and arguments(…) calls, with commas between them
"#,
    ),
    (
        r#"option("Count", 5, "how many");"#,
        3,
        r#"
error: option: "Count" is no name for an option: use small letters, digits, - and _
  --> -e:1:1
    1 | option("Count", 5, "how many");
      | ^
"#,
    ),
    (
        r#"let sock = udp::bind("127.0.0.1:0");
sock.ping(sock.addr, "ping 1", #{ timeot: 1.s });"#,
        3,
        r#"
error: ping: unknown option `timeot`
  --> -e:2:6
    2 | sock.ping(sock.addr, "ping 1", #{ timeot: 1.s });
      |      ^
  hint: did you mean `timeout`? The options are timeout, icmp_wait, report, size
"#,
    ),
    (
        r#"udp::bind("127.0.0.1:0", #{ rcvbuff: 4096 });"#,
        3,
        r#"
error: bind: unknown option `rcvbuff`
  --> -e:1:6
    1 | udp::bind("127.0.0.1:0", #{ rcvbuff: 4096 });
      |      ^
  hint: did you mean `rcvbuf`? The options are rcvbuf, sndbuf, reuse, ttl, tos, dscp, broadcast, dont_fragment, recverr
"#,
    ),
    (
        r#"let sock = udp::bind("127.0.0.1:0");
sock.close();
sock.send_to("x", "127.0.0.1:9");"#,
        3,
        r#"
error: send_to: the socket was closed
  --> -e:3:6
    3 | sock.send_to("x", "127.0.0.1:9");
      |      ^
  hint: make a new socket, or close it later
"#,
    ),
    (
        r#"let sock = udp::bind("127.0.0.1:0");
sock.close();
for pkt in sock { print(pkt); }"#,
        0,
        "",
    ),
];
