//! Checks scripts without running them: what the parser finds wrong, and undefined names.
//!
//! What only a run can know, such as types, is left to the run: a check never finds fault with a script that is right. What runs but is likely
//! a mistake, such as `${` in double quotes, is a warning, which leaves the exit code as it is.

mod names;

use std::collections::HashSet;
use std::io::Read;

use rhai::{AST, Position};

use super::diagnostics::{Finding, Names, Scan, refuse_open_comment};
use super::programs::ScriptHost;
use super::run::{exit, refuse};
use crate::bindings::context::Programs;
use crate::net::error::{Error, ErrorKind};
use crate::terminal::output;

/// Syntax errors reported of one script; after so many the rest is noise.
const SYNTAX_ERRORS: usize = 20;

/// Checks each of `files` (a file, the name of a script that came with pingscript, or `-` for standard input) and says
/// what it finds; the exit code.
pub fn run(files: &[String]) -> i32 {
    if files.is_empty() {
        let error = Error::new(ErrorKind::Invalid, "check", "there is no script to check");
        return refuse(&error.with_hint("name one or several: pingscript --check FILE…"));
    }
    let mut code = exit::DONE;
    for file in files {
        let host = ScriptHost::for_checking();
        let opened = if file == "-" { standard_input() } else { host.sources.open(file) };
        let (name, text) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                code = code.max(refuse(&error));
                continue;
            }
        };
        let found = check(&host, &name, &text);
        for message in &found {
            output::note(message);
        }
        let warnings = host.warnings(&name);
        for message in &warnings {
            output::note(message);
        }
        let warned = match warnings.len() {
            0 => String::new(),
            warned => format!(", {}", count(warned, "warning")),
        };
        match found.len() {
            0 => output::line(&format!("{name}: no errors found{warned}")),
            more => output::note(&format!("{name}: {}{warned}", count(more, "error"))),
        }
        if !found.is_empty() {
            code = code.max(exit::SCRIPT);
        }
    }
    output::flush();
    if output::has_failed() { code.max(exit::SCRIPT) } else { code }
}

fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

fn standard_input() -> Result<(String, String), Error> {
    let mut text = String::new();
    match std::io::stdin().read_to_string(&mut text) {
        Ok(_) => Ok(("stdin".to_string(), text)),
        Err(err) => Err(Error { kind: ErrorKind::File, ..Error::system("read", &err) }.with_peer("standard input")),
    }
}

/// What is wrong with a script, a message each, in the order of their places.
pub fn check(host: &ScriptHost, name: &str, text: &str) -> Vec<String> {
    host.sources.keep(name, text);
    let (program, mut found) = read(host, name, text);
    if let Some((ast, given_up)) = program {
        let mut names = Names::collect(host.engine(), Some(&ast));
        let imports = names::imports(host, name, &ast, &mut names);
        found.extend(imports.broken.iter().map(|(pos, error)| (*pos, host.describe(name, error, None))));
        for (pos, finding) in names::findings(host, name, text, &ast, &names, &imports) {
            if !given_up.contains(&finding_name(&finding)) {
                found.push((pos, host.describe_finding(name, &finding, pos, &names)));
            }
        }
    }
    found.sort_by_key(|(pos, message)| (pos.line(), pos.position(), message.clone()));
    found.dedup();
    found.into_iter().map(|(_, message)| message).collect()
}

type Findings = Vec<(Position, String)>;

/// The program without the statements that cannot be read, with the names those declare; and why they cannot.
/// No program if even that cannot be read.
fn read(host: &ScriptHost, name: &str, text: &str) -> (Option<(AST, HashSet<String>)>, Findings) {
    let (mut found, mut given_up) = (Findings::new(), HashSet::new());
    if let Err(error) = refuse_open_comment(text) {
        found.push((error.position(), host.describe_parse(name, &error)));
    }
    let mut rest = text.to_string();
    loop {
        let error = match host.engine().compile(&rest) {
            Ok(ast) => return (Some((ast, given_up)), found),
            Err(error) => error,
        };
        let pos = error.position();
        found.push((pos, host.describe_parse_of(name, &error, &rest)));
        let scan = Scan::new(&rest);
        let Some(without) = scan.without_statement(&rest, pos).filter(|_| found.len() < SYNTAX_ERRORS) else {
            return (None, found);
        };
        let kept = Scan::new(&without);
        let (all, kept) = (scan.declarations(), kept.declarations());
        let gone = all.into_iter().filter(|(name, count)| kept.get(name).copied().unwrap_or(0) < *count);
        given_up.extend(gone.map(|(name, _)| name.to_string()));
        rest = without;
    }
}

/// The name that a finding is about, as the script declares it.
fn finding_name(finding: &Finding) -> String {
    match finding {
        Finding::Variable(name) => name.rsplit("::").next().unwrap_or(name).to_string(),
        Finding::Namespace(name) | Finding::Constant(name) | Finding::Option { name, .. } => name.clone(),
        Finding::Call { namespace, name, .. } if namespace.is_empty() => name.clone(),
        Finding::Call { namespace, .. } => namespace.clone(),
        Finding::File(_) => String::new(),
    }
}
