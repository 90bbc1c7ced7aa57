//! What stands at a place in a document, from where the prompt and `help` have it.

use serde_json::{Value, json};

use super::document::{Document, place_in, uri_of};
use super::names::DocumentNames;
use crate::engine::complete::{KnownNames, complete, kind_of};
use crate::engine::help::find::{Found, find};
use crate::engine::help::{EntryKind, HelpEntry, Reference, pages, text};
use crate::engine::lexer::{Token, TokenKind, tokens};
use crate::engine::place::{call_at, expression_start};
use crate::engine::programs::ScriptHost;
use crate::engine::sources::without_marks;

/// What may stand at the cursor.
pub(super) fn completion(host: &ScriptHost, document: &Document, at: usize) -> Value {
    let names = DocumentNames::read(host, document, at);
    let (start, found) = complete(&document.text, at, names.known(host));
    let range = json!({ "start": document.place(start), "end": document.place(at) });
    let item = |(label, typed): (String, String)| {
        let kind = match (label.ends_with(')'), label.ends_with("::")) {
            (true, _) => 3,
            (_, true) => 9,
            _ => 6,
        };
        json!({ "label": label, "kind": kind, "filterText": typed, "textEdit": { "range": range, "newText": typed } })
    };
    found.into_iter().map(item).collect()
}

/// The forms of the call that the cursor stands in.
pub(super) fn signatures(host: &ScriptHost, document: &Document, at: usize) -> Value {
    let names = DocumentNames::read(host, document, at);
    let Some((called, argument)) = call_at(&document.text[..at]) else { return Value::Null };
    let entries = entries(called, names.known(host));
    let forms: Vec<Value> = entries
        .iter()
        .flat_map(|entry| entry.forms.iter().map(move |form| (entry, form)))
        .map(|(entry, form)| {
            let skipped = usize::from(entry.kind == EntryKind::Method);
            // As the signature has them: a name, with its type where that is one.
            let label = |(name, kind): &(String, String)| if name.is_empty() { kind.clone() } else { name.clone() };
            let params: Vec<Value> =
                form.params.iter().skip(skipped).map(|param| json!({ "label": label(param) })).collect();
            json!({ "label": form.signature, "documentation": entry.purpose(), "parameters": params })
        })
        .collect();
    let takes = |form: &Value| form["parameters"].as_array().is_some_and(|params| params.len() > argument);
    let active = forms.iter().position(takes).unwrap_or(0);
    match (forms.is_empty(), names.signature(called)) {
        (false, _) => json!({ "signatures": forms, "activeSignature": active, "activeParameter": argument }),
        (true, Some(own)) => json!({ "signatures": [{ "label": own }], "activeSignature": 0 }),
        (true, None) => Value::Null,
    }
}

/// What is said of the name at the cursor.
pub(super) fn hover(host: &ScriptHost, document: &Document, at: usize) -> Value {
    let Some((_, token, chain)) = name_at(&document.text, at) else { return Value::Null };
    let names = DocumentNames::read(host, document, at);
    let known = names.known(host);
    let variable = || {
        let variable = known.variables.iter().find(|variable| variable.name == chain)?;
        let kind = if variable.kind.is_empty() { String::new() } else { format!(": {}", variable.kind) };
        Some(format!("```text\n{}{kind}\n```", variable.name))
    };
    let own = || names.signature(chain).map(|own| format!("```text\n{own}\n```"));
    let said = variable().or_else(own).or_else(|| documented(host.reference(), chain, known));
    said.map_or(Value::Null, |said| {
        let range = json!({ "start": document.place(token.at), "end": document.place(token.at + token.text.len()) });
        json!({ "contents": { "kind": "markdown", "value": said }, "range": range })
    })
}

fn documented(reference: &Reference, chain: &str, known: KnownNames<'_>) -> Option<String> {
    let found = entries(chain, known);
    if !found.is_empty() {
        return Some(found.into_iter().map(pages::entry).collect());
    }
    // A name of its own after a dot or colons is none of those that stand alone.
    let alone = !chain.contains(['.', ':']);
    match find(reference, chain) {
        Found::Nothing(_) | Found::Entries(_) | Found::Language => None,
        _ if alone => Some(format!("```text\n{}\n```", text::help(reference, Some(chain)).ok()?)),
        _ => None,
    }
}

/// What the natives have for a chain such as `udp::bind`, `sock.ping` or `loss`; of every object if its type is not known.
fn entries<'a>(chain: &str, known: KnownNames<'a>) -> Vec<&'a HelpEntry> {
    let all = known.reference.ours();
    if let Some((object, name)) = chain.rsplit_once('.') {
        let kind = kind_of(object.trim_end_matches('?'), known);
        let fits = |entry: &&HelpEntry| {
            let of = kind.as_ref().map_or(entry.of.starts_with(char::is_uppercase), |kind| entry.of == *kind);
            entry.name == name && of && matches!(entry.kind, EntryKind::Method | EntryKind::Property)
        };
        return all.filter(fits).collect();
    }
    all.filter(|entry| entry.title == chain && entry.kind == EntryKind::Function).collect()
}

/// Where the name at the cursor is defined: in the document, in a module, or the script that a text names.
pub(super) fn definition(host: &ScriptHost, document: &Document, at: usize) -> Value {
    let all = tokens(&document.text);
    if let Some(index) = all.iter().position(|token| token.kind == TokenKind::Text && holds(token, at)) {
        return named_file(host, document, &all, index).map_or(Value::Null, |file| location(&file, "", (1, 1)));
    }
    let Some((_, token, chain)) = name_at(&document.text, at) else { return Value::Null };
    let name = token.text.as_str();
    let found = match chain.rsplit_once("::") {
        Some((alias, _)) => DocumentNames::module(host, document, &all, alias).and_then(|(file, text)| {
            let place = declared(&tokens(&text), name, usize::MAX)?;
            uri_of(&file).map(|uri| location(&uri, &text, place))
        }),
        None => declared(&all, name, at).map(|place| location(&document.uri, &document.text, place)),
    };
    found.unwrap_or_default()
}

/// Where a function is declared, or the variable that was declared last before `at`.
fn declared(tokens: &[Token], name: &str, at: usize) -> Option<(usize, usize)> {
    let pairs = || tokens.windows(2).filter(|pair| pair[1].text == name);
    let variable = pairs().rfind(|pair| matches!(pair[0].text.as_str(), "let" | "const") && pair[1].at <= at);
    let function = || pairs().find(|pair| pair[0].text == "fn");
    variable.or_else(function).map(|pair| pair[1].start)
}

fn location(uri: &str, text: &str, (line, column): (usize, usize)) -> Value {
    let place = place_in(text, line, column);
    json!({ "uri": uri, "range": { "start": place, "end": place } })
}

/// The file on disk that the text `index` names where it stands in `import "…"`, `start("…")`, `run("…")` or `policy("…")`.
fn named_file(host: &ScriptHost, document: &Document, all: &[Token], index: usize) -> Option<String> {
    let name = all[index].text.trim_matches(['"', '`']);
    let before = |back: usize| index.checked_sub(back).map_or("", |at| all[at].text.as_str());
    let (file, text) = match (before(1), before(2)) {
        ("import", _) => host.sources.find_module(name, &document.name).ok()?,
        ("(", "start" | "run") => host.sources.find(name, &document.name).ok()?,
        ("(", "policy") => {
            let name = name.split(':').next().unwrap_or_default();
            let is_file = name.contains('/') || name.ends_with(".rhai");
            let file = if is_file { name.to_string() } else { format!("policies/{name}.rhai") };
            host.sources.find(&file, &document.name).ok()?
        }
        _ => return None,
    };
    // One that came with pingscript is on disk only where somebody has put it.
    let is_it = |read: &String| without_marks(read) == text;
    std::fs::read_to_string(&file).ok().filter(is_it).and_then(|_| uri_of(&file))
}

fn holds(token: &Token, at: usize) -> bool {
    token.at <= at && at <= token.at + token.text.len()
}

/// The word at a place, with the chain of names before it that it ends: `udp::bind`, `sock.ping`.
fn name_at(text: &str, at: usize) -> Option<(usize, Token, &str)> {
    let all = tokens(text);
    let index = all.iter().position(|token| token.kind == TokenKind::Word && holds(token, at))?;
    let token = all[index].clone();
    let end = token.at + token.text.len();
    let start = expression_start(&text[..end]);
    Some((index, token, &text[start..end]))
}
