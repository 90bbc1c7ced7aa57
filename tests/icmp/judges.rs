//! Other programs over the same paths of a lab: they count the same losses, see the same TTLs, hops and MTUs, and understand the
//! same errors.

use super::common::{Run, sys};
use super::labs::{has_program_or_skip, run_lab};

/// Runs a script beside these programs; `None`, after a loud word, where there are not all of them, or no lab.
fn beside(programs: &[&str], script: &str) -> Option<Run> {
    if programs.contains(&"traceroute") {
        // An ICMP error that one processor queues while another reads it leaves its mark on a socket whose queue is empty
        // (`sk_err`); traceroute then looks into that queue for ever, and reads no answer.
        sys::use_one_processor();
    }
    if programs.iter().all(|name| has_program_or_skip(name)) { run_lab(&["-e", script]) } else { None }
}

/// The same, where the script itself says whether all is as it should be.
fn judge(programs: &[&str], script: &str) {
    if let Some(run) = beside(programs, script) {
        run.expect_code(0);
    }
}

/// Hosts a and b with two routers between them.
const PATH: &str = r#"
    let net = lab::create();
    let a = net.host("a"); let r1 = net.router("r1"); let r2 = net.router("r2"); let b = net.host("b");
    net.link(a, r1);
    let link = net.link(r1, r2);
    net.link(r2, b);
    fn said(host, args) { let out = host.exec(args, #{ quiet: true }); out.stdout + out.stderr }
"#;

#[test]
fn ping_and_fping_count_the_same_losses() {
    let script = r#"
        set_policy(link, every(4));
        for target in [b.addr, b.addr6] {
            // Every fourth packet of a flow is lost, each way: ours and theirs lose the same.
            let rtts = stats();
            let ttl = run_in(a, || {
                let ttl = ();
                for ping in pinger(icmp::open(target), target, #{ count: 20, interval: 10.ms, timeout: 1.s, icmp_wait: 0.s }) {
                    rtts.add(ping);
                    if ping.kind == "reply" { ttl = ping.ttl; }
                }
                ttl
            });
            expect([rtts.sent, rtts.received, ttl], [20, 12, 62]);
            let ping = said(a, ["ping", "-n", "-c", "20", "-i", "0.01", "-W", "1", target]);
            expect(ping.contains("20 packets transmitted, 12 received"), true, ping);
            expect(ping.contains(` ttl=${ttl} `), true, ping);
            let fping = said(a, ["fping", "-c", "20", "-p", "10", "-t", "1000", "-q", target]);
            expect(fping.contains("xmt/rcv/%loss = 20/12/40%"), true, fping);
        }
        exit(0);
    "#;
    judge(&["ping", "fping"], &format!("{PATH}{script}"));
}

#[test]
fn traceroute_and_mtr_see_the_same_hops() {
    let script = r#"
        let words = |text| text.split().filter(|word| word != "");
        for target in [b.addr, b.addr6] {
            let v6 = target == b.addr6;
            let routers = if v6 { [r1.addr6, r2.addr6, target] } else { [r1.addr, r2.addr, target] };
            // Nothing that r2 says itself leaves it, at first.
            let silent = r2.addrs;
            for quiet in [true, false] {
                set_policy(link.from(r2), |pkt| if quiet && pkt.from.ip in silent { drop() } else { pass() });
                let hops = routers;
                if quiet { hops[1] = "*"; }
                // Long enough for an answer on a busy machine, and no longer where none is to come.
                let wait = if quiet { 1.s } else { 5.s };
                for proto in ["udp", "icmp", "tcp"] {
                    let ours = run_in(a, || {
                        let path = trace();
                        let to = if v6 { `[${target}]:33434` } else { `${target}:33434` };
                        let sock = switch proto { "udp" => udp::open(to), "icmp" => icmp::open(target), _ => () };
                        for ttl in 1..=3 {
                            let probe = #{ to: if proto == "udp" { to } else { target }, ttl: ttl };
                            if sock == () { path.add(ttl, tcp::try_connect(to, #{ ttl: ttl, timeout: wait })); }
                            else { for ping in pinger(sock, [probe], #{ timeout: wait, icmp_wait: 0.s }) { path.add(ping); } }
                        }
                        expect(path.end, 3);
                        path
                    });
                    expect(`${ours}`.split("\n").map(|line| words.call(line)[1]), hops, `${ours}`);
                    let how = switch proto { "udp" => "-U", "icmp" => "-I", _ => "-T" };
                    let theirs = said(a, ["traceroute", "-n", "-q", "1", "-w", wait.s, how, target]).split("\n");
                    for n in 0..3 { expect(words.call(theirs[n + 1])[1], hops[n], `traceroute ${how}: ${theirs}`); }
                    let how = switch proto { "udp" => ["-u"], "tcp" => ["-T", "-P", "80"], _ => [] };
                    let theirs = said(a, ["mtr", "-n", "-r", "-w", "-c", "2", "-i", "0.1", "-G", "1"] + how + [target]);
                    for line in theirs.split("\n") {
                        if !line.contains("|--") { continue; }
                        let fields = words.call(line);
                        let n = parse_int(fields[0].split(".")[0]);
                        let silent = hops[n - 1] == "*";
                        expect([fields[1], fields[2]], if silent { ["???", "100.0"] } else { [hops[n - 1], "0.0%"] }, theirs);
                    }
                    expect(theirs.split("|--").len, 4, theirs);
                }
            }
        }
        exit(0);
    "#;
    judge(&["traceroute", "mtr"], &format!("{PATH}{script}"));
}

#[test]
fn traceroute_shrinks_its_probes_at_the_same_hops() {
    let script = r#"
        r1.exec(["ip", "link", "set", "eth1", "mtu", "1400"]);
        r2.exec(["ip", "link", "set", "eth1", "mtu", "1300"]);
        for target in [b.addr, b.addr6] {
            let theirs = said(a, ["traceroute", "-n", "-q", "1", "--mtu", target]);
            // They tell the size that a hop let pass; we, who has reported it. Twice: what was learnt must not hide it.
            for size in ["F=1500", "F=1400", "F=1300"] { expect(theirs.contains(size), true, theirs); }
            for proto in ["udp", "icmp", "udp", "icmp"] {
                let code = a.run("traceroute.rhai", [target, "--proto", proto, "--mtu", "--queries", 2]);
                expect(code, 0);
            }
            let ping = said(a, ["ping", "-n", "-c", "1", "-W", "1", "-M", "do", "-s", "1400", target]);
            let ours = run_in(a, || icmp::open(target, #{ dont_fragment: true }).ping(target, #{ size: 1400 }));
            expect([ours.icmp.keyword, ours.icmp.info], [if target == b.addr { "fragmentation-needed" } else { "packet-too-big" }, 1400]);
        }
        exit(0);
    "#;
    let Some(run) = beside(&["traceroute", "ping", "ip"], &format!("{PATH}{script}")) else { return };
    let run = run.expect_code(0);
    for (hop, mtu) in [
        ("10.0.0.3", "  [MTU 1400]"),
        ("10.0.0.4", "  [MTU 1300]"),
        ("fd00::3", "  [MTU 1400]"),
        ("fd00::4", "  [MTU 1300]"),
    ] {
        let lines = run.stdout.lines().filter(|line| line.contains(&format!("  {hop}  ")));
        let marked = lines.filter(|line| line.ends_with(mtu) && line.matches("ms").count() == 2).count();
        assert_eq!(marked, 4, "{hop} {mtu}\n{}", run.stdout);
    }
    assert_eq!(run.stdout.matches("[MTU ").count(), 16, "{}", run.stdout);
}

#[test]
fn tcp_hops_are_timed_by_the_kernel() {
    let script = r#"
        b.start("tcp_multi.rhai", ["--listen", "*:80", "--quiet"]);
        let clocks = run_in(a, || {
            tcp::try_connect(`${b.addr}:80`, #{ ttl: 1 }); // the kernel begins to stamp a moment after it is asked to
            sleep(20.ms);
            let all = [1, 2, 3].map(|ttl| tcp::try_connect(`${b.addr}:80`, #{ ttl: ttl })) + [tcp::try_connect(`${b.addr}:81`)];
            for one in all { expect(one.rtt > 0.s && one.rtt <= one.took, true, `${one}`); }
            all.map(|one| `${one.kind}: ${one.clock}`)
        });
        expect(clocks, ["icmp: kernel receive - user send", "icmp: kernel receive - user send",
            "connected: kernel receive - kernel send", "refused: user receive - user send"]);
        exit(0);
    "#;
    judge(&[], &format!("{PATH}{script}"));
}

/// What ping, fping and traceroute make of an error: their words, and traceroute's mark. Empty: it says nothing.
type Understood = (u8, u8, &'static str, &'static str, &'static str);

/// Where ping shows no name it knows none; fping names no code of time exceeded and parameter problem, and nothing over IPv6;
/// the kernel queues neither 4/0 nor 11/1 nor redirects for traceroute's sockets of UDP, nor 11/1 for those of ping.
#[rustfmt::skip]
const V4: &[Understood] = &[
    (3, 0, "Destination Net Unreachable", "ICMP Network Unreachable", "!N"),
    (3, 1, "Destination Host Unreachable", "ICMP Host Unreachable", "!H"),
    (3, 2, "Destination Protocol Unreachable", "ICMP Protocol Unreachable", "!P"),
    (3, 3, "Destination Port Unreachable", "ICMP Port Unreachable", " ms"),
    (3, 4, "Frag needed and DF set (mtu = 68)", "(Fragmentation Needed)", ""),
    (3, 5, "Source Route Failed", "(Source Route Failed)", "!S"),
    (3, 6, "Destination Net Unknown", "(Destination Network Unknown)", "!N"),
    (3, 7, "Destination Host Unknown", "(Destination Host Unknown)", "!H"),
    (3, 8, "Source Host Isolated", "(Source Host Isolated)", "!N"),
    (3, 9, "Destination Net Prohibited", "(Communication with Network Prohibited)", "!X"),
    (3, 10, "Destination Host Prohibited", "(Communication with Host Prohibited)", "!X"),
    (3, 11, "Destination Net Unreachable for Type of Service", "(Network Unreachable For Type Of Service)", "!N"),
    (3, 12, "Destination Host Unreachable for Type of Service", "(Host Unreachable For Type Of Service)", "!H"),
    (3, 13, "Packet filtered", "(Communication Administratively Prohibited)", "!X"),
    (3, 14, "Precedence Violation", "(Host Precedence Violation)", "!V"),
    (3, 15, "Precedence Cutoff", "(Precedence cutoff in effect)", "!C"),
    (4, 0, "Source Quench", "ICMP Source Quench", ""),
    (5, 0, "Redirect Network", "ICMP Redirect", ""),
    (5, 1, "Redirect Host", "ICMP Redirect", ""),
    (5, 2, "Redirect Type of Service and Network", "ICMP Redirect", ""),
    (5, 3, "Redirect Type of Service and Host", "ICMP Redirect", ""),
    (11, 0, "Time to live exceeded", "ICMP Time Exceeded", " ms"),
    (11, 1, "", "ICMP Time Exceeded", ""),
    (12, 0, "Parameter problem: pointer = 0", "ICMP Parameter Problem", "!<12-0>"),
    (12, 1, "Parameter problem: pointer = 0", "ICMP Parameter Problem", "!<12-1>"),
    (12, 2, "Parameter problem: pointer = 0", "ICMP Parameter Problem", "!<12-2>"),
];

#[rustfmt::skip]
const V6: &[Understood] = &[
    (1, 0, "Destination unreachable: No route", "", "!N"),
    (1, 1, "Destination unreachable: Administratively prohibited", "", "!X"),
    (1, 2, "Destination unreachable: Beyond scope of source address", "", "!H"),
    (1, 3, "Destination unreachable: Address unreachable", "", "!H"),
    (1, 4, "Destination unreachable: Port unreachable", "", " ms"),
    (1, 5, "Destination unreachable: Unknown code 5", "", "!<5>"),
    (1, 6, "Destination unreachable: Unknown code 6", "", "!<6>"),
    (1, 7, "Destination unreachable: Unknown code 7", "", "!<7>"),
    (2, 0, "Packet too big: mtu=1280", "", "!F-1280"),
    (3, 0, "Time exceeded: Hop limit", "", " ms"),
    (3, 1, "Time exceeded: Defragmentation failure", "", "!<3-1>"),
    (4, 0, "Parameter problem: Wrong header field at 0", "", "!<4-0>"),
    (4, 1, "Parameter problem: Unknown header at 0", "", "!<4-1>"),
    (4, 2, "Parameter problem: Unknown option at 0", "", "!<4-2>"),
    (4, 3, "Parameter problem: code 3 at 0", "", "!<4-3>"),
];

#[test]
fn ping_fping_and_traceroute_understand_the_same_errors() {
    for (rows, is_v6) in [(V4, false), (V6, true)] {
        let rows: Vec<String> = rows
            .iter()
            .map(|(type_, code, ping, fping, mark)| format!("[{type_}, {code}, {ping:?}, {fping:?}, {mark:?}]"))
            .collect();
        let script = r#"
            let net = lab::create();
            let a = net.host("a"); let b = net.host("b");
            net.link(a, b);
            fn said(host, args) { let out = host.exec(args, #{ quiet: true }); out.stdout + out.stderr }
            fn has(text, part, row) { if part != "" { expect(text.contains(part), true, `${row}\n${text}`); } }
            let target = if v6 { b.addr6 } else { b.addr };
            let at = if v6 { `[${target}]:33434` } else { `${target}:33434` };
            for row in rows {
                let type = row[0]; let code = row[1];
                set_policy(b.ingress, |pkt| reject(type, code));
                let advice = type == 4 && !v6 || type == 5;
                for sock in run_in(a, || [icmp::open(target), udp::open(at)]) {
                    let to = if sock.type_of() == "UdpSocket" { at } else { target };
                    let wait = if advice { 200.ms } else { 20.s };
                    let ping = if to == at { sock.ping(to, "ping 1", wait) } else { sock.ping(to, wait) };
                    let reported = if advice { sock.notices()[0] } else { ping.icmp };
                    expect([reported.type, reported.code, reported.offender], [type, code, target], `${row} ${ping}`);
                }
                let ping = said(a, ["ping", "-n", "-c", "1", "-W", "0.2", target]);
                has(ping, if row[2] == "" { "" } else { `From ${target} icmp_seq=1 ${row[2]}` }, row);
                has(said(a, ["fping", "-c", "1", "-t", "50", target]), row[3], row);
                let line = said(a, ["traceroute", "-n", "-q", "1", "-w", "0.1", "-m", "1", target]).split("\n")[1];
                if row[4] == "" { expect(line.contains(" *"), true, `${row}\n${line}`); }
                else { expect(line.contains(` ${target} `) && line.ends_with(row[4]), true, `${row}\n${line}`); }
            }
            exit(0);
        "#;
        judge(
            &["ping", "fping", "traceroute"],
            &format!("let v6 = {is_v6}; let rows = [{}];\n{script}", rows.join(", ")),
        );
    }
}
