//! The valid names nearest to a misspelt one, for "did you mean" lists.

/// At most three of `candidates`, the nearest first; empty when none is near enough to be meant.
///
/// Case does not count. Longer names may differ by more letters; a name that begins with the other is near
/// too (`send`, `send_to`). The name itself is never suggested.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let lower = name.to_lowercase();
    let mut found: Vec<(usize, &str)> = candidates
        .into_iter()
        .filter(|candidate| *candidate != name)
        .filter_map(|candidate| Some((distance(&lower, &candidate.to_lowercase())?, candidate)))
        .collect();
    found.sort_unstable();
    found.dedup();
    let best = found.first().map_or(0, |(distance, _)| *distance);
    found.into_iter().filter(|(distance, _)| *distance <= best + 1).map(|(_, name)| name).take(3).collect()
}

/// Edits between two lower-case names, `None` when they are too far apart to be taken for each other.
fn distance(name: &str, candidate: &str) -> Option<usize> {
    let edits = strsim::damerau_levenshtein(name, candidate);
    let (short, long) = if name.len() < candidate.len() { (name, candidate) } else { (candidate, name) };
    let allowed = match short.chars().count() {
        0 | 1 => 0,
        2..=4 => 1,
        5..=8 => 2,
        _ => 3,
    };
    if edits <= allowed {
        Some(edits)
    } else if short.len() >= 3 && short.len() * 2 >= long.len() && long.starts_with(short) {
        Some(3)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn suggests_what_may_be_meant_and_nothing_else() {
        let names = ["bind", "connect", "listen", "recv", "recv_from", "send", "send_to", "timeout", "x", "Ping"];
        for (name, expected) in [
            ("bnd", vec!["bind"]),
            ("timeot", vec!["timeout"]),
            ("TIMEOUT", vec!["timeout"]),
            ("ping", vec!["Ping"]),
            ("recieve", vec![]),
            ("rcev", vec!["recv"]),
            ("reccv", vec!["recv"]),
            ("sendto", vec!["send_to"]),
            ("conect", vec!["connect"]),
            ("send_t", vec!["send_to"]),
            ("send", vec!["send_to"]),
            ("y", vec![]),
            ("", vec![]),
            ("elephant", vec![]),
        ] {
            assert_eq!(nearest(name, names), expected, "{name}");
        }
    }

    #[test]
    fn gives_three_at_most_and_each_once() {
        assert_eq!(nearest("name", ["name1", "name2", "name3", "name4", "name1"]), ["name1", "name2", "name3"]);
    }
}
