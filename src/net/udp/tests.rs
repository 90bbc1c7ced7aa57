use std::os::fd::AsFd;
use std::sync::Arc;

use super::{Incoming, Options, UdpSocket};
use crate::net::error::{ErrorKind, Result};
use crate::net::host::ThisMachine;
use crate::net::judge::{Judge, Policy};
use crate::net::policy::{Action, Native};
use crate::net::random::Stream;
use crate::net::session::Session;
use crate::net::stop::{Reason, Stop};
use crate::net::sys::{self, PollFd};
use crate::net::time;

fn socket(stop: &Stop) -> UdpSocket {
    let session = Arc::new(Session::new(stop.clone()));
    UdpSocket::bind(Arc::new(ThisMachine), session, ([127, 0, 0, 1], 0).into(), Options::default()).expect("a socket")
}

fn text(received: Result<Incoming>) -> String {
    match received {
        Ok(Incoming::Packet(datagram)) => String::from_utf8_lossy(&datagram.data).into_owned(),
        other => panic!("no packet: {other:?}"),
    }
}

/// Sends the numbers from `first` to `last` to `server`.
fn send(from: &UdpSocket, server: &UdpSocket, first: u32, last: u32) {
    for number in first..=last {
        from.send_to(number.to_string().as_bytes(), server.local()).expect("sends");
    }
}

/// Waits until a thread waits in the receiving call.
fn until_waiting(server: &UdpSocket) {
    while !server.0.alone.is_occupied() {
        std::thread::yield_now();
    }
}

#[test]
fn what_was_received_ahead_is_handed_out_in_order_and_judged_then() {
    let stop = Stop::root().expect("a stop");
    let (server, client) = (socket(&stop), socket(&stop));
    let policy = Policy::Native(Native::always(Action::Drop));
    let judge = Judge::new(policy, Stream::of_seed(1), &server.site()).expect("a policy");
    server.set_judge(judge, "always".to_string());
    send(&client, &server, 1, 40);
    for number in 1..=40u32 {
        assert_eq!(text(server.receive(None, &stop, false)), number.to_string());
        let tally = server.judge().expect("a policy").counters().tally();
        assert_eq!(tally.judged, u64::from(number), "no packet is judged before it is handed out");
        if number == 1 {
            assert!(!server.0.ahead.is_empty(), "several were received with one call");
        }
    }
    assert!(server.0.ahead.is_empty());
}

#[test]
fn other_ways_to_receive_get_what_was_received_ahead_first() {
    let stop = Stop::root().expect("a stop");
    let (server, client) = (socket(&stop), socket(&stop));
    send(&client, &server, 1, 4);
    assert_eq!(text(server.receive(None, &stop, false)), "1");
    let soon = server.host().now() + time::Duration::from_secs(5);
    assert_eq!(text(server.receive(Some(soon), &stop, false)), "2");
    let (other, of_other) = (server.clone(), stop.task());
    let thread = std::thread::spawn(move || text(other.receive(None, &of_other, true)));
    assert_eq!(thread.join().expect("ends"), "3");
    assert_eq!(text(server.receive(None, &stop, false)), "4");
}

#[test]
fn a_stop_ends_a_receive_that_waits_in_its_call() {
    let root = Stop::root().expect("a stop");
    for end in [Reason::Interrupt, Reason::Ended] {
        let (server, stop) = (socket(&root), root.task());
        let (inside, of_thread) = (server.clone(), stop.clone());
        let thread = std::thread::spawn(move || inside.receive(None, &of_thread, false));
        until_waiting(&server);
        stop.interrupt(end);
        assert!(matches!(thread.join().expect("ends"), Ok(Incoming::Interrupted)));
    }
}

#[test]
fn a_close_ends_a_receive_that_waits_in_its_call() {
    let stop = Stop::root().expect("a stop");
    let server = socket(&stop);
    let (inside, of_thread) = (server.clone(), stop.task());
    let thread = std::thread::spawn(move || inside.receive(None, &of_thread, false));
    until_waiting(&server);
    server.close();
    assert_eq!(thread.join().expect("ends").map(|_| ()).map_err(|err| err.kind), Err(ErrorKind::Closed));
}

#[test]
fn a_second_thread_is_let_in_and_each_of_both_can_be_stopped_alone() {
    let root = Stop::root().expect("a stop");
    let (server, client) = (socket(&root), socket(&root));
    let stops = [root.task(), root.task()];
    let serve = |stop: &Stop| {
        let (server, stop) = (server.clone(), stop.clone());
        std::thread::spawn(move || {
            let mut count = 0;
            while let Ok(Incoming::Packet(_)) = server.receive(None, &stop, false) {
                count += 1;
            }
            count
        })
    };
    let first = serve(&stops[0]);
    until_waiting(&server);
    let second = serve(&stops[1]);
    while !server.is_shared() {
        std::thread::yield_now();
    }
    send(&client, &server, 1, 100);
    stops[0].interrupt(Reason::Ended);
    let by_first = first.join().expect("ends");
    send(&client, &server, 101, 200);
    // All that is left is the second's: it is stopped once nothing waits any more.
    let open = server.socket("test").expect("open");
    let mut left = [PollFd::readable(open.as_fd())];
    while sys::ppoll(&mut left, Some(time::Duration::ZERO)).expect("polls") > 0 {
        std::thread::yield_now();
    }
    stops[1].interrupt(Reason::Ended);
    assert_eq!(by_first + second.join().expect("ends"), 200);
}
