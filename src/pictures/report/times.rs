//! Round-trip times over time: each ping while they are few, and a smoke chart of quantiles where they are many.

use std::fmt::Write;

use super::axis::{Axis, AxisUnit};
use super::plot::Plot;
use super::runs::{self, ChartLine, STYLES};
use super::series::{Dot, ExtraKind, MOST_DOTS, State};
use super::slots::TimeSlot;
use super::text::{count, moment, percent, time};

/// With so many pings or more a line between them shows nothing.
const MOST_JOINED: usize = 400;

/// The bands of a smoke chart: between which shares of the replies each lies.
const BANDS: [(f64, f64); 3] = [(0.0, 1.0), (0.1, 0.9), (0.25, 0.75)];

/// The width of the chart as a picture.
const WIDTH: f64 = 860.0;

/// The chart as a part of a picture, its marks explained above, and how wide and high it is.
pub(super) fn picture(lines: &[ChartLine<'_>]) -> (String, f64, f64) {
    let mut top = String::new();
    let names = lines.iter().filter(|line| !line.is_alone()).map(|line| (line.class(), "", line.label()));
    let kinds = kinds(lines).into_iter().filter(|(.., number)| *number > 0);
    let class = class_of_keys(lines);
    let marks = kinds.map(|(kind, words, number)| (class.to_string(), kind, format!("{words} {}", count(number))));
    let words = smoke_in_words(lines).map(|words| ("s0".to_string(), "-", words.to_string()));
    let (mut x, mut y) = (70.0, 18.0);
    for (class, kind, text) in names.chain(marks).chain(words) {
        let wide = 36.0 + 7.0 * text.chars().count() as f64;
        if x > 70.0 && x + wide > WIDTH {
            (x, y) = (70.0, y + 20.0);
        }
        let mark = match kind {
            "-" => String::new(),
            "" => format!("<line class=\"sample\" x1=\"{}\" x2=\"{}\" y1=\"{y}\" y2=\"{y}\"/>", x - 8.0, x + 8.0),
            kind => format!("<use href=\"#m-{kind}\" class=\"{kind}\" x=\"{x}\" y=\"{y}\"/>"),
        };
        let _ = write!(top, "<g class=\"{class}\">{mark}<text x=\"{}\" y=\"{}\">{text}</text></g>", x + 14.0, y + 4.0);
        x += wide;
    }
    let (chart, end) = draw(lines).place(WIDTH, y + 22.0, 8);
    (top + chart.as_str(), WIDTH, end)
}

/// The chart; nothing where no ping was sent.
pub(super) fn section(lines: &[ChartLine<'_>]) -> String {
    let sent: u64 = lines.iter().map(|line| line.series.tally.sent()).sum();
    if sent == 0 {
        return "<p class=\"none\">No pings were sent.</p>".to_string();
    }
    draw(lines).finish("Round-trip times over the time of the run", 6) + keys(lines).as_str()
}

fn draw(lines: &[ChartLine<'_>]) -> Plot {
    let extras = lines.iter().any(|line| line.series.tally.late + line.series.tally.duplicate > 0);
    // Each line has a strip for its losses, unless they are too many to be distinguished.
    let lanes = if lines.len() <= STYLES { lines.len() } else { 1 };
    let lane_class = |lane: usize| if lanes > 1 { lines[lane].class() } else { String::new() };
    let mut strips: Vec<(String, &str)> = (0..lanes).map(|lane| (lane_class(lane), "lost")).collect();
    strips.extend(extras.then(|| (String::new(), "extra")));
    let last = lines.iter().map(|line| line.series.last).max().unwrap_or_default();
    let mut plot = Plot::new(Axis::linear(AxisUnit::Time, 0.0, last as f64), heights(lines), 264, strips);
    for (number, line) in lines.iter().enumerate() {
        let class = line.class();
        plot.add(&format!("<g class=\"{class}\">"));
        let strips = [number % lanes, lanes].map(|strip| plot.strip(strip));
        match has_dots(lines, line) {
            true => draw_dots(&mut plot, line, strips),
            false => draw_smoke(&mut plot, line, strips, lines.len() > 1),
        }
        plot.add("</g>\n");
    }
    plot
}

/// The axis of round-trip times: logarithmic where a few are far above the others.
fn heights(lines: &[ChartLine<'_>]) -> Axis {
    let rtts = || lines.iter().map(|line| &line.series.rtts);
    let most = rtts().filter_map(|rtts| rtts.most()).fold(0.0, f64::max);
    let least = rtts().filter_map(|rtts| rtts.least()).fold(f64::INFINITY, f64::min);
    let typical = rtts().filter_map(|rtts| rtts.quantile(0.5)).fold(f64::INFINITY, f64::min);
    match most > 12.0 * typical {
        true => Axis::log(AxisUnit::Time, least, most),
        false => Axis::linear(AxisUnit::Time, 0.0, if most > 0.0 { most * 1.08 } else { 1e6 }),
    }
}

/// Draws a mark for each ping, and those of what was lost and what came besides in the strips with these middles.
fn draw_dots(plot: &mut Plot, line: &ChartLine<'_>, [lost, extra]: [f64; 2]) {
    let mut dots: Vec<&Dot> = line.series.dots.iter().flatten().collect();
    dots.sort_by_key(|dot| dot.at);
    let name = |dot: &Dot| format!("{}ping {} at {}", line.title(), dot.seq, moment(dot.at));
    if dots.len() < MOST_JOINED {
        // A loss interrupts the line, and so does a pause.
        let longest = 8 * typical_gap(&dots);
        for run in dots.chunk_by(|one, next| next.state == State::Replied && next.at - one.at <= longest) {
            let points: Vec<_> = run.iter().filter_map(|dot| dot_place(dot)).collect();
            plot.curve("joined", if points.len() > 1 { &points } else { &[] }, None);
        }
    }
    for dot in dots {
        let at = dot.at as f64;
        match (dot.state, dot.rtt) {
            (State::Replied, Some(rtt)) => {
                let (kind, note) = if dot.reordered { ("reordered", ", reordered") } else { ("reply", "") };
                let level = plot.level(rtt as f64);
                plot.mark(kind, at, level, &format!("{}: {}{note}", name(dot), time(rtt as f64)));
            }
            (State::Pending, _) => plot.mark("pending", at, lost, &format!("{}: still pending at the end", name(dot))),
            (state, _) => {
                let how = if state == State::TimedOut { "timed out" } else { "error" };
                let why = dot.why.as_ref().map_or(String::new(), |why| format!("\n{why}"));
                plot.mark("lost", at, lost, &format!("{}: lost, {how}{why}", name(dot)));
            }
        }
    }
    for stray in &line.series.extras {
        let seq = stray.seq.map_or(String::new(), |seq| format!(" to ping {seq}"));
        let after = stray.after.map_or(String::new(), |after| format!(", {} after it was sent", time(after as f64)));
        let title = format!("{}{} reply{seq} at {}{after}", line.title(), stray.kind.word(), moment(stray.at));
        plot.mark(stray.kind.word(), stray.at as f64, extra, &title);
    }
}

/// Where the reply to a ping stands.
fn dot_place(dot: &Dot) -> Option<(f64, f64)> {
    Some((dot.at as f64, dot.rtt.filter(|_| dot.state == State::Replied)? as f64))
}

/// How long after a ping the next is sent, as a rule.
fn typical_gap(dots: &[&Dot]) -> i64 {
    let mut gaps: Vec<i64> = dots.windows(2).map(|pair| pair[1].at - pair[0].at).collect();
    gaps.sort_unstable();
    gaps.get(gaps.len() / 2).copied().unwrap_or_default().max(1)
}

fn draw_smoke(plot: &mut Plot, line: &ChartLine<'_>, [lost, extra]: [f64; 2], is_one_of_many: bool) {
    let slots: Vec<(i64, i64, &TimeSlot)> = line.series.slots.used().collect();
    let quantile = |share: f64| -> Vec<Vec<(f64, f64)>> {
        // A slot without a reply interrupts the curve.
        let value = |(begin, end, slot): &(i64, i64, &TimeSlot)| {
            slot.rtts.quantile(share).map(|value| [(*begin as f64, value), (*end as f64, value)])
        };
        slots.split(|slot| value(slot).is_none()).map(|run| run.iter().filter_map(value).flatten().collect()).collect()
    };
    // Over each other, only the innermost.
    let bands = if is_one_of_many { &BANDS[2..] } else { &BANDS[..] };
    for (low, high) in bands {
        for (above, below) in quantile(*high).iter().zip(&quantile(*low)) {
            plot.curve("band", above, Some(below));
        }
    }
    quantile(0.5).iter().for_each(|run| plot.curve("median", run, None));
    let foot = plot.strip(0) - 11.0;
    for (begin, end, slot) in slots {
        let title = slot_title(&line.title(), [begin, end], slot);
        let along = (begin as f64, end as f64);
        let share = slot.lost as f64 / slot.sent.max(1) as f64;
        if slot.lost > 0 {
            // By its square root: a loss of 1% is seen beside one of 100%.
            let top = lost + 9.0 - 18.0 * share.sqrt();
            plot.bar("slot-lost", along, (top, lost + 9.0), &format!("{title}\nloss {}", percent(share)));
        }
        if slot.late + slot.duplicate > 0 {
            plot.bar("slot-extra", along, (extra - 9.0, extra + 9.0), &title);
        }
        plot.bar("slot", along, (0.0, foot), &title);
    }
}

/// What the pings of a slot met, in words.
fn slot_title(line: &str, [begin, end]: [i64; 2], slot: &TimeSlot) -> String {
    let (sent, lost) = (count(slot.sent), count(slot.lost));
    let mut title = format!("{line}{} to {}: {sent} sent, {lost} lost", moment(begin), moment(end));
    for (number, word) in
        [(slot.pending, "pending"), (slot.reordered, "reordered"), (slot.late, "late"), (slot.duplicate, "duplicate")]
    {
        if number > 0 {
            let _ = write!(title, ", {} {word}", count(number));
        }
    }
    let at = |share: f64| slot.rtts.quantile(share).map_or_else(|| "NA".to_string(), time);
    let _ = write!(title, "\nround trips: least {}, median {}, p90 {}, most {}", at(0.0), at(0.5), at(0.9), at(1.0));
    title
}

/// What the marks mean, and how many of each there are.
fn keys(lines: &[ChartLine<'_>]) -> String {
    let mut html = format!("<ul class=\"keys\">{}", runs::keys(lines));
    for (kind, words, number) in kinds(lines).into_iter().filter(|(.., number)| *number > 0) {
        let _ = write!(
            html,
            "<li class=\"{}\"><svg width=\"14\" height=\"12\"><use href=\"#m-{kind}\" class=\"{kind}\" x=\"7\" y=\"6\"/></svg> {words} {}</li>",
            class_of_keys(lines),
            count(number)
        );
    }
    html += &smoke_in_words(lines).map_or(String::new(), |words| format!("<li>{words}</li>"));
    html += if heights(lines).is_log { "<li>logarithmic</li>" } else { "" };
    html + "</ul>\n"
}

/// What gives marks their colour in the explanation: that of their line, or none of several.
fn class_of_keys(lines: &[ChartLine<'_>]) -> &'static str {
    if lines.iter().any(ChartLine::is_alone) { "s0 alone" } else { "all" }
}

/// What a smoke chart is made of, where there is one.
fn smoke_in_words(lines: &[ChartLine<'_>]) -> Option<&'static str> {
    (!lines.iter().all(|line| has_dots(lines, line))).then_some(match lines.len() {
        1 => "line: median; bands: the middle half, the middle 80%, and all replies of each moment; bars: losses",
        _ => "line: median; band: the middle half of each moment; bars: losses",
    })
}

/// Whether each ping of a line has a mark.
fn has_dots(lines: &[ChartLine<'_>], line: &ChartLine<'_>) -> bool {
    let dots: usize = lines.iter().filter_map(|line| line.series.dots.as_ref()).map(Vec::len).sum();
    line.series.dots.is_some() && dots <= 2 * MOST_DOTS
}

/// The kinds of marks: each with its meaning and how many there are.
fn kinds(lines: &[ChartLine<'_>]) -> [(&'static str, &'static str, u64); 6] {
    let total = |of: fn(&ChartLine<'_>) -> u64| lines.iter().map(of).sum::<u64>();
    [
        ("reply", "replied", total(|line| line.series.tally.replied - line.series.tally.reordered)),
        ("reordered", "replied, reordered", total(|line| line.series.tally.reordered)),
        ("lost", "lost", total(|line| line.series.tally.lost())),
        ("pending", "pending", total(|line| line.series.tally.pending)),
        (ExtraKind::Late.word(), "late", total(|line| line.series.tally.late)),
        (ExtraKind::Duplicate.word(), "duplicate", total(|line| line.series.tally.duplicate)),
    ]
}
