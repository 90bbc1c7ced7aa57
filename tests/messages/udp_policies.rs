//! Policies that give no verdict, or cannot be read, in the server's script.

use super::{Case, assert_message};
use crate::common::{Run, TempDir, pingscript, server_script};
use std::net::UdpSocket;
use std::time::Duration;

/// Reported once, and each packet passes: two are sent, and both are answered.
#[test]
fn policies_that_give_no_verdict() {
    for (policy, code, expected) in &POLICIES {
        let dir = TempDir::new();
        let script = server_script(&dir, policy);
        let server = pingscript(&[script.as_str(), "--listen", "127.0.0.1:0"]).start();
        let client = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        client.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
        client.connect(("127.0.0.1", server.bound_port())).expect("connects");
        for message in ["ping 1", "ping 2"] {
            let mut answer = [0; 16];
            client.send(message.as_bytes()).expect("a datagram");
            let len = client.recv(&mut answer).unwrap_or_else(|err| panic!("{policy}: no answer to {message}: {err}"));
            assert_eq!(answer[..len], *message.to_uppercase().as_bytes(), "{policy}");
        }
        let port = server.bound_port();
        let mut run = server.stop();
        run.stderr = run.stderr.replace(&format!("127.0.0.1:{port} "), "127.0.0.1:<port> ");
        assert_policy(policy, run, &dir, *code, expected);
    }
}

#[test]
fn policies_that_cannot_be_read() {
    for (policy, code, expected) in &BROKEN {
        let dir = TempDir::new();
        let script = server_script(&dir, policy);
        let run = pingscript(&[script.as_str(), "--listen", "127.0.0.1:0"]).run();
        assert_policy(policy, run, &dir, *code, expected);
    }
}

fn assert_policy(policy: &str, mut run: Run, dir: &TempDir, code: i32, expected: &str) {
    run.stderr = run.stderr.replace(&dir.path().display().to_string(), "<dir>");
    assert_message(policy, &run, code, expected);
}

/// Policy in the place of the script's own, exit code after SIGTERM, message after two datagrams.
const POLICIES: [Case; 10] = [
    (
        "|pkt| 7",
        143,
        r#"
in the policy (packets on which it fails are let through):
error: policy: the policy returned 7, and that is no verdict
  --> <dir>/udp_server.rhai:14:25
   14 | let drop_policy = |pkt| 7;
      |                         ^
  hint: a policy returns pass(), drop(), delay(20.ms), duplicate(2), replace("text"), corrupt() or reject("port-unreachable"), as its last line without a semicolon
a closure at 127.0.0.1:<port> acted on 0 of 2 packets: 0.0% (95%: 0.0% to 65.8%); it failed on 2, which passed
"#,
    ),
    (
        "|pkt| { }",
        143,
        r#"
in the policy (packets on which it fails are let through):
error: policy: the policy returned nothing, and that is no verdict
  --> <dir>/udp_server.rhai:14:25
   14 | let drop_policy = |pkt| { };
      |                         ^
  hint: a policy returns pass(), drop(), delay(20.ms), duplicate(2), replace("text"), corrupt() or reject("port-unreachable"), as its last line without a semicolon
a closure at 127.0.0.1:<port> acted on 0 of 2 packets: 0.0% (95%: 0.0% to 65.8%); it failed on 2, which passed
"#,
    ),
    (
        r#"|pkt| if pkt.text == "" { drop() }"#,
        143,
        r#"
in the policy (packets on which it fails are let through):
error: policy: the policy returned nothing, and that is no verdict
  --> <dir>/udp_server.rhai:14:25
   14 | let drop_policy = |pkt| if pkt.text == "" { drop() };
      |                         ^
  hint: a policy returns pass(), drop(), delay(20.ms), duplicate(2), replace("text"), corrupt() or reject("port-unreachable"), as its last line without a semicolon
a closure at 127.0.0.1:<port> acted on 0 of 2 packets: 0.0% (95%: 0.0% to 65.8%); it failed on 2, which passed
"#,
    ),
    (
        r#"|pkt| "drop""#,
        143,
        r#"
in the policy (packets on which it fails are let through):
error: policy: the policy returned "drop", and that is no verdict
  --> <dir>/udp_server.rhai:14:25
   14 | let drop_policy = |pkt| "drop";
      |                         ^
  hint: a policy returns pass(), drop(), delay(20.ms), duplicate(2), replace("text"), corrupt() or reject("port-unreachable"), as its last line without a semicolon
a closure at 127.0.0.1:<port> acted on 0 of 2 packets: 0.0% (95%: 0.0% to 65.8%); it failed on 2, which passed
"#,
    ),
    (
        r#"|pkt| throw "no idea""#,
        143,
        r#"
in the policy (packets on which it fails are let through):
error: no idea
  --> <dir>/udp_server.rhai:14:25
   14 | let drop_policy = |pkt| throw "no idea";
      |                         ^
  in a closure, called at <dir>/udp_server.rhai:19:1
a closure at 127.0.0.1:<port> acted on 0 of 2 packets: 0.0% (95%: 0.0% to 65.8%); it failed on 2, which passed
"#,
    ),
    (
        r#"|pkt| if pkt.txt == "" { drop() } else { pass() }"#,
        143,
        r#"
in the policy (packets on which it fails are let through):
error: a Packet has no property `txt`
  --> <dir>/udp_server.rhai:14:32
   14 | let drop_policy = |pkt| if pkt.txt == "" { drop() } else { pass() };
      |                                ^
  in a closure, called at <dir>/udp_server.rhai:19:1
  hint: did you mean `text`?
  hint: its properties: data, flow, from, icmp, kind, len, number, received_at, text
a closure at 127.0.0.1:<port> acted on 0 of 2 packets: 0.0% (95%: 0.0% to 65.8%); it failed on 2, which passed
"#,
    ),
    (
        "|pkt| exit(7)",
        143,
        r#"
in the policy (packets on which it fails are let through):
error: policy: exit() and a failing expect() are not allowed in a policy
  --> <dir>/udp_server.rhai:14:25
   14 | let drop_policy = |pkt| exit(7);
      |                         ^
  hint: have it count what the script is to end for, and look at the count in the script: counter()
a closure at 127.0.0.1:<port> acted on 0 of 2 packets: 0.0% (95%: 0.0% to 65.8%); it failed on 2, which passed
"#,
    ),
    (
        "|pkt| { exit(300); pass() }",
        143,
        r#"
in the policy (packets on which it fails are let through):
error: exit: an exit code is a whole number from 0 to 255, not 300
  --> <dir>/udp_server.rhai:14:27
   14 | let drop_policy = |pkt| { exit(300); pass() };
      |                           ^
  in a closure, called at <dir>/udp_server.rhai:19:1
  hint: to end with a message print it first, or throw it: throw "…"
a closure at 127.0.0.1:<port> acted on 0 of 2 packets: 0.0% (95%: 0.0% to 65.8%); it failed on 2, which passed
"#,
    ),
    (
        "|pkt| { [1].map(|x| exit(x)); pass() }",
        143,
        r#"
in the policy (packets on which it fails are let through):
error: policy: exit() and a failing expect() are not allowed in a policy
  --> <dir>/udp_server.rhai:14:25
   14 | let drop_policy = |pkt| { [1].map(|x| exit(x)); pass() };
      |                         ^
  hint: have it count what the script is to end for, and look at the count in the script: counter()
a closure at 127.0.0.1:<port> acted on 0 of 2 packets: 0.0% (95%: 0.0% to 65.8%); it failed on 2, which passed
"#,
    ),
    (
        "|pkt| { expect(1, 2); pass() }",
        143,
        r#"
not as expected (<dir>/udp_server.rhai:14)
  expected: 2
    actual: 1
in the policy (packets on which it fails are let through):
error: policy: exit() and a failing expect() are not allowed in a policy
  --> <dir>/udp_server.rhai:14:25
   14 | let drop_policy = |pkt| { expect(1, 2); pass() };
      |                         ^
  hint: have it count what the script is to end for, and look at the count in the script: counter()
a closure at 127.0.0.1:<port> acted on 0 of 2 packets: 0.0% (95%: 0.0% to 65.8%); it failed on 2, which passed
"#,
    ),
];

/// Policy in the place of the script's own, exit code, message at once.
const BROKEN: [Case; 5] = [
    (
        "|| drop()",
        3,
        r#"
error: policy: this closure takes 0 values, and a policy one: the packet
  --> <dir>/udp_server.rhai:19:1
   19 | set_policy(server, drop_policy);
      | ^
  hint: write: |pkt| …; for each packet alike: always(drop())
"#,
    ),
    (
        "|pkt| drop",
        3,
        r#"
error: `drop` is a function, not a variable
  --> <dir>/udp_server.rhai:14:25
   14 | let drop_policy = |pkt| drop;
      |                         ^
  hint: a verdict about one packet is drop(); a policy that gives it to each: always(drop())
"#,
    ),
    (
        "|pkt| if random() < 0.2 { drop() } else { pass()",
        3,
        r#"
error: `}` is missing at the end of the script
  --> <dir>/udp_server.rhai:27:2
   27 | }
      |  ^
  hint: the `{` of line 14 is not closed: add `}`
"#,
    ),
    (
        "|pkt| if random() < 0.2 { drop() } else { pass( }",
        3,
        r#"
error: `}` stands where something else must be closed first
  --> <dir>/udp_server.rhai:14:67
   14 | let drop_policy = |pkt| if random() < 0.2 { drop() } else { pass( };
      |                                                                   ^
  hint: the `(` of line 14 is not closed: add `)`
"#,
    ),
    (
        "drop()",
        3,
        r#"
error: policy: drop() is no policy
  --> <dir>/udp_server.rhai:19:1
   19 | set_policy(server, drop_policy);
      | ^
  hint: it is a verdict; for each packet alike: always(drop())
"#,
    ),
];
