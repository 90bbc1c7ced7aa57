//! When frames come out of the relay, in which order, and what is recorded of them: at times that the tests choose.

use super::tests::{Net, at, attached, datagram, error_in, ms_of, ports, reject, text};
use super::*;
use crate::net::policy::{Action, Native};
use crate::net::time::{Duration, Instant};

fn options(delay: i64) -> LinkOptions {
    LinkOptions { delay: ms_of(delay), ..LinkOptions::default() }
}

/// Sends datagrams from a to b now that say which they are.
fn send_numbers(net: &mut Net, numbers: std::ops::Range<u8>) {
    numbers.for_each(|number| net.send(0, &datagram(1, number.to_string().as_bytes())));
}

#[derive(Default)]
struct SentFrames(Vec<(EndId, Vec<u8>)>);

impl Output for SentFrames {
    fn send(&mut self, to: EndId, bytes: Bytes<'_>) {
        self.0.push((to, bytes.into_vec()));
    }
}

#[test]
fn a_frame_that_is_delayed_is_due_then_and_not_before() {
    let mut net = Net::new(options(20));
    let time = |ns: i64| Time { now: Instant::from_nanos(ns), wall: ns };
    assert_eq!(net.relay.next_due(), None);
    net.send(0, &datagram(1, b"x"));
    assert_eq!(net.relay.next_due(), Some(at(20)));
    let mut sent = SentFrames::default();
    assert!(!net.relay.serve_due(time(19_999_999), &mut sent) && sent.0.is_empty());
    assert!(net.relay.serve_due(time(20_000_000), &mut sent));
    assert_eq!(sent.0, [(EndId { link: 0, side: 1 }, datagram(1, b"x"))]);
    assert!(!net.relay.serve_due(time(i64::MAX), &mut sent), "nothing is left");
    assert_eq!((net.relay.next_due(), net.link.counts(0).passed), (None, 1));
}

#[test]
fn without_delay_a_frame_goes_out_at_once_where_it_was_read() {
    let mut net = Net::new(LinkOptions::default());
    struct WhereItWasRead(usize);
    impl Output for WhereItWasRead {
        fn send(&mut self, _: EndId, bytes: Bytes<'_>) {
            assert!(matches!(bytes, Bytes::Received(_)), "no copy");
            self.0 += 1;
        }
    }
    let mut out = WhereItWasRead(0);
    for action in [Action::Pass, Action::Corrupt] {
        net.policy(Direction::Both, Native::always(action));
        let mut frame = datagram(1, b"x");
        net.relay.receive(EndId { link: 0, side: 0 }, Some(Bytes::Received(&mut frame)), net.time, &mut out);
    }
    assert_eq!((out.0, net.relay.next_due()), (2, None));
}

#[test]
fn a_delay_of_a_policy_comes_to_that_of_the_link() {
    let mut net = Net::new(options(20));
    net.policy(Direction::Both, Native::always(Action::Delay(ms_of(5))));
    net.send(0, &datagram(1, b"x"));
    net.shared.ingress(HostId(2)).set_policy(attached(Native::always(Action::Delay(ms_of(3)))), "x".into());
    assert_eq!(net.all(1), [(at(28), "x".to_string())]);
}

#[test]
fn a_queue_that_is_full_loses_the_latest_and_counts_it() {
    let mut net = Net::new(LinkOptions { rate: Some(80_000), queue: Some(3), ..options(1) });
    let frame = datagram(1, &[b'x'; 58]);
    // 100 bytes take 10 ms: while the first goes, three wait.
    (0..20).for_each(|_| net.send(0, &frame));
    assert_eq!((net.link.counts(0).queue_full, net.link.counts(0).frames), (16, 20));
    net.run_to(at(10));
    net.send(0, &frame);
    let times: Vec<Instant> = net.all(1).into_iter().map(|(when, _)| when).collect();
    assert_eq!(times, [11, 21, 31, 41, 51].map(at), "the first has left");
    assert_eq!((net.link.counts(0).queue_full, net.link.counts(0).passed), (16, 5));
}

#[test]
fn frames_that_are_due_at_the_same_time_go_in_the_order_they_came_in() {
    let mut net = Net::new(options(20));
    let (other, state) = net.shared.link("a-b 2", &ports(), options(10)).unwrap();
    assert_eq!(net.relay.add(state), 1);
    send_numbers(&mut net, 0..3);
    net.run_to(at(10));
    net.send_over(EndId { link: 1, side: 0 }, Some(&mut datagram(1, b"by the other link")));
    net.link.set_options(Direction::Both, options(10)).unwrap();
    send_numbers(&mut net, 3..5);
    let expected = ["0", "1", "2", "by the other link", "3", "4"].map(|text| (at(20), text.to_string()));
    assert_eq!(net.all(1), expected);
    assert_eq!((net.link.counts(0).passed, other.counts(0).passed), (5, 1));
}

#[test]
fn a_duplicate_comes_with_each_copy_in_its_turn() {
    let mut net = Net::new(LinkOptions { rate: Some(80_000), ..LinkOptions::default() });
    net.policy(Direction::Both, Native::always(Action::Duplicate(2)));
    net.send(0, &datagram(1, &[b'x'; 58]));
    let times: Vec<Instant> = net.all(1).into_iter().map(|(when, _)| when).collect();
    assert_eq!(times, [10, 20].map(at), "a copy takes the time of a frame");
    let counts = net.link.counts(0);
    assert_eq!((counts.frames, counts.passed, counts.duplicated), (1, 1, 1));
}

#[test]
fn what_is_rejected_comes_back_after_the_way_there_and_the_way_back() {
    let mut net = Net::new(options(20));
    net.link.set_options(Direction::From(1), options(30)).unwrap();
    net.policy(Direction::From(0), Native::always(reject("port-unreachable")));
    net.send(0, &datagram(1, b"x"));
    let (when, reply) = net.next(0).expect("a reply");
    let (from, kind) = error_in(&reply);
    assert_eq!((when, from, kind.type_, kind.code), (at(50), [10, 0, 0, 2].into(), 3, 3));
    assert_eq!((net.link.counts(0).rejected, net.next(1)), (1, None));
}

#[test]
fn jitter_keeps_its_draws_and_another_seed_gives_others() {
    let run = |seed: u64, chatty: bool| {
        let mut net = Net::new(LinkOptions::default());
        net.shared.draw_from(RandomStream::of_seed(seed));
        let jittery = LinkOptions { jitter: ms_of(5), ..options(10) };
        let (_link, state) = net.shared.link("jittery", &ports(), jittery).unwrap();
        net.relay.add(state);
        for number in 0..50u8 {
            net.run_to(at(i64::from(number) * 20));
            if chatty {
                // What comes back draws from numbers of its own.
                net.send_over(EndId { link: 1, side: 1 }, Some(&mut datagram(2, b"x")));
            }
            net.send_over(EndId { link: 1, side: 0 }, Some(&mut datagram(1, &[b'a'; 9])));
        }
        net.all(1).into_iter().map(|(when, _)| when).collect::<Vec<_>>()
    };
    let first = run(1, false);
    for (number, when) in first.iter().enumerate() {
        let took = *when - at(number as i64 * 20);
        assert!(took >= ms_of(5) && took <= ms_of(15), "{took}");
    }
    assert_eq!((first.len(), run(1, true)), (50, first.clone()));
    assert_ne!(run(2, false), first);
}

#[test]
fn a_link_that_is_down_carries_nothing_and_one_that_is_up_again_does() {
    let mut net = Net::new(options(30));
    net.send(0, &datagram(1, b"on its way"));
    net.run_to(at(10));
    net.link.set_up(false);
    assert!(!net.link.is_up());
    net.send(0, &datagram(1, b"too late"));
    assert_eq!((net.all(1), net.link.counts(0).down), (vec![], 2));
    net.link.set_up(true);
    net.send(0, &datagram(1, b"up"));
    assert_eq!(net.all(1), [(at(60), "up".to_string())]);
    assert_eq!((net.link.counts(0).down, net.link.counts(0).passed), (2, 1));
}

#[test]
fn a_link_that_is_down_carries_no_reply_of_its_policy_either() {
    let mut net = Net::new(options(30));
    net.policy(Direction::From(0), Native::always(reject("port-unreachable")));
    net.send(0, &datagram(1, b"x"));
    net.run_to(at(10));
    net.link.set_up(false);
    assert_eq!((net.next(0), net.link.counts(0).rejected), (None, 1));
}

#[test]
fn options_that_change_hold_for_what_comes_from_then_on() {
    let mut net = Net::new(options(30));
    send_numbers(&mut net, 0..1);
    net.link.set_options(Direction::Both, options(10)).unwrap();
    send_numbers(&mut net, 1..2);
    net.link.set_options(Direction::Both, LinkOptions { fifo: true, ..options(0) }).unwrap();
    send_numbers(&mut net, 2..3);
    let expected = [(10, "1"), (30, "0"), (30, "2")].map(|(ms, text)| (at(ms), text.to_string()));
    assert_eq!(net.all(1), expected, "one may overtake, the other may not");
}

/// The packets in a file of pcapng: the interface's number, the time in nanoseconds, what the frame says, the comment.
fn packets(file: &std::path::Path) -> Vec<(u32, u64, String, String)> {
    let bytes = std::fs::read(file).unwrap();
    let word = |at: usize| u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap());
    let (mut found, mut block) = (Vec::new(), 0);
    while block < bytes.len() {
        if word(block) == 6 {
            let len = word(block + 20) as usize;
            let (frame, end) = (block + 28, block + 28 + len.next_multiple_of(4));
            let comment = match word(end) & 0xffff {
                1 => String::from_utf8_lossy(&bytes[end + 4..][..(word(end) >> 16) as usize]).into_owned(),
                _ => String::new(),
            };
            let time = u64::from(word(block + 12)) << 32 | u64::from(word(block + 16));
            found.push((word(block + 8), time, text(&bytes[frame..frame + len]), comment));
        }
        block += word(block + 4) as usize;
    }
    found
}

#[test]
fn a_capture_has_each_frame_when_it_came_and_what_happened_to_it() {
    let file = std::env::temp_dir().join(format!("pingscript-{}-relay.pcapng", std::process::id()));
    let mut net = Net::new(options(20));
    assert!(!net.relay.is_recording());
    net.link.capture(file.to_str().unwrap(), true).unwrap();
    assert!(net.relay.is_recording());
    net.run_to(at(1));
    net.send(0, &datagram(1, b"passes"));
    net.policy(Direction::Both, Native::always(Action::Drop));
    net.run_to(at(2));
    net.send(1, &datagram(2, b"drops"));
    net.policy(Direction::Both, Native::always(Action::Delay(ms_of(5))));
    net.run_to(at(3));
    net.send(0, &datagram(1, b"waits"));
    net.link.set_up(false);
    net.send(0, &datagram(1, b"down"));
    net.relay.flush_recordings();
    let found = packets(&file);
    std::fs::remove_file(&file).unwrap();
    let expected = [
        (0, 1_000_000, "passes", ""),
        (1, 2_000_000, "drops", "dropped by always(drop())"),
        (0, 3_000_000, "waits", "delayed 5ms by always(delay(5ms))"),
        (0, 3_000_000, "down", "dropped: link down"),
    ];
    assert_eq!(found, expected.map(|(number, time, text, comment)| (number, time, text.into(), comment.into())));
}

#[test]
fn a_file_that_is_asked_for_again_is_recorded_in_once() {
    let net = Net::new(LinkOptions::default());
    let file = std::env::temp_dir().join(format!("pingscript-{}-replaced.pcapng", std::process::id()));
    let name = file.to_str().unwrap();
    for _ in 0..100 {
        net.link.capture(name, false).unwrap();
        net.shared.ingress(HostId(2)).capture(name, false).unwrap();
    }
    let all =
        std::fs::read_dir("/proc/self/fd").unwrap().filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    let open = all.filter(|path| *path == file).count();
    std::fs::remove_file(&file).unwrap();
    assert!(open < 20, "{open}");
}

#[test]
fn frames_that_wait_are_bounded_by_the_memory_for_them() {
    let mut net = Net::new(options(1000));
    let mut frame = datagram(1, &[0; 60_000]);
    // More than there is memory for, whatever other tests hold.
    let count = crate::net::host::room::FRAMES.most() / 60_000 + 10;
    for _ in 0..count {
        net.send_over(EndId { link: 0, side: 0 }, Some(&mut frame));
    }
    let lost = net.link.counts(0).no_room;
    assert!(lost >= 9, "{lost} of {count}");
    net.run_to(at(0) + Duration::from_secs(1));
    assert_eq!(net.link.counts(0).passed, count as u64 - lost);
    assert!(net.relay.may_hold(1 << 20), "nothing waits any more");
}
