//! Addresses that mean more than a host: with a zone, of groups, of the socket itself; and by which address and with which class
//! of service packets leave.

mod common;

use common::{TempDir, pingscript, require_own_network_or_skip};
use std::process::Command;

/// Runs ip(8) in this thread's network.
fn ip(words: &str) {
    let run = Command::new("ip").args(words.split(' ')).output().expect("ip(8)");
    assert!(run.status.success(), "ip {words}: {}", String::from_utf8_lossy(&run.stderr));
}

#[test]
fn a_link_local_address_keeps_its_zone_wherever_it_is_shown_compared_or_written() {
    if !require_own_network_or_skip("link-local addresses") {
        return;
    }
    ip("-6 addr add fe80::77/64 dev lo nodad");
    ip("-6 addr add fe80::78/64 dev lo nodad");
    let dir = TempDir::new();
    let rows = dir.path().join("rows.jsonl");
    let script = r#"
        let at = icmp::resolve("fe80::77%lo");
        expect([at.ip, `${at}`, at == "fe80::77%lo", at == "fe80::77%1", at == "fe80::77"], ["fe80::77%1", "[fe80::77%1]:0", true, true, true]);
        expect([at == "fe80::78%lo", at.with_port(7) == "[fe80::77%lo]:7", at.with_port(7) == "[fe80::77%lo]:8"], [false, true, false]);
        for raw in [false, true] {
            let sock = icmp::open(at, #{ raw: raw, bind: "fe80::78%lo" });
            let ping = sock.ping(at, 20.s);
            expect([ping.kind, ping.from.ip, sock.counts.foreign], ["reply", "fe80::77%1", 0], sock.mode);
            expect(`${ping}`.contains("reply from fe80::77%1 rtt="), true);
        }
        let server = udp::bind("[fe80::77%lo]:0");
        let task = start_thread(|| udp::serve(server, udp::echo()));
        let client = udp::open(server.addr, "[fe80::78%lo]:0");
        let ping = client.ping(server.addr, "ping 1", 20.s);
        expect([ping.kind, ping.from == server.addr, ping.from.ip], ["reply", true, "fe80::77%1"]);
        task.stop();
        let path = trace();
        path.add(icmp::open(at).ping(at, #{ ttl: 1, timeout: 20.s }));
        expect(path.line(1).contains("fe80::77%1"), true, path.line(1));
        let closed = client.ping(at.with_port(9), "ping 2", 20.s);
        expect([closed.kind, closed.icmp.offender], ["icmp", "fe80::77%1"]);
        let all = icmp::targets("fe80::77%lo-fe80::78, fe80::77%lo");
        let table = sweep(all);
        table.add(pinger(icmp::open(all[0]), all, #{ interval: 1.ms, timeout: 20.s }));
        expect(`${table}`.contains("fe80::77%1-fe80::78%1      2  alive"), true, `${table}`);
    "#;
    pingscript(&["--json", rows.to_str().expect("UTF-8"), "-e", script]).run().expect_code(0);
    let written = std::fs::read_to_string(&rows).expect("rows");
    let probes: Vec<&str> = written.lines().filter(|row| row.contains(r#""type":"probe""#)).collect();
    assert_eq!(probes.len(), 7, "{written}");
    for row in &probes[..3] {
        assert!(row.contains(r#""from":"[fe80::78%1]:"#) && row.contains(r#""to":"[fe80::77%1]:"#), "{row}");
    }
    assert!(written.contains(r#""offender":"fe80::77%1""#), "{written}");
}
