//! TCP in scripts: the namespace `tcp`, which connects and listens; beside it a file for each thing they give.

use rhai::{Dynamic, FnPtr, Map, NativeCallContext};

use self::attempt::Tried;
use super::context;
use super::context::{HandoverRequest, ServerKind, SocketKind, WaitingFor};
use super::convert::{Options, address};
use super::error::{OrRaise, ScriptResult, raise};
use crate::net::error::{Error, ErrorKind};
use crate::net::host::addr::{Version, local as local_address, resolve_all};
use crate::net::socket::tcp::{ConnectOptions, Connection, Connector, Framing, ListenOptions, Listener, StreamOptions};
use crate::net::time::Duration;

pub mod attempt;
pub mod connection;
pub mod listener;
pub mod message;
pub mod ping;
pub mod poll;
mod serving;
pub mod state;

/// How long a connection is waited for unless it is said.
const PATIENCE: Duration = Duration::from_secs(10);

functions! {
    pub fn namespace;

    /// Listens at `HOST:PORT`, port 0 for any free one (socket(2), bind(2), listen(2)); `*:PORT`: at every IPv4 address of the
    /// host, `[::]:PORT`: at every IPv6 address, and at those alone.
    ///
    /// Errors: `in-use` (says by whom, where the system says), `not-local`, `permission` (a port below 1024), `exhausted`,
    /// `invalid`, `resolve`.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// print(`Listening on port ${listener.port}`);
    /// expect(listener.port > 0, true);
    /// ```
    fn listen(ctx: NativeCallContext, local: &str) -> ScriptResult<Listener> = listen_with(ctx, local, Map::new());

    /// Listens, with options for the connections that are accepted: `framing`: `"raw"` (a message is what one read brings),
    /// `"line"` or `"length"` (four bytes before each message); `limit`: the longest line or message
    /// after its length, in bytes (1,048,576); a longer one ends the connection as `misframed`; `nodelay`
    /// (true: each message is sent at once); `keepalive`: probe a silent peer after this time; `rcvbuf`, `sndbuf`; `dscp` (0 to 63) or `tos` (all
    /// eight bits): the traffic class; and for the
    /// listener `backlog`: how many connections may wait to be accepted (4,096).
    ///
    /// Errors: as `listen`; `invalid`: an unknown option.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0", #{ framing: "line", backlog: 128 });
    /// let conn = tcp::connect(listener.addr, #{ framing: "line" });
    /// conn.send("ping 1");
    /// conn.send("ping 2");
    /// expect(listener.accept().recv(1.s).text, "ping 1");
    /// ```
    fn listen as listen_with(ctx: NativeCallContext, local: &str, options: Map) -> ScriptResult<Listener> = {
        let read = Options::all(&ctx, "listen", &options, |options| {
            let backlog = options.count("backlog", 1)?.map_or(ListenOptions::default().backlog, |n| n as usize);
            Ok(ListenOptions { backlog, stream: stream_options(options)? })
        })?;
        let context = context::current();
        let local = local_address(&*context.host, &context.stop, local, Version::V4).or_raise(&ctx)?;
        let session = context.run.session.clone();
        let asked = HandoverRequest { host: context.host.id(), local, made: SocketKind::Tcp(read) };
        let listener = match context.run.handover.take(&asked) {
            Ok(ServerKind::Tcp(listener)) => listener,
            Ok(ServerKind::Udp(_)) => unreachable!("a socket of the protocol that was asked for"),
            Err(local) => Listener::new(context.host.clone(), session, local, &read).or_raise(&ctx)?,
        };
        context.opened(&ctx, asked, listener.local(), &ServerKind::Tcp(listener.clone()));
        Ok(listener)
    };

    /// Replies to each message that comes over the connection, until the stream has ended, the script is stopped or the connection
    /// closed: calls `handler` with the message and sends what it returns, a string, a blob or `bytes()`, back, as far as the
    /// listener's policy lets it; `()` sends nothing, nor does the verdict of a `reply` that the handler has called itself. The
    /// same as a loop over the connection, and faster. `conn.ended` then says how it ended.
    ///
    /// What the handler captured is copied when the loop begins; what it changes, it finds at the next message.
    ///
    /// Errors: what the handler throws; `invalid`: it returns something else; those of `reply`.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// let client = tcp::connect(listener.addr);
    /// start_thread(|| tcp::serve(listener.accept(), |msg| msg.text.to_upper()));
    /// client.send("ping 1");
    /// expect(client.recv().text, "PING 1");
    /// ```
    fn serve(ctx: NativeCallContext, conn: Connection, handler: FnPtr) -> ScriptResult<()> =
        serving::serve(&ctx, &conn, handler);

    /// Connects to `peer` and waits for its reply for at most 10 s (connect(2)). If a name has several addresses, each is tried
    /// in turn, and they share that time; should all fail, the error says how each did.
    ///
    /// Errors: `refused`: nothing is listening there; `reset`: it was accepted, and reset at once; `unreachable`: no route, or an ICMP error; `timeout`; `interrupted`: the script
    /// was stopped first; `exhausted`, `invalid`, `resolve`.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// let conn = tcp::connect(listener.addr);
    /// conn.send("hello");
    /// expect(listener.accept().recv().text, "hello");
    /// ```
    fn connect(ctx: NativeCallContext, peer: Dynamic) -> ScriptResult<Connection> = connect_with(ctx, peer, Map::new());

    /// Connects, with options: `timeout` (10.s), `bind`: the local address, such as `"127.0.0.1:32000"`; `ttl` (1 to 255); and as
    /// `listen`:
    /// `framing`, `limit`, `nodelay`, `keepalive`, `rcvbuf`, `sndbuf`, `dscp`, `tos`.
    ///
    /// Errors: as `connect`; `in-use`, `not-local`: the local address; `invalid`: an unknown option.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0", #{ framing: "line" });
    /// let conn = tcp::connect(listener.addr, #{ framing: "line", timeout: 2.s, nodelay: false, ttl: 5 });
    /// expect(conn.nodelay, false);
    /// ```
    fn connect as connect_with(ctx: NativeCallContext, peer: Dynamic, options: Map) -> ScriptResult<Connection> = {
        let attempt = attempt(&ctx, &peer, &options)?;
        let to = attempt.ended().to;
        match attempt.ended().clone().into_connection().or_raise(&ctx)? {
            Some(connection) => {
                context::current().run.session.loss_report.tried(true);
                Ok(connection)
            }
            None => {
                let error = Error::new(ErrorKind::Interrupted, "connect", "the script was stopped first").with_peer(to);
                raise(&ctx, error.with_hint("tcp::try_connect gives an outcome in place of an error"))
            }
        }
    };

    /// Connects, and gives how that ended as a value: its `kind` is `"connected"`, `"refused"`, `"reset"`, `"icmp"`,
    /// `"unreachable"`, `"timeout"` or `"interrupted"`. It is a row `connection` with that outcome; a run that sends no ping and connects to
    /// nothing ends with exit code 1.
    ///
    /// Errors: `exhausted`, `invalid`, `resolve`.
    ///
    /// ```rhai
    /// let attempt = tcp::try_connect(tcp::closed_port());
    /// expect(attempt.kind, "refused");
    /// ```
    fn try_connect(ctx: NativeCallContext, peer: Dynamic) -> ScriptResult<Tried> =
        try_connect_with(ctx, peer, Map::new());

    /// As `try_connect`, with the options of `connect`.
    ///
    /// Errors: `exhausted`, `invalid` (also an unknown option), `resolve`; `in-use`, `not-local`: the local address.
    ///
    /// ```rhai
    /// let attempt = tcp::try_connect(tcp::closed_port(), #{ timeout: 1.s });
    /// expect(`${attempt}`.starts_with("Connection refused by 127.0.0.1:"), true);
    /// ```
    fn try_connect as try_connect_with(ctx: NativeCallContext, peer: Dynamic, options: Map) -> ScriptResult<Tried> = {
        let attempt = attempt(&ctx, &peer, &options)?;
        let connected = attempt.ended().end.word() == "connected";
        context::current().run.session.loss_report.tried(connected);
        Ok(attempt)
    };

    /// An address of this host at which connections are refused: its port was free a moment ago.
    ///
    /// Errors: `exhausted`.
    ///
    /// ```rhai
    /// expect(tcp::try_connect(tcp::closed_port()).kind, "refused");
    /// ```
    fn closed_port(ctx: NativeCallContext) -> ScriptResult<std::net::SocketAddr> = {
        let context = context::current();
        let local = local_address(&*context.host, &context.stop, "127.0.0.1:0", Version::V4).or_raise(&ctx)?;
        let session = context.run.session.clone();
        Listener::new(context.host, session, local, &ListenOptions::default())
            .map(|listener| listener.local())
            .or_raise(&ctx)
    };
}

/// Connects to `peer`.
fn attempt(ctx: &NativeCallContext, peer: &Dynamic, options: &Map) -> ScriptResult<Tried> {
    let context = context::wait(WaitingFor::Reply);
    let (timeout, bind, ttl, stream) = Options::all(ctx, "connect", options, |options| {
        let timeout = options.duration("timeout")?.unwrap_or(PATIENCE);
        let text = |value: &Dynamic| value.clone().into_string().ok();
        let bind = options.read("bind", "an address such as \"127.0.0.1:32000\", or \"\" for any", text)?;
        let bind = bind.filter(|bind| !bind.is_empty());
        Ok((timeout, bind, options.byte("ttl")?, stream_options(options)?))
    })?;
    let start = context.host.now();
    let mut to = match peer.read_lock::<rhai::ImmutableString>() {
        Some(name) => resolve_all(&*context.host, &context.stop, &name).or_raise(ctx)?,
        None => vec![address(ctx, peer)?],
    };
    let resolved_in = context.host.now() - start;
    let version = if to[0].is_ipv4() { Version::V4 } else { Version::V6 };
    let local =
        bind.map(|bind| local_address(&*context.host, &context.stop, &bind, version)).transpose().or_raise(ctx)?;
    if let Some(local) = local {
        // From there only those of its version can be reached.
        let first = to[0];
        to.retain(|to| to.is_ipv4() == local.is_ipv4());
        to.is_empty().then(|| to.push(first));
    }
    let options = ConnectOptions { local, timeout, ttl, stream };
    let session = &context.run.session;
    Connector { host: &context.host, session, options, stop: &context.stop }
        .connect_to_any(&to)
        .map(|attempt| self::attempt::Tried::new(attempt, resolved_in))
        .or_raise(ctx)
}

/// What can be set at a stream.
fn stream_options(options: &mut Options<'_>) -> Result<StreamOptions, Error> {
    let default = StreamOptions::default();
    Ok(StreamOptions {
        framing: options.one_of("framing", &Framing::ALL)?.unwrap_or_default(),
        limit: options.count("limit", 1)?.map_or(default.limit, |bytes| bytes as usize),
        nodelay: options.switch("nodelay")?.unwrap_or(default.nodelay),
        keepalive: options.duration("keepalive")?,
        receive_buffer: options.count("rcvbuf", 1)?.map(|bytes| bytes as usize),
        send_buffer: options.count("sndbuf", 1)?.map(|bytes| bytes as usize),
        tos: options.tos()?,
    })
}
