//! What pingscript does besides running scripts: `scripts`, `new`, `compare`, `ladder`, `report`, `test`, `grade`, `doc`, `doctor`, `lsp`, `completions`, `man`.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use clap::builder::StyledStr;
use clap::{Command as Definition, Subcommand};

use super::compare::{self, Compare};
use super::completion::{self, Shell};
use super::doctor::{self, Doctor};
use super::grade::{self, GradeArgs};
use super::help::command::{Doc, run as document};
use super::ladder::{self, LadderJob};
use super::programs::ScriptHost;
use super::report::{self, ReportArgs};
use super::run::{self, Job, exit, refuse};
use super::test_runner::{self, TestArgs};
#[cfg(feature = "web")]
use super::web::{self, WebArgs};
use super::{library, lsp, signals, tour};
use crate::bindings::context::Programs;
use crate::nearest::nearest;
use crate::net::error::{Error, ErrorKind};
use crate::terminal::columns::fit;
use crate::terminal::output;

/// A command. A script of such a name is run by its path, as in `./new`.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// List the scripts that came with pingscript
    Scripts,

    /// Explain a command, a script, or what scripts can call; without NAME: the command line
    Help {
        /// Such as doctor, udp_ping or udp::bind
        name: Option<String>,
    },

    /// Write a copy of a script that came with pingscript, to edit
    ///
    /// Such as: pingscript new udp_ping my.rhai; `pingscript scripts` lists the names
    New {
        /// The script, such as udp_ping or policies/loss, or an assignment; `pingscript scripts` lists them
        name: String,
        /// The file to write; none: NAME.rhai; of an assignment, the directory
        file: Option<String>,
    },

    /// Say what changed between two runs, by the rows that --json wrote: times, loss, jitter, each with its 95% interval
    #[command(after_help = compare::EXIT_CODES)]
    Compare(Compare),

    /// Draw who sent what to whom, and what was lost where and why: from the rows that --json FILE --frames wrote
    #[command(after_help = ladder::EXIT_CODES)]
    Ladder(LadderJob),

    /// Write a report of one run or of several, by the rows that --json wrote: one page of HTML that needs nothing else
    #[command(after_help = report::EXIT_CODES)]
    Report(ReportArgs),

    /// Run scripts as tests, each in a process of its own, and report which of their checks failed
    #[command(after_help = test_runner::EXIT_CODES)]
    Test(TestArgs),

    /// Judge submissions: run a judge once for each, with their programs in sandboxes, and write points and words for each
    #[command(after_help = grade::EXIT_CODES)]
    Grade(GradeArgs),

    /// Open the playground in a browser on this machine, with runs that --json FILE --frames has recorded
    #[cfg(feature = "web")]
    #[command(after_help = web::EXIT_CODES)]
    Web(WebArgs),

    /// Explain what scripts can call
    Doc(Doc),

    /// Learn it step by step: type this, see that, why
    Tour,

    /// Say what works on this machine, what does not, and what to do about it
    #[command(after_help = doctor::EXIT_CODES)]
    Doctor(Doctor),

    /// Serve an editor: a language server over standard input and output
    ///
    /// Errors and warnings as --check has them, completion, what functions do, definitions; docs/editors.md has the
    /// settings of editors
    Lsp,

    /// Print the completion script for a shell
    ///
    /// For bash: pingscript completions bash > ~/.local/share/bash-completion/completions/pingscript
    ///
    /// For zsh, in ~/.zshrc: source <(pingscript completions zsh)
    ///
    /// For fish: pingscript completions fish > ~/.config/fish/completions/pingscript.fish
    Completions {
        /// The shell
        shell: Shell,
    },

    /// List the words that can end a line; called by the shell's completion
    #[command(hide = true)]
    Complete {
        /// The shell
        shell: Shell,
        /// The line up to the cursor
        #[arg(allow_hyphen_values = true)]
        line: String,
    },

    /// Print or write the manual page
    ///
    /// To read it: pingscript man | man -l -
    Man {
        /// Write it, and one for each command, into this directory
        #[arg(value_name = "DIR")]
        dir: Option<PathBuf>,
    },
}

/// Does what `command` says; `definition` is the whole command line. The exit code.
///
/// # Errors
/// The system has no descriptor or thread left.
pub fn run(command: &Command, definition: Definition) -> Result<i32> {
    // What runs scripts has them stopped by itself.
    if !matches!(command, Command::Test(_) | Command::Grade(_) | Command::Tour | Command::Help { .. }) {
        signals::end_command();
    }
    let done = match command {
        // A program that reads the list has a line for each script.
        Command::Scripts if output::lines_are_on_terminal() => Ok(fit(&library::list(), output::columns())),
        Command::Scripts => Ok(library::list()),
        Command::New { name, file } => library::copy(name, file.as_deref()),
        Command::Help { name } => match explain(name.as_deref(), definition) {
            Explained::Text(text) => text,
            Explained::ScriptStart(job) => return run::run(&Arc::new(ScriptHost::new()), &job),
        },
        Command::Compare(asked) => return Ok(compare::run(asked)),
        Command::Ladder(job) => return Ok(ladder::run(job)),
        Command::Report(asked) => return Ok(report::run(asked)),
        Command::Test(asked) => return test_runner::run(asked),
        Command::Grade(asked) => return grade::run(asked),
        #[cfg(feature = "web")]
        Command::Web(asked) => return Ok(web::run(asked)),
        Command::Doc(doc) => document(&ScriptHost::new(), doc),
        Command::Tour => return tour::run(&Arc::new(ScriptHost::new())),
        Command::Doctor(asked) => return Ok(doctor::run(asked)),
        Command::Lsp => return Ok(lsp::run()),
        Command::Completions { shell } => Ok(shell.script().to_string()),
        Command::Complete { shell, line } => Ok(completion::candidates(*shell, line, definition).join("\n")),
        Command::Man { dir } => manual(dir.as_ref(), definition),
    };
    Ok(match done {
        Ok(text) => {
            output::line(text.trim_end());
            output::flush();
            if output::has_failed() { exit::SCRIPT } else { exit::DONE }
        }
        Err(error) => refuse(&error),
    })
}

/// What `help` has for a name.
enum Explained {
    /// A text, or that there is nothing of that name.
    Text(std::result::Result<String, Error>),
    /// A script, which explains its options itself.
    ScriptStart(Box<Job>),
}

fn explain(name: Option<&str>, mut definition: Definition) -> Explained {
    definition.build();
    let fitting = |help: StyledStr| Explained::Text(Ok(fit(help.to_string().trim_end(), output::columns())));
    let Some(name) = name else { return fitting(definition.render_help()) };
    if let Some(command) = definition.find_subcommand_mut(name) {
        return fitting(command.render_long_help());
    }
    let host = ScriptHost::new();
    if let Ok((name, text)) = host.sources.open(name) {
        let args = vec!["--help".to_string()];
        return Explained::ScriptStart(Box::new(Job { name, text, args, ..Job::default() }));
    }
    let about = Doc { name: Some(name.to_string()), ..Doc::default() };
    Explained::Text(document(&host, &about).map_err(|error| {
        let scripts = host.scripts();
        let commands = definition.get_subcommands().filter(|command| !command.is_hide_set()).map(Definition::get_name);
        let near = nearest(name, commands.chain(scripts.iter().map(String::as_str)));
        let hint = match (error.hint.starts_with("did you mean"), near.first()) {
            (true, _) => error.hint,
            (false, Some(near)) => format!("did you mean `{near}`?"),
            (false, None) => "`pingscript help` shows the commands, `pingscript scripts` the scripts, `pingscript doc` what they call"
                .to_string(),
        };
        Error { hint, op: "help", ..error }
    }))
}

/// The manual page, or what to print about those written to a directory.
fn manual(dir: Option<&PathBuf>, definition: Definition) -> std::result::Result<String, Error> {
    let failed = |err: std::io::Error| {
        let error = Error { kind: ErrorKind::File, ..Error::system("man", &err) };
        error.with_hint("name a directory that there is and that you may write to")
    };
    if let Some(dir) = dir {
        std::fs::create_dir_all(dir).map_err(failed)?;
        clap_mangen::generate_to(definition, dir).map_err(failed)?;
        return Ok(format!("manual pages are in {}", dir.display()));
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(definition).render(&mut page).map_err(failed)?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}
