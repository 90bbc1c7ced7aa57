//! What runs without the interpreter does the same as with it, to the byte: lines, replies, losses, errors with their places.

mod common;

use common::client::{loopback, receive, socket};
use common::mask::{mask_addrs, mask_clients};
use common::{TempDir, pingscript};

type HasReply = fn(u64) -> bool;

/// Loops over packets, and whether the n-th request has a reply: simple ones, one that fails, one that ends itself, and one
/// that the interpreter alone can run. Each third reply is dropped.
const LOOPS: [(&str, HasReply); 11] = [
    ("for pkt in server { pkt.reply(pkt.text.to_upper()); }", |_| true),
    (
        "let quiet = false;
     for pkt in server {
         if pkt.number % 4 == 0 { continue; }
         if !quiet { print(`${pkt.number} of flow ${pkt.flow}: ${pkt.text}`); }
         let verdict = pkt.reply(pkt.text + \"!\");
         print(if verdict.dropped { \"lost\" } else { \"sent\" });
     }",
        |n| n % 4 != 0,
    ),
    ("for pkt in server { pkt.reply(`${1000 / (10 - pkt.number)}`); }", |n| n < 10),
    (
        "fn reply_to(text) { if text.len > 7 { return \"long\"; } text.to_lower() }
     for pkt in server { pkt.reply(reply_to(pkt.text)); if pkt.number == 10 { break; } }
     print(\"after the loop\");",
        |n| n < 11,
    ),
    ("let seen = []; for pkt in server { seen.push(pkt.text); pkt.reply(seen[0]); }", |_| true),
    ("udp::serve(server, |pkt| pkt.text.to_upper());", |_| true),
    ("udp::serve(server, |pkt| if pkt.len > 6 { `${pkt.number}` } else { \"short\".to_upper() });", |_| true),
    (
        "let n = 0; let last = \"\"; let seen = #{ all: 0 };
     for pkt in server {
         n += 1; seen.all += 2;
         let key = pkt.text.len.to_string();
         seen[key] = (seen.get(key) ?? 0) + n;
         if n == 5 { print(`${random()}`); }
         let r = random(1, 9);
         if random() < 0.5 { r += 100; last = pkt.text; }
         pkt.reply(`${n} ${seen[key]} ${seen.all} ${r} ${last}`);
     }",
        |_| true,
    ),
    ("let n = 0; udp::serve(server, |pkt| { n += 1; `${n} ${random(1, 1000)} ${1000 / (12 - n)}` });", |n| n < 12),
    ("udp::serve(server, |pkt| if pkt.number == 4 { `${random()}` } else { `${random(1, 1000)}` });", |_| true),
    ("let by = 10; udp::serve(server, |pkt| `${1000 / (by - pkt.number)}`);", |n| n < 10),
];

#[test]
fn loops_do_the_same_with_and_without_the_interpreter() {
    for (body, replies) in LOOPS {
        let dir = TempDir::new();
        let script = format!(
            "let server = udp::bind(\"127.0.0.1:0\");\nprint(`Server bound to port ${{server.port}}`);\n\
             set_policy(server, |pkt| if pkt.number % 3 == 0 {{ drop() }} else {{ pass() }});\n{body}\n"
        );
        let path = dir.write("server.rhai", &script).display().to_string();
        let [first, second] = [false, true].map(|interpreted| {
            let mut server = pingscript(&["--seed", "3", &path]);
            if interpreted {
                server = server.env("PINGSCRIPT_INTERPRET", "1");
            }
            let server = server.start();
            let (to, socket) = (loopback(server.bound_port()), socket());
            let mut received = Vec::new();
            for (n, text) in (1..=14).zip(["ping 1", "Ping 2 ä", "", "\u{1F600}"].iter().cycle()) {
                socket.send_to(text.as_bytes(), to).expect("cannot send");
                if n % 3 != 0 && replies(n) {
                    received.push(receive(&socket));
                }
            }
            // Some loops end by themselves.
            let run = if replies(14) || replies(13) { server.stop() } else { server.finish() };
            let shown = mask_addrs(&mask_clients(&format!("{}{}", run.stdout, run.stderr)));
            let lines = shown.lines().filter(|line| !line.contains("SIGTERM")).map(str::to_string);
            (lines.collect::<Vec<_>>(), received, run.code)
        });
        assert_eq!(first, second, "{body}");
    }
}
