use super::*;

const SIZE: (usize, usize) = (80, 24);

/// A view of pings to these targets; `None` is a loss.
fn view(targets: &[(&str, &[Option<i64>])]) -> LiveView {
    let mut view = LiveView::default();
    for (target, (label, rtts)) in targets.iter().enumerate() {
        view.add_target(label.to_string());
        for (number, rtt) in (0..).zip(*rtts) {
            let rtt = rtt.map(Duration::from_micros);
            view.ping(&LivePing { target, sent: number as i64 * 1_000_000_000, number, rtt, is_lesser: false });
        }
    }
    view
}

fn shown(view: &LiveView, size: (usize, usize)) -> Vec<String> {
    let causes = [("dropped by x.rhai:3".to_string(), 1)];
    view.lines(&LiveFrame { title: "x.rhai", seconds: 12, causes: &causes, skipped: 0, size })
}

#[test]
fn one_target_has_a_chart_with_a_cross_for_each_loss() {
    let rtts: Vec<Option<i64>> = (0..30).map(|n| if n == 20 { None } else { Some(100 + n * 10) }).collect();
    let lines = shown(&view(&[("127.0.0.1:7", &rtts)]), SIZE);
    assert!(lines[0].starts_with("── x.rhai: 30 pings, 1 lost ─") && lines[0].ends_with("─ 12s ──"), "{lines:#?}");
    assert!(
        lines[1].starts_with("127.0.0.1:7  last 0.390  p50 0.240  p90 0.370  p99 0.390  max 0.390 ms"),
        "{lines:#?}"
    );
    assert!(lines[2].starts_with(" 0.390ms ┤") && lines[2].ends_with('█'), "{lines:#?}");
    let foot = &lines[lines.len() - 3];
    assert!(foot.starts_with(" 0.100ms ┤▁▃") && foot.chars().filter(|c| *c == '×').count() == 1, "{lines:#?}");
    assert_eq!(lines[lines.len() - 2], " lost 1 of 30: 3.3% [0.6%, 16.7%]");
    assert_eq!(lines[lines.len() - 1], " 1 dropped by x.rhai:3");
}

#[test]
fn what_says_most_is_shown_where_there_are_few_columns() {
    let rtts: Vec<Option<i64>> = (0..30).map(|n| if n == 20 { None } else { Some(100 + n * 10) }).collect();
    let mut view = view(&[("127.0.0.1:37818", &rtts)]);
    let causes = [("dropped by scripts/udp_server.rhai:14".to_string(), 1)];
    let frame = LiveFrame { title: "udp_ping.rhai", seconds: 12, causes: &causes, skipped: 0, size: (20, 24) };
    let lines = view.lines(&frame);
    assert_eq!(
        lines[..3],
        ["── 30 pings  12s ──", "127.0.0.1:37818", "p50 0.240 p99 0.390"].map(|line| line.to_string())
    );
    assert_eq!(lines[lines.len() - 2..], [" lost 1 of 30: 3.3%", " 1 droppe…r.rhai:14"].map(|line| line.to_string()));
    assert!(lines.iter().any(|line| line.contains('×')), "{lines:#?}");
    // The end of an address distinguishes it from others.
    (0..9).for_each(|n| view.add_target(format!("192.168.100.10{n}:7")));
    let lines = view.lines(&frame);
    assert!(lines.iter().any(|line| line.starts_with("19…2:7")), "{lines:#?}");
}

#[test]
fn many_targets_have_a_line_each_and_the_rest_is_counted() {
    let labels: Vec<String> = (1..=30).map(|n| format!("10.0.0.{n}:7")).collect();
    let targets: Vec<(&str, &[Option<i64>])> =
        labels.iter().map(|label| (label.as_str(), &[Some(50), None, Some(70)][..])).collect();
    let lines = shown(&view(&targets), SIZE);
    assert_eq!(lines[1], "10.0.0.1:7  p50   0.050ms  lost 1     p99   0.070ms ▁×█");
    assert!(lines.iter().any(|line| line.starts_with(" … and 2")), "{lines:#?}");
    assert!(lines.len() <= 12, "{lines:#?}");
}

#[test]
fn fast_pings_share_columns_and_memory_is_bounded() {
    let mut view = view(&[("a", &[])]);
    for number in 0..100_000 {
        let rtt = Some(Duration::from_micros(100 + number as i64 % 50));
        let ping = LivePing { target: 0, sent: number as i64 * 1_000_000, number, rtt, is_lesser: false };
        view.ping(&ping);
        view.sample(0, Some(1.0));
    }
    assert_eq!((view.targets[0].pings.len(), view.targets[0].per_column()), (KEPT, 50));
    assert_eq!(view.targets[0].settled(), 100_000);
    let lines = shown(&view, SIZE);
    assert!(lines.iter().any(|line| line.contains("median of 50, ")), "{lines:#?}");
}

#[test]
fn pings_that_end_late_stand_where_they_were_sent() {
    let mut view = view(&[("a", &[])]);
    for (number, rtt) in [(1, Some(1)), (3, Some(3)), (2, None)] {
        let rtt = rtt.map(Duration::from_micros);
        view.ping(&LivePing { target: 0, sent: number as i64, number, rtt, is_lesser: false });
    }
    let order: Vec<i64> = view.targets[0].pings.iter().map(|(sent, _)| *sent).collect();
    assert_eq!(order, [1, 2, 3]);
}

#[test]
fn samples_have_a_line_with_their_ends() {
    let mut view = LiveView::default();
    view.add_sample("queue".to_string());
    (0..=100).for_each(|n| view.sample(0, Some(f64::from(n))));
    view.sample(0, None);
    let lines = shown(&view, SIZE);
    assert!(lines[2].starts_with("queue NA") && lines[2].ends_with(" 0 to 100"), "{lines:#?}");
}

#[test]
fn samples_have_what_room_there_is_and_the_rest_is_counted() {
    let mut view = LiveView::default();
    for number in 0..20 {
        view.add_sample(format!("value{number}"));
        view.sample(number, Some(1.0));
    }
    for (height, shown_values) in [(24, 9), (8, 2), (100, 17)] {
        let lines = shown(&view, (80, height));
        assert_eq!(lines.iter().filter(|line| line.starts_with("value")).count(), shown_values, "{lines:#?}");
        let rest = format!(" … and {} more samples", 20 - shown_values);
        assert_eq!(lines.last(), Some(&rest), "{lines:#?}");
    }
}

#[test]
fn any_size_is_survived_and_no_line_reaches_the_edge() {
    let view = view(&[("a target with a long name 漢字", &[Some(5), None, Some(5_000_000)]), ("", &[])]);
    for width in 0..100 {
        for height in 0..40 {
            let lines = shown(&view, (width, height));
            assert!(lines.len() < height.max(1), "{width}x{height}: {lines:#?}");
            assert!(lines.iter().all(|line| line.width() < width), "{width}x{height}: {lines:#?}");
        }
    }
    assert!(shown(&LiveView::default(), SIZE).len() >= 2);
}
