//! What may stand at the cursor: names of variables, functions and namespaces, what an object can do, keys of option maps,
//! files, scripts and hosts.

use super::lexer::KEYWORDS;
use super::place::{CursorPlace, place};
use crate::engine::help::{EntryKind, HelpEntry, Reference};
use crate::engine::sources::SHIPPED;

/// A variable of the session.
#[derive(Clone, Debug)]
pub struct Variable {
    /// What it is called.
    pub name: String,
    /// Its type, as scripts name it.
    pub kind: String,
    /// The keys of a map.
    pub keys: Vec<String>,
}

/// What there is to complete from.
#[derive(Clone, Copy, Debug)]
pub struct KnownNames<'a> {
    /// The natives.
    pub reference: &'a Reference,
    /// The variables of the session.
    pub variables: &'a [Variable],
    /// The functions of the session: names and numbers of parameters.
    pub functions: &'a [(String, usize)],
    /// The commands of the prompt, without their colons.
    pub commands: &'a [&'a str],
}

/// Something that may stand at the cursor: as it is shown in a list, and as it is typed.
pub type Completion = (String, String);

/// Where in `line` what is completed begins, and what may stand there, sorted.
pub fn complete(line: &str, cursor: usize, known: KnownNames<'_>) -> (usize, Vec<Completion>) {
    let before = &line[..cursor];
    let (start, mut found) = match place(before) {
        CursorPlace::Command { start, word } => {
            (start, known.commands.iter().filter(|c| c.starts_with(word)).map(|c| plain(*c)).collect())
        }
        CursorPlace::Argument { command, start, word } => (start, argument(command, word, known)),
        CursorPlace::Text { start, text, call } => (start, text_candidates(text, call.as_deref(), known)),
        CursorPlace::Namespace { namespace, start, word } => {
            let members = known.reference.of_namespace(namespace).filter(|entry| entry.name.starts_with(word));
            // Those of modules are known with their paths.
            let path = format!("{namespace}::");
            let own = known.functions.iter().filter_map(|(name, params)| Some((name.strip_prefix(&path)?, *params)));
            let own = own.filter(|(name, _)| name.starts_with(word)).map(|(name, params)| function(name, params));
            (start, members.map(called).chain(own).collect())
        }
        CursorPlace::Member { object, start, word } => (start, members(object, word, known)),
        CursorPlace::Key { call, start, word } => {
            let keys = option_keys(known, &call).into_iter().filter(|key| key.starts_with(word));
            (start, keys.map(|key| (key.clone(), format!("{key}: "))).collect())
        }
        CursorPlace::Name { start, word } => (start, names(word, known)),
        CursorPlace::Nothing => (cursor, Vec::new()),
    };
    found.sort();
    found.dedup();
    (start, found)
}

fn plain(text: impl Into<String>) -> Completion {
    let text = text.into();
    (text.clone(), text)
}

/// A function or method with its brackets, a property without.
fn called(entry: &HelpEntry) -> Completion {
    match entry.kind {
        EntryKind::Function | EntryKind::Method => {
            let skipped = usize::from(entry.kind == EntryKind::Method);
            let takes_none = entry.forms.iter().all(|form| form.params.len() <= skipped);
            let name = &entry.name;
            if takes_none { plain(format!("{name}()")) } else { (format!("{name}(…)"), format!("{name}(")) }
        }
        _ => plain(&entry.name),
    }
}

fn function(name: &str, params: usize) -> Completion {
    if params == 0 { plain(format!("{name}()")) } else { (format!("{name}(…)"), format!("{name}(")) }
}

fn names(word: &str, known: KnownNames<'_>) -> Vec<Completion> {
    let mut all: Vec<Completion> = known.variables.iter().map(|variable| plain(&variable.name)).collect();
    all.extend(known.functions.iter().map(|(name, params)| function(name, *params)));
    let free = known.reference.ours().filter(|entry| entry.kind == EntryKind::Function && entry.namespace.is_empty());
    all.extend(free.map(called));
    all.extend(known.reference.namespaces().into_iter().map(|name| plain(format!("{name}::"))));
    // A list of everything is not helped by the words of the language.
    if !word.is_empty() {
        all.extend(KEYWORDS.iter().chain(&["print"]).map(|keyword| plain(*keyword)));
    }
    all.retain(|(_, typed)| typed.starts_with(word));
    all
}

/// The properties and methods of what stands before the dot; of every object if its type is not known.
fn members(object: &str, word: &str, known: KnownNames<'_>) -> Vec<Completion> {
    let kind = kind_of(object, known);
    if let Some(variable) =
        known.variables.iter().find(|variable| variable.name == object.trim() && !variable.keys.is_empty())
    {
        let keys = variable.keys.iter().filter(|key| key.starts_with(word)).map(plain);
        let methods =
            known.reference.of_type(&variable.kind).filter(|e| e.kind == EntryKind::Method && e.name.starts_with(word));
        // The methods of maps are seldom meant.
        return if word.is_empty() { keys.collect() } else { keys.chain(methods.map(called)).collect() };
    }
    let entries: Vec<&HelpEntry> = match &kind {
        Some(kind) => known.reference.of_type(kind).collect(),
        None => known.reference.ours().filter(|entry| entry.of.starts_with(char::is_uppercase)).collect(),
    };
    let shown = |entry: &&&HelpEntry| {
        matches!(entry.kind, EntryKind::Property | EntryKind::Method)
            && entry.name.starts_with(word)
            && (!matches!(entry.name.as_str(), "to_debug" | "to_string" | "print" | "debug") || word.len() > 1)
    };
    entries.iter().filter(shown).map(|entry| called(entry)).collect()
}

/// The type of an expression that is a chain of names, calls and literals; `None` if that cannot be known.
pub fn kind_of(expression: &str, known: KnownNames<'_>) -> Option<String> {
    let text = expression.trim_end();
    let known_kind = |kind: &str| (!matches!(kind, "any" | "()" | "")).then(|| kind.to_string());
    if text.ends_with(['"', '`']) {
        return Some("string".to_string());
    }
    let called = text.ends_with(')');
    let head = if called { &text[..super::place::opening(text)?] } else { text };
    let name_start = head
        .rfind(|c: char| !(c.is_alphanumeric() || c == '_'))
        .map_or(0, |at| at + head[at..].chars().next().map_or(1, char::len_utf8));
    let (before, name) = head.split_at(name_start);
    if name.is_empty() {
        return if called && before.ends_with(['(', ' ', '=']) {
            None
        } else {
            text.ends_with(']').then(|| "array".to_string()).filter(|_| before.is_empty())
        };
    }
    let returned = |entry: Option<&HelpEntry>| entry.and_then(|entry| known_kind(&entry.forms.first()?.returns));
    if let Some(object) = before.strip_suffix('.') {
        let of = kind_of(object, known)?;
        return returned(
            known
                .reference
                .of_type(&of)
                .find(|entry| entry.name == name && matches!(entry.kind, EntryKind::Method | EntryKind::Property)),
        );
    }
    if let Some(path) = before.strip_suffix("::") {
        let namespace = path.rsplit(|c: char| !(c.is_alphanumeric() || c == '_')).next()?;
        return returned(known.reference.of_namespace(namespace).find(|entry| entry.name == name));
    }
    if called {
        return returned(known.reference.ours().find(|entry| entry.title == name));
    }
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        return Some("integer".to_string());
    }
    known.variables.iter().find(|variable| variable.name == name).and_then(|variable| known_kind(&variable.kind))
}

/// The keys that the option map of a call may have, from what the function says of itself.
pub fn option_keys(known: KnownNames<'_>, call: &str) -> Vec<String> {
    let name = call.rsplit(['.', ':']).next().unwrap_or(call);
    let entries =
        known.reference.ours().filter(|entry| entry.title == call || (entry.name == name && !call.contains("::")));
    let forms = entries.flat_map(|entry| &entry.forms).filter(|form| form.params.iter().any(|(_, kind)| kind == "map"));
    let mut keys: Vec<String> = Vec::new();
    for form in forms {
        let text: Vec<&str> = form.doc.iter().map(String::as_str).take_while(|line| !line.starts_with("```")).collect();
        let text = text.join(" ");
        let text = text.split("Errors:").next().unwrap_or_default();
        let at = text.find("ptions:").or_else(|| text.find("ptions")).unwrap_or(0);
        for word in text[at..].split('`').skip(1).step_by(2) {
            let is_key = word.starts_with(|c: char| c.is_ascii_lowercase())
                && word.chars().all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit());
            if is_key && !keys.iter().any(|key| key == word) {
                keys.push(word.to_string());
            }
        }
    }
    keys
}

/// What may stand within quotes: files; scripts, policies or titles where such are asked for; hosts.
fn text_candidates(text: &str, call: Option<&str>, known: KnownNames<'_>) -> Vec<Completion> {
    let name = call.unwrap_or_default().rsplit(['.', ':']).next().unwrap_or_default();
    let mut all = match name {
        "help" => return titles(text, known),
        "start" | "run" => shipped("", ".rhai"),
        "policy" | "set_policy" => shipped("policies/", ""),
        "bind" | "open" | "ping" | "resolve" | "connect" | "listen" | "send_to" | "pinger" => hosts(),
        _ => Vec::new(),
    };
    all.retain(|(_, typed)| typed.starts_with(text));
    all.extend(files(text));
    all
}

fn argument(command: &str, word: &str, known: KnownNames<'_>) -> Vec<Completion> {
    match command {
        "help" => titles(word, known),
        "load" => {
            files(word).into_iter().chain(shipped("", "").into_iter().filter(|(_, t)| t.starts_with(word))).collect()
        }
        "save" => files(word),
        "set" => ["colour on", "colour off", "hints on", "hints off"]
            .iter()
            .filter(|s| s.starts_with(word))
            .map(|s| plain(*s))
            .collect(),
        _ => Vec::new(),
    }
}

fn titles(word: &str, known: KnownNames<'_>) -> Vec<Completion> {
    let titles = known
        .reference
        .ours()
        .filter(|entry| matches!(entry.kind, EntryKind::Function | EntryKind::Method | EntryKind::Property));
    let titles = titles.map(|entry| entry.title.clone()).chain(known.reference.types.keys().cloned());
    let all = titles.chain(known.reference.namespaces().into_iter().map(str::to_string));
    all.filter(|title| title.starts_with(word)).map(plain).collect()
}

/// The names of shipped scripts in `directory`, as they are given, with `ending`.
fn shipped(dir: &str, ending: &str) -> Vec<Completion> {
    let in_dir = SHIPPED.iter().filter_map(|(path, _)| path.strip_prefix(dir)).filter(|name| !name.contains('/'));
    in_dir.map(|name| plain(format!("{}{ending}", name.trim_end_matches(".rhai")))).collect()
}

/// The names of hosts that this machine knows (/etc/hosts).
fn hosts() -> Vec<Completion> {
    let text = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
    let lines = text.lines().filter_map(|line| line.split('#').next());
    let names = lines.flat_map(|line| line.split_whitespace().skip(1)).map(str::to_string);
    names.chain(["127.0.0.1:".to_string(), "[::1]:".to_string()]).map(plain).collect()
}

/// The files that `text` may be the beginning of; directories end in a slash.
fn files(text: &str) -> Vec<Completion> {
    let (dir, name) = text.rsplit_once('/').map_or(("", text), |(dir, name)| (&text[..dir.len() + 1], name));
    let Ok(entries) = std::fs::read_dir(if dir.is_empty() { "." } else { dir }) else { return Vec::new() };
    let found = entries.flatten().filter_map(|entry| {
        let file = entry.file_name().into_string().ok()?;
        let hidden = file.starts_with('.') && !name.starts_with('.');
        let slash = if entry.path().is_dir() { "/" } else { "" };
        (file.starts_with(name) && !hidden).then(|| (format!("{file}{slash}"), format!("{dir}{file}{slash}")))
    });
    found.take(500).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::programs::ScriptHost;

    fn typed(line: &str) -> Vec<String> {
        let reference = Reference::collect(ScriptHost::new().described());
        let variable = |name: &str, kind: &str, keys: &[&str]| Variable {
            name: name.to_string(),
            kind: kind.to_string(),
            keys: keys.iter().map(|key| key.to_string()).collect(),
        };
        let variables = [
            variable("sock", "UdpSocket", &[]),
            variable("server", "Task", &[]),
            variable("m", "map", &["alpha", "beta"]),
            variable("OPT", "Options", &["count", "timeout"]),
        ];
        let functions = [("twice".to_string(), 1), ("now".to_string(), 0)];
        let known = KnownNames {
            reference: &reference,
            variables: &variables,
            functions: &functions,
            commands: &["help", "load", "save"],
        };
        let (start, found) = complete(line, line.len(), known);
        found.into_iter().map(|(_, typed)| format!("{}{typed}", &line[..start])).collect()
    }

    #[test]
    fn what_may_stand_at_the_cursor_is_offered() {
        for (line, one, not) in [
            ("so", "sock", "server"),
            ("udp::b", "udp::bind(", "udp::open("),
            ("udp::", "udp::open(", "print"),
            ("ud", "udp::", "sock"),
            ("sock.", "sock.recv(", "sock.join()"),
            ("sock.po", "sock.port", "sock.recv("),
            ("x = sock.re", "x = sock.recv(", "x = sock.port"),
            ("server.", "server.stop()", "server.recv("),
            ("sock.recv(1.s).", "sock.recv(1.s).text", "sock.recv(1.s).port"),
            ("sock.addr.", "sock.addr.ip", "sock.addr.text"),
            ("udp::bind(\"a:1\").", "udp::bind(\"a:1\").recv(", "udp::bind(\"a:1\").ip"),
            ("250.", "250.ms", "250.recv("),
            ("unknown.", "unknown.recv(", "unknown.pad("),
            ("\"text\".to_u", "\"text\".to_upper()", "\"text\".recv("),
            ("m.", "m.alpha", "m.recv("),
            ("OPT.c", "OPT.count", "OPT.timeout"),
            ("udp::bind(\"a\", #{ r", "udp::bind(\"a\", #{ reuse: ", "udp::bind(\"a\", #{ random("),
            ("udp::bind(\"a\", #{ reuse: true, ", "udp::bind(\"a\", #{ reuse: true, rcvbuf: ", "sock"),
            ("sock.ping(\"a\", \"b\", #{ ti", "sock.ping(\"a\", \"b\", #{ timeout: ", "x"),
            ("start(\"udp_s", "start(\"udp_server.rhai", "x"),
            ("policy(\"gil", "policy(\"gilbert", "x"),
            ("udp::open(\"127", "udp::open(\"127.0.0.1:", "x"),
            ("help(\"udp::b", "help(\"udp::bind", "x"),
            ("start(\"./Car", "start(\"./Cargo.toml", "x"),
            ("tw", "twice(", "sock"),
            ("no", "now()", "sock"),
            ("wh", "while", "sock"),
            ("print(so", "print(sock", "server"),
            ("f(x, `a ${so", "f(x, `a ${sock", "server"),
            (":lo", ":load", ":save"),
            (":help udp::b", ":help udp::bind", "x"),
            (":load udp_p", ":load udp_ping", "x"),
        ] {
            let found = typed(line);
            assert!(found.iter().any(|f| f == one), "{line}: no {one} in {found:?}");
            assert!(!found.iter().any(|f| f == not), "{line}: {not} in {found:?}");
        }
        for line in ["let x = 5 // so", "/* so", "x.y.z."] {
            assert!(typed(line).iter().all(|f| !f.ends_with("sock")), "{line}");
        }
    }

    #[test]
    fn each_option_map_of_a_function_has_keys_in_its_text() {
        let reference = Reference::collect(ScriptHost::new().described());
        let known = KnownNames { reference: &reference, variables: &[], functions: &[], commands: &[] };
        for entry in reference.ours() {
            let takes =
                |name: &str| entry.forms.iter().any(|form| form.params.iter().any(|(n, k)| n == name && k == "map"));
            if takes("options") && entry.title != "policy" {
                assert!(
                    !option_keys(known, &entry.title).is_empty(),
                    "{}: no key is named after \"options\"",
                    entry.title
                );
            }
        }
    }
}
