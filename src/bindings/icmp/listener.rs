//! All ICMP that reaches a host, in scripts.

use rhai::plugin::*;
use rhai::{Dynamic, Map, NativeCallContext, Position};

use crate::bindings::context::{self, ScriptResult};
use crate::bindings::convert::Options;
use crate::bindings::error::{OrRaise, thrown};
use crate::bindings::udp::addr::api::Addr;
use crate::net::error::ErrorKind;
use crate::net::icmp::Listener as NetListener;
use crate::net::time::Duration;
use crate::net::wire::Family;

/// A loop over a listener runs for each message, until the script is stopped or the listener closed.
impl IntoIterator for NetListener {
    type Item = ScriptResult<Dynamic>;
    type IntoIter = Box<dyn Iterator<Item = Self::Item>>;

    fn into_iter(self) -> Self::IntoIter {
        let stop = context::begin_to_wait().stop;
        let mut ended = false;
        Box::new(std::iter::from_fn(move || {
            if ended {
                return None;
            }
            match self.receive(None, &stop) {
                Ok(heard) => heard.map(|heard| Ok(Dynamic::from(heard))),
                Err(err) if err.kind == ErrorKind::Closed => None,
                Err(err) => {
                    ended = true;
                    Some(Err(thrown(err, Position::NONE)))
                }
            }
        }))
    }
}

/// What the namespace `icmp` listens with.
#[export_module]
#[allow(clippy::unwrap_used)] // the code that the macro writes
pub mod namespace {
    /// Listens for all ICMP and ICMPv6 that reaches this host, whomever it is for: `for message in icmp::listen() { … }`.
    ///
    /// Errors: `permission`: it takes raw sockets; the hint says how to get the right to them.
    ///
    /// ```rhai
    /// try {
    ///     print(icmp::listen().recv(1.ms));
    /// } catch (e) { expect(e.kind, "permission"); }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn listen(ctx: NativeCallContext) -> ScriptResult<NetListener> {
        listen_with(ctx, Map::new())
    }

    /// Listens with an option: `version`, `"IPv4"` or `"IPv6"`: for that alone.
    ///
    /// Errors: `permission`; `invalid`: an unknown option.
    ///
    /// ```rhai
    /// try { icmp::listen(#{ version: "IPv4" }).close(); } catch (e) { expect(e.kind, "permission"); }
    /// ```
    #[rhai_fn(name = "listen", return_raw)]
    pub fn listen_with(ctx: NativeCallContext, options: Map) -> ScriptResult<NetListener> {
        let mut options = Options::new("listen", &options);
        let family = options.one_of("version", &[("IPv4", Family::V4), ("IPv6", Family::V6)]).or_raise(&ctx)?;
        options.finish().or_raise(&ctx)?;
        NetListener::open(context::current().host, family).or_raise(&ctx)
    }
}

/// Listeners and what they hear.
#[export_module]
#[allow(clippy::unwrap_used)] // the code that the macro writes
pub mod api {
    /// A listener for ICMP. Copies are the same one.
    pub type IcmpListener = crate::net::icmp::Listener;
    /// An ICMP message as it arrived.
    pub type IcmpMessage = crate::net::icmp::Heard;

    /// Waits for the next message for at most `timeout`; `()` if none came.
    ///
    /// Errors: `closed`.
    ///
    /// ```rhai
    /// try { expect(icmp::listen(#{ version: "IPv6" }).recv(1.ms), ()); } catch (e) { print(e); }
    /// ```
    #[rhai_fn(global, pure, name = "recv", return_raw)]
    pub fn icmp_recv(ctx: NativeCallContext, listener: &mut IcmpListener, timeout: Duration) -> ScriptResult<Dynamic> {
        let context = context::begin_to_wait();
        let heard = listener.receive(Some(context.host.now() + timeout), &context.stop).or_raise(&ctx)?;
        Ok(heard.map_or(Dynamic::UNIT, Dynamic::from))
    }

    /// Stops listening; a loop over the listener ends.
    ///
    /// ```rhai
    /// try { icmp::listen().close(); } catch (e) { expect(e.kind, "permission"); }
    /// ```
    #[rhai_fn(global, pure, name = "close")]
    pub fn icmp_listener_close(listener: &mut IcmpListener) {
        listener.close();
    }

    /// The listener in words.
    ///
    /// ```rhai
    /// try { print(icmp::listen()); } catch (e) { expect(e.kind, "permission"); }
    /// ```
    #[rhai_fn(global, name = "to_string", name = "to_debug", pure)]
    pub fn icmp_listener_text(_listener: &mut IcmpListener) -> String {
        "ICMP listener".to_string()
    }

    /// Who sent the message, an address with port 0.
    ///
    /// ```rhai
    /// try {
    ///     let all = icmp::listen(#{ version: "IPv4" });
    ///     icmp::open("127.0.0.1").ping("127.0.0.1", 1.s);
    ///     print(all.recv(1.s).from.ip);
    /// } catch (e) { expect(e.kind, "permission"); }
    /// ```
    #[rhai_fn(global, get = "from", pure)]
    pub fn icmp_message_from(message: &mut IcmpMessage) -> Addr {
        message.from
    }

    /// The name of its kind, such as `"Echo Request"`; `()` if it is less than a header.
    ///
    /// ```rhai
    /// try {
    ///     let all = icmp::listen(#{ version: "IPv4" });
    ///     icmp::open("127.0.0.1").ping("127.0.0.1", 1.s);
    ///     print(all.recv(1.s).name);
    /// } catch (e) { expect(e.kind, "permission"); }
    /// ```
    #[rhai_fn(global, get = "name", pure)]
    pub fn icmp_message_name(message: &mut IcmpMessage) -> Dynamic {
        message.kind().map_or(Dynamic::UNIT, |kind| kind.to_string().into())
    }

    /// The TTL or hop limit it came with; `()` if it is not known.
    ///
    /// ```rhai
    /// try {
    ///     let all = icmp::listen(#{ version: "IPv4" });
    ///     icmp::open("127.0.0.1").ping("127.0.0.1", 1.s);
    ///     print(all.recv(1.s).ttl);
    /// } catch (e) { expect(e.kind, "permission"); }
    /// ```
    #[rhai_fn(global, get = "ttl", pure)]
    pub fn icmp_message_ttl(message: &mut IcmpMessage) -> Dynamic {
        message.ttl.map_or(Dynamic::UNIT, |ttl| i64::from(ttl).into())
    }

    /// The message in one line: who sent it, its name and what it is about. `icmp::decode(message)` gives its fields,
    /// `explain(message)` all that can be said of it.
    ///
    /// ```rhai
    /// try {
    ///     let all = icmp::listen(#{ version: "IPv4" });
    ///     icmp::open("127.0.0.1").ping("127.0.0.1", 1.s);
    ///     print(all.recv(1.s));
    /// } catch (e) { expect(e.kind, "permission"); }
    /// ```
    #[rhai_fn(global, name = "to_string", name = "to_debug", pure)]
    pub fn icmp_message_text(message: &mut IcmpMessage) -> String {
        message.to_string()
    }
}
