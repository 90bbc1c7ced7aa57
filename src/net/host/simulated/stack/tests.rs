use super::*;
use crate::net::error::errno::*;
use crate::net::host::simulated::routes::RouteTarget;
use crate::net::host::socket::{SocketOption, SocketType};
use crate::net::io::Origin;
use crate::net::wire::Family;
use crate::net::wire::compose::{Header, udp};
use crate::net::wire::icmp::{Echo, Kind, Message};
use crate::net::wire::ip::Protocol;
use std::net::SocketAddr;

const TIME: StackTime = StackTime { now: Instant::from_nanos(0), wall: 77 };

/// Hosts a and b with a router between them: each has an interface 2 towards it, and the router 2 and 3.
struct StackNet {
    a: Stack,
    b: Stack,
    router: Stack,
}

fn prefix(text: &str) -> Prefix {
    text.parse().expect("a prefix")
}

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap_or_else(|_| SocketAddr::new(text.parse().expect("an address"), 0))
}

impl StackNet {
    fn new(mtu: u32) -> Self {
        let host = |n: u8| {
            let addrs = [prefix(&format!("10.0.{n}.1/24")), prefix(&format!("fd00:{n}::1/64"))];
            let mut stack = Stack::new(&addrs, false);
            let index = stack.add_interface("eth0", 1500, &addrs);
            for (everything, router) in [("0.0.0.0/0", format!("10.0.{n}.2")), ("::/0", format!("fd00:{n}::2"))] {
                let way = RouteTarget::Interface(index, Some(router.parse().expect("an address")));
                stack.routes_mut().set(prefix(everything), Some(way));
            }
            stack
        };
        let addrs = ["10.0.1.2/24", "fd00:1::2/64", "10.0.2.2/24", "fd00:2::2/64"].map(prefix);
        let mut router = Stack::new(&addrs, true);
        router.add_interface("eth0", 1500, &addrs[..2]);
        router.add_interface("eth1", mtu, &addrs[2..]);
        let mut net = Self { a: host(1), b: host(2), router };
        // All is at one time here.
        for stack in [&mut net.a, &mut net.b, &mut net.router] {
            stack.limits = ErrorLimits::lifted();
        }
        net
    }

    /// Carries packets until none is left; how many there were.
    fn settle(&mut self) -> usize {
        let mut count = 0;
        loop {
            let [a, b, router] =
                [&mut self.a, &mut self.b, &mut self.router].map(|it| std::mem::take(&mut it.outbox.packets));
            let before = count;
            for (own, packets) in [(0, a), (1, b), (2, router)] {
                for SentPacket { interface, bytes: packet, is_plain } in packets {
                    count += 1;
                    match (own, interface) {
                        (0, 1) if is_plain => self.a.receive_own(packet, TIME),
                        (0, 1) => self.a.receive(1, packet, TIME),
                        (1, 1) => self.b.receive(1, packet, TIME),
                        (2, 1) => self.router.receive(1, packet, TIME),
                        (0, _) => self.router.receive(2, packet, TIME),
                        (1, _) => self.router.receive(3, packet, TIME),
                        (_, 2) => self.a.receive(2, packet, TIME),
                        _ => self.b.receive(2, packet, TIME),
                    }
                }
            }
            if count == before {
                return count;
            }
        }
    }
}

fn socket(stack: &mut Stack, key: SocketKey, kind: SocketType, family: Family, local: Option<&str>) {
    stack.open(key, kind, family);
    for option in [SocketOption::QueueErrors, SocketOption::ArrivalTtl, SocketOption::StampArrivals] {
        stack.socket_mut(key).expect("one").set(option);
    }
    if let Some(local) = local {
        stack.bind(key, addr(local)).expect("bound");
    }
}

/// The next datagram of a socket: data, sender, TTL.
fn received(stack: &mut Stack, key: SocketKey) -> Option<(Vec<u8>, SocketAddr, u8)> {
    let mut buffer = vec![0; 65_536];
    let got = stack.socket_mut(key)?.receive(&mut buffer).ok()?;
    Some((buffer[..got.len].to_vec(), got.addr?, got.ttl?))
}

/// An entry of an error queue: type, code, errno, info, offender, destination, quote.
type ErrorEntry = (u8, u8, i32, u32, String, String, Vec<u8>);

/// The next entry of a socket's error queue.
fn error(stack: &mut Stack, key: SocketKey) -> Option<ErrorEntry> {
    let mut buffer = vec![0; 65_536];
    let got = stack.socket_mut(key)?.next_error(&mut buffer).ok()?;
    let entry = got.entry?;
    let offender = entry.offender.map_or_else(String::new, |it| it.ip().to_string());
    let to = got.addr.map_or_else(String::new, |it| it.to_string());
    Some((entry.type_, entry.code, entry.errno, entry.info, offender, to, buffer[..got.len].to_vec()))
}

#[test]
fn datagrams_cross_a_router_and_come_back() {
    for (family, at, own) in [(Family::V4, "10.0.2.1:7", "10.0.1.1"), (Family::V6, "[fd00:2::1]:7", "fd00:1::1")] {
        let mut net = StackNet::new(1500);
        socket(&mut net.a, 1, SocketType::Udp, family, None);
        socket(&mut net.b, 2, SocketType::Udp, family, Some(at));
        assert_eq!(net.a.send_datagram(1, b"hello", Some(addr(at)), None, TIME), Ok(5));
        assert_eq!(net.settle(), 2);
        let (data, from, ttl) = received(&mut net.b, 2).expect("a datagram");
        assert_eq!(
            (data.as_slice(), from.ip().to_string(), from.port(), ttl),
            (&b"hello"[..], own.to_string(), 32_768, 63)
        );
        net.b.send_datagram(2, b"back", Some(from), None, TIME).expect("sent");
        net.settle();
        assert_eq!(received(&mut net.a, 1), Some((b"back".to_vec(), addr(at), 63)));
        assert_eq!((net.a.outbox.woken.as_slice(), net.b.outbox.woken.as_slice()), (&[1][..], &[2][..]));
    }
}

#[test]
fn errors_come_to_the_socket_that_asked() {
    let mut net = StackNet::new(1500);
    socket(&mut net.a, 1, SocketType::Udp, Family::V4, None);
    socket(&mut net.a, 2, SocketType::Udp, Family::V6, None);
    let mut reported = |key, to: &str, ttl| {
        net.a.socket_mut(key).expect("one").set(SocketOption::Ttl(ttl));
        let sent = net.a.send_datagram(key, b"question", Some(addr(to)), None, TIME);
        net.settle();
        sent.map(|_| error(&mut net.a, key))
    };
    let quote = b"question".to_vec();
    let said = |type_, code, errno, offender: &str, to: &str| {
        Ok(Some((type_, code, errno, 0, offender.to_string(), to.to_string(), quote.clone())))
    };
    assert_eq!(reported(1, "10.0.2.1:9", None), said(3, 3, ECONNREFUSED, "10.0.2.1", "10.0.2.1:9"));
    assert_eq!(reported(1, "10.0.2.1:9", Some(1)), said(11, 0, EHOSTUNREACH, "10.0.1.2", "10.0.2.1:9"));
    assert_eq!(reported(1, "192.0.2.1:9", None), said(3, 0, ENETUNREACH, "10.0.1.2", "192.0.2.1:9"));
    assert_eq!(reported(2, "[fd00:2::1]:9", None), said(1, 4, ECONNREFUSED, "fd00:2::1", "[fd00:2::1]:9"));
    assert_eq!(reported(2, "[fd00:2::1]:9", Some(1)), said(3, 0, EHOSTUNREACH, "fd00:1::2", "[fd00:2::1]:9"));
    assert_eq!(reported(2, "[2001:db8::1]:9", None), said(1, 0, ENETUNREACH, "fd00:1::2", "[2001:db8::1]:9"));
    for (target, kinds) in [
        (RouteTarget::Unreachable, [(3, 1, EHOSTUNREACH), (1, 0, ENETUNREACH)]),
        (RouteTarget::Prohibit, [(3, 13, EHOSTUNREACH), (1, 1, EACCES)]),
    ] {
        for (key, to, (type_, code, errno)) in [(1, "192.0.2.1:9", kinds[0]), (2, "[2001:db8::1]:9", kinds[1])] {
            net.router.routes_mut().set(addr(to).ip().into(), Some(target));
            net.a
                .send_datagram(key, b"x", Some(addr(to)), None, TIME)
                .or_else(|_| net.a.send_datagram(key, b"x", Some(addr(to)), None, TIME))
                .expect("sent");
            net.settle();
            let got = error(&mut net.a, key).expect("an error");
            assert_eq!((got.0, got.1, got.2), (type_, code, errno), "{to}");
        }
    }
    net.a.socket_mut(1).expect("one").take_pending();
    net.router.routes_mut().set(prefix("192.0.2.1"), Some(RouteTarget::Blackhole));
    net.a.send_datagram(1, b"x", Some(addr("192.0.2.1:9")), None, TIME).expect("sent");
    net.settle();
    assert_eq!(error(&mut net.a, 1), None);
}

#[test]
fn a_connected_socket_is_refused_also_without_a_queue() {
    let mut net = StackNet::new(1500);
    net.a.open(1, SocketType::Udp, Family::V4);
    assert_eq!(net.a.send_datagram(1, b"", None, None, TIME), Err(EDESTADDRREQ));
    net.a.send_datagram(1, b"x", Some(addr("10.0.2.1:9")), None, TIME).expect("sent");
    net.settle();
    assert!(!net.a.socket(1).expect("one").has_error(), "not connected, it gets no error");
    net.a.connect(1, addr("10.0.2.1:9")).expect("connected");
    net.a.send_datagram(1, b"x", None, None, TIME).expect("sent");
    net.settle();
    assert_eq!(net.a.send_datagram(1, b"x", None, None, TIME), Err(ECONNREFUSED), "in place of the call");
    assert_eq!(net.a.send_datagram(1, b"x", None, None, TIME), Ok(1));
}

#[test]
fn large_datagrams_go_in_fragments_and_paths_are_learnt() {
    for (family, at, offender) in [(Family::V4, "10.0.2.1:7", "10.0.1.2"), (Family::V6, "[fd00:2::1]:7", "fd00:1::2")] {
        let mut net = StackNet::new(1300);
        socket(&mut net.a, 1, SocketType::Udp, family, None);
        socket(&mut net.b, 2, SocketType::Udp, family, Some(at));
        let data: Vec<u8> = (0..4000u32).map(|n| n as u8).collect();
        net.a.send_datagram(1, &data, Some(addr(at)), None, TIME).expect("sent");
        net.settle();
        match family {
            // Fragments may be cut again on the way.
            Family::V4 => assert_eq!(received(&mut net.b, 2).expect("it").0, data),
            Family::V6 => assert_eq!(error(&mut net.a, 1).map(|it| (it.0, it.3)), Some((2, 1300))),
        }
        net.a.socket_mut(1).expect("one").take_pending();
        while error(&mut net.a, 1).is_some() {}
        // What fits the first link has Don't Fragment, and the router says what the path carries.
        let sent = net.a.send_datagram(1, &data[..1400], Some(addr(at)), None, TIME);
        net.settle();
        if family == Family::V4 {
            let got = error(&mut net.a, 1).expect("an error");
            assert_eq!((got.0, got.1, got.2, got.3, got.4.as_str(), sent), (3, 4, EMSGSIZE, 1300, offender, Ok(1400)));
        }
        assert_eq!(net.a.path_mtu(addr(at).ip(), TIME.now), 1300);
        while received(&mut net.b, 2).is_some() {}
        net.a.send_datagram(1, &data, Some(addr(at)), None, TIME).expect("sent");
        net.settle();
        assert_eq!(received(&mut net.b, 2).expect("it").0, data, "by what was learnt");
        // Set not to fragment, the host itself refuses what its interface cannot carry.
        net.a.socket_mut(1).expect("one").set(SocketOption::DontFragment(true));
        assert_eq!(net.a.send_datagram(1, &data, Some(addr(at)), None, TIME), Err(EMSGSIZE));
        let mut buffer = [0; 9];
        let entry = net.a.socket_mut(1).expect("one").next_error(&mut buffer).expect("an entry").entry.expect("one");
        assert_eq!((entry.origin, entry.info), (Origin::Local, 1500));
    }
}

#[test]
fn pings_are_replied_to_and_their_errors_queued() {
    for (family, to) in [(Family::V4, "10.0.2.1"), (Family::V6, "fd00:2::1")] {
        let mut net = StackNet::new(1500);
        socket(&mut net.a, 1, SocketType::Ping, family, None);
        socket(&mut net.a, 2, SocketType::RawIcmp, family, None);
        let request = Message::echo_request(family, Echo { id: 0, seq: 5 }, b"data").emit();
        net.a.send_datagram(1, &request, Some(addr(to)), None, TIME).expect("sent");
        net.settle();
        let (data, from, _) = received(&mut net.a, 1).expect("a reply");
        let reply = Message::parse(family, &data).expect("a message");
        let own = net.a.socket(1).expect("one").local.expect("an identifier");
        assert_eq!(
            (reply.kind, reply.echo(), from),
            (Kind::echo_reply(family), Some(Echo { id: own.port(), seq: 5 }), addr(to))
        );
        let (data, ..) = received(&mut net.a, 2).expect("the raw socket has it, too");
        let start = if family == Family::V4 { 20 } else { 0 };
        assert_eq!(Message::parse(family, &data[start..]).map(|it| it.kind), Ok(Kind::echo_reply(family)));
        net.a.socket_mut(1).expect("one").set(SocketOption::Ttl(Some(1)));
        net.a.send_datagram(1, &request, Some(addr(to)), None, TIME).expect("sent");
        net.settle();
        let got = error(&mut net.a, 1).expect("an error");
        assert_eq!((got.2, got.5), (EHOSTUNREACH, addr(to).to_string()));
        assert_eq!(
            Message::parse(family, &got.6).map(|it| it.kind),
            Ok(Kind::echo_request(family)),
            "from its header on"
        );
        assert_eq!(net.a.send_datagram(1, b"short", Some(addr(to)), None, TIME), Err(EINVAL));
    }
}

#[test]
fn addresses_and_ports_are_bound_as_on_linux() {
    let mut stack = Stack::new(&[prefix("10.0.0.1")], false);
    let mut bind = |key, local: &str, shared| {
        stack.open(key, SocketType::Udp, Family::of(addr(local).ip()));
        if shared {
            stack.socket_mut(key).expect("one").set(SocketOption::ShareAddress);
        }
        stack.bind(key, addr(local)).map(|it| it.port())
    };
    assert_eq!(bind(1, "10.0.0.1:7", false), Ok(7));
    assert_eq!(bind(2, "10.0.0.1:7", true), Err(EADDRINUSE), "both have to share it");
    assert_eq!(bind(3, "0.0.0.0:7", false), Err(EADDRINUSE));
    assert_eq!(bind(4, "127.0.0.1:7", false), Ok(7));
    assert_eq!(bind(5, "[::]:7", false), Ok(7), "IPv6 is for itself");
    assert_eq!(bind(6, "10.0.0.2:7", false), Err(EADDRNOTAVAIL));
    assert_eq!([bind(7, "10.0.0.1:9", true), bind(8, "10.0.0.1:9", true)], [Ok(9), Ok(9)]);
    assert_eq!([bind(9, "10.0.0.1:0", false), bind(10, "10.0.0.1:0", false)], [Ok(32_768), Ok(32_769)]);
    assert_eq!(stack.bind(1, addr("10.0.0.1:8")), Err(EINVAL), "once");
    assert_eq!(stack.bind(1, addr("[::1]:8")), Err(EAFNOSUPPORT));
}

#[test]
fn loopback_and_broadcast_reach_this_host() {
    let mut net = StackNet::new(1500);
    socket(&mut net.a, 1, SocketType::Udp, Family::V4, Some("0.0.0.0:7"));
    socket(&mut net.a, 2, SocketType::Udp, Family::V4, None);
    for to in ["127.0.0.1:7", "127.9.9.9:7", "10.0.1.1:7", "0.0.0.0:7"] {
        net.a.send_datagram(2, b"x", Some(addr(to)), None, TIME).expect(to);
        net.settle();
        assert!(received(&mut net.a, 1).is_some(), "{to}");
    }
    assert_eq!(net.a.send_datagram(2, b"x", Some(addr("10.0.1.255:7")), None, TIME), Err(EACCES));
    net.a.socket_mut(2).expect("one").set(SocketOption::Broadcast(true));
    net.a.send_datagram(2, b"x", Some(addr("10.0.1.255:7")), None, TIME).expect("sent");
    socket(&mut net.router, 3, SocketType::Udp, Family::V4, Some("0.0.0.0:7"));
    net.settle();
    assert!(received(&mut net.a, 1).is_some() && received(&mut net.router, 3).is_some());
}

#[test]
fn garbage_is_counted_and_harms_nothing() {
    let mut net = StackNet::new(1500);
    let from = addr("10.0.1.9:1");
    let (source, destination) = (from.ip(), addr("10.0.1.1").ip());
    let header = Header {
        source,
        destination,
        protocol: Protocol::UDP,
        ttl: 9,
        tos: 0,
        dont_fragment: false,
        identification: 1,
    };
    let packet = header.packet(&udp(from, addr("10.0.1.1:7"), b"data"));
    for len in 0..packet.len() {
        net.a.receive(2, packet[..len].to_vec(), TIME);
    }
    assert_eq!(net.a.counts.malformed, packet.len() as u64);
    for at in 0..packet.len() {
        for value in 0..=u8::MAX {
            let mut damaged = packet.clone();
            damaged[at] = value;
            net.a.receive(2, damaged.clone(), TIME);
            net.router.receive(2, damaged, TIME);
        }
    }
    net.settle();
    let unknown = Header { protocol: Protocol(99), ..header }.packet(b"what");
    net.a.receive(2, unknown, TIME);
    let answer = net.a.outbox.packets.pop().expect("an error");
    let kind = Packet::parse(&answer.bytes).expect("a packet").icmp_message().expect("a message").kind;
    assert_eq!(kind, Kind::v4(3, 2));
}
