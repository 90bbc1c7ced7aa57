//! Programs of the system that run beside a script, in a host of a lab.

use rhai::{Array, Dynamic, ImmutableString, Map, NativeCallContext};

use super::exec::{Finished, wanted};
use super::host::HostObject;
use crate::bindings::context;
use crate::bindings::context::WaitingFor;
use crate::bindings::convert::text;
use crate::bindings::error::{OrRaise, ScriptResult, raise};
use crate::limits::restriction::check_program;
use crate::net::host::Host as _;
use crate::net::host::Waited;
use crate::net::host::stop::Stage;
use crate::net::lab::kernel::program::Program;
use crate::net::lab::program;
use crate::net::time::Duration;

/// A program that runs beside the script. Clones are the same one.
#[derive(Clone, Debug)]
pub struct LabProgram(Program);

impl LabProgram {
    /// Starts one, which ends with the lab.
    pub(in crate::bindings) fn start(
        ctx: &NativeCallContext,
        host: &HostObject,
        plan: program::ProgramPlan,
    ) -> ScriptResult<Self> {
        check_program("start_program").or_raise(ctx)?;
        let program = Program::start(host.net(), plan).or_raise(ctx)?;
        host.lab().keep(&program);
        Ok(Self(program))
    }
}

functions! {
    pub fn api;
    object LabProgram as Program, "A program that runs beside the script.";

    /// Starts a program of the system beside this script, in the host: as `exec`, but without waiting for its end. It ends
    /// with the lab, and so does what it leaves running.
    ///
    /// Errors: as `exec(argv)`.
    ///
    /// ```rhai
    /// let a = lab::create().host("a");
    /// let sleeper = a.start_program(["sleep", 60]);
    /// expect(sleeper.is_running, true);
    /// sleeper.stop();
    /// ```
    fn start_program(ctx: NativeCallContext, host: &mut HostObject, argv: Array) -> ScriptResult<LabProgram> =
        start_program_with(ctx, host, argv, Map::new());

    /// Starts a program beside this script, with the options `quiet`, `stdin`, `env`, `dir`, `limits` and `sandbox` of `exec`.
    ///
    /// Errors: as `exec(argv)`; `invalid`: an unknown option.
    ///
    /// ```rhai
    /// let a = lab::create().host("a");
    /// let cat = a.start_program(["cat"], #{ stdin: "ping", quiet: true });
    /// expect(cat.wait().stdout, "ping");
    /// ```
    fn start_program as start_program_with(
        ctx: NativeCallContext, host: &mut HostObject, argv: Array, options: Map,
    ) -> ScriptResult<LabProgram> = {
        let wanted = wanted(&ctx, "start_program", &argv, &options, false)?;
        LabProgram::start(&ctx, host, wanted.plan)
    };

    /// Waits until the program has ended: what came of it; `()` if this script was stopped first.
    ///
    /// Errors: `closed`: the lab ended first.
    ///
    /// ```rhai
    /// let a = lab::create().host("a");
    /// expect(a.start_program(["true"]).wait().code, 0);
    /// ```
    fn wait(ctx: NativeCallContext, program: LabProgram) -> ScriptResult<Dynamic> = {
        let stop = context::wait(WaitingFor::NewWork).stop;
        if program.0.wait(None, &stop, Stage::Interrupted) != Waited::Ready {
            return Ok(Dynamic::UNIT);
        }
        if program.0.lab_ended() {
            return raise(&ctx, program::lost(program.0.name()));
        }
        let timed_out = program.0.limit() == Some(program::ProgramLimit::Time);
        Ok(Dynamic::from(Finished::new(program.0, timed_out)))
    };

    /// Waits until the program has printed `text`, to standard output or standard error, for at most `timeout`; whether it
    /// has. A program that has ended is not waited for.
    ///
    /// ```rhai
    /// let a = lab::create().host("a");
    /// let program = a.start_program(["sh", "-c", "echo ready; sleep 60"]);
    /// expect(program.wait_for("ready", 10.s), true);
    /// ```
    fn wait_for(program: &mut LabProgram, text: &str, timeout: Duration) -> bool = {
        let context = context::wait(WaitingFor::NewWork);
        program.0.wait_for(text, context.host.now() + timeout, &context.stop);
        program.0.has_printed(text)
    };

    /// Ends the program: asks it to (SIGTERM), and half a second later ends it. What it has started ends
    /// too, daemons included. What came of it.
    ///
    /// Errors: `closed`: the lab ended first.
    ///
    /// ```rhai
    /// let a = lab::create().host("a");
    /// let sleeper = a.start_program(["sleep", 60]);
    /// expect(sleeper.stop().signal, 15);
    /// ```
    fn stop(ctx: NativeCallContext, program: LabProgram) -> ScriptResult<Finished> = {
        program.0.end(program::TERMINATE).or_raise(&ctx)?;
        if program.0.lab_ended() {
            return raise(&ctx, program::lost(program.0.name()));
        }
        Ok(Finished::new(program.0, false))
    };

    /// Ends the program as Ctrl-C would (SIGINT), after which many print a summary; else as `stop`.
    ///
    /// Errors: `closed`: the lab ended first.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// let ping = a.start_program(["ping", a], #{ quiet: true });
    /// ping.wait_for("bytes from", 10.s);
    /// expect(ping.interrupt().stdout, containing("packets transmitted"));
    /// ```
    fn interrupt(ctx: NativeCallContext, program: LabProgram) -> ScriptResult<Finished> = {
        program.0.end(program.0.usual_end()).or_raise(&ctx)?;
        if program.0.lab_ended() {
            return raise(&ctx, program::lost(program.0.name()));
        }
        Ok(Finished::new(program.0, false))
    };

    /// Whether the program runs.
    ///
    /// ```rhai
    /// let program = lab::create().host("a").start_program(["true"]);
    /// program.wait();
    /// expect(program.is_running, false);
    /// ```
    get is_running(program: &mut LabProgram) -> bool = !program.0.has_ended();

    /// What the program has printed to standard output so far, of a long text the first 1 MiB.
    ///
    /// ```rhai
    /// let program = lab::create().host("a").start_program(["echo", "ping"], #{ quiet: true });
    /// program.wait();
    /// expect(program.stdout, "ping\n");
    /// ```
    get stdout(program: &mut LabProgram) -> ImmutableString = text(&program.0.printed().0.bytes);

    /// What the program has printed to standard error so far, of a long text the first 1 MiB.
    ///
    /// ```rhai
    /// let program = lab::create().host("a").start_program(["true"]);
    /// program.wait();
    /// expect(program.stderr, "");
    /// ```
    get stderr(program: &mut LabProgram) -> ImmutableString = text(&program.0.printed().1.bytes);

    /// The program in words.
    ///
    /// ```rhai
    /// expect(`${lab::create().host("a").start_program(["true"])}`.contains("true"), true);
    /// ```
    fn to_string | to_debug(program: &mut LabProgram) -> String = {
        let state = if program.0.has_ended() { "ended" } else { "running" };
        format!("{} on {} ({state})", program.0.name(), program.0.host().name().unwrap_or_default())
    };
}
