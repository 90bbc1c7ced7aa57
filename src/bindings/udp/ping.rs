//! A probe in scripts: how it ended, and when its reply came. [`super::pinger`] sends them.

use std::sync::Arc;

use rhai::{Dynamic, Map};

use super::or_unit;
use crate::bindings::convert::text;
use crate::net::error::ErrorKind;
use crate::net::policy::datagram::Datagram;
use crate::net::probe::ledger::{Fault, Stray};
use crate::net::probe::outcome::{End, Outcome};
use crate::net::socket::prober::Tally;
use crate::net::wire::zoned::plain;

/// A probe that ended, or that a schedule reports as sent, in scripts.
#[derive(Clone, Debug)]
pub struct Ping(Arc<EndedPing>);

/// What is known of a probe that ended.
#[derive(Debug)]
pub struct EndedPing {
    /// What is known of the probes of the socket it was sent from.
    pub tally: Tally,
    /// How it ended.
    pub outcome: Outcome,
}

impl Ping {
    /// A probe sent from the socket of `tally`.
    pub fn new(tally: Tally, outcome: Outcome) -> Self {
        Self(Arc::new(EndedPing { tally, outcome }))
    }

    /// What is known of it.
    pub fn ended(&self) -> &EndedPing {
        &self.0
    }

    /// The reply, or the packet that settles nothing.
    fn datagram(&self) -> Option<&Datagram> {
        match &self.0.outcome.end {
            End::Stray { datagram, .. } => Some(datagram),
            _ => self.reply(),
        }
    }

    fn reply(&self) -> Option<&Datagram> {
        match &self.0.outcome.end {
            End::Reply { datagram, .. } => Some(datagram),
            _ => None,
        }
    }

    /// The reply, or the message of a probe that was just sent.
    fn data(&self) -> Option<&[u8]> {
        match &self.0.outcome.end {
            End::Sent { message } => Some(message),
            _ => self.datagram().map(|datagram| &*datagram.data),
        }
    }
}

/// How many characters of a message are shown.
const EXCERPT: usize = 60;

/// A stamp of the wall clock as `unix_time` gives it; `()` without one.
pub(super) fn seconds(nanos: Option<i64>) -> Dynamic {
    nanos.map_or(Dynamic::UNIT, |nanos| (nanos as f64 / 1e9).into())
}

/// The beginning of a message, in quotes.
fn excerpt(data: &[u8]) -> String {
    let whole = text(data);
    let shown: String = whole.chars().take(EXCERPT).collect();
    format!("{shown:?}{}", if shown.len() < whole.len() { " …" } else { "" })
}

functions! {
    pub fn api;
    object Ping,
        "A probe that ended: with a reply, an ICMP error, a time-out, an error of this host or an interrupt; or one that was sent.";

    /// How the ping ended: `"reply"`, `"icmp"` (an ICMP error), `"timeout"`, `"error"` (this host could not send it, or not receive) or
    /// `"interrupted"` (the script was stopped; the probe is pending, not lost). Over a connection also `"closed"` and
    /// `"reset"` (by the peer), and `"unreachable"`: an ICMP error of which only the errno is known. `"sent"`: it was sent right
    /// now, and its end follows; only a `pinger` with `sends: true` reports that. `"late"`, `"duplicate"`, `"foreign"`,
    /// `"truncated"`, `"corrupt"`, `"unmatched"`: a packet that ended no ping; only a `pinger` with `strays: true` reports those.
    ///
    /// ```rhai
    /// let ping = udp::bind("127.0.0.1:0").ping(udp::closed_port(), "ping 1", 100.ms);
    /// expect(ping.kind, "icmp");
    /// ```
    get kind(ping: &mut Ping) -> String = {
        match &ping.0.outcome.end {
            End::Sent { .. } => "sent",
            End::Stray { kind, .. } => kind.word(),
            End::Reply { .. } => "reply",
            End::Icmp { .. } => "icmp",
            End::TimedOut { .. } => "timeout",
            End::Unsent(_) => "error",
            End::Broken(error) => match error.kind {
                ErrorKind::System | ErrorKind::Exhausted | ErrorKind::Permission => "error",
                kind => kind.word(),
            },
            End::Interrupted { .. } => "interrupted",
        }
        .to_string()
    };

    /// The sequence number: that of a message `ping N …`, or else the running number of the socket's probes, from 1. `()` of a
    /// packet that names no ping.
    ///
    /// ```rhai
    /// let ping = udp::bind("127.0.0.1:0").ping(udp::closed_port(), "ping 7", 100.ms);
    /// expect(ping.seq, 7);
    /// ```
    get seq(ping: &mut Ping) -> Dynamic = match &ping.0.outcome {
        Outcome { number: 0, end: End::Stray { .. }, .. } => Dynamic::UNIT,
        Outcome { number, .. } => (*number as i64).into(),
    };

    /// Where the ping went; a name that has no address, as text.
    ///
    /// ```rhai
    /// let closed = udp::closed_port();
    /// expect(udp::open(closed).ping(closed, "ping 1", 100.ms).to, closed);
    /// ```
    get to(ping: &mut Ping) -> Dynamic = {
        let outcome = &ping.0.outcome;
        outcome.nameless().map_or_else(|| Dynamic::from(outcome.to), |name| name.to_string().into())
    };

    /// Who replied; `()` if no one did.
    ///
    /// ```rhai
    /// let server = udp::bind("127.0.0.1:0");
    /// let task = start_thread(|| udp::serve(server, udp::echo()));
    /// let ping = udp::open(server.addr).ping(server.addr, "ping 1", 1.s);
    /// expect(ping.from, server.addr);
    /// task.stop();
    /// ```
    get from(ping: &mut Ping) -> Dynamic = or_unit(ping.datagram().map(|datagram| datagram.from));

    /// The reply as text, without padding at its end; of a ping that was just sent, its message. `()` if there is none.
    ///
    /// ```rhai
    /// let server = udp::bind("127.0.0.1:0");
    /// let task = start_thread(|| udp::serve(server, udp::echo()));
    /// let ping = udp::open(server.addr).ping(server.addr, "ping 1", #{ size: 64 });
    /// expect(ping.text, "ping 1");
    /// task.stop();
    /// ```
    get text(ping: &mut Ping) -> Dynamic =
        ping.data().map_or(Dynamic::UNIT, |data| text(data).trim_end_matches(' ').into());

    /// The reply as a blob, padding included; of a ping that was just sent, its message. `()` if there is none.
    ///
    /// ```rhai
    /// let server = udp::bind("127.0.0.1:0");
    /// let task = start_thread(|| udp::serve(server, udp::echo()));
    /// let ping = udp::open(server.addr).ping(server.addr, "ping 1", #{ size: 64 });
    /// expect(ping.data.len, 64);
    /// task.stop();
    /// ```
    get data(ping: &mut Ping) -> Dynamic = ping.data().map_or(Dynamic::UNIT, |data| Dynamic::from_blob(data.to_vec()));

    /// How many slots of its schedule were missed right before it was sent: their time had passed, and a ping was still in
    /// flight for which the next one had to wait, or the script was busy.
    ///
    /// ```rhai
    /// let closed = udp::closed_port();
    /// expect(udp::open(closed).ping(closed, "ping 1", 1.s).missed, 0);
    /// ```
    get missed(ping: &mut Ping) -> i64 = ping.0.outcome.missed as i64;

    /// When the ping was sent: seconds since 1970 (UTC), as `unix_time` gives them, to a quarter of a microsecond. By the
    /// kernel's stamp, where it has come by then, else from right before the system call. `()` if it was not sent.
    ///
    /// ```rhai
    /// let before = unix_time();
    /// let ping = icmp::open("127.0.0.1").ping("127.0.0.1", 1.s);
    /// expect(ping.sent_at >= before && ping.sent_at <= unix_time() + 0.001, true);
    /// ```
    get sent_at(ping: &mut Ping) -> Dynamic = seconds(ping.0.outcome.sent_at);

    /// When the reply or the ICMP error arrived: seconds since 1970 (UTC), by the kernel's stamp where there is one; `()` if
    /// neither came.
    ///
    /// ```rhai
    /// let ping = icmp::open("127.0.0.1").ping("127.0.0.1", 1.s);
    /// expect(ping.received_at >= ping.sent_at, true);
    /// ```
    get received_at(ping: &mut Ping) -> Dynamic = seconds(ping.0.outcome.received_at);

    /// The round-trip time, a Duration measured by the session's clock (see `clock` of a socket): until the reply came, or the
    /// ICMP error that ended the ping, or a late or duplicate reply, which no statistics of replies count. `()` if none came.
    ///
    /// ```rhai
    /// expect(icmp::open("127.0.0.1").ping("127.0.0.1", 1.s).rtt < 1.s, true);
    /// ```
    get rtt(ping: &mut Ping) -> Dynamic = match &ping.0.outcome.end {
        End::Reply { rtt, .. } | End::Icmp { rtt, .. } => Dynamic::from(*rtt),
        End::Stray { after, .. } => or_unit(*after),
        _ => Dynamic::UNIT,
    };

    /// The clock the round-trip time was measured by, in words; `()` if there is no reply. Where it is not the session's,
    /// the time is kept out of percentiles.
    ///
    /// ```rhai
    /// let ping = icmp::open("127.0.0.1").ping("127.0.0.1", 1.s);
    /// expect(["kernel receive - kernel send", "kernel receive - user send", "user receive - user send"].contains(ping.clock), true);
    /// ```
    get clock(ping: &mut Ping) -> Dynamic = match &ping.0.outcome.end {
        End::Reply { clock, .. } => clock.name().into(),
        _ => Dynamic::UNIT,
    };

    /// The round-trip time of the reply by each clock, a map: `kernel` ("kernel receive - kernel send"), `kernel_receive`
    /// ("kernel receive - user send", as `ping` measures) and `user` ("user receive - user send"); `()` for those that the
    /// reply does not have. Without a reply, `()` in place of the map.
    ///
    /// ```rhai
    /// let ping = icmp::open("127.0.0.1").ping("127.0.0.1", 1.s);
    /// expect(ping.readings.user > 0.s, true);
    /// ```
    get readings(ping: &mut Ping) -> Dynamic = {
        let End::Reply { readings, .. } = &ping.0.outcome.end else { return Dynamic::UNIT };
        Map::from([
            ("kernel".into(), or_unit(readings.kernel)),
            ("kernel_receive".into(), or_unit(readings.kernel_receive)),
            ("user".into(), Dynamic::from(readings.user)),
        ])
        .into()
    };

    /// The size of the reply's IP packet in bytes, its headers included, options of IP not; `()` if there is no reply. Over TCP
    /// it is that of a segment with the reply's text alone, and with timestamps where the connection has them.
    ///
    /// ```rhai
    /// let ping = icmp::open("127.0.0.1").ping("127.0.0.1", #{ size: 8 });
    /// expect(ping.bytes, 36); // 20 of IPv4, 8 of ICMP, 8 of payload
    /// ```
    get bytes(ping: &mut Ping) -> Dynamic = {
        let headers = ping.0.tally.headers();
        ping.reply().map_or(Dynamic::UNIT, |datagram| ((headers + datagram.data.len()) as i64).into())
    };

    /// The TTL or hop limit that the reply came with; `()` if there is no reply, or its socket does not know.
    ///
    /// ```rhai
    /// expect(icmp::open("127.0.0.1").ping("127.0.0.1", 1.s).ttl, 64);
    /// ```
    get ttl(ping: &mut Ping) -> Dynamic =
        ping.reply().and_then(|datagram| datagram.ttl).map_or(Dynamic::UNIT, |ttl| i64::from(ttl).into());

    /// The TTL or hop limit that the ping was sent with, if it had one of its own; else `()`.
    ///
    /// ```rhai
    /// expect(icmp::open("127.0.0.1").ping("127.0.0.1", #{ ttl: 9 }).sent_ttl, 9);
    /// ```
    get sent_ttl(ping: &mut Ping) -> Dynamic = ping.0.outcome.ttl.map_or(Dynamic::UNIT, |ttl| i64::from(ttl).into());

    /// The ICMP error that ended the ping; `()` if none did. As text it is the error's name.
    ///
    /// ```rhai
    /// let ping = udp::bind("127.0.0.1:0").ping(udp::closed_port(), "ping 1", 100.ms);
    /// expect(`${ping.icmp}`, "Port Unreachable");
    /// ```
    get icmp(ping: &mut Ping) -> Dynamic = match &ping.0.outcome.end {
        End::Icmp { error, .. } => Dynamic::from(error.clone()),
        _ => Dynamic::UNIT,
    };

    /// Whether the ICMP error did not say which of several pings in flight it is about.
    ///
    /// ```rhai
    /// let ping = udp::bind("127.0.0.1:0").ping(udp::closed_port(), "ping 1", 100.ms);
    /// expect(ping.assumed, false);
    /// ```
    get assumed(ping: &mut Ping) -> bool = matches!(&ping.0.outcome.end, End::Icmp { assumed: true, .. });

    /// Why this host could not send the ping, or how the connection broke that it went over: an error with `kind` and
    /// `message`; else `()`.
    ///
    /// ```rhai
    /// let ping = udp::bind("127.0.0.1:0").ping(udp::closed_port(), "ping 1", 100.ms);
    /// expect(ping.error, ());
    /// ```
    get error(ping: &mut Ping) -> Dynamic = match &ping.0.outcome.end {
        End::Unsent(error) | End::Broken(error) => Dynamic::from(error.clone()),
        _ => Dynamic::UNIT,
    };

    /// The ping in words. Without a whole reply in time they say what came in its place: `seq 1: no reply from …`,
    /// `seq 1: the reply from … came truncated` (or corrupt, or too late), `… did not repeat the message`, `… has number 15 instead
    /// of 1`, or `seq 1: the reply came from …, not from …`.
    ///
    /// ```rhai
    /// let port = udp::closed_port();
    /// expect(`${udp::bind("127.0.0.1:0").ping(port, "ping 1", 1.s)}`, `seq 1: Port Unreachable for ${port}`);
    /// ```
    fn to_string | to_debug(ping: &mut Ping) -> String = {
        let Outcome { number, to, end, .. } = &ping.0.outcome;
        match end {
            End::Reply { rtt, datagram, .. } => {
                format!("seq {number}: reply from {} rtt={rtt}", plain(datagram.from))
            }
            End::Icmp { error, .. } => format!("seq {number}: {} for {}", error.kind, plain(*to)),
            End::Sent { message } => format!("seq {number}: {} bytes sent to {}", message.len(), plain(*to)),
            End::Stray { kind: Stray::Unmatched, datagram, .. } => {
                format!(
                    "reply from {} that does not repeat the message: {}",
                    plain(datagram.from),
                    excerpt(&datagram.data)
                )
            }
            End::Stray { kind, datagram, after: Some(after) } => {
                format!("seq {number}: {} reply from {} rtt={after}", kind.word(), plain(datagram.from))
            }
            End::Stray { kind, datagram, .. } => {
                format!("{} packet from {}: {} bytes", kind.word(), plain(datagram.from), datagram.data.len())
            }
            End::TimedOut { instead: None } => format!("seq {number}: no reply from {}", plain(*to)),
            End::TimedOut { instead: Some(fault) } => {
                let to = plain(*to);
                match fault {
                    Fault::Number(seen) => {
                        format!("seq {number}: the reply from {to} has number {seen} instead of {number}")
                    }
                    Fault::Elsewhere(from) => {
                        format!("seq {number}: the reply came from {}, not from {to}", plain(*from))
                    }
                    fault => format!("seq {number}: the reply from {to} {fault}"),
                }
            }
            End::Unsent(error) | End::Broken(error) => format!("seq {number}: {error}"),
            End::Interrupted { .. } => format!("seq {number}: interrupted"),
        }
    };
}
