//! Every row of the tables of ICMP and ICMPv6: made by a host, it reaches the pinger and is printed under its name.

use super::*;
use pingscript::net::wire::Family;
use pingscript::net::wire::icmp::Kind;

/// Fifth to eighth octets: an MTU of 1400, a pointer, a gateway or nothing, as the kind has it.
fn rest(kind: Kind) -> [u8; 4] {
    match (kind.family, kind.type_, kind.code) {
        (Family::V4, 3, 4) | (Family::V6, 2, _) => [0, 0, 0x05, 0x78],
        (Family::V4, 12, 0) => [8, 0, 0, 0],
        (Family::V4, 5, _) => [127, 0, 0, 9],
        (Family::V6, 4, _) => [0, 0, 0, 6],
        _ => [0; 4],
    }
}

/// All kinds that are about a packet, in their order: the k-th ping of a run is answered by the k-th.
fn kinds(family: Family) -> Vec<Kind> {
    Kind::all(family).filter(|kind| kind.is_error() || kind.is_advisory()).collect()
}

/// Answers request k by an error of the k-th kind, and after advice by the reply.
fn answer(family: Family) -> impl FnMut(&Asked) -> Vec<Said> + Send + Clone + 'static {
    let kinds = kinds(family);
    move |asked: &Asked| {
        let kind = kinds[usize::from(asked.seq) - 1];
        let mut said = asked.error(kind.type_, kind.code, rest(kind), 548);
        if matches!((kind.family, kind.type_), (Family::V4, 43) | (Family::V6, 161)) {
            // It quotes nothing and has the identifier of the request that it answers (RFC 8335).
            said.message.truncate(8);
            said.message[4..8].copy_from_slice(&asked.message[4..8]);
            said.message = common::echo::sealed(said.message);
        }
        if kind.is_advisory() { vec![said, asked.reply()] } else { vec![said] }
    }
}

#[test]
fn a_raw_socket_receives_every_kind_of_ipv4() {
    every_kind(Family::V4, NONE);
}

#[test]
fn a_raw_socket_receives_every_kind_of_ipv6() {
    every_kind(Family::V6, NONE);
}

#[test]
fn a_ping_socket_receives_what_the_kernel_queues() {
    // What the kernel keeps from ping sockets, root receives at a raw socket beside it.
    every_kind(Family::V4, ALL);
    every_kind(Family::V6, ALL);
}

#[test]
fn a_pinger_over_udp_receives_every_kind() {
    if !require_own_network_or_skip("each kind of ICMP error over UDP") {
        return;
    }
    // Those that quote a packet; each is made for the ping of its number. After advice comes the reply.
    let kinds: Vec<Kind> = kinds(Family::V4).into_iter().filter(|kind| kind.is_quoting()).collect();
    let made = kinds.clone();
    let peer = common::icmp::forger(move |datagram| {
        let text = String::from_utf8_lossy(datagram.data);
        let number: usize = text.split(' ').nth(1).and_then(|n| n.parse().ok()).expect("a ping");
        let kind = made[number - 1];
        if kind.is_advisory() {
            let (socket, from, data) = (datagram.socket, datagram.from, datagram.data);
            let error = common::icmp::IcmpError { kind: kind.type_, code: kind.code, rest: rest(kind), quoted: 548 };
            common::icmp::send(error, socket, from, data);
            // The advice is to be received with this ping: the reply comes by another socket.
            std::thread::sleep(std::time::Duration::from_millis(20));
            socket.send_to(data, from).expect("cannot answer");
            return None;
        }
        Some(common::icmp::IcmpError { kind: kind.type_, code: kind.code, rest: rest(kind), quoted: 548 })
    });
    let server = peer.addr().to_string();
    let count = kinds.len().to_string();
    let args = ["scripts/udp_ping.rhai", "--server", &server, "--count", &count, "--timeout", LONG];
    let run = pingscript(&args).run().expect_code(0);
    for (kind, seq) in kinds.iter().zip(1..) {
        let line = format!("{kind} for the packet {seq}\n");
        assert!(run.stdout.contains(&line), "no {line}in\n{}", run.stdout);
    }
}

fn every_kind(family: Family, groups: &str) {
    if !require_root_or_skip("each kind of ICMP error") {
        return;
    }
    let _host = EchoHost::start(groups, answer(family));
    let target = if family == Family::V4 { "127.0.0.1" } else { "::1" };
    let kinds = kinds(family);
    let script = format!(
        "let sock = icmp::open(\"{target}\");
         for seq in 1..={} {{
             let ping = sock.ping(\"{target}\", #{{ timeout: 700.ms, icmp_wait: 0.s, size: 8 }});
             let notices = sock.notices().map(|notice| `${{notice.type}}/${{notice.code}} ${{notice}}`);
             let icmp = if ping.kind == \"icmp\" {{ `${{ping.icmp.type}}/${{ping.icmp.code}} ${{ping.icmp}}` }} else {{ \"\" }};
             print(`${{seq}} ${{ping.kind}} ${{icmp}}${{notices}}`);
         }}",
        kinds.len()
    );
    let run = pingscript(&["-e", &script]).run();
    let wanted: Vec<String> = kinds
        .iter()
        .zip(1..)
        .map(|(kind, seq)| {
            let name = format!("{}/{} {kind}", kind.type_, kind.code);
            if kind.is_advisory() { format!("{seq} reply [\"{name}\"]") } else { format!("{seq} icmp {name}[]") }
        })
        .collect();
    let received: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(received, wanted, "{family} {groups}\n{}", run.stderr);
}
