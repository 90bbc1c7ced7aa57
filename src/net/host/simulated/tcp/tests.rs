use super::super::faults::of_datagrams;
use super::*;
use crate::net::io::{Origin, QueueEntry};
use crate::net::time::Duration;
use crate::net::wire::icmp::Kind;

const START: Instant = Instant::from_nanos(1_000_000_000);

/// The number of the last segment.
fn sequence(sent: &[(IpAddr, Vec<u8>)]) -> u32 {
    let packet = Packet::parse(&sent.last().expect("a segment").1).expect("a packet");
    packet.transport.tcp().and_then(|tcp| tcp.sequence).expect("a number")
}

fn error(kind: Kind) -> QueuedError {
    let errno = of_datagrams(kind, false).map_or(0, |fault| fault.errno);
    let entry = QueueEntry {
        errno,
        origin: Origin::Icmp,
        type_: kind.type_,
        code: kind.code,
        info: 0,
        data: 0,
        offender: None,
    };
    QueuedError { entry, to: None, quote: vec![7; 9], stamp: Some(5) }
}

fn ends() -> [SocketAddr; 2] {
    ["10.0.0.1:40000", "10.0.0.2:7"].map(|text| text.parse().expect("an address"))
}

/// A client with the socket 1 and a server with the listener 2, without a link.
fn pair() -> [TcpSockets; 2] {
    let [a, b] = ends();
    let (mut client, mut server) = (TcpSockets::default(), TcpSockets::default());
    client.open(1);
    server.open(2);
    server.get_mut(2).expect("a socket").local = Some(b);
    server.listen(2, 1).expect("listening");
    client.connect(1, a, b, 1500, START).expect("begun");
    [client, server]
}

/// Carries segments between both until none is left, at one time.
fn settle(pair: &mut [TcpSockets; 2], now: Instant) {
    loop {
        let sent = [0, 1].map(|side| std::mem::take(&mut pair[side].sent));
        if sent.iter().all(Vec::is_empty) {
            return;
        }
        for (side, packets) in sent.into_iter().enumerate() {
            for (_, packet) in packets {
                pair[1 - side].receive(packet, 1500, now);
            }
        }
    }
}

fn established() -> [TcpSockets; 2] {
    let mut pair = pair();
    settle(&mut pair, START);
    assert!(pair[0].readiness(1).writable, "{pair:?}");
    pair
}

#[test]
fn any_error_ends_what_is_being_connected_here() {
    // Linux reports soft errors to connect(2), too, once it has sent a SYN (RFC 1122 would have it go on).
    let [local, peer] = ends();
    for (kind, errno) in [
        (Kind::v4(3, 0), ENETUNREACH),
        (Kind::v4(3, 1), EHOSTUNREACH),
        (Kind::v4(3, 3), ECONNREFUSED),
        (Kind::v4(3, 13), EHOSTUNREACH),
        (Kind::v4(11, 0), EHOSTUNREACH),
        (Kind::v4(12, 0), EPROTO),
    ] {
        let [mut client, _] = pair();
        client.get_mut(1).expect("a socket").queues_errors = true;
        let sequence = sequence(&client.sent);
        client.fail((local, peer), sequence.wrapping_add(9), kind, error(kind), START);
        assert_eq!(client.take_error(1), None, "about what was not sent: {kind}");
        client.fail((local, peer), sequence, kind, error(kind), START);
        assert!(client.readiness(1).has_error);
        assert_eq!(client.take_error(1), Some(errno), "{kind}");
        let entry = client.next_error(1, &mut [0; 99]).expect("an entry");
        assert_eq!(
            (entry.len, entry.stamp, entry.entry.map(|it| (it.type_, it.code))),
            (9, None, Some((kind.type_, kind.code)))
        );
        assert!(client.next_error(1, &mut []).is_none());
        assert_eq!(client.read(1, &mut [0; 9], START), Err(ENOTCONN), "{kind}");
        assert!(client.readiness(1).writable, "a wait for the connection ends: {kind}");
        // The socket can connect again.
        assert_eq!(client.connect(1, local, peer, 1500, START), Ok(()), "{kind}");
    }
}

#[test]
fn soft_and_hard_errors_leave_a_connection_alone() {
    let [local, peer] = ends();
    for kind in [Kind::v4(3, 0), Kind::v4(3, 1), Kind::v4(3, 3), Kind::v4(3, 13), Kind::v4(11, 0), Kind::v4(12, 0)] {
        let mut pair = established();
        pair[0].send(1, b"data", START).expect("sent");
        let sequence = sequence(&pair[0].sent);
        pair[0].fail((local, peer), sequence, kind, error(kind), START);
        assert_eq!(pair[0].take_error(1), None, "it asked for none: {kind}");
        pair[0].get_mut(1).expect("a socket").queues_errors = true;
        pair[0].fail((local, peer), sequence, kind, error(kind), START);
        assert_eq!(pair[0].take_error(1), Some(error(kind).entry.errno), "{kind}");
        assert!(pair[0].next_error(1, &mut []).is_none(), "as on Linux, the number alone: {kind}");
        settle(&mut pair, START);
        let accepted = pair[1].accept(2).expect("a connection").0;
        assert_eq!(pair[1].read(accepted, &mut [0; 9], START), Ok(4), "{kind}");
    }
}

#[test]
fn errors_about_others_change_nothing() {
    let ([local, peer], mut pair) = (ends(), pair());
    let (other, sequence) = (SocketAddr::new(peer.ip(), 8), sequence(&pair[0].sent));
    pair[0].fail((local, other), sequence, Kind::v4(3, 3), error(Kind::v4(3, 3)), START);
    settle(&mut pair, START);
    assert_eq!((pair[0].take_error(1), pair[0].readiness(1).writable), (None, true));
}

#[test]
fn an_error_about_what_a_listener_answered_leaves_the_listener_alone() {
    let ([local, peer], mut pair) = (ends(), pair());
    let first = std::mem::take(&mut pair[0].sent);
    first.into_iter().for_each(|(_, packet)| pair[1].receive(packet, 1500, START));
    let sequence = sequence(&pair[1].sent);
    pair[1].sent.clear();
    // The SYN-ACK was refused on its way: Linux forgets the request at errors of the path, and waits at others.
    let fail = |pair: &mut [TcpSockets; 2], kind| pair[1].fail((peer, local), sequence, kind, error(kind), START);
    fail(&mut pair, Kind::v4(3, 3));
    assert_eq!(pair[1].flows.len(), 1);
    fail(&mut pair, Kind::v4(3, 1));
    assert_eq!((pair[1].flows.len(), pair[1].sockets.len()), (0, 1), "{pair:?}");
    assert_eq!(pair[1].take_error(2), None);
    assert_eq!(pair[1].accept(2), Err(EAGAIN));
}

#[test]
fn a_narrow_path_makes_segments_smaller_and_loses_nothing() {
    let ([local, peer], mut pair) = (ends(), established());
    let mut now = START;
    pair[0].send(1, &[7; 20_000], now).expect("sent");
    let sizes = |sent: &[(IpAddr, Vec<u8>)]| sent.iter().map(|(_, packet)| packet.len()).max();
    assert_eq!(sizes(&pair[0].sent), Some(1500));
    // A router drops them, and says what it takes.
    pair[0].sent.clear();
    pair[0].narrow(local, peer, 1300, now);
    assert_eq!(sizes(&pair[0].sent), Some(1300), "sent again at once");
    let accepted = pair[1].accept(2).expect("a connection").0;
    let (mut got, mut buffer) = (0, [0; 4_096]);
    while got < 20_000 {
        now = now + Duration::from_millis(10);
        assert!(now < START + Duration::from_secs(10), "{got} octets");
        pair[0].serve_due(now);
        assert!(sizes(&pair[0].sent).is_none_or(|size| size <= 1300));
        settle(&mut pair, now);
        while let Ok(len) = pair[1].read(accepted, &mut buffer, now) {
            assert!(buffer[..len].iter().all(|byte| *byte == 7));
            got += len;
        }
    }
    assert_eq!(got, 20_000);
}

#[test]
fn a_connection_in_time_wait_holds_its_ports_for_a_minute() {
    let ([local, peer], mut pair) = (ends(), established());
    let accepted = pair[1].accept(2).expect("a connection").0;
    pair[0].close(1, START);
    settle(&mut pair, START);
    pair[1].close(accepted, START);
    settle(&mut pair, START);
    let at = |s| START + Duration::from_secs(s);
    assert_eq!([at(0), at(59), at(61)].map(|now| pair[0].may_connect(local, peer, now)), [false, false, false], "kept");
    // smoltcp's part of it is over after ten seconds.
    pair[0].serve_due(at(11));
    assert_eq!([at(11), at(59), at(61)].map(|now| pair[0].may_connect(local, peer, now)), [false, false, true]);
    let other = SocketAddr::new(peer.ip(), 8);
    assert!(pair[0].may_connect(local, other, START));
    pair[0].open(3);
    assert_eq!([at(59), at(61)].map(|now| pair[0].is_taken(3, local, now)), [true, false]);
}
