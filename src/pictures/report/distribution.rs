//! How round-trip times are distributed: a histogram, the cumulative distribution, and percentiles.

use std::fmt::Write;

use super::axis::{Axis, AxisUnit};
use super::plot::Plot;
use super::runs::{self, ChartLine};
use super::spread::{Spread, bucket_of};
use super::text::{count, percent, time, time_or_na};

/// The histogram has so many bars at most.
const MOST_BARS: usize = 48;

/// The height of both charts.
const HEIGHT: u32 = 200;

/// The percentiles of the table.
const SHARES: [f64; 9] = [0.0, 0.05, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 1.0];

/// Both charts and the table; nothing where there was no reply.
pub(super) fn section(lines: &[ChartLine<'_>]) -> String {
    let lines: Vec<ChartLine<'_>> = lines.iter().filter(|line| line.series.rtts.count() > 0).copied().collect();
    let ends = || lines.iter().map(|line| &line.series.rtts);
    let least = ends().filter_map(Spread::least).fold(f64::INFINITY, f64::min);
    let most = ends().filter_map(Spread::most).fold(0.0, f64::max);
    if lines.is_empty() {
        return "<p class=\"none\">There was no reply.</p>".to_string();
    }
    let x = Axis::log(AxisUnit::Time, least, most);
    format!(
        "<div class=\"pair\"><figure><figcaption>Histogram</figcaption>{}</figure>\
         <figure><figcaption>Cumulative distribution</figcaption>{}</figure></div>\n{}{}",
        histogram(&lines, x),
        cumulative(&lines, x),
        runs::key_list(&lines),
        table(&lines)
    )
}

fn histogram(lines: &[ChartLine<'_>], x: Axis) -> String {
    // A bar narrower than what is known of a time would show the buckets, not the times.
    let wide = (x.value(1.0) / x.value(0.0)).ln();
    let bars = ((wide / 0.04) as usize).clamp(4, MOST_BARS);
    let edges = edges(x, bars);
    let counts: Vec<Vec<u64>> = lines.iter().map(|line| counts(&line.series.rtts, &edges)).collect();
    let share = |line: &ChartLine<'_>, count: u64| count as f64 / line.series.rtts.count() as f64;
    // Bars end where buckets do, so that they are not equally wide: one is as high as if it had the mean width.
    let mean = wide / (edges.len() - 1) as f64;
    let height = |share: f64, (from, to): (f64, f64)| share * mean / (to / from).ln();
    let heights = lines.iter().zip(&counts).flat_map(|(line, counts)| {
        let bars = edges.windows(2).zip(counts);
        bars.map(|(ends, count)| height(share(line, *count), (ends[0], ends[1])))
    });
    let most = heights.fold(0.0, f64::max);
    let mut plot = Plot::new(x, Axis::linear(AxisUnit::Share, 0.0, most * 1.05), HEIGHT, Vec::new());
    for (line, counts) in lines.iter().zip(&counts) {
        plot.add(&format!("<g class=\"{}\">", line.class()));
        let bars = || edges.windows(2).zip(counts).map(|(ends, count)| (ends[0], ends[1], *count));
        let corners = |(from, to, count)| {
            let height = height(share(line, count), (from, to));
            [(from, height), (to, height)]
        };
        let outline: Vec<(f64, f64)> = bars().flat_map(corners).collect();
        let floor = [(edges[0], 0.0), (edges[edges.len() - 1], 0.0)];
        plot.curve("bars", &outline, Some(&floor));
        for (from, to, number) in bars().filter(|(.., number)| *number > 0) {
            let (share, replies) = (share(line, number), count(number));
            let of = count(line.series.rtts.count());
            let ends = format!("{}{} to {}", line.title(), time(from), time(to));
            let title = format!("{ends}: {replies} of {of} replies, {}", percent(share));
            plot.bar("slot", (from, to), (plot.level(height(share, (from, to))), f64::from(HEIGHT)), &title);
        }
        plot.add("</g>\n");
    }
    plot.finish("Histogram of the round-trip times", 5)
}

/// The edges of the bars: those of buckets, so that each reply is in one bar.
fn edges(x: Axis, bars: usize) -> Vec<f64> {
    let mut edges: Vec<f64> = (0..bars).map(|bar| bucket_of(x.value(bar as f64 / bars as f64)).0).collect();
    edges.push(bucket_of(x.value(1.0)).1);
    edges.dedup();
    edges
}

/// How many of the times are in each bar.
fn counts(rtts: &Spread, edges: &[f64]) -> Vec<u64> {
    let mut counts = vec![0; edges.len().saturating_sub(1)];
    for bucket in rtts.buckets() {
        let bar = edges.partition_point(|edge| *edge <= bucket.low).saturating_sub(1);
        if let Some(count) = counts.get_mut(bar) {
            *count += bucket.count;
        }
    }
    counts
}

fn cumulative(lines: &[ChartLine<'_>], x: Axis) -> String {
    let mut plot = Plot::new(x, Axis::linear(AxisUnit::Share, 0.0, 1.0), HEIGHT, Vec::new());
    for line in lines {
        let rtts = &line.series.rtts;
        plot.add(&format!("<g class=\"{}\">", line.class()));
        let (mut points, mut below) = (vec![(x.value(0.0), 0.0)], 0);
        for bucket in rtts.buckets() {
            let at = bucket.low.max(rtts.least().unwrap_or_default());
            points.push((at, below as f64 / rtts.count() as f64));
            below += bucket.count;
            points.push((bucket.high.min(rtts.most().unwrap_or_default()), below as f64 / rtts.count() as f64));
        }
        points.push((x.value(1.0), 1.0));
        plot.curve("median", &points, None);
        for share in [0.5, 0.9, 0.99] {
            if let Some(value) = rtts.quantile(share) {
                let title = format!("{}{} of the replies took {} or less", line.title(), percent(share), time(value));
                plot.mark("reply", value, plot.level(share), &title);
            }
        }
        plot.add("</g>\n");
    }
    plot.finish("Cumulative distribution of the round-trip times", 5)
}

fn table(lines: &[ChartLine<'_>]) -> String {
    let mut html = String::from("<div class=\"wide\"><table><thead><tr><th></th><th>replies</th>");
    for share in SHARES {
        let name = match share {
            0.0 => "least".to_string(),
            0.5 => "median".to_string(),
            1.0 => "most".to_string(),
            share => format!("p{}", (share * 1000.0).round() / 10.0),
        };
        let _ = write!(html, "<th>{name}</th>");
    }
    html += "</tr></thead><tbody>";
    for line in lines {
        let name = if line.is_alone() { "RTT".to_string() } else { line.label() };
        let _ = write!(html, "<tr><th>{name}</th><td>{}</td>", count(line.series.rtts.count()));
        for share in SHARES {
            let _ = write!(html, "<td>{}</td>", time_or_na(line.series.rtts.quantile(share)));
        }
        html += "</tr>";
    }
    html + "</tbody></table></div>\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reply_is_in_one_bar() {
        for times in [&[0, 1, 2][..], &[7; 8], &[3_990_000, 4_000_000, 4_010_000], &[900, 4_000_000, 2_000_000_000]] {
            let mut rtts = Spread::default();
            times.iter().for_each(|ns| rtts.add(*ns));
            let x = Axis::log(AxisUnit::Time, rtts.least().expect("some"), rtts.most().expect("some"));
            for bars in [4, 7, MOST_BARS] {
                let edges = edges(x, bars);
                let within =
                    |ends: &[f64]| times.iter().filter(|ns| (ends[0]..ends[1]).contains(&(**ns as f64))).count() as u64;
                let expected: Vec<u64> = edges.windows(2).map(within).collect();
                assert_eq!(counts(&rtts, &edges), expected, "{times:?} {bars}");
                assert_eq!(expected.iter().sum::<u64>(), rtts.count(), "{times:?} {bars}");
            }
        }
    }
}
