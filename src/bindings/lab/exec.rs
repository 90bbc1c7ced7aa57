//! Programs of the system that run in a host of a lab: how they are started, and what came of those that have ended.

use rhai::{Array, Dynamic, ImmutableString, Map, NativeCallContext};

use super::host::HostObject;
use crate::bindings::context;
use crate::bindings::context::WaitingFor;
use crate::bindings::convert::{Options, shown, text, typed};
use crate::bindings::error::{OrRaise, ScriptResult, raise};
use crate::bindings::graded::GradedRuns;
use crate::limits::restriction::check_program;
use crate::net::error::Error;
use crate::net::host::Waited;
use crate::net::host::stop::Stage;
use crate::net::lab::kernel::program::Program;
use crate::net::lab::program::{
    self, Exit, ProgramCommand, ProgramLimit, ProgramLimits, ProgramOutput, ProgramPlan, Sandbox,
};
use crate::net::time::Duration;
use crate::terminal::output;

/// What came of a program that has ended.
#[derive(Clone, Debug)]
pub struct Finished {
    program: Program,
    /// Whether its time was over before it had ended.
    timed_out: bool,
}

impl Finished {
    pub(super) fn new(program: Program, timed_out: bool) -> Self {
        Self { program, timed_out }
    }

    /// How it ended, in words.
    fn end(&self) -> String {
        match (self.program.limit(), self.program.exit()) {
            (Some(limit), _) => format!("ended at its limit of {}", limit.name()),
            (None, Some(Exit::Code(code))) => format!("exit code {code}"),
            (None, Some(Exit::Signal(signal))) => format!("ended by signal {signal}"),
            (None, None) => "ended with the lab".to_string(),
        }
    }

    /// Why it has not done what it should, if it has not, with what it printed: so many characters at most.
    pub(in crate::bindings) fn failure(&self, most: usize) -> Option<String> {
        let is_done = self.program.exit() == Some(Exit::Code(0)) && self.program.limit().is_none();
        let (out, err) = self.program.printed();
        let said = [err.bytes, out.bytes].concat();
        let said: String = String::from_utf8_lossy(&said).chars().take(most).collect();
        (!is_done).then(|| format!("{}: {}\n{}", self.program.name(), self.end(), said.trim_end()))
    }

    fn kept(&self, of: impl FnOnce((ProgramOutput, ProgramOutput)) -> ProgramOutput) -> ImmutableString {
        text(&of(self.program.printed()).bytes)
    }
}

/// A program with its arguments, as a script gives them: numbers, addresses and hosts are turned to text.
pub(in crate::bindings) fn words(ctx: &NativeCallContext, argv: &Array) -> ScriptResult<Vec<String>> {
    let word = |value: &Dynamic| match value.read_lock::<HostObject>() {
        Some(host) => host.name().to_string(),
        None => typed(value),
    };
    let words: Vec<String> = argv.iter().map(word).collect();
    if words.first().is_none_or(String::is_empty) {
        let error = Error::invalid("exec", "there is no program to run");
        return raise(
            ctx,
            error.with_hint("give a list: the program, then its arguments, such as [\"ping\", \"-c\", \"3\", \"b\"]"),
        );
    }
    if let Some(word) = words.iter().find(|word| word.contains('\0')) {
        return raise(ctx, Error::invalid("exec", format!("no argument can hold a zero byte, as {word:?} does")));
    }
    Ok(words)
}

/// What is to be run, and for how long at most.
pub(in crate::bindings) struct ExecOptions {
    pub(super) plan: ProgramPlan,
    timeout: Option<Duration>,
}

impl ExecOptions {
    /// Those of a program that may run as long as its limits let it.
    pub(in crate::bindings) fn new(plan: ProgramPlan) -> Self {
        Self { plan, timeout: None }
    }
}

/// Reads a program, its arguments and its options.
pub(super) fn wanted(
    ctx: &NativeCallContext,
    op: &'static str,
    argv: &Array,
    options: &Map,
    may_end: bool,
) -> ScriptResult<ExecOptions> {
    let argv = words(ctx, argv)?;
    Options::all(ctx, op, options, |options| {
        let env = options.read("env", "a map of texts, such as #{ LANG: \"C\" }", |value| {
            let map = value.as_map_ref().ok()?;
            Some(map.iter().map(|(name, value)| (name.to_string(), (!value.is_unit()).then(|| typed(value)))).collect())
        })?;
        let quiet = options.flag("quiet")?;
        let input = options.read("stdin", "a string or a blob", |value| match value.is_blob() {
            true => value.clone().into_blob().ok(),
            false => value.clone().into_string().ok().map(String::into_bytes),
        })?;
        let dir = options.text("dir")?;
        let limits = options.value("limits").map(limits).transpose()?.unwrap_or_default();
        let sandbox = sandbox(options)?;
        let (timeout, terminal) = match may_end {
            true => (options.duration("timeout")?, options.flag("terminal")?),
            false => (None, false),
        };
        if terminal && (sandbox.is_some() || limits != ProgramLimits::default()) {
            return Err(Error::invalid(op, "a program that has the terminal has neither limits nor a sandbox"));
        }
        let env = env.unwrap_or_default();
        let command = ProgramCommand { argv, env, dir, terminal, keeps: !may_end, limits, sandbox };
        Ok(ExecOptions { plan: ProgramPlan { command, input, shown: !quiet }, timeout })
    })
}

/// What a program may use, as a script gives it.
pub(in crate::bindings) fn limits(value: &Dynamic) -> Result<ProgramLimits, Error> {
    let Ok(map) = value.as_map_ref() else {
        let error = Error::invalid("limits", format!("the limits of a program are a map, not {}", shown(value)));
        return Err(error.with_hint("such as: limits: #{ time: 20.s, cpu: 5.s, memory: 128_000_000, processes: 16 }"));
    };
    let mut options = Options::new("limits", &map);
    let limits = ProgramLimits {
        time: options.duration("time")?.map(Duration::as_nanos),
        cpu: options.duration("cpu")?.map(|cpu| cpu.as_nanos().div_euclid(1_000_000) as u64),
        memory: options.count("memory", 1)?,
        processes: options.count("processes", 1)?,
        output: options.count("output", 0)?,
        disk: options.count("disk", 1)?,
    };
    options.finish().map(|()| limits)
}

/// Whether a program runs in a sandbox, and in which: `sandbox: true`, or `"raw sockets"` for one that may open these.
fn sandbox(options: &mut Options<'_>) -> Result<Option<Sandbox>, Error> {
    const RAW: &str = "raw sockets";
    let wanted = options.read("sandbox", "true, false, or \"raw sockets\"", |value| match value.as_bool() {
        Ok(wanted) => Some(wanted.then(Sandbox::default)),
        Err(_) => value
            .clone()
            .into_string()
            .ok()
            .filter(|text| text == RAW)
            .map(|_| Some(Sandbox { raw: true, ..Sandbox::default() })),
    })?;
    Ok(wanted.flatten().filter(|_| !context::current().run.part::<GradedRuns>().get().without_sandbox))
}

/// Runs a program to its end.
pub(in crate::bindings) fn run(
    ctx: &NativeCallContext,
    host: &HostObject,
    wanted: ExecOptions,
) -> ScriptResult<Finished> {
    check_program("exec").or_raise(ctx)?;
    let context = context::wait(WaitingFor::NewWork);
    let until = wanted.timeout.map(|timeout| context.host.now() + timeout);
    let _hidden = wanted.plan.command.terminal.then(output::hide_view);
    let program = Program::start(host.net(), wanted.plan).or_raise(ctx)?;
    host.lab().keep(&program);
    // A script in the lab ends with it, and so does what it waits for.
    let waited = program.wait(until, &context.stop, Stage::Interrupted);
    if waited != Waited::Ready {
        program.end(program.usual_end()).or_raise(ctx)?;
    }
    if program.lab_ended() {
        return raise(ctx, program::lost(program.name()));
    }
    let timed_out = waited == Waited::TimedOut || program.limit() == Some(ProgramLimit::Time);
    Ok(Finished::new(program, timed_out))
}

functions! {
    pub fn api;
    object Finished, "What came of a program that has ended.";

    /// Runs a program of the system in the host to its end: the program, then its arguments; numbers, addresses and hosts are
    /// turned to text. What it prints is shown under the host's name, line by line, and kept. When this script is stopped,
    /// the program is interrupted as by Ctrl-C. What it has started and left running, daemons included, ends with it: a server
    /// that is to go on is for `start_program`. Programs see, and can signal, those of their own host alone.
    ///
    /// Errors: `file`: there is no such program, or it may not be run; `exhausted`; `closed`: the lab has ended.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// let b = net.host("b");
    /// net.link(a, b);
    /// let out = a.exec(["ping", "-c", 1, b]);
    /// expect(out.code, 0);
    /// expect(out.stdout, containing("1 packets transmitted"));
    /// ```
    fn exec(ctx: NativeCallContext, host: &mut HostObject, argv: Array) -> ScriptResult<Finished> =
        exec_with(ctx, host, argv, Map::new());

    /// Runs a program with options: `quiet`: what it prints is kept and not shown; `timeout`: it is ended after that time;
    /// `stdin`: what it reads, a string or a blob; `env`: variables of its environment, `()` takes one away; `dir`: its
    /// working directory; `terminal`: it has the terminal for itself, and nothing it prints is kept.
    ///
    /// `limits`: what it and all that it starts may use; the `limit` of the result says for which of them it was ended. `time`: how
    /// long it may run; `cpu`: time on processors; `memory`: bytes that are its own; `processes`: processes and threads; `output`:
    /// bytes that it prints; `disk`: bytes of files, in a sandbox of all that it writes, else of each.
    ///
    /// `sandbox: true`: it sees the system read-only, an empty home and `/tmp`, a copy of `dir`, and no other files; it has no
    /// capabilities, and no system calls that reach further; its environment is that of `env` alone. `sandbox: "raw sockets"`: it may
    /// open these. See docs/testing.md.
    ///
    /// Errors: as `exec(argv)`; `invalid`: an unknown option; `permission`: the system refuses a sandbox.
    ///
    /// ```rhai
    /// let a = lab::create().host("a");
    /// let out = a.exec(["tr", "a-z", "A-Z"], #{ stdin: "ping", quiet: true });
    /// expect(out.stdout, "PING");
    /// expect(a.exec(["sleep", 9], #{ timeout: 20.ms }).timed_out, true);
    /// let out = a.exec(["sh", "-c", "ls -A ~; yes"], #{ quiet: true, sandbox: true, limits: #{ output: 1_000 } });
    /// expect(out.stdout.starts_with("y"), true);
    /// expect(out.limit, "output");
    /// ```
    fn exec as exec_with(
        ctx: NativeCallContext, host: &mut HostObject, argv: Array, options: Map,
    ) -> ScriptResult<Finished> = {
        let wanted = wanted(&ctx, "exec", &argv, &options, true)?;
        run(&ctx, host, wanted)
    };

    /// Runs the user's shell (`$SHELL`) in the host on the terminal, until the user leaves it. Its prompt begins with the
    /// host's name.
    ///
    /// Errors: as `exec(argv)`.
    ///
    /// ```rhai
    /// let a = lab::create().host("a");
    /// let wanted = false;
    /// if wanted { a.shell(); }
    /// ```
    fn shell(ctx: NativeCallContext, host: &mut HostObject) -> ScriptResult<Finished> = {
        let plan = program::shell(host.name());
        run(&ctx, host, ExecOptions::new(plan))
    };

    /// The exit code of the program; `()` if a signal ended it.
    ///
    /// ```rhai
    /// expect(lab::create().host("a").exec(["false"]).code, 1);
    /// ```
    get code(finished: &mut Finished) -> Dynamic = match finished.program.exit() {
        Some(Exit::Code(code)) => i64::from(code).into(),
        _ => Dynamic::UNIT,
    };

    /// The number of the signal that ended the program (signal(7)); `()` if none did.
    ///
    /// ```rhai
    /// expect(lab::create().host("a").exec(["sh", "-c", "kill -9 $$"]).signal, 9);
    /// ```
    get signal(finished: &mut Finished) -> Dynamic = match finished.program.exit() {
        Some(Exit::Signal(signal)) => i64::from(signal).into(),
        _ => Dynamic::UNIT,
    };

    /// How the program ended, in words: `"exit code 0"`, `"ended by signal 9"`, or `"ended at its limit of time"`, which may be another.
    ///
    /// ```rhai
    /// let a = lab::create().host("a");
    /// expect(a.exec(["true"]).ending, "exit code 0");
    /// expect(a.exec(["sleep", 9], #{ limits: #{ time: 20.ms } }).ending, "ended at its limit of time");
    /// ```
    get ending(finished: &mut Finished) -> String = finished.end();

    /// The limit for which the program was ended, such as `"memory"`; `()` if it was for none.
    ///
    /// ```rhai
    /// let a = lab::create().host("a");
    /// expect(a.exec(["sh", "-c", "while :; do :; done"], #{ limits: #{ cpu: 50.ms } }).limit, "cpu");
    /// expect(a.exec(["true"]).limit, ());
    /// ```
    get limit(finished: &mut Finished) -> Dynamic =
        finished.program.limit().map_or(Dynamic::UNIT, |limit| limit.name().into());

    /// Whether the program was ended because its time was over.
    ///
    /// ```rhai
    /// expect(lab::create().host("a").exec(["true"], #{ timeout: 10.s }).timed_out, false);
    /// ```
    get timed_out(finished: &mut Finished) -> bool = finished.timed_out;

    /// What the program printed to standard output, of a long text the first 1 MiB.
    ///
    /// ```rhai
    /// expect(lab::create().host("a").exec(["echo", "ping"], #{ quiet: true }).stdout, "ping\n");
    /// ```
    get stdout(finished: &mut Finished) -> ImmutableString = finished.kept(|(out, _)| out);

    /// What the program printed to standard error, of a long text the first 1 MiB.
    ///
    /// ```rhai
    /// expect(lab::create().host("a").exec(["echo", "ping"], #{ quiet: true }).stderr, "");
    /// ```
    get stderr(finished: &mut Finished) -> ImmutableString = finished.kept(|(_, err)| err);

    /// How many bytes more the program printed than are kept.
    ///
    /// ```rhai
    /// expect(lab::create().host("a").exec(["head", "-c", 2_000_000, "/dev/zero"], #{ quiet: true }).excess, 951_424);
    /// ```
    get excess(finished: &mut Finished) -> i64 = {
        let (out, err) = finished.program.printed();
        (out.excess + err.excess) as i64
    };

    /// What came of the program, in words.
    ///
    /// ```rhai
    /// expect(`${lab::create().host("a").exec(["true"])}`, "true: exit code 0");
    /// ```
    fn to_string | to_debug(finished: &mut Finished) -> String =
        format!("{}: {}", finished.program.name(), finished.end());
}
