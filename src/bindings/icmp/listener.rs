//! All ICMP that reaches a host, in scripts.

use rhai::{Dynamic, Map, NativeCallContext, Position};

use crate::bindings::context;
use crate::bindings::context::WaitingFor;
use crate::bindings::convert::Options;
use crate::bindings::error::{OrRaise, ScriptResult, thrown};
use crate::bindings::loops;
use crate::nearest::nearest;
use crate::net::error::{Error, ErrorKind};
use crate::net::socket::icmp::{IcmpListener, IcmpMessage};
use crate::net::time::Duration;
use crate::net::wire::Family;
use crate::net::wire::icmp::Kind;
use std::net::SocketAddr;

/// A loop over a listener runs for each message, until the script is stopped or the listener closed.
impl IntoIterator for IcmpListener {
    type Item = ScriptResult<Dynamic>;
    type IntoIter = Box<dyn Iterator<Item = Self::Item>>;

    fn into_iter(self) -> Self::IntoIter {
        let context = context::wait(WaitingFor::NewWork);
        let mut ended = false;
        Box::new(std::iter::from_fn(move || {
            if ended {
                return None;
            }
            context.wait(WaitingFor::NewWork);
            match self.receive(None, &context.stop) {
                Ok(message) => message.map(|message| Ok(Dynamic::from(message))),
                Err(err) if err.kind == ErrorKind::Closed => None,
                Err(err) => {
                    ended = true;
                    Some(Err(thrown(err, Position::NONE)))
                }
            }
        }))
    }
}

/// The kinds that a word names: a keyword that of one in each version of ICMP, a type all of its codes.
fn kinds(word: &str, family: Option<Family>) -> Result<Vec<Kind>, Error> {
    let families = [Family::V4, Family::V6].into_iter().filter(|one| family.is_none_or(|family| family == *one));
    let all: Vec<Kind> = families.flat_map(Kind::all).collect();
    let is_meant = |kind: &Kind| kind.keyword() == Some(word) || kind.type_keyword().as_deref() == Some(word);
    let meant: Vec<Kind> = all.iter().copied().filter(is_meant).collect();
    if !meant.is_empty() {
        return Ok(meant);
    }
    let types: Vec<String> = all.iter().filter_map(|kind| kind.type_keyword()).collect();
    let words = all.iter().filter_map(|kind| kind.keyword()).chain(types.iter().map(String::as_str));
    let mut near = nearest(word, words);
    near.dedup();
    let error = Error::invalid("listen", format!("no ICMP message has the keyword \"{word}\""));
    Err(error.with_hint(match near.as_slice() {
        [] => "keywords are such as port-unreachable, ttl-exceeded, redirect, echo-request: icmp::decode gives them"
            .into(),
        near => format!("did you mean {}?", near.join(", ")),
    }))
}

functions! {
    pub fn namespace;

    /// Listens for all ICMP and ICMPv6 that reaches this host, whomever it is for: `for message in icmp::listen() { … }`.
    ///
    /// Errors: `permission`: it takes raw sockets; the hint says how to get the right to them.
    ///
    /// ```rhai
    /// try {
    ///     print(icmp::listen().recv(1.ms));
    /// } catch (e) { expect(e.kind, "permission"); }
    /// ```
    fn listen(ctx: NativeCallContext) -> ScriptResult<IcmpListener> = listen_with(ctx, Map::new());

    /// Listens with options: `version`, `"IPv4"` or `"IPv6"`: for that alone; `only`: for messages of this keyword, such as
    /// `"port-unreachable"`, or of this type whatever their code, such as `"redirect"`.
    ///
    /// Errors: `permission`; `invalid`: an unknown option, a keyword that no message has.
    ///
    /// ```rhai
    /// try { icmp::listen(#{ version: "IPv4" }).close(); } catch (e) { expect(e.kind, "permission"); }
    /// ```
    fn listen as listen_with(ctx: NativeCallContext, options: Map) -> ScriptResult<IcmpListener> = {
        let (family, only) = Options::all(&ctx, "listen", &options, |options| {
            let family = options.one_of("version", &[("IPv4", Family::V4), ("IPv6", Family::V6)])?;
            Ok((family, options.text("only")?))
        })?;
        let only = only.map_or(Ok(Vec::new()), |word| kinds(&word, family)).or_raise(&ctx)?;
        let now = context::current();
        let opened = IcmpListener::open(now.host, &now.run.session, family, only);
        opened.map_err(|err| crate::bindings::icmp::or_in_a_lab(err, "")).or_raise(&ctx)
    };
}

functions! {
    pub fn api;
    object IcmpListener as IcmpListener, "A listener for ICMP. Copies are the same one.";
    object IcmpMessage, "An ICMP message as it arrived.";

    /// Waits for the next message for at most `timeout`; `()` if none came.
    ///
    /// Errors: `closed`.
    ///
    /// ```rhai
    /// try { expect(icmp::listen(#{ version: "IPv6" }).recv(1.ms), ()); } catch (e) { print(e); }
    /// ```
    fn recv(ctx: NativeCallContext, listener: &mut IcmpListener, timeout: Duration) -> ScriptResult<Dynamic> = {
        let context = context::wait(WaitingFor::NewWork);
        let message = listener.receive(Some(context.host.now() + timeout), &context.stop).or_raise(&ctx)?;
        if message.is_none() && context.stop.is_stopped() {
            loops::ends();
        }
        Ok(message.map_or(Dynamic::UNIT, Dynamic::from))
    };

    /// Stops listening; a loop over the listener ends.
    ///
    /// ```rhai
    /// try { icmp::listen().close(); } catch (e) { expect(e.kind, "permission"); }
    /// ```
    fn close(listener: &mut IcmpListener) = {
        listener.close();
    };

    /// The listener in words.
    ///
    /// ```rhai
    /// try { print(icmp::listen()); } catch (e) { expect(e.kind, "permission"); }
    /// ```
    fn to_string | to_debug(_listener: &mut IcmpListener) -> String = "ICMP listener".to_string();

    /// Who sent the message, an address with port 0.
    ///
    /// ```rhai
    /// try {
    ///     let all = icmp::listen(#{ version: "IPv4" });
    ///     icmp::open("127.0.0.1").ping("127.0.0.1", 1.s);
    ///     print(all.recv(1.s).from.ip);
    /// } catch (e) { expect(e.kind, "permission"); }
    /// ```
    get from(message: &mut IcmpMessage) -> SocketAddr = message.from;

    /// The name of its kind, such as `"Echo Request"`; `()` if it is less than a header.
    ///
    /// ```rhai
    /// try {
    ///     let all = icmp::listen(#{ version: "IPv4" });
    ///     icmp::open("127.0.0.1").ping("127.0.0.1", 1.s);
    ///     print(all.recv(1.s).name);
    /// } catch (e) { expect(e.kind, "permission"); }
    /// ```
    get name(message: &mut IcmpMessage) -> Dynamic =
        message.kind().map_or(Dynamic::UNIT, |kind| kind.to_string().into());

    /// The TTL or hop limit it came with; `()` if it is not known.
    ///
    /// ```rhai
    /// try {
    ///     let all = icmp::listen(#{ version: "IPv4" });
    ///     icmp::open("127.0.0.1").ping("127.0.0.1", 1.s);
    ///     print(all.recv(1.s).ttl);
    /// } catch (e) { expect(e.kind, "permission"); }
    /// ```
    get ttl(message: &mut IcmpMessage) -> Dynamic = message.ttl.map_or(Dynamic::UNIT, |ttl| i64::from(ttl).into());

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
    fn to_string | to_debug(message: &mut IcmpMessage) -> String = message.to_string();
}
