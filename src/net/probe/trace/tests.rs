//! Findings on made-up paths, and the lines of hops.

use std::net::IpAddr;

use super::*;
use crate::net::random::{RandomStream, Sequence};

/// A hop of a made-up path: the share lost on the link before it, each way, and the share of its errors that it sends.
struct Built {
    loss: f64,
    sends: f64,
}

fn trace(path: &[Built], probes: usize, seed: u64) -> Trace {
    let draws = Sequence::new(RandomStream::of_seed(seed));
    let mut trace = Trace::default();
    for (ttl, hop) in (1..).zip(path) {
        for _ in 0..probes {
            let arrives =
                path[..usize::from(ttl)].iter().all(|hop| draws.draw() >= hop.loss && draws.draw() >= hop.loss);
            let replies = arrives && draws.draw() < hop.sends;
            let last = usize::from(ttl) == path.len();
            let kind = (!last).then(|| Kind::v4(11, 0));
            let by = replies.then_some(IpAddr::from([10, 0, ttl, 1]).into());
            trace.add(ttl, HopReply { by, rtt: None, kind, mpls: Vec::new(), mtu: None });
        }
    }
    trace
}

fn good() -> Built {
    Built { loss: 0.0, sends: 1.0 }
}

#[test]
fn a_hop_that_limits_is_distinguished_from_one_that_loses() {
    let mut wrong = Vec::new();
    for seed in 0..200 {
        let limits = Built { sends: 0.15, ..good() };
        let loses = Built { loss: 0.15, ..good() };
        let (first, second) = if seed % 2 == 0 { (limits, loses) } else { (loses, limits) };
        let found = trace(&[good(), first, good(), second, good()], 60, seed).findings();
        let expected = if seed % 2 == 0 { (2, 4) } else { (4, 2) };
        let right = match found[..] {
            [TraceFinding::Limits { ttl: a, .. }, TraceFinding::Loses { ttl: b, share, .. }]
            | [TraceFinding::Loses { ttl: b, share, .. }, TraceFinding::Limits { ttl: a, .. }] => {
                (a, b) == expected && (0.08..0.5).contains(&share)
            }
            _ => false,
        };
        wrong.extend((!right).then_some((seed, found)));
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// A path whose hops left so many of their probes without a reply, and whose end replies with this error or, `None`, a reply.
fn counted(hops: &[(u64, u64)], end: Option<Kind>) -> Trace {
    let mut trace = Trace::default();
    for (ttl, &(lost, of)) in (1..).zip(hops) {
        let last = usize::from(ttl) == hops.len();
        for probe in 0..of {
            let by = (probe >= lost).then_some(IpAddr::from([10, 0, ttl, 1]).into());
            let kind = if last { end } else { Some(Kind::v4(11, 0)) };
            trace.add(ttl, HopReply { by, rtt: None, kind, mpls: Vec::new(), mtu: None });
        }
    }
    trace
}

#[test]
fn packets_are_lost_only_where_the_replies_of_the_destination_show_it() {
    let found = |hops: &[(u64, u64)], end| counted(hops, end).findings();
    let unreachable = Some(Kind::v4(3, 3));
    let unclear = |ttl, replies: bool, found: &[TraceFinding]| {
        let is = |finding: &TraceFinding| matches!(finding, TraceFinding::Unclear { ttl: at, replies: does, .. } if (*at, *does) == (ttl, replies));
        assert!(found.len() == 1 && is(&found[0]), "{found:?}");
    };
    // An end that limits its errors, alone and with the routers before it; one that is silent, as such an end may be.
    unclear(4, false, &found(&[(0, 60), (0, 60), (0, 60), (40, 60)], unreachable));
    unclear(2, false, &found(&[(0, 60), (42, 60), (40, 60), (45, 60)], unreachable));
    unclear(3, false, &found(&[(0, 60), (0, 60), (60, 60), (60, 60)], unreachable));
    // The same numbers, but replies.
    for (hops, at) in [([(0, 60), (0, 60), (0, 60), (40, 60)], 4), ([(0, 60), (42, 60), (40, 60), (45, 60)], 2)] {
        let found = found(&hops, None);
        assert!(matches!(found[..], [TraceFinding::Loses { ttl, .. }] if ttl == at), "{found:?}");
    }
    // Hops that leave more without a reply than the ones before, and the end still more: the last rise is a loss for certain.
    let found = found(&[(0, 100), (21, 100), (18, 100), (50, 100), (51, 100)], None);
    let [TraceFinding::Unclear { ttl: 2, replies: true, .. }, TraceFinding::Loses { ttl: 4, share, before }] =
        found[..]
    else {
        panic!("{found:?}")
    };
    // All that is lost up to the end, and how much of that before it.
    assert_eq!((share, before), (0.5, 0.195));
}

#[test]
fn a_loss_behind_another_is_found_and_shares_are_of_all() {
    let words =
        |hops: &[(u64, u64)]| counted(hops, None).findings().iter().map(ToString::to_string).collect::<Vec<_>>();
    let found = words(&[(0, 103), (28, 103), (31, 103), (56, 103)]);
    let unclear = "from hop 2 on about 27% of probes get no reply: lost packets, or hops that limit or withhold their replies; \
                   these probes cannot know which";
    assert_eq!(found, [unclear, "packets are lost from hop 4 on: about 54% there and back, before it 29%"]);
    // One loss alone stays one, wherever it is: seldom is the rest of a path split by chance.
    let lossy = || Built { loss: 0.15, ..good() };
    let (mut both, mut split) = (0, 0);
    for seed in 0..200 {
        both += u32::from(trace(&[good(), lossy(), good(), lossy()], 103, seed).findings().len() == 2);
        split += u32::from(trace(&[good(), lossy(), good(), good(), good(), good()], 103, seed).findings().len() > 1);
    }
    // Half of the further losses are found; one that is none, seldom.
    assert!(both > 100 && split <= 2, "{both} and {split} of 200");
}

#[test]
fn what_is_lost_up_to_the_end_is_said_of_any_path() {
    let at_end = |hops: &[(u64, u64)]| counted(hops, None).at_end();
    assert_eq!(
        at_end(&[(0, 103), (0, 103)]),
        "no loss found: a reply to each of 103 probes to the end of the path, hop 2 (95%: a loss below 3.6%)"
    );
    assert_eq!(
        at_end(&[(0, 103), (28, 103), (48, 103)]),
        "no reply to 48 of 103 probes to the end of the path, hop 3: 46.6% (95%: 37.3% to 56.2%)"
    );
    assert_eq!(at_end(&[(0, 3), (3, 3)]), "the end of the path was not found");
}

#[test]
fn an_end_that_replies_in_two_ways_shows_no_loss() {
    let mut trace = counted(&[(0, 60), (0, 60), (30, 60)], None);
    assert!(matches!(trace.findings()[..], [TraceFinding::Loses { ttl: 3, .. }]));
    let by = Some(IpAddr::from([10, 0, 3, 1]).into());
    trace.add(3, HopReply { by, rtt: None, kind: Some(Kind::v4(3, 1)), mpls: Vec::new(), mtu: None });
    assert!(
        matches!(trace.findings()[..], [TraceFinding::Unclear { ttl: 3, replies: false, .. }]),
        "{:?}",
        trace.findings()
    );
}

#[test]
fn no_few_probes_make_a_finding() {
    let unreachable = Some(Kind::v4(3, 3));
    for probes in 1..=3 {
        for end in [None, unreachable] {
            // One probe lost of each hop, or of one: chance may have done that.
            for lost in [[0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [1, 0, 0, 0], [0, 0, 1, 1]] {
                let hops = lost.map(|lost| (lost, probes));
                assert_eq!(counted(&hops, end).findings(), [], "{hops:?}");
            }
        }
    }
    assert_eq!(counted(&[(0, 2), (2, 2), (0, 2)], None).findings(), [], "two of two against none of two");
}

#[test]
fn findings_in_words() {
    for (finding, words) in [
        (TraceFinding::Silent { ttl: 2, of: 3 }, "hop 2 replies to none of 3 probes and passes packets on"),
        (
            TraceFinding::Limits { ttl: 3, lost: (40, 60), behind: (1, 120) },
            "hop 3 limits its errors: 40 of 60 probes without a reply there, 1 of 120 behind it",
        ),
        (
            TraceFinding::Loses { ttl: 4, share: 0.356, before: 0.004 },
            "packets are lost from hop 4 on: about 36% there and back",
        ),
        (
            TraceFinding::Loses { ttl: 4, share: 0.356, before: 0.2 },
            "packets are lost from hop 4 on: about 36% there and back, before it 20%",
        ),
        (
            TraceFinding::Unclear { ttl: 4, share: 0.9, before: 0.0, replies: false },
            "from hop 4 on about 90% of probes get no reply: lost packets, or hops that limit or withhold their replies; \
             a destination that replies to ICMP or TCP probes would show which",
        ),
        (
            TraceFinding::Unclear { ttl: 3, share: 0.2, before: 0.1, replies: true },
            "from hop 3 on about 20% of probes get no reply, before it 10%: lost packets, or hops that limit or withhold \
             their replies; these probes cannot know which",
        ),
    ] {
        assert_eq!(finding.to_string(), words);
    }
}

#[test]
fn nothing_is_lost_from_a_hop_on_that_others_behind_it_do_not_lose() {
    let found = |hops: &[(u64, u64)]| counted(hops, None).findings();
    let limits = |lost, behind| TraceFinding::Limits { ttl: 3, lost, behind };
    let silent = TraceFinding::Silent { ttl: 2, of: 13 };
    // Few probes: the third hop limits its errors, and whether the link to the fifth loses packets is not certain.
    let few = found(&[(0, 13), (13, 13), (7, 13), (0, 13), (6, 13)]);
    assert_eq!(few, [silent.clone(), limits((7, 13), (0, 13))]);
    let none = found(&[(0, 13), (13, 13), (6, 13), (0, 13), (0, 13)]);
    assert_eq!(none, [silent.clone(), limits((6, 13), (0, 26))]);
    match found(&[(0, 13), (13, 13), (3, 13), (0, 13), (8, 13)]).as_slice() {
        [first, TraceFinding::Loses { ttl: 5, share, .. }] => {
            assert!(*first == silent && *share <= 8.0 / 13.0, "{share}")
        }
        other => panic!("{other:?}"),
    }
    // The share is no more than the least that a hop behind loses.
    match found(&[(0, 60), (30, 60), (33, 60), (24, 60)]).as_slice() {
        [TraceFinding::Loses { ttl: 2, share, .. }] => assert!(*share <= 0.4, "{share}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_little_is_said_of_few_probes_is_seldom_wrong() {
    let path = || [good(), Built { sends: 0.0, ..good() }, Built { sends: 0.5, ..good() }, good()];
    let lossy = || path().into_iter().chain([Built { loss: 0.2, ..good() }]).collect::<Vec<_>>();
    let right = |finding: &TraceFinding| match finding {
        TraceFinding::Silent { ttl, .. } => *ttl == 2,
        TraceFinding::Limits { ttl, .. } => *ttl == 3,
        TraceFinding::Loses { ttl, .. } | TraceFinding::Unclear { ttl, .. } => *ttl == 5,
    };
    let wrong = (0..300).filter(|&seed| !trace(&lossy(), 13, seed).findings().iter().all(right)).count();
    assert!(wrong <= 3, "{wrong} of 300");
}

#[test]
fn a_silent_hop_and_a_clean_path() {
    let path = [good(), Built { sends: 0.0, ..good() }, good()];
    assert_eq!(trace(&path, 3, 1).findings(), [TraceFinding::Silent { ttl: 2, of: 3 }]);
    let clean = trace(&[good(), good()], 3, 1);
    assert!(clean.findings().is_empty() && !clean.has_gaps());
    assert_eq!(clean.end(), Some(2));
    // One lost probe of three says nothing.
    assert_eq!(trace(&[good(), Built { loss: 0.1, ..good() }, good()], 3, 3).findings(), []);
}

#[test]
fn lines_show_who_replied_and_what() {
    let mut trace = Trace::default();
    let rtt = Some(Duration::from_micros(31));
    let (by, mpls) = (Some(IpAddr::from([10, 0, 0, 1]).into()), Vec::new());
    let reply = |by, kind, mtu| HopReply { by, rtt, kind, mpls: mpls.clone(), mtu };
    trace.add(1, reply(by, Some(Kind::v4(11, 0)), None));
    trace.add(1, reply(None, None, None));
    trace.add(1, reply(by, Some(Kind::v4(11, 0)), None));
    assert_eq!(trace.line(1).as_deref(), Some(" 1  10.0.0.1  0.031ms  *  0.031ms"));
    trace.add(2, reply(by, Some(Kind::v4(3, 4)), Mtu::of(Family::V4, 1400, 1500)));
    let line = " 2  10.0.0.1  0.031ms (Fragmentation Needed and Don't Fragment was Set)  [MTU 1400]";
    assert_eq!((trace.line(2).as_deref(), trace.end(), trace.mtu()), (Some(line), None, Some((2, 1400))));
    // A smaller probe gets through: what remains is the MTU.
    trace.add(2, reply(by, Some(Kind::v4(11, 0)), None));
    assert_eq!(trace.line(2).as_deref(), Some(" 2  10.0.0.1  0.031ms  [MTU 1400]"));
    trace.add(3, reply(by, Some(Kind::v4(3, 13)), None));
    assert_eq!(trace.end(), Some(3));
}

#[test]
fn an_mtu_that_cannot_be_is_shown_and_not_believed() {
    for (family, claimed, packet, believed) in [
        (Family::V4, 68, 1500, true),
        (Family::V4, 67, 1500, false),
        (Family::V4, 1500, 1500, false),
        (Family::V4, 65_535, 1500, false),
        (Family::V6, 1280, 1500, true),
        (Family::V6, 1279, 1500, false),
    ] {
        let mtu = if believed { Mtu::NextHop(claimed) } else { Mtu::Nonsense(claimed) };
        assert_eq!(Mtu::of(family, claimed, packet), Some(mtu), "{family} {claimed}");
    }
    assert_eq!(Mtu::of(Family::V4, 0, 1500), None);
    let (by, kind, mtu) =
        (Some(IpAddr::from([10, 0, 0, 1]).into()), Some(Kind::v4(3, 4)), Mtu::of(Family::V4, 1, 1500));
    let mut trace = Trace::default();
    trace.add(1, HopReply { by, rtt: None, kind, mpls: Vec::new(), mtu });
    assert_eq!(trace.mtu(), None);
    assert!(trace.line(1).is_some_and(|line| line.ends_with("[says MTU 1, which cannot be]")));
}

#[test]
fn what_this_host_did_not_send_is_no_loss() {
    let mut trace = Trace::default();
    for ttl in 1..=3 {
        trace.refuse(ttl, "network is unreachable".to_string());
    }
    assert_eq!(trace.line(1).as_deref(), Some(" 1  not sent: network is unreachable"));
    assert_eq!((trace.findings(), trace.has_gaps(), trace.end()), (Vec::new(), false, None));
    assert_eq!(trace.refused(), Some("network is unreachable"));
}
