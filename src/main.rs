//! The command line.

use std::ffi::OsString;
use std::io::{IsTerminal, Read};
use std::ops::RangeInclusive;
use std::panic::catch_unwind;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::parser::ValueSource;
use clap::{Arg, CommandFactory, Parser, ValueEnum};
use pingscript::bindings::callback::tame_panics;
use pingscript::bindings::lab::planned::PlannedChange;
use pingscript::bindings::options::{command_line::without_dashes, flags::know_flags};
use pingscript::engine::check::{self, CheckOutput};
use pingscript::engine::child_flags::ChildFlags;
use pingscript::engine::colour::{self, Colour};
use pingscript::engine::commands::{self, Command};
use pingscript::engine::programs::ScriptHost;
use pingscript::engine::report_file::report_name;
use pingscript::engine::run::{self, Job, exit};
use pingscript::engine::seeds::SeedsJob;
use pingscript::engine::sources::is_shipped;
use pingscript::engine::unknown_flag::{unknown_flag, written};
use pingscript::engine::{prompt, seeds, signals, watch};
use pingscript::limits::{memory, restriction, stack};
use pingscript::net::error::{Error, ErrorKind, in_words};
use pingscript::net::host::{bugs, environment};
use pingscript::net::lab::kernel::helper;
use pingscript::net::observe::record::Wanted;
use pingscript::net::sys;
use pingscript::terminal::columns::fit;
use pingscript::terminal::{Terminal, output};
use rhai::AST;

/// Counts the memory in use, so that a script that grows without end is stopped.
#[global_allocator]
static MEMORY: memory::Counting = memory::Counting;

/// A lab bench for networks: runs pingers, servers and drop policies written as short Rhai scripts.
#[derive(Debug, Parser)]
#[command(version, group = clap::ArgGroup::new("rows").args(["json", "csv", "report"]).multiple(true), args_conflicts_with_subcommands = true, disable_help_subcommand = true, after_help = AFTER_HELP, override_usage = "pingscript [FLAGS] SCRIPT [ARGS]…\n       pingscript [FLAGS] -e CODE [ARGS]…\n       pingscript [FLAGS] -i SCRIPT [ARGS]…\n       pingscript [FLAGS] --watch SCRIPT [ARGS]…\n       pingscript --check [--json] FILE…\n       pingscript scripts\n       pingscript new NAME [FILE]\n       pingscript lab [FLAGS] [-- COMMAND…]\n       pingscript compare BEFORE AFTER\n       pingscript ladder RUN\n       pingscript report RUN… -o FILE\n       pingscript test [FILE|DIR]…\n       pingscript grade JUDGE DIR…\n       pingscript tour\n       pingscript doctor [--json]\n       pingscript doc [NAME]\n       pingscript help [NAME]\n       pingscript lsp\n       pingscript completions SHELL\n       pingscript man [DIR]\n       pingscript [FLAGS]")]
struct Cli {
    /// Run this code instead of a file, and print its value
    #[arg(short = 'e', value_name = "CODE")]
    code: Option<String>,

    /// Check scripts without running them: syntax, undefined names, and likely mistakes (warnings); exit code 3 if there are errors.
    /// With --json FILE… as rows on standard output
    #[arg(long, conflicts_with = "code")]
    check: bool,

    /// Seed of everything random in the script; the same seed gives the same run
    #[arg(long, value_name = "N", value_parser = seed)]
    seed: Option<u64>,

    /// Show every send, receive, verdict, outcome and kernel drop, a line each on standard error, and what runs compiled
    #[arg(long)]
    trace: bool,

    /// Run the script on simulated hosts and on virtual time: this machine, and its labs; the same seed gives the same run
    #[arg(long, conflicts_with = "check")]
    simulate: bool,

    /// With --simulate: change a link of the lab so long after the beginning: "1.5s a-b delay=20ms", rate=10M (or none), loss=0.1 (in
    /// place of its policy); several times for several changes
    #[arg(long, value_name = "CHANGE", requires = "simulate", conflicts_with = "seeds")]
    change: Vec<PlannedChange>,

    /// kernel: no simulated run where the system allows no labs; an error instead
    #[arg(long, value_name = "WHERE", value_enum, hide_possible_values = true, conflicts_with_all = ["simulate", "check"])]
    lab: Option<LabKind>,

    /// With --simulate: run the script once for each of these seeds, both ends included, and sum up
    #[arg(long, value_name = "A..B", value_parser = seeds::range, requires = "simulate", conflicts_with_all = ["seed", "trace", "csv", "interactive", "watch"])]
    seeds: Option<RangeInclusive<u64>>,

    /// Run programs that a script wants in a sandbox without one, with all rights that you have
    #[arg(long, conflicts_with = "check")]
    no_sandbox: bool,

    /// Run a script of somebody else: it starts no program, touches no file outside of its directory, and reaches no network but
    /// loopback and its labs
    #[arg(long, conflicts_with_all = ["check", "interactive", "watch", "seeds"])]
    restrict: bool,

    #[command(flatten)]
    child: ChildFlags,

    /// Write a row for each probe and verdict, and a summary, as JSON Lines; - is standard output, and printed lines then go to
    /// standard error. With --seeds, a row for each seed. With --check, a row for each error and warning of the script FILE
    #[arg(long, value_name = "FILE")]
    json: Option<String>,

    /// Write the same rows as CSV
    #[arg(long, value_name = "FILE")]
    csv: Option<String>,

    /// Write a report of the run when it ends: one page of HTML with charts, which needs nothing else
    #[arg(long, value_name = "FILE", conflicts_with_all = ["seeds", "check"], value_parser = report_name)]
    report: Option<String>,

    /// Draw the last round-trip times, losses and their causes, and samples below the script's lines while it runs, on a terminal
    #[arg(long, conflicts_with_all = ["check", "interactive", "watch", "seeds"])]
    live: bool,

    /// Write a row for each frame on a link of a lab, too, and outside of labs for all that sockets send and receive; `pingscript
    /// ladder FILE` draws them
    #[arg(long, requires = "rows")]
    frames: bool,

    /// Colours: auto (on a terminal, unless NO_COLOR is set), always or never
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = Colour::Auto, hide_default_value = true, hide_possible_values = true, global = true)]
    color: Colour,

    /// Run the script, then open a prompt with its variables
    #[arg(short = 'i', conflicts_with_all = ["code", "check"], requires = "script")]
    interactive: bool,

    /// Run the script, and reload it whenever it is saved; its sockets stay open
    #[arg(long, conflicts_with_all = ["code", "check", "interactive"], requires = "script")]
    watch: bool,

    /// The script (a file, the name of a script that came with pingscript, or - for standard input) and its own arguments;
    /// none: a prompt
    #[arg(value_name = "SCRIPT", trailing_var_arg = true, allow_hyphen_values = true, value_parser = OsStringValueParser::new().map(word))]
    script: Vec<String>,

    #[command(subcommand)]
    command: Option<Command>,
}

/// Where labs may be.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum LabKind {
    /// In the kernel.
    Kernel,
}

const AFTER_HELP: &str = "\
Flags stand before the script, the script's own arguments after it; `pingscript SCRIPT --help` explains those.

`pingscript lab` is a network with a shell in it, `pingscript` alone a prompt.
A script with the name of a command is run by its path: ./new

Exit codes:
    0  done                            4  a permission is missing
    1  pings were sent, no reply came  5  an expect() or check() of it failed
    2  wrong command line or options   129  SIGHUP
    3  error in the script,            130  SIGINT (Ctrl-C)
       or its output was lost          143  SIGTERM";

fn main() -> ExitCode {
    // A lab's helper is this binary too, with one thread.
    if let Some(code) = helper::run_if_asked() {
        return ExitCode::from(code as u8);
    }
    tame_panics();
    stack::listen();
    environment::set(Terminal);
    let code = match catch_unwind(start).unwrap_or(Ok(exit::SCRIPT)) {
        Ok(code) => code,
        Err(error) => {
            // What the system refused is reported in its own words, without Rust's number.
            match error.downcast_ref::<std::io::Error>() {
                Some(err) => output::note(&format!(
                    "error: pingscript cannot start: {}\n  hint: too little is left of files, threads or memory; look at `ulimit -a`",
                    in_words(err)
                )),
                None => output::note(&format!("error: {error:#}")),
            }
            exit::SCRIPT
        }
    };
    ExitCode::from(after_bugs(code) as u8)
}

/// The exit code of a run that would end with `code`: one that has met a bug of this program has not done all it should.
fn after_bugs(code: i32) -> i32 {
    let (met, places) = bugs::count();
    if met > places as u64 {
        output::note(&format!("error: a bug in pingscript was met {met} times; what met it was lost"));
    }
    if met > 0 && matches!(code, exit::DONE | exit::NO_REPLY) { exit::SCRIPT } else { code }
}

fn start() -> Result<i32> {
    sys::raise_descriptor_limit();
    know_flags(|name| Cli::command().get_arguments().filter_map(Arg::get_long).any(|flag| flag == name));
    output::open()?;
    signals::listen()?;
    let cli = match Cli::try_parse().map_err(without_dashes) {
        Ok(cli) => cli,
        Err(err) => {
            if err.use_stderr() {
                // There may be no one left to print for.
                let _ = err.print();
                return Ok(err.exit_code());
            }
            let text = err.render();
            // `--color` may come after the flag that ended the parsing.
            colour::choose(colour::asked_for(std::env::args()).unwrap_or_default());
            let coloured = pingscript::terminal::colour::is_wanted(std::io::stdout().is_terminal());
            let text = if coloured { text.ansi().to_string() } else { text.to_string() };
            output::styled(&fit(text.trim_end(), output::columns()));
            output::flush();
            return Ok(if output::has_failed() { exit::SCRIPT } else { exit::DONE });
        }
    };
    colour::choose(cli.color);
    if cli.check {
        let files = [cli.json.as_slice(), &cli.script].concat();
        return Ok(check::run(&files, if cli.json.is_some() { CheckOutput::Rows } else { CheckOutput::Messages }));
    }
    if let Some(command) = &cli.command {
        return commands::run(command, Cli::command());
    }
    if cli.code.is_none() && cli.script.first().is_some_and(|word| Cli::command().find_subcommand(word).is_some()) {
        return command_after_flags(&cli);
    }
    let host = Arc::new(ScriptHost::new());
    // Taking thousands of functions apart at the end would take as long as a short script.
    std::mem::forget(host.clone());
    if let Some(error) = rows_over_script(&cli) {
        return Ok(run::refuse(&error));
    }
    if cli.child.one_of_many {
        sys::die_with_parent();
    }
    if let Some(seeds) = &cli.seeds {
        return many_seeds(&host, &cli, seeds);
    }
    if cli.watch && cli.simulate {
        return Ok(run::refuse(&no_simulated_watch()));
    }
    let only_real = match cli.lab {
        Some(LabKind::Kernel) => Some("with --lab kernel"),
        None => cli.watch.then_some("with --watch"),
    };
    let (json, csv) = (cli.json, cli.csv);
    let wanted = Wanted { trace: cli.trace, json, csv, frames: cli.frames, report: cli.report };
    let (seed, simulate, child) = (cli.seed, cli.simulate, cli.child);
    let (one_of_many, ladders) = (child.one_of_many, child.ladders);
    let no_prompt = if cli.live { Some("--live") } else { cli.restrict.then_some("--restrict") };
    if let Some(flag) = no_prompt.filter(|_| cli.code.is_none() && cli.script.is_empty()) {
        return Ok(run::refuse(&needs_script(flag)));
    }
    let judged = child.graded(cli.no_sandbox);
    let (live, only_loopback) = (cli.live, cli.restrict && !child.in_lab);
    let of_run = Job { judged, seed, wanted, simulate, only_real, only_loopback, live, ..Job::default() };
    let base = Job { changes: cli.change, one_of_many, ladders, ..of_run };
    let mut words = cli.script.into_iter();
    if cli.interactive {
        let name = words.next().unwrap_or_default();
        let args: Vec<String> = words.collect();
        let opened = host.sources.open(&name).map(|(name, text)| host.compile(&name, &text));
        let unknown = |program: Result<AST, _>| program.ok().and_then(|program| run::unknown_option(&program, &args));
        if let Some(error) = opened.map_or_else(Some, unknown) {
            return Ok(run::refuse(&error));
        }
        return prompt::run(&host, base, Some((name, args)));
    }
    let job = |name: &str, text: String, args: Vec<String>, show_value| Job {
        name: name.to_string(),
        text,
        args,
        show_value,
        ..base.clone()
    };
    let job = match (cli.code, words.next()) {
        (None, Some(name)) if cli.watch && name == "-" => return Ok(run::refuse(&watch::not_a_file(&name))),
        (Some(code), first) => job("-e", code, first.into_iter().chain(words).collect(), true),
        (None, None) => return prompt::run(&host, base, None),
        (None, Some(name)) if name == "-" => {
            let mut bytes = Vec::new();
            let read = signals::while_reading(|| std::io::stdin().read_to_end(&mut bytes));
            read.context("standard input cannot be read as a script")?;
            match host.sources.decode("standard input", bytes) {
                Ok((_, text)) => job("stdin", text, words.collect(), false),
                Err(error) => return Ok(run::refuse(&error)),
            }
        }
        (None, Some(name)) if name.starts_with('-') => return Ok(run::refuse(&unknown_flag(Cli::command(), &name))),
        (None, Some(name)) => match host.sources.open(&name) {
            Ok((name, text)) => job(&name, text, words.collect(), false),
            Err(error) => return Ok(run::refuse(&error)),
        },
    };
    if cli.restrict
        && let Err(error) = restriction::restrict(Path::new(&job.name))
    {
        return Ok(run::refuse(&error));
    }
    match cli.watch {
        true if !Path::new(&job.name).is_file() => Ok(run::refuse(&watch::not_a_file(&job.name))),
        true => watch::run(&job),
        false => run::run(&host, &job),
    }
}

/// Runs the command that stands after flags. Only `--color` means something there.
fn command_after_flags(cli: &Cli) -> Result<i32> {
    let command = cli.script.first().map_or("", String::as_str);
    let given = Cli::command().get_matches();
    let is_given = |arg: &&Arg| given.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine);
    let means_something = |arg: &&Arg| arg.is_positional() || arg.get_id() == "color";
    let command_line = Cli::command();
    if let Some(flag) = command_line.get_arguments().filter(|arg| !means_something(arg)).find(is_given).map(written) {
        let error = Error::new(ErrorKind::Invalid, "flag", format!("it is for scripts, and `{command}` is a command"));
        return Ok(run::refuse(
            &error
                .with_peer(&flag)
                .with_hint(format!("write: pingscript {}; a script of this name is ./{command}", cli.script.join(" "))),
        ));
    }
    let words = std::iter::once("pingscript").chain(cli.script.iter().map(String::as_str));
    match Cli::try_parse_from(words) {
        Ok(Cli { command: Some(command), .. }) => commands::run(&command, Cli::command()),
        Ok(_) => Ok(exit::USAGE),
        Err(err) => {
            let _ = err.print();
            Ok(err.exit_code())
        }
    }
}

/// Runs a script once for each seed. What fails for every seed is reported once.
fn many_seeds(host: &Arc<ScriptHost>, cli: &Cli, seeds: &RangeInclusive<u64>) -> Result<i32> {
    let (name, text) = match (&cli.code, cli.script.first()) {
        (Some(code), _) => ("-e".to_string(), code.clone()),
        (None, Some(name)) if name != "-" => match host.sources.open(name) {
            Ok(found) => found,
            Err(error) => return Ok(run::refuse(&error)),
        },
        _ => {
            let error = Error::invalid("--seeds", "a script is needed that can be run many times");
            return Ok(run::refuse(&error.with_hint("name one: pingscript --simulate --seeds 1..100 udp_ping")));
        }
    };
    let args = cli.script.get(usize::from(cli.code.is_none())..).unwrap_or_default().to_vec();
    if host.compile(&name, &text).is_err() || args.iter().any(|arg| arg == "--help" || arg == "-h") {
        return run::run(host, &Job { name, text, args, simulate: true, ..Job::default() });
    }
    let code = cli.code.iter().flat_map(|code| ["-e".to_string(), code.clone()]);
    let words = code.chain(cli.script.iter().cloned()).collect();
    seeds::run(&SeedsJob { seeds: seeds.clone(), words, json: cli.json.clone() })
}

/// An edit comes in real time.
fn no_simulated_watch() -> Error {
    let error = Error::invalid("--watch", "a simulated run is over before a script is edited, and cannot be reloaded");
    error.with_hint("leave out --watch, and run it again after an edit")
}

/// What is typed at the prompt is the user's own, and needs the lines below.
fn needs_script(flag: &'static str) -> Error {
    let error = Error::invalid(flag, "a script is needed that runs: the prompt has the terminal for itself");
    error.with_hint(format!("name one: pingscript {flag} udp_ping"))
}

/// If FILE was left out, clap takes the script's name for it, and we would overwrite the script.
fn rows_over_script(cli: &Cli) -> Option<Error> {
    let is_script = |file: &str| file.ends_with(".rhai") || (!Path::new(file).exists() && is_shipped(file));
    let rows =
        [("--json", &cli.json, "rows.jsonl"), ("--csv", &cli.csv, "rows.csv"), ("--report", &cli.report, "run.html")];
    let (flag, file, such_as) = rows
        .into_iter()
        .find_map(|(flag, file, such_as)| Some((flag, file.as_ref().filter(|file| is_script(file))?, such_as)))?;
    let line: Vec<&str> = [flag, such_as, file].into_iter().chain(cli.script.iter().map(String::as_str)).collect();
    let error = Error::new(ErrorKind::Invalid, flag, "refusing to overwrite a script; was the FILE left out?");
    Some(error.with_peer(file).with_hint(format!("write: pingscript {}", line.join(" "))))
}

/// An argument as text. Of a name that is not UTF-8, what is not is replaced: [`Sources::open`] finds the file.
///
/// [`Sources::open`]: pingscript::engine::sources::Sources::open
fn word(word: OsString) -> String {
    word.to_string_lossy().into_owned()
}

fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "a seed is a whole number from 0 up, such as 42".to_string())
}
