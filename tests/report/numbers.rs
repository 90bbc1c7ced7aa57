//! Numbers of a page: whole, and in agreement with each other and the rows.

use super::*;

#[test]
fn a_histogram_counts_whole_replies_and_quantiles_agree() {
    for times in [vec![10_020, 20_020, 35_020], vec![4_010; 8], (0..1594).map(|n| 3_000 + n * 7).collect()] {
        let mut rows = vec![RUN.to_string()];
        rows.extend(times.iter().enumerate().map(|(n, us)| probe(n as u64, "replied", Some(*us))));
        let sorted = {
            let mut sorted = times.clone();
            sorted.sort_unstable();
            sorted
        };
        let nearest = |share: f64| sorted[(share * sorted.len() as f64).ceil() as usize - 1] * 1000;
        let p90 = nearest(0.9);
        rows.push(SUMMARY.replace("\"reordered\":1", &format!("\"rtt\":{{\"p90_ns\":{p90}}}")));
        let page = page(&rows, "");
        let of = format!(
            " of {} replies, ",
            match times.len() {
                1594 => "1,594".to_string(),
                n => n.to_string(),
            }
        );
        let counts: Vec<usize> = page
            .match_indices(&of)
            .map(|(at, _)| page[..at].rsplit(' ').next().expect("a count").parse().expect("a count"))
            .collect();
        assert_eq!(counts.iter().sum::<usize>(), times.len(), "{counts:?}");
        let summary = page.split("<th>RTT p90</th><td>").nth(1).and_then(|rest| rest.split('<').next());
        let mark = page.split("90.0% of the replies took ").nth(1).and_then(|rest| rest.split(" or less").next());
        assert!(summary.is_some() && summary == mark, "{summary:?} {mark:?}");
        if times.len() == 3 {
            assert_eq!(summary, Some("35.0 ms"));
        }
    }
}

#[test]
fn bars_of_a_histogram_are_as_large_as_what_they_count() {
    for times in
        [(0..1594).map(|n| 3_000 + n * 7).collect::<Vec<_>>(), vec![1, 10, 11, 12, 5_000, 90_000], vec![4_010; 8]]
    {
        let mut rows = vec![RUN.to_string()];
        rows.extend(times.iter().enumerate().map(|(n, us)| probe(n as u64, "replied", Some(*us))));
        rows.push(SUMMARY.to_string());
        let page = page(&rows, "");
        let histogram =
            page.split("Histogram of the round-trip times").nth(1).and_then(|rest| rest.split("</figure>").next());
        let number = |bar: &str, name: &str| -> f64 {
            let value = bar.split(&format!(" {name}=\"")).nth(1).and_then(|rest| rest.split(['"', '%']).next());
            value.and_then(|value| value.parse().ok()).expect("a number")
        };
        let mut areas = Vec::new();
        for bar in histogram.expect("a histogram").split("<rect class=\"slot\"").skip(1) {
            let count = bar.split(" of ").next().and_then(|before| before.rsplit(' ').next()).expect("a count");
            let (wide, high) = (number(bar, "width"), number(bar, "height"));
            assert!((number(bar, "y") + high - 200.0).abs() < 0.11, "it stands on the axis: {bar}");
            // What is written is rounded.
            let rounded = 0.005 * high + 0.05 * wide;
            let count: f64 = count.replace(',', "").parse().expect("a count");
            areas.push(((wide * high - rounded) / count, (wide * high + rounded) / count));
        }
        let least = areas.iter().map(|(_, most)| *most).fold(f64::INFINITY, f64::min);
        assert!(areas.iter().all(|(low, _)| *low <= least * 1.001), "equal areas for each reply: {areas:?}");
    }
}

#[test]
fn an_error_is_the_cause_of_a_loss_unless_a_row_says_what_sent_it() {
    let error = r#""icmp":{"type":3,"code":3,"name":"Port Unreachable","offender":"127.0.0.1"}"#;
    let mut rows = vec![RUN.to_string()];
    rows.extend((0..3).map(|n| probe(n, "errored", None).replace("\"icmp\":null", error)));
    rows.push(probe(3, "errored", None).replace("\"error\":null", "\"error\":\"message too long\""));
    rows.push(
        r#"{"type":"cause","time_ns":9,"seq":2,"from":"0.0.0.0:1","to":"127.0.0.1:7","cause":"rejected by x.rhai:3","detail":null}"#
            .to_string(),
    );
    rows.push(SUMMARY.to_string());
    let page = page(&rows, "");
    assert!(!page.contains("the rows have no cause"));
    for (cause, count) in [("Port Unreachable from 127.0.0.1", 2), ("message too long", 1), ("rejected by x.rhai:3", 1)]
    {
        assert!(page.contains(&format!("<td class=\"long\">{cause}</td><td>{count}</td>")), "{cause}");
    }
}
