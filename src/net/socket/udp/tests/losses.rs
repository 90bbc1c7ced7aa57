//! Why pings were lost, where a server of the same run did not read them or its replies came too late.

use std::io;

use super::*;
use crate::net::error::errno;
use crate::net::host::{Host, Waited};
use crate::net::host::socket::{Awaited, HostSocket, Poller, SocketType};
use crate::net::probe::outcome::{End, Probe, Slot};
use crate::net::wire::Family;

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
    let cause = format!("\n  seq 1: not read at {}: the server had ended, or did not receive\n  0 unexplained", server.local());
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
