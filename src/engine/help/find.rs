//! Looks names up in the reference, as people write them.

use std::sync::LazyLock;

use super::{HelpEntry, Reference};
use crate::nearest::nearest;
use crate::text_rows::{TextSection, read};

/// What a name stands for.
#[derive(Debug)]
pub enum Found<'a> {
    /// A namespace.
    Namespace(&'a str),
    /// A type of objects.
    Type(&'a str),
    /// A group of functions: see [`GROUPS`].
    Group(&'a HelpGroup),
    /// The language itself.
    Language,
    /// What is neither a function nor an object: see `TOPICS`.
    Topic(&'static str),
    /// Functions, methods, properties or operators.
    Entries(Vec<&'a HelpEntry>),
    /// Nothing; the titles nearest to it.
    Nothing(Vec<String>),
}

/// Functions that belong together and stand in no namespace.
#[derive(Debug)]
pub struct HelpGroup {
    /// What it is looked up as.
    pub name: &'static str,
    /// What it is for.
    pub about: &'static str,
    /// The types that its functions return.
    returns: Vec<&'static str>,
    /// Those that return something else.
    others: Vec<&'static str>,
}

/// The groups, in the order in which they are shown.
pub static GROUPS: LazyLock<Vec<HelpGroup>> =
    LazyLock::new(|| read(include_str!("groups.txt")).into_iter().map(HelpGroup::of).collect());

/// The name of the page about the language.
pub const LANGUAGE: &str = "language";

impl HelpGroup {
    fn of(section: TextSection) -> Self {
        let words = |key: &str| section.row(key).map_or(Vec::new(), |row| row.keys[1..].to_vec());
        let about = section.line("about").unwrap_or_default();
        Self { name: section.name, about, returns: words("returns"), others: words("others") }
    }

    /// Whether `entry` belongs to it, and to none before it.
    pub fn holds(&self, entry: &HelpEntry) -> bool {
        GROUPS.iter().find(|group| group.may_hold(entry)).is_some_and(|group| group.name == self.name)
    }

    fn may_hold(&self, entry: &HelpEntry) -> bool {
        let free = entry.ours && entry.namespace.is_empty() && entry.of.is_empty();
        let returned = || entry.forms.iter().any(|form| self.returns.contains(&form.returns.as_str()));
        free && (self.others.contains(&entry.name.as_str()) || returned())
    }
}

/// What `topic` stands for: a title such as `udp::bind` or `UdpSocket.recv`, the last part of one, a namespace, a type or a
/// group. Brackets at its end and the case of letters do not count.
pub fn find<'a>(reference: &'a Reference, topic: &str) -> Found<'a> {
    let topic = topic.trim().trim_end_matches(';');
    let topic = topic.split_once('(').map_or(topic, |(name, _)| name).trim_end_matches("::").trim();
    let exact = |name: &str| name == topic;
    let loose = |name: &str| name.eq_ignore_ascii_case(topic);
    look(reference, topic, &exact).or_else(|| look(reference, topic, &loose)).unwrap_or_else(|| {
        // A variable may stand before the dot.
        match topic.rsplit_once('.') {
            Some((_, name)) if !name.is_empty() => find(reference, name),
            _ => Found::Nothing(near(reference, topic)),
        }
    })
}

/// Words that people look up and that no function has, with what there is to say.
const TOPICS: &[(&[&str], &str)] = &[
    (
        &["print"],
        "print(value)\n    Prints the value and ends the line. Several values stand in one text:\n\n        print(`ping ${1}: ${2.ms}`);",
    ),
    (
        &["csv", "json", "rows"],
        "Rows: a line for each probe and verdict, and a summary, for other programs\n\n    pingscript --csv rows.csv udp_ping --count 3\n    pingscript --json rows.jsonl udp_ping --count 3\n    pingscript --json - udp_ping       rows on standard output\n\nThe flags stand before the script. docs/rows.md names the fields.",
    ),
    (
        &["trace"],
        "pingscript --trace SCRIPT\n    Shows every send, receive, verdict, outcome and kernel drop, a line each on\n    standard error.",
    ),
];

/// Words of the language, which its page shows.
const KEYWORDS: &[&str] = &[
    "if", "else", "for", "in", "while", "loop", "break", "continue", "return", "let", "const", "fn", "switch",
    "import", "try", "catch", "throw", "do", "until", "true", "false", "closure", "closures", "string", "strings",
    "array", "map",
];

fn look<'a>(reference: &'a Reference, topic: &str, is: &dyn Fn(&str) -> bool) -> Option<Found<'a>> {
    if let Some((_, text)) = TOPICS.iter().find(|(words, _)| words.iter().any(|word| is(word))) {
        return Some(Found::Topic(text));
    }
    let entries = |test: &dyn Fn(&HelpEntry) -> bool| reference.entries.iter().filter(|e| test(e)).collect::<Vec<_>>();
    let titled = entries(&|entry| is(&entry.title));
    if !titled.is_empty() {
        // Ours stands in the place of the language's.
        let mine: Vec<&HelpEntry> = titled.iter().copied().filter(|entry| entry.ours).collect();
        return Some(Found::Entries(if mine.is_empty() { titled } else { mine }));
    }
    if let Some(name) = reference.namespaces().into_iter().find(|name| is(name)) {
        return Some(Found::Namespace(name));
    }
    let kinds = reference.types.keys().map(String::as_str).chain(reference.entries.iter().map(|e| e.of.as_str()));
    if let Some(kind) = kinds.filter(|kind| !kind.is_empty()).find(|kind| is(kind)) {
        return Some(Found::Type(kind));
    }
    if let Some(group) = GROUPS.iter().find(|group| is(group.name)) {
        return Some(Found::Group(group));
    }
    if is(LANGUAGE) {
        return Some(Found::Language);
    }
    if KEYWORDS.iter().any(|word| is(word)) {
        return Some(Found::Language);
    }
    let named = entries(&|entry| is(&entry.name));
    let mine: Vec<&HelpEntry> = named.iter().copied().filter(|entry| entry.ours).collect();
    match (topic.is_empty(), mine.is_empty(), named.is_empty()) {
        (true, ..) | (_, _, true) => None,
        (_, false, _) => Some(Found::Entries(mine)),
        _ => Some(Found::Entries(named)),
    }
}

/// The titles nearest to a name that nothing has.
fn near(reference: &Reference, topic: &str) -> Vec<String> {
    let titles = || reference.ours().map(|entry| entry.title.as_str());
    let found = nearest(topic, titles());
    if !found.is_empty() {
        return found.into_iter().map(str::to_string).collect();
    }
    let last = topic.rsplit([':', '.']).next().unwrap_or(topic);
    let mut names: Vec<&str> = reference.entries.iter().map(|entry| entry.name.as_str()).collect();
    names.extend(reference.types.keys().map(String::as_str));
    names.extend(reference.namespaces());
    names.extend(GROUPS.iter().map(|group| group.name).chain([LANGUAGE]));
    let names = nearest(last, names);
    let full = |name: &str| {
        let titles: Vec<String> = reference.ours().filter(|e| e.name == name).map(|e| e.title.clone()).collect();
        if titles.is_empty() { vec![name.to_string()] } else { titles }
    };
    names.into_iter().flat_map(full).take(4).collect()
}
