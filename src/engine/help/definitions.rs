//! Definitions for editors, in the format of the Rhai language server: `.d.rhai` files with each native and what it says.

use rhai::Engine;

/// The files: their names and texts.
pub fn files(engine: &Engine) -> Vec<(String, String)> {
    let definitions = engine.definitions().with_headers(true);
    let files = definitions.iter_files();
    files.map(|(name, text)| (name, text.lines().map(tidy).collect::<Vec<_>>().join("\n") + "\n")).collect()
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
    let returns = match inner.trim() {
        "" | "RhaiResult" => "?",
        "String" => "string",
        "Array" => "array",
        "Map" => "map",
        "Blob" => "blob",
        other => other,
    };
    // A reserved word cannot name a parameter here.
    let head = head.replace("default: ", "default_value: ");
    format!("{head}-> {returns};")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::context::Programs;
    use crate::engine::help::Reference;
    use crate::engine::programs::ScriptHost;

    #[test]
    fn what_is_returned_is_named_as_scripts_name_it() {
        for (line, expected) in [
            ("fn bind(local: string) -> ScriptResult<UdpSocket >;", "fn bind(local: string) -> UdpSocket;"),
            ("op /(Duration, int) -> Result<Duration, Box<EvalAltResult>>;", "op /(Duration, int) -> Duration;"),
            ("fn f(x: ?) -> ;", "fn f(x: ?) -> ?;"),
            ("fn f() -> String;", "fn f() -> string;"),
            ("/// gives -> this;", "/// gives -> this;"),
        ] {
            assert_eq!(tidy(line), expected);
        }
    }

    /// The parser of the language reads them once the types are gone and a body stands in the place of each `;`.
    #[test]
    fn every_function_is_in_a_file_that_can_be_read() {
        let host = ScriptHost::new();
        let files = files(host.engine());
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
        for entry in Reference::collect(host.engine()).ours() {
            let name = match entry.kind {
                crate::engine::help::Kind::Function | crate::engine::help::Kind::Method => &entry.name,
                _ => continue,
            };
            assert!(declared.contains(name), "{} is in no file", entry.title);
        }
    }
}
