use std::io;
use std::sync::Arc;

use super::{Options, UdpIncoming, UdpSocket};
use crate::net::error::{ErrorKind, Result, errno};
use crate::net::host::socket::{Awaited, HostSocket, Poller, SocketType};
use crate::net::host::stop::{Reason, Stop};
use crate::net::host::{Host, ThisMachine, Waited};
use crate::net::policy::attached::{AttachedPolicy, Policy};
use crate::net::policy::{Action, Native};
use crate::net::probe::outcome::{End, Probe, Slot};
use crate::net::random::RandomStream;
use crate::net::socket::session::Session;
use crate::net::socket::tcp::{Happening, Poll, Polled};
use crate::net::time;
use crate::net::wire::Family;

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

/// A server that has replied once, a client of the same run, and a ping that the server did not reply to in time.
fn lost_ping(stop: &Stop) -> (UdpSocket, UdpSocket) {
    let session = Arc::new(Session::new(stop.clone()));
    let open = || {
        let local = ([127, 0, 0, 1], 0).into();
        UdpSocket::bind(Arc::new(ThisMachine), session.clone(), local, Options::default()).expect("a socket")
    };
    let (server, client) = (open(), open());
    let (to, message) = (server.local(), b"ping 1 a".as_slice());
    client.send_to(b"hello", to).expect("sends");
    reply_to_one(&server, stop);
    let (timeout, icmp_wait) = (time::Duration::from_millis(1), time::Duration::ZERO);
    let probe = Probe { to, unresolved: None, message, timeout, icmp_wait, ttl: None, slot: Slot::default() };
    let outcome = client.ping(&probe, stop, None).expect("pings");
    assert!(matches!(outcome.end, End::TimedOut { .. }), "{outcome:?}");
    (server, client)
}

#[test]
fn what_comes_while_a_server_closes_is_refused() {
    let stop = Stop::root().expect("a stop");
    let (server, client) = lost_ping(&stop);
    // Not closed yet: it is still held.
    let socket = server.socket("recv").expect("open");
    server.close();
    let (timeout, icmp_wait) = (time::Duration::from_secs(60), time::Duration::ZERO);
    let (to, message) = (server.local(), b"ping 2 a".as_slice());
    let probe = Probe { to, unresolved: None, message, timeout, icmp_wait, ttl: None, slot: Slot::default() };
    let outcome = client.ping(&probe, &stop, None).expect("pings");
    assert!(matches!(outcome.end, End::Icmp { .. }), "{outcome:?}");
    drop(socket);
}

fn reply_to_one(server: &UdpSocket, stop: &Stop) {
    let Ok(UdpIncoming::Packet(request)) = server.receive(None, stop, false) else { panic!("no request") };
    server.reply(&request, &request.data.to_ascii_uppercase()).expect("replies");
}

fn explanation(of: &UdpSocket) -> String {
    of.loss_report().explain().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_a_server_did_not_read_before_it_ended_is_explained() {
    let stop = Stop::root().expect("a stop");
    let (server, client) = lost_ping(&stop);
    assert!(explanation(&client).ends_with("\n  1 unexplained: seq 1"));
    server.close();
    let text = explanation(&client);
    let cause = format!("\n  seq 1: not read at {}: the server had ended\n  0 unexplained", server.local());
    assert!(text.ends_with(&cause), "{text}");
    // The same at the end of a run, for what was received ahead too.
    let (server, client) = lost_ping(&stop);
    let again = Probe {
        to: server.local(),
        unresolved: None,
        message: b"ping 2 a",
        timeout: time::Duration::from_millis(1),
        icmp_wait: time::Duration::ZERO,
        ttl: None,
        slot: Slot::default(),
    };
    client.ping(&again, &stop, None).expect("pings");
    client.send_to(b"first", server.local()).expect("sends");
    server.0.ahead.brought(2);
    assert_eq!(text_of(&server, &stop), "ping 1 a");
    client.session().end(0);
    let text = explanation(&client);
    assert!(text.contains("seq 2: not read at ") && text.ends_with("\n  1 unexplained: seq 1"), "{text}");
}

fn text_of(server: &UdpSocket, stop: &Stop) -> String {
    text(server.receive(None, stop, false))
}

#[test]
fn a_reply_that_is_received_no_more_is_known_to_be_late() {
    let stop = Stop::root().expect("a stop");
    for end in [UdpSocket::close, |client: &UdpSocket| client.session().end(0)] {
        let (server, client) = lost_ping(&stop);
        // Past the loss report, which knows of it from the client alone.
        let Ok(UdpIncoming::Packet(request)) = server.receive(None, &stop, false) else { panic!("no request") };
        server.send_to(b"PING 1 A", request.from).expect("sends");
        end(&client);
        let text = explanation(&client);
        assert!(text.ends_with("\n  seq 1: the reply came too late\n  0 unexplained"), "{text}");
        assert_eq!(client.loss_report().probes().late, 1);
    }
}

#[test]
fn a_reply_to_a_client_that_is_gone_is_known_to_be_late() {
    let stop = Stop::root().expect("a stop");
    let (server, client) = lost_ping(&stop);
    drop(client);
    reply_to_one(&server, &stop);
    let text = explanation(&server);
    assert!(text.ends_with("\n  seq 1: the reply came too late\n  0 unexplained"), "{text}");
}

/// This machine, where waiting fails.
#[derive(Debug)]
struct CannotWait;

impl Host for CannotWait {
    fn socket(&self, kind: SocketType, family: Family) -> io::Result<Arc<dyn HostSocket>> {
        ThisMachine.socket(kind, family)
    }

    fn poller(&self) -> io::Result<Box<dyn Poller>> {
        ThisMachine.poller()
    }

    fn now(&self) -> time::Instant {
        ThisMachine.now()
    }

    fn unix_nanos(&self) -> i64 {
        ThisMachine.unix_nanos()
    }

    fn wait(&self, _: &mut [Awaited<'_>], _: Option<time::Instant>, _: &Stop) -> io::Result<Waited> {
        Err(io::Error::from_raw_os_error(errno::ENOMEM))
    }
}

#[test]
fn an_error_while_a_reply_is_waited_for_ends_that_ping_alone() {
    let stop = Stop::root().expect("a stop");
    let session = Arc::new(Session::new(stop.clone()));
    let server = socket(&stop);
    let client = UdpSocket::bind(Arc::new(CannotWait), session, ([127, 0, 0, 1], 0).into(), Options::default());
    let client = client.expect("a socket");
    let (timeout, icmp_wait) = (time::Duration::from_secs(60), time::Duration::ZERO);
    for message in [b"ping 1 a".as_slice(), b"ping 2 a"] {
        let to = server.local();
        let probe = Probe { to, unresolved: None, message, timeout, icmp_wait, ttl: None, slot: Slot::default() };
        let outcome = client.ping(&probe, &stop, None).expect("an outcome");
        assert!(matches!(&outcome.end, End::Broken(error) if error.code == Some(errno::ENOMEM)), "{outcome:?}");
    }
    assert_eq!((client.tally().counts().sent, client.tally().counts().errored), (2, 2));
}
