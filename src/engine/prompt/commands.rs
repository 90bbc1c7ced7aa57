//! Commands of the prompt itself: `:load FILE`, `:help`, …

use std::fs::OpenOptions;
use std::io::Write;

use super::saved;
use super::session::{IT, PromptSession, SessionEnd};
use crate::bindings::context::Programs;
use crate::bindings::convert::shown_by;
use crate::engine::help::text::help;
use crate::engine::run::refuse;
use crate::engine::words;
use crate::nearest::nearest;
use crate::net::error::{Error, ErrorKind, in_words};
use crate::terminal::output;

/// Each command with what follows it, and what it does.
pub const COMMANDS: &[(&str, &str, &str)] = &[
    ("help", "[NAME]", "explain a function, an object or the language; none: these commands"),
    ("load", "FILE [ARGS]", "run a script here; what it declares stays"),
    ("run", "", "run the script that was loaded last once more"),
    ("save", "FILE", "write what was typed and ran without errors into a new script"),
    ("vars", "", "list variables and functions"),
    ("tasks", "", "list what runs in the background; tasks()[0].stop() ends the first"),
    ("clear", "", "clear the screen, as Ctrl-L does"),
    ("set", "colour|hints on|off", "switch colours or hints"),
    ("quit", "", "leave, as Ctrl-D does"),
];

/// What a command asks of the prompt.
#[derive(Debug, PartialEq, Eq)]
pub enum Asked {
    /// Nothing more.
    Done,
    /// To leave.
    Leave,
    /// To switch colours.
    Colour(bool),
    /// To switch hints.
    Hints(bool),
    /// To clear the screen.
    Clear,
}

/// What was loaded last, and its arguments.
pub type Loaded = Option<(String, Vec<String>)>;

/// Does what a line that begins with a colon says.
///
/// # Errors
/// It failed, which was reported; or the script that it loaded called `exit`.
pub fn obey(line: &str, session: &mut PromptSession, loaded: &mut Loaded) -> Result<Asked, SessionEnd> {
    let line = line.trim_start_matches(':').trim();
    let (command, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let rest = rest.trim();
    let report = |error: Error| {
        refuse(&error);
        Err(SessionEnd::Failed)
    };
    match command {
        "help" | "h" | "?" if rest.is_empty() => output::prose(&overview()),
        "help" | "h" | "?" if session.scope.contains(rest) => {
            let value = session.scope.get_value::<rhai::Dynamic>(rest).unwrap_or_default();
            match session.host.help(Some(&value)) {
                Ok(text) => output::line(&text),
                Err(error) => return report(error),
            }
        }
        "help" | "h" | "?" => match help(session.host.reference(), Some(rest)) {
            Ok(text) => output::line(&text),
            Err(error) => return report(error),
        },
        "load" if rest.is_empty() => return report(lacking("load", "the name of a script", ":load my.rhai")),
        "load" => {
            let mut words = words(rest).into_iter();
            let name = words.next().unwrap_or_default();
            *loaded = Some((name, words.collect()));
            load(session, loaded)?;
        }
        "run" => load(session, loaded)?,
        "save" if rest.is_empty() => return report(lacking("save", "the name of a file", ":save my.rhai")),
        "save" => match save(session, rest) {
            Ok(lines) => {
                output::line(&format!("{lines} entries are in {rest}; run it with: pingscript {}", path(rest)))
            }
            Err(error) => return report(error),
        },
        "vars" => output::line(&variables(session)),
        "tasks" => session.look("tasks()")?,
        "clear" => return Ok(Asked::Clear),
        "set" => match rest.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["colour" | "color" | "colours" | "colors", on @ ("on" | "off")] => return Ok(Asked::Colour(*on == "on")),
            ["hints", on @ ("on" | "off")] => return Ok(Asked::Hints(*on == "on")),
            [what, ..] if !["colour", "color", "colours", "colors", "hints"].contains(what) => {
                let error = Error::invalid("set", format!("there is nothing called {what} to switch"));
                return report(error.with_hint("such as :set colour off, or :set hints on"));
            }
            [_, how, ..] => {
                let error = Error::invalid("set", format!("it is switched on or off, not {how}"));
                return report(error.with_hint("such as :set colour off, or :set hints on"));
            }
            _ => return report(lacking("set", "what to switch", ":set colour off, or :set hints on")),
        },
        "quit" | "q" | "exit" => return Ok(Asked::Leave),
        _ => {
            let error = Error::new(ErrorKind::Invalid, "prompt", format!("there is no command :{command}"));
            let near = nearest(command, COMMANDS.iter().map(|(name, ..)| *name));
            return report(error.with_hint(match near.first() {
                Some(near) => format!("did you mean :{near}? :help lists them"),
                None => ":help lists them".to_string(),
            }));
        }
    }
    Ok(Asked::Done)
}

/// Runs what was loaded last in the session.
///
/// # Errors
/// It failed, which was reported; or it called `exit` with another code than 0.
pub fn load(session: &mut PromptSession, loaded: &Loaded) -> Result<(), SessionEnd> {
    let Some((name, args)) = loaded else {
        refuse(&lacking("run", "a script that was loaded before", ":load my.rhai"));
        return Err(SessionEnd::Failed);
    };
    let opened = session.open(name).and_then(|(name, text)| match session.unknown_option(&text, args) {
        Some(error) => Err(error),
        None => Ok((name, text)),
    });
    let (name, text) = opened.map_err(|error| {
        refuse(&error);
        SessionEnd::Failed
    })?;
    match session.load(&name, &text, args.clone()) {
        // A script that ends itself does not end the prompt.
        Err(SessionEnd::Left(0)) => Ok(()),
        Err(SessionEnd::Left(code)) => {
            output::note(&format!("{name} ended with exit code {code}"));
            Err(SessionEnd::Failed)
        }
        other => other,
    }
}

fn lacking(op: &'static str, what: &str, such_as: &str) -> Error {
    Error::invalid(op, format!("{what} is missing")).with_hint(format!("such as {such_as}"))
}

fn overview() -> String {
    let width = COMMANDS.iter().map(|(name, args, _)| name.len() + args.len()).max().unwrap_or(0) + 2;
    let line = |(name, args, about): &(&str, &str, &str)| {
        let command = format!(":{name} {args}");
        format!("  {:width$}  {about}", command.trim_end())
    };
    let commands: Vec<String> = COMMANDS.iter().map(line).collect();
    format!(
        "Type a line of script: its value is shown, and is called {IT} afterwards. Input that is not complete goes on in \
         the next line. Tab completes, the arrow keys and Ctrl-R find earlier entries, Ctrl-C stops what runs, Ctrl-D \
         leaves.\n\n{}\n\nhelp() shows what scripts can call, help(\"language\") how they are written.",
        commands.join("\n")
    )
}

fn variables(session: &PromptSession) -> String {
    let mut lines: Vec<String> = session
        .scope
        .iter_raw()
        .map(|(name, constant, value)| {
            let value = shown_by(session.host.engine(), &value.clone().flatten());
            let first = value.lines().next().unwrap_or_default();
            let shown: String = first.chars().take(70).collect();
            let more = if shown.len() < value.len() { "…" } else { "" };
            format!("{} {name} = {shown}{more}", if constant { "const" } else { "let" })
        })
        .collect();
    lines.reverse();
    let mut functions: Vec<String> = session
        .functions
        .iter_functions()
        .filter(|f| !f.name.starts_with("anon$"))
        .map(|f| format!("fn {}({})", f.name, f.params.join(", ")))
        .collect();
    functions.sort();
    lines.extend(functions);
    if lines.is_empty() { "there are no variables and functions yet".to_string() } else { lines.join("\n") }
}

/// Writes the entries into a new file; how many they are.
fn save(session: &PromptSession, name: &str) -> Result<usize, Error> {
    if session.typed.is_empty() {
        let error = Error::invalid("save", "nothing was typed yet that ran without an error");
        return Err(error.with_hint("what :load and -i have run is in its own file"));
    }
    let text = format!("//! Typed at the prompt.\n\n{}", saved::script(session.typed.iter()));
    let failed = |err: std::io::Error| {
        let error = Error::new(ErrorKind::File, "save", in_words(&err)).with_peer(name);
        match err.kind() {
            std::io::ErrorKind::AlreadyExists => {
                Error { message: "the file exists, and is left as it is".to_string(), ..error }
                    .with_hint("give another name, or remove the file first")
            }
            _ => error.with_hint("name a file in a directory that there is and that you may write to"),
        }
    };
    let mut file = OpenOptions::new().write(true).create_new(true).open(name).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    Ok(session.typed.len())
}

/// A file as the command line takes it.
fn path(name: &str) -> String {
    if name.contains('/') || name.ends_with(".rhai") { name.to_string() } else { format!("./{name}") }
}

/// Words as a shell would distinguish them: by blanks, except within quotes.
fn words(text: &str) -> Vec<String> {
    let (mut words, last) = words::words(text);
    words.extend(Some(last.text).filter(|last| !last.is_empty()));
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_distinguished_as_in_a_shell() {
        assert_eq!(words("udp_ping --count 3"), ["udp_ping", "--count", "3"]);
        assert_eq!(words(" a  'b c' \"\" d\"e f\" "), ["a", "b c", "", "de f"]);
        assert!(words("").is_empty());
    }
}
