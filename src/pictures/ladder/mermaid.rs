//! A ladder as a sequence diagram of Mermaid, which GitHub and GitLab draw in Markdown.

use std::fmt::Write;

use super::text::in_words;
use super::timeline::Timeline;
use super::{ArrowEnd, Ladder};
use crate::net::time::Duration;

/// More frames make a text that is too long for who draws it.
pub const MOST: usize = 300;

/// The ladder as the text of a diagram.
pub fn draw(ladder: &Ladder) -> String {
    let mut text = format!("---\ntitle: \"{}\"\n---\nsequenceDiagram\n", in_yaml(&ladder.caption()));
    for (index, column) in ladder.columns.iter().enumerate() {
        let addresses =
            if column.addresses.is_empty() { String::new() } else { format!("<br/>{}", escaped(&column.addresses)) };
        let _ = writeln!(text, "    participant h{index} as {}{addresses}", escaped(&column.name));
    }
    let timeline = Timeline::of(ladder);
    let last = ladder.columns.len().saturating_sub(1);
    for moment in &timeline.moments {
        if let Some(pause) = moment.pause {
            let over = if last == 0 { "h0".to_string() } else { format!("h0,h{last}") };
            let _ = writeln!(text, "    Note over {over}: {} later", in_words(pause));
        }
        let Some(index) = moment.departs else { continue };
        let arrow = &ladder.arrows[index];
        let time = Duration::from_nanos(arrow.departure - ladder.start).as_secs_f64() * 1e3;
        let kind = match arrow.end {
            ArrowEnd::Lost { .. } => "-x",
            ArrowEnd::Unknown => "-->>",
            ArrowEnd::Arrived(_) => "->>",
        };
        let again = if arrow.retransmission { ", retransmission" } else { "" };
        let cause = arrow.cause.as_ref().map_or(String::new(), |cause| format!("<br/>{}", escaped(cause)));
        let trip = arrow.rtt.map_or(String::new(), |rtt| format!(", rtt {rtt}"));
        let (from, to, label) = (arrow.from, arrow.to, escaped(&arrow.label));
        let _ = writeln!(text, "    h{from}{kind}h{to}: {time:.3} ms {label}{again}{trip}{cause}");
    }
    text
}

/// Without a character that Mermaid, or HTML, gives a meaning to: those are written by their numbers. The word `end` is one.
fn escaped(text: &str) -> String {
    let escaped = text.chars().map(|c| if is_plain(c) { c.to_string() } else { format!("#{};", u32::from(c)) });
    let escaped: String = escaped.collect();
    let words: Vec<&str> = escaped.split(' ').map(|word| if word == "end" { "#101;nd" } else { word }).collect();
    words.join(" ")
}

/// The same between the quotes of YAML, in which the title stands.
fn in_yaml(text: &str) -> String {
    let is_plain = |c| is_plain(c) || c == ':';
    text.chars().map(|c| if is_plain(c) { c.to_string() } else { format!("\\U{:08x}", u32::from(c)) }).collect()
}

fn is_plain(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, ' ' | '.' | ',' | '(' | ')' | '/' | '_' | '-' | '=')
}
