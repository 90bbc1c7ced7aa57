//! Frames over socket pairs: what the relay does with them, whoever is at the ends.

use std::os::fd::AsFd;

use socket2::{Domain, Socket, Type};

use super::*;
use crate::net::host::ThisMachine;
use crate::net::observe::event::{Event, Sink};
use crate::net::policy::attached::{AttachedPolicy, Policy};
use crate::net::policy::{Action, Details, Native, Rejection};
use crate::net::sys::{PollFd, ppoll};
use crate::net::time::Duration;
use crate::net::wire::frame::Frame;
use crate::net::wire::ip::Packet;

/// A link whose ends are two sockets in place of two hosts.
pub(super) struct Fixture {
    session: Arc<Session>,
    relay: Relay,
    pub(super) link: Link,
    pub(super) hosts: [Socket; 2],
}

pub(super) fn fixture(options: LinkOptions) -> Fixture {
    let stop = Stop::root().unwrap();
    let session = Arc::new(Session::new(stop.clone()));
    let relay = Relay::start(session.clone(), Arc::new(ThisMachine), stop).unwrap();
    let (cable, hosts) = cable();
    let link = relay.link("a-b", cable, options).unwrap();
    Fixture { session, relay, link, hosts }
}

/// A cable between the hosts a, 10.0.0.1, and b, 10.0.0.2; and what the hosts have of it.
fn cable() -> (Cable, [Socket; 2]) {
    let pairs = [0, 1].map(|_| Socket::pair(Domain::UNIX, Type::SEQPACKET, None).unwrap());
    let [(a, a_port), (b, b_port)] = pairs;
    let mut side = 0;
    let ports = [a_port, b_port].map(|port| {
        side += 1;
        port.set_nonblocking(true).unwrap();
        Port {
            packets: port.into(),
            host: HostId(side.into()),
            host_name: ["a", "b"][usize::from(side) - 1].to_string(),
            addrs: vec![[10, 0, 0, side].into()],
            mac: [2, 0, 0, 0, 0, side],
            ifindex: 2,
            ifname: "eth0".to_string(),
            mtu: 1500,
        }
    });
    (Cable { ports }, [a, b])
}

/// A datagram from a to b, or back.
fn datagram(from: u8, data: &[u8]) -> Vec<u8> {
    let to = 3 - from;
    let mut bytes = vec![2, 0, 0, 0, 0, to, 2, 0, 0, 0, 0, from, 0x08, 0];
    let builder = etherparse::PacketBuilder::ipv4([10, 0, 0, from], [10, 0, 0, to], 64).udp(9, 7);
    builder.write(&mut bytes, data).unwrap();
    bytes
}

/// What comes to a host; `None` if nothing does for so long.
fn receive_for(host: &Socket, ms: i64) -> Option<Vec<u8>> {
    let mut fds = [PollFd::readable(host.as_fd())];
    if ppoll(&mut fds, Some(Duration::from_millis(ms))).unwrap() == 0 {
        return None;
    }
    let mut buffer = vec![0; 70_000];
    let n = crate::net::sys::read(host.as_fd(), &mut buffer).unwrap();
    buffer.truncate(n);
    Some(buffer)
}

pub(super) fn receive(host: &Socket) -> Vec<u8> {
    receive_for(host, 5000).expect("a frame")
}

fn text(bytes: &[u8]) -> String {
    let payload = Frame::parse(bytes).unwrap().payload();
    String::from_utf8_lossy(&bytes[payload]).into_owned()
}

fn judge(native: Native) -> AttachedPolicy {
    AttachedPolicy::new(Policy::Native(native), Stream::of_seed(1), &Site::Link("a-b".into())).unwrap()
}

pub(super) fn always(action: Action) -> AttachedPolicy {
    judge(Native::always(action))
}

fn reject(name: &str) -> Action {
    Action::Reject(Rejection::named(name, Details::default()).unwrap().into())
}

#[test]
fn frames_go_both_ways_whole_and_in_order() {
    let it = fixture(LinkOptions::default());
    for (from, to) in [(0, 1), (1, 0)] {
        for number in 0..500 {
            let frame = datagram(from as u8 + 1, format!("{number}").as_bytes());
            it.hosts[from].send(&frame).unwrap();
            if number % 50 == 49 {
                for expected in number - 49..=number {
                    assert_eq!(text(&receive(&it.hosts[to])), expected.to_string());
                }
            }
        }
        let counts = it.link.counts(from);
        assert_eq!((counts.frames, counts.passed, counts.malformed), (500, 500, 0));
    }
}

#[test]
fn verdicts_are_carried_out_and_counted() {
    let it = fixture(LinkOptions::default());
    let [a, b] = &it.hosts;
    let frame = datagram(1, b"hello");
    let send = |action: Action| {
        it.link.set_policy(Direction::From(0), always(action), "x".to_string());
        a.send(&frame).unwrap();
    };
    send(Action::Duplicate(3));
    (0..3).for_each(|_| assert_eq!(receive(b), frame));
    send(Action::Delay(Duration::from_millis(3)));
    assert_eq!(receive(b), frame);
    send(Action::Replace((*b"good bye").into()));
    let new = receive(b);
    assert_eq!(text(&new), "good bye");
    assert_eq!(Packet::parse(&new[14..]).unwrap().transport_checksum_ok(), Some(true));
    send(Action::Corrupt);
    let new = receive(b);
    let differing: u32 = new.iter().zip(&frame).map(|(new, old)| (new ^ old).count_ones()).sum();
    assert_eq!((new.len(), differing, &new[..42]), (frame.len(), 1, &frame[..42]), "one bit of the payload");
    send(reject("icmp-admin-prohibited"));
    let answer = receive(a);
    let packet = Packet::parse(&answer[14..]).unwrap();
    assert_eq!((packet.source, packet.icmp_message().unwrap().kind.code), ([10, 0, 0, 2].into(), 13));
    send(Action::Drop);
    // What follows has passed the relay after it.
    b.send(&datagram(2, b"back")).unwrap();
    assert_eq!(text(&receive(a)), "back");
    it.link.clear_policy(Direction::Both);
    a.send(&frame).unwrap();
    assert_eq!(receive(b), frame);
    let counts = it.link.counts(0);
    assert_eq!((counts.frames, counts.passed, counts.dropped, counts.rejected), (7, 5, 1, 1));
    assert_eq!((counts.delayed, counts.duplicated, counts.replaced, counts.corrupted), (1, 2, 1, 1));
    assert_eq!(it.link.counts(1).frames, 1, "an answer of the link is nobody's frame");
}

#[test]
fn a_policy_for_both_ways_is_one_and_one_for_one_way_leaves_the_other() {
    let it = fixture(LinkOptions::default());
    let [a, b] = &it.hosts;
    it.link.set_policy(Direction::From(1), always(Action::Drop), "drop".to_string());
    a.send(&datagram(1, b"x")).unwrap();
    receive(b);
    b.send(&datagram(2, b"x")).unwrap();
    while it.link.counts(1).dropped == 0 {
        std::thread::yield_now();
    }
    it.link.set_policy(Direction::Both, judge(Native::every(2, Action::Drop).unwrap()), "every(2)".to_string());
    for (from, side) in [(a, 1), (b, 2), (a, 1), (b, 2)] {
        from.send(&datagram(side, b"x")).unwrap();
    }
    // Before that they are judged, by this policy.
    let carried = |from| it.link.counts(from).passed + it.link.counts(from).dropped;
    while carried(0) + carried(1) < 6 {
        std::thread::yield_now();
    }
    receive(a);
    receive(b);
    let reports: Vec<String> = it.session.loss_report.policies().iter().map(ToString::to_string).collect();
    assert!(reports[0].starts_with("drop on a-b from b acted on 1 of 1"), "{reports:?}");
    assert!(reports[1].starts_with("every(2) on a-b acted on 2 of 4"), "{reports:?}");
}

#[test]
fn an_ingress_decides_about_what_comes_in_and_its_answers_cross_the_link() {
    let it = fixture(LinkOptions::default());
    let [a, b] = &it.hosts;
    let ingress = it.relay.ingress(HostId(2));
    ingress.set_policy(always(reject("icmp-port-unreachable")), "x".to_string());
    a.send(&datagram(1, b"x")).unwrap();
    assert_eq!(Packet::parse(&receive(a)[14..]).unwrap().icmp_message().unwrap().kind.code, 3);
    assert_eq!((it.link.counts(0).passed, it.link.counts(1).frames), (1, 1), "b has answered");
    b.send(&datagram(2, b"out")).unwrap();
    assert_eq!(text(&receive(a)), "out", "what goes out is not its business");
    // The answer meets the policy of the way back.
    it.link.set_policy(Direction::From(1), always(Action::Drop), "x".to_string());
    a.send(&datagram(1, b"x")).unwrap();
    assert_eq!(receive_for(a, 50), None);
    assert_eq!((ingress.counts().frames, ingress.counts().rejected, it.link.counts(1).dropped), (2, 2, 1));
    ingress.clear_policy();
    a.send(&datagram(1, b"in")).unwrap();
    assert_eq!(text(&receive(b)), "in");
}

#[test]
fn what_cannot_be_done_passes_and_is_counted() {
    let it = fixture(LinkOptions::default());
    let [a, b] = &it.hosts;
    let frame = datagram(1, b"x");
    let far: Vec<u8> = vec![0; 1600];
    for action in [reject("tcp-reset"), reject("reject-route"), Action::Replace(far.into())] {
        let passes = action != reject("reject-route");
        it.link.set_policy(Direction::Both, always(action), "x".to_string());
        a.send(&frame).unwrap();
        if passes {
            assert_eq!(receive(b), frame);
        } else {
            assert_eq!(Packet::parse(&receive(a)[14..]).unwrap().icmp_message().unwrap().kind.code, 13, "the nearest");
        }
    }
    assert_eq!(it.link.counts(0).failed, 2);
    assert_eq!(it.link.counts(0).passed, 2);
}

#[test]
fn a_link_that_is_down_carries_nothing() {
    let it = fixture(LinkOptions { delay: Duration::from_millis(30), ..Default::default() });
    let [a, b] = &it.hosts;
    a.send(&datagram(1, b"on its way")).unwrap();
    while it.link.counts(0).frames == 0 {
        std::thread::yield_now();
    }
    it.link.set_up(false);
    assert!(!it.link.is_up());
    a.send(&datagram(1, b"too late")).unwrap();
    while it.link.counts(0).down < 2 {
        std::thread::yield_now();
    }
    it.link.set_up(true);
    a.send(&datagram(1, b"up")).unwrap();
    assert_eq!(text(&receive(b)), "up");
}

#[test]
fn a_link_that_is_down_carries_no_answer_of_its_policy_either() {
    let it = fixture(LinkOptions::default());
    let [a, _] = &it.hosts;
    let options = LinkOptions { delay: Duration::from_millis(30), ..Default::default() };
    it.link.set_options(Direction::From(0), options).unwrap();
    it.link.set_policy(Direction::From(0), always(reject("port-unreachable")), "x".to_string());
    a.send(&datagram(1, b"x")).unwrap();
    while it.link.counts(0).rejected == 0 {
        std::thread::yield_now();
    }
    it.link.set_up(false);
    assert_eq!(receive_for(a, 60), None);
}

#[derive(Debug)]
struct Holds(#[allow(dead_code)] Link, #[allow(dead_code)] Arc<()>);

impl crate::net::policy::attached::Decide for Holds {
    fn decide(
        &self,
        _: &crate::net::policy::input::Subject<'_>,
        _: &crate::net::policy::Place,
        _: &mut Vec<f64>,
    ) -> Option<crate::net::policy::Verdict> {
        None
    }
}

#[test]
fn policies_that_hold_on_to_their_own_link_end_with_the_relay() {
    let it = fixture(LinkOptions::default());
    let mark = Arc::new(());
    let weak = Arc::downgrade(&mark);
    for place in 0..2 {
        let holds = Policy::Other(Box::new(Holds(it.link.clone(), mark.clone())));
        let judge = AttachedPolicy::new(holds, Stream::of_seed(1), &Site::Link("a-b".into())).unwrap();
        match place {
            0 => it.link.set_policy(Direction::Both, judge, "x".to_string()),
            _ => it.relay.ingress(HostId(2)).set_policy(judge, "x".to_string()),
        }
    }
    it.hosts[0].send(&datagram(1, b"x")).unwrap();
    receive(&it.hosts[1]);
    drop((it, mark));
    let until = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while weak.strong_count() > 0 {
        assert!(std::time::Instant::now() < until, "{} are left", weak.strong_count());
        std::thread::yield_now();
    }
}

#[test]
fn a_file_that_is_asked_for_again_is_recorded_in_once() {
    let it = fixture(LinkOptions::default());
    let file = std::env::temp_dir().join(format!("pingscript-{}-replaced.pcapng", std::process::id()));
    let name = file.to_str().unwrap();
    for _ in 0..100 {
        it.link.capture(name, false).unwrap();
        it.relay.ingress(HostId(2)).capture(name, false).unwrap();
    }
    let all =
        std::fs::read_dir("/proc/self/fd").unwrap().filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    let open = all.filter(|path| *path == file).count();
    std::fs::remove_file(&file).unwrap();
    assert!(open < 20, "{open}");
}

#[test]
fn a_queue_that_is_full_loses_the_latest() {
    let it = fixture(LinkOptions { rate: Some(80_000), queue: Some(3), ..Default::default() });
    let [a, b] = &it.hosts;
    // 100 bytes take 10 ms: while the first goes, three wait.
    for number in 0..20u8 {
        a.send(&datagram(1, &[number; 58])).unwrap();
    }
    let got: Vec<u8> = (0..4).map(|_| receive(b)[42]).collect();
    assert_eq!(got, [0, 1, 2, 3]);
    assert_eq!((it.link.counts(0).queue_full, it.link.counts(0).frames), (16, 20));
}

#[test]
fn no_frame_stops_it_and_others_get_through() {
    let it = fixture(LinkOptions::default());
    let [a, b] = &it.hosts;
    for policy in [None, Some(Action::Corrupt), Some(reject("port-unreachable")), Some(Action::Replace((*b"x").into()))]
    {
        if let Some(action) = policy {
            it.link.set_policy(Direction::Both, judge(Native::chance(0.5, action).unwrap()), "x".to_string());
        }
        let draws = Stream::of_seed(9);
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
            if bytes.is_empty() {
                continue;
            }
            a.send(&bytes).unwrap();
            while receive_for(b, 0).is_some() {}
            while receive_for(a, 0).is_some() {}
        }
    }
    it.link.clear_policy(Direction::Both);
    a.send(&datagram(1, b"still there")).unwrap();
    while text(&receive(b)) != "still there" {}
    let counts = it.link.counts(0);
    assert!(counts.frames > 10_000 && counts.malformed > 500 && counts.unusable > 100, "{counts:?}");
    assert_eq!(counts.frames, counts.passed + counts.dropped + counts.rejected + counts.unusable, "{counts:?}");
}

#[test]
fn a_reader_that_is_slow_gets_all_and_one_that_is_gone_stops_nobody() {
    let it = fixture(LinkOptions::default());
    let [a, b] = &it.hosts;
    for number in 0..2000u32 {
        a.send(&datagram(1, &number.to_be_bytes())).unwrap();
    }
    for number in 0..2000u32 {
        assert_eq!(receive(b)[42..46], number.to_be_bytes());
    }
    let (cable, [c, d]) = cable();
    let other = it.relay.link("c-d", cable, LinkOptions::default()).unwrap();
    drop(d);
    (0..10).for_each(|_| drop(c.send(&datagram(1, b"x"))));
    a.send(&datagram(1, b"x")).unwrap();
    receive(b);
    while other.counts(0).undelivered < 10 {
        std::thread::yield_now();
    }
}

#[derive(Debug, Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl Sink for Heard {
    fn take(&self, event: &Event<'_>) {
        if let Event::Judged { flow, judged, site, .. } = event {
            let line = format!("{} > {} {} {site}", flow.from, flow.to, judged.verdict.action);
            lock(&self.0).push(line);
        }
    }
}

#[test]
fn a_verdict_is_an_event_and_a_seed_gives_it_again() {
    let run = || {
        let it = fixture(LinkOptions::default());
        let heard = Heard::default();
        it.session.events.send_to(vec![Box::new(heard.clone())]);
        let loss = Native::chance(0.3, Action::Drop).unwrap();
        it.link.set_policy(Direction::Both, judge(loss), "loss(0.3)".to_string());
        let wait_for = |frames: u64| {
            let told = || lock(&heard.0).len() as u64;
            let passed = || it.link.counts(0).passed + it.link.counts(1).passed;
            while passed() + told() < frames {
                std::thread::yield_now();
            }
        };
        // Flows are numbered as they first come.
        it.hosts[0].send(&datagram(1, b"ping")).unwrap();
        wait_for(1);
        for _ in 1..200 {
            it.hosts[0].send(&datagram(1, b"ping")).unwrap();
            it.hosts[1].send(&datagram(2, b"pong")).unwrap();
        }
        wait_for(399);
        let mut lines = lock(&heard.0).clone();
        // Which of both directions comes next is not the seed's to say.
        lines.sort();
        (lines, it.link.counts(0).dropped)
    };
    let (first, dropped) = run();
    assert_eq!(run().0, first);
    assert_eq!(first[0], "10.0.0.1:9 > 10.0.0.2:7 drop() a-b");
    assert_eq!(first.iter().filter(|line| line.starts_with("10.0.0.1")).count() as u64, dropped);
    assert!(dropped > 20 && dropped < 120, "{dropped}");
}
