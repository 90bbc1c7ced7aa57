//! What stands at an arrow: what it is, and what happened to it.

use std::fmt::Write;

use crate::net::observe::frame::{FrameRow, fates};

/// `text` without what a terminal or a reader could be misled by: controls, and marks that change the direction of text.
pub(super) fn clean(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        let misleads =
            matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
        match c.is_control() || misleads {
            true => clean.extend(c.escape_unicode()),
            false => clean.push(c),
        }
    }
    clean
}

/// Of each row whether it has to say its ports: at the first frame, and wherever they are others than before.
pub(super) fn says_ports(rows: &[FrameRow]) -> Vec<bool> {
    let mut before = None;
    let mut says = |row: &FrameRow| {
        let (from, to) = (row.from.port(), row.to.port());
        let pair = (from.min(to), from.max(to), row.protocol.clone());
        from > 0 && to > 0 && before.replace(pair.clone()) != Some(pair)
    };
    rows.iter().map(&mut says).collect()
}

/// Whether it is what kernels say among each other about IPv6 and multicast groups: MLD, IGMP, router discovery, and the
/// search for duplicate addresses.
pub(super) fn is_chatter(row: &FrameRow) -> bool {
    let type_ = row.icmp.as_ref().map(|icmp| icmp.type_);
    match row.protocol.as_ref() {
        "2" => true,
        "icmp6" => matches!(type_, Some(130..=134 | 137 | 143)) || type_ == Some(135) && row.from.ip().is_unspecified(),
        _ => false,
    }
}

/// What it is, in a few words, with its ports if they are needed.
pub(super) fn label(row: &FrameRow, ports: bool) -> String {
    let text = match ports {
        true => format!("{}→{} {row}", row.from.port(), row.to.port()),
        false => row.to_string(),
    };
    clean(&text)
}

/// What happened to it: `dropped: loss(0.2), draw 0.113`.
pub(super) fn cause(row: &FrameRow) -> String {
    let mut text = row.fate.to_string();
    if row.fate == fates::CARRIED {
        text = "sent".to_string();
    }
    let says_more = |detail: &&String| !detail.starts_with("reject") && !detail.starts_with("replace");
    if let Some(detail) = row.detail.as_ref().filter(says_more) {
        text = detail.clone();
    }
    if let Some(cause) = &row.cause {
        let _ = write!(text, " by {cause}");
    }
    for (index, draw) in row.draws.iter().enumerate() {
        let _ = write!(text, "{} {draw:.3}", if index == 0 { ", draw" } else { "," });
    }
    if row.at.as_ref().is_some_and(|at| at.starts_with("ingress")) {
        text.push_str(", at ingress");
    }
    clean(&text)
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn what_could_mislead_is_escaped() {
        assert_eq!(clean("a\x1b[2J\n\u{9b}b"), r"a\u{1b}[2J\u{a}\u{9b}b");
        assert_eq!(clean("abc\u{202e}fed"), r"abc\u{202e}fed");
        assert_eq!(clean("<b>é 漢</b>"), "<b>é 漢</b>");
    }
}
