//! A chart as SVG that is as wide as the page is: places along it are percentages, so that text and marks keep their size.

use std::fmt::Write;

use super::axis::Axis;
use super::text::Shown;

/// The width of the labels on the left.
const LEFT: u32 = 64;

/// The height of a strip beneath a chart, such as that of losses.
const STRIP: f64 = 22.0;

/// Between the area and the first strip.
const ROOM: f64 = 8.0;

/// The height of the labels beneath.
const FOOT: f64 = 24.0;

/// Curves are drawn in a box so wide, which is stretched to the page.
const BOX: f64 = 1000.0;

/// A chart.
#[derive(Debug)]
pub(super) struct Plot {
    x: Axis,
    y: Axis,
    height: f64,
    /// The class and the name of each strip.
    strips: Vec<(String, &'static str)>,
    body: String,
}

impl Plot {
    /// An empty one whose area is `height` pixels high, with strips beneath it of these classes and names.
    pub(super) fn new(x: Axis, y: Axis, height: u32, strips: Vec<(String, &'static str)>) -> Self {
        Self { x, y, height: f64::from(height), strips, body: String::new() }
    }

    /// The place of a value along the chart.
    pub(super) fn along(&self, x: f64) -> String {
        format!("{:.2}%", self.x.at(x) * 100.0)
    }

    /// The height of a value.
    pub(super) fn level(&self, y: f64) -> f64 {
        ((1.0 - self.y.at(y)) * self.height * 10.0).round() / 10.0
    }

    /// The middle of a strip.
    pub(super) fn strip(&self, number: usize) -> f64 {
        self.height + ROOM + STRIP * (number as f64 + 0.5)
    }

    /// Adds what is SVG already.
    pub(super) fn add(&mut self, svg: &str) {
        self.body += svg;
    }

    /// Adds the mark `kind` of the page's symbols; `title` is shown where it is pointed at.
    pub(super) fn mark(&mut self, kind: &str, x: f64, level: f64, title: &str) {
        let along = self.along(x);
        let _ = writeln!(
            self.body,
            "<use href=\"#m-{kind}\" class=\"m {kind}\" x=\"{along}\" y=\"{level}\"><title>{}</title></use>",
            Shown(title)
        );
    }

    /// Adds an upright bar from `from` to `to` along the chart.
    pub(super) fn bar(&mut self, class: &str, (from, to): (f64, f64), (top, bottom): (f64, f64), title: &str) {
        let (left, right) = (self.x.at(from) * 100.0, self.x.at(to) * 100.0);
        let _ = writeln!(
            self.body,
            "<rect class=\"{class}\" x=\"{left:.2}%\" width=\"{:.2}%\" y=\"{top:.1}\" height=\"{:.1}\"><title>{}</title></rect>",
            (right - left).max(0.0),
            (bottom - top).max(0.0),
            Shown(title)
        );
    }

    /// Adds a curve through these points; with `below`, the area from there back along those.
    pub(super) fn curve(&mut self, class: &str, above: &[(f64, f64)], below: Option<&[(f64, f64)]>) {
        if above.is_empty() {
            return;
        }
        let mut path = String::new();
        let back = below.unwrap_or_default().iter().rev();
        for (number, (x, y)) in above.iter().chain(back).enumerate() {
            let word = if number == 0 { 'M' } else { 'L' };
            let _ = write!(path, "{word}{:.1} {:.1}", self.x.at(*x) * BOX, self.level(*y));
        }
        if below.is_some() {
            path.push('Z');
        }
        let _ = writeln!(
            self.body,
            "<svg x=\"0\" y=\"0\" width=\"100%\" height=\"{0}\" viewBox=\"0 0 {BOX} {0}\" preserveAspectRatio=\"none\">\
             <path class=\"{class}\" vector-effect=\"non-scaling-stroke\" d=\"{path}\"/></svg>",
            self.height
        );
    }

    /// The whole of it for a page; `label` says what it shows to those who do not see it. At most so many places along it are
    /// labelled.
    pub(super) fn finish(self, label: &str, most: usize) -> String {
        let (left, area, whole) = self.halves(most);
        format!(
            "<div class=\"chart\"><svg class=\"left\" width=\"{LEFT}\" height=\"{whole}\" aria-hidden=\"true\">{left}</svg>\
             <svg class=\"area\" height=\"{whole}\" role=\"img\" aria-label=\"{}\">{area}</svg></div>\n",
            Shown(label)
        )
    }

    /// The whole of it as a part of a picture of this width, `top` pixels from above; and where it ends.
    pub(super) fn place(self, width: f64, top: f64, most: usize) -> (String, f64) {
        let (left, area, whole) = self.halves(most);
        let svg = format!(
            "<svg class=\"left\" y=\"{top}\" width=\"{LEFT}\" height=\"{whole}\" overflow=\"visible\">{left}</svg>\
             <svg x=\"{LEFT}\" y=\"{top}\" width=\"{}\" height=\"{whole}\" overflow=\"visible\">{area}</svg>\n",
            width - f64::from(LEFT) - 12.0
        );
        (svg, top + whole)
    }

    /// The labels on the left, the rest, and the height of both.
    fn halves(self, most: usize) -> (String, String, f64) {
        let foot = self.height + if self.strips.is_empty() { 0.0 } else { ROOM + STRIP * self.strips.len() as f64 };
        let whole = foot + FOOT;
        let mut left = String::new();
        let mut grid = String::new();
        for (value, text) in self.y.ticks((self.height / 44.0) as usize) {
            let level = self.level(value);
            let _ = write!(left, "<text x=\"{}\" y=\"{:.1}\">{}</text>", LEFT - 8, level + 4.0, Shown(text));
            let _ = write!(grid, "<line class=\"grid\" x1=\"0\" x2=\"100%\" y1=\"{level}\" y2=\"{level}\"/>");
        }
        for (number, (class, name)) in self.strips.iter().enumerate() {
            let middle = self.strip(number);
            let top = middle - STRIP / 2.0;
            let own = if class.is_empty() { String::new() } else { format!(" class=\"of-line {class}\"") };
            let _ = write!(left, "<text{own} x=\"{}\" y=\"{:.1}\">{name}</text>", LEFT - 8, middle + 4.0);
            let _ = write!(
                grid,
                "<rect class=\"strip\" x=\"0\" width=\"100%\" y=\"{}\" height=\"{}\"/>",
                top + 1.0,
                STRIP - 2.0
            );
        }
        for (value, text) in self.x.ticks(most) {
            let (along, place) = (self.along(value), self.x.at(value));
            // At the ends a label stays within the chart.
            let anchor = match place {
                p if p < 0.04 => "start",
                p if p > 0.96 => "end",
                _ => "middle",
            };
            let _ = write!(grid, "<line class=\"grid\" x1=\"{along}\" x2=\"{along}\" y1=\"0\" y2=\"{foot}\"/>");
            let _ = write!(
                grid,
                "<text class=\"x\" text-anchor=\"{anchor}\" x=\"{along}\" y=\"{:.1}\">{}</text>",
                foot + 17.0,
                Shown(text)
            );
        }
        (left, format!("{grid}\n{}", self.body), whole)
    }
}
