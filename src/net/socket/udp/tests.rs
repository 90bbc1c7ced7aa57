use std::sync::Arc;

use super::{Options, UdpIncoming, UdpSocket};
use crate::net::error::{ErrorKind, Result};
use crate::net::host::ThisMachine;
use crate::net::host::stop::{Reason, Stop};
use crate::net::policy::attached::{AttachedPolicy, Policy};
use crate::net::policy::{Action, Native};
use crate::net::random::RandomStream;
use crate::net::socket::session::Session;
use crate::net::socket::tcp::{Happening, Poll, Polled};
use crate::net::time;

fn socket(stop: &Stop) -> UdpSocket {
    let session = Arc::new(Session::new(stop.clone()));
    UdpSocket::bind(Arc::new(ThisMachine), session, ([127, 0, 0, 1], 0).into(), Options::default()).expect("a socket")
}

fn text(received: Result<UdpIncoming>) -> String {
    match received {
        Ok(UdpIncoming::Packet(datagram)) => String::from_utf8_lossy(&datagram.data).into_owned(),
        other => panic!("no packet: {other:?}"),
    }
}

/// Sends the numbers from `first` to `last` to `server`.
fn send(from: &UdpSocket, server: &UdpSocket, first: u32, last: u32) {
    for number in first..=last {
        from.send_to(number.to_string().as_bytes(), server.local()).expect("sends");
    }
}

/// The memory that datagrams take which wait in a socket, by proc_pid_net(5): each of the same size as much.
fn waiting_memory(socket: &UdpSocket) -> u64 {
    let table = std::fs::read_to_string("/proc/thread-self/net/udp").expect("the table of sockets");
    let port = format!(":{:04X}", socket.local().port());
    let mut sockets = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let found = sockets.find(|fields| fields[1].ends_with(&port)).expect("an open socket");
    let (_, received) = found[4].split_once(':').expect("tx_queue and rx_queue");
    u64::from_str_radix(received, 16).expect("a number")
}

/// The same, until all of them wait in the socket: on a busy machine the kernel may deliver what was sent after a while.
fn pile_up(from: &UdpSocket, server: &UdpSocket, last: u32) {
    let waiting = || waiting_memory(server);
    let mut one = 0;
    for number in 1..=last {
        send(from, server, number, number);
        while waiting() < (one * u64::from(number)).max(1) {
            std::thread::yield_now();
        }
        one = waiting() / u64::from(number);
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
    let policy = AttachedPolicy::new(policy, RandomStream::of_seed(1), &server.site()).expect("a policy");
    server.set_policy(policy, "always".to_string());
    pile_up(&client, &server, 40);
    for number in 1..=40u32 {
        assert_eq!(text(server.receive(None, &stop, false)), number.to_string());
        let tally = server.service.policy.get().expect("a policy").counters().tally();
        assert_eq!(tally.decided, u64::from(number), "no packet is decided before it is handed out");
        if number == 1 {
            assert!(!server.0.ahead.is_empty(), "several were received with one call");
        }
    }
    assert!(server.0.ahead.is_empty());
}

#[test]
fn a_policy_decides_about_what_comes_after_it_was_set_whoever_was_about_to_receive() {
    let stop = Stop::root().expect("a stop");
    let (server, client) = (socket(&stop), socket(&stop));
    let policy = |action| {
        AttachedPolicy::new(Policy::Native(Native::always(action)), RandomStream::of_seed(1), &server.site())
            .expect("a policy")
    };
    server.set_policy(policy(Action::Drop), "before".to_string());
    server.share();
    let before = server.service.policy.get().expect("a policy");
    let (turn, known) = (before.lock_flows(), Arc::strong_count(&before));
    std::thread::scope(|scope| {
        let receives = scope.spawn(|| server.receive(None, &stop, false));
        // It has the policy before at hand, and waits for its turn.
        while Arc::strong_count(&before) == known {
            std::thread::yield_now();
        }
        server.set_policy(policy(Action::Pass), "after".to_string());
        send(&client, &server, 1, 1);
        drop(turn);
        let Ok(UdpIncoming::Packet(datagram)) = receives.join().expect("no panic") else { panic!("no packet") };
        assert_eq!(datagram.decided.expect("decided").verdict.action, Action::Pass);
    });
    assert_eq!(before.counters().tally().decided, 0);
}

#[test]
fn other_ways_to_receive_get_what_was_received_ahead_first() {
    let stop = Stop::root().expect("a stop");
    let (server, client) = (socket(&stop), socket(&stop));
    send(&client, &server, 1, 4);
    assert_eq!(text(server.receive(None, &stop, false)), "1");
    let soon = server.0.host.now() + time::Duration::from_secs(5);
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
        assert!(matches!(thread.join().expect("ends"), Ok(UdpIncoming::Interrupted)));
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
            while let Ok(UdpIncoming::Packet(_)) = server.receive(None, &stop, false) {
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
    while waiting_memory(&server) != 0 {
        std::thread::yield_now();
    }
    stops[1].interrupt(Reason::Ended);
    assert_eq!(by_first + second.join().expect("ends"), 200);
}

/// Interrupts `stop` if the test takes so long that something waits for ever.
fn watch(stop: &Stop) {
    let stop = stop.clone();
    std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_secs(20));
        stop.interrupt(Reason::Ended);
    });
}

/// An address of this host where nothing listens: the port belongs to `of` at another address.
fn closed_port(of: &UdpSocket) -> std::net::SocketAddr {
    ([127, 0, 0, 2], of.local().port()).into()
}

#[test]
fn what_was_received_ahead_is_found_by_a_poll() {
    let stop = Stop::root().expect("a stop");
    watch(&stop);
    let (server, client) = (socket(&stop), socket(&stop));
    pile_up(&client, &server, 40);
    assert_eq!(text(server.receive(None, &stop, false)), "1");
    assert!(server.has_ahead());
    let poll = Poll::new(Arc::new(ThisMachine)).expect("a poll");
    poll.add(crate::net::socket::tcp::Member::Datagrams(server.clone())).expect("added");
    for number in 2..=40u32 {
        match poll.next(None, &stop) {
            Ok(Polled::Happened(Happening::Packet(_, incoming))) => assert_eq!(text(Ok(incoming)), number.to_string()),
            other => panic!("{number}: {other:?}"),
        }
    }
    let now = server.0.host.now();
    assert!(matches!(poll.next(Some(now), &stop), Ok(Polled::TimedOut)));
}

#[test]
fn a_poll_and_a_thread_that_received_alone_miss_nothing() {
    let root = Stop::root().expect("a stop");
    watch(&root);
    let (server, client, of_thread) = (socket(&root), socket(&root), root.task());
    let (inside, of_inside) = (server.clone(), of_thread.clone());
    let thread = std::thread::spawn(move || {
        let mut count = 0;
        while let Ok(UdpIncoming::Packet(_)) = inside.receive(None, &of_inside, false) {
            count += 1;
        }
        count
    });
    until_waiting(&server);
    let poll = Poll::new(Arc::new(ThisMachine)).expect("a poll");
    poll.add(crate::net::socket::tcp::Member::Datagrams(server.clone())).expect("added");
    assert!(server.is_shared(), "no thread receives ahead any more");
    send(&client, &server, 1, 50);
    of_thread.interrupt(Reason::Ended);
    let by_thread = thread.join().expect("ends");
    send(&client, &server, 51, 100);
    for number in by_thread + 1..=100 {
        let polled = poll.next(None, &root);
        assert!(matches!(polled, Ok(Polled::Happened(Happening::Packet(..)))), "{number}: {polled:?}");
    }
}

#[test]
fn an_error_that_another_call_has_met_is_not_waited_for_in_vain() {
    let stop = Stop::root().expect("a stop");
    watch(&stop);
    let client = socket(&stop);
    client.send_to(b"anybody?", closed_port(&client)).expect("sends");
    // A look without waiting reports it, and after that no call is.
    let open = client.socket("test").expect("open");
    assert!(client.take(&*open).expect("looks").is_none());
    assert!(matches!(client.receive(None, &stop, true), Ok(UdpIncoming::Icmp(_))));
}

#[test]
fn an_error_that_a_send_finds_ends_a_receive_that_waits_in_its_call() {
    let root = Stop::root().expect("a stop");
    watch(&root);
    let (client, of_thread) = (socket(&root), root.task());
    let (inside, of_inside) = (client.clone(), of_thread.clone());
    let thread = std::thread::spawn(move || inside.receive(None, &of_inside, true));
    until_waiting(&client);
    // As a send does that is quicker than the thread which the error wakes.
    let mut found = Vec::new();
    let other = socket(&root);
    other.send_to(b"anybody?", closed_port(&other)).expect("sends");
    other.drain(&*other.socket("test").expect("open"), usize::MAX, &mut |queued| found.push(queued));
    assert_eq!(found.len(), 1);
    super::lock(&client.0.errors.unread).extend(found);
    client.0.alone.call_away();
    assert!(matches!(thread.join().expect("ends"), Ok(UdpIncoming::Icmp(_))));
}
