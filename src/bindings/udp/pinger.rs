//! Sending pings from scripts: one that is waited for, or many on a schedule.

use std::net::IpAddr;

use rhai::{Dynamic, FnPtr, Map, NativeCallContext};

use super::packet::ReceivedPacket;
use super::ping::Ping;
use super::schedule::{Closures, Schedule, plan, probe, targets};
use crate::bindings::callback::Callback;
use crate::bindings::context;
use crate::bindings::context::WaitingFor;
use crate::bindings::convert::{Options, address, bytes, in_order, shown};
use crate::bindings::error::{OrRaise, ScriptResult, thrown};
use crate::net::error::Error;
use crate::net::policy::datagram::Datagram;
use crate::net::probe::outcome::{Match, Probe};
use crate::net::socket::pinger::Pinger as NetPinger;
use crate::net::socket::udp::{UdpSocket, check_size};
use crate::net::time::Duration;

fn ping(
    ctx: &NativeCallContext,
    socket: UdpSocket,
    to: &Dynamic,
    message: Dynamic,
    options: &Map,
    matcher: Option<FnPtr>,
) -> ScriptResult<Ping> {
    in_order(ctx, &message, to, |message, to| format!("the address comes first: sock.ping({to}, {message}, 1.s)"))?;
    let to = address(ctx, to)?;
    let (probe, size) = Options::all(ctx, "ping", options, |options| {
        let mut probe = probe(options, to)?;
        probe.slot.unreported = options.switch("report")? == Some(false);
        Ok((probe, options.count("size", 0)?.unwrap_or(0)))
    })?;
    let message = &padded(bytes(ctx, message)?, size, to.ip()).or_raise(ctx)?;
    let probe = Probe { message, ..probe };
    let stop = context::wait(WaitingFor::Reply).stop;
    let Some(matcher) = matcher else {
        let outcome = socket.ping(&probe, &stop, None).or_raise(ctx)?;
        return Ok(Ping::new(socket.tally().clone(), outcome));
    };
    let mut callback = Callback::new(ctx, matcher).noting("matcher");
    let mut failure = None;
    let mut matches = |datagram: &Datagram| {
        let packet = ReceivedPacket::being_matched(socket.clone(), datagram.clone());
        match callback.call([Dynamic::from(packet)]) {
            Ok(value) => value.as_bool().map(|is| if is { Match::Awaited } else { Match::Nothing }).map_err(|_| {
                failure = Some(thrown(
                    Error::invalid("ping", format!("the closure returned {}, not true or false", shown(&value))),
                    ctx.call_position(),
                ));
            }),
            Err(error) => {
                failure = Some(error);
                Err(())
            }
        }
    };
    let outcome = socket.ping(&probe, &stop, Some(&mut matches));
    match failure {
        Some(error) => Err(error),
        None => outcome.or_raise(ctx).map(|outcome| Ping::new(socket.tally().clone(), outcome)),
    }
}

/// The message, padded with blanks to `size` bytes.
///
/// # Errors
/// `too-large`: no datagram holds so many.
fn padded(mut message: Vec<u8>, size: u64, to: IpAddr) -> Result<Vec<u8>, Error> {
    let size = message.len().max(usize::try_from(size).unwrap_or(usize::MAX));
    check_size(size, to)?;
    message.resize(size, b' ');
    Ok(message)
}

functions! {
    pub fn api;
    object Schedule as Pinger, "Pings on a schedule.";

    /// Sends `message` to `to` and waits for the reply, which repeats the message in any case of its letters; a message
    /// `ping N …` is distinguished from others by its number. If none comes in `timeout`, an ICMP error is waited for once more as
    /// long. The result's `kind` is `"reply"`, `"icmp"`, `"timeout"`, `"error"` (this host could not send it) or
    /// `"interrupted"`.
    ///
    /// Late, duplicate, reordered, foreign, truncated, corrupt and unmatched replies are counted apart: see `counts`.
    ///
    /// Errors: `too-large`, `closed`, `invalid`, `resolve`.
    ///
    /// ```rhai
    /// let server = start("udp_server.rhai", ["--listen", "127.0.0.1:0", "--quiet"]);
    /// let ping = udp::open(server.addr).ping(server.addr, "ping 1", 100.ms);
    /// expect(ping.kind == "reply" || ping.kind == "timeout", true);
    /// ```
    fn ping(
        ctx: NativeCallContext, socket: &mut UdpSocket, to: Dynamic, message: Dynamic, timeout: Duration,
    ) -> ScriptResult<Ping> = {
        let options = Map::from([("timeout".into(), Dynamic::from(timeout))]);
        ping(&ctx, socket.clone(), &to, message, &options, None)
    };

    /// As `ping` with a timeout, with options: `timeout` (1.s), `icmp_wait`: how long after it an ICMP error is waited for
    /// (as long as `timeout`), `size`: pad the message with spaces to this many bytes (0), `report: false`: its loss is
    /// not reported at the end of the run.
    ///
    /// Errors: `too-large`, `closed`, `invalid` (also an unknown option), `resolve`.
    ///
    /// ```rhai
    /// let sock = udp::bind("127.0.0.1:0");
    /// let ping = sock.ping(udp::closed_port(), "ping 1", #{ timeout: 100.ms, size: 64 });
    /// expect(ping.kind, "icmp");
    /// ```
    fn ping(
        ctx: NativeCallContext, socket: &mut UdpSocket, to: Dynamic, message: Dynamic, options: Map,
    ) -> ScriptResult<Ping> =
        ping(&ctx, socket.clone(), &to, message, &options, None);

    /// As `ping` with options, for a protocol of the script's own: `matches` is called with each datagram from the peer and
    /// says whether it is the reply.
    ///
    /// Errors: as `ping`; what the closure throws; `invalid`: it returns neither true nor false.
    ///
    /// ```rhai
    /// let server = udp::bind("127.0.0.1:0");
    /// let task = start_thread(|| udp::serve(server, |pkt| "it is me"));
    /// let sock = udp::open(server.addr);
    /// let ping = ping(sock, server.addr, "who?", #{ timeout: 1.s }, |reply| reply.text.starts_with("it is"));
    /// expect(ping.kind, "reply");
    /// task.stop();
    /// ```
    fn ping(
        ctx: NativeCallContext, socket: UdpSocket, to: Dynamic, message: Dynamic, options: Map, matches: FnPtr,
    ) -> ScriptResult<Ping> =
        ping(&ctx, socket, &to, message, &options, Some(matches));

    /// Pings `to` on a schedule: `for ping in pinger(sock, to, #{ … })` gives each ping's outcome as it is settled. Ping k is
    /// sent at the start plus k intervals, whether or not replies came; slots that were missed are counted, not caught up.
    /// `to` is an address, or an array of addresses and of maps `#{ to: address, ttl: 3 }`, which are pinged in turn.
    ///
    /// Options: `count`: pings to each address (1 if it is a list, else without end, as `()`), `interval` (1.s; zero: as fast as
    /// `window` allows), `timeout` (1.s), `icmp_wait` (as `timeout`), `window`: how many may be in flight at a time (1 if the
    /// interval is zero, else 65,536), `max_gap`: with a full window, the next is sent so long after the last all the same (it
    /// waits), `size`: messages are padded with spaces to so many bytes (0), `awake`: so long before each sending it stays awake
    /// instead of sleeping (0.s), `report: false`: what is lost is not reported at the end of the run, as that of pings with a
    /// `ttl` never is.
    ///
    /// With `sends: true` the loop also gets each sending, at its moment: a ping whose `kind` is `"sent"`, with its `seq`, `to`,
    /// `text` and `missed`. Its outcome follows, with the same `seq`. With `strays: true` it also gets the packets that end no
    /// ping: `"late"`, `"duplicate"`, `"foreign"`, `"truncated"`, `"corrupt"` and `"unmatched"` ones, with their `from`, and `seq` and `rtt` where
    /// they name a ping.
    ///
    /// `message` replaces `ping 1 TIME`, `ping 2 TIME` …: a string, a blob, or a closure that makes the message with a number.
    /// Replies to pings that all say the same cannot be distinguished: those to one target do not overlap, unless `window` says
    /// so, and slots that pass while one is in flight are missed. A late one is taken for that to the next ping.
    /// Replies repeat the message; where they do not, `seq_of` is a closure that reads from a reply the number of the message it
    /// replies to, and returns `()` for what is no reply. Where replies name no message, it returns `true`: each is that to the
    /// oldest ping in flight, and one that comes late is taken for that to a later ping.
    ///
    /// Errors: `invalid` (also an unknown option), `resolve`; in the loop: `closed`, `too-large`, what the closures throw.
    ///
    /// ```rhai
    /// let sock = udp::bind("127.0.0.1:0");
    /// let seen = 0;
    /// for ping in pinger(sock, udp::closed_port(), #{ count: 3, interval: 1.ms, timeout: 100.ms }) { seen += 1; }
    /// expect(seen, 3);
    ///
    /// let server = udp::bind("127.0.0.1:0");
    /// let acks = start_thread(|| { for pkt in server { pkt.reply(`ack ${pkt.text.split(" ")[1]}`); } });
    /// let own = #{
    ///     count: 3, interval: 1.ms, timeout: 5.s, sends: true,
    ///     message: |seq| `hello ${seq}`,
    ///     seq_of: |reply| parse_int(reply.text.split(" ")[1]),
    /// };
    /// let lines = [];
    /// for ping in pinger(sock, server.addr, own) { lines.push(`${ping.kind} ${ping.seq} ${ping.text}`); }
    /// acks.stop();
    /// expect(lines.len, 6);
    /// expect("sent 2 hello 2" in lines && "reply 2 ack 2" in lines, true);
    /// ```
    fn pinger(ctx: NativeCallContext, socket: UdpSocket, to: Dynamic, options: Map) -> ScriptResult<Schedule> = {
        let targets = targets(&ctx, &to, address)?;
        let mut options = Options::new("pinger", &options);
        let mut plan = plan(&mut options, targets, 0).or_raise(&ctx)?;
        let receiver = socket.clone();
        let packet = move |datagram| Dynamic::from(ReceivedPacket::being_matched(receiver.clone(), datagram));
        let closures = Closures::read(&ctx, &mut options, &mut plan, packet)?;
        options.finish().or_raise(&ctx)?;
        let pinger = NetPinger::new(socket.clone(), plan).or_raise(&ctx)?;
        Ok(Schedule::new(pinger, closures, socket.tally().clone()))
    };
}
