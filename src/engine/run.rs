//! Runs one script from its start to its exit code.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use anyhow::{Result, anyhow};
use rhai::{AST, ASTNode, Dynamic, EvalAltResult, Expr, Stmt};

use super::diagnostics::certain_mistakes;
use super::programs::{ScriptHost, is_interrupted, is_permission};
use super::recording::record;
use super::simulated::{conclude_simulation, keep_threads_together, leave};
use super::sources::header;
use super::{lateness, rewrite, signals};
use crate::bindings::context::{Context, Programs, Run, ScriptStart};
use crate::bindings::exit as exit_binding;
use crate::bindings::finish;
use crate::bindings::graded::{GradedRun, GradedRuns};
use crate::bindings::lab::lesson::Lesson;
use crate::bindings::lab::planned::{PlannedChange, PlannedChanges};
use crate::bindings::measured::Expectations;
use crate::bindings::options::{flags, value::is_option};
use crate::bindings::task::end_threads;
use crate::net::error::{self, Error};
use crate::net::host::stop::{Reason, Stop};
use crate::net::host::threads;
use crate::net::host::{Host, RunHost, ThisMachine};
use crate::net::observe::record::Wanted;
use crate::net::random::{RandomStream, Sequence};
use crate::net::socket::prober;
use crate::net::sys;
use crate::terminal::live::{Live, LiveSink};
use crate::terminal::output;
use crate::terminal::progress::{Progress, statistics};

/// Exit codes. 130 and 143 are those of the signals.
pub mod exit {
    /// Done.
    pub const DONE: i32 = 0;
    /// Pings were sent and no reply came; or, without pings, no attempt to connect succeeded.
    pub const NO_REPLY: i32 = 1;
    /// The command line is wrong, or there is no such script.
    pub const USAGE: i32 = 2;
    /// The script has an error, or what it printed was lost.
    pub const SCRIPT: i32 = 3;
    /// A permission is missing.
    pub const PERMISSION: i32 = 4;
    /// An `expect` of the script failed.
    pub const EXPECT: i32 = 5;

    /// The exit code for a signal: 128 and its number.
    pub const fn of_signal(reason: super::Reason) -> i32 {
        match reason {
            super::Reason::Interrupt => 130,
            super::Reason::Terminate => 143,
            super::Reason::HangUp => 129,
            super::Reason::Ended => 0,
        }
    }
}

/// Says why a command line cannot be followed; the exit code.
pub fn refuse(error: &Error) -> i32 {
    output::note(&format!("error: {error}"));
    if !error.hint.is_empty() {
        output::note(&format!("  hint: {}", error.hint));
    }
    exit::USAGE
}

/// What is to be run.
#[derive(Clone, Debug, Default)]
pub struct Job {
    /// The name it is shown under: a path, `-e`, `stdin`.
    pub name: String,
    /// Its text.
    pub text: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// The seed of its draws; `None`: any.
    pub seed: Option<u64>,
    /// Whether the value of its last expression is printed.
    pub show_value: bool,
    /// What is recorded of it.
    pub wanted: Wanted,
    /// Whether it is drawn while it runs.
    pub live: bool,
    /// Whether it runs on simulated hosts.
    pub simulate: bool,
    /// Why it may not, if it may not.
    pub only_real: Option<&'static str>,
    /// Whether its sockets reach this machine and its labs alone.
    pub only_loopback: bool,
    /// Whether it reports what it has measured to the process that runs many such.
    pub one_of_many: bool,
    /// Whether it draws a ladder for each check that fails.
    pub ladders: bool,
    /// What is to become of links while it runs.
    pub changes: Vec<PlannedChange>,
    /// What it judges, if it does, and whether programs run in sandboxes.
    pub judged: GradedRun,
}

/// Runs `job`; the exit code.
///
/// # Errors
/// The system has no descriptor or thread left.
pub fn run(host: &Arc<ScriptHost>, job: &Job) -> Result<i32> {
    let program = match host.compile(&job.name, &job.text) {
        Ok(program) => program,
        Err(error) => {
            output::note(host.describe_parse(&job.name, &error).text.trim_end());
            return Ok(exit::SCRIPT);
        }
    };
    for warning in certain_mistakes(&job.name, &job.text) {
        output::note(warning.trim_end());
    }
    if options_in(&job.args).any(|arg| arg == "--help" || arg == "-h") && !reads_arguments(&program) {
        // No one who asks what a script does wants it to run.
        let about = header(&job.text);
        output::prose(if about.is_empty() { "The script has no options and no header." } else { about.trim_end() });
        output::flush();
        return Ok(if output::has_failed() { exit::SCRIPT } else { exit::DONE });
    }
    if let Some(error) = unknown_option(&program, &job.args) {
        return Ok(refuse(&error));
    }
    let context = context(host, job)?;
    let sink = job.live.then(LiveSink::default);
    if !record(job, &context, sink.as_ref()) {
        return Ok(exit::USAGE);
    }
    if job.one_of_many {
        context.run.part::<Expectations>().keep(job.ladders);
    }
    let live = sink.and_then(|sink| Live::watch(&job.name, sink, context.run.session.clone()));
    let progress = if live.is_some() { None } else { Progress::watch(context.run.session.clone()) };
    heed_signals(&context)?;
    if live.is_some() {
        signals::at_suspend(output::hide_view)?;
    }
    let begun = sys::monotonic_nanos();
    let late = Arc::<AtomicI64>::default();
    if job.judged.submission.is_some() {
        lateness::watch(&late)?;
    }
    if context.run.host.simulated().is_none() {
        prober::warm_up(&ThisMachine);
    }
    let (inside, runner) = (context.clone(), host.clone());
    let code = program.clone();
    let is_alone = context.run.host.simulated().is_some() && !job.one_of_many;
    let script = threads::spawn_script("script", move || {
        if is_alone {
            keep_threads_together();
        }
        let result = runner.run(&code, &inside);
        if let Err(error) = &result {
            // Reported before its threads have ended, which they may never do.
            report_end(&runner, &inside.script, error, &code);
        }
        if result.is_err() {
            // An error and `exit` mean the threads too.
            end_threads(&inside);
        }
        finish(&inside);
        leave(&inside);
        result
    })?;
    let result = script.join().unwrap_or_else(|_| {
        let error: Box<EvalAltResult> = "the script's thread broke".into();
        report_end(host, &context.script, &error, &program);
        Err(error)
    });
    drop((progress, live));
    if let Some(note) = context.script.unread_arguments().filter(|_| !reads_arguments(&program)) {
        output::note(&note);
    }
    let code = conclude(host, job, &context, result);
    output::flush();
    let has_given_up = conclude_simulation(&context, begun, job.one_of_many, late.load(Ordering::Relaxed));
    Ok(if matches!(code, exit::DONE | exit::NO_REPLY) && (output::has_failed() || has_given_up) {
        exit::SCRIPT
    } else {
        code
    })
}

/// Has signals stop the script of `context` from now on, and SIGQUIT (`Ctrl-\`) print the statistics so far.
///
/// # Errors
/// The system has no descriptor or thread left.
pub fn heed_signals(context: &Context) -> Result<()> {
    let session = context.run.session.clone();
    signals::at_leaving(move || session.refused.lines().iter().for_each(|line| output::note(line)));
    signals::stop_script(&context.stop);
    let session = context.run.session.clone();
    signals::at_quit(move || output::note(&statistics(&session.loss_report)))
}

/// The arguments that are written as options are, before `--`, which ends them.
fn options_in(args: &[String]) -> impl Iterator<Item = &str> {
    args.iter().map(String::as_str).take_while(|arg| *arg != "--").filter(|arg| is_option(arg))
}

/// Why a program that declares no options cannot be run with `args`, among which there is one.
pub fn unknown_option(program: &AST, args: &[String]) -> Option<Error> {
    let option = options_in(args).next()?;
    // A module may declare them.
    let imports = || rewrite::has(program, &|node| matches!(node, ASTNode::Stmt(Stmt::Import(..))));
    if reads_arguments(program) || imports() {
        return None;
    }
    let error = Error::new(error::ErrorKind::Invalid, "options", "the script declares no options").with_peer(option);
    let declare = "leave it out, or declare it: const OPT = options([option(\"count\", 5, \"how many\")])";
    let misplaced = |flag| format!("{flag} is a flag of pingscript, and stands before the script");
    Some(error.with_hint(flags::misplaced(args).map_or(declare.to_string(), misplaced)))
}

/// Whether a program declares options, and so explains them itself.
fn reads_arguments(program: &AST) -> bool {
    rewrite::has(program, &|node| match node {
        ASTNode::Expr(Expr::FnCall(call, _)) | ASTNode::Stmt(Stmt::FnCall(call, _)) => call.name == "options",
        _ => false,
    })
}

/// The script of `job`, which the user started.
pub(super) fn script(job: &Job) -> Arc<ScriptStart> {
    Arc::new(ScriptStart {
        name: job.name.clone(),
        about: header(&job.text),
        args: job.args.clone(),
        main: true,
        given: Default::default(),
        explained: Default::default(),
        bound: Default::default(),
    })
}

/// Has all end once the reader of standard output has gone (`| head`): there is nothing left to do.
fn end_with_the_reader(all: &Stop) {
    let all = all.clone();
    output::at_close(move || {
        if output::rows_own_output() {
            output::note("the reader of the rows has gone: the run ends");
        }
        all.terminate(Reason::Ended);
    });
}

/// The context of a script that the user started.
///
/// # Errors
/// The system has no descriptor left.
pub fn context(host: &Arc<ScriptHost>, job: &Job) -> Result<Context> {
    let root = Stop::root()?;
    let stop = root.child()?;
    end_with_the_reader(&root);
    let seed =
        job.seed.unwrap_or_else(|| (sys::realtime_nanos() as u64 ^ u64::from(std::process::id())) % 1_000_000_000);
    let machine = RunHost::new(job.only_real, job.only_loopback);
    if job.simulate {
        machine.simulate().map_err(|error| anyhow!("{error}"))?;
    }
    let run = Arc::new(Run::new(machine.clone(), root, seed));
    let programs: Arc<dyn Programs> = host.clone();
    let _ = run.programs.set(programs);
    run.part::<GradedRuns>().set(job.judged.clone());
    run.part::<PlannedChanges>().set(job.changes.clone());
    let random = Arc::new(Sequence::new(RandomStream::of_seed(seed)));
    let host: Arc<dyn Host> = Arc::new(machine);
    let (lasting, serving) = (stop.clone(), Arc::default());
    Ok(Context { host, stop, lasting, run, script: script(job), random, serving, group: Arc::default() })
}

/// Prints the error that ended the script, unless it ended itself or was stopped.
fn report_end(host: &ScriptHost, script: &ScriptStart, error: &EvalAltResult, program: &AST) {
    let stopped = matches!(error, EvalAltResult::ErrorTerminated(why, _) if why.is_unit()) || is_interrupted(error);
    if exit_binding::code(error).is_some() || stopped {
        return;
    }
    match host.wrong_argument(script, error) {
        _ if host.has_passed_on(script, error) => {}
        Some((option, error)) => {
            output::note(&format!("error: {option}: {}", error.message));
            if !error.hint.is_empty() {
                output::note(&format!("  hint: {}", error.hint));
            }
        }
        None => output::note(host.describe(&script.name, error, Some(program)).text.trim_end()),
    }
}

fn conclude(host: &ScriptHost, job: &Job, context: &Context, result: Result<Dynamic, Box<EvalAltResult>>) -> i32 {
    let signal = signals::finish();
    // On a thread of the script, or in a script that it started, `expect` ends that alone.
    let unexpected = context.run.unexpected.load(Ordering::Relaxed);
    let mut code = match result {
        Ok(value) => {
            if job.show_value && !value.is_unit() {
                output::line(&host.plainly(&value));
            } else if value.is_fnptr() && context.run.session.loss_report.probes().sent == 0 {
                output::note(&format!("{} gives a policy, and does nothing by itself", job.name));
                output::note(&format!(
                    "  hint: a server takes it: pingscript udp_server --policy {}",
                    policy_of(&job.name)
                ));
            }
            None
        }
        Err(error) => match (exit_binding::code(&error), *error) {
            (Some(_), _) if unexpected => Some(exit::EXPECT),
            (Some(code), _) => Some(code),
            (None, EvalAltResult::ErrorTerminated(ref why, _)) if why.is_unit() => {
                still_running(context, signal);
                None
            }
            (None, error) if is_permission(&error) => Some(exit::PERMISSION),
            (None, error) if host.wrong_argument(&context.script, &error).is_some() => Some(exit::USAGE),
            (None, _) => Some(exit::SCRIPT),
        },
    };
    if code.is_none() && unexpected {
        code = Some(exit::EXPECT);
    }
    if code.is_none() && context.run.failed.load(Ordering::Relaxed) > 0 {
        code = Some(exit::SCRIPT);
    }
    account(context);
    // A lab that broke off, or could not be made, has shown nothing.
    if signal.is_none() && !matches!(code, Some(exit::SCRIPT | exit::PERMISSION)) {
        teach(&context.run.part::<Lesson>());
    }
    match (signal, code) {
        (Some(reason), _) => exit::of_signal(reason),
        (None, Some(code)) => code,
        (None, None) if context.run.session.loss_report.no_reply_came() => exit::NO_REPLY,
        (None, None) => exit::DONE,
    }
}

/// Ends the account of a run, and prints it.
pub(super) fn account(context: &Context) {
    let session = &context.run.session;
    session.end(context.host.unix_nanos());
    let account = &session.loss_report;
    account.explain().iter().for_each(|explanation| output::line(&explanation.to_string()));
    if let Some(checks) = context.group.summary() {
        output::note(&checks);
    }
    let mut notes = Vec::new();
    if let Some(clock) = account.clock() {
        notes.push(format!("rtt clock: {clock}"));
    }
    if context.run.seed.was_used() {
        let seed = context.run.seed.value;
        notes.push(match session.drew_for_segments.load(Ordering::Relaxed) && context.run.host.simulated().is_none() {
            false => format!("seed: {seed} (the same again: --seed {seed})"),
            true => format!(
                "seed: {seed} (--seed {seed} draws the same again, but TCP over links sends other segments in each run)"
            ),
        });
    }
    if !output::is_closed() {
        session.refused.lines().iter().for_each(|line| output::note(line));
        account.ignored_lines().iter().for_each(|line| output::note(line));
        account.policies().iter().for_each(|policy| output::note(&policy.to_string()));
        if !notes.is_empty() {
            output::note(&notes.join("; "));
        }
    }
}

/// Prints what the run teaches, after an empty line.
fn teach(lesson: &Lesson) {
    let paragraphs = lesson.paragraphs();
    if !paragraphs.is_empty() {
        output::line("");
    }
    paragraphs.iter().for_each(|paragraph| output::prose(paragraph));
}

/// How the policy in the script `name` is given to a server.
fn policy_of(name: &str) -> String {
    let shipped = name.strip_prefix("scripts/policies/").and_then(|file| file.strip_suffix(".rhai"));
    match shipped {
        Some(policy) => policy.to_string(),
        None if name.contains('/') => name.to_string(),
        None => format!("./{name}"),
    }
}

fn still_running(context: &Context, signal: Option<Reason>) {
    if signal.is_some() {
        output::note(&format!("{}: still running half a second later, ended", context.script.name));
    }
}
