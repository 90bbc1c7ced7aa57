//! A ladder as SVG: light and dark by what the reader prefers, without a script, by itself or in a page.

use std::fmt::Write;

use super::round_trips::{Brace, braces};
use super::text::in_words;
use super::timeline::Timeline;
use super::{Arrow, ArrowEnd, Ladder};
use crate::net::time::Duration;
use crate::pictures::fit::{cut, cut_within};

/// More frames make no picture that anybody looks at.
pub const MOST: usize = 2_000;

/// How wide a character of a label is.
const CHARACTER: f64 = 6.65;
/// Where the first host is, from host to host, and beside the last.
const FIRST: f64 = 88.0;
const WAY: f64 = 282.0;
const RIGHT: f64 = 22.0;
/// Where the first row is, and how far rows are apart: at least, where one begins or ends; at most; and where time is folded.
const TOP: f64 = 84.0;
const DEPARTURE: f64 = 20.0;
const END: f64 = 13.0;
const MOST_APART: f64 = 64.0;
const FOLD: f64 = 48.0;
/// What follows on an end in its row leaves so much lower, and the cause of a loss takes as much.
const BELOW: f64 = 17.0;
/// How far rows are apart that follow each other as most do.
const USUAL: f64 = 26.0;

const STYLE: &str = "\
.ladder{--bg:#fff;--fg:#1f2328;--dim:#59636e;--host:#afb8c1;--sent:#0969da;--lost:#cf222e;--again:#9a6700;\
font:11px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;background:var(--bg)}\
@media(prefers-color-scheme:dark){.ladder{--bg:#0d1117;--fg:#e6edf3;--dim:#9198a1;--host:#3d444d;--sent:#58a6ff;--lost:#ff7b72;\
--again:#d29922}}\
.ladder text{fill:var(--fg);stroke:var(--bg);stroke-width:3px;paint-order:stroke;white-space:pre}\
.ladder .dim{fill:var(--dim)}.ladder .name{font-weight:600;font-size:13px}.ladder .head{font-weight:600;font-size:12px}\
.ladder line,.ladder path{stroke:var(--sent);fill:none;stroke-width:1.3}\
.ladder .host{stroke:var(--host);stroke-width:1}.ladder .brace{stroke:var(--dim);stroke-width:1}\
.ladder .lost line,.ladder .lost path{stroke:var(--lost)}.ladder .again line,.ladder .again path{stroke:var(--again)}\
.ladder .cause{fill:var(--lost)}.ladder .mark{fill:var(--again)}.ladder .seen line{stroke-dasharray:4 3}";

/// The ladder as a document of SVG.
pub fn draw(ladder: &Ladder) -> String {
    SvgDrawing::new(ladder).text()
}

/// Where a row is.
#[derive(Clone, Copy, Debug, Default)]
struct RowPlace {
    /// Of what ends in it, and of what leaves.
    ends: f64,
    departs: f64,
    /// The fold before it, where there is one.
    fold: Option<f64>,
}

#[derive(Debug)]
struct SvgDrawing<'a> {
    ladder: &'a Ladder,
    timeline: Timeline,
    places: Vec<RowPlace>,
    height: f64,
}

impl<'a> SvgDrawing<'a> {
    fn new(ladder: &'a Ladder) -> Self {
        let timeline = Timeline::of(ladder);
        let (mut places, mut y) = (Vec::with_capacity(timeline.moments.len()), TOP);
        let scale = USUAL / timeline.usual.max(1) as f64;
        for (row, moment) in timeline.moments.iter().enumerate() {
            let gap = row.checked_sub(1).map_or(0, |before| moment.time - timeline.moments[before].time);
            let least = if moment.departs.is_some() && moment.ends.is_empty() { DEPARTURE } else { END };
            let mut place = RowPlace::default();
            if row > 0 && moment.pause.is_some() {
                place.fold = Some(y + FOLD / 2.0 - 4.0);
                y += FOLD;
            } else if row > 0 {
                y += (gap as f64 * scale).clamp(least, MOST_APART);
            }
            place.ends = y;
            if moment.departs.is_some() && !moment.ends.is_empty() {
                y += BELOW;
            }
            place.departs = y;
            if timeline.says_cause(ladder, row) {
                y += BELOW;
            }
            places.push(place);
        }
        Self { ladder, timeline, places, height: y + 24.0 }
    }

    fn x(column: usize) -> f64 {
        FIRST + column as f64 * WAY
    }

    fn text(&self) -> String {
        let columns = &self.ladder.columns;
        let width = Self::x(columns.len().saturating_sub(1)).max(FIRST + WAY) + RIGHT;
        let caption = escaped(&self.ladder.caption());
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"ladder\" width=\"{width:.0}\" height=\"{0:.0}\" viewBox=\"0 0 {width:.0} {0:.0}\" \
             role=\"img\" aria-label=\"{caption}\">\n<title>{caption}</title>\n<style>{STYLE}</style>\n\
             <rect width=\"100%\" height=\"100%\" style=\"fill:var(--bg)\"/>\n",
            self.height
        );
        let counts = self.ladder.counts();
        let room = (((width - 12.0) / CHARACTER / 1.1) as usize).saturating_sub(counts.len() + 2);
        let head = escaped(&format!("{}: {counts}", cut(&self.ladder.title, room)));
        let _ = writeln!(svg, "<text class=\"head\" x=\"8\" y=\"18\">{head}</text>");
        for (index, column) in columns.iter().enumerate() {
            self.host(&mut svg, index, column);
        }
        for brace in braces(self.ladder, &self.timeline) {
            self.brace(&mut svg, brace);
        }
        // All lines come first, so that no line hides a label.
        for (index, arrow) in self.ladder.arrows.iter().enumerate() {
            self.arrow(&mut svg, index, arrow);
        }
        for (row, place) in self.places.iter().enumerate() {
            self.row(&mut svg, row, *place);
        }
        svg.push_str("</svg>\n");
        svg
    }

    fn host(&self, svg: &mut String, index: usize, column: &super::Column) {
        let x = Self::x(index);
        let room = (WAY / CHARACTER / 1.3) as usize;
        let is_last = index > 0 && index + 1 == self.ladder.columns.len();
        let (anchor, at) = match (index, is_last) {
            (0, _) => ("start", x - 4.0),
            (_, true) => ("end", x + 4.0),
            _ => ("middle", x),
        };
        let _ = writeln!(
            svg,
            "<line class=\"host\" x1=\"{x}\" y1=\"{:.0}\" x2=\"{x}\" y2=\"{:.1}\"/>",
            TOP - 22.0,
            self.height - 8.0
        );
        for (class, y, text) in [("name", 42, &column.name), ("dim", 56, &column.addresses)] {
            let text = escaped(&cut(text, room));
            let _ =
                writeln!(svg, "<text class=\"{class}\" x=\"{at}\" y=\"{y}\" text-anchor=\"{anchor}\">{text}</text>");
        }
    }

    fn brace(&self, svg: &mut String, brace: Brace) {
        let x = FIRST - 8.0 - 7.0 * (1 - brace.slot) as f64;
        let (top, bottom) = (self.places[brace.rows.0].departs + 1.0, self.places[brace.rows.1].ends - 1.0);
        let _ = writeln!(svg, "<path class=\"brace\" d=\"M{0} {top:.1}h-4V{bottom:.1}h4\"/>", x + 4.0);
    }

    /// The ends of an arrow's line.
    fn ends(&self, index: usize, arrow: &Arrow) -> [(f64, f64); 2] {
        let (departure, end) = self.timeline.rows[index];
        let (from, to) = (Self::x(arrow.from), Self::x(arrow.to));
        let start = (from, self.places[departure].departs);
        let (x, y) = match arrow.end {
            ArrowEnd::Lost { at_ingress: false, .. } => (from.midpoint(to), self.places[end].ends),
            ArrowEnd::Lost { .. } => (to + (from - to).signum() * 8.0, self.places[end].ends),
            ArrowEnd::Arrived(_) if end != departure => (to, self.places[end].ends),
            ArrowEnd::Arrived(_) | ArrowEnd::Unknown => (to, start.1),
        };
        [start, (x, y)]
    }

    fn arrow(&self, svg: &mut String, index: usize, arrow: &Arrow) {
        let [(x1, y1), (x2, y2)] = self.ends(index, arrow);
        let class = match (arrow.is_lost(), arrow.retransmission, arrow.end) {
            (true, ..) => "lost",
            (_, true, _) => "again",
            (.., ArrowEnd::Unknown) => "seen",
            _ => "sent",
        };
        let _ = writeln!(svg, "<g class=\"arrow {class}\"><title>{}</title>", escaped(&self.about(arrow)));
        if arrow.from == arrow.to {
            let _ = writeln!(svg, "<path d=\"M{x1} {:.1}h9v8h-9\"/>", y1 - 4.0);
        } else {
            let _ = writeln!(svg, "<line x1=\"{x1}\" y1=\"{y1:.1}\" x2=\"{x2}\" y2=\"{y2:.1}\"/>");
        }
        if arrow.is_lost() {
            let _ = writeln!(svg, "<path d=\"M{:.1} {:.1}l8 8m0 -8l-8 8\"/>", x2 - 4.0, y2 - 4.0);
        } else if arrow.from != arrow.to {
            let (back, length) = ((x1 - x2).signum(), (x1 - x2).hypot(y1 - y2));
            let (dx, dy) = ((x1 - x2) / length * 7.0, (y1 - y2) / length * 7.0);
            // The sides of the head are the line, turned a little.
            let side = |turn: f64| (x2 + dx - dy * turn, y2 + dy + dx * turn);
            let ((ax, ay), (bx, by)) = (side(0.45 * back), side(-0.45 * back));
            let _ = writeln!(svg, "<path d=\"M{ax:.1} {ay:.1}L{x2} {y2:.1}L{bx:.1} {by:.1}\"/>");
        }
        svg.push_str("</g>\n");
    }

    /// All that is known of an arrow, for who points at it.
    fn about(&self, arrow: &Arrow) -> String {
        let since = |time: i64| Duration::from_nanos(time - self.ladder.start).to_string();
        let name = |column: usize| self.ladder.columns.get(column).map_or("", |column| column.name.as_str());
        let mut text =
            format!("{} → {}: {}\nsent at {}", name(arrow.from), name(arrow.to), arrow.label, since(arrow.departure));
        match arrow.end {
            ArrowEnd::Arrived(time) => text.push_str(&format!(", arrived at {}", since(time))),
            ArrowEnd::Lost { time, .. } => text.push_str(&format!(", lost at {}", since(time))),
            ArrowEnd::Unknown => {}
        }
        if arrow.retransmission {
            text.push_str("\nretransmission");
        }
        arrow.cause.iter().for_each(|cause| text.push_str(&format!("\n{cause}")));
        text
    }

    /// The time of a row, and what is said of what leaves or ends in it.
    fn row(&self, svg: &mut String, row: usize, place: RowPlace) {
        let moment = &self.timeline.moments[row];
        if let Some(y) = place.fold {
            let text = in_words(moment.pause.unwrap_or(0));
            let _ = writeln!(
                svg,
                "<text class=\"dim\" x=\"{:.0}\" y=\"{:.1}\">⋮ {text} later</text>",
                FIRST - 2.5,
                y + 4.0
            );
        }
        let time = Duration::from_nanos(moment.time - self.ladder.start).as_secs_f64() * 1e3;
        let y = if moment.ends.is_empty() { place.departs } else { place.ends };
        let _ = writeln!(
            svg,
            "<text class=\"dim\" x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{time:.3}</text>",
            FIRST - 20.0,
            y + 4.0
        );
        if let Some(index) = moment.departs {
            self.label(svg, index, place.departs);
        } else if self.timeline.says_cause(self.ladder, row) {
            for arrow in moment.ends.iter().map(|&end| &self.ladder.arrows[end]) {
                if let Some(cause) = &arrow.cause {
                    let class = if arrow.is_lost() { "cause" } else { "mark" };
                    self.beside(svg, arrow, place.ends + 15.0, &[(class, cause.clone())]);
                }
            }
        }
    }

    fn label(&self, svg: &mut String, index: usize, y: f64) {
        let arrow = &self.ladder.arrows[index];
        let mut marks = Vec::new();
        if arrow.retransmission {
            marks.push(("mark", " retransmission".to_string()));
        }
        if let Some(rtt) = arrow.rtt {
            marks.push(("dim", format!(" rtt {rtt}")));
        }
        // Where something leaves in the row that it ends in, its cause has no place of its own.
        if let Some(cause) = &arrow.cause
            && !self.timeline.says_cause(self.ladder, self.timeline.rows[index].1)
        {
            marks.push((if arrow.is_lost() { "cause" } else { "mark" }, format!(" {cause}")));
        }
        let room = room(arrow);
        let behind: usize = marks.iter().map(|(_, text)| text.chars().count()).sum();
        let own = cut(&arrow.label, room.saturating_sub(behind).max(12));
        marks.insert(0, ("", own));
        self.beside(svg, arrow, y - 4.0, &marks);
    }

    /// Writes beside the line of the host that an arrow comes from, on the side that it leaves to.
    fn beside(&self, svg: &mut String, arrow: &Arrow, y: f64, parts: &[(&str, String)]) {
        let leftward = arrow.to < arrow.from;
        let (x, anchor) = match leftward {
            true => (Self::x(arrow.from) - 8.0, "end"),
            false => (Self::x(arrow.from) + if arrow.from == arrow.to { 16.0 } else { 8.0 }, "start"),
        };
        let mut left = room(arrow);
        let _ = write!(svg, "<text x=\"{x}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">");
        for (class, text) in parts {
            let text = cut_within(text, left);
            left = left.saturating_sub(text.chars().count());
            let _ = match *class {
                "" => write!(svg, "{}", escaped(&text)),
                class => write!(svg, "<tspan class=\"{class}\">{}</tspan>", escaped(&text)),
            };
        }
        svg.push_str("</text>\n");
    }
}

/// How many characters have room beside an arrow.
fn room(arrow: &Arrow) -> usize {
    let ways = arrow.from.abs_diff(arrow.to).max(1) as f64;
    ((ways * WAY - 14.0) / CHARACTER) as usize
}

/// As text of XML, within quotes too.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // What no document of XML may hold.
            c if c.is_control() && c != '\n' => escaped.push('\u{fffd}'),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}
