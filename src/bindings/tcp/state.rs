//! The properties of a connection, the options of its socket, and what the kernel knows of it (TCP_INFO).

use rhai::{Dynamic, Map, NativeCallContext};

use crate::bindings::error::{OrRaise, ScriptResult};
use crate::net::socket::tcp::Connection;
use crate::net::time::Duration;

fn micros(time: u32) -> Duration {
    Duration::from_micros(i64::from(time))
}

functions! {
    pub fn api;

    /// The peer's address.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// expect(tcp::connect(listener.addr).peer, listener.addr);
    /// ```
    get peer(conn: &mut Connection) -> std::net::SocketAddr = conn.peer();

    /// The local address.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// expect(tcp::connect(listener.addr).addr.ip, "127.0.0.1");
    /// ```
    get addr(conn: &mut Connection) -> std::net::SocketAddr = conn.local();

    /// How messages are distinguished: `"raw"`, `"line"` or `"length"`.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// expect(tcp::connect(listener.addr).framing, "raw");
    /// ```
    get framing(conn: &mut Connection) -> String = conn.framing().to_string();

    /// How the stream from the peer ended: `"closed"`, `"reset"`, `"cut-off"`, `"misframed"`, `"no-room"` (of all
    /// connections, which hold too much of unfinished messages, it held most) or `"lost"`; `()` while it has not, as far as it
    /// was received.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// let conn = tcp::connect(listener.addr);
    /// expect(conn.ended, ());
    /// listener.accept().close();
    /// for msg in conn { print(msg.text); }
    /// expect(conn.ended, "closed");
    /// ```
    get ended(conn: &mut Connection) -> Dynamic = conn.ended().map_or(Dynamic::UNIT, |ended| ended.word().into());

    /// Whether it was closed here.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// expect(tcp::connect(listener.addr).is_closed, false);
    /// ```
    get is_closed(conn: &mut Connection) -> bool = conn.is_closed();

    /// How long it took to connect, a Duration; `()` for a connection that was accepted.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// print(tcp::connect(listener.addr).connected_in);
    /// expect(listener.accept().connected_in, ());
    /// ```
    get connected_in(conn: &mut Connection) -> Dynamic = conn.connected_in().map_or(Dynamic::UNIT, Dynamic::from);

    /// How many errors of the path, such as ICMP errors, came while no one asked for them and the connection lived on.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// expect(tcp::connect(listener.addr).path_errors, 0);
    /// ```
    get path_errors(conn: &mut Connection) -> i64 = conn.path_errors() as i64;

    /// How many replies could not be sent, the peer having gone.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// expect(tcp::connect(listener.addr).unsent, 0);
    /// ```
    get unsent(conn: &mut Connection) -> i64 = conn.unsent() as i64;

    /// Whether each message is sent at once (TCP_NODELAY).
    ///
    /// Errors: `closed`.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// expect(tcp::connect(listener.addr).nodelay, true);
    /// ```
    get nodelay(ctx: NativeCallContext, conn: &mut Connection) -> ScriptResult<bool> = conn.nodelay().or_raise(&ctx);

    /// Sends each message at once from now on; or, if false, lets small ones wait until those before are acknowledged
    /// (Nagle's algorithm, RFC 896).
    ///
    /// Errors: `closed`.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// let conn = tcp::connect(listener.addr);
    /// conn.nodelay = false;
    /// expect(conn.nodelay, false);
    /// ```
    set nodelay(ctx: NativeCallContext, conn: &mut Connection, on: bool) -> ScriptResult<()> =
        conn.set_nodelay(on).or_raise(&ctx);

    /// After how long a silence the peer is probed, a Duration (SO_KEEPALIVE); `()`: never.
    ///
    /// Errors: `closed`.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// expect(tcp::connect(listener.addr).keepalive, ());
    /// ```
    get keepalive(ctx: NativeCallContext, conn: &mut Connection) -> ScriptResult<Dynamic> =
        conn.keepalive().or_raise(&ctx).map(|idle| idle.map_or(Dynamic::UNIT, Dynamic::from));

    /// Probes the peer after so long a silence, in whole seconds (SO_KEEPALIVE, TCP_KEEPIDLE).
    ///
    /// Errors: `closed`.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// let conn = tcp::connect(listener.addr);
    /// conn.keepalive = 30.s;
    /// expect(conn.keepalive, 30.s);
    /// ```
    set keepalive(ctx: NativeCallContext, conn: &mut Connection, idle: Duration) -> ScriptResult<()> =
        conn.set_keepalive(Some(idle)).or_raise(&ctx);

    /// How long a close keeps trying to deliver what was sent, a Duration (SO_LINGER); `()`: as long as the system likes.
    ///
    /// Errors: `closed`.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// expect(tcp::connect(listener.addr).linger, ());
    /// ```
    get linger(ctx: NativeCallContext, conn: &mut Connection) -> ScriptResult<Dynamic> =
        conn.linger().or_raise(&ctx).map(|linger| linger.map_or(Dynamic::UNIT, Dynamic::from));

    /// Sets how long a close keeps trying, in whole seconds (SO_LINGER). Mind that closing then waits so long.
    ///
    /// Errors: `closed`.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// let conn = tcp::connect(listener.addr);
    /// conn.linger = 1.s;
    /// expect(conn.linger, 1.s);
    /// ```
    set linger(ctx: NativeCallContext, conn: &mut Connection, linger: Duration) -> ScriptResult<()> =
        conn.set_linger(Some(linger)).or_raise(&ctx);

    /// The size of the receive buffer in bytes, as the kernel counts it (SO_RCVBUF).
    ///
    /// Errors: `closed`.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// expect(tcp::connect(listener.addr, #{ rcvbuf: 65_536 }).rcvbuf, 131_072);
    /// ```
    get rcvbuf(ctx: NativeCallContext, conn: &mut Connection) -> ScriptResult<i64> =
        conn.buffers().or_raise(&ctx).map(|(receive, _)| receive as i64);

    /// The size of the send buffer in bytes, as the kernel counts it (SO_SNDBUF).
    ///
    /// Errors: `closed`.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// expect(tcp::connect(listener.addr, #{ sndbuf: 65_536 }).sndbuf, 131_072);
    /// ```
    get sndbuf(ctx: NativeCallContext, conn: &mut Connection) -> ScriptResult<i64> =
        conn.buffers().or_raise(&ctx).map(|(_, send)| send as i64);

    /// How many segments the kernel has sent again since the connection was made, its first included (TCP_INFO).
    ///
    /// Errors: `closed`.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// expect(tcp::connect(listener.addr).retransmits, 0);
    /// ```
    get retransmits(ctx: NativeCallContext, conn: &mut Connection) -> ScriptResult<i64> =
        conn.info().or_raise(&ctx).map(|info| i64::from(info.retransmits));

    /// The round-trip time as the kernel smooths it, a Duration (TCP_INFO).
    ///
    /// Errors: `closed`.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// let rtt = tcp::connect(listener.addr).kernel_rtt;
    /// expect(rtt > 0.s && rtt < 10.s, true);
    /// ```
    get kernel_rtt(ctx: NativeCallContext, conn: &mut Connection) -> ScriptResult<Duration> =
        conn.info().or_raise(&ctx).map(|info| micros(info.rtt));

    /// What the kernel knows of the connection (TCP_INFO), as a map: `rtt`, `rtt_deviation` and `rto` (the retransmission
    /// timeout), Durations; `retransmits`, `lost`, `unacked` and `congestion_window`, in segments; `mss` and `path_mtu`, in
    /// bytes.
    ///
    /// Errors: `closed`.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// let info = tcp::connect(listener.addr).info;
    /// expect(info.lost, 0);
    /// print(info.rto);
    /// ```
    get info(ctx: NativeCallContext, conn: &mut Connection) -> ScriptResult<Map> = {
        let info = conn.info().or_raise(&ctx)?;
        let time = |time| Dynamic::from(micros(time));
        let count = |count: u32| Dynamic::from(i64::from(count));
        Ok([
            ("rtt", time(info.rtt)),
            ("rtt_deviation", time(info.rtt_deviation)),
            ("rto", time(info.rto)),
            ("retransmits", count(info.retransmits)),
            ("lost", count(info.lost)),
            ("unacked", count(info.unacked)),
            ("congestion_window", count(info.congestion_window)),
            ("mss", count(info.mss)),
            ("path_mtu", count(info.path_mtu)),
        ]
        .into_iter()
        .map(|(name, value)| (name.into(), value))
        .collect())
    };
}
