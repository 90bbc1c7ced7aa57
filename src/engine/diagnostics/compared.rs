//! Comparisons that never hold, or always: with a word that a property never is, or with more than `random()` can be.

use std::net::IpAddr;

use super::scan::Scan;
use super::{Words, rows};
use crate::nearest::nearest;
use crate::net::wire::ip::TcpFlags;

/// `ping.kind == "replied"`: a comparison that is never true.
pub(super) fn never(scan: &Scan, index: usize) -> Option<Words> {
    let (property, operator, value) = (scan.text(index), scan.text(index + 1), scan.text(index + 2));
    if !matches!(scan.text_before(index), "." | "?.") || !matches!(operator, "==" | "!=") || !value.starts_with('"') {
        return None;
    }
    let word = value.trim_matches('"');
    let hint = match property {
        "flags" if word == "no flags" => return None,
        "flags" => flags(word)?.map(|flags| format!("write: .flags {operator} \"{flags}\"")),
        "direction" if word.contains(" > ") => return None,
        "direction" => {
            let mut ends = word.split(['-', '>', ' ', '=']).filter(|end| !end.is_empty());
            let (from, to) = (ends.next().unwrap_or("a"), ends.next().unwrap_or("b"));
            Some(format!("write: .direction {operator} \"{from} > {to}\""))
        }
        "ip" if word.split('%').next()?.parse::<IpAddr>().is_ok() => return None,
        "ip" => Some(
            "it is text such as \"10.0.0.1\"; an address compares with that of a host: pkt.to == b.addr".to_string(),
        ),
        _ => one_of(property, word)?.map(|near| format!("write: .{property} {operator} \"{near}\"")),
    };
    let hint = hint.unwrap_or_else(|| format!("`pingscript doc {property}` lists what it can be"));
    Some(Words::new(format!("`{property}` is never \"{word}\"")).hint(hint))
}

/// What `word` is meant to be of the few words that `property` can be, where it is none of them.
fn one_of(property: &str, word: &str) -> Option<Option<&'static str>> {
    let known: Vec<&str> = rows::line("values", property)?.split(' ').collect();
    let is_number = word.starts_with(|c: char| c.is_ascii_digit());
    if known.contains(&word) || (property == "protocol" && is_number) {
        return None;
    }
    let same = known.iter().find(|known| known.eq_ignore_ascii_case(word)).copied();
    let meant = if word.starts_with("repl") { Some("reply") } else { None };
    let starts = known.iter().find(|known| word.len() > 3 && (known.starts_with(word) || word.starts_with(**known)));
    Some(same.or(meant).or(nearest(word, known.iter().copied()).first().copied()).or(starts.copied()))
}

/// The flags that are meant by `word`, where it is not as `flags` has them: in another order, another case, or by letters.
fn flags(word: &str) -> Option<Option<String>> {
    let names = TcpFlags::NAMES.map(|(_, name)| name);
    let named = |part: &str| names.iter().position(|flag| flag.eq_ignore_ascii_case(part));
    let parts: Vec<&str> = word.split([' ', ',', '+', '|', '-']).filter(|part| !part.is_empty()).collect();
    let whole: Option<Vec<usize>> = parts.iter().map(|part| named(part)).collect();
    // As tcpdump has them: S, S., F.
    let letter = |c: char| names.iter().position(|flag| flag.starts_with(c) || (c == '.' && *flag == "ACK"));
    let mut meant = whole.or_else(|| parts.concat().to_uppercase().chars().map(letter).collect()).unwrap_or_default();
    meant.sort_unstable();
    meant.dedup();
    let written = meant.iter().map(|at| names[*at]).collect::<Vec<_>>().join(" ");
    (written != word).then(|| (!written.is_empty()).then_some(written))
}

/// `random() < 20`: a share compared with a percentage.
pub(super) fn share(scan: &Scan, index: usize) -> Option<Words> {
    let is_call = scan.text(index) == "random" && scan.text(index + 1) == "(" && scan.text(index + 2) == ")";
    let number = scan.text(index + 4);
    let limit: f64 = number.parse().ok().filter(|limit| *limit > 1.0)?;
    let compares = matches!(scan.text(index + 3), "<" | "<=" | ">" | ">=" | "==");
    (is_call && compares && scan.text_before(index) != ".").then(|| {
        let percent = limit <= 100.0;
        let hint = if percent {
            format!("{number} of 100: random() < {}; a whole number: random(1, 100)", limit / 100.0)
        } else {
            "a whole number: random(1, 1000)".to_string()
        };
        Words::new(format!("random() is from 0 to 1, and never {number}")).hint(hint)
    })
}
