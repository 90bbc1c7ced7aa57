//! Packets that are counted apart belong to the pings that they are about.

use super::*;

#[test]
fn new_statistics_on_a_socket_have_none_of_the_packets_about_earlier_pings() {
    let udp = "let s = udp::bind(\"127.0.0.1:0\"); let t = start_thread(|| udp::serve(s, udp::echo()));
        let c = udp::open(s.addr); let ping = |text, timeout| c.ping(s.addr, text, timeout);
        let pings = |count| pinger(c, s.addr, #{ count: count, interval: 1.ms, timeout: 5.s, icmp_wait: 0.s });";
    let tcp = "let s = tcp::listen(\"127.0.0.1:0\", #{ framing: \"line\" });
        let t = start_thread(|| for conn in s { for m in conn { m.reply(m.text); } });
        let c = tcp::connect(s.addr, #{ framing: \"line\" }); let ping = |text, timeout| c.ping(text, timeout);
        let pings = |count| pinger(c, #{ count: count, interval: 1.ms, timeout: 5.s });";
    for socket in [udp, tcp] {
        // Duplicates that were not received when the next pings begin are still those of the ones before.
        let code = format!(
            "{socket}
             set_policy(s, |p| if p.number <= 3 {{ duplicate(3) }} else {{ pass() }});
             let extra = |s| s.summary().split(\"\\n\").filter(|line| line.starts_with(\"Dup\") || line.starts_with(\"Late\"));
             let first = stats(); first.add(pings.call(3)); sleep(200.ms);
             let second = stats(); for p in pings.call(3) {{ second.add(p); }}
             let third = stats(); third.add(ping.call(\"ping 77\", 5.s));
             print([first, second, third].map(|s| extra.call(s)));
             let all = stats(); for s in [first, second, third, first] {{ all.merge(s); }} print(extra.call(all));
             print(c.counts.duplicate); t.stop();"
        );
        let run = pingscript(&["-e", &code]).run().expect_code(0);
        let expected = "[[\"Duplicate Replies: 6\"], [], []]\n[\"Duplicate Replies: 6\"]\n6\n";
        assert!(run.stdout.starts_with(expected), "{code}\n{}", run.stdout);
    }
    // Late ones are those of the ping that they are late for, also where another address is pinged meanwhile.
    let code = format!(
        "{udp} let first = stats(); let second = stats(); set_policy(s, |p| if p.number == 1 {{ delay(300.ms) }} else {{ pass() }});
         first.add(ping.call(\"ping 1\", #{{ timeout: 50.ms, icmp_wait: 0.s }})); second.add(ping.call(\"ping 2\", 5.s)); sleep(600.ms);
         second.add(ping.call(\"ping 3\", 5.s));
         print([first, second].map(|s| s.summary().contains(\"Late Replies: 1\"))); t.stop();"
    );
    let run = pingscript(&["-e", &code]).run();
    assert!(run.stdout.starts_with("[true, false]\n"), "{}", run.stdout);
}
