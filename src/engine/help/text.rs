//! Help for a screen: plain text, wrapped.

use super::find::{Found, GROUPS, HelpGroup, LANGUAGE, find};
use super::{DocBlock, EntryKind, Form, HelpEntry, Reference, blocks};
use crate::net::error::{Error, ErrorKind};
use crate::terminal::columns::{COMMON, fit};

/// Columns that help takes at most.
pub const WIDTH: usize = COMMON;

/// How far examples and lists are indented.
const INDENT: &str = "    ";

/// Help on `topic`; `None`: what there is.
///
/// # Errors
/// `invalid`: there is nothing of that name; the hint names what is near.
pub fn help(reference: &Reference, topic: Option<&str>) -> Result<String, Error> {
    let Some(topic) = topic.map(str::trim).filter(|topic| !topic.is_empty()) else {
        return Ok(overview(reference));
    };
    Ok(match find(reference, topic) {
        Found::Namespace(name) => namespace(reference, name),
        Found::Type(kind) => type_page(reference, kind),
        Found::Group(group) => group_page(reference, group),
        Found::Topic(text) => text.to_string(),
        Found::Language => LANGUAGE_PAGE.trim_end().to_string(),
        Found::Entries(entries) => {
            // A few types of the language are called as what makes them.
            let kind =
                entries.iter().map(|entry| entry.title.as_str()).find(|title| reference.of_type(title).count() > 0);
            let page = kind.map_or(String::new(), |kind| format!("\n\n{}", type_page(reference, kind)));
            let other =
                |entry: &&HelpEntry| entries.iter().all(|e| e.title != entry.title) && entry.name == entries[0].name;
            let others: Vec<&str> = reference.ours().filter(other).map(|entry| entry.title.as_str()).collect();
            let also = if others.is_empty() { String::new() } else { format!("\n\nSee also: {}", others.join(", ")) };
            format!("{}{page}{also}", all(&entries))
        }
        Found::Nothing(near) => {
            let error = Error::new(ErrorKind::Invalid, "help", format!("there is nothing called \"{topic}\""));
            let near: Vec<String> = near.iter().map(|name| format!("\"{name}\"")).collect();
            return Err(error.with_hint(match near.is_empty() {
                true => "help() shows what there is".to_string(),
                false => format!("did you mean {}?", near.join(" or ")),
            }));
        }
    })
}

/// Every function of pingscript, one after the other.
pub fn everything(reference: &Reference) -> String {
    let entries: Vec<&HelpEntry> = reference.ours().collect();
    all(&entries)
}

/// What there is, with a line on how to ask for more.
fn overview(reference: &Reference) -> String {
    let mut text = String::new();
    for name in reference.namespaces() {
        let titles = reference.of_namespace(name).map(|entry| entry.title.clone());
        let about = match name {
            "lab" => "networks of hosts, links and routers".to_string(),
            name => format!("functions of {}", name.to_uppercase()),
        };
        section(&mut text, &format!("{name}: {about}"), titles);
    }
    let mut shown: Vec<&str> = Vec::new();
    for group in GROUPS.iter() {
        let members: Vec<&HelpEntry> = reference.ours().filter(|entry| group.holds(entry)).collect();
        shown.extend(members.iter().map(|entry| entry.title.as_str()));
        section(&mut text, group.about, members.iter().map(|entry| entry.title.clone()));
    }
    let rest = reference.ours().filter(|entry| entry.kind == EntryKind::Function && entry.namespace.is_empty());
    let rest = rest.map(|entry| entry.title.clone()).filter(|title| !shown.contains(&title.as_str()));
    section(&mut text, "Others", rest);
    section(&mut text, "Objects, with methods and properties", reference.types.keys().cloned());
    text.push_str(
        "help(\"udp::bind\") explains a function, help(\"UdpSocket\") or help(sock)\nan object and what it can do,\n",
    );
    let groups: Vec<&str> = GROUPS.iter().map(|group| group.name).collect();
    let also = groups[1..].join(", ");
    text.push_str(&fit(&format!("help(\"{}\") a group (also: {also});\n", groups[0]), WIDTH));
    text.push_str(&format!("help(\"{LANGUAGE}\") shows how scripts are written."));
    text
}

fn section(text: &mut String, title: &str, names: impl Iterator<Item = String>) {
    let names: Vec<String> = names.collect();
    if !names.is_empty() {
        text.push_str(&format!("{}\n{}\n", fit(title, WIDTH), wrap(&names.join("  "), INDENT)));
    }
}

fn namespace(reference: &Reference, name: &str) -> String {
    let entries: Vec<&HelpEntry> = reference.of_namespace(name).collect();
    format!("The namespace {name}\n\n{}", list(&entries))
}

fn group_page(reference: &Reference, group: &HelpGroup) -> String {
    let entries: Vec<&HelpEntry> = reference.ours().filter(|entry| group.holds(entry)).collect();
    format!("{}\n\n{}", group.about, list(&entries))
}

/// A type: what it is, its properties, its methods, and functions that take it.
pub fn type_page(reference: &Reference, kind: &str) -> String {
    let mut text = kind.to_string();
    if let Some(about) = reference.types.get(kind).filter(|about| !about.is_empty()) {
        text = wrap(&format!("{kind}: {about}"), "").trim_end().to_string();
    }
    let part = |text: &mut String, title: &str, entries: Vec<&HelpEntry>| {
        if !entries.is_empty() {
            text.push_str(&format!("\n\n{title}\n{}", list(&entries)));
        }
    };
    let of = |wanted: &[EntryKind]| {
        let shown = |entry: &&HelpEntry| {
            wanted.contains(&entry.kind) && !matches!(entry.name.as_str(), "to_string" | "to_debug")
        };
        reference.of_type(kind).filter(shown).collect::<Vec<_>>()
    };
    part(&mut text, "Properties", of(&[EntryKind::Property, EntryKind::Index]));
    part(&mut text, "Methods", of(&[EntryKind::Method]));
    part(&mut text, "Operators", of(&[EntryKind::Operator]));
    let takes = |form: &Form| form.params.iter().any(|(_, of)| of == kind);
    // Of functions that take other things, too, the forms for this one alone.
    let taking = |entry: &HelpEntry| HelpEntry {
        forms: entry.forms.iter().filter(|form| takes(form)).cloned().collect(),
        ..entry.clone()
    };
    let functions: Vec<HelpEntry> =
        reference.ours().filter(|entry| entry.kind == EntryKind::Function).map(taking).collect();
    part(&mut text, "Functions that take one", functions.iter().filter(|entry| !entry.forms.is_empty()).collect());
    let returns = |entry: &&HelpEntry| entry.of != kind && entry.forms.iter().any(|form| form.returns == kind);
    let makers: Vec<&str> = reference.ours().filter(returns).map(|entry| entry.title.as_str()).collect();
    if !makers.is_empty() && kind.starts_with(char::is_uppercase) {
        text.push_str(&format!("\n\nComes from\n{}", wrap(&makers.join("  "), INDENT).trim_end()));
    }
    text
}

/// A line for each entry: how it is called, and what for.
fn list(entries: &[&HelpEntry]) -> String {
    let call = |entry: &HelpEntry| match entry.kind {
        EntryKind::Function | EntryKind::Method => {
            let params: Vec<&str> = entry.forms.last().map_or(Vec::new(), |form| {
                let skipped = usize::from(entry.kind == EntryKind::Method);
                form.params.iter().skip(skipped).map(|(name, _)| name.as_str()).collect()
            });
            let name = if entry.kind == EntryKind::Method { format!(".{}", entry.name) } else { entry.title.clone() };
            format!("{name}({})", params.join(", "))
        }
        EntryKind::Property => format!(".{}", entry.name),
        EntryKind::Operator | EntryKind::Index => entry.title.clone(),
    };
    let calls: Vec<String> = entries.iter().map(|entry| call(entry)).collect();
    let width = calls.iter().map(|call| call.chars().count()).filter(|width| *width <= 30).max().unwrap_or(0);
    let lines = calls.iter().zip(entries).map(|(call, entry)| {
        let line = format!("{INDENT}{call:width$}  {}", entry.purpose());
        fit(line.trim_end(), WIDTH)
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn all(entries: &[&HelpEntry]) -> String {
    entries.iter().map(|entry| entry_text(entry)).collect::<Vec<_>>().join("\n\n")
}

/// One entry: its forms, what they say, its examples. Forms that say the same say it once.
fn entry_text(entry: &HelpEntry) -> String {
    let part = |(signatures, doc): &(Vec<&str>, &[String])| {
        let doc = document(doc);
        let doc = if doc.is_empty() { "It is part of the language.".to_string() } else { doc };
        let doc: Vec<String> = doc.lines().map(|line| format!("{INDENT}{line}").trim_end().to_string()).collect();
        format!("{}\n{}", signatures.join("\n"), doc.join("\n"))
    };
    entry.by_doc().iter().map(part).collect::<Vec<_>>().join("\n\n")
}

/// A documentation with its paragraphs wrapped and its examples indented.
fn document(doc: &[String]) -> String {
    let shown = |block| match block {
        DocBlock::Paragraph(text) => {
            let text = text.trim_start_matches(['#', ' ']);
            (text != "Example").then(|| wrap(text, "").trim_end().to_string())
        }
        DocBlock::Code(_, text) => {
            let lines: Vec<String> = text.trim_end().lines().map(|line| format!("{INDENT}{line}")).collect();
            Some(lines.join("\n"))
        }
    };
    blocks(doc).into_iter().filter_map(shown).collect::<Vec<_>>().join("\n\n")
}

/// `text` in lines of at most [`WIDTH`] columns, each after `indent` and with its end.
fn wrap(text: &str, indent: &str) -> String {
    let mut out = String::new();
    let mut line = String::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        if !line.is_empty() && indent.len() + line.chars().count() + 1 + word.chars().count() > WIDTH {
            out.push_str(&format!("{indent}{line}\n"));
            line.clear();
        }
        line.push_str(if line.is_empty() { "" } else { " " });
        line.push_str(word);
    }
    out.push_str(&format!("{indent}{line}\n"));
    out
}

/// How scripts are written, on one screen.
const LANGUAGE_PAGE: &str = include_str!("language.txt");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_are_wrapped_and_examples_are_not() {
        let long = "word ".repeat(40);
        let doc = [long.trim(), "", "```rhai", "let x = 1;", "  x", "```"].map(str::to_string);
        let text = document(&doc);
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        assert!(text.ends_with("word\n\n    let x = 1;\n      x"), "{text}");
    }
}
