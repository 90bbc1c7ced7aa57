//! Labs: their hosts with addresses, and the links between them.

use std::collections::VecDeque;
use std::fmt::Write;

use super::cells::PolicyCells;
use super::record::RunRecord;
use super::text::{Shown, round_time};
use crate::net::observe::event::{MadeHost, MadeLink};

/// A host's box.
const WIDE: f64 = 150.0;
/// A line of text in it.
const LINE: f64 = 16.0;
/// Between two columns of boxes, with and without words on the links.
const GAP: f64 = 130.0;
const BARE_GAP: f64 = 48.0;
/// Between two boxes of a column.
const ABOVE: f64 = 34.0;

/// So many addresses of a host are shown.
const MOST_ADDRS: usize = 4;

/// The labs of each run; nothing where there are none.
pub(super) fn section(runs: &[RunRecord]) -> String {
    let mut html = String::new();
    for run in runs {
        let mut labs: Vec<u32> = run.hosts.iter().map(|host| host.lab).collect();
        labs.sort_unstable();
        labs.dedup();
        for lab in labs {
            let hosts: Vec<&MadeHost> = run.hosts.iter().filter(|host| host.lab == lab).collect();
            let links: Vec<&MadeLink> = run.links.iter().filter(|link| link.lab == lab).collect();
            let policies = run.summary.as_ref().map_or(&run.decided, |summary| &summary.policies);
            html += &run.heading(runs.len());
            html += &draw(&hosts, &links);
            html += &table(&links, policies);
        }
    }
    html
}

/// A host and where it stands: its column, and its place in it.
struct PlacedHost<'a> {
    host: &'a MadeHost,
    column: usize,
    x: f64,
    y: f64,
}

impl PlacedHost<'_> {
    fn lines(&self) -> usize {
        1 + self.host.addrs.len().min(MOST_ADDRS)
    }

    fn height(&self) -> f64 {
        LINE * self.lines() as f64 + 12.0
    }

    fn middle(&self) -> (f64, f64) {
        (self.x + WIDE / 2.0, self.y + self.height() / 2.0)
    }
}

/// The hosts in columns by how many links they are away from the first.
fn place<'a>(hosts: &[&'a MadeHost], links: &[&MadeLink]) -> Vec<PlacedHost<'a>> {
    let mut columns: Vec<Option<usize>> = vec![None; hosts.len()];
    let number = |name: &String| hosts.iter().position(|host| host.name == *name);
    let joined: Vec<(usize, usize)> =
        links.iter().filter_map(|link| Some((number(link.ends.first()?)?, number(link.ends.get(1)?)?))).collect();
    for first in starts(hosts.len(), &joined) {
        if columns[first].is_some() {
            continue;
        }
        columns[first] = Some(0);
        let mut queue = VecDeque::from([first]);
        while let Some(at) = queue.pop_front() {
            let next = joined.iter().filter_map(|&(a, b)| if a == at { Some(b) } else { (b == at).then_some(a) });
            for other in next {
                if columns[other].is_none() {
                    columns[other] = columns[at].map(|column| column + 1);
                    queue.push_back(other);
                }
            }
        }
    }
    let mut placed: Vec<PlacedHost<'a>> = hosts
        .iter()
        .zip(columns)
        .map(|(host, column)| PlacedHost { host, column: column.unwrap_or_default(), x: 0.0, y: 0.0 })
        .collect();
    let tall = |placed: &[PlacedHost<'_>], column: usize| -> f64 {
        placed.iter().filter(|one| one.column == column).map(|one| one.height() + ABOVE).sum()
    };
    let gap = if links.iter().all(|link| carries(link).is_empty()) { BARE_GAP } else { GAP };
    let last = placed.iter().map(|one| one.column).max().unwrap_or_default();
    let whole = (0..=last).map(|column| tall(&placed, column)).fold(0.0, f64::max);
    for column in 0..=last {
        let mut y = (whole - tall(&placed, column)) / 2.0 + ABOVE / 2.0;
        for one in placed.iter_mut().filter(|one| one.column == column) {
            (one.x, one.y) = (column as f64 * (WIDE + gap) + 1.0, y);
            y += one.height() + ABOVE;
        }
    }
    placed
}

/// In which order hosts may be the first of their part: those at an end, with one link, before others.
fn starts(hosts: usize, joined: &[(usize, usize)]) -> Vec<usize> {
    let links = |host: usize| joined.iter().filter(|(a, b)| *a == host || *b == host).count();
    let mut all: Vec<usize> = (0..hosts).collect();
    all.sort_by_key(|&host| links(host) > 1);
    all
}

fn draw(hosts: &[&MadeHost], links: &[&MadeLink]) -> String {
    let placed = place(hosts, links);
    let wide = placed.iter().map(|one| one.x + WIDE).fold(0.0, f64::max) + 1.0;
    let tall = placed.iter().map(|one| one.y + one.height()).fold(0.0, f64::max) + ABOVE / 2.0;
    let mut svg = String::new();
    for link in links {
        let end = |number: usize| {
            placed.iter().find(|one| link.ends.get(number) == Some(&one.host.name)).map(PlacedHost::middle)
        };
        if let (Some((x1, y1)), Some((x2, y2))) = (end(0), end(1)) {
            let _ = write!(svg, "<line class=\"cable\" x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\"/>");
            let (x, y) = (f64::midpoint(x1, x2), f64::midpoint(y1, y2));
            for (line, text) in carries(link).iter().take(2).enumerate() {
                let _ = write!(
                    svg,
                    "<text class=\"of-link\" x=\"{x}\" y=\"{}\">{}</text>",
                    y - 6.0 + 20.0 * line as f64,
                    Shown(text)
                );
            }
        }
    }
    for one in &placed {
        let (x, y) = (one.x, one.y);
        let kind = if one.host.router { "host router" } else { "host" };
        let _ = write!(
            svg,
            "<g class=\"{kind}\"><rect x=\"{x}\" y=\"{y}\" width=\"{WIDE}\" height=\"{}\" rx=\"6\"/>\
             <text class=\"name\" x=\"{}\" y=\"{}\">{}{}</text>",
            one.height(),
            x + WIDE / 2.0,
            y + LINE + 2.0,
            Shown(cut(&one.host.name)),
            if one.host.router { " (router)" } else { "" }
        );
        for (line, addr) in one.host.addrs.iter().take(MOST_ADDRS).enumerate() {
            let _ = write!(
                svg,
                "<text x=\"{}\" y=\"{}\">{}</text>",
                x + WIDE / 2.0,
                y + LINE * (line as f64 + 2.0) + 3.0,
                Shown(cut(addr))
            );
        }
        svg += "</g>";
    }
    format!(
        "<div class=\"wide\"><svg class=\"topology\" width=\"{wide}\" height=\"{tall}\" role=\"img\" aria-label=\"The lab\">{svg}</svg></div>\n"
    )
}

/// As much of a text as fits into a box.
fn cut(text: &str) -> String {
    match text.chars().count() > 20 {
        true => text.chars().take(19).chain(['…']).collect(),
        false => text.to_string(),
    }
}

/// What a link does to what it carries.
fn carries(link: &MadeLink) -> Vec<String> {
    let mut list = Vec::new();
    let some = |ns: i64| (ns > 0).then_some(ns as f64);
    if let Some(delay) = some(link.delay_ns) {
        list.push(match some(link.jitter_ns) {
            Some(jitter) => format!("{} ± {}", round_time(delay), round_time(jitter)),
            None => round_time(delay),
        });
    }
    list.extend(link.rate.map(rate));
    list.extend(link.queue.map(|frames| format!("queue {frames}")));
    list.extend((!matches!(link.mtu, 0 | 1500)).then(|| format!("MTU {}", link.mtu)));
    list
}

fn rate(bits: u64) -> String {
    match bits as f64 {
        b if b >= 1e9 => format!("{} Gbit/s", b / 1e9),
        b if b >= 1e6 => format!("{} Mbit/s", b / 1e6),
        b if b >= 1e3 => format!("{} kbit/s", b / 1e3),
        b => format!("{b} bit/s"),
    }
}

/// Each link with all of what it does, and the policies on it.
fn table(links: &[&MadeLink], policies: &[PolicyCells]) -> String {
    if links.is_empty() {
        return String::new();
    }
    let mut html = String::from(
        "<div class=\"wide\"><table><thead><tr><th>link</th><th>carries</th><th>policies</th></tr></thead><tbody>",
    );
    for link in links {
        let is_on =
            |policy: &&PolicyCells| policy.at == link.name || policy.at.starts_with(&format!("{} from ", link.name));
        let on: Vec<String> = policies
            .iter()
            .filter(is_on)
            .map(|policy| {
                let from = policy.at.strip_prefix(link.name.as_str()).unwrap_or_default();
                Shown(format!("{}{from}", policy.name)).to_string()
            })
            .collect();
        let carries = carries(link);
        let carries = if carries.is_empty() { "everything at once".to_string() } else { carries.join(", ") };
        let _ = write!(
            html,
            "<tr><td>{}</td><td>{}</td><td>{}</td></tr>",
            Shown(&link.name),
            Shown(carries),
            on.join("<br>")
        );
    }
    html + "</tbody></table></div>\n"
}
