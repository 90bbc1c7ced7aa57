//! The words of the tree: a type's name says which type it is, strings of the core know neither scripts nor a terminal, and
//! standard terms stand where this tree once had words of its own.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::{sources, tests_of, words};

/// Types whose module says the rest.
const COMMON: &[&str] = &["Inner", "State", "Options"];

/// What no module and no type is called.
const NAMES: &[&str] = &[
    "judge", "judged", "ear", "seat", "later", "kept", "crowd", "turn", "alone", "ahead", "rest", "subject", "label",
    "typing", "account",
];

/// What docs and messages do not say.
const PHRASES: &[&str] = &[
    "told",
    "tells",
    "heard",
    "hears",
    "nobody",
    "whoever",
    "taken in",
    "taken over",
    "put aside",
    "put down to",
    "turned over",
];

/// What only scripts say, and what only a terminal has.
const NOT_IN_THE_CORE: &[&str] =
    &["udp::", "tcp::", "icmp::", "lab::", "set_policy(", "start_thread(", "stdout", "stderr", "\\x1b", "\\u{1b}"];

/// The names that `keyword` defines in `text`, at the start of a line or after `pub`.
fn defined<'a>(text: &'a str, keyword: &'a str) -> impl Iterator<Item = &'a str> {
    words(text, keyword).filter_map(move |at| {
        let before = text[..at].rsplit('\n').next().unwrap_or_default();
        let is_free = before.trim_start().starts_with("pub") || before.trim().is_empty();
        let name = text[at + keyword.len()..].trim_start();
        let end = name.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.len());
        is_free.then_some(&name[..end])
    })
}

/// The strings of a line of code, roughly: a quote within a character's or another string's is seen as one, too.
fn strings(line: &str) -> impl Iterator<Item = &str> {
    let code = if line.trim_start().starts_with("//") { "" } else { line };
    code.split('"').skip(1).step_by(2)
}

/// The code of each file, without its tests.
fn code() -> Vec<(String, String)> {
    let cut = |(path, text): (String, String)| {
        let end = if path.ends_with("_tests.rs") { 0 } else { tests_of(&path, &text) };
        (path, text[..end].to_string())
    };
    sources().into_iter().map(cut).collect()
}

fn found(lines: Vec<String>) {
    assert!(lines.is_empty(), "{}\n", lines.join("\n"));
}

#[test]
fn no_two_types_have_one_name() {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    // A file that stands in the place of another where something is missing has its names.
    for (path, text) in sources().into_iter().filter(|(path, _)| !path.ends_with("/none.rs")) {
        for name in ["struct", "enum", "trait"].iter().flat_map(|keyword| defined(&text, keyword)) {
            places.entry(name.to_string()).or_default().push(path.clone());
        }
    }
    assert!(places.len() > 300, "only {} types seen", places.len());
    places.retain(|name, paths| paths.len() > 1 && !COMMON.contains(&name.as_str()));
    found(places.iter().map(|(name, paths)| format!("{name}: {}", paths.join(", "))).collect());
}

#[test]
fn names_are_standard_terms() {
    let has = |name: &str| NAMES.contains(&name.to_lowercase().as_str());
    let of = |(path, text): &(String, String)| {
        let file = Path::new(path).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let names =
            ["struct", "enum", "trait", "type", "mod"].map(|keyword| defined(text, keyword)).into_iter().flatten();
        names.chain([file]).filter(|name| has(name)).map(|name| format!("{path}: {name}")).collect::<Vec<_>>()
    };
    found(sources().iter().flat_map(of).collect());
}

#[test]
fn docs_and_messages_use_standard_terms() {
    let says = |text: &str| PHRASES.iter().find(|phrase| words(&text.to_lowercase(), phrase).next().is_some()).copied();
    let mut lines = Vec::new();
    for (path, text) in code() {
        for (number, line) in text.lines().enumerate() {
            // Documentation, and what is printed.
            let doc = line.trim_start().strip_prefix("///").or(line.trim_start().strip_prefix("//!"));
            if let Some(phrase) = doc.into_iter().chain(strings(line)).find_map(says) {
                lines.push(format!("{path}:{}: {phrase}: {}", number + 1, line.trim()));
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let entries = fs::read_dir(root.join("docs")).expect("docs").map(|entry| entry.expect("an entry").path());
    for path in entries.chain(["README.md", "CONTRIBUTING.md"].map(|name| root.join(name))) {
        let text = fs::read_to_string(&path).unwrap_or_default();
        let said = text.lines().enumerate().filter_map(|(number, line)| Some((number, says(line)?, line)));
        lines.extend(said.map(|(number, phrase, line)| format!("{}:{}: {phrase}: {line}", path.display(), number + 1)));
    }
    found(lines);
}

#[test]
fn strings_of_the_core_know_no_script_and_no_terminal() {
    let knows = |text: &str| NOT_IN_THE_CORE.iter().find(|part| text.contains(**part)).copied();
    let mut lines = Vec::new();
    for (path, text) in code().into_iter().filter(|(path, _)| path.starts_with("src/net/")) {
        for (number, line) in text.lines().enumerate() {
            if let Some(part) = strings(line).find_map(knows) {
                lines.push(format!("{path}:{}: {part}: {}", number + 1, line.trim()));
            }
        }
    }
    found(lines);
}

#[test]
fn what_words_forbid_is_seen() {
    assert_eq!(
        defined("pub(in crate::net) struct Judge;\nlet the = Kind::struct_of;", "struct").collect::<Vec<_>>(),
        ["Judge"]
    );
    assert_eq!(strings(r#"x("a", b, "udp::open")"#).collect::<Vec<_>>(), ["a", "udp::open"]);
    assert_eq!(strings(r#"// say "told""#).count(), 0);
}
