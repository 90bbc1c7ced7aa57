//! Checks scripts without running them: what the parser finds wrong, and undefined names.
//!
//! What only a run can know, such as types, is left to the run: a check never finds fault with a script that is right. What runs but is likely
//! a mistake, such as `${` in double quotes, is a warning, which leaves the exit code as it is.

mod names;
mod rows;

use std::collections::HashSet;
use std::io::Read;

use rhai::{AST, Position};

use super::diagnostics::{DiagnosticMessage, Finding, Names, Scan, refuse_open_comment};
use super::lexer::{Token, tokens};
use super::programs::ScriptHost;
use super::run::{exit, refuse};
use crate::bindings::context::Programs;
use crate::net::error::{Error, ErrorKind};
use crate::terminal::output;

/// Syntax errors reported of one script; after so many the rest is noise.
const SYNTAX_ERRORS: usize = 20;

/// How a check says what it finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckOutput {
    /// Messages for people, and a line for each file.
    Messages,
    /// A row of JSON for each error and warning, on standard output.
    Rows,
}

/// Something found in a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Where in the script; what is wrong in a module it imports is found at the import.
    pub at: Position,
    /// The line and column after the end of what is wrong, where that is known.
    pub end: Option<(usize, usize)>,
    /// What is wrong, with its place.
    pub message: DiagnosticMessage,
}

/// Checks each of `files` (a file, the name of a script that came with pingscript, or `-` for standard input) and says
/// what it finds; the exit code.
pub fn run(files: &[String], wanted: CheckOutput) -> i32 {
    if files.is_empty() {
        let error = Error::new(ErrorKind::Invalid, "check", "there is no script to check");
        return refuse(&error.with_hint("name one or several: pingscript --check FILE…"));
    }
    let code = files.iter().map(|file| check_file(file, wanted)).max().unwrap_or(exit::DONE);
    output::flush();
    if output::has_failed() { code.max(exit::SCRIPT) } else { code }
}

fn check_file(file: &str, wanted: CheckOutput) -> i32 {
    let host = ScriptHost::for_checking();
    let opened = if file == "-" { standard_input() } else { host.sources.open(file) };
    let (name, text) = match opened {
        Ok(opened) => opened,
        Err(error) if wanted == CheckOutput::Rows => {
            output::line(&rows::unreadable(file, &error).to_string());
            return exit::USAGE;
        }
        Err(error) => return refuse(&error),
    };
    let found = diagnose(&host, &name, &text);
    match wanted {
        CheckOutput::Rows => found.iter().for_each(|found| output::line(&rows::row(found).to_string())),
        CheckOutput::Messages => show(&name, &found),
    }
    if errors(&found) > 0 { exit::SCRIPT } else { exit::DONE }
}

/// Says which errors a script has, if it has any; whether it has.
#[cfg(feature = "cli")]
pub(super) fn refuse_mistakes(host: &ScriptHost, name: &str, text: &str) -> bool {
    let found = diagnose(host, name, text);
    let wrong = errors(&found) > 0;
    if wrong {
        show(name, &found);
    }
    wrong
}

fn show(name: &str, found: &[Diagnostic]) {
    found.iter().for_each(|found| output::note(&found.message.text));
    let errors = errors(found);
    let warned = match found.len() - errors {
        0 => String::new(),
        warned => format!(", {}", count(warned, "warning")),
    };
    match errors {
        0 => output::line(&format!("{name}: no errors found{warned}")),
        more => output::note(&format!("{name}: {}{warned}", count(more, "error"))),
    }
}

fn errors(found: &[Diagnostic]) -> usize {
    found.iter().filter(|found| found.message.severity == "error").count()
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
    found(host, name, text).into_iter().map(|(_, message)| message.text).collect()
}

/// What is wrong with a script, in the order of their places, and then what to warn of.
pub fn diagnose(host: &ScriptHost, name: &str, text: &str) -> Vec<Diagnostic> {
    let errors = found(host, name, text);
    let warnings = host.warnings(name).into_iter().map(|message| (message.at, message));
    let tokens = tokens(text);
    let all = errors.into_iter().chain(warnings);
    all.map(|(at, message)| {
        let here = message.source == name;
        let starts = |token: &&Token| {
            here && (Some(token.start.0), Some(token.start.1)) == (message.at.line(), message.at.position())
        };
        let end = tokens.iter().find(starts).map(|token| token.end);
        Diagnostic { at: if here { message.at } else { at }, end, message }
    })
    .collect()
}

fn found(host: &ScriptHost, name: &str, text: &str) -> Findings {
    host.sources.keep(name, text);
    let (program, mut found) = read(host, name, text);
    if let Some((ast, given_up)) = program {
        let mut names = Names::collect(host.described(), Some(&ast));
        let imports = names::imports(host, name, &ast, &mut names);
        found.extend(imports.broken.iter().map(|(pos, error)| (*pos, host.describe(name, error, None))));
        for (pos, finding) in names::findings(host, name, text, &ast, &names, &imports) {
            if !given_up.contains(&finding_name(&finding)) {
                found.push((pos, host.describe_finding(name, &finding, pos, &names)));
            }
        }
    }
    found.sort_by_key(|(pos, message)| (pos.line(), pos.position(), message.text.clone()));
    found.dedup();
    found
}

type Findings = Vec<(Position, DiagnosticMessage)>;

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
