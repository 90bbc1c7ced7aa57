//! Intervals of a share: Wilson's score, and that they hold for losses in bursts.

use super::*;
use crate::net::policy::neighbours::Recent;
use crate::net::policy::{Action, FlowKey, Flows, Gilbert, Native};
use crate::net::random::RandomStream;

fn close(a: f64, b: f64) {
    assert!((a - b).abs() < 1e-6, "{a} is not {b}");
}

fn independent(lost: u64, of: u64) -> Option<(f64, f64)> {
    interval(lost, of, &Neighbours::default())
}

#[test]
fn wilson_intervals() {
    assert_eq!(independent(0, 0), None);
    assert_eq!(independent(3, 2), None);
    for (lost, of, low, high) in [
        (0, 1, 0.0, 0.793_450_7),
        (1, 1, 0.206_549_3, 1.0),
        (0, 10, 0.0, 0.277_532_8),
        (5, 10, 0.236_593_1, 0.763_406_9),
        (10, 10, 0.722_467_2, 1.0),
        (2, 5, 0.117_620_8, 0.769_276_4),
    ] {
        let (a, b) = independent(lost, of).unwrap();
        close(a, low);
        close(b, high);
    }
    for of in 1..1000 {
        assert_eq!(independent(0, of).map(|ends| ends.0), Some(0.0));
        assert_eq!(independent(of, of).map(|ends| ends.1), Some(1.0));
    }
    let (low, high) = independent(u64::MAX / 2, u64::MAX).unwrap();
    assert!(0.0 < low && low <= high && high < 1.0);
}

/// How many of `runs` runs of `packets` packets have an interval that holds the share for which `policy` is made, and how wide
/// the intervals are on average.
fn held(policy: &Native, runs: u64, packets: u64) -> (u64, f64) {
    let share = policy.configured().expect("a share");
    let flow =
        FlowKey { protocol: 0, from: ([127, 0, 0, 1], 1).into(), to: ([127, 0, 0, 1], 2).into(), of_kernel: false };
    let (mut held, mut width) = (0, 0.0);
    for seed in 1..=runs {
        let mut flows = Flows::new(RandomStream::of_seed(seed));
        let (mut recent, mut neighbours, mut lost) = (Recent::default(), Neighbours::default(), 0);
        for number in 1..=packets {
            let (place, in_bad) = flows.next(flow, 1);
            let dropped = policy.decide(&place, &mut in_bad[0], &mut Default::default()).action == Action::Drop;
            neighbours = neighbours + recent.settle(number, dropped);
            lost += u64::from(dropped);
        }
        let (low, high) = interval(lost, packets, &neighbours).expect("an interval");
        held += u64::from(low <= share && share <= high);
        width += (high - low) / runs as f64;
    }
    (held, width)
}

#[test]
fn intervals_hold_the_true_share_for_single_losses_and_for_bursts() {
    let gilbert = |p, r| Native::gilbert(Gilbert { p, r, good: 0.0, bad: 1.0 }, Action::Drop).expect("probabilities");
    let single = Native::chance(0.1667, Action::Drop).expect("a probability");
    for policy in [single, gilbert(0.05, 0.25), gilbert(0.01, 0.05)] {
        let (held, width) = held(&policy, 200, 1000);
        assert!((180..=198).contains(&held), "{policy}: {held} of 200 intervals hold the share, {width:.3} wide");
        assert!(width < 0.4, "{policy}: {width:.3} wide");
    }
}

#[test]
fn bursts_widen_an_interval_and_patterns_do_not() {
    let of = |both_lost, one_lost| {
        interval(20, 100, &Neighbours { pairs: 99, both_lost, one_lost, longest_run: 0 }).unwrap()
    };
    let (low, high) = independent(20, 100).unwrap();
    assert_eq!(of(0, 40), (low, high), "each lost one stands alone");
    let (wider_low, wider_high) = of(18, 4);
    assert!(wider_low < low && high < wider_high, "{wider_low} to {wider_high}, {low} to {high}");
    let (one_low, one_high) = of(19, 1);
    assert!(0.0 < one_low && one_low < wider_low && wider_high < one_high && one_high < 1.0, "{one_low} to {one_high}");
    // Without a loss, or without a reply, nothing is known of bursts.
    for lost in [0, 100] {
        let pairs = Neighbours { pairs: 99, both_lost: lost.min(99), one_lost: 0, longest_run: lost };
        assert_eq!(interval(lost, 100, &pairs), independent(lost, 100));
    }
}
