//! Policies that take effect while what they decide about runs: in a server started beside this script.

use rhai::{Dynamic, NativeCallContext};

use super::{PolicyValue, attach, attach_to_listener};
use crate::bindings::context::{self, ServerKind};
use crate::bindings::error::{ScriptResult, raise};
use crate::bindings::task::Task;
use crate::net::error::{Error, ErrorKind};
use crate::net::time::Duration;

/// How long a script that was just started has to bind its socket.
const PATIENCE: Duration = Duration::from_secs(10);

functions! {
    pub fn api;

    /// Has a policy decide about each request that a started script receives, from the next one on: a closure, a policy made
    /// before, or a name as for `policy`. The script's sockets stay open, and its clients notice nothing but the verdicts.
    ///
    /// Errors: `closed`: the script has no socket; `invalid`: the task is a thread, or that is no policy; as for `policy`.
    ///
    /// ```rhai
    /// let server = start("udp_server.rhai", ["--listen", "127.0.0.1:0", "--quiet"]);
    /// set_policy(server, |pkt| if pkt.number % 2 == 0 { drop() } else { pass() });
    /// set_policy(server, "loss:p=1");
    /// expect(udp::open(server.addr).ping(server.addr, "ping 1", 50.ms).kind, "timeout");
    /// ```
    fn set_policy(ctx: NativeCallContext, server: Task, policy: Dynamic) -> ScriptResult<()> = {
        let made = PolicyValue::of(&ctx, policy)?;
        let Some(script) = server.script() else {
            let error = Error::invalid("set_policy", "a thread has no sockets of its own");
            return raise(&ctx, error.with_hint("name the socket, or a script started with start(…)"));
        };
        script.bound.wait(&*context::current().host, PATIENCE);
        let servers = script.bound.servers();
        if servers.is_empty() {
            let error = Error::new(ErrorKind::Closed, "set_policy", "it has no socket that a policy could decide at");
            return raise(&ctx, error.with_peer(&script.name).with_hint("it has ended, or closed its socket"));
        }
        servers.iter().try_for_each(|(_, server)| match server {
            ServerKind::Udp(socket) => attach(&ctx, socket, &made),
            ServerKind::Tcp(listener) => attach_to_listener(&ctx, listener, &made),
        })
    };
}
