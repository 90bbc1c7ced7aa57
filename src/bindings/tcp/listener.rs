//! A listener in scripts: what it accepts, and its properties.

use rhai::{Dynamic, NativeCallContext, Position};

use crate::bindings::context;
use crate::bindings::context::WaitingFor;
use crate::bindings::error::{OrRaise, ScriptResult, thrown};
use crate::net::error::ErrorKind;
use crate::net::socket::tcp::{Accepted, Listener};
use crate::net::time::{Duration, Instant};

/// A loop over a listener runs for each connection it accepts, until the script is stopped or the listener closed.
impl IntoIterator for Listener {
    type Item = ScriptResult<Dynamic>;
    type IntoIter = Box<dyn Iterator<Item = Self::Item>>;

    fn into_iter(self) -> Self::IntoIter {
        context::wait(WaitingFor::NewWork);
        let mut ended = false;
        Box::new(std::iter::from_fn(move || {
            if ended {
                return None;
            }
            let context = context::wait(WaitingFor::NewWork);
            match self.accept(None, &context.stop) {
                Ok(Accepted::Connection(connection)) => {
                    context.serving.begin();
                    Some(Ok(Dynamic::from(connection)))
                }
                Ok(_) => None,
                // Closing it ends the loop.
                Err(err) if err.kind == ErrorKind::Closed => None,
                Err(err) => {
                    ended = true;
                    Some(Err(thrown(err, Position::NONE)))
                }
            }
        }))
    }
}

fn accept_until(ctx: &NativeCallContext, listener: &Listener, until: Option<Instant>) -> ScriptResult<Dynamic> {
    let context = context::wait(WaitingFor::NewWork);
    Ok(match listener.accept(until, &context.stop).or_raise(ctx)? {
        Accepted::Connection(connection) => {
            context.serving.begin();
            Dynamic::from(connection)
        }
        _ => Dynamic::UNIT,
    })
}

functions! {
    pub fn api;
    object Listener,
        "A socket that takes connections in. Copies are the same one. `for conn in listener { … }` runs for each connection.";

    /// Waits for the next connection (accept(2)); `()` if the script was stopped first.
    ///
    /// Errors: `closed`.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// let client = tcp::connect(listener.addr);
    /// expect(listener.accept().peer, client.addr);
    /// ```
    fn accept(ctx: NativeCallContext, listener: &mut Listener) -> ScriptResult<Dynamic> =
        accept_until(&ctx, listener, None);

    /// Waits for the next connection for at most `timeout`; `()` if none came.
    ///
    /// Errors: `closed`.
    ///
    /// ```rhai
    /// expect(tcp::listen("127.0.0.1:0").accept(1.ms), ());
    /// ```
    fn accept(ctx: NativeCallContext, listener: &mut Listener, timeout: Duration) -> ScriptResult<Dynamic> = {
        let until = context::current().host.now() + timeout;
        accept_until(&ctx, listener, Some(until))
    };

    /// Closes the listener; the connections that it has accepted stay.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// listener.close();
    /// try { listener.accept(); } catch (e) { expect(e.kind, "closed"); }
    /// ```
    fn close(listener: &mut Listener) = {
        listener.close();
    };

    /// The address it listens at.
    ///
    /// ```rhai
    /// expect(tcp::listen("127.0.0.1:0").addr.ip, "127.0.0.1");
    /// ```
    get addr(listener: &mut Listener) -> std::net::SocketAddr = listener.local();

    /// The port it listens at.
    ///
    /// ```rhai
    /// expect(tcp::listen("127.0.0.1:0").port > 0, true);
    /// ```
    get port(listener: &mut Listener) -> i64 = i64::from(listener.local().port());

    /// Whether it was closed.
    ///
    /// ```rhai
    /// expect(tcp::listen("127.0.0.1:0").is_closed, false);
    /// ```
    get is_closed(listener: &mut Listener) -> bool = listener.is_closed();

    /// How many connections it has accepted.
    ///
    /// ```rhai
    /// expect(tcp::listen("127.0.0.1:0").accepted, 0);
    /// ```
    get accepted(listener: &mut Listener) -> i64 = listener.accepted() as i64;

    /// How many of the connections that it has accepted are open.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// let client = tcp::connect(listener.addr);
    /// let conn = listener.accept();
    /// expect(listener.open, 1);
    /// conn.close();
    /// expect(listener.open, 0);
    /// ```
    get open(listener: &mut Listener) -> i64 = listener.open() as i64;

    /// How many times a connection could not be accepted: no descriptor was left (counted once until there is one again), or
    /// it was gone already.
    ///
    /// ```rhai
    /// expect(tcp::listen("127.0.0.1:0").accept_errors, 0);
    /// ```
    get accept_errors(listener: &mut Listener) -> i64 = listener.errors() as i64;

    /// How many of the connections that it has accepted were ended unserved: all connections together held too much of
    /// unfinished messages, and this one most; or no thread was left for it.
    ///
    /// ```rhai
    /// expect(tcp::listen("127.0.0.1:0").refused, 0);
    /// ```
    get refused(listener: &mut Listener) -> i64 = listener.refused() as i64;

    /// The listener in words.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// expect(`${listener}`, `TCP listener ${listener.addr}`);
    /// ```
    fn to_string | to_debug(listener: &mut Listener) -> String = {
        let state = if listener.is_closed() { "closed " } else { "" };
        format!("{state}TCP listener {}", listener.local())
    };
}
