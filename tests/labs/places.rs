//! Scripts and closures in hosts: where their sockets live, how their lines are labelled, and when they end.

use crate::common::require_lab_or_skip;
use crate::{PAIR, run_text};

#[test]
fn a_closure_runs_in_its_host_and_the_script_goes_on_outside() {
    if !require_lab_or_skip("closures in hosts") {
        return;
    }
    let run = run_text(
        &format!(
            "{PAIR}
             print(\"outside\");
             let n = 1;
             let sum = run_in(a, || {{ print(\"one\\ntwo\"); n += 1; n + 40 }});
             print(`${{sum}} ${{n}}`);
             let nested = run_in(a, || run_in(b, || {{ print(\"in b\"); resolve(\"a:7\").ip }}));
             expect(nested, a.addr);
             try {{ run_in(a, || throw \"no\"); }} catch (e) {{ print(`caught ${{e}}`); }}
             try {{ resolve(\"a:7\"); throw \"known\"; }} catch (e) {{ expect(e.kind, \"resolve\"); }}
             let task = run_in(b, || start_thread(|| {{ print(\"a thread of b\"); udp::bind(\"*:11000\").port }}));
             expect(task.join(), 11000);
             ()"
        ),
        0,
    );
    assert_eq!(run.stdout, "outside\na| one\na| two\n42 2\nb| in b\ncaught no\nb| a thread of b\n");
}

#[test]
fn a_script_in_a_host_need_not_know_of_labs() {
    if !require_lab_or_skip("scripts in hosts") {
        return;
    }
    let run = run_text(
        &format!(
            "{PAIR}
             let server = b.start(\"udp_server_plain.rhai\", [\"--listen\", \"*:11000\"]);
             expect(server.addr, resolve(`${{b.addr}}:11000`));
             let rtts = a.run(\"udp_ping.rhai\", [\"--server\", \"b:11000\", \"--count\", 2]);
             expect(rtts.received, 2);
             let v6 = b.start(\"udp_server_plain.rhai\", [\"--listen\", `[::]:11001`]);
             expect(v6.addr.ip, b.addr6);
             let there = a.run(\"udp_ping.rhai\", [\"--server\", `[${{b.addr6}}]:11001`, \"--count\", 1]);
             expect(there.received, 1);
             server.stop();
             expect(server.join(), ());
             ()"
        ),
        0,
    );
    for line in ["b| Server bound to port 11000", "a| Packets Sent: 2", "a| Packets Received: 2"] {
        assert!(run.stdout.lines().any(|other| other == line), "no {line:?} in\n{}", run.stdout);
    }
    assert!(run.stdout.contains("a| received from 10.0.0.2:11000 PING 1 "), "{}", run.stdout);
}

#[test]
fn a_server_with_several_addresses_answers_from_the_one_asked() {
    if !require_lab_or_skip("several addresses") {
        return;
    }
    run_text(
        "let net = lab::create(); let a = net.host(\"a\");
         let b = net.host(\"b\", #{ addrs: [\"10.0.0.9\", \"10.0.0.10\", \"fd00::9\", \"fd00::10\"] });
         net.link(a, b);
         for listen in [\"0.0.0.0:7\", \"[::]:7\"] { b.start(\"udp_server_plain.rhai\", [\"--listen\", listen, \"--quiet\"]); }
         for ip in [\"10.0.0.10\", \"10.0.0.9\", \"[fd00::10]\", \"[fd00::9]\"] {
             let ping = run_in(a, || udp::open(`${ip}:7`).ping(`${ip}:7`, \"ping 1\", 5.s));
             expect(ping.kind, \"reply\", ip);
             expect(ping.from, ping.to);
         }",
        0,
    );
}

#[test]
fn the_end_of_a_lab_ends_what_runs_in_it() {
    if !require_lab_or_skip("the end of a lab") {
        return;
    }
    let run = run_text(
        &format!(
            "{PAIR}
             let server = b.start(\"udp_server_plain.rhai\", [\"--listen\", \"*:11000\", \"--quiet\"]);
             let sleeper = a.start_program([\"sleep\", 600]);
             net.end();
             server.join();
             expect(server.is_done, true);
             try {{ sleeper.wait(); throw \"no\"; }} catch (e) {{ expect(e.kind, \"closed\"); }}
             for act in [|| net.host(\"c\"), || a.exec([\"true\"]), || run_in(a, || udp::bind(\"*:0\"))] {{
                 try {{ act.call(); throw \"no\"; }} catch (e) {{ expect(e.kind, \"closed\", `${{e}}`); }}
             }}
             lab::create().host(\"a\").exec([\"echo\", \"another\"]);
             ()"
        ),
        0,
    );
    assert_eq!(run.stdout, "b| Server bound to port 11000\na| another\n");
}

#[test]
fn an_error_in_a_host_says_where_it_was() {
    if !require_lab_or_skip("errors in hosts") {
        return;
    }
    let run = run_text(&format!("{PAIR} b.run(\"udp_ping.rhai\", [\"--server\", \"nowhere.invalid:7\"]);"), 3);
    assert!(run.stderr.contains("b| in the script scripts/udp_ping.rhai:\n"), "{}", run.stderr);
    assert!(run.stderr.contains("b| error: resolve nowhere.invalid:"), "{}", run.stderr);
}
