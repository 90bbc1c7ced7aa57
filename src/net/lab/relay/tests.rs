//! What the relay does with frames: without a socket, a clock or a thread, at times that the tests choose.

use super::*;
use crate::net::host::stop::Stop;
use crate::net::observe::event::{Event, Sink};
use crate::net::policy::attached::{AttachedPolicy, Policy};
use crate::net::policy::{Action, Details, Native, Rejection};
use crate::net::time::{Duration, Instant};
use crate::net::wire::frame::Frame;
use crate::net::wire::icmp::Kind;
use crate::net::wire::ip::Packet;

/// A link from a, 10.0.0.1, to b, 10.0.0.2, and the clocks of its lab, which begin at 0.
pub(super) struct Net {
    pub(super) session: Arc<Session>,
    pub(super) shared: Arc<RelayShared>,
    pub(super) relay: Relay,
    pub(super) link: Link,
    pub(super) time: Time,
    /// What came out, and has not been received: where, when and what.
    out: Vec<(EndId, Instant, Vec<u8>)>,
}

/// What comes out at a time.
struct Out<'a>(Instant, &'a mut Vec<(EndId, Instant, Vec<u8>)>);

impl Output for Out<'_> {
    fn send(&mut self, to: EndId, bytes: Bytes<'_>) {
        self.1.push((to, self.0, bytes.into_vec()));
    }
}

impl Net {
    pub(super) fn new(options: LinkOptions) -> Self {
        let session = Arc::new(Session::new(Stop::root().unwrap()));
        let shared = RelayShared::new(session.clone());
        let mut relay = Relay::new(shared.clone());
        let (link, state) = shared.link("a-b", &ports(), options).unwrap();
        assert_eq!(relay.add(state), 0);
        Self { session, shared, relay, link, time: Time { now: at(0), wall: 0 }, out: Vec::new() }
    }

    /// The host at `from` sends a frame now.
    pub(super) fn send(&mut self, from: usize, frame: &[u8]) {
        self.send_over(EndId { link: 0, side: from }, Some(&mut frame.to_vec()));
    }

    pub(super) fn send_over(&mut self, from: EndId, frame: Option<&mut [u8]>) {
        self.relay.receive(from, frame.map(Bytes::Received), self.time, &mut Out(self.time.now, &mut self.out));
    }

    /// Lets time pass until `now`; what is due is served in time.
    pub(super) fn run_to(&mut self, now: Instant) {
        while let Some(due) = self.relay.next_due().filter(|due| *due <= now) {
            self.set(due);
            while self.relay.serve_due(self.time, &mut Out(due, &mut self.out)) {}
        }
        self.set(now);
    }

    fn set(&mut self, now: Instant) {
        self.time = Time { now, wall: (now - at(0)).as_nanos() };
    }

    /// What comes to the host at `side` next, and when; `None` if nothing is left to come.
    pub(super) fn next(&mut self, side: usize) -> Option<(Instant, Vec<u8>)> {
        loop {
            if let Some(found) = self.out.iter().position(|(to, ..)| to.side == side) {
                let (_, when, bytes) = self.out.remove(found);
                return Some((when, bytes));
            }
            self.run_to(self.relay.next_due()?);
        }
    }

    pub(super) fn receive(&mut self, side: usize) -> Vec<u8> {
        self.next(side).expect("a frame").1
    }

    /// When each frame comes to the host at `side` from now on, and what it says.
    pub(super) fn all(&mut self, side: usize) -> Vec<(Instant, String)> {
        std::iter::from_fn(|| self.next(side)).map(|(when, bytes)| (when, text(&bytes))).collect()
    }

    pub(super) fn policy(&self, direction: Direction, native: Native) {
        self.link.set_policy(direction, attached(native), "x".to_string());
    }
}

pub(super) fn at(ms: i64) -> Instant {
    Instant::from_nanos(0) + ms_of(ms)
}

pub(super) fn ms_of(ms: i64) -> Duration {
    Duration::from_millis(ms)
}

/// The ends of a cable between the hosts a and b.
pub(in crate::net::lab) fn ports() -> [Port; 2] {
    [1, 2].map(|number| Port {
        host: HostId(number.into()),
        host_name: ["a", "b"][usize::from(number) - 1].to_string(),
        addrs: vec![[10, 0, 0, number].into()],
        mac: [2, 0, 0, 0, 0, number],
        ifindex: 2,
        ifname: "eth0".to_string(),
        mtu: 1500,
    })
}

/// A datagram from a, 1, to b, 2, or back.
pub(in crate::net::lab) fn datagram(from: u8, data: &[u8]) -> Vec<u8> {
    let to = 3 - from;
    let mut bytes = vec![2, 0, 0, 0, 0, to, 2, 0, 0, 0, 0, from, 0x08, 0];
    let builder = etherparse::PacketBuilder::ipv4([10, 0, 0, from], [10, 0, 0, to], 64).udp(9, 7);
    builder.write(&mut bytes, data).unwrap();
    bytes
}

pub(in crate::net::lab) fn text(bytes: &[u8]) -> String {
    let payload = Frame::parse(bytes).unwrap().payload();
    String::from_utf8_lossy(&bytes[payload]).into_owned()
}

/// The ICMP error in a frame, and who sent it.
pub(super) fn error_in(bytes: &[u8]) -> (IpAddr, Kind) {
    let packet = Packet::parse(&bytes[14..]).unwrap();
    (packet.source, packet.icmp_message().unwrap().kind)
}

pub(super) fn attached(native: Native) -> AttachedPolicy {
    AttachedPolicy::new(Policy::Native(native), RandomStream::of_seed(1), &Site::Link("a-b".into())).unwrap()
}

pub(super) fn reject(name: &str) -> Action {
    Action::Reject(Rejection::named(name, Details::default()).unwrap().into())
}

#[test]
fn verdicts_are_carried_out_and_counted() {
    let mut net = Net::new(LinkOptions::default());
    let frame = datagram(1, b"hello");
    let send = |net: &mut Net, action: Action| {
        net.policy(Direction::From(0), Native::always(action));
        net.send(0, &frame);
    };
    send(&mut net, Action::Duplicate(3));
    (0..3).for_each(|_| assert_eq!(net.receive(1), frame));
    send(&mut net, Action::Delay(ms_of(3)));
    assert_eq!(net.next(1), Some((at(3), frame.clone())));
    send(&mut net, Action::Replace((*b"good bye").into()));
    let new = net.receive(1);
    assert_eq!(text(&new), "good bye");
    assert_eq!(Packet::parse(&new[14..]).unwrap().transport_checksum_ok(), Some(true));
    send(&mut net, Action::Corrupt);
    let new = net.receive(1);
    let differing: u32 = new.iter().zip(&frame).map(|(new, old)| (new ^ old).count_ones()).sum();
    assert_eq!((new.len(), differing, &new[..42]), (frame.len(), 1, &frame[..42]), "one bit of the payload");
    send(&mut net, reject("icmp-admin-prohibited"));
    let (from, kind) = error_in(&net.receive(0));
    assert_eq!((from, kind.code), ([10, 0, 0, 2].into(), 13));
    send(&mut net, Action::Drop);
    assert_eq!((net.next(0), net.next(1)), (None, None));
    net.send(1, &datagram(2, b"back"));
    assert_eq!(text(&net.receive(0)), "back");
    net.policy(Direction::Both, Native::always(Action::Pass));
    net.send(0, &frame);
    assert_eq!(net.receive(1), frame);
    let counts = net.link.counts(0);
    assert_eq!((counts.frames, counts.passed, counts.dropped, counts.rejected), (7, 5, 1, 1));
    assert_eq!((counts.delayed, counts.duplicated, counts.replaced, counts.corrupted), (1, 2, 1, 1));
    assert_eq!(counts.bytes, 7 * frame.len() as u64);
    assert_eq!(net.link.counts(1).frames, 1, "a reply of the link is no frame of a host");
}

#[test]
fn a_policy_for_both_ways_is_one_and_one_for_one_way_leaves_the_other() {
    let mut net = Net::new(LinkOptions::default());
    net.link.set_policy(Direction::From(1), attached(Native::always(Action::Drop)), "drop".to_string());
    net.send(0, &datagram(1, b"x"));
    net.receive(1);
    net.send(1, &datagram(2, b"x"));
    let every = attached(Native::every(2, Action::Drop).unwrap());
    net.link.set_policy(Direction::Both, every, "every(2)".to_string());
    for from in [0, 1, 0, 1] {
        net.send(from, &datagram(from as u8 + 1, b"x"));
    }
    let dropped = [0, 1].map(|from| net.link.counts(from).dropped);
    assert_eq!((net.all(1).len(), net.all(0).len(), dropped), (1, 1, [1, 2]), "every second of a flow");
    let reports: Vec<String> = net.session.loss_report.policies().iter().map(ToString::to_string).collect();
    assert!(reports[0].starts_with("drop on a-b from b acted on 1 of 1"), "{reports:?}");
    assert!(reports[1].starts_with("every(2) on a-b acted on 2 of 4"), "{reports:?}");
}

#[test]
fn an_ingress_decides_about_what_comes_in_and_its_replies_cross_the_link() {
    let mut net = Net::new(LinkOptions::default());
    let ingress = net.shared.ingress(HostId(2));
    ingress.set_policy(attached(Native::always(reject("icmp-port-unreachable"))), "x".to_string());
    net.send(0, &datagram(1, b"x"));
    assert_eq!(error_in(&net.receive(0)).1.code, 3);
    assert_eq!((net.link.counts(0).passed, net.link.counts(1).frames), (1, 1), "b has replied");
    net.send(1, &datagram(2, b"out"));
    assert_eq!(text(&net.receive(0)), "out", "what goes out is not its business");
    // The reply meets the policy of the way back.
    net.policy(Direction::From(1), Native::always(Action::Drop));
    net.send(0, &datagram(1, b"x"));
    assert_eq!(net.next(0), None);
    assert_eq!((ingress.counts().frames, ingress.counts().rejected, net.link.counts(1).dropped), (2, 2, 1));
    ingress.set_policy(attached(Native::always(Action::Delay(ms_of(7)))), "x".to_string());
    net.send(0, &datagram(1, b"later"));
    assert_eq!(net.all(1), [(at(7), "later".to_string())]);
    assert_eq!((ingress.counts().delayed, ingress.counts().passed), (1, 1));
    ingress.set_policy(attached(Native::always(Action::Pass)), "x".to_string());
    net.send(0, &datagram(1, b"in"));
    assert_eq!(text(&net.receive(1)), "in");
}

#[test]
fn what_cannot_be_done_passes_and_is_counted() {
    let mut net = Net::new(LinkOptions::default());
    let frame = datagram(1, b"x");
    let far: Vec<u8> = vec![0; 1600];
    for action in [reject("tcp-reset"), Action::Replace(far.into())] {
        net.policy(Direction::Both, Native::always(action));
        net.send(0, &frame);
        assert_eq!(net.receive(1), frame);
    }
    net.policy(Direction::Both, Native::always(reject("reject-route")));
    net.send(0, &frame);
    assert_eq!(error_in(&net.receive(0)).1.code, 13, "the nearest");
    assert_eq!((net.link.counts(0).failed, net.link.counts(0).passed), (2, 2));
}

#[test]
fn a_frame_that_is_longer_than_any_or_none_of_ethernet_is_counted_and_goes_nowhere() {
    let mut net = Net::new(LinkOptions::default());
    net.send_over(EndId { link: 0, side: 0 }, None);
    net.send(0, b"short");
    assert_eq!(net.next(1), None);
    let counts = net.link.counts(0);
    assert_eq!((counts.frames, counts.unusable, counts.bytes), (2, 2, 5));
}

#[test]
fn what_a_host_did_not_get_and_what_never_came_onto_the_link_is_counted_at_its_direction() {
    let net = Net::new(LinkOptions::default());
    net.relay.note_undelivered(EndId { link: 0, side: 1 });
    let from_a = EndId { link: 0, side: 0 };
    for lost in [3, 3, 5] {
        net.relay.note_overrun(from_a, lost, Instant::from_nanos(0));
    }
    let counts = net.link.counts(0);
    assert_eq!((counts.undelivered, counts.overrun), (1, 5), "the kernel counts all so far");
    assert_eq!(net.link.counts(1), FrameCounts::default());
}

#[test]
fn no_frame_stops_it_and_others_get_through() {
    let mut net = Net::new(LinkOptions::default());
    for policy in [None, Some(Action::Corrupt), Some(reject("port-unreachable")), Some(Action::Replace((*b"x").into()))]
    {
        if let Some(action) = policy {
            net.policy(Direction::Both, Native::chance(0.5, action).unwrap());
        }
        let draws = RandomStream::of_seed(9);
        let good = datagram(1, b"good");
        for number in 1..=2600u64 {
            let draw = draws.beneath(number);
            let len = (draw.draw(1) * [20.0, 200.0, 9000.0, 65_000.0][(number % 4) as usize]) as usize;
            let mut bytes: Vec<u8> = (0..len as u64).map(|at| (draw.draw(at + 2) * 256.0) as u8).collect();
            if draw.draw(0) < 0.5 {
                // Half of them begin as a datagram does.
                let start = good.len().min(bytes.len());
                bytes[..start].copy_from_slice(&good[..start]);
            }
            net.send(0, &bytes);
        }
    }
    net.policy(Direction::Both, Native::always(Action::Pass));
    net.send(0, &datagram(1, b"still there"));
    while text(&net.receive(1)) != "still there" {}
    let counts = net.link.counts(0);
    assert!(counts.frames > 10_000 && counts.malformed > 500 && counts.unusable > 100, "{counts:?}");
    assert_eq!(counts.frames, counts.passed + counts.dropped + counts.rejected + counts.unusable, "{counts:?}");
}

#[derive(Debug, Clone, Default)]
struct Verdicts(Arc<Mutex<Vec<String>>>);

impl Sink for Verdicts {
    fn take(&self, event: &Event<'_>) {
        if let Event::Decided { flow, decided, site, .. } = event {
            let line = format!("{} {} > {} {} {site}", flow.time, flow.from, flow.to, decided.verdict.action);
            lock(&self.0).push(line);
        }
    }
}

#[test]
fn a_verdict_is_an_event_and_a_seed_gives_it_again() {
    let run = || {
        let mut net = Net::new(LinkOptions::default());
        let events = Verdicts::default();
        net.session.events.send_to(vec![Box::new(events.clone())], false);
        net.link.set_policy(Direction::Both, attached(Native::chance(0.3, Action::Drop).unwrap()), "loss".to_string());
        for number in 0..200 {
            net.run_to(at(number));
            net.send(0, &datagram(1, b"ping"));
            net.send(1, &datagram(2, b"pong"));
        }
        let lines = lock(&events.0).clone();
        (lines, net.link.counts(0).dropped)
    };
    let (first, dropped) = run();
    assert_eq!(run().0, first, "in the same order at the same times");
    let of_a: Vec<&String> = first.iter().filter(|line| line.ends_with("10.0.0.1:9 > 10.0.0.2:7 drop() a-b")).collect();
    assert_eq!(of_a.len() as u64, dropped);
    assert!(dropped > 20 && dropped < 120, "{dropped}");
    assert!(first.last().unwrap().starts_with(['1', '2']), "{first:?}");
}
