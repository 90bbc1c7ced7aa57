//! How round-trip times are distributed: a histogram, the cumulative distribution, and percentiles.

use std::fmt::Write;

use super::axis::{Axis, AxisUnit};
use super::plot::Plot;
use super::runs::ChartLine;
use super::spread::Spread;
use super::text::{count, percent, time, time_or_na};

/// The histogram has so many bars at most.
const MOST_BARS: usize = 48;

/// The height of both charts.
const HEIGHT: u32 = 200;

/// The percentiles of the table.
const SHARES: [f64; 9] = [0.0, 0.05, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 1.0];

/// Both charts and the table; nothing where there was no reply.
pub(super) fn section(lines: &[ChartLine<'_>]) -> String {
    let lines: Vec<&ChartLine<'_>> = lines.iter().filter(|line| line.series.rtts.count() > 0).collect();
    let ends = || lines.iter().map(|line| &line.series.rtts);
    let least = ends().filter_map(Spread::least).fold(f64::INFINITY, f64::min);
    let most = ends().filter_map(Spread::most).fold(0.0, f64::max);
    if lines.is_empty() {
        return "<p class=\"none\">There was no reply.</p>".to_string();
    }
    let x = Axis::log(AxisUnit::Time, least, most);
    format!(
        "<div class=\"pair\"><figure><figcaption>Histogram</figcaption>{}</figure>\
         <figure><figcaption>Cumulative distribution</figcaption>{}</figure></div>\n{}",
        histogram(&lines, x),
        cumulative(&lines, x),
        table(&lines)
    )
}

fn histogram(lines: &[&ChartLine<'_>], x: Axis) -> String {
    // A bar narrower than what is known of a time would show the buckets, not the times.
    let wide = (x.value(1.0) / x.value(0.0)).ln();
    let bars = ((wide / 0.04) as usize).clamp(4, MOST_BARS);
    let shares: Vec<Vec<f64>> = lines.iter().map(|line| shares(&line.series.rtts, x, bars)).collect();
    let most = shares.iter().flatten().copied().fold(0.0, f64::max);
    let mut plot = Plot::new(x, Axis::linear(AxisUnit::Share, 0.0, most * 1.05), HEIGHT, Vec::new());
    for (line, shares) in lines.iter().zip(&shares) {
        plot.add(&format!("<g class=\"{}\">", line.class()));
        let edge = |bar: usize| x.value(bar as f64 / bars as f64);
        let outline: Vec<(f64, f64)> =
            shares.iter().enumerate().flat_map(|(bar, share)| [(edge(bar), *share), (edge(bar + 1), *share)]).collect();
        let floor = [(edge(0), 0.0), (edge(bars), 0.0)];
        plot.curve("bars", &outline, Some(&floor));
        for (bar, share) in shares.iter().enumerate().filter(|(_, share)| **share > 0.0) {
            let (from, to) = (edge(bar), edge(bar + 1));
            let title = format!("{}{} to {}: {} of the replies", line.title(), time(from), time(to), percent(*share));
            plot.bar("slot", (from, to), (plot.level(*share), f64::from(HEIGHT)), &title);
        }
        plot.add("</g>\n");
    }
    plot.finish("Histogram of the round-trip times", 4)
}

/// The share of the times in each bar.
fn shares(rtts: &Spread, x: Axis, bars: usize) -> Vec<f64> {
    let mut shares = vec![0.0; bars];
    let all = rtts.count() as f64;
    for bucket in rtts.buckets() {
        let (low, high) = (x.at(bucket.low) * bars as f64, x.at(bucket.high) * bars as f64);
        let wide = high - low;
        let share = bucket.count as f64 / all;
        let (first, last) = ((low as usize).min(bars - 1), (high as usize).min(bars - 1));
        for (bar, sum) in shares.iter_mut().enumerate().take(last + 1).skip(first) {
            let within = (high.min(bar as f64 + 1.0) - low.max(bar as f64)).max(0.0);
            *sum += if first == last { share } else { share * within / wide };
        }
    }
    shares
}

fn cumulative(lines: &[&ChartLine<'_>], x: Axis) -> String {
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
    plot.finish("Cumulative distribution of the round-trip times", 4)
}

fn table(lines: &[&ChartLine<'_>]) -> String {
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
        let name = if lines.len() > 1 { line.label() } else { "RTT".to_string() };
        let _ = write!(html, "<tr><th>{name}</th><td>{}</td>", count(line.series.rtts.count()));
        for share in SHARES {
            let _ = write!(html, "<td>{}</td>", time_or_na(line.series.rtts.quantile(share)));
        }
        html += "</tr>";
    }
    html + "</tbody></table></div>\n"
}
