//! A ladder as a sequence diagram of Mermaid, which GitHub and GitLab draw in Markdown.

use std::fmt::Write;

use super::text::in_words;
use super::timeline::Timeline;
use super::{ArrowEnd, Ladder};
use crate::net::time::Duration;
use crate::pictures::fit::cut_within;

/// More frames make a text that is too long for who draws it.
pub const MOST: usize = 300;

/// A title with more characters is cut off by the edge of a diagram of two hosts.
const TITLE: usize = 56;

/// The ladder as the text of a diagram.
pub fn draw(ladder: &Ladder) -> String {
    let counts = ladder.counts();
    let title = cut_within(&ladder.title, TITLE.saturating_sub(counts.len() + 2));
    let mut text = format!("---\ntitle: \"{}: {counts}\"\n---\nsequenceDiagram\n", in_yaml(&title));
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

/// The same between the quotes of YAML, in which the title stands. What is between angle brackets is taken for HTML there, however
/// they are written.
fn in_yaml(text: &str) -> String {
    let one = |c| match c {
        '<' => "‹".to_string(),
        '>' => "›".to_string(),
        c if is_plain(c) || matches!(c, ':' | '…') => c.to_string(),
        c => format!("\\U{:08x}", u32::from(c)),
    };
    text.chars().map(one).collect()
}

fn is_plain(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, ' ' | '.' | ',' | '(' | ')' | '/' | '_' | '-' | '=')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_no_longer_than_a_diagram_and_no_html() {
        let ladder = Ladder {
            title: "<b>/home/someone/scripts/udp_ping.rhai --count 60 --timeout 100ms".into(),
            ..Ladder::default()
        };
        let text = draw(&ladder);
        let title = text.lines().nth(1).and_then(|line| line.strip_prefix("title: \"")).expect("a title");
        assert!(title.starts_with("‹b›/home") && title.ends_with("timeout 100ms: 0 frames\""), "{title}");
        assert!(title.chars().count() <= TITLE + 1, "{title}");
    }
}
