//! ICMP errors of the kernel, and others made by hand.

use super::*;

// ICMP errors of the kernel.

fn refused(ip: IpAddr) {
    let (closed, _held) = closed_port(ip);
    let server = UdpPeer::start(ip, |ping| ping.reply_upper());
    // Each round leaves an error unread in front of a ping, and in front of a plain send.
    let script = format!(
        "let server = resolve(\"{}\"); let closed = resolve(\"{closed}\"); let sock = udp::open(server); let all = stats();
         for seq in 1..=100 {{
             sock.send_to(\"x\", closed);
             sock.send_to(\"ping 1000 x\", server);
             sock.send_to(\"x\", closed);
             all.add(sock.ping(server, `ping ${{seq}} ${{unix_time()}}`, {LONG}));
         }}
         {ACCOUNT}",
        server.addr()
    );
    let session = Session::of(&script);
    // The plain sends are answered too, with a number that no ping had.
    session.expect(&[("sent", 100), ("replied", 100), ("unmatched", 100), ("stray_errors", 200)]);
}

#[test]
fn an_unread_error_eats_no_send() {
    refused(LOOPBACK);
}

#[test]
fn an_unread_error_eats_no_send_over_ipv6() {
    refused(LOOPBACK6);
}

#[test]
fn two_thousand_errors_at_full_speed_settle_two_thousand_pings() {
    for ip in [LOOPBACK, LOOPBACK6] {
        let (closed, _held) = closed_port(ip);
        // The kernel limits ICMPv6 errors to one peer more than it does ICMP ones.
        let count = if ip.is_ipv4() { 2000 } else { 20 };
        let plan = format!("#{{ count: {count}, interval: 0.ms, window: 64, timeout: 60.s }}");
        let session = Session::ended(&in_flight(closed, &plan), 1);
        session.expect(&[("sent", count), ("errored", count)]);
        assert!(session.pings.iter().all(|(.., icmp, assumed)| icmp == "Port Unreachable" && !assumed));
    }
}

#[test]
fn a_port_that_closes_and_opens_again() {
    // Outside of the range from which the kernel picks, so that no one takes it in between.
    let port = (20_000..30_000).find(|port| UdpSocket::bind((LOOPBACK, *port)).is_ok()).expect("a free port");
    let script = format!(
        "let at = \"127.0.0.1:{port}\"; let sock = udp::open(at); let all = stats();
         for round in 0..20 {{
             let server = udp::bind(at);
             let echo = start_thread(|| {{ for pkt in server {{ pkt.reply(pkt.text.to_upper()); }} }});
             all.add(sock.ping(at, `ping ${{2 * round + 1}} x`, {LONG}));
             echo.stop(); echo.join(); server.close();
             all.add(sock.ping(at, `ping ${{2 * round + 2}} x`, {LONG}));
             sock.send_to(\"x\", at);
         }}
         {ACCOUNT}"
    );
    let session = Session::of(&script);
    // The last send's error is still unread.
    assert_eq!(["sent", "replied", "errored"].map(|name| session.count(name)), [40, 20, 20]);
    assert_eq!(session.count("stray_errors"), 19);
}

// ICMP errors of others, made by hand.

/// Sends ICMP errors about a client's datagrams, in any order and with any quote.
struct Forger(Socket);

impl Forger {
    /// `None`, after saying so, without the right to make them.
    fn new(what: &str) -> Option<Self> {
        require_own_network_or_skip(what).then(|| {
            Self(Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4)).expect("cannot open a raw socket"))
        })
    }

    fn send(&self, error: IcmpError, ping: &Datagram<'_>, data: &[u8]) {
        let v4 = |addr| match addr {
            SocketAddr::V4(addr) => addr,
            SocketAddr::V6(_) => unreachable!("bound to IPv4"),
        };
        let (from, to) = (v4(ping.from), v4(ping.socket.local_addr().expect("bound")));
        let packet = icmp::message(error, &icmp::udp_packet(from, to, data));
        self.0.send_to(&packet, &SocketAddrV4::new(*from.ip(), 0).into()).expect("cannot send an ICMP error");
    }
}

fn short(code: u8) -> IcmpError {
    IcmpError { quoted: 8, ..IcmpError::unreachable(code) }
}

#[test]
fn an_error_names_its_probe_among_several() {
    let Some(forger) = Forger::new("ICMP errors for several probes in flight") else { return };
    let mut kept: Vec<Vec<u8>> = Vec::new();
    let server = UdpPeer::start(LOOPBACK, move |ping| {
        kept.push(ping.data.to_vec());
        if kept.len() == 4 {
            forger.send(IcmpError::unreachable(1), &ping, &kept[2]);
            forger.send(IcmpError::unreachable(0), &ping, &kept[0]);
            forger.send(IcmpError { quoted: 8 + 7, ..IcmpError::unreachable(13) }, &ping, &kept[1]);
            ping.reply_upper();
        }
    });
    let session = Session::of(&in_flight(server.addr(), "#{ count: 4, interval: 0.ms, window: 4, timeout: 60.s }"));
    session.expect(&[("sent", 4), ("replied", 1), ("errored", 3)]);
    let mut errors: Vec<_> =
        session.pings.iter().map(|(seq, _, _, icmp, assumed)| (*seq, icmp.as_str(), *assumed)).collect();
    errors.sort_unstable();
    assert_eq!(errors[0], (1, "Net Unreachable", false));
    assert_eq!((errors[1].0, errors[1].2), (2, false));
    assert_eq!(errors[2], (3, "Host Unreachable", false));
    assert_eq!(errors[3], (4, "", false));
}

#[test]
fn an_error_that_names_none_is_put_down_to_one_and_says_so() {
    let Some(forger) = Forger::new("ICMP errors that quote 8 bytes") else { return };
    let mut kept = 0;
    let server = UdpPeer::start(LOOPBACK, move |ping| {
        kept += 1;
        if kept == 3 {
            (0..3).for_each(|_| forger.send(short(1), &ping, ping.data));
        }
    });
    let session =
        Session::ended(&in_flight(server.addr(), "#{ count: 3, interval: 0.ms, window: 3, timeout: 60.s }"), 1);
    session.expect(&[("sent", 3), ("errored", 3)]);
    let assumed: Vec<_> = session.pings.iter().map(|(seq, .., assumed)| (*seq, *assumed)).collect();
    assert_eq!(assumed, [(1, true), (2, true), (3, false)], "the last one can be about no other");
}

#[test]
fn an_error_with_a_short_quote_settles_the_only_probe() {
    let Some(forger) = Forger::new("ICMP errors that quote 8 bytes") else { return };
    let server = UdpPeer::start(LOOPBACK, move |ping| forger.send(short(1), &ping, ping.data));
    let session = Session::ended(&one_by_one(server.addr(), 3, LONG), 1);
    session.expect(&[("sent", 3), ("errored", 3)]);
    assert!(session.pings.iter().all(|(.., icmp, assumed)| icmp == "Host Unreachable" && !assumed));
}

#[test]
fn an_error_for_a_probe_long_settled_settles_no_other() {
    let Some(forger) = Forger::new("late ICMP errors") else { return };
    let mut first = Vec::new();
    let server = UdpPeer::start(LOOPBACK, move |ping| match number(ping.data) {
        1 => first = ping.data.to_vec(),
        2 => {
            forger.send(IcmpError::unreachable(1), &ping, &first);
            forger.send(IcmpError::unreachable(1), &ping, b"ping 4711 never sent");
            forger.send(IcmpError::unreachable(1), &ping, b"garbage");
            thread::sleep(HELD);
            ping.reply_upper();
        }
        _ => ping.reply_upper(),
    });
    let script = one_by_one(server.addr(), 3, "#{ timeout: if seq == 1 { 30.ms } else { 60.s }, icmp_wait: 0.ms }");
    let session = Session::of(&script);
    session.expect(&[("sent", 3), ("replied", 2), ("timed_out", 1), ("stray_errors", 3)]);
}

#[test]
fn advisory_messages_settle_nothing() {
    let Some(forger) = Forger::new("source quench") else { return };
    // Source quench. The kernel keeps it from sockets; were it to come, it would be counted as advisory.
    let server = UdpPeer::start(LOOPBACK, move |ping| {
        forger.send(IcmpError { kind: 4, ..IcmpError::unreachable(0) }, &ping, ping.data);
        thread::sleep(HELD);
        ping.reply_upper();
    });
    let session = Session::of(&one_by_one(server.addr(), 3, LONG));
    assert_eq!(["replied", "errored", "stray_errors"].map(|name| session.count(name)), [3, 0, 0]);
    session.expect_held();
}

#[test]
fn an_error_and_then_a_reply_a_thousand_times() {
    let Some(forger) = Forger::new("an ICMP error ahead of each reply") else { return };
    let server = UdpPeer::start(LOOPBACK, move |ping| {
        if number(ping.data) <= 1000 {
            forger.send(IcmpError::unreachable(1), &ping, ping.data);
        }
        ping.reply_upper();
    });
    let expected = [("sent", 1001), ("replied", 1), ("errored", 1000), ("late", 1000)];
    Session::of(&one_by_one(server.addr(), 1001, LONG)).expect(&expected);
    Session::of(&in_flight(server.addr(), "#{ count: 1001, interval: 0.ms, timeout: 60.s }")).expect(&expected);
}

#[test]
fn a_reply_and_then_an_error_a_thousand_times() {
    let Some(forger) = Forger::new("an ICMP error after each reply") else { return };
    let server = UdpPeer::start(LOOPBACK, move |ping| {
        ping.reply_upper();
        if number(ping.data) <= 1000 {
            forger.send(IcmpError::unreachable(1), &ping, ping.data);
        }
    });
    let expected = [("sent", 1001), ("replied", 1001), ("stray_errors", 1000)];
    Session::of(&one_by_one(server.addr(), 1001, LONG)).expect(&expected);
}
