#![allow(clippy::unwrap_used)]

use super::*;

const fn us(us: i64) -> Duration {
    Duration::from_micros(us)
}

const fn ns(ns: i64) -> Duration {
    Duration::from_nanos(ns)
}

fn of(samples: &[i64]) -> Rtts {
    let mut rtts = Rtts::default();
    samples.iter().for_each(|sample| rtts.record(ns(*sample)));
    rtts
}

fn close(a: f64, b: f64) {
    assert!((a - b).abs() < 1e-6, "{a} is not {b}");
}

#[test]
fn no_data_is_none() {
    let rtts = Rtts::default();
    assert_eq!(rtts.count, 0);
    for value in [rtts.min(), rtts.max(), rtts.mean(), rtts.stddev(), rtts.jitter()] {
        assert_eq!(value, None);
    }
    assert_eq!(rtts.percentile(50.0), None);
}

#[test]
fn one_sample() {
    let rtts = of(&[123_457]);
    for value in [rtts.min(), rtts.max(), rtts.mean()] {
        assert_eq!(value, Some(ns(123_457)));
    }
    for percent in [0.0, 1.0, 50.0, 100.0] {
        assert_eq!(rtts.percentile(percent), Some(ns(123_457)), "{percent}");
    }
    assert_eq!(rtts.stddev(), Some(Duration::ZERO));
    assert_eq!(rtts.jitter(), None);
}

#[test]
fn a_zero_time_is_data() {
    let rtts = of(&[0]);
    assert_eq!(rtts.min(), Some(Duration::ZERO));
    assert_eq!(rtts.percentile(50.0), Some(Duration::ZERO));
}

#[test]
fn known_mean_and_deviation() {
    // Squared differences from 5: 9 1 1 1 0 0 4 16, together 32; 32 / 8 = 4.
    let rtts = of(&[2, 4, 4, 4, 5, 5, 7, 9]);
    assert_eq!(rtts.count, 8);
    assert_eq!((rtts.min(), rtts.max()), (Some(ns(2)), Some(ns(9))));
    assert_eq!((rtts.mean(), rtts.stddev()), (Some(ns(5)), Some(ns(2))));
}

#[test]
fn a_small_deviation_of_large_times_survives() {
    let hour = 3_600_000_000_000;
    assert_eq!(of(&[hour, hour + 2, hour, hour + 2]).stddev(), Some(ns(1)));
}

#[test]
fn percentiles_are_of_the_nearest_rank() {
    let rtts = of(&(1..=100).collect::<Vec<_>>());
    for percent in 1..=100 {
        assert_eq!(rtts.percentile(f64::from(percent)), Some(ns(i64::from(percent))));
    }
    assert_eq!(rtts.percentile(0.0), Some(ns(1)));
    assert_eq!(rtts.percentile(50.1), Some(ns(51)));
    assert_eq!(of(&[10, 20, 30, 40]).percentile(50.0), Some(ns(20)));
    assert_eq!(of(&[10, 20, 30, 40]).percentile(51.0), Some(ns(30)));
    for percent in [-0.1, 100.1, f64::NAN, f64::INFINITY] {
        assert_eq!(rtts.percentile(percent), None, "{percent}");
    }
}

#[test]
fn percentiles_are_exact_to_three_digits_and_within_the_samples() {
    for scale in [1, 1_000, 1_000_000, 1_000_000_000] {
        let rtts = of(&(1..=1000).map(|n| n * scale).collect::<Vec<_>>());
        for percent in [10.0, 50.0, 90.0, 99.9] {
            let exact = percent * 10.0 * scale as f64;
            let given = rtts.percentile(percent).unwrap().as_nanos() as f64;
            assert!((given - exact).abs() <= exact / 1000.0, "{given} for {exact}");
        }
        assert_eq!(rtts.percentile(100.0), rtts.max());
    }
}

#[test]
fn memory_is_fixed_and_times_beyond_an_hour_are_counted_there() {
    let mut rtts = of(&[1, 3_600_000_000_000, i64::MAX]);
    let bytes = |rtts: &Rtts| rtts.sound.as_ref().unwrap().histogram.distinct_values() * size_of::<u32>();
    assert_eq!(bytes(&rtts), 135_168);
    assert!(size_of::<Sound>() < 2_000, "{}", size_of::<Sound>());
    for _ in 0..10_000 {
        rtts.record(us(7_200_000_000));
    }
    assert_eq!(bytes(&rtts), 135_168);
    assert_eq!(rtts.max(), Some(Duration::MAX));
    let high = rtts.percentile(99.0).unwrap().as_secs_f64();
    assert!((3600.0..3604.0).contains(&high), "{high}");
}

#[test]
fn jitter_goes_by_differences() {
    // Differences 160, 320 and 0: the jitter goes 10, 10 + 310/16 = 29.375, 29.375 - 29.375/16 = 27.539.
    let rtts = of(&[1000, 1160, 840, 840]);
    close(rtts.sound.as_ref().unwrap().jitter, 27.539_062_5);
    assert_eq!(rtts.jitter(), Some(ns(28)));
    assert_eq!(of(&[500, 500]).jitter(), Some(ns(0)));
}

#[test]
fn delay_variation_is_from_the_least_time() {
    let rtts = of(&(101..=200).collect::<Vec<_>>());
    assert_eq!((rtts.pdv(50.0), rtts.pdv(99.0), rtts.pdv(100.0)), (Some(ns(49)), Some(ns(98)), Some(ns(99))));
    assert_eq!((Rtts::default().pdv(99.0), rtts.pdv(101.0)), (None, None));
}

#[test]
fn a_histogram_has_a_line_for_each_range() {
    assert_eq!(Rtts::default().histogram(), "");
    let near = of(&[20_000, 21_000, 23_000]).histogram();
    let bounds: Vec<&str> = near.lines().filter_map(|line| line.split_once(" to ")).map(|(from, _)| from).collect();
    assert!(bounds.windows(2).all(|pair| pair[0] != pair[1]) && near.starts_with("0.020000ms"), "{near}");
    assert_eq!(of(&[500_000; 3]).histogram(), format!("0.500ms to 0.500ms       3 {}", "#".repeat(40)));
    let mut times = vec![1_000_000; 30];
    times.extend([4_096_000_000, 2_100_000, 2_900_000]);
    let text = of(&times).histogram();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 12, "{text}");
    assert_eq!(lines[0], format!("   1.000ms to    2.000ms      30 {}", "#".repeat(40)));
    assert_eq!(lines[1], "   2.000ms to    4.000ms       2 ###");
    assert_eq!(lines[2], "   4.000ms to    8.000ms       0");
    assert_eq!(lines[11], "2048.000ms to 4096.000ms       1 ##");
}

#[test]
fn flagged_samples_stay_out_of_percentiles_and_pairs() {
    let mut rtts = Rtts::default();
    rtts.record_flagged(ns(9000));
    assert_eq!(rtts.count, 1);
    assert_eq!((rtts.mean(), rtts.percentile(50.0)), (Some(ns(9000)), None));
    rtts.record(ns(100));
    rtts.record_flagged(ns(5000));
    rtts.record(ns(300));
    assert_eq!(rtts.count, 4);
    assert_eq!((rtts.min(), rtts.max(), rtts.mean()), (Some(ns(100)), Some(ns(9000)), Some(ns(3600))));
    assert_eq!((rtts.percentile(50.0), rtts.percentile(100.0)), (Some(ns(100)), Some(ns(300))));
    assert_eq!(rtts.jitter(), None);
}

#[test]
fn impossible_times_enter_nothing() {
    let mut rtts = of(&[100]);
    rtts.record(ns(-1));
    rtts.record_flagged(ns(-5));
    assert_eq!(rtts.count, 1);
    assert_eq!((rtts.min(), rtts.mean(), rtts.percentile(1.0)), (Some(ns(100)), Some(ns(100)), Some(ns(100))));
}

#[test]
fn merging_is_as_if_recorded_together() {
    let samples: Vec<i64> = (1..=500).map(|n| n * 7919 % 1009 + 50).collect();
    for split in [0, 1, 250, 499, 500] {
        let (left, right) = samples.split_at(split);
        let mut merged = of(left);
        merged.record_flagged(ns(10));
        let mut other = of(right);
        other.record_flagged(ns(2000));
        other.record_flagged(ns(-1));
        merged.merge(&other);
        let mut whole = of(&samples);
        whole.record_flagged(ns(10));
        whole.record_flagged(ns(2000));
        assert_eq!(merged.count, 502);
        assert_eq!((merged.min(), merged.max()), (whole.min(), whole.max()));
        close(merged.mean, whole.mean);
        close(merged.squares / 1e6, whole.squares / 1e6);
        for percent in [0.0, 25.0, 50.0, 99.0, 100.0] {
            assert_eq!(merged.percentile(percent), whole.percentile(percent), "{percent} of {split}");
        }
        // The pair across the split is not found.
        let pairs = if split == 0 || split == 500 { 499 } else { 498 };
        assert_eq!(merged.sound.as_ref().unwrap().arrivals, pairs);
    }
    let mut empty = Rtts::default();
    empty.merge(&Rtts::default());
    assert_eq!((empty.count, empty.mean(), empty.stddev()), (0, None, None));
}

#[test]
fn merged_jitter_is_weighted_by_pairs() {
    let mut merged = of(&[0, 160]); // one pair, jitter 10
    merged.merge(&of(&[0, 0, 0, 0])); // three pairs, jitter 0
    close(merged.sound.as_ref().unwrap().jitter, 2.5);
    let mut singles = of(&[5]);
    singles.merge(&of(&[6]));
    assert_eq!(singles.jitter(), None);
}

#[test]
fn summary_of_a_run_with_losses() {
    let mut rtts = Rtts::default();
    for time in [us(337), us(502), us(457)] {
        rtts.record(time);
    }
    let counts = Counts { sent: 5, replied: 3, timed_out: 2, ..Counts::default() };
    let expected = "\
=====
Summary:
=====
Packets Sent: 5
Packets Received: 3
MIN RTT: 0.337ms
MAX RTT: 0.502ms
AVG RTT: 0.432ms
Loss Rate: 40.000%
=====";
    assert_eq!(Summary { counts, rtts: &rtts }.to_string(), expected);
}

#[test]
fn summary_without_a_reply() {
    let counts = Counts { sent: 1, errored: 1, ..Counts::default() };
    let expected = "\
=====
Summary:
=====
No response received from server
Packets Sent: 1
Packets Received: 0
MIN RTT: NA
MAX RTT: NA
AVG RTT: NA
Loss Rate: 100.000%
=====";
    assert_eq!(Summary { counts, rtts: &Rtts::default() }.to_string(), expected);
}

#[test]
fn replies_that_are_wrong_or_late_are_no_silence() {
    let lost = Counts { sent: 2, timed_out: 2, ..Counts::default() };
    for (counts, words) in [
        (Counts { late: 1, ..lost }, "Replies came, but too late"),
        (Counts { truncated: 2, ..lost }, "Replies came, but truncated"),
        (Counts { corrupt: 2, ..lost }, "Replies came, but corrupt"),
        (Counts { unmatched: 2, ..lost }, "Replies came, but none repeats its message"),
        (Counts { late: 1, corrupt: 1, ..lost }, "Replies came, but none whole and in time"),
        (Counts { foreign: 2, ..lost }, "No response received from server"),
    ] {
        let summary = Summary { counts, rtts: &Rtts::default() }.to_string();
        assert!(summary.contains(&format!("\n{words}\nPackets Sent: 2\n")), "{summary}");
    }
}

#[test]
fn summary_with_nothing_settled() {
    let counts = Counts { sent: 1, ..Counts::default() };
    let expected = "\
=====
Summary:
=====
No response received from server
Packets Sent: 1
Packets Received: 0
MIN RTT: NA
MAX RTT: NA
AVG RTT: NA
Loss Rate: NA
Packets Pending: 1
=====";
    assert_eq!(Summary { counts, rtts: &Rtts::default() }.to_string(), expected);
}

#[test]
fn summary_with_every_further_line() {
    let mut rtts = Rtts::default();
    rtts.record(us(207_701));
    let counts = Counts {
        sent: 12,
        replied: 7,
        errored: 1,
        timed_out: 0,
        late: 2,
        duplicate: 3,
        reordered: 5,
        foreign: 6,
        truncated: 8,
        corrupt: 9,
        unmatched: 14,
        advisory: 10,
        stray_errors: 11,
        missed_slots: 13,
        ..Counts::default()
    };
    let expected = "\
=====
Summary:
=====
Packets Sent: 12
Packets Received: 7
MIN RTT: 207.701ms
MAX RTT: 207.701ms
AVG RTT: 207.701ms
Loss Rate: 12.500%
Packets Pending: 4
Late Replies: 2
Duplicate Replies: 3
Reordered Replies: 5
Foreign Packets: 6
Truncated Replies: 8
Corrupt Replies: 9
Unmatched Replies: 14
Stray ICMP Errors: 11
Advisory ICMP Messages: 10
Missed Slots: 13
=====";
    assert_eq!(Summary { counts, rtts: &rtts }.to_string(), expected);
}
