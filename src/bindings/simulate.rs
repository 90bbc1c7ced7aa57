//! `simulate()`: a script that asks to be run on simulated hosts, and the runs that become so since the system allows no labs.

use rhai::NativeCallContext;

use super::context::{self, Context};
use super::error::{OrRaise, ScriptResult};
use crate::net::error::{Error, ErrorKind};
use crate::terminal::output;

/// The system refuses a lab: the whole run is simulated in its place, if nothing was used of real time yet. Else the error says
/// what to do.
pub(super) fn in_place_of_lab(context: &Context, refused: Error) -> Result<(), Error> {
    if refused.kind != ErrorKind::Permission {
        return Err(refused);
    }
    if context.run.host.is_open() && context.run.host.simulate().is_ok() {
        output::note(&format!("{}: the whole run is simulated instead", refused.message));
        return Ok(());
    }
    if context.run.host.may_simulate() {
        let hint = format!("{}; or run it on simulated hosts: pingscript --simulate", refused.hint);
        return Err(refused.with_hint(hint));
    }
    Err(refused)
}

functions! {
    pub fn api;

    /// Has the whole run be on simulated hosts and on virtual time, as `pingscript --simulate` does: this machine, and the hosts
    /// of labs. To be called before the first socket, lab, thread, sleep or reading of a clock; once more does nothing.
    ///
    /// Errors: `invalid`: one of these came before, and the run is on real time; or it is one with `--watch` or `--lab kernel`.
    ///
    /// ```rhai
    /// simulate();
    /// let begun = unix_time();
    /// sleep(1.h);
    /// expect(unix_time() - begun, 3600.0);
    /// ```
    fn simulate(ctx: NativeCallContext) -> ScriptResult<()> = context::current().run.host.simulate().or_raise(&ctx);
}
