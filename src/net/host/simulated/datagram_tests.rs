use super::*;
use crate::net::error::errno::ECONNREFUSED;

fn udp() -> DatagramSocket {
    DatagramSocket::new(SocketType::Udp, Family::V4)
}

fn arrival() -> Delivery {
    Delivery { from: ([10, 0, 0, 1], 9).into(), to: Some([10, 0, 0, 2].into()), ttl: 63, stamp: 5 }
}

fn refused(origin: Origin) -> QueuedError {
    let entry = QueueEntry { errno: ECONNREFUSED, origin, type_: 3, code: 3, info: 0, data: 0, offender: None };
    QueuedError { entry, to: Some(([10, 0, 0, 2], 7).into()), quote: b"quote".to_vec(), stamp: None }
}

#[test]
fn what_is_known_of_a_datagram_comes_where_it_is_asked_for() {
    let mut socket = udp();
    socket.deliver(b"hello".to_vec(), arrival());
    socket.deliver(b"hello".to_vec(), arrival());
    let mut buffer = [0; 3];
    let plain = socket.receive(&mut buffer).expect("one");
    assert_eq!((plain.len, &buffer, plain.addr), (3, b"hel", Some(arrival().from)));
    assert_eq!((plain.ttl, plain.stamp, plain.to), (None, None, None));
    for option in [SocketOption::ArrivalTtl, SocketOption::StampArrivals, SocketOption::LocalAddress] {
        assert!(socket.set(option));
    }
    let all = socket.receive(&mut [0; 9]).expect("one");
    assert_eq!((all.ttl, all.stamp, all.to), (Some(63), Some(5), arrival().to));
    assert_eq!((socket.receive(&mut []).err(), socket.waiting), (Some(EAGAIN), 0));
}

#[test]
fn a_full_buffer_loses_what_comes_and_counts_it() {
    let mut socket = udp();
    socket.set(SocketOption::CountOverflow);
    let taken = (0..300).filter(|_| socket.deliver(vec![0; 10], arrival())).count();
    // As on Linux: 768 bytes for a small one, until more than the buffer is in use.
    assert_eq!((taken, socket.dropped()), (278, 22));
    assert_eq!(socket.receive(&mut [0; 10]).expect("one").overflow, None, "none was lost before it");
    assert!(socket.deliver(vec![0; 10], arrival()), "there is room for one");
    while socket.receive(&mut [0; 10]).is_ok() {}
    socket.deliver(vec![0; 10], arrival());
    assert_eq!(socket.receive(&mut [0; 10]).expect("one").overflow, Some(socket.dropped()));
}

#[test]
fn an_error_takes_the_place_of_one_call_and_is_queued_if_that_is_wanted() {
    let mut socket = udp();
    socket.deliver(b"x".to_vec(), arrival());
    socket.fail(refused(Origin::Icmp));
    assert!(socket.has_error());
    assert_eq!(socket.receive(&mut [0; 9]).err(), Some(ECONNREFUSED));
    assert!(socket.receive(&mut [0; 9]).is_ok() && socket.next_error(&mut [0; 9]).is_err());
    socket.set(SocketOption::QueueErrors);
    socket.fail(refused(Origin::Icmp));
    socket.fail(refused(Origin::Icmp));
    assert_eq!(socket.take_pending(), Some(ECONNREFUSED));
    let mut buffer = [0; 9];
    let first = socket.next_error(&mut buffer).expect("an entry");
    assert_eq!((&buffer[..first.len], first.addr), (&b"quote"[..], Some(([10, 0, 0, 2], 7).into())));
    assert_eq!(socket.take_pending(), Some(ECONNREFUSED), "of the one behind it");
    socket.fail(refused(Origin::Icmp));
    socket.next_error(&mut buffer).expect("an entry");
    socket.next_error(&mut buffer).expect("an entry");
    assert_eq!((socket.take_pending(), socket.has_error(), socket.waiting), (None, false, 0));
}

#[test]
fn a_raw_socket_is_given_what_its_filter_lets_through() {
    let mut socket = DatagramSocket::new(SocketType::RawIcmp, Family::V4);
    let echo = |id| crate::net::wire::icmp::Echo { id, seq: 1 };
    let reply = |id| Message::echo_reply(Family::V4, echo(id), b"");
    assert!(socket.wants(&reply(1)) && socket.wants(&Message::error(Kind::v4(3, 3), b"")));
    socket.filter(Filter::Replies(7));
    assert_eq!([socket.wants(&reply(7)), socket.wants(&reply(8))], [true, false]);
    let mut socket = DatagramSocket::new(SocketType::RawIcmp, Family::V4);
    socket.filter(Filter::Types(&[4, 11]));
    let kinds = [Kind::v4(11, 1), Kind::v4(3, 3), Kind::v4(40, 0)];
    assert_eq!(kinds.map(|kind| socket.wants(&Message::error(kind, b""))), [true, false, true]);
}

#[test]
fn what_is_so_at_a_socket_is_seen_from_elsewhere() {
    let mut socket = udp();
    socket.set(SocketOption::QueueErrors);
    let flags = socket.flags().clone();
    let seen = || [flags.is_readable(), flags.readiness().has_error, flags.has_queued()];
    assert_eq!(seen(), [false; 3]);
    socket.deliver(b"x".to_vec(), arrival());
    assert_eq!(seen(), [true, false, false]);
    socket.fail(refused(Origin::Icmp));
    assert_eq!(seen(), [true; 3]);
    assert_eq!(socket.take_pending(), Some(ECONNREFUSED));
    assert_eq!(seen(), [true; 3], "the entry is still there");
    assert!(socket.next_error(&mut []).is_ok() && seen() == [true, false, false]);
    assert!(socket.receive(&mut []).is_ok() && seen() == [false; 3]);
    assert!(flags.readiness().writable);
    socket.shut();
    assert_eq!(seen(), [true, false, false]);
    drop(socket);
    assert!(seen() == [false; 3] && !flags.readiness().writable);
}

#[test]
fn the_stamp_of_what_was_sent_last_is_taken_unless_something_comes_before_it() {
    let mut socket = udp();
    socket.set(SocketOption::NumberStamps);
    let stamp = || {
        let stamped = refused(Origin::Stamp);
        QueuedError { entry: QueueEntry { data: 7, ..stamped.entry }, stamp: Some(5), ..stamped }
    };
    socket.enqueue(stamp());
    assert_eq!((socket.take_stamp(), socket.waiting, socket.has_error()), (Some((7, 5)), 0, false));
    socket.set(SocketOption::QueueErrors);
    socket.enqueue(refused(Origin::Icmp));
    assert_eq!(socket.take_stamp(), None);
    socket.enqueue(stamp());
    assert_eq!((socket.take_stamp(), socket.errors.len()), (None, 2));
}
