use std::collections::HashMap;
use std::net::SocketAddr;

use super::*;

fn addr(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

/// What `policy` does with `n` packets of one flow.
fn actions(policy: &Native, seed: u64, n: usize) -> Vec<Action> {
    let mut flows = Flows::new(RandomStream::of_seed(seed));
    (0..n)
        .map(|_| {
            let (place, in_bad) = flows.next(FlowKey::received(addr(5), addr(1)), 1);
            policy.decide(&place, &mut in_bad[0], &mut Default::default()).action
        })
        .collect()
}

/// The same in one sign a packet: `1` for pass, `0` for anything else.
fn signs(policy: &Native, seed: u64, n: usize) -> String {
    actions(policy, seed, n).iter().map(|action| if *action == Action::Pass { '1' } else { '0' }).collect()
}

#[test]
fn verdicts_are_frozen() {
    // A change of these breaks "same seed, same run" for everybody, across releases.
    let gilbert = Native::gilbert(Gilbert { p: 0.2, r: 0.4, good: 0.0, bad: 1.0 }, Action::Drop).unwrap();
    for (policy, vector) in [
        (Native::chance(0.2, Action::Drop).unwrap(), "1111101110100111111101110111111011111111"),
        (Native::every(3, Action::Drop).unwrap(), "1101101101101101101101101101101101101101"),
        (Native::first(2, Action::Drop).unwrap(), "0011111111111111111111111111111111111111"),
        (Native::pattern("1101", Action::Drop).unwrap(), "1101110111011101110111011101110111011101"),
        (gilbert, "1111100001101111111100001111111000111111"),
    ] {
        assert_eq!(signs(&policy, 1, 40), vector, "{policy}");
    }
    let jitter = Native::jitter(Duration::from_millis(20), Duration::from_millis(5)).unwrap();
    let delays: Vec<String> = actions(&jitter, 1, 4).iter().map(ToString::to_string).collect();
    assert_eq!(delays, ["delay(17.100377ms)", "delay(21.081626ms)", "delay(20.462904ms)", "delay(21.342165ms)"]);
}

#[test]
fn draws_depend_on_the_flow_and_not_on_other_flows() {
    let verdicts = |order: &[u16]| {
        let mut flows = Flows::new(RandomStream::of_seed(3));
        let mut seen: HashMap<u16, Vec<Action>> = HashMap::new();
        let policy = Native::gilbert(Gilbert { p: 0.3, r: 0.3, good: 0.1, bad: 0.9 }, Action::Drop).unwrap();
        for &port in order {
            let (place, in_bad) = flows.next(FlowKey::received(addr(port), addr(1)), 1);
            seen.entry(port).or_default().push(policy.decide(&place, &mut in_bad[0], &mut Default::default()).action);
        }
        seen
    };
    let apart: Vec<u16> = [[5u16; 50], [6; 50]].concat();
    let mixed: Vec<u16> = (0..100).map(|i| 5 + i % 2).collect();
    let seen = verdicts(&mixed);
    assert_eq!(verdicts(&apart), seen);
    assert_ne!(seen[&5], seen[&6], "each flow has draws of its own");
}

#[test]
fn loss_and_bursts_are_what_was_asked_for() {
    let n = 100_000;
    let gilbert = Gilbert { p: 0.05, r: 0.25, good: 0.0, bad: 1.0 };
    for (policy, burst) in
        [(Native::chance(0.2, Action::Drop).unwrap(), 1.25), (Native::gilbert(gilbert, Action::Drop).unwrap(), 4.0)]
    {
        let signs = signs(&policy, 11, n);
        let lost = signs.matches('0').count() as f64;
        let share = policy.configured().unwrap();
        // Six standard deviations; a burst's packets count as one draw.
        let bound = 6.0 * (n as f64 * share * (1.0 - share) * burst * 2.0).sqrt();
        assert!((lost - share * n as f64).abs() < bound, "{policy}: {lost}");
        let bursts = signs.split('1').filter(|run| !run.is_empty()).count() as f64;
        let deviation = (burst * (burst - 1.0) / bursts).sqrt();
        assert!((lost / bursts - burst).abs() < 6.0 * deviation, "{policy}: mean burst {}", lost / bursts);
    }
}

#[test]
fn jitter_stays_within_its_spread() {
    let policy = Native::jitter(Duration::from_millis(20), Duration::from_millis(5)).unwrap();
    let mut seen = [i64::MAX, i64::MIN];
    for action in actions(&policy, 2, 10_000) {
        let Action::Delay(delay) = action else { panic!("{action}") };
        seen = [seen[0].min(delay.as_nanos()), seen[1].max(delay.as_nanos())];
    }
    assert!(seen[0] >= 15_000_000 && seen[0] < 15_010_000, "{seen:?}");
    assert!(seen[1] <= 25_000_000 && seen[1] > 24_990_000, "{seen:?}");
}

#[test]
fn policies_are_named_as_they_are_written() {
    for (policy, text) in [
        (Native::chance(0.2, Action::Drop), "loss(0.2)"),
        (Native::chance(0.2, Action::Corrupt), "chance(0.2, corrupt())"),
        (Native::every(3, Action::Duplicate(2)), "every(3, duplicate(2))"),
        (Native::first(2, Action::Drop), "first(2)"),
        (Native::pattern("110", Action::Drop), "pattern(\"110\")"),
        (Native::jitter(Duration::from_millis(20), Duration::from_micros(50)), "jitter(20ms, 50us)"),
        (Ok(Native::always(Action::Delay(Duration::from_millis(1)))), "always(delay(1ms))"),
    ] {
        assert_eq!(policy.unwrap().to_string(), text);
    }
}

#[test]
fn wrong_arguments_are_refused() {
    for wrong in [
        Native::chance(1.5, Action::Drop),
        Native::chance(f64::NAN, Action::Drop),
        Native::every(0, Action::Drop),
        Native::first(-1, Action::Drop),
        Native::pattern("", Action::Drop),
        Native::pattern("10x", Action::Drop),
        Native::jitter(Duration::from_millis(-1), Duration::ZERO),
    ] {
        assert!(!wrong.unwrap_err().message.is_empty());
    }
}
