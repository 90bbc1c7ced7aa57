//! Labs in scripts: networks of hosts, links and routers that a script builds, and that end with it.

use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rhai::{Dynamic, Map, NativeCallContext};

use self::host::HostObject;
use self::link::LabLink;
use super::callback::programs;
use super::context::{Context, Entered, ScriptStart};
use super::convert::Options;
use super::error::{OrRaise, ScriptResult, raise};
use super::measured::Expectations;
use super::{context, exit, simulate};
use crate::net::error::Error;
use crate::net::host::stop::{Reason, Stop, terminate_later};
use crate::net::lab::kernel::program::Program;
use crate::net::lab::relay::Link;
use crate::net::lab::{self, HostOptions, RelayDriver};
use crate::net::observe::check_group::CheckGroup;
use crate::terminal::host_prefix;
use crate::terminal::input::InputLine;

pub mod exec;
pub mod fates;
pub mod host;
pub mod ingress;
pub mod ladder;
pub mod lesson;
pub mod link;
mod picture;
pub mod planned;
pub mod program;
pub mod way;

/// A lab in scripts. Clones are the same one.
#[derive(Clone, Debug)]
pub struct ScriptLab(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    net: lab::Lab,
    /// What carries the frames of its links.
    relay: RelayDriver,
    /// Its links, and the largest IP packet that each carries.
    links: Mutex<Vec<(Link, u32)>>,
    /// What ends all that runs in it.
    stop: Stop,
    /// The script that made it.
    owner: Arc<ScriptStart>,
    /// The group of checks that it was made in.
    group: Arc<CheckGroup>,
    /// The programs that were started in it.
    programs: Mutex<Vec<Program>>,
}

impl ScriptLab {
    /// Makes a lab for the script that runs.
    pub(super) fn create(options: &lab::Options) -> Result<Self, Error> {
        let context = context::current();
        let stop = context.lasting.child().map_err(|err| Error::system("lab", &err))?;
        let create = || lab::Lab::create_for(&*context.host, options, &stop);
        let net = match create() {
            Err(refused) => {
                simulate::in_place_of_lab(&context, refused)?;
                create()?
            }
            Ok(net) => net,
        };
        context.run.host.stay_real();
        // What becomes of each frame is kept where a script asks for it, or a check that fails will.
        if programs().mention(".fates(") || context.run.part::<Expectations>().have_ladders() {
            context.run.session.keeps_fates.store(true, Ordering::Relaxed);
        }
        let relay = RelayDriver::start(&net, context.run.session.clone(), context.host.clone(), stop.clone())?;
        relay.draw_from(context.random.split());
        let lab = Self(Arc::new(Inner {
            net,
            relay,
            links: Mutex::default(),
            stop,
            owner: context.script.clone(),
            group: context.group.clone(),
            programs: Mutex::default(),
        }));
        lock(&context.run.part::<Labs>().0).push(lab.clone());
        Ok(lab)
    }

    /// What ends all that runs in it.
    pub(super) fn stop(&self) -> &Stop {
        &self.0.stop
    }

    /// Has what is made from now on, until the result is dropped, end with the lab and not before: a policy outlives the
    /// thread, or the entry at the prompt, that set it.
    pub(super) fn enter(&self) -> Entered {
        let stop = self.0.stop.clone();
        context::enter(Context { stop: stop.clone(), lasting: stop, ..context::current() })
    }

    /// The lab of the core.
    pub(super) fn net(&self) -> &lab::Lab {
        &self.0.net
    }

    /// What carries the frames of its links.
    pub(super) fn relay(&self) -> &RelayDriver {
        &self.0.relay
    }

    /// Notes a link of it, for its picture.
    fn has_link(&self, link: &Link, mtu: u32) {
        lock(&self.0.links).push((link.clone(), mtu));
    }

    /// Has `program` end with the lab.
    pub(super) fn keep(&self, program: &Program) {
        let mut programs = lock(&self.0.programs);
        programs.retain(|program| !program.has_ended());
        programs.push(program.clone());
    }

    /// Ends it: what runs in it, what it carries, its hosts.
    fn end(&self) {
        self.0.stop.interrupt(Reason::Ended);
        terminate_later(&self.0.stop, Reason::Ended);
        let account = &self.0.relay.session().loss_report;
        let before = self.0.net.now();
        let counts = self.0.net.kernel_counts();
        account.counted([before, self.0.net.now()], &counts);
        account.has_black_holes(self.0.net.black_holes());
        self.0.net.end();
    }

    /// Ends it while its script goes on: a thread that waits on one of its sockets goes on, too.
    pub(super) fn close(&self) {
        self.end();
        self.0.relay.session().close_in(&self.0.net.host_ids());
    }
}

/// Makes a lab; one that teaches asks its question.
fn make(ctx: &NativeCallContext, options: &lab::Options) -> ScriptResult<ScriptLab> {
    let lab = ScriptLab::create(options).or_raise(ctx)?;
    match lesson::ask(&context::current()) {
        // Nothing is shown to those who leave at the question; the exit code is the signal's.
        Some(InputLine::Interrupted) => Err(exit::leave(0, ctx.call_position())),
        _ => Ok(lab),
    }
}

/// The labs of a run that were made and have not ended.
#[derive(Debug, Default)]
struct Labs(Mutex<Vec<ScriptLab>>);

/// Ends the labs that a script made, when the script itself is at its end.
pub(super) fn finish(context: &Context) {
    take(context, |lab| Arc::ptr_eq(&lab.0.owner, &context.script)).iter().for_each(ScriptLab::end);
}

/// Ends the labs that were made in a group of checks.
pub(super) fn end_of_group(context: &Context, group: &Arc<CheckGroup>) {
    take(context, |lab| Arc::ptr_eq(&lab.0.group, group)).iter().for_each(ScriptLab::close);
}

/// Takes out those of the labs that have not ended.
fn take(context: &Context, is_meant: impl Fn(&ScriptLab) -> bool) -> Vec<ScriptLab> {
    let labs = context.run.part::<Labs>();
    let mut labs = lock(&labs.0);
    let (meant, others) = labs.drain(..).partition(is_meant);
    *labs = others;
    meant
}

/// The addresses that a host is to have: one, or a list of them.
fn addresses(value: &Dynamic) -> Option<Vec<String>> {
    if value.is_string() {
        return Some(vec![value.to_string()]);
    }
    let list = value.as_array_ref().ok()?;
    list.iter().map(|item| item.clone().into_string().ok()).collect()
}

fn host_options(ctx: &NativeCallContext, options: &Map, forwards: bool) -> ScriptResult<HostOptions> {
    let needed = "an address such as \"10.0.0.9\", or a list of them";
    Options::all(ctx, "host", options, |options| {
        let one = options.read("addr", needed, addresses)?;
        let many = options.read("addrs", needed, addresses)?;
        let all = one.into_iter().chain(many).flatten();
        let addrs = all.map(|text| text.parse()).collect::<Result<Vec<_>, Error>>()?;
        Ok(HostOptions { addrs, forwards })
    })
}

pub(super) fn make_host(
    ctx: &NativeCallContext,
    lab: &ScriptLab,
    name: &str,
    options: &HostOptions,
) -> ScriptResult<HostObject> {
    let host = lab.net().host(name, options).or_raise(ctx)?;
    lab.relay().knows(&host);
    host_prefix::make_room(name);
    Ok(HostObject::new(lab.clone(), host))
}

/// The first address of one version of IP.
fn first_of(addrs: &[IpAddr], v4: bool) -> Option<IpAddr> {
    addrs.iter().copied().find(|addr| addr.is_ipv4() == v4)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

functions! {
    pub fn namespace;

    /// Makes a lab: a network of its own, without hosts as yet. It needs no privileges where the system lets users have
    /// namespaces of their own, and it ends with the script that made it, without a trace.
    ///
    /// Errors: `permission`: the system does not let this user have namespaces; the hint says what would. `exhausted`.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// let b = net.host("b");
    /// net.link(a, b);
    /// expect(a.exec(["ping", "-c", "1", b.addr], #{ quiet: true }).code, 0);
    /// ```
    fn create(ctx: NativeCallContext) -> ScriptResult<ScriptLab> = make(&ctx, &lab::Options::default());

    /// Makes a lab with options: `arp`: hosts ask for hardware addresses (ARP, neighbour discovery), and links may lose that
    /// too; `icmp_limits`: the kernel limits how many ICMP errors a host sends, as it does outside of labs; `routes: false`:
    /// hosts have no routes but to their neighbours.
    ///
    /// Errors: as `lab::create()`; `invalid`: an unknown option.
    ///
    /// ```rhai
    /// let net = lab::create(#{ arp: true });
    /// let a = net.host("a");
    /// let seen = channel();
    /// set_policy(net.link(a, net.host("b")), |pkt| { if pkt.protocol == "arp" { seen.send(pkt.protocol); } pass() });
    /// run_in(a, || udp::open("b:7").ping("b:7", "ping 1", 1.s));
    /// expect(seen.len > 0, true);
    /// ```
    fn create(ctx: NativeCallContext, options: Map) -> ScriptResult<ScriptLab> = {
        let read = Options::all(&ctx, "lab", &options, |options| {
            Ok(lab::Options {
                arp: options.flag("arp")?,
                icmp_limits: options.flag("icmp_limits")?,
                routes: options.switch("routes")?.unwrap_or(true),
            })
        })?;
        make(&ctx, &read)
    };
}

functions! {
    pub fn api;
    object ScriptLab as Lab, "A network of hosts, links and routers.";

    /// Makes a host, with an IPv4 and an IPv6 address given out by the lab. Its name is known in the whole lab, to scripts and
    /// to programs.
    ///
    /// Errors: `invalid`: the name is taken, or no name for a host; `closed`: the lab has ended.
    ///
    /// ```rhai
    /// let a = lab::create().host("a");
    /// print(`${a.name} has the address ${a.addr}`);
    /// expect(a.name, "a");
    /// ```
    fn host(ctx: NativeCallContext, lab: ScriptLab, name: &str) -> ScriptResult<HostObject> =
        make_host(&ctx, &lab, name, &HostOptions::default());

    /// Makes a host with options: `addr`: its address in place of those given out, or a list of them, each with the length of
    /// its network or without: `"10.0.0.9"`, `"192.168.7.1/24"`.
    ///
    /// Errors: as `host(name)`; `invalid`: an address that is taken, or that no host can have; an unknown option.
    ///
    /// ```rhai
    /// let b = lab::create().host("b", #{ addr: ["10.0.0.9", "fd00::9"] });
    /// expect(b.addr, "10.0.0.9");
    /// ```
    fn host(ctx: NativeCallContext, lab: ScriptLab, name: &str, options: Map) -> ScriptResult<HostObject> = {
        let options = host_options(&ctx, &options, false)?;
        make_host(&ctx, &lab, name, &options)
    };

    /// Makes a router: a host that carries packets on from one of its links to another.
    ///
    /// Errors: as `host(name)`.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// let r = net.router("r");
    /// let b = net.host("b");
    /// net.link(a, r);
    /// net.link(r, b);
    /// expect(a.exec(["ping", "-c", "1", b.addr], #{ quiet: true }).code, 0);
    /// ```
    fn router(ctx: NativeCallContext, lab: ScriptLab, name: &str) -> ScriptResult<HostObject> =
        make_host(&ctx, &lab, name, &HostOptions { forwards: true, ..Default::default() });

    /// Makes a router with options: `addr`: its address in place of those given out, or a list of them.
    ///
    /// Errors: as `host(name, options)`.
    ///
    /// ```rhai
    /// let r = lab::create().router("r", #{ addr: "10.0.0.254" });
    /// expect(r.addr, "10.0.0.254");
    /// ```
    fn router(ctx: NativeCallContext, lab: ScriptLab, name: &str, options: Map) -> ScriptResult<HostObject> = {
        let options = host_options(&ctx, &options, true)?;
        make_host(&ctx, &lab, name, &options)
    };

    /// Joins two hosts by a link, over which they reach each other at once. It carries what it is given, without delay.
    ///
    /// Errors: `invalid`: both are the same host, or of different labs; `closed`: the lab has ended.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let link = net.link(net.host("a"), net.host("b"));
    /// expect(link.name, "a-b");
    /// ```
    fn link(ctx: NativeCallContext, lab: ScriptLab, a: HostObject, b: HostObject) -> ScriptResult<LabLink> =
        make_link_with(ctx, lab, a, b, Map::new());

    /// Joins two hosts by a link with options, for each direction alike: `delay`: of each frame; `jitter`: give or take so
    /// much of it; `fifo`: with jitter, frames do not overtake each other; `rate`: bits a second, a number or text such as
    /// `"10M"`; `queue`: frames that wait for their turn at that rate, the rest is dropped; `policy`: what decides about each
    /// frame; `policy_back`: about those from the second host to the first, where that is another. `mtu`: the largest IP packet
    /// that it carries, from 68 to 65,535 bytes (1,500); over less than 1,280 there is no IPv6.
    ///
    /// Errors: as `link(a, b)`; `invalid`: an unknown option, or an `mtu` out of its range.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let link = net.link(net.host("a"), net.host("b"), #{ delay: 5.ms, rate: "10M", policy: loss(0.1) });
    /// expect(link.delay, 5.ms);
    /// ```
    fn link as make_link_with(
        ctx: NativeCallContext, lab: ScriptLab, a: HostObject, b: HostObject, options: Map,
    ) -> ScriptResult<LabLink> = {
        for host in [&a, &b] {
            if !Arc::ptr_eq(&host.lab().0, &lab.0) {
                let message = format!("the host {} is of another lab", host.name());
                return raise(&ctx, Error::invalid("link", message).with_hint("a link joins two hosts of one lab"));
            }
        }
        LabLink::make(&ctx, &lab, &a, &b, &options)
    };

    /// A picture of the lab as text, for `print`: its hosts and routers with their addresses as a tree, beside each the link
    /// by which it hangs there, with its delay, rate, queue and policies as they are now. What is the same for both
    /// directions of a link is there once. Links that close a loop stand at the end; of many hosts on links alike the first and the
    /// last are shown.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// let r = net.router("r");
    /// net.link(a, r, #{ delay: 5.ms, rate: "10M", queue: 8 });
    /// net.link(r, net.host("b"), #{ policy: loss(0.1) });
    /// let lines = net.picture().split("\n");
    /// expect(lines.len, 3);
    /// expect(lines[1], containing("└─ r (router)"));
    /// expect(lines[1], containing("5ms, 10 Mbit/s, queue of 8"));
    /// expect(lines[2], containing("loss(0.1)"));
    /// ```
    fn picture(lab: &mut ScriptLab) -> String = picture::of(lab);

    /// Ends the lab before the script does: what runs in it, its links, its hosts. Its sockets are closed: loops over them end,
    /// and `recv` throws `closed`.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// let a = net.host("a");
    /// net.end();
    /// try { a.exec(["true"]); } catch (e) { expect(e.kind, "closed"); }
    /// ```
    fn end(lab: ScriptLab) = lab.close();

    /// The lab in words.
    ///
    /// ```rhai
    /// let net = lab::create();
    /// net.host("a");
    /// expect(`${net}`.starts_with("a lab with 1 host"), true);
    /// ```
    fn to_string | to_debug(lab: &mut ScriptLab) -> String = match lab.net().host_count() {
        1 => "a lab with 1 host".to_string(),
        hosts => format!("a lab with {hosts} hosts"),
    };
}
