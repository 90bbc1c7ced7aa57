//! Probes between two sockets of a simulated host, on virtual time: each time is exact.

use std::io;
use std::sync::{Arc, Mutex};

use super::*;
use crate::net::host::socket::{HostSocket, SocketType};
use crate::net::host::stop::{Reason, Stop};
use crate::net::host::{Host, SimulatedHost};
use crate::net::probe::ledger::Stray;
use crate::net::probe::outcome::Slot;
use crate::net::socket::error_queue::TakeQueued;
use crate::net::socket::session::Session;
use crate::net::socket::udp::{Options, UdpIncoming, UdpSocket};
use crate::net::wire::Family;
use crate::net::wire::icmp::{Kind, v4};

const TIMEOUT: Duration = Duration::from_millis(100);

fn probe(to: SocketAddr, message: &str) -> Probe<'_> {
    Probe {
        to,
        unresolved: None,
        message: message.as_bytes(),
        timeout: TIMEOUT,
        icmp_wait: Duration::ZERO,
        ttl: None,
        slot: Slot::default(),
    }
}

/// A client and a server on one simulated host.
struct ProberBench {
    host: Arc<SimulatedHost>,
    stop: Stop,
    client: UdpSocket,
    server: UdpSocket,
}

impl ProberBench {
    fn new() -> Self {
        let (host, stop) = (Arc::new(SimulatedHost::this_machine()), Stop::root().expect("a stop"));
        let session = Arc::new(Session::new(stop.clone()));
        let open = || {
            let local = ([127, 0, 0, 1], 0).into();
            UdpSocket::bind(host.clone(), session.clone(), local, Options::default()).expect("a socket")
        };
        let (client, server) = (open(), open());
        Self { host, stop, client, server }
    }

    fn probe<'a>(&self, message: &'a str) -> Probe<'a> {
        probe(self.server.local(), message)
    }

    /// Runs `steps` with the prober of the client.
    fn with<T>(&self, steps: impl FnOnce(&mut Prober, &mut Work<'_, '_>) -> T) -> T {
        let (socket, script) = (self.client.socket("test").expect("open"), &mut Script::default());
        let mut work = Work { transport: &self.client, socket: &*socket, stop: &self.stop, script };
        steps(&mut self.client.probing().lock("test").expect("free"), &mut work)
    }

    fn send(&self, message: &str) -> ProbeId {
        let probe = self.probe(message);
        self.with(|prober, work| prober.send(work, &probe, probe.message.into())).expect("sent")
    }

    /// What the server receives next.
    fn request(&self) -> Datagram {
        match self.server.receive(None, &self.stop, false) {
            Ok(UdpIncoming::Packet(request)) => request,
            other => panic!("no request: {other:?}"),
        }
    }

    /// Lets time pass, and has the client receive what has come; the outcomes, each with its number.
    fn outcomes(&self, after: Duration) -> Vec<(u64, End)> {
        self.host.wait(&mut [], Some(self.host.now() + after), &self.stop).expect("waits");
        self.with(|prober, work| {
            prober.catch_up(work, self.host.now(), None).expect("receives");
            std::iter::from_fn(|| prober.next_outcome()).map(|outcome| (outcome.number, outcome.end)).collect()
        })
    }

    fn counts(&self) -> Counts {
        self.with(|prober, _| prober.ledger().counts())
    }
}

fn rtt(end: &End) -> Option<Duration> {
    if let End::Reply { rtt, .. } = end { Some(*rtt) } else { None }
}

#[test]
fn a_reply_settles_its_probe_with_the_time_that_passed() {
    let bench = ProberBench::new();
    bench.send("ping 1 a");
    let request = bench.request();
    bench.host.wait(&mut [], Some(bench.host.now() + Duration::from_millis(30)), &bench.stop).expect("waits");
    bench.server.reply(&request, b"PING 1 A").expect("replied");
    let outcomes = bench.outcomes(Duration::from_millis(5));
    let [(1, end)] = &outcomes[..] else { panic!("{outcomes:?}") };
    // From the sending to the arrival, however late that was looked at.
    let rtt = rtt(end).expect("a reply");
    assert!(rtt >= Duration::from_millis(30) && rtt < Duration::from_millis(31), "{rtt:?}");
    assert_eq!((bench.counts().replied, bench.counts().pending()), (1, 0));
}

#[test]
fn a_probe_times_out_at_its_deadline_and_not_before() {
    let bench = ProberBench::new();
    let start = bench.host.now();
    bench.send("ping 1 a");
    assert!(bench.outcomes(TIMEOUT - (bench.host.now() - start) - Duration::from_nanos(1)).is_empty());
    let outcomes = bench.outcomes(Duration::from_millis(1));
    assert!(matches!(outcomes[..], [(1, End::TimedOut { instead: None })]), "{outcomes:?}");
    // One that is waited for ends the wait.
    let start = bench.host.now();
    let outcome = bench.client.ping(&bench.probe("ping 2 b"), &bench.stop, None).expect("pings");
    assert!(matches!(outcome.end, End::TimedOut { .. }), "{outcome:?}");
    let took = bench.host.now() - start;
    assert!(took >= TIMEOUT && took < TIMEOUT + Duration::from_millis(1), "{took:?}");
}

#[test]
fn replies_settle_their_probes_in_any_order_and_each_once() {
    let bench = ProberBench::new();
    for message in ["ping 1 a", "ping 2 b", "ping 3 c"] {
        bench.send(message);
    }
    let requests = [bench.request(), bench.request(), bench.request()];
    for request in [&requests[2], &requests[0], &requests[2]] {
        bench.server.reply(request, &request.data.to_ascii_uppercase()).expect("replied");
    }
    let outcomes = bench.outcomes(Duration::from_millis(1));
    assert_eq!(
        outcomes.iter().map(|(number, end)| (*number, end.state())).collect::<Vec<_>>(),
        [(3, "replied"), (1, "replied")]
    );
    let counts = bench.counts();
    assert_eq!((counts.duplicate, counts.reordered, counts.pending()), (1, 1, 1));
    // The one left times out; its reply then is late, and no second end.
    let outcomes = bench.outcomes(TIMEOUT);
    assert!(matches!(outcomes[..], [(2, End::TimedOut { .. })]), "{outcomes:?}");
    bench.server.reply(&requests[1], b"PING 2 B").expect("replied");
    assert!(bench.outcomes(Duration::from_millis(1)).is_empty());
    assert_eq!((bench.counts().late, bench.counts().pending()), (1, 0));
}

#[test]
fn what_replies_to_nothing_settles_nothing() {
    let bench = ProberBench::new();
    bench.send("ping 1 abcdef");
    let request = bench.request();
    for data in ["PING 1 ABC", "PING 1 ABCDEX", "hello", "PING 9 ABCDEF"] {
        bench.server.reply(&request, data.as_bytes()).expect("replied");
    }
    assert!(bench.outcomes(Duration::from_millis(1)).is_empty());
    let counts = bench.counts();
    assert_eq!((counts.truncated, counts.corrupt, counts.unmatched, counts.pending()), (1, 1, 2, 1));
    // Why it timed out is said all the same.
    let outcomes = bench.outcomes(TIMEOUT);
    assert!(matches!(outcomes[..], [(1, End::TimedOut { instead: Some(_) })]), "{outcomes:?}");
}

#[test]
fn an_icmp_error_settles_the_probe_that_it_quotes() {
    let bench = ProberBench::new();
    bench.send("ping 1 a");
    bench.request();
    bench.server.close();
    bench.send("ping 2 b");
    let outcomes = bench.outcomes(Duration::from_millis(1));
    let [(2, End::Icmp { error, assumed: false, .. })] = &outcomes[..] else { panic!("{outcomes:?}") };
    assert_eq!((error.kind, error.number), (Kind::v4(v4::DESTINATION_UNREACHABLE, 3), Some(2)));
    assert_eq!((bench.counts().errored, bench.counts().pending()), (1, 1));
}

#[test]
fn a_stop_leaves_a_probe_pending() {
    let bench = ProberBench::new();
    let id = bench.send("ping 1 a");
    bench.stop.interrupt(Reason::Interrupt);
    let left = bench.with(|prober, work| {
        assert_eq!(prober.wait(work, None).expect("waits"), Waited::Stopped);
        prober.interrupted(id)
    });
    assert!(matches!(left.expect("pending").end, End::Interrupted { sent: true }));
    let outcome = bench.client.ping(&bench.probe("ping 2 b"), &bench.stop, None).expect("pings");
    assert!(matches!(outcome.end, End::Interrupted { sent: false }), "{outcome:?}");
    assert_eq!((bench.counts().sent, bench.counts().pending()), (1, 1));
}

#[test]
fn one_pinger_at_a_time_is_at_work_and_gets_its_own_outcomes() {
    let bench = ProberBench::new();
    bench.send("ping 1 a");
    bench.with(|prober, _| {
        prober.take_over(7, false).expect("free");
        prober.take_over(7, false).expect("its own");
        assert_eq!(prober.take_over(8, false).map_err(|err| err.kind), Err(crate::net::error::ErrorKind::Busy));
        assert_eq!(prober.in_flight(), 0, "that of before is not its own");
    });
    bench.send("ping 2 b");
    assert_eq!(bench.with(|prober, _| prober.in_flight()), 1);
    for request in [bench.request(), bench.request()] {
        bench.server.reply(&request, &request.data.to_ascii_uppercase()).expect("replied");
    }
    let outcomes = bench.outcomes(Duration::from_millis(1));
    assert!(matches!(outcomes[..], [(2, End::Reply { .. })]), "{outcomes:?}");
    assert_eq!(bench.counts().replied, 2);
}

/// A transport that sends nowhere, until it has ended.
#[derive(Debug)]
struct EndedTransport {
    endpoint: Endpoint,
    probing: Probing,
    ended: Mutex<Option<Error>>,
}

impl std::ops::Deref for EndedTransport {
    type Target = Endpoint;

    fn deref(&self) -> &Endpoint {
        &self.endpoint
    }
}

impl Transport for EndedTransport {
    fn probing(&self) -> &Probing {
        &self.probing
    }

    fn compose(&self, _: Text<'_>, _: u64, _: usize) -> Result<Vec<u8>> {
        Ok(Vec::new())
    }

    fn prepare(&self, _: &dyn HostSocket, _: bool) -> bool {
        false
    }

    fn drain(&self, _: &dyn HostSocket, _: usize, _: TakeQueued<'_>) -> usize {
        0
    }

    fn send(&self, _: &dyn HostSocket, _: &Probe<'_>, _: &mut Instant, _: TakeQueued<'_>) -> Result<Option<u32>> {
        Ok(None)
    }

    fn take_monitored(&self, _: TakeQueued<'_>) {}

    fn receive(&self, _: &dyn HostSocket, _: usize, _: &mut Vec<Datagram>, _: TakeQueued<'_>) -> io::Result<bool> {
        Ok(false)
    }

    fn recognise(&self, _: &Prober, _: &Datagram) -> Recognised {
        Recognised::Stray(Stray::Foreign)
    }

    fn blame(&self, _: &Prober, _: &IcmpError, _: Option<ProbeId>) -> Blame {
        Blame::Unknown
    }

    fn ended(&self) -> Option<Error> {
        self.ended.lock().expect("no panic").clone()
    }
}

#[test]
fn the_end_of_a_transport_ends_all_that_is_pending_in_the_order_of_sending() {
    let (host, stop) = (Arc::new(SimulatedHost::this_machine()), Stop::root().expect("a stop"));
    let socket = host.socket(SocketType::Udp, Family::V4).expect("a socket");
    let (session, local) = (Arc::new(Session::new(stop.clone())), ([127, 0, 0, 1], 1).into());
    let endpoint = Endpoint::new("TCP", host.clone(), session, local, socket.clone());
    let transport = EndedTransport { endpoint, probing: Probing::new(0), ended: Mutex::default() };
    let work = &mut Work { transport: &transport, socket: &*socket, stop: &stop, script: &mut Script::default() };
    let mut prober = Prober::default();
    for number in 1..=100 {
        let message = format!("ping {number} a");
        let probe = probe(([127, 0, 0, 1], 9).into(), &message);
        prober.send(work, &probe, probe.message.into()).expect("sent");
    }
    prober.receive(work, None, true).expect("receives");
    assert!(!prober.has_outcome());
    *transport.ended.lock().expect("no panic") = Some(Error::system("ping", &io::ErrorKind::ConnectionReset.into()));
    prober.receive(work, None, true).expect("receives");
    let ends: Vec<_> = std::iter::from_fn(|| prober.next_outcome()).collect();
    assert!(ends.iter().all(|outcome| matches!(outcome.end, End::Broken(_))));
    assert!(ends.iter().map(|outcome| outcome.number).eq(1..=100), "{ends:?}");
    assert_eq!((prober.ledger().counts().errored, prober.pending.len()), (100, 0));
}
