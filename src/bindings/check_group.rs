//! Groups of checks: each with labs and draws of its own. An error in one is that group's.

use std::sync::Arc;

use rhai::{EvalAltResult, FnPtr, NativeCallContext};

use super::callback::{guarded, programs};
use super::check::{group_failed, is_interrupted, place};
use super::context::{self, Context};
use super::error::{ScriptResult, core_error, thrown};
use super::graded::GradedRuns;
use super::task::{end_threads, wait_for_stopped};
use super::{exit, lab};
use crate::net::error::{Error, ErrorKind};
use crate::net::observe::check_group::CheckGroup;
use crate::net::random::{RandomStream, Sequence, number_of};

/// Whether `error` is for the whole run: `exit`, a signal, a lab that the system allows to no group.
fn is_of_run(context: &Context, error: &EvalAltResult) -> bool {
    let kind = core_error(error).map(|error| error.kind);
    exit::code(error).is_some()
        || is_interrupted(context)
        || matches!(error, EvalAltResult::ErrorTerminated(..))
        || matches!(kind, Some(ErrorKind::Permission | ErrorKind::Interrupted))
}

/// Runs the closure as a group; whether all in it passed.
fn group(ctx: &NativeCallContext, name: &str, closure: &FnPtr, hidden: bool) -> ScriptResult<bool> {
    let now = context::current();
    let group = Arc::new(CheckGroup::named(name, now.group.clone(), hidden));
    let draws = RandomStream::of_seed(now.run.seed.value).beneath(number_of(group.name().as_deref().unwrap_or(name)));
    let stop = now.lasting.child().map_err(|err| thrown(Error::system("group", &err), ctx.call_position()))?;
    let inside = Context {
        stop: stop.clone(),
        lasting: stop,
        random: Arc::new(Sequence::new(draws)),
        group: group.clone(),
        ..now.clone()
    };
    let entered = context::enter(inside.clone());
    let result = exit::kept(|| guarded(|| closure.call_raw(ctx, None, [])));
    drop(entered);
    let broken = result.err();
    let at_end = broken.as_ref().is_some_and(|error| is_of_run(&now, error));
    // After a requirement that failed, an error is what comes of that.
    if let Some(error) = broken.as_ref().filter(|_| !at_end && group.void().is_none()) {
        let message = programs().report(&format!("group {name}"), error);
        group_failed(&now, &group, place(ctx), message);
    }
    end_threads(&inside);
    wait_for_stopped(&now);
    lab::end_of_group(&now, &group);
    match broken.filter(|_| at_end) {
        Some(error) => Err(error),
        None => Ok(group.has_passed()),
    }
}

functions! {
    pub fn api;

    /// Runs the closure as a group of checks, with labs and random numbers of its own: these follow from the seed of the run and the
    /// name of the group, whatever other groups do. At its end its labs end, and what it has started. An error in it is that of
    /// the group: it is printed, a failed check, and the script goes on. Whether all checks in it passed.
    ///
    /// Errors: `permission`: the system allows no lab.
    ///
    /// ```rhai
    /// let passed = group("client", || {
    ///     let net = lab::create();
    ///     let a = net.host("a");
    ///     net.link(a, net.host("b"));
    ///     check("is refused", run_in(a, || udp::open("b:7").ping("b:7", "ping 1", 1.s)).kind, "icmp");
    /// });
    /// expect(passed, true);
    /// ```
    fn group(ctx: NativeCallContext, name: &str, closure: FnPtr) -> ScriptResult<bool> =
        group(&ctx, name, &closure, false);

    /// A group of which students are to know nothing: `pingscript grade --student` leaves it out, and what students are given of
    /// their marks has its points, and neither its checks nor what was expected. Whether all checks in it passed, or were left out.
    ///
    /// Errors: as `group(name, closure)`.
    ///
    /// ```rhai
    /// expect(hidden_group("another port", || { check("sum", 1 + 1, 2); }), true);
    /// ```
    fn hidden_group(ctx: NativeCallContext, name: &str, closure: FnPtr) -> ScriptResult<bool> =
        if context::current().run.part::<GradedRuns>().get().for_student { Ok(true) } else { group(&ctx, name, &closure, true) };
}
