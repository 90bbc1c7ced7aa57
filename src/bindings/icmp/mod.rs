//! ICMP in scripts: the namespace `icmp`, which makes echo sockets; beside it a file for each thing they work with.

use std::net::{IpAddr, SocketAddr};

use rhai::{Dynamic, Map, NativeCallContext};

use super::callback::programs;
use super::context;
use super::context::Context;
use super::convert::{Options, host, shown};
use super::error::{OrRaise, ScriptResult, raise};
use crate::limits::restriction::check_file;
use crate::net::error::{Error, ErrorKind};
use crate::net::host::addr;
use crate::net::host::addr::Version;
use crate::net::probe::clock::Clock;
use crate::net::probe::targets::{NameLookup, Targets};
use crate::net::socket::icmp::{IcmpSocket, Options as SocketOptions};
use crate::net::wire::zoned::ZonedIp;
use crate::net::wire::{Family, number};
use crate::terminal::input;

pub mod decode;
pub mod listener;
pub mod pinger;
pub mod probe;
pub mod socket;
pub mod sweep;
pub mod trace;

functions! {
    pub fn namespace;
    object Targets, "Where pings go in turn.";

    /// Makes a socket for echo requests to `target` (a host, or what `icmp::targets` gave) and others of its version of IP: a ping socket, which needs no privileges
    /// where the system allows one, else a raw socket.
    ///
    /// Errors: `permission`: the system allows neither; the hint names both remedies (exit code 4 if no one catches it);
    /// `invalid`, `resolve`: the target; `exhausted`.
    ///
    /// ```rhai
    /// let sock = icmp::open("127.0.0.1");
    /// expect(sock.ping("127.0.0.1", 1.s).kind, "reply");
    /// ```
    fn open(ctx: NativeCallContext, target: Dynamic) -> ScriptResult<IcmpSocket> = open_with(ctx, target, Map::new());

    /// Makes a socket for echo requests, with options: `ttl` (TTL or hop limit, 1 to 255), `tos` (all eight bits of the type of
    /// service or traffic class) or `dscp` (its upper six), `broadcast` (true: it may ping all hosts of a network), `dont_fragment` (true: never fragment, whatever the path's MTU is
    /// said to be; false: let every hop fragment), `pattern` (what fills payloads after their first 8 bytes, so that a ping
    /// needs a `size` of 9 or more: a blob or hexadecimal digits), `bind` (the local address, or a name of this host), `clock` (`"kernel receive - user send"`: measure as `ping` does),
    /// `fast` (for sweeps and floods: requests go out in bursts, replies are received together and measured as `ping` does, and
    /// only the last 8,192 settled pings are remembered), `raw` (only a raw socket will do), `rcvbuf` (bytes).
    ///
    /// Errors: as `open`; `invalid`: an unknown option, a value out of range.
    ///
    /// ```rhai
    /// let sock = icmp::open("127.0.0.1", #{ ttl: 3, dscp: 46, pattern: "ff 00" });
    /// expect(sock.ping("127.0.0.1", #{ size: 56 }).kind, "reply");
    /// ```
    fn open as open_with(ctx: NativeCallContext, target: Dynamic, options: Map) -> ScriptResult<IcmpSocket> = {
        // Of a list, what counts is its version of IP.
        let list = target.clone().try_cast::<Targets>();
        let first = list.map(|list| list.iter().next().map_or(IpAddr::from([0; 4]), |target| target.to.ip()));
        let target = match first {
            Some(ip) => ip,
            None => host(&ctx, &target)?.ip(),
        };
        let read = Options::all(&ctx, "open", &options, read)?;
        let context = context::current();
        let session = context.run.session.clone();
        IcmpSocket::open(context.host, session, Family::of(target), &read)
            .map_err(|err| or_in_a_lab(err, " b"))
            .or_raise(&ctx)
    };

    /// The address of a host, without a port: of a name's addresses the first IPv4 one, else the first IPv6 one. As text, with
    /// `.ip`, it is the address alone.
    ///
    /// Errors: `invalid`: it has a port; `resolve`: the name has no address.
    ///
    /// ```rhai
    /// expect(icmp::resolve("localhost").ip, "127.0.0.1");
    /// ```
    fn resolve(ctx: NativeCallContext, name: &str) -> ScriptResult<SocketAddr> = host(&ctx, &name.into());

    /// The address of a host of one version of the Internet Protocol: `"IPv4"` or `"IPv6"`; `""` for either.
    ///
    /// Errors: `invalid`, `resolve`: the name has no such address.
    ///
    /// ```rhai
    /// expect(icmp::resolve("::1", "IPv6").ip, "::1");
    /// ```
    fn resolve(ctx: NativeCallContext, name: &str, version: &str) -> ScriptResult<SocketAddr> = {
        let version = match version {
            "" => None,
            "IPv4" => Some(Version::V4),
            "IPv6" => Some(Version::V6),
            other => {
                return raise(&ctx, Error::invalid("resolve", format!("\"{other}\" is neither \"IPv4\" nor \"IPv6\"")));
            }
        };
        let now = context::current();
        addr::resolve_host(&*now.host, &now.stop, name, version).or_raise(&ctx)
    };

    /// The MTU in bytes of the interface by which packets leave for `target`: the largest that leave this host whole. The path
    /// may take less: `pmtu.rhai` finds out, `traceroute.rhai --mtu` shows where.
    ///
    /// Errors: `unreachable`: there is no route; `invalid`, `resolve`: the target.
    ///
    /// ```rhai
    /// expect(icmp::mtu("127.0.0.1") > 1_280, true);
    /// ```
    fn mtu(ctx: NativeCallContext, target: Dynamic) -> ScriptResult<i64> = {
        let target = host(&ctx, &target)?;
        crate::net::socket::icmp::interface_mtu(&*context::current().host, target).map(i64::from).or_raise(&ctx)
    };

    /// The addresses that a text names: parts with commas between, each an address, a name, a range `10.0.0.1-10.0.0.9` or
    /// `10.0.0.1-9`, a network `10.0.0.0/24` (without its first and last address, which are no host's), or `@FILE`: a file with
    /// such a list on each line, where `#` begins a comment; `@-` is standard input. A link-local address has its zone:
    /// `fe80::1%eth0`, `fe80::1%eth0-fe80::9`. Any address (`0.0.0.0`, `::`) means this host. What is named twice is one target.
    ///
    /// A name that has no address is a target all the same: its pings end with `kind` `"error"`, and their `error.kind` is
    /// `"resolve"`.
    ///
    /// Errors: `invalid`: another form, IPv4 and IPv6 mixed, more than 2^32 addresses; `file`: it cannot be read.
    ///
    /// ```rhai
    /// expect(icmp::targets("127.0.0.0/16").len, 65_534);
    /// expect(icmp::targets("127.0.0.1-3, 127.0.0.2").len, 3);
    /// expect(icmp::targets("::-::1").len, 1);
    ///
    /// let all = icmp::targets("127.0.0.1, no.such.name.invalid");
    /// let ends = [];
    /// for ping in pinger(icmp::open(all), all, #{ interval: 1.ms }) { ends.push(ping.kind); }
    /// expect(ends.contains("error"), true);
    /// ```
    fn targets(ctx: NativeCallContext, text: &str) -> ScriptResult<Targets> = {
        let now = context::current();
        crate::net::probe::targets::Targets::parse(text, &Here(now)).or_raise(&ctx)
    };
}

/// Names and files as seen from the host that the script runs on.
struct Here(Context);

impl NameLookup for Here {
    fn resolve(&self, name: &str) -> Result<SocketAddr, Error> {
        addr::resolve_host(&*self.0.host, &self.0.stop, name, None)
    }

    fn read(&self, name: &str) -> Result<String, Error> {
        if name != "-" {
            check_file("read", name.as_ref())?;
        }
        input::read_text(&*self.0.host, &self.0.stop, name)
    }
}

fn read(options: &mut Options<'_>) -> Result<SocketOptions, Error> {
    let wrong = |what: &str| Error::invalid("open", what);
    let ttl = options.byte("ttl")?;
    let clock = match options.text("clock")? {
        None => Clock::Kernel,
        Some(name) if name == Clock::Kernel.name() => Clock::Kernel,
        Some(name) if name == Clock::KernelReceive.name() => Clock::KernelReceive,
        Some(name) => {
            let known = [Clock::Kernel, Clock::KernelReceive].map(|clock| format!("\"{}\"", clock.name())).join(" or ");
            return Err(wrong(&format!("option `clock` takes {known}, not \"{name}\"")));
        }
    };
    let text = |value: &Dynamic| value.clone().into_string().ok();
    let local = match options.read("bind", "an address of this host", text)? {
        Some(text) if !text.is_empty() => {
            let now = context::current();
            let ip = text.parse::<IpAddr>().map(ZonedIp::from);
            let named = |_| addr::resolve_host(&*now.host, &now.stop, &text, None).map(ZonedIp::from);
            Some(ip.or_else(named)?)
        }
        _ => None,
    };
    Ok(SocketOptions {
        local,
        ttl,
        tos: options.tos()?,
        broadcast: options.flag("broadcast")?,
        dont_fragment: options.switch("dont_fragment")?,
        pattern: pattern(options)?,
        raw: options.flag("raw")?,
        as_ping: clock == Clock::KernelReceive,
        fast: options.flag("fast")?,
        receive_buffer: options.count("rcvbuf", 1)?.map(|bytes| bytes as usize),
    })
}

/// What fills payloads: a blob, or hexadecimal digits.
fn pattern(options: &mut Options<'_>) -> Result<Vec<u8>, Error> {
    let wrong = |message: &str| Error::invalid("open", message);
    match options.value("pattern") {
        None => Ok(Vec::new()),
        Some(value) if value.is_blob() => Ok(value.clone().cast::<rhai::Blob>()),
        Some(value) if value.is_string() => number::unhex(&value.to_string()).map_err(|err| {
            let text = value.to_string();
            let message = format!("option `pattern` takes hexadecimal digits, not {text:?}: {}", err.message);
            wrong(&message).with_hint("write two digits for each byte, such as \"ff00\" or \"de ad be ef\"")
        }),
        Some(value) => {
            let message = format!("option `pattern` takes a blob or hexadecimal digits, not {}", shown(value));
            Err(wrong(&message))
        }
    }
}

/// Where the system refuses, a lab is the first remedy: with this script, and `target` for one of those that came with pingscript.
pub(super) fn or_in_a_lab(error: Error, target: &str) -> Error {
    if error.kind != ErrorKind::Permission {
        return error;
    }
    let script = &context::current().script.name;
    let plain = script.trim_start_matches("scripts/").trim_end_matches(".rhai");
    let command = match script.ends_with(".rhai") {
        true if programs().scripts().iter().any(|shipped| shipped == plain) => format!("{plain}{target}"),
        true => script.clone(),
        false => "icmp_ping b".to_string(),
    };
    let hint = format!("a lab needs no rights: pingscript lab -- {command}; on this network: {}", error.hint);
    error.with_hint(hint)
}
