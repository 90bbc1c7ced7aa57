//! The thread over socket pairs in place of packet sockets: that it carries frames whatever is at the ends.

use crate::net::random::RandomStream;
use socket2::{Domain, Socket, Type};

use super::*;
use crate::net::host::ThisMachine;
use crate::net::lab::relay::Direction;
use crate::net::lab::relay::tests::{datagram, ports, text};
use crate::net::policy::attached::{AttachedPolicy, Decide, Policy};
use crate::net::policy::input::{PolicyInput, Site};
use crate::net::policy::{Place, Verdict};
use crate::net::random::Draws;

/// A link whose ends are two sockets in place of two hosts.
struct Fixture {
    relay: RelayThread,
    link: Link,
    hosts: [Socket; 2],
}

fn fixture(options: LinkOptions) -> Fixture {
    let stop = Stop::root().unwrap();
    let relay = RelayThread::start(Arc::new(Session::new(stop.clone())), Arc::new(ThisMachine), stop).unwrap();
    let (cable, hosts) = cable();
    let link = relay.link("a-b", cable, options).unwrap();
    Fixture { relay, link, hosts }
}

/// A cable between the hosts a, 10.0.0.1, and b, 10.0.0.2; and what the hosts have of it.
fn cable() -> (Cable, [Socket; 2]) {
    let [(a, a_port), (b, b_port)] = [0, 1].map(|_| Socket::pair(Domain::UNIX, Type::SEQPACKET, None).unwrap());
    let packets = [a_port, b_port].map(|port| {
        port.set_nonblocking(true).unwrap();
        port.into()
    });
    (Cable { ports: ports(), packets }, [a, b])
}

/// What comes to a host.
fn receive(host: &Socket) -> Vec<u8> {
    let mut fds = [PollFd::readable(host.as_fd())];
    assert_eq!(sys::ppoll(&mut fds, Some(Duration::from_secs(5))).unwrap(), 1, "a frame");
    let mut buffer = vec![0; 70_000];
    let n = sys::read(host.as_fd(), &mut buffer).unwrap();
    buffer.truncate(n);
    buffer
}

#[test]
fn the_thread_has_itself_woken_by_as_much_sooner_as_it_was_woken_late_before() {
    let us = Duration::from_micros;
    let mut waking = Waking::default();
    assert_eq!(waking.before(us(5_000)), us(5_000));
    (0..100).for_each(|_| waking.took(us(48)));
    assert!(waking.before(us(5_000)) >= us(4_952) && waking.before(us(5_000)) < us(4_953), "{waking:?}");
    assert_eq!(waking.before(us(20)), Duration::ZERO);
    waking.took(Duration::from_secs(1));
    assert!(waking.before(us(5_000)) > us(4_945), "one that was late by chance: {waking:?}");
    (0..100).for_each(|_| waking.took(Duration::ZERO - us(3)));
    assert!(waking.before(us(5_000)) > us(4_999), "{waking:?}");
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
fn frames_that_wait_come_without_any_other_that_wakes_the_thread() {
    let it = fixture(LinkOptions { delay: Duration::from_millis(20), ..LinkOptions::default() });
    for round in 0..3 {
        let frame = datagram(1, format!("{round}").as_bytes());
        let sent = ThisMachine.now();
        it.hosts[0].send(&frame).unwrap();
        assert_eq!(receive(&it.hosts[1]), frame);
        assert!(ThisMachine.now() - sent >= Duration::from_millis(20));
    }
}

/// A policy that holds on to a link.
#[derive(Debug)]
struct Holds(#[allow(dead_code)] Link, #[allow(dead_code)] Arc<()>);

impl Decide for Holds {
    fn decide(&self, _: &PolicyInput<'_>, _: &Place, _: &mut Draws) -> Option<Verdict> {
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
        let policy = AttachedPolicy::new(holds, RandomStream::of_seed(1), &Site::Link("a-b".into())).unwrap();
        match place {
            0 => it.link.set_policy(Direction::Both, policy, "x".to_string()),
            _ => it.relay.shared().ingress(crate::net::host::id::HostId(2)).set_policy(policy, "x".to_string()),
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
