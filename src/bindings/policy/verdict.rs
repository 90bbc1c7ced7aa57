//! Verdicts: what is to be done with a packet, and where that was decided.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use rhai::{Dynamic, Map, NativeCallContext};

use crate::bindings::convert::{Options, bytes};
use crate::bindings::error::{OrRaise, ScriptResult, raise};
use crate::bindings::thread::with;
use crate::bindings::{compiled, context};
use crate::net::error::Error;
use crate::net::policy::{self, Action, Details, Rejection, Verdict};
use crate::net::socket::udp::check_size;
use crate::net::time::Duration;

fn verdict(ctx: &NativeCallContext, action: Action) -> policy::Verdict {
    policy::Verdict::new(action, origin(ctx.call_source(), ctx.call_position().line()))
}

/// The place of a verdict, `scripts/udp_server.rhai:9`. Most verdicts of a thread come from few places: the last one's text
/// is kept.
fn origin(source: Option<&str>, line: Option<usize>) -> Arc<str> {
    let main = || context::peek(|context| context.script.name.clone()).unwrap_or_default();
    with(|thread| {
        let (line, mut last) = (line.unwrap_or(0), thread.origin.borrow_mut());
        match &*last {
            Some((known, of, text)) if source == Some(known.as_str()) && line == *of => text.clone(),
            _ => {
                let source = source.map_or_else(main, str::to_string);
                let text = compiled::place(&source, (line > 0).then_some(line));
                *last = Some((source, line, text.clone()));
                text
            }
        }
    })
}

fn rejected(ctx: &NativeCallContext, rejection: Result<Rejection, Error>) -> ScriptResult<policy::Verdict> {
    rejection.map(|rejection| verdict(ctx, Action::Reject(rejection.into()))).or_raise(ctx)
}

/// What an ICMP error is to say, from a map of options.
fn details(options: &Map) -> Result<Details, Error> {
    let mut options = Options::new("reject", options);
    let small = |key: &str, value: Option<u64>| match value.map(u32::try_from) {
        Some(Err(_)) => Err(Error::invalid("reject", format!("`{key}` has no room for more than {}", u32::MAX))),
        value => Ok(value.and_then(Result::ok)),
    };
    let from = options.ip("from")?;
    let mtu = options.count("mtu", 0)?;
    let pointer = options.count("pointer", 0)?;
    let gateway = match options.ip("gateway")? {
        Some(IpAddr::V6(ip)) => {
            return Err(Error::invalid("reject", format!("`gateway` takes an IPv4 address, not {ip}")));
        }
        Some(IpAddr::V4(ip)) => Some(ip),
        None => None,
    };
    options.finish()?;
    Ok(Details { from, mtu: small("mtu", mtu)?, pointer: small("pointer", pointer)?, gateway })
}

functions! {
    pub fn api;
    object Verdict, "What is to be done with a packet.";

    /// The verdict that lets a packet through. In a server: the reply is sent.
    ///
    /// ```rhai
    /// expect(pass().kind, "pass");
    /// ```
    volatile pass(ctx: NativeCallContext) -> Verdict = verdict(&ctx, Action::Pass);

    /// The verdict that loses a packet. In a server: the request was received, its reply is not sent.
    ///
    /// ```rhai
    /// let policy = |pkt| if pkt.text == "ping 2" { drop() } else { pass() };
    /// expect(drop().kind, "drop");
    /// ```
    volatile drop(ctx: NativeCallContext) -> Verdict = verdict(&ctx, Action::Drop);

    /// The verdict that lets a packet through later. In a server: the reply is sent when that time has passed, and the loop
    /// goes on meanwhile.
    ///
    /// Errors: `invalid`: the duration is negative.
    ///
    /// ```rhai
    /// set_policy(udp::bind("127.0.0.1:0"), |pkt| delay(20.ms));
    /// expect([delay(20.ms).kind, `${delay(20.ms)}`], ["delay", "delay(20ms)"]);
    /// ```
    volatile delay(ctx: NativeCallContext, by: Duration) -> ScriptResult<Verdict> = {
        if by.is_negative() {
            return raise(&ctx, Error::invalid("delay", "a delay cannot be negative"));
        }
        Ok(verdict(&ctx, Action::Delay(by)))
    };

    /// The verdict that lets a packet through so many times in all. In a server: the reply is sent that often.
    ///
    /// Errors: `invalid`: not 1 to 100.
    ///
    /// ```rhai
    /// set_policy(udp::bind("127.0.0.1:0"), |pkt| duplicate(2));
    /// expect([duplicate(2).kind, `${duplicate(2)}`], ["duplicate", "duplicate(2)"]);
    /// ```
    volatile duplicate(ctx: NativeCallContext, times: i64) -> ScriptResult<Verdict> = match u32::try_from(times) {
        Ok(times @ 1..=100) => Ok(verdict(&ctx, Action::Duplicate(times))),
        _ => raise(&ctx, Error::invalid("duplicate", format!("a packet can be there 1 to 100 times, not {times}"))),
    };

    /// The verdict that lets other bytes through in a packet's place: a string or a blob. In a server: they are the reply.
    ///
    /// ```rhai
    /// set_policy(udp::bind("127.0.0.1:0"), |pkt| replace("nothing to see here"));
    /// expect(replace("nothing to see here").kind, "replace");
    /// ```
    volatile replace(ctx: NativeCallContext, data: Dynamic) -> ScriptResult<Verdict> = {
        let data = bytes(&ctx, data)?;
        check_size(data.len(), Ipv4Addr::UNSPECIFIED.into()).or_raise(&ctx)?;
        Ok(verdict(&ctx, Action::Replace(data.into())))
    };

    /// The verdict that lets a packet through with one random bit of its payload flipped. In a server: the
    /// reply is damaged so.
    ///
    /// ```rhai
    /// set_policy(udp::bind("127.0.0.1:0"), |pkt| corrupt());
    /// expect(corrupt().kind, "corrupt");
    /// ```
    volatile corrupt(ctx: NativeCallContext) -> Verdict = {
        context::peek(|context| context.run.seed.mark_used());
        verdict(&ctx, Action::Corrupt)
    };

    /// The verdict that loses a packet on a link, or at a host's ingress, and reports "port unreachable" to its sender.
    ///
    /// ```rhai
    /// expect(reject().kind, "reject");
    /// ```
    volatile reject(ctx: NativeCallContext) -> ScriptResult<Verdict> =
        rejected(&ctx, Rejection::named("port-unreachable", Details::default()));

    /// The verdict that loses a packet on a link, or at a host's ingress, and sends this ICMP error to its sender, which quotes
    /// the packet. A server cannot do that: there it is an error.
    ///
    /// The names are those of `iptables --reject-with` and `ip6tables --reject-with` (`"icmp-net-unreachable"`,
    /// `"icmp-admin-prohibited"`, `"icmp6-no-route"`, `"tcp-reset"`, …) and the keywords of all ICMP errors
    /// (`"ttl-exceeded"`, `"source-quench"`, …). A name serves IPv4 and IPv6 where both have an error of that meaning;
    /// where one has none, its packets pass, which is counted and reported once, and so does what is not IP, such as ARP. No
    /// ICMP error is about another, nor a later fragment, nor what was sent to many (RFC 1122, section 3.2.2): such packets are
    /// lost without a word, and counted.
    ///
    /// The keywords: `net-unreachable`, `host-unreachable`, `protocol-unreachable`, `port-unreachable`,
    /// `fragmentation-needed`, `source-route-failed`, `net-unknown`, `host-unknown`, `source-host-isolated`,
    /// `net-prohibited`, `host-prohibited`, `net-unreachable-for-tos`, `host-unreachable-for-tos`, `admin-prohibited`,
    /// `host-precedence-violation`, `precedence-cutoff`, `source-quench`, `redirect-net`, `redirect-host`,
    /// `redirect-net-for-tos`, `redirect-host-for-tos`, `ttl-exceeded`, `reassembly-time-exceeded`, `header-error`,
    /// `missing-option`, `bad-length`, `conversion-error`, `bad-spi`, `authentication-failed`, `decompression-failed`,
    /// `decryption-failed`, `need-authentication`, `need-authorization`, `no-route`, `beyond-scope`, `address-unreachable`,
    /// `policy-failed`, `reject-route`, `source-route-error`, `headers-too-long`, `p-route-error`, `packet-too-big`,
    /// `hop-limit-exceeded`, `unknown-next-header`, `unknown-option`, `incomplete-header-chain`, `sr-upper-layer-error`,
    /// `unknown-next-header-in-transit`, `extension-header-too-big`, `header-chain-too-long`, `too-many-extension-headers`,
    /// `too-many-options`, `option-too-big`, `private-experiment-100`, `private-experiment-101`, `reserved-errors`.
    /// The names of iptables: `icmp-net-unreachable`, `icmp-host-unreachable`, `icmp-port-unreachable`,
    /// `icmp-proto-unreachable`, `icmp-net-prohibited`, `icmp-host-prohibited`, `icmp-admin-prohibited`, `icmp6-no-route`,
    /// `icmp6-adm-prohibited`, `icmp6-addr-unreachable`, `icmp6-port-unreachable`, `icmp6-policy-fail`,
    /// `icmp6-reject-route`, `tcp-reset`.
    ///
    /// Errors: `invalid`: no error has that name.
    ///
    /// ```rhai
    /// let policy = |pkt| if pkt.number == 3 { reject("icmp-admin-prohibited") } else { pass() };
    /// expect(`${reject("tcp-reset")}`, "reject(\"tcp-reset\")");
    /// ```
    volatile reject(ctx: NativeCallContext, name: &str) -> ScriptResult<Verdict> =
        rejected(&ctx, Rejection::named(name, Details::default()));

    /// The same, with more for the error to say: `from`, who reports it, for packets of that version of IP (default: the host that
    /// the packet was on its way to), `mtu` of the next hop in bytes (default: the next usual one below the packet's size, as in
    /// RFC 1191, section 7; of IPv6 at least 1280), `pointer` to the byte in error, `gateway` of a redirect.
    ///
    /// Errors: `invalid`: no error has that name, or it has no room for that.
    ///
    /// ```rhai
    /// let verdict = reject("frag-needed", #{ mtu: 1280, from: "10.0.0.77" });
    /// expect([verdict.kind, `${verdict}`], ["reject", "reject(\"frag-needed\", #{ mtu: 1280, from: \"10.0.0.77\" })"]);
    /// ```
    volatile reject(ctx: NativeCallContext, name: &str, options: Map) -> ScriptResult<Verdict> = {
        let details = details(&options).or_raise(&ctx)?;
        rejected(&ctx, Rejection::named(name, details))
    };

    /// The verdict that loses a packet and sends its sender the ICMP error with this type and code, both 0 to 255: ICMP
    /// for IPv4 packets, ICMPv6 for IPv6 ones. A type that is an error, or advice, of one version alone lets packets of the
    /// other pass.
    ///
    /// Errors: `invalid`: a number does not fit, or messages of that type are no errors: requests and replies.
    ///
    /// ```rhai
    /// expect(`${reject(3, 13)}`, "reject(3, 13)");
    /// ```
    volatile reject(ctx: NativeCallContext, type_: i64, code: i64) -> ScriptResult<Verdict> =
        rejected(&ctx, Rejection::numbered(type_, code, Details::default()));

    /// The same, with more for the error to say, as in `reject(name, options)`.
    ///
    /// Errors: as `reject(type, code)`; `invalid`: the error has no room for that.
    ///
    /// ```rhai
    /// let verdict = reject(5, 1, #{ gateway: "10.0.0.2" });
    /// expect(`${verdict}`, "reject(5, 1, #{ gateway: \"10.0.0.2\" })");
    /// ```
    volatile reject(ctx: NativeCallContext, type_: i64, code: i64, options: Map) -> ScriptResult<Verdict> = {
        let details = details(&options).or_raise(&ctx)?;
        rejected(&ctx, Rejection::numbered(type_, code, details))
    };

    /// The verdict in a word, that of the function that makes it: `"pass"`, `"drop"`, …; what `reply` returns is `"unsent"`
    /// where the reply could not be sent.
    ///
    /// ```rhai
    /// expect(drop().kind, "drop");
    /// ```
    get kind(verdict: &mut Verdict) -> String = verdict.word().to_string();

    /// Whether the packet is lost: it is to be dropped, or, of what `reply` returns, the reply could not be sent.
    ///
    /// ```rhai
    /// expect(drop().dropped, true);
    /// ```
    get dropped(verdict: &mut Verdict) -> bool = verdict.is_lost();

    /// Why a reply could not be sent, of what `reply` returns: an error with `kind` and `message`; `()` if it was sent, is to be
    /// sent later, or was dropped.
    ///
    /// ```rhai
    /// let sock = udp::bind("127.0.0.1:0");
    /// sock.send_to("hello", sock.addr);
    /// let pkt = sock.recv(1.s);
    /// expect(pkt.reply("HELLO").error, ());
    /// let verdict = pkt.reply(blob(100_000));
    /// expect([verdict.kind, verdict.dropped, verdict.error.kind], ["unsent", true, "too-large"]);
    /// ```
    get error(verdict: &mut Verdict) -> Dynamic =
        verdict.unsent.as_ref().map_or(Dynamic::UNIT, |error| Dynamic::from(Error::clone(error)));

    /// Where the verdict was made: `scripts/udp_server.rhai:9`, or the native policy's name.
    ///
    /// ```rhai
    /// expect(drop().origin.ends_with(":1"), true);
    /// ```
    get origin(verdict: &mut Verdict) -> String = verdict.origin.to_string();

    /// The verdict as the call that makes it, or why the reply could not be sent.
    ///
    /// ```rhai
    /// expect(`${delay(20.ms)}`, "delay(20ms)");
    /// ```
    fn to_string | to_debug(verdict: &mut Verdict) -> String = match &verdict.unsent {
        Some(error) => format!("unsent: {}", error.message),
        None => verdict.action.to_string(),
    };
}
