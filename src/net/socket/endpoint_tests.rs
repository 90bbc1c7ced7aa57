//! What an endpoint does with a socket of a simulated host.

use std::cell::Cell;
use std::convert::identity;
use std::io;

use super::*;
use crate::net::host::SimulatedHost;
use crate::net::host::socket::Outgoing;
use crate::net::host::stop::Reason;
use crate::net::io::Blocking;
use crate::net::time::Duration;

/// An endpoint and its socket, which is bound to a port of loopback.
fn bench(stop: &Stop) -> (Endpoint, Arc<dyn HostSocket>) {
    let host = Arc::new(SimulatedHost::this_machine());
    let socket = host.socket(SocketType::Udp, Family::V4).expect("a socket");
    let local = socket.bind(([127, 0, 0, 1], 0).into()).expect("bound");
    let session = Arc::new(Session::new(stop.clone()));
    (Endpoint::new("UDP", host, session, local, socket.clone()), socket)
}

/// A byte that has come.
fn take(socket: &dyn HostSocket) -> Result<Option<u8>> {
    let mut byte = [0];
    match socket.receive(&mut byte, Blocking::No) {
        Ok(_) => Ok(Some(byte[0])),
        Err(err) if err.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(err) => Err(Error::system("recv", &err)),
    }
}

fn receive(
    endpoint: &Endpoint,
    socket: &dyn HostSocket,
    until: Option<Instant>,
    stop: &Stop,
) -> Result<std::result::Result<u8, Waited>> {
    endpoint.receive(socket, (until, stop), false, |_| take(socket), || None)
}

#[test]
fn a_receive_ends_with_what_comes_at_its_deadline_at_the_stop_and_at_the_close() {
    let stop = Stop::root().expect("a stop");
    let (endpoint, socket) = bench(&stop);
    let send = |byte: u8| socket.send(&Outgoing { data: &[byte], to: Some(endpoint.local()), source: None });
    // As often as it takes for it to ask before it waits, and not to ask.
    for byte in 0..20 {
        send(byte).expect("sent");
        assert_eq!(receive(&endpoint, &*socket, None, &stop).expect("receives"), Ok(byte));
    }
    let until = endpoint.host.now() + Duration::from_secs(3);
    assert_eq!(receive(&endpoint, &*socket, Some(until), &stop).expect("receives"), Err(Waited::TimedOut));
    assert_eq!(endpoint.host.now(), until, "not before and not after it");
    // What is there at a deadline that is over is received.
    send(7).expect("sent");
    let _ = endpoint.host.wait(&mut [], Some(until + Duration::from_secs(1)), &stop);
    assert_eq!(receive(&endpoint, &*socket, Some(until), &stop).expect("receives"), Ok(7));
    let task = stop.task();
    task.interrupt(Reason::Interrupt);
    assert_eq!(receive(&endpoint, &*socket, None, &task).expect("receives"), Err(Waited::Stopped));
    endpoint.close();
    let error = receive(&endpoint, &*socket, None, &stop).expect_err("closed");
    assert_eq!((error.kind, endpoint.is_closed()), (ErrorKind::Closed, true));
    assert!(endpoint.open().is_none() && endpoint.socket("send").is_err());
}

#[test]
fn what_one_call_waits_for_and_takes_is_received_without_another_wait() {
    let stop = Stop::root().expect("a stop");
    let (endpoint, socket) = bench(&stop);
    let (asked, calls) = (Cell::new(0), Cell::new(0));
    for _ in 0..16 {
        let by_call = || {
            calls.set(calls.get() + 1);
            Some(Some(5))
        };
        let took = endpoint.receive(
            &*socket,
            (None, &stop),
            false,
            |_| {
                asked.set(asked.get() + 1);
                Ok(None)
            },
            by_call,
        );
        assert_eq!(took.expect("receives"), Ok(5));
    }
    // It asks first each time, for no receive has had to wait in vain.
    assert_eq!((calls.get(), asked.get()), (16, 16));
}

#[test]
fn a_send_is_tried_again_while_errors_take_its_place_and_not_for_ever() {
    let stop = Stop::root().expect("a stop");
    let (endpoint, socket) = bench(&stop);
    let refused = || Err(io::Error::from(io::ErrorKind::ConnectionRefused));
    let calls = Cell::new(0);
    let after = |failures: u32, look: bool| {
        calls.set(0);
        let call = || {
            calls.set(calls.get() + 1);
            if calls.get() > failures { Ok(1) } else { refused() }
        };
        (endpoint.send(&*socket, call, |_| look).map_err(|err| err.kind()), calls.get())
    };
    assert_eq!(after(0, true), (Ok(None), 1));
    assert_eq!(after(3, true), (Ok(None), 4));
    assert_eq!(after(1, false), (Err(io::ErrorKind::ConnectionRefused), 1));
    assert_eq!(after(u32::MAX, true), (Err(io::ErrorKind::ConnectionRefused), TRIES + 1));
}

#[test]
fn stamps_are_numbered_in_the_order_of_sending_and_anew_after_a_failure() {
    let stop = Stop::root().expect("a stop");
    let (endpoint, socket) = bench(&stop);
    let send = |sent: io::Result<usize>| {
        let mut sent = Some(sent);
        endpoint.send(&*socket, || sent.take().unwrap_or(Ok(1)), |_| false).ok().and_then(identity)
    };
    assert_eq!(send(Ok(1)), None, "nothing is stamped yet");
    endpoint.number_stamps(&*socket);
    assert_eq!([send(Ok(1)), send(Ok(1))], [Some(0), Some(1)]);
    endpoint.number_stamps(&*socket);
    assert_eq!(send(Ok(1)), Some(2), "asked for again, they go on");
    assert_eq!(send(Err(io::ErrorKind::ConnectionRefused.into())), None);
    assert_eq!(send(Ok(1)), Some(0));
}

#[test]
fn a_closed_connection_says_whose_it_was() {
    let stop = Stop::root().expect("a stop");
    let (endpoint, _socket) = bench(&stop);
    assert_eq!(endpoint.closed("recv").message, "the socket was closed");
    let peer = ([127, 0, 0, 1], 7).into();
    let error = endpoint.connected(peer, None).closed("recv");
    assert_eq!((error.message.as_str(), error.peer.as_str()), ("the connection was closed here", "127.0.0.1:7"));
}

#[test]
fn a_ttl_of_its_own_is_set_once_and_taken_back() {
    let stop = Stop::root().expect("a stop");
    let (endpoint, socket) = bench(&stop);
    let endpoint = endpoint.sending(Some(9), false);
    let set = |ttl| {
        endpoint.set_ttl(&*socket, ttl).expect("set");
        endpoint.ttl.load(Ordering::Relaxed)
    };
    assert_eq!([set(Some(3)), set(Some(3)), set(None)], [3, 3, 9]);
}
