//! Questions about the interfaces of a host in scripts: extended echo, known as PROBE (RFC 8335).

use std::net::IpAddr;

use rhai::{Dynamic, Map, NativeCallContext};

use crate::bindings::context;
use crate::bindings::context::WaitingFor;
use crate::bindings::convert::{Options, host, shown};
use crate::bindings::error::{OrRaise, ScriptResult, raise};
use crate::bindings::udp::ping::Ping;
use crate::bindings::udp::schedule;
use crate::net::error::Error;
use crate::net::probe::outcome::{End, Probe};
use crate::net::socket::icmp::IcmpSocket;
use crate::net::time::Duration;
use crate::net::wire::Family;
use crate::net::wire::icmp::{AskedInterface, Message, Probed};
use std::net::SocketAddr;

/// What `value` names: an index, an address, or what is neither, a name.
pub(super) fn subject(ctx: &NativeCallContext, value: &Dynamic, neighbour: bool) -> ScriptResult<AskedInterface> {
    let index = |n: i64| u32::try_from(n).ok().filter(|&n| n > 0).map(AskedInterface::Index);
    let named = match value.clone().try_cast::<SocketAddr>() {
        Some(addr) => Some(AskedInterface::Address(addr.ip())),
        None if value.is_int() => value.as_int().ok().and_then(index),
        None if value.is_string() => {
            let text = value.to_string();
            match (text.parse::<i64>(), text.parse::<IpAddr>()) {
                (Ok(n), _) => index(n),
                (_, Ok(ip)) => Some(AskedInterface::Address(ip)),
                _ => Some(AskedInterface::Name(text)),
            }
        }
        None => None,
    };
    let wrong = |message: String, hint: &str| raise(ctx, Error::invalid("probe", message).with_hint(hint));
    match (named, neighbour) {
        (Some(AskedInterface::Address(ip)), true) => Ok(AskedInterface::Neighbour(ip)),
        (Some(_), true) => wrong(
            format!("{} is no address, and a neighbour is asked about by that", shown(value)),
            "give its IP address",
        ),
        (Some(subject), false) => Ok(subject),
        (None, _) => wrong(
            format!("{} names no interface", shown(value)),
            "an interface is asked about by its name (\"eth0\"), its index from 1 up, or its IP address",
        ),
    }
}

fn probe(
    ctx: &NativeCallContext,
    socket: &IcmpSocket,
    target: &Dynamic,
    interface: &Dynamic,
    options: &Map,
) -> ScriptResult<Ping> {
    let to = host(ctx, target)?;
    let (probe, neighbour) = Options::all(ctx, "probe", options, |options| {
        let probe = schedule::probe(options, to)?;
        Ok((Probe { ttl: options.byte("ttl")?, ..probe }, options.flag("neighbour")?))
    })?;
    let subject = subject(ctx, interface, neighbour)?;
    let outcome = socket.probe(&subject, &probe, &context::wait(WaitingFor::Reply).stop).or_raise(ctx)?;
    Ok(Ping::new(socket.tally().clone(), outcome))
}

functions! {
    pub fn api;
    object Probed, "What a host says of an interface that it was asked about.";

    /// Asks `target` about one of its interfaces by an extended echo request (PROBE, RFC 8335), and waits for the reply.
    /// `interface` is a name at that host (`"eth0"`), an index or an address; the result is that of `ping`, and its
    /// `interface` has what the host says. Whatever it says is a reply, `No Such Interface` too.
    ///
    /// Hosts reply only if configured to: Linux with `net.ipv4.icmp_echo_enable_probe=1`, for IPv6 too.
    ///
    /// Errors: `invalid` (also a target of another version of IP), `resolve`, `closed`, `busy`.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// let b = net.host("b");
    /// net.link(a, b);
    /// b.set("net.ipv4.icmp_echo_enable_probe", 1);
    /// let ping = run_in(a, || icmp::open("0.0.0.0").probe(b.addr, "eth0", 1.s));
    /// expect(`${ping.interface}`, "active, IPv4, IPv6");
    /// ```
    fn probe(
        ctx: NativeCallContext, socket: &mut IcmpSocket, target: Dynamic, interface: Dynamic, timeout: Duration,
    ) -> ScriptResult<Ping> = {
        let options = Map::from([("timeout".into(), Dynamic::from(timeout))]);
        probe(&ctx, socket, &target, &interface, &options)
    };

    /// As `probe` with a timeout, with options: `timeout` (1.s), `icmp_wait`: how long after it an ICMP error is waited for (as
    /// long as `timeout`), `ttl` (the socket's), `neighbour`: whether the address is that of a neighbour of `target`, which
    /// Linux does not reply.
    ///
    /// Errors: as `probe`; `invalid`: an unknown option.
    ///
    /// ```rhai
    /// let sock = icmp::open("127.0.0.1");
    /// let ping = sock.probe("127.0.0.1", "127.0.0.1", #{ timeout: 50.ms, icmp_wait: 0.s });
    /// expect(ping.kind in ["reply", "timeout"], true);
    /// ```
    fn probe(
        ctx: NativeCallContext, socket: &mut IcmpSocket, target: Dynamic, interface: Dynamic, options: Map,
    ) -> ScriptResult<Ping> =
        probe(&ctx, socket, &target, &interface, &options);

    /// What the reply says of the interface that was asked about by `probe`; `()` for other pings, and if there is no reply.
    /// As text `active, IPv4, IPv6`, or what is wrong: `No Such Interface`.
    ///
    /// ```rhai
    /// let sock = icmp::open("127.0.0.1");
    /// expect(sock.ping("127.0.0.1", 1.s).interface, ());
    /// ```
    get interface(ping: &mut Ping) -> Dynamic = {
        let outcome = &ping.ended().outcome;
        let End::Reply { datagram, .. } = &outcome.end else { return Dynamic::UNIT };
        // Only ICMP has no ports.
        if outcome.to.port() != 0 {
            return Dynamic::UNIT;
        }
        let message = Message::parse(Family::of(outcome.to.ip()), &datagram.data).ok();
        message.and_then(|message| message.probed()).map_or(Dynamic::UNIT, Dynamic::from)
    };

    /// Whether there is such an interface, or such a neighbour.
    ///
    /// ```rhai
    /// let ping = icmp::open("127.0.0.1").probe("127.0.0.1", "none", #{ timeout: 50.ms, icmp_wait: 0.s });
    /// if ping.interface != () { expect(ping.interface.found, false); }
    /// ```
    get found(probed: &mut Probed) -> bool = probed.found();

    /// Whether the interface is active.
    ///
    /// ```rhai
    /// let ping = icmp::open("127.0.0.1").probe("127.0.0.1", "lo", #{ timeout: 50.ms, icmp_wait: 0.s });
    /// if ping.interface != () { expect(ping.interface.active, true); }
    /// ```
    get active(probed: &mut Probed) -> bool = probed.active;

    /// Whether the interface runs IPv4.
    ///
    /// ```rhai
    /// let ping = icmp::open("127.0.0.1").probe("127.0.0.1", "lo", #{ timeout: 50.ms, icmp_wait: 0.s });
    /// if ping.interface != () { expect(ping.interface.ipv4, true); }
    /// ```
    get ipv4(probed: &mut Probed) -> bool = probed.ipv4;

    /// Whether the interface runs IPv6.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// let b = net.host("b");
    /// net.link(a, b);
    /// b.set("net.ipv4.icmp_echo_enable_probe", 1);
    /// let ping = run_in(a, || icmp::open("0.0.0.0").probe(b.addr, "eth0", 1.s));
    /// expect(ping.interface.ipv6, true);
    /// ```
    get ipv6(probed: &mut Probed) -> bool = probed.ipv6;

    /// The state of a neighbour: `"incomplete"`, `"reachable"`, `"stale"`, `"delay"`, `"probe"` or `"failed"`; `()` for an
    /// interface of the host itself.
    ///
    /// ```rhai
    /// let ping = icmp::open("127.0.0.1").probe("127.0.0.1", "lo", #{ timeout: 50.ms, icmp_wait: 0.s });
    /// if ping.interface != () { expect(ping.interface.state, ()); }
    /// ```
    get state(probed: &mut Probed) -> Dynamic = probed.state_name().map_or(Dynamic::UNIT, Dynamic::from);

    /// The code of the reply: 0, or what is wrong: 1 to 4 (RFC 8335, section 3).
    ///
    /// ```rhai
    /// let ping = icmp::open("127.0.0.1").probe("127.0.0.1", "none", #{ timeout: 50.ms, icmp_wait: 0.s });
    /// if ping.interface != () { expect(ping.interface.code, 2); }
    /// ```
    get code(probed: &mut Probed) -> i64 = i64::from(probed.kind.code);

    /// What the host says, in words.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// let b = net.host("b");
    /// net.link(a, b);
    /// b.set("net.ipv4.icmp_echo_enable_probe", 1);
    /// let ping = run_in(a, || icmp::open("0.0.0.0").probe(b.addr, "eth0", 1.s));
    /// expect(`${ping.interface}`, "active, IPv4, IPv6");
    /// ```
    fn to_string | to_debug(probed: &mut Probed) -> String = probed.to_string();
}
