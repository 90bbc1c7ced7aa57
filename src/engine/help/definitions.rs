//! Definitions for editors, in the format of the Rhai language server: `.d.rhai` files with each native and what it says.

use rhai::Engine;

/// The files: their names and texts.
pub fn files(engine: &Engine) -> Vec<(String, String)> {
    let definitions = engine.definitions().with_headers(true);
    let files = definitions.iter_files();
    files.map(|(name, text)| (name, readable(&text))).collect()
}

/// Words that the language server keeps from being names, besides those of the language.
const RESERVED: &str = "var static goto exit match case public protected new use with module package super spawn thread go \
                        sync async await yield default void null nil";

/// The definitions that the language server can read, each with what it says: it has no form for indexers, nor for functions
/// that have the name of a reserved word.
fn readable(text: &str) -> String {
    let (mut out, mut doc, mut last) = (String::new(), String::new(), String::new());
    for line in text.lines().map(tidy) {
        if line.starts_with("///") {
            doc.push_str(&line);
            doc.push('\n');
            continue;
        }
        let name = line.strip_prefix("fn ").and_then(|rest| rest.split('(').next());
        let unreadable = name.is_some_and(|name| name.contains('$') || RESERVED.split(' ').any(|word| word == name));
        // Of two ranges that differ in their end alone, one is enough.
        if !unreadable && (line.is_empty() || line != last) {
            out.push_str(&doc);
            out.push_str(&line);
            out.push('\n');
        }
        doc.clear();
        if !line.is_empty() {
            last = line;
        }
    }
    // What was left out leaves its blank line.
    while out.contains("\n\n\n") {
        out = out.replace("\n\n\n", "\n\n");
    }
    out.trim_end().to_string() + "\n"
}

/// A line of a definition file. What a declaration returns is named as scripts name it: the result of a native that can fail
/// is its value.
fn tidy(line: &str) -> String {
    let line = line.trim_end();
    let is_declaration = ["fn ", "op "].iter().any(|start| line.starts_with(start));
    let Some((head, returns)) = line.rsplit_once("-> ").filter(|_| is_declaration) else {
        return line.to_string();
    };
    let returns = returns.trim_end_matches(';').replace(" >", ">");
    let inner = ["ScriptResult<", "RhaiResultOf<", "Result<"].iter().find_map(|start| returns.strip_prefix(start));
    let inner = inner.map_or(returns.as_str(), |rest| {
        let rest = rest.strip_suffix('>').unwrap_or(rest);
        rest.split(", Box<").next().unwrap_or(rest)
    });
    // A path was cut at its last colons.
    let inner = if inner.contains('<') { inner } else { inner.trim_end_matches('>') };
    let returns = match inner.trim() {
        "" | "RhaiResult" => "?",
        "SocketAddr" => "Addr",
        "String" => "string",
        "Array" => "array",
        "Map" => "map",
        "Blob" => "blob",
        other => other,
    };
    // A reserved word cannot name a parameter here.
    let head = head.replace("default: ", "default_value: ").replace(": range=", ": range");
    format!("{head}-> {returns};")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::help::Reference;
    use crate::engine::programs::ScriptHost;

    #[test]
    fn what_is_returned_is_named_as_scripts_name_it() {
        for (line, expected) in [
            ("fn bind(local: string) -> ScriptResult<UdpSocket >;", "fn bind(local: string) -> UdpSocket;"),
            ("op /(Duration, int) -> Result<Duration, Box<EvalAltResult>>;", "op /(Duration, int) -> Duration;"),
            ("fn f(x: ?) -> ;", "fn f(x: ?) -> ?;"),
            ("fn f() -> String;", "fn f() -> string;"),
            ("fn f() -> SocketAddr>;", "fn f() -> Addr;"),
            ("fn f(range: range=, n: int) -> ();", "fn f(range: range, n: int) -> ();"),
            ("/// gives -> this;", "/// gives -> this;"),
        ] {
            assert_eq!(tidy(line), expected);
        }
    }

    /// What the grammar of the language server has no form for is in no file: its parser reads them without an error.
    #[test]
    fn each_line_has_a_form_that_the_language_server_reads() {
        let host = ScriptHost::new();
        let is_name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
        let is_type =
            |of: &str| of == "?" || of == "()" || of.split('<').all(|part| is_name(part.trim_end_matches(['>', ' '])));
        for (file, text) in files(host.described()) {
            let (mut lines, mut before) = (text.lines().filter(|line| !line.is_empty()), String::new());
            assert!(lines.next().is_some_and(|line| line.starts_with("module ")), "{file}");
            for line in lines.filter(|line| !line.starts_with("///")) {
                assert_ne!(line, before, "{file}");
                before = line.to_string();
                let whole = line.strip_suffix(';').unwrap_or_else(|| panic!("{file}: {line}"));
                let Some(rest) = whole.strip_prefix("fn ") else {
                    assert!(whole.starts_with("op "), "{file}: {line}");
                    continue;
                };
                let (head, returns) = rest.rsplit_once(" -> ").unwrap_or((rest, "()"));
                let (name, params) = head.strip_suffix(')').and_then(|head| head.split_once('(')).expect("brackets");
                let name = name.trim_start_matches("get ").trim_start_matches("set ");
                assert!(is_name(name) && !RESERVED.split(' ').any(|word| word == name), "{line}");
                assert!(is_type(returns) && returns.matches('<').count() == returns.matches('>').count(), "{line}");
                for param in params.split(", ").filter(|param| !param.is_empty()) {
                    let (name, of) =
                        param.trim_start_matches("...").split_once(": ").unwrap_or_else(|| panic!("{file}: {line}"));
                    assert!(
                        is_name(name) && !RESERVED.split(' ').any(|word| word == name) && is_type(of),
                        "{file}: {line}: {param}"
                    );
                }
            }
        }
    }

    /// The parser of the language reads them once the types are gone and a body stands in the place of each `;`.
    #[test]
    fn every_function_is_in_a_file_that_can_be_read() {
        let host = ScriptHost::new();
        let files = files(host.described());
        let parser = Engine::new_raw();
        let mut declared = Vec::new();
        for line in files.iter().flat_map(|(_, text)| text.lines()).filter(|line| line.starts_with("fn ")) {
            let head = line.split(" -> ").next().unwrap_or(line).trim_end_matches([';', ')']);
            let (name, params) = head.split_once('(').expect("a list of parameters");
            let names: Vec<&str> = params.split(", ").map(|p| p.split(':').next().unwrap_or(p).trim()).collect();
            // What is no name is a word that functions of the language alone may have, such as `call`.
            let name = name.trim_start_matches("fn ").trim_start_matches("get ").trim_start_matches("set ");
            let names: Vec<&str> = names.into_iter().map(|name| if name == "_" { "value" } else { name }).collect();
            if rhai::is_valid_function_name(name) && !name.contains('$') && names.iter().all(|n| !n.is_empty()) {
                let text = format!("fn {name}({}) {{}}", names.join(", "));
                parser.compile(&text).unwrap_or_else(|error| panic!("{line}: {error}"));
            }
            declared.push(name.to_string());
        }
        for entry in Reference::collect(host.described()).ours() {
            let name = match entry.kind {
                crate::engine::help::EntryKind::Function | crate::engine::help::EntryKind::Method => &entry.name,
                _ => continue,
            };
            assert!(declared.contains(name) || name == "exit", "{} is in no file", entry.title);
        }
    }
}
