//! Connections over loopback: how they begin, what they carry and how they end.

use super::*;
use crate::net::error::{ErrorKind, errno};
use crate::net::host::socket::{Outgoing, SocketType};
use crate::net::host::stop::{Reason, Stop};
use crate::net::host::{Host, ThisMachine};
use crate::net::socket::session::Session;
use crate::net::time::Instant;
use crate::net::wire::Family;

/// More bytes than a narrow pair holds, and few enough for many tests at a time: what waits to be sent has a bound over the
/// whole process.
const LARGE: usize = 1 << 20;

/// A session, and connections in it.
struct Bench {
    host: Arc<dyn Host>,
    session: Arc<Session>,
    stop: Stop,
}

impl Bench {
    fn new() -> Self {
        let stop = Stop::root().expect("a stop");
        Self { host: Arc::new(ThisMachine), session: Arc::new(Session::new(stop.clone())), stop }
    }

    fn listener(&self, framing: Framing) -> Listener {
        let options =
            ListenOptions { stream: StreamOptions { framing, limit: 5000, ..Default::default() }, backlog: 16 };
        Listener::new(self.host.clone(), self.session.clone(), ([127, 0, 0, 1], 0).into(), &options).expect("listens")
    }

    fn attempt(&self, to: SocketAddr, framing: Framing) -> Attempt {
        let stream = StreamOptions { framing, ..Default::default() };
        let options = ConnectOptions { local: None, timeout: Duration::from_secs(10), ttl: None, stream };
        Connector { host: &self.host, session: &self.session, options, stop: &self.stop }.connect(to).expect("tried")
    }

    fn pair(&self, framing: Framing) -> (Connection, Connection) {
        let listener = self.listener(framing);
        (self.connect(listener.local(), framing), self.accept(&listener))
    }

    /// A pair between which the kernel holds much less than [`LARGE`].
    fn narrow_pair(&self) -> (Connection, Connection) {
        let (client, server) = self.pair(Framing::Raw);
        client.socket("recv").expect("open").set(SocketOption::ReceiveBuffer(1 << 16)).expect("set");
        server.socket("send").expect("open").set(SocketOption::SendBuffer(1 << 16)).expect("set");
        (client, server)
    }

    fn connect(&self, to: SocketAddr, framing: Framing) -> Connection {
        self.attempt(to, framing).into_connection().expect("connected").expect("a connection")
    }

    fn accept(&self, listener: &Listener) -> Connection {
        match listener.accept(self.soon(), &self.stop).expect("accepts") {
            Accepted::Connection(server) => server,
            other => panic!("{other:?}"),
        }
    }

    fn soon(&self) -> Option<Instant> {
        Some(self.host.now() + Duration::from_secs(10))
    }

    fn text(&self, connection: &Connection) -> String {
        match connection.receive(connection.framing().want(), self.soon(), &self.stop).expect("open") {
            Incoming::Message(message) => String::from_utf8_lossy(&message.data).into_owned(),
            Incoming::Ended(ended) => format!("<{}>", ended.word()),
            other => format!("{other:?}"),
        }
    }

    /// Sends bytes past the framing.
    fn send_bytes(&self, connection: &Connection, data: &[u8]) {
        let socket = connection.socket("send").expect("open");
        assert_eq!(socket.send(&Outgoing { data, to: None, source: None }).expect("sent"), data.len());
    }

    fn send(&self, connection: &Connection, text: &str) {
        assert_eq!(connection.send(text.as_bytes(), self.soon(), &self.stop).expect("sent"), Sent::All);
    }
}

#[test]
fn messages_come_whole_where_the_framing_separates_them() {
    let bench = Bench::new();
    for (framing, seen) in [(Framing::Line, &["one", "", "two"][..]), (Framing::Length, &["one", "", "two"])] {
        let (client, server) = bench.pair(framing);
        ["one", "", "two"].iter().for_each(|text| bench.send(&client, text));
        client.shutdown().expect("open");
        let came: Vec<String> = seen.iter().map(|_| bench.text(&server)).collect();
        assert_eq!(came, seen);
        // The end is said as often as it is asked for.
        assert_eq!([bench.text(&server), bench.text(&server)], ["<closed>", "<closed>"]);
        // Half closed: the other direction lives.
        bench.send(&server, "reply");
        assert_eq!(bench.text(&client), "reply");
    }
}

#[test]
fn without_framing_what_was_sent_apart_comes_as_one() {
    let bench = Bench::new();
    let (client, server) = bench.pair(Framing::Raw);
    bench.send(&client, "ping 1");
    bench.send(&client, "ping 2");
    assert_eq!(bench.text(&server), "ping 1ping 2");
}

#[test]
fn a_stream_that_ends_within_a_message_is_cut_off() {
    let bench = Bench::new();
    let (client, server) = bench.pair(Framing::Line);
    bench.send_bytes(&client, b"whole\nhalf");
    client.close();
    assert_eq!([bench.text(&server), bench.text(&server)], ["whole", "<cut-off>"]);
    assert!(server.ended().expect("ended").to_string().contains("4 bytes into"));
}

#[test]
fn a_reset_is_distinguished_from_an_end() {
    let bench = Bench::new();
    let (client, server) = bench.pair(Framing::Raw);
    client.reset();
    assert_eq!(bench.text(&server), "<reset>");
    let err = client.send(b"x", None, &bench.stop).expect_err("closed");
    assert_eq!(err.kind, ErrorKind::Closed);
}

#[test]
fn endless_lines_and_texts_for_lengths_end_a_connection() {
    let bench = Bench::new();
    let (client, server) = bench.pair(Framing::Line);
    bench.send_bytes(&client, &[b'x'; 6000]);
    assert_eq!(bench.text(&server), "<misframed>");
    let (client, server) = bench.pair(Framing::Length);
    bench.send_bytes(&client, b"ping 1");
    assert_eq!(bench.text(&server), "<misframed>");
    assert!(server.ended().expect("ended").error("recv").hint.contains("text"));
}

#[test]
fn a_closed_port_refuses() {
    let bench = Bench::new();
    let listener = bench.listener(Framing::Raw);
    let addr = listener.local();
    drop(listener);
    let attempt = bench.attempt(addr, Framing::Raw);
    assert!(matches!(attempt.end, Connecting::Refused), "{attempt:?}");
    assert_eq!(attempt.into_connection().expect_err("refused").kind, ErrorKind::Refused);
}

#[test]
fn what_was_accepted_and_reset_is_not_refused() {
    let bench = Bench::new();
    let socket = bench.host.socket(SocketType::Tcp, Family::V4).expect("a socket");
    let to = ([127, 0, 0, 1], 7).into();
    for (errno, word) in [(errno::ECONNREFUSED, "refused"), (errno::ECONNRESET, "reset"), (errno::EPIPE, "reset")] {
        let end = Attempt::refusal(&*socket, &io::Error::from_raw_os_error(errno), to, &mut None).expect("an end");
        assert_eq!(end.word(), word, "errno {errno}");
    }
    let mut attempt = bench.attempt(to, Framing::Raw);
    attempt.end = Connecting::Reset;
    assert_eq!(attempt.into_connection().expect_err("reset").kind, ErrorKind::Reset);
}

#[test]
fn a_half_closed_end_sends_no_more_and_is_not_reset() {
    let bench = Bench::new();
    let (client, server) = bench.narrow_pair();
    // More than there is room for: the rest is given up with this end's direction.
    while client.send_or_queue(&[b'x'; 1 << 16]).is_ok() && !client.backlog().0 {}
    client.shutdown().expect("open");
    for error in [client.flush(), client.send_or_queue(b"more").map(|_| ())] {
        let error = error.expect_err("half closed");
        assert_eq!((error.kind, error.message.contains("this end")), (ErrorKind::Closed, true), "{error}");
    }
    assert!(client.ended().is_none(), "the peer has ended nothing");
    bench.send(&server, "reply");
    assert_eq!(bench.text(&client), "reply");
    server.close();
    assert_ne!(bench.text(&client), "reply");
}

#[test]
fn each_address_of_a_name_is_tried_in_turn() {
    let bench = Bench::new();
    let closed = [(); 2].map(|()| bench.listener(Framing::Raw).local());
    let listener = bench.listener(Framing::Raw);
    let options =
        ConnectOptions { local: None, timeout: Duration::from_secs(10), ttl: None, stream: StreamOptions::default() };
    let try_all = |addrs: &[SocketAddr]| {
        Connector { host: &bench.host, session: &bench.session, options, stop: &bench.stop }
            .connect_to_any(addrs)
            .expect("tried")
    };
    let found = try_all(&[closed[0], closed[1], listener.local()]);
    assert!(matches!(found.end, Connecting::Connected(_)), "{found:?}");
    assert_eq!(found.others.iter().map(|attempt| attempt.to).collect::<Vec<_>>(), closed);
    let error = try_all(&closed).into_connection().expect_err("refused");
    assert_eq!(error.kind, ErrorKind::Refused);
    assert!(error.message.contains(&format!("; {}: connection refused", closed[1])), "{error}");
}

#[test]
fn a_port_in_use_is_reported_with_its_owner() {
    let bench = Bench::new();
    let listener = bench.listener(Framing::Raw);
    let options = ListenOptions::default();
    let err = Listener::new(bench.host.clone(), bench.session.clone(), listener.local(), &options).expect_err("in use");
    assert_eq!(err.kind, ErrorKind::InUse);
    assert!(err.hint.contains("this program itself"), "{}", err.hint);
}

#[test]
fn a_peer_that_does_not_read_holds_up_no_deadline() {
    let bench = Bench::new();
    let (client, server) = bench.narrow_pair();
    let soon = Some(bench.host.now() + Duration::from_millis(20));
    assert_eq!(server.send(&[7; LARGE], soon, &bench.stop).expect("open"), Sent::TimedOut);
    // The rest goes out before what is sent next.
    let reader = std::thread::spawn(move || {
        let bench = Bench::new();
        let mut bytes = 0;
        loop {
            match client.receive(Want::Some, bench.soon(), &bench.stop).expect("open") {
                Incoming::Message(message) => bytes += message.data.len(),
                Incoming::Ended(_) => return bytes,
                other => panic!("{other:?}"),
            }
        }
    });
    bench.send(&server, "last");
    server.close();
    assert_eq!(reader.join().expect("no panic"), LARGE + 4);
}

#[test]
fn a_stop_ends_every_wait() {
    let bench = Bench::new();
    let (client, server) = bench.narrow_pair();
    let listener = bench.listener(Framing::Raw);
    bench.stop.interrupt(Reason::Ended);
    assert!(matches!(client.receive(Want::Some, None, &bench.stop), Ok(Incoming::Interrupted)));
    assert!(matches!(listener.accept(None, &bench.stop), Ok(Accepted::Interrupted)));
    assert_eq!(server.send(&[7; LARGE], None, &bench.stop).expect("open"), Sent::Interrupted);
}

#[test]
fn a_wait_ends_when_another_thread_closes() {
    let bench = Bench::new();
    let (client, server) = bench.pair(Framing::Raw);
    let (other, stop) = (client.clone(), bench.stop.clone());
    let waiter = std::thread::spawn(move || other.receive(Want::Some, None, &stop));
    std::thread::sleep(std::time::Duration::from_millis(20));
    client.close();
    match waiter.join().expect("no panic") {
        Err(err) => assert_eq!(err.kind, ErrorKind::Closed),
        // It was closed before the other thread had begun to wait, or had seen the end that the close made.
        Ok(incoming) => assert!(matches!(incoming, Incoming::Ended(_)), "{incoming:?}"),
    }
    drop(server);
}

#[test]
fn a_listener_counts_those_that_are_open() {
    let bench = Bench::new();
    let listener = bench.listener(Framing::Raw);
    let clients: Vec<Attempt> = (0..3).map(|_| bench.attempt(listener.local(), Framing::Raw)).collect();
    let mut taken = Vec::new();
    for _ in &clients {
        taken.push(listener.accept(bench.soon(), &bench.stop).expect("accepts"));
    }
    assert_eq!((listener.accepted(), listener.open()), (3, 3));
    drop(taken);
    assert_eq!((listener.accepted(), listener.open()), (3, 0));
}

#[test]
fn threads_that_share_a_connection_miss_no_message() {
    const MESSAGES: usize = 4_000;
    let bench = Bench::new();
    let (client, server) = bench.pair(Framing::Line);
    let received = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            let (server, stop, received) = (server.clone(), bench.stop.task(), &received);
            scope.spawn(move || {
                while let Ok(Incoming::Message(_)) = server.receive(Want::Line, None, &stop) {
                    received.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        for _ in 0..MESSAGES / 2 {
            // Two at once: where one thread receives both, another is to have the second.
            bench.send(&client, "one");
            bench.send(&client, "two");
        }
        let until = bench.soon();
        while received.load(Ordering::SeqCst) < MESSAGES && Some(bench.host.now()) < until {
            std::thread::yield_now();
        }
        bench.stop.interrupt(Reason::Ended);
    });
    assert_eq!(received.into_inner(), MESSAGES);
}

#[test]
fn a_reader_with_a_deadline_gets_what_another_has_left_behind() {
    let bench = Bench::new();
    for _ in 0..50 {
        let (client, server) = bench.pair(Framing::Line);
        let until = bench.soon();
        std::thread::scope(|scope| {
            let readers = [None, until].map(|until| {
                let (server, stop) = (server.clone(), bench.stop.task());
                scope.spawn(move || server.receive(Want::Line, until, &stop))
            });
            // Mostly both wait by now.
            std::thread::sleep(std::time::Duration::from_millis(2));
            bench.send_bytes(&client, b"one\ntwo\n");
            for reader in readers {
                let received = reader.join().expect("no panic");
                assert!(matches!(received, Ok(Incoming::Message(_))), "{received:?}");
            }
            assert!(Some(bench.host.now()) < until, "one slept until its deadline");
        });
    }
}

#[test]
fn what_a_connection_has_received_is_found_by_a_poll_in_which_another_thread_waits() {
    let bench = Bench::new();
    let (client, server) = bench.pair(Framing::Line);
    let (_quiet, idle) = bench.pair(Framing::Line);
    bench.send(&client, "one");
    bench.send(&client, "two");
    let poll = Poll::new(bench.host.clone()).expect("a poll");
    poll.add(super::Member::Connection(idle.clone())).expect("added");
    assert_eq!(bench.text(&server), "one");
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| poll.next(bench.soon(), &bench.stop));
        while !poll.is_busy() {
            std::thread::yield_now();
        }
        poll.add(super::Member::Connection(server.clone())).expect("added");
        let found = waiting.join().expect("ends").expect("waits");
        let Polled::Happened(Happening::Came(_, Incoming::Message(message))) = found else { panic!("{found:?}") };
        assert_eq!(&*message.data, b"two");
    });
}
