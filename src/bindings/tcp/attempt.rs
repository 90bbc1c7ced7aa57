//! How an attempt to connect ended, in scripts.

use std::sync::Arc;

use rhai::Dynamic;

use crate::bindings::udp::or_unit;
use crate::net::socket::tcp::Connection;
use crate::net::socket::tcp::{Attempt as NetAttempt, Connecting};
use crate::net::time::Duration;

/// An attempt to connect, in scripts.
#[derive(Clone, Debug)]
pub struct Tried(Arc<(NetAttempt, Duration)>);

impl Tried {
    pub(super) fn new(attempt: NetAttempt, resolved_in: Duration) -> Self {
        Self(Arc::new((attempt, resolved_in)))
    }

    /// How it ended.
    pub(in crate::bindings) fn ended(&self) -> &NetAttempt {
        &self.0.0
    }

    fn connection(&self) -> Option<Connection> {
        match &self.ended().end {
            Connecting::Connected(connection) => Some(connection.clone()),
            _ => None,
        }
    }
}

functions! {
    pub fn api;
    object Tried as Attempt, "An attempt to connect.";

    /// How it ended: `"connected"`, `"refused"` (the peer replied that nothing is listening: RST), `"reset"` (it accepted the
    /// connection and reset it before `try_connect` returned), `"icmp"` (an ICMP error), `"unreachable"` (this host has no way there), `"timeout"` or `"interrupted"` (the script was stopped).
    ///
    /// ```rhai
    /// expect(tcp::try_connect(tcp::closed_port()).kind, "refused");
    /// ```
    get kind(attempt: &mut Tried) -> String = attempt.ended().end.word().to_string();

    /// The connection; `()` if there is none.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// let conn = tcp::try_connect(listener.addr).conn;
    /// expect(conn.peer, listener.addr);
    /// ```
    get conn(attempt: &mut Tried) -> Dynamic = attempt.connection().map_or(Dynamic::UNIT, Dynamic::from);

    /// Where to.
    ///
    /// ```rhai
    /// let port = tcp::closed_port();
    /// expect(tcp::try_connect(port).to, port);
    /// ```
    get to(attempt: &mut Tried) -> std::net::SocketAddr = attempt.ended().to;

    /// How long the attempt took, a Duration from before the call: until the connection, the refusal, the error or the time-out.
    ///
    /// ```rhai
    /// expect(tcp::try_connect(tcp::closed_port()).took > 0.s, true);
    /// ```
    get took(attempt: &mut Tried) -> Duration = attempt.ended().took;

    /// The round-trip time of the reply, a Duration: of a connection that of its handshake as the kernel measured it
    /// (TCP_INFO), of an ICMP error, where a `ttl` was given, until the kernel's stamp of its arrival; of a refusal, and of
    /// other ICMP errors, `took`. `()` if no reply came: after a time-out, and where this host has no way there.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0");
    /// let attempt = tcp::try_connect(listener.addr);
    /// expect(attempt.rtt <= attempt.took, true);
    /// ```
    get rtt(attempt: &mut Tried) -> Dynamic = or_unit(attempt.ended().rtt);

    /// The clock of the round-trip time, in words, as for a ping; `()` if there is none.
    ///
    /// ```rhai
    /// expect(tcp::try_connect(tcp::closed_port()).clock, "user receive - user send");
    /// ```
    get clock(attempt: &mut Tried) -> Dynamic = match attempt.ended() {
        NetAttempt { rtt: Some(_), clock, .. } => clock.name().into(),
        _ => Dynamic::UNIT,
    };

    /// How long it took to find the address of the name, a Duration; not part of `took`.
    ///
    /// ```rhai
    /// expect(tcp::try_connect(tcp::closed_port()).resolved_in < 1.s, true);
    /// ```
    get resolved_in(attempt: &mut Tried) -> Duration = attempt.0.1;

    /// Attempts at other addresses of the same name, which failed, in an array; mostly empty.
    ///
    /// ```rhai
    /// let attempt = tcp::try_connect(tcp::closed_port());
    /// expect(attempt.others.len, 0);
    /// ```
    get others as attempt_others(attempt: &mut Tried) -> rhai::Array = {
        let tried = |one: &NetAttempt| Dynamic::from(Tried::new(one.clone(), attempt.0.1));
        attempt.ended().others.iter().map(tried).collect()
    };

    /// This attempt and `others`, in the order in which they were made.
    ///
    /// ```rhai
    /// let attempt = tcp::try_connect(tcp::closed_port());
    /// expect(attempt.tried.map(|one| one.kind), ["refused"]);
    /// ```
    get tried(attempt: &mut Tried) -> rhai::Array = {
        let mut all = attempt_others(attempt);
        // Without a connection the first says why; what was connected to, or interrupted, came last.
        let is_last = matches!(attempt.ended().end, Connecting::Connected(_) | Connecting::Interrupted);
        all.insert(if is_last { all.len() } else { 0 }, Dynamic::from(attempt.clone()));
        all
    };

    /// The ICMP error that came; `()` if none did.
    ///
    /// ```rhai
    /// expect(tcp::try_connect(tcp::closed_port()).icmp, ());
    /// ```
    get icmp(attempt: &mut Tried) -> Dynamic = match &attempt.ended().end {
        Connecting::Icmp(error) => Dynamic::from(error.clone()),
        _ => Dynamic::UNIT,
    };

    /// The attempt in words: `Connected to 127.0.0.1:11001`.
    ///
    /// ```rhai
    /// expect(`${tcp::try_connect(tcp::closed_port())}`.starts_with("Connection refused by 127.0.0.1:"), true);
    /// ```
    fn to_string | to_debug(attempt: &mut Tried) -> String = attempt.ended().to_string();
}
