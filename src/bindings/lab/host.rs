//! Hosts of a lab in scripts: what they are called, their routes, and what runs in them.

use std::sync::Arc;

use rhai::{Array, Dynamic, FnPtr, Map, NativeCallContext};

use super::ingress::LabIngress;
use super::{ScriptLab, first_of};
use crate::bindings::context;
use crate::bindings::context::{Context, WaitingFor};
use crate::bindings::convert::{shown, typed};
use crate::bindings::error::{OrRaise, ScriptResult};
use crate::bindings::task::{RUN, Task, outcome, start_script};
use crate::limits::restriction::check_file;
use crate::net::error::Error;
use crate::net::host::Host as _;
use crate::net::lab::addresses::everything;
use crate::net::lab::route::Way as Route;
use crate::net::lab::{LabHost, Prefix};
use crate::net::time::Duration;

/// A host of a lab in scripts. Clones are the same one.
#[derive(Clone, Debug)]
pub struct HostObject {
    lab: ScriptLab,
    net: LabHost,
}

/// How long the start of a script in a host waits until it has set up what it needs.
const SET_UP: Duration = Duration::from_secs(1);

impl HostObject {
    pub(super) fn new(lab: ScriptLab, net: LabHost) -> Self {
        Self { lab, net }
    }

    pub(super) fn lab(&self) -> &ScriptLab {
        &self.lab
    }

    /// The host of the core.
    pub(super) fn net(&self) -> &LabHost {
        &self.net
    }

    /// Whether both are the same host.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.net.id() == other.net.id()
    }

    /// What it is called.
    pub(super) fn name(&self) -> &str {
        self.net.name().unwrap_or_default()
    }

    fn address(&self, v4: bool) -> Dynamic {
        first_of(&self.net.addrs(), v4).map_or(Dynamic::UNIT, |addr| addr.to_string().into())
    }

    fn start(&self, ctx: &NativeCallContext, script: &str, args: &Array) -> ScriptResult<Task> {
        start_script(ctx, script, args, Arc::new(self.net.clone()), self.lab.stop())
    }
}

/// How often it is looked whether a port is bound.
const LOOK: Duration = Duration::from_millis(5);

/// Waits until a socket is bound at a port of `host`; whether one is.
fn wait_port(host: &HostObject, protocol: &str, port: i64, timeout: Duration) -> Result<bool, Error> {
    let is_tcp = match protocol {
        "tcp" => true,
        "udp" => false,
        _ => {
            let error = Error::invalid("wait_port", format!("\"{protocol}\" is no protocol with ports"));
            return Err(error.with_hint("it is \"udp\" or \"tcp\""));
        }
    };
    let port = u16::try_from(port).ok().filter(|port| *port > 0).ok_or_else(|| {
        Error::invalid("wait_port", format!("{port} is no port")).with_hint("a port is a whole number from 1 to 65535")
    })?;
    let context = context::wait(WaitingFor::Pause);
    let until = context.host.now() + timeout;
    while !host.net.has_port(is_tcp, port)? {
        let now = context.host.now();
        if now >= until || context.stop.is_stopped() {
            return Ok(false);
        }
        let next = until.min(now + LOOK);
        context.host.wait(&mut [], Some(next), &context.stop).map_err(|err| Error::system("wait_port", &err))?;
    }
    Ok(true)
}

/// Where a route to `to` leads: to a host or an address, or nowhere.
fn way(value: &Dynamic, to: Prefix) -> Result<Route, Error> {
    if let Some(host) = value.read_lock::<HostObject>() {
        let addr = first_of(&host.net.addrs(), to.addr().is_ipv4());
        return addr.map(Route::Via).ok_or_else(|| {
            Error::invalid("route", format!("{} has no address of the version that {to} is of", host.name()))
        });
    }
    match value.clone().into_string().unwrap_or_default().as_str() {
        "unreachable" => Ok(Route::Unreachable),
        "prohibit" => Ok(Route::Prohibit),
        "blackhole" => Ok(Route::Blackhole),
        text => text.parse().map(Route::Via).map_err(|_| {
            Error::invalid("route", format!("a route cannot lead to {}", shown(value)))
                .with_hint("give a host or its address, or \"unreachable\", \"prohibit\" or \"blackhole\"")
        }),
    }
}

/// The networks that `text` names; the default route is of both versions.
fn networks(text: &str) -> Result<Vec<Prefix>, Error> {
    match text {
        "default" => Ok(vec![everything(true), everything(false)]),
        text => text.parse().map(|network| vec![network]),
    }
}

/// Records what arrives at the host in a file.
fn capture(host: &HostObject, file: &str, overwrite: bool) -> Result<(), Error> {
    check_file("capture", file.as_ref())?;
    host.lab.relay().ingress(host.net.id()).capture(file, overwrite)
}

functions! {
    pub fn api;
    object HostObject as Host, "A host of a lab. Routers are hosts too.";

    /// The host's name.
    ///
    /// ```rhai
    /// expect(lab::create().host("a").name, "a");
    /// ```
    get name(host: &mut HostObject) -> String = host.name().to_string();

    /// The host's IPv4 address as text, the first if it has several; `()` if it has none.
    ///
    /// ```rhai
    /// expect(lab::create().host("a").addr, "10.0.0.1");
    /// ```
    get addr(host: &mut HostObject) -> Dynamic = host.address(true);

    /// The host's IPv6 address as text, the first if it has several; `()` if it has none.
    ///
    /// ```rhai
    /// let a = lab::create().host("a");
    /// expect(`[${a.addr6}]:7`, "[fd00::1]:7");
    /// ```
    get addr6(host: &mut HostObject) -> Dynamic = host.address(false);

    /// All of the host's addresses as text, those of its links included.
    ///
    /// ```rhai
    /// expect("10.0.0.1" in lab::create().host("a").addrs, true);
    /// ```
    get addrs(host: &mut HostObject) -> Array = host.net.addrs().iter().map(|addr| addr.to_string().into()).collect();

    /// The host's ingress: set a policy there to decide about what comes in, as with `iptables -A INPUT`.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// let b = net.host("b");
    /// net.link(a, b);
    /// set_policy(b.ingress, |pkt| if pkt.protocol == "udp" { reject("icmp-admin-prohibited") } else { pass() });
    /// let ping = run_in(a, || udp::open("b:7").ping("b:7", "ping 1", 1.s));
    /// expect(b.ingress.rejected, 1);
    /// ```
    get ingress(host: &mut HostObject) -> LabIngress = LabIngress::new(host.lab.relay().ingress(host.net.id()), host.clone());

    /// Has the host send what is for `to` by way of `via`. `to` is an address, a network such as `"10.0.2.0/24"`, or
    /// `"default"`; `via` is a host or an address, or a word: `"unreachable"` and `"prohibit"` have senders informed by an ICMP
    /// error, `"blackhole"` reports nothing. It takes the place of a route to the same network. On IPv4, Linux sends a sender five of these
    /// errors at once and then one a second; a policy of the host's ingress that rejects replies to every packet.
    ///
    /// Errors: `invalid`: no such network, or `via` is no neighbour; `closed`: the lab has ended.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// let r = net.router("r");
    /// net.link(a, r);
    /// a.route("default", r);
    /// r.route("192.0.2.0/24", "unreachable");
    /// let ping = run_in(a, || udp::open("192.0.2.1:7").ping("192.0.2.1:7", "ping 1", 1.s));
    /// expect(`${ping.icmp}`, "Host Unreachable");
    /// ```
    fn route(ctx: NativeCallContext, host: &mut HostObject, to: &str, via: Dynamic) -> ScriptResult<()> = {
        let networks = networks(to).or_raise(&ctx)?;
        let made = networks.iter().map(|&to| host.net.add_route(to, way(&via, to)?));
        // A default route is made for the versions that the way has.
        let made: Vec<Result<(), Error>> = made.collect();
        match made.iter().any(Result::is_ok) {
            true => Ok(()),
            false => made.into_iter().next().unwrap_or(Ok(())).or_raise(&ctx),
        }
    };

    /// Takes the host's route to `to` away.
    ///
    /// Errors: `invalid`: no such network, or the host has no route to it; `closed`: the lab has ended.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// let b = net.host("b");
    /// net.link(a, b);
    /// a.remove_route(b.addr);
    /// expect(run_in(a, || udp::bind("*:0").ping(`${b.addr}:7`, "ping 1", 1.s)).kind, "error");
    /// ```
    fn remove_route(ctx: NativeCallContext, host: &mut HostObject, to: &str) -> ScriptResult<()> = {
        let networks = networks(to).or_raise(&ctx)?;
        let gone: Vec<Result<(), Error>> = networks.iter().map(|&to| host.net.delete_route(to)).collect();
        match gone.iter().any(Result::is_ok) {
            true => Ok(()),
            false => gone.into_iter().next().unwrap_or(Ok(())).or_raise(&ctx),
        }
    };

    /// Sets how the host's network works, as sysctl(8) does.
    ///
    /// Errors: `invalid`: no setting of a network, or a value that it does not take; `system`: there is no such setting;
    /// `closed`: the lab has ended.
    ///
    /// ```rhai
    /// let a = lab::create().host("a");
    /// a.set("net.ipv4.ip_default_ttl", 3);
    /// expect(a.exec(["ping", "-c", 1, a.addr], #{ quiet: true }).stdout, containing("ttl=3"));
    /// ```
    fn set(ctx: NativeCallContext, host: &mut HostObject, setting: &str, value: Dynamic) -> ScriptResult<()> =
        host.net.set(setting, &typed(&value)).or_raise(&ctx);

    /// Runs the closure in the host: its sockets are made there, names are looked up there, and its lines carry the host's
    /// name. What it returns.
    ///
    /// Errors: what the closure throws.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// let b = net.host("b");
    /// net.link(a, b);
    /// let ping = run_in(a, || udp::open("b:7").ping("b:7", "ping 1", 1.s));
    /// expect(`${ping.icmp}`, "Port Unreachable");
    /// ```
    fn run_in(ctx: NativeCallContext, host: HostObject, closure: FnPtr) -> ScriptResult<Dynamic> = {
        let lasting = host.lab.stop().task();
        let entered = context::enter(Context { host: Arc::new(host.net.clone()), lasting, ..context::current() });
        let result = closure.call_raw(&ctx, None, []);
        drop(entered);
        result
    };

    /// Starts a script beside this one, in the host, with the arguments it would get on the command line; it need not know of
    /// labs. It ends with the lab or with this script. Waits until it has bound a socket and waits for packets.
    ///
    /// Errors: as `start(script, args)`.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// let b = net.host("b");
    /// net.link(a, b);
    /// let server = b.start("udp_server_plain.rhai", ["--listen", "*:11000", "--quiet"]);
    /// expect(`${server.addr}`, `${b.addr}:11000`);
    /// ```
    fn start as start_in(ctx: NativeCallContext, host: &mut HostObject, script: &str, args: Array) -> ScriptResult<Task> = {
        let task = host.start(&ctx, script, &args)?;
        task.set_up(SET_UP);
        Ok(task)
    };

    /// Starts a script in the host, without arguments.
    ///
    /// Errors: as `start(script)`.
    ///
    /// ```rhai
    /// let b = lab::create().host("b");
    /// try { b.start("no_such_script.rhai"); } catch (e) { expect(e.kind, "file"); }
    /// ```
    fn start(ctx: NativeCallContext, host: &mut HostObject, script: &str) -> ScriptResult<Task> =
        start_in(ctx, host, script, Array::new());

    /// Runs a script in the host to its end, with the arguments it would get on the command line: the value of its last line,
    /// or the code that it gave `exit`.
    ///
    /// Errors: as `start(script, args)`; what the script throws.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// let b = net.host("b");
    /// net.link(a, b);
    /// b.start("udp_server_plain.rhai", ["--listen", "*:11000", "--quiet"]);
    /// let rtts = a.run("udp_ping.rhai", ["--server", "b:11000", "--count", 2]);
    /// expect(rtts.received, 2);
    /// ```
    fn run as run_script(
        ctx: NativeCallContext, host: &mut HostObject, script: &str, args: Array,
    ) -> ScriptResult<Dynamic> = {
        let task = host.start(&ctx, script, &args)?;
        outcome(&ctx, &task, RUN)
    };

    /// Runs a script in the host to its end, without arguments.
    ///
    /// Errors: as `run(script, args)`.
    ///
    /// ```rhai
    /// let b = lab::create().host("b");
    /// try { b.run("no_such_script.rhai"); } catch (e) { expect(e.kind, "file"); }
    /// ```
    fn run(ctx: NativeCallContext, host: &mut HostObject, script: &str) -> ScriptResult<Dynamic> =
        run_script(ctx, host, script, Array::new());

    /// Waits until a socket in the host is bound to this port of UDP, or listens at it by TCP, but no longer than the time-out;
    /// whether one is. For programs that take their time to start.
    ///
    /// Errors: `invalid`: the protocol is neither `"udp"` nor `"tcp"`, or there is no such port; `closed`: the lab has ended.
    ///
    /// ```rhai
    /// let b = lab::create().host("b");
    /// expect(b.wait_port("udp", 12000, 20.ms), false);
    /// let server = run_in(b, || udp::bind("*:12000"));
    /// expect(b.wait_port("udp", 12000, 10.s), true);
    /// expect(b.wait_port("tcp", 12000, 0.s), false);
    /// ```
    fn wait_port(
        ctx: NativeCallContext, host: &mut HostObject, protocol: &str, port: i64, timeout: Duration,
    ) -> ScriptResult<bool> = wait_port(host, protocol, port, timeout).or_raise(&ctx);

    /// Records what the host sends and receives, over all of its links, to a file: pcapng, or pcap if its name ends so.
    /// Hosts and links given the same file share it; a host given several files is recorded in each.
    ///
    /// Errors: `file`: it cannot be written, it exists, or another run writes it; `closed`: the lab has ended.
    ///
    /// ```rhai
    /// let b = lab::create().host("b");
    /// b.capture("/dev/null");
    /// let kind = "";
    /// try { b.capture("/dev/null/no.pcapng"); } catch (e) { kind = e.kind; }
    /// expect(kind, "file");
    /// ```
    fn capture(ctx: NativeCallContext, host: &mut HostObject, file: &str) -> ScriptResult<()> =
        capture(host, file, false).or_raise(&ctx);

    /// Records what the host sends and receives to a file. Option: `overwrite` (`false`): whether a file that exists is
    /// overwritten.
    ///
    /// Errors: `file`: it cannot be written, it exists, or another run writes it; `closed`: the lab has ended; `invalid`: an
    /// unknown option.
    ///
    /// ```rhai
    /// let b = lab::create().host("b");
    /// b.capture("/dev/null", #{ overwrite: true });
    /// let kind = "";
    /// try { b.capture("/dev/null/no.pcapng", #{ overwrite: true }); } catch (e) { kind = e.kind; }
    /// expect(kind, "file");
    /// ```
    fn capture(ctx: NativeCallContext, host: &mut HostObject, file: &str, options: Map) -> ScriptResult<()> = {
        let overwrite = crate::bindings::lab::link::overwrites(&ctx, &options)?;
        capture(host, file, overwrite).or_raise(&ctx)
    };

    /// Whether both are the same host.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// expect(a == net.host("b"), false);
    /// ```
    fn "=="(a: HostObject, b: HostObject) -> bool = a.net.id() == b.net.id();

    /// The host in words.
    ///
    /// ```rhai
    /// expect(`${lab::create().host("a")}`, "host a (10.0.0.1, fd00::1)");
    /// ```
    fn to_string | to_debug(host: &mut HostObject) -> String = {
        let addrs: Vec<String> = host.net.addrs().iter().map(ToString::to_string).collect();
        format!("host {} ({})", host.name(), addrs.join(", "))
    };
}
