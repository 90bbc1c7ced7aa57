//! What TCP meets in the comparison of both labs.

/// What TCP meets.
pub(super) struct Situation {
    pub(super) name: &'static str,
    pub(super) delay: &'static str,
    /// What the link does with a segment `pkt`, a closure's body; `nth` counts.
    pub(super) rule: &'static str,
    /// The script, which prints `name=value` for what is to be compared.
    pub(super) body: &'static str,
    /// What is not compared, since it differs; docs/simulation.md says why.
    pub(super) differs: &'static [&'static str],
}

/// The peer's host rejects the segments of one ping with this error.
macro_rules! icmp_while_connected {
    ($error:literal) => {
        concat!(
            r#"
            let listener = run_in(b, || tcp::listen("*:7", #{ framing: "line" }));
            let task = start_thread(|| tcp::serve(listener.accept(), |msg| msg.reply(msg.text)));
            let conn = run_in(a, || tcp::connect("b:7", #{ framing: "line" })); conn.ping("ping 1", 5.s); sleep(100.ms);
            set_policy(b.ingress, |pkt| reject(""#,
            $error,
            r#""));
            let ping = conn.ping("ping 2", 5.s); print(`kind=${ping.kind}`); print(`name=${ping.icmp}`);
            set_policy(b.ingress, |pkt| pass()); let ping = conn.ping("ping 3", 9.s);
            print(`then=${ping.kind}`); print(`late=${conn.counts.late}`); print(`ended=${conn.ended}`); task.stop();"#
        )
    };
}

pub(super) const SITUATIONS: &[Situation] = &[
    Situation {
        name: "handshake and end",
        delay: "5.ms",
        rule: "pass()",
        body: r#"
            let listener = run_in(b, || tcp::listen("*:7")); let t = connect(a, #{}); let there = listener.accept();
            print(`kind=${t.kind}`); print(`connected ms=${ms(t.took)}`); print(`sent again=${t.conn.retransmits}`);
            print(`rtt ms=${ms(t.conn.kernel_rtt)}`);
            t.conn.close(); print(`end=${there.recv(1.s).kind}`); there.close(); sleep(100.ms);"#,
        differs: &[],
    },
    Situation {
        name: "closed with SO_LINGER 0",
        delay: "5.ms",
        rule: "pass()",
        body: r#"
            let listener = run_in(b, || tcp::listen("*:7")); let t = connect(a, #{}); let there = listener.accept();
            print(`linger=${there.linger}`); there.linger = 0.s; print(`then=${there.linger}`); there.close();
            print(`kind=${t.conn.recv(1.s).kind}`); print(`ended=${t.conn.ended}`);"#,
        differs: &[],
    },
    Situation {
        name: "six SYNs lost",
        delay: "5.ms",
        rule: r#"if pkt.flags == "SYN" && nth.add(1) <= 6 { drop() } else { pass() }"#,
        body: r#"
            let listener = run_in(b, || tcp::listen("*:7")); let t = connect(a, #{ timeout: 30.s });
            print(`kind=${t.kind}`); print(`connected ms=${ms(t.took)}`); print(`sent again=${t.conn.retransmits}`);"#,
        differs: &[],
    },
    Situation {
        name: "SYN-ACK lost",
        delay: "5.ms",
        rule: r#"if pkt.flags == "SYN ACK" && nth.add(1) == 1 { drop() } else { pass() }"#,
        body: r#"
            let listener = run_in(b, || tcp::listen("*:7")); let t = connect(a, #{ timeout: 30.s }); let there = listener.accept();
            print(`kind=${t.kind}`); print(`connected ms=${ms(t.took)}`); print(`sent again=${t.conn.retransmits}`);"#,
        differs: &[],
    },
    Situation {
        name: "ACK of the handshake lost",
        delay: "5.ms",
        rule: r#"if pkt.flags == "ACK" && nth.add(1) == 1 { drop() } else { pass() }"#,
        body: r#"
            let listener = run_in(b, || tcp::listen("*:7")); let t = connect(a, #{}); let there = listener.accept(9.s);
            print(`kind=${t.kind}`); print(`accepted=${there != ()}`); print(`SYN-ACK sent again=${there.retransmits}`); sleep(100.ms);"#,
        differs: &[],
    },
    Situation {
        name: "data lost four times",
        delay: "5.ms",
        rule: r#"if pkt.len > 0 && pkt.host == "a" && nth.add(1) > 1 && nth.value <= 5 { drop() } else { pass() }"#,
        body: r#"
            let listener = run_in(b, || tcp::listen("*:7", #{ framing: "line" }));
            let task = start_thread(|| tcp::serve(listener.accept(), |msg| msg.reply(msg.text)));
            let conn = run_in(a, || tcp::connect("b:7", #{ framing: "line" }));
            print(`first ms=${ms(conn.ping("ping 1", 9.s).rtt)}`); print(`second ms=${ms(conn.ping("ping 2", 9.s).rtt)}`);
            print(`sent again=${conn.retransmits}`); task.stop();"#,
        differs: &[],
    },
    Situation {
        name: "ACK of data lost",
        delay: "5.ms",
        rule: r#"if pkt.host == "b" && pkt.flags == "ACK" && nth.add(1) == 1 { drop() } else { pass() }"#,
        body: r#"
            let listener = run_in(b, || tcp::listen("*:7")); let t = connect(a, #{}); let there = listener.accept();
            t.conn.send("once"); print(`received=${there.recv(5.s).text}`); sleep(1.s);
            print(`sent again=${t.conn.retransmits}`); t.conn.close(); print(`then=${there.recv(1.s).kind}`);"#,
        differs: &[],
    },
    Situation {
        name: "FIN lost three times",
        delay: "5.ms",
        rule: r#"if pkt.flags.contains("FIN") && pkt.host == "a" && nth.add(1) <= 3 { drop() } else { pass() }"#,
        body: r#"
            let listener = run_in(b, || tcp::listen("*:7")); let t = connect(a, #{}); let there = listener.accept();
            let end = deadline(9.s); t.conn.close(); print(`end=${there.recv(9.s).kind}`); print(`ended ms=${ms(9.s - end.left)}`);
            there.close(); sleep(100.ms);"#,
        differs: &[],
    },
    Situation {
        name: "one segment of many lost",
        delay: "20.ms",
        rule: r#"if pkt.host == "a" && pkt.len > 0 && nth.add(1) == 12 { drop() } else { pass() }"#,
        body: r#"
            let listener = run_in(b, || tcp::listen("*:7")); let t = connect(a, #{}); let there = listener.accept();
            let conn = t.conn; let task = start_thread(|| conn.send(blob(60_000), 9.s)); let end = deadline(9.s);
            let got = 0; while got < 60_000 { got += there.recv(9.s).len; }
            print(`took ms=${ms(9.s - end.left)}`); print(`sent again=${conn.retransmits}`);"#,
        differs: &["took ms"],
    },
    Situation {
        name: "slow start",
        delay: "50.ms",
        rule: "pass()",
        body: r#"
            let listener = run_in(b, || tcp::listen("*:7")); let t = connect(a, #{}); let there = listener.accept();
            let conn = t.conn; let task = start_thread(|| conn.send(blob(250_000), 20.s));
            let got = 0; while got < 250_000 { got += there.recv(9.s).len; } print(`sent again=${conn.retransmits}`);
            let rounds = []; let begun = ();
            while log.len > 0 {
                let segment = log.recv();
                if segment[0] != "a" || segment[2] == 0 { continue; }
                begun = begun ?? segment[3];
                let round = ((segment[3] - begun) * 10.0).to_int();
                while rounds.len <= round { rounds.push(0); }
                rounds[round] += 1;
            }
            print(`segments in each round trip=${rounds}`);"#,
        differs: &["segments in each round trip"],
    },
    Situation {
        name: "Nagle and delayed ACK",
        delay: "5.ms",
        rule: "pass()",
        body: r#"
            let listener = run_in(b, || tcp::listen("*:7", #{ framing: "line" }));
            let task = start_thread(|| tcp::serve(listener.accept(), |msg| msg.reply("answer")));
            let conn = run_in(a, || tcp::connect("b:7", #{ nodelay: false })); let times = stats();
            for n in 0..20 { let end = deadline(9.s); conn.send("one "); conn.send("two\n"); conn.recv_line(5.s); times.add(9.s - end.left); }
            print(`first ms=${ms(times.min)}`); print(`median ms=${ms(times.percentile(50))}`); task.stop();"#,
        differs: &[],
    },
    Situation {
        name: "window closed for 3 s",
        delay: "1.ms",
        rule: "pass()",
        body: r#"
            let listener = run_in(b, || tcp::listen("*:7")); let t = connect(a, #{}); let there = listener.accept();
            let conn = t.conn; let task = start_thread(|| conn.send(blob(8_000_000), 60.s));
            sleep(3.s); let got = 0; while got < 8_000_000 { got += there.recv(9.s).len; }
            print(`received=${got}`); print(`lives=${conn.ended == ()}`);
            while log.len > 0 { log.recv(); }"#,
        differs: &[],
    },
    Situation {
        name: "reset",
        delay: "5.ms",
        rule: "pass()",
        body: r#"
            let listener = run_in(b, || tcp::listen("*:7")); let t = connect(a, #{}); let there = listener.accept();
            there.reset(); print(`received=${t.conn.recv(1.s).kind}`); print(`ended=${t.conn.ended}`);
            try { t.conn.send("x"); print("sending=sent"); } catch (e) { print(`sending=${e.kind}`); }"#,
        differs: &[],
    },
    Situation {
        name: "closed with something unread",
        delay: "5.ms",
        rule: "pass()",
        body: r#"
            let listener = run_in(b, || tcp::listen("*:7")); let t = connect(a, #{}); let there = listener.accept();
            t.conn.send("unread"); sleep(50.ms); there.close(); sleep(50.ms);
            let kinds = [t.conn.recv(1.s).kind, `${t.conn.ended}`]; print(`received=${kinds[0]}`); print(`ended=${kinds[1]}`);"#,
        differs: &[],
    },
    Situation {
        name: "soft ICMP error while connected",
        delay: "5.ms",
        rule: "pass()",
        body: icmp_while_connected!("icmp-host-unreachable"),
        differs: &[],
    },
    Situation {
        name: "hard ICMP error while connected",
        delay: "5.ms",
        rule: "pass()",
        body: icmp_while_connected!("icmp-port-unreachable"),
        differs: &[],
    },
    Situation {
        name: "ICMP errors while connecting",
        delay: "5.ms",
        rule: "pass()",
        body: r#"
            let listener = run_in(b, || tcp::listen("*:7"));
            for kind in ["icmp-host-unreachable", "icmp-admin-prohibited", "tcp-reset"] {
                set_policy(b.ingress, |pkt| reject(kind)); let t = connect(a, #{ timeout: 5.s });
                print(`${kind}=${t.kind} ${t.icmp ?? ""}`);
            }"#,
        differs: &[],
    },
    Situation {
        name: "half-close",
        delay: "5.ms",
        rule: "pass()",
        body: r#"
            let listener = run_in(b, || tcp::listen("*:7")); let t = connect(a, #{}); let there = listener.accept();
            t.conn.send("question"); t.conn.shutdown(); print(`there=${there.recv(1.s).text}`); print(`then=${there.recv(1.s).kind}`);
            there.send("answer"); print(`here=${t.conn.recv(1.s).text}`); there.close(); print(`at last=${t.conn.recv(1.s).kind}`);
            sleep(200.ms);"#,
        differs: &[],
    },
    Situation {
        name: "backlog of 2 full",
        delay: "5.ms",
        rule: "pass()",
        body: r#"
            let listener = run_in(b, || tcp::listen("*:7", #{ backlog: 2 })); let held = [];
            for n in 1..=5 { let t = connect(a, #{ timeout: 2500.ms }); print(`${n}=${t.kind}`); held.push(t.conn); }
            let accepted = 0; while listener.accept(50.ms) != () { accepted += 1; } print(`accepted=${accepted}`);"#,
        differs: &[],
    },
    Situation {
        name: "refused",
        delay: "5.ms",
        rule: "pass()",
        body: r#"let t = connect(a, #{}); print(`kind=${t.kind}`); print(`took ms=${ms(t.took)}`);"#,
        differs: &[],
    },
];
