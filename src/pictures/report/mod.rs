//! A report: what was run and what was measured, as one page of HTML that needs nothing else, from the rows of one run or of
//! several.
//!
//! Rows are read once and not kept: a run is a [`RunRecord`] of bounded size. All charts are SVG within the page, without
//! scripts; what is foreign in them goes through `text::Shown`.

use std::fmt::Write;

pub use self::record::RunRecord;
use self::runs::lines;
use self::text::Shown;

mod axis;
mod cells;
mod curve;
mod distribution;
mod hops;
mod ladders;
mod losses;
mod plot;
mod record;
mod runs;
mod samples;
mod series;
mod slots;
mod spread;
mod tables;
mod tcp;
mod text;
mod times;
mod topology;

/// How a report begins: a file that begins so may be written anew.
pub const BEGINNING: &str = "<!DOCTYPE html>\n<!-- pingscript report -->\n";

/// How a picture begins.
pub const PICTURE: &str = "<!-- pingscript report --><svg";

const STYLE: &str = include_str!("style.css");

/// What a page has before its title.
const HEAD: &str = include_str!("head.html");

/// The shapes of marks, around the place of each.
const MARKS: &str = include_str!("marks.svg");

/// The report of these runs. `notes` are what is missing, a line each.
pub fn page(runs: &[RunRecord], notes: &[String]) -> String {
    let title = match runs {
        [run] => run.about.as_ref().map_or(&run.name, |about| &about.script).clone(),
        runs => format!("{} runs", runs.len()),
    };
    let mut html = String::from(BEGINNING);
    let _ = write!(
        html,
        "{HEAD}<title>{0}: pingscript report</title>\n<style>\n{STYLE}</style></head>\n\
         <body>\n{MARKS}<header><h1>{0}</h1></header>\n<main>\n",
        Shown(title)
    );
    for note in notes {
        let _ = writeln!(html, "<p class=\"note\">{}</p>", Shown(note));
    }
    let lines = lines(runs);
    let has_paths = runs.iter().any(|run| !run.hops.0.is_empty());
    let pings = runs.iter().any(|run| run.all.tally.sent() > 0);
    let rtt = |section: String| if pings || !has_paths { section } else { String::new() };
    let summary = rtt(tables::summary(runs));
    let first = [("The run", tables::about(runs)), ("Summary", summary)].map(|(heading, table)| part(heading, &table));
    // Of several runs both are wide.
    let class = if runs.len() > 1 { "" } else { "pair" };
    let _ = writeln!(html, "<div class=\"{class}\">{}</div>", first.concat());
    for (heading, section) in [
        ("Round-trip times", rtt(times::section(&lines) + runs::of_many_targets(runs))),
        ("Distribution", if pings { distribution::section(&lines) } else { String::new() }),
        ("Losses", if pings { tables::losses(runs) } else { String::new() }),
        ("Samples", samples::section(runs)),
        ("TCP", tcp::section(runs)),
        ("Policies", tables::policies(runs)),
        ("Path", tables::hops(runs)),
        ("Lab", topology::section(runs)),
        ("Frames lost on links and by kernels", tables::frames(runs)),
        ("Connections", tables::connections(runs)),
        ("Ladders", ladders::section(runs)),
    ] {
        html += &part(heading, &section);
    }
    html + "</main></body></html>\n"
}

/// The chart of round-trip times alone, as a picture.
pub fn picture(runs: &[RunRecord]) -> String {
    let (chart, wide, high) = times::picture(&lines(runs));
    let marks = MARKS.replace(" class=\"defs\"", "");
    format!(
        "{PICTURE} xmlns=\"http://www.w3.org/2000/svg\" class=\"picture\" width=\"{wide}\" height=\"{high}\" viewBox=\"0 0 {wide} {high}\">\n<style>\n{STYLE}</style>\n{marks}\
         <rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n{chart}</svg>\n"
    )
}

/// A part of the page; nothing where there is nothing to show.
fn part(heading: &str, body: &str) -> String {
    if body.is_empty() { String::new() } else { format!("<section><h2>{heading}</h2>\n{body}</section>\n") }
}
