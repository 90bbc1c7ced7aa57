//! Addresses that mean more than a host: with a zone, of groups, of the socket itself; and by which address and with which class
//! of service packets leave.

mod common;

use common::{Cmd, TempDir, pingscript, require_own_network_or_skip, require_program_or_skip, require_root_or_skip};
use std::path::Path;
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

#[test]
fn a_socket_that_pings_itself_gets_no_reply() {
    let script = r#"
        let sock = udp::bind("127.0.0.1:0");
        let any = udp::bind("*:0");
        let both = [[sock, sock.addr], [any, `127.0.0.1:${any.port}`], [any, `127.0.0.9:${any.port}`], [any, any.addr]];
        for pair in both {
            let ping = pair[0].ping(pair[1], "ping 1", 20.s);
            expect([ping.kind, ping.error.message.contains("own address"), ping.error.hint.contains("another socket")], ["error", true, true]);
        }
        for ping in pinger(sock, [sock.addr, "127.0.0.1:9"], #{ interval: 1.ms, timeout: 20.s }) { expect(ping.kind in ["error", "icmp"], true); }
        expect([sock.counts.sent, sock.counts.errored, sock.counts.replied], [3, 3, 0]);
        exit(0);
    "#;
    pingscript(&["-e", script]).run().expect_code(0);
}

#[test]
fn members_of_a_group_reply_from_addresses_of_their_own() {
    if !require_own_network_or_skip("pings by broadcast and multicast") {
        return;
    }
    ip("link add v0 type veth peer name v1");
    ip("link set v0 addrgenmode none up");
    ip("link set v1 addrgenmode none up");
    ip("-6 addr add fe80::77/64 dev v0 nodad");
    std::fs::write("/proc/sys/net/ipv4/ping_group_range", "0 2147483647").expect("a network of its own");
    std::fs::write("/proc/sys/net/ipv4/icmp_echo_ignore_broadcasts", "0").expect("a network of its own");
    let script = r#"
        // Two hear what is for all, and answer from addresses of their own.
        let port = 0;
        let tasks = [];
        for from in ["127.0.0.3:0", "127.0.0.4:0"] {
            let receiver = udp::bind(`*:${port}`, #{ reuse: true });
            let says = udp::bind(from);
            port = receiver.port;
            tasks.push(start_thread(|| { for pkt in receiver { says.send_to(pkt.text.to_upper(), pkt.from); } }));
        }
        let all = `127.255.255.255:${port}`;
        let refused = udp::bind("127.0.0.1:0").ping(all, "ping 1", 20.s);
        expect([refused.kind, refused.error.kind, refused.error.message.contains("all hosts")], ["error", "permission", true]);
        expect(refused.error.hint.contains("broadcast: true"), true);
        let sock = udp::bind("127.0.0.1:0", #{ broadcast: true });
        let kinds = [];
        for ping in pinger(sock, all, #{ count: 3, interval: 100.ms, timeout: 20.s, strays: true }) { kinds.push([ping.kind, ping.from.ip]); }
        expect([sock.counts.replied, sock.counts.foreign, sock.counts.duplicate >= 2], [3, 0, true]);
        // The first ends the ping, and each other is a duplicate from somebody else.
        let of = |kind| kinds.filter(|one| one[0] == kind).map(|one| one[1]);
        let both = [of.call("reply")[0], of.call("duplicate")[0]];
        expect(both == ["127.0.0.3", "127.0.0.4"] || both == ["127.0.0.4", "127.0.0.3"], true, `${kinds}`);
        // A target that is pinged by itself is still distinguished from others.
        expect(sock.ping(udp::closed_port(), "ping 9", 20.s).kind, "icmp");
        for task in tasks { task.stop(); }
        for group in ["ff02::1%v0", "127.255.255.255"] { for raw in [false, true] {
            let sock = icmp::open(group, #{ raw: raw, broadcast: true });
            let ping = sock.ping(group, 20.s);
            expect([ping.kind, ping.from.ip == group, sock.counts.foreign], ["reply", false, 0], `${group} ${sock}`);
        } }
    "#;
    pingscript(&["-e", script]).patience(std::time::Duration::from_secs(40)).run().expect_code(0);
}

#[test]
fn the_traffic_class_is_that_of_what_is_sent() {
    let script = r#"
        let net = lab::create();
        let a = net.host("a"); let b = net.host("b");
        let link = net.link(a, b);
        set_policy(link.from(a), |pkt| reject("admin-prohibited"));
        let quoted = |icmp| { let about = icmp::decode(icmp.recv(20.s)).quote; [about.protocol, about.tos] };
        let icmp = run_in(a, || icmp::listen());
        for to in [`${b.addr}`, `[${b.addr6}]`] {
            run_in(a, || udp::open(`${to}:11000`, "", #{ dscp: 46 })).send_to("x", `${to}:11000`);
            expect(quoted.call(icmp), ["UDP", 184], to);
            expect(run_in(a, || tcp::try_connect(`${to}:11001`, #{ tos: 32 })).kind, "icmp");
            expect(quoted.call(icmp), ["TCP", 32], to);
        }
        exit(0);
    "#;
    let run = pingscript(&["-e", script]).run();
    if run.code != Some(4) {
        run.expect_code(0);
    }
}

#[test]
fn packets_leave_by_the_address_that_is_given() {
    if !require_own_network_or_skip("pings from an address of one's own") {
        return;
    }
    for (target, source) in [("127.0.0.1", "127.0.0.9"), ("::1", "::1")] {
        let rows = |args: &[&str]| {
            let all = [&["--json", "-"], args, &["--source", source]].concat();
            let run = pingscript(&all).run().expect_code(0);
            let from =
                if source.contains(':') { format!("\"from\":\"[{source}]:") } else { format!("\"from\":\"{source}:") };
            let sent = run
                .stdout
                .lines()
                .filter(|row| row.contains("\"type\":\"probe\"") || row.contains("\"event\":\"connect\""));
            let (mine, all) = sent.fold((0, 0), |(mine, all), row| (mine + usize::from(row.contains(&from)), all + 1));
            assert!(mine > 0 && mine == all, "{args:?}: {}", run.stdout);
        };
        rows(&["icmp_ping", target, "--count", "1"]);
        rows(&["pmtu", target]);
        for proto in ["udp", "icmp", "tcp"] {
            rows(&["traceroute", target, "--proto", proto, "--queries", "1", "--hops", "1"]);
        }
    }
    let run = pingscript(&["icmp_ping", "127.0.0.1", "--count", "1", "--source", "192.0.2.9"]).run().expect_code(2);
    assert!(run.stderr.contains("give an address of this host"), "{}", run.stderr);
}

/// RFC 5891: a name with letters beyond ASCII is looked up in its Punycode form.
#[test]
fn a_name_with_letters_beyond_ascii_is_looked_up_in_punycode() {
    let run = pingscript(&["icmp_ping", "m\u{fc}nchen.invalid", "--count", "1"]).run().expect_code(3);
    assert!(run.stderr.contains("no address for this name"), "{}", run.stderr);
    let run = pingscript(&["icmp_ping", "a\u{2ff0}b.invalid", "--count", "1"]).run().expect_code(3);
    assert!(run.stderr.contains("no host name has these letters"), "{}", run.stderr);

    if !require_root_or_skip("names of a hosts file") || !require_program_or_skip("unshare", "names of a hosts file") {
        return;
    }
    let dir = TempDir::new();
    let hosts = dir.path().join("hosts");
    std::fs::write(&hosts, "127.0.0.9 xn--mnchen-3ya.test\n").expect("a file");
    let script = format!("mount --bind {} /etc/hosts; exec \"$@\"", hosts.display());
    let binary = env!("CARGO_BIN_EXE_pingscript");
    let words =
        ["-m", "--propagation", "private", "sh", "-ec", &script, "sh", binary, "icmp_ping", "M\u{dc}nchen.test"];
    let run = Cmd::new(Path::new("unshare"), &[&words[..], &["--count", "1"]].concat()).run().expect_code(0);
    assert!(run.stdout.contains("127.0.0.9"), "{}", run.stdout);
}
