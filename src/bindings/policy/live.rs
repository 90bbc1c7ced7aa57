//! Policies that take effect while what they decide about runs: in a server started beside this script, or by a name.

use rhai::plugin::*;
use rhai::{Dynamic, FnPtr, NativeCallContext};

use super::api::Policy;
use super::{Made, attach, load, specification};
use crate::bindings::context::ScriptResult;
use crate::bindings::error::{OrRaise, raise};
use crate::bindings::task::api::Task;
use crate::net::error::{Error, ErrorKind};
use crate::net::udp::UdpSocket;

/// How long a script that was just started has to bind its socket.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

/// The policy that a text on a command line would name.
fn named(ctx: &NativeCallContext, text: &str) -> ScriptResult<Made> {
    let (name, args) = specification(text).or_raise(ctx)?;
    load(ctx, &name, args)
}

/// Puts a policy on each socket that a started script has bound.
fn attach_to(ctx: &NativeCallContext, task: &Task, made: &Made) -> ScriptResult<()> {
    let Some(script) = task.script() else {
        let error = Error::invalid("set_policy", "a thread has no sockets of its own");
        return raise(
            ctx,
            error.with_hint(
                "name the socket: set_policy(socket, policy); a script started with start() may stand there too",
            ),
        );
    };
    script.bound.wait(PATIENCE);
    let sockets = script.bound.sockets();
    if sockets.is_empty() {
        let error = Error::new(ErrorKind::Closed, "set_policy", "it has no socket that a policy could decide at");
        return raise(ctx, error.with_peer(&script.name).with_hint("it ended, or has closed or never bound one"));
    }
    sockets.iter().try_for_each(|socket| attach(ctx, socket, made))
}

/// Policies that take effect at once.
#[export_module]
#[allow(clippy::unwrap_used)] // the code that the macro writes
pub mod api {
    /// Has a closure decide about each request that a started script receives, from the next one on. Its sockets stay open,
    /// and its clients notice nothing but the verdicts.
    ///
    /// Errors: `closed`: the script has no socket; `invalid`: the task is a thread.
    ///
    /// ```rhai
    /// let server = start("udp_server.rhai", ["--listen", "127.0.0.1:0", "--quiet"]);
    /// set_policy(server, |pkt| if pkt.number % 2 == 0 { drop() } else { pass() });
    /// ```
    #[rhai_fn(name = "set_policy", return_raw)]
    pub fn set_policy_of_task(ctx: NativeCallContext, server: Task, policy: FnPtr) -> ScriptResult<()> {
        let made = Made::of(&ctx, Dynamic::from(policy))?;
        attach_to(&ctx, &server, &made)
    }

    /// Has a policy made before decide about each request that a started script receives, from the next one on.
    ///
    /// Errors: `closed`: the script has no socket; `invalid`: the task is a thread, or the policy rejects, which a server
    /// cannot do.
    ///
    /// ```rhai
    /// let server = start("udp_server.rhai", ["--listen", "127.0.0.1:0", "--quiet"]);
    /// set_policy(server, loss(0.5));
    /// ```
    #[rhai_fn(name = "set_policy", return_raw)]
    pub fn set_made_policy_of_task(ctx: NativeCallContext, server: Task, policy: Policy) -> ScriptResult<()> {
        attach_to(&ctx, &server, &policy)
    }

    /// Has the policy of this name decide about each request that a started script receives, from the next one on: a name,
    /// `NAME:KEY=VALUE,…` or a file, as for `policy`.
    ///
    /// Errors: as for `policy`; `closed`: the script has no socket; `invalid`: the task is a thread.
    ///
    /// ```rhai
    /// let server = start("udp_server.rhai", ["--listen", "127.0.0.1:0", "--quiet"]);
    /// set_policy(server, "gilbert:p=0.05,r=0.3");
    /// ```
    #[rhai_fn(name = "set_policy", return_raw)]
    pub fn set_named_policy_of_task(ctx: NativeCallContext, server: Task, policy: &str) -> ScriptResult<()> {
        let made = named(&ctx, policy)?;
        attach_to(&ctx, &server, &made)
    }

    /// Has the policy of this name decide about each request that the socket receives from now on: a name,
    /// `NAME:KEY=VALUE,…` or a file, as for `policy`.
    ///
    /// Errors: as for `policy`.
    ///
    /// ```rhai
    /// set_policy(udp::bind("127.0.0.1:0"), "loss:p=0.5");
    /// ```
    #[rhai_fn(name = "set_policy", return_raw)]
    pub fn set_named_policy(ctx: NativeCallContext, socket: UdpSocket, policy: &str) -> ScriptResult<()> {
        let made = named(&ctx, policy)?;
        attach(&ctx, &socket, &made)
    }
}
