//! The keeper: the loop that does what is asked for, and the hosts it has made.

use std::fs::File;
use std::io::{self, Read};
use std::net::{IpAddr, Ipv6Addr};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use super::bound::has_port;
use super::names::LinkNames;
use super::programs::RunningPrograms;
use super::{STEP_NETWORK, send_reply, write_setting};
use crate::net::lab::addresses::Prefix;
use crate::net::lab::kernel::netlink::NetlinkBatch;
use crate::net::lab::kernel::netlink::socket::{Netlink, NetlinkError};
use crate::net::lab::protocol::{Failure, HelperReply, Missing, NewHost, Part, Request, RouteChange};
use crate::net::observe::loss_report::kernel_counts;
use crate::net::sys::{self, Mount, Namespaces, PollFd};

/// What the keeper has made.
#[derive(Debug)]
pub(super) struct Keeper {
    pub(super) switch: Network,
    pub(super) hosts: Vec<Network>,
    /// How many ends of cables there are.
    pub(super) ends: usize,
    names: LinkNames,
    programs: RunningPrograms,
    has_v6: bool,
    missing: Vec<Missing>,
    /// Readable when a child's state has changed.
    children: UnixStream,
}

/// Tries what programs in hosts are to have, and keeps what the system refuses.
#[derive(Debug)]
pub(super) struct Parts {
    /// Whether mounts here are apart from those of others, or the error number of why not.
    apart: Result<(), i32>,
    missing: Vec<Missing>,
}

impl Parts {
    /// Takes note of whether there is a part; if not, with the error number of why not.
    fn add(&mut self, part: Part, made: Result<(), i32>) {
        self.missing.extend(made.err().map(|errno| Missing { part, errno }));
    }

    /// Makes a part by mounts, if they are seen here alone.
    pub(super) fn mount<T>(&mut self, part: Part, make: impl FnOnce() -> Result<T, i32>) -> Option<T> {
        let made = self.apart.and_then(|()| make());
        self.add(part, made.as_ref().map(|_| ()).map_err(|errno| *errno));
        made.ok()
    }
}

/// The number of a system's error.
pub(super) fn errno(err: io::Error) -> i32 {
    err.raw_os_error().unwrap_or(libc::EIO)
}

/// A network namespace.
#[derive(Debug)]
pub(super) struct Network {
    pub(super) name: String,
    pub(super) namespace: File,
    pub(super) netlink: Netlink,
    /// IPv6 addresses of interfaces that the kernel may not have taken into use yet.
    pub(super) pending: Vec<(String, Ipv6Addr)>,
}

impl Network {
    /// A new one, which this process is in afterwards.
    fn make(name: &str) -> Result<Self, Failure> {
        let failed = |err: io::Error| Failure::of(STEP_NETWORK, &err);
        sys::unshare(Namespaces::NET).map_err(failed)?;
        let namespace = File::open("/proc/self/ns/net").map_err(failed)?;
        let netlink = Netlink::open().map_err(failed)?;
        let network = Self { name: name.to_string(), namespace, netlink, pending: Vec::new() };
        // That its loopback interface comes up proves that this process has the rights it needs.
        let mut batch = NetlinkBatch::default();
        batch.set_up(LOOPBACK, true);
        network.run(&batch, STEP_NETWORK)?;
        Ok(network)
    }

    /// Moves this process there.
    pub(super) fn enter(&self) -> Result<(), Failure> {
        let entered = sys::enter_namespace(self.namespace.as_fd(), Namespaces::NET);
        entered.map_err(|err| Failure::of(format!("enter {}", self.name), &err))
    }

    /// Waits until the kernel has taken its IPv6 addresses into use, which it does a little after it was given them; until
    /// then it receives nothing of what is sent to them.
    pub(super) fn settle(&mut self) -> Result<(), Failure> {
        if self.pending.is_empty() {
            return Ok(());
        }
        self.enter()?;
        for _ in 0..MOST_LOOKS {
            let routes = std::fs::read_to_string("/proc/self/net/ipv6_route").unwrap_or_default();
            self.pending.retain(|(interface, addr)| !routes.lines().any(|line| is_local(line, interface, *addr)));
            if self.pending.is_empty() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_micros(100));
        }
        let text = format!("the kernel does not take {} into use", self.pending[0].1);
        Err(Failure { step: "address".to_string(), errno: None, text })
    }

    /// Has the kernel do what the messages say.
    pub(super) fn run(&self, batch: &NetlinkBatch, step: &str) -> Result<(), Failure> {
        self.netlink.run(batch).map_err(|refused| refused_by_kernel(step, refused))
    }
}

/// A failure in the kernel's words.
pub(super) fn refused_by_kernel(step: &str, refused: NetlinkError) -> Failure {
    Failure { step: step.to_string(), errno: Some(refused.errno), text: refused.text }
}

impl Keeper {
    /// Mounts what programs need, and makes the network in which the far ends of all cables are.
    pub(super) fn start() -> Result<Self, Failure> {
        // Where the root is no mount (chroot(2)), what is mounted here would be seen outside, and stay there.
        let mut parts = Parts { apart: sys::mount(Mount::Private, c"/").map_err(errno), missing: Vec::new() };
        parts.mount(Part::Processes, || sys::mount(Mount::New(c"proc"), c"/proc").map_err(errno));
        let (children, wake) = UnixStream::pair().map_err(|err| Failure::of("signals", &err))?;
        children.set_nonblocking(true).map_err(|err| Failure::of("signals", &err))?;
        let registered = signal_hook::low_level::pipe::register(libc::SIGCHLD, wake);
        registered.map_err(|err| Failure::of("signals", &err))?;
        let switch = Network::make("the switch")?;
        let has_v6 = Path::new("/proc/sys/net/ipv6").exists();
        if has_v6 {
            // Interfaces there carry what hosts say, and say nothing of their own.
            write_setting("net/ipv6/conf/default/disable_ipv6", "1")?;
        }
        // Each program has its own.
        parts.mount(Part::Interfaces, || {
            sys::mount(Mount::New(c"sysfs"), c"/sys").and_then(|()| sys::unmount(c"/sys")).map_err(errno)
        });
        let named = sys::unshare(Namespaces::NAME).and_then(|()| sys::set_host_name("lab"));
        parts.add(Part::HostName, named.map_err(errno));
        let names = LinkNames::new(&mut parts);
        let missing = parts.missing;
        let programs = RunningPrograms::new(missing.iter().map(|missing| missing.part).collect())?;
        Ok(Self { switch, hosts: Vec::new(), ends: 0, names, programs, has_v6, missing, children })
    }

    /// What is said first.
    pub(super) fn ready(&self) -> HelperReply {
        HelperReply::Ready(self.has_v6, self.missing.clone())
    }

    /// Does what is asked for until the socket closes.
    pub(super) fn serve(&mut self, control: &OwnedFd) -> io::Result<()> {
        let mut buffer = vec![0; LARGEST];
        loop {
            let (asked, changed) = {
                let mut fds = [PollFd::readable(control.as_fd()), PollFd::readable(self.children.as_fd())];
                sys::ppoll(&mut fds, None)?;
                (fds[0].is_ready(), fds[1].is_ready())
            };
            if changed {
                while (&self.children).read(&mut [0; 64]).is_ok() {}
                self.programs.reap();
            }
            if !asked {
                continue;
            }
            let (len, fds) = sys::receive_message(control.as_fd(), &mut buffer)?;
            if len == 0 {
                return Ok(());
            }
            let done = match serde_json::from_slice(&buffer[..len]) {
                Ok(request) => self.handle(request, fds),
                Err(err) => Err(Failure { step: "read the request".into(), errno: None, text: err.to_string() }),
            };
            match done {
                Ok((done, fds)) => {
                    let fds: Vec<_> = fds.iter().map(AsFd::as_fd).collect();
                    send_reply(control.as_fd(), &done, &fds);
                }
                Err(failure) => send_reply(control.as_fd(), &HelperReply::Failed(failure), &[]),
            }
        }
    }

    fn handle(&mut self, request: Request, fds: Vec<OwnedFd>) -> Result<(HelperReply, Vec<OwnedFd>), Failure> {
        let done = (HelperReply::Done, Vec::new());
        match request {
            Request::Host(new) => self.make_host(&new).map(|()| done),
            Request::Connect(ends) => self.connect(&ends),
            Request::Routes(changes) => self.change_routes(&changes).map(|()| done),
            Request::Setting(host, path, value) => {
                self.host(host)?.enter()?;
                write_setting(&path, &value).map(|()| done)
            }
            Request::Counted(host) => {
                self.hosts.get_mut(host).ok_or_else(no_host)?.enter()?;
                let files = ["snmp", "netstat", "snmp6"].map(|file| format!("/proc/thread-self/net/{file}"));
                let texts = files.iter().filter_map(|file| std::fs::read_to_string(file).ok());
                Ok((HelperReply::Counts(texts.flat_map(|text| kernel_counts(&text)).collect()), Vec::new()))
            }
            Request::Bound(host, is_tcp, port) => {
                self.hosts.get_mut(host).ok_or_else(no_host)?.enter()?;
                let files = if is_tcp { ["tcp", "tcp6"] } else { ["udp", "udp6"] };
                let has = |file| std::fs::read_to_string(format!("/proc/thread-self/net/{file}"));
                let is_bound = files.into_iter().flat_map(has).any(|text| has_port(&text, is_tcp, port));
                Ok((HelperReply::Bound(is_bound), Vec::new()))
            }
            Request::Socket(host, domain, kind, protocol) => {
                self.settled_host(host)?.enter()?;
                let protocol = (protocol != 0).then(|| Protocol::from(protocol));
                let socket = Socket::new(Domain::from(domain), Type::from(kind), protocol);
                let socket = socket.map_err(|err| Failure::of("socket", &err))?;
                Ok((HelperReply::Done, vec![socket.into()]))
            }
            Request::Start(host, command) => {
                let host = self.hosts.get_mut(host).ok_or_else(no_host)?;
                host.settle()?;
                host.enter()?;
                let number = self.programs.start(&host.name, &command, fds)?;
                Ok((HelperReply::Started(number), Vec::new()))
            }
            Request::Signal(number, signal, all) => self.programs.signal(number, signal, all).map(|()| done),
        }
    }

    fn host(&self, index: usize) -> Result<&Network, Failure> {
        self.hosts.get(index).ok_or_else(no_host)
    }

    fn settled_host(&mut self, index: usize) -> Result<&Network, Failure> {
        let host = self.hosts.get_mut(index).ok_or_else(no_host)?;
        host.settle()?;
        Ok(host)
    }

    fn make_host(&mut self, new: &NewHost) -> Result<(), Failure> {
        let mut host = Network::make(&new.name)?;
        self.write_settings(new)?;
        let mut batch = NetlinkBatch::default();
        // Its addresses are its own whichever cables it has, and before it has any.
        for &prefix in &new.addrs {
            batch.add_address(LOOPBACK, Prefix::from(prefix.addr()));
        }
        host.run(&batch, "address")?;
        host.pending = in_v6("lo", &new.addrs);
        self.names.add(&new.name, &new.addrs);
        self.hosts.push(host);
        Ok(())
    }

    /// Writes the settings of the host that this process is in.
    fn write_settings(&self, new: &NewHost) -> Result<(), Failure> {
        let (_, group) = sys::user_and_group();
        let groups = if group == 0 { "0 2147483647".to_string() } else { format!("{group} {group}") };
        write_setting("net/ipv4/ping_group_range", &groups)
            .or_else(|_| write_setting("net/ipv4/ping_group_range", &format!("{group} {group}")))?;
        let forwards = if new.forwards { "1" } else { "0" };
        let mut settings = vec![
            ("ipv4/ip_unprivileged_port_start", "0"),
            ("ipv4/ip_forward", forwards),
            ("ipv4/conf/all/rp_filter", "0"),
            ("ipv4/conf/default/rp_filter", "0"),
        ];
        if !new.icmp_limits {
            settings.push(("ipv4/icmp_ratemask", "0"));
        }
        if self.has_v6 {
            settings.extend([
                ("ipv6/conf/all/disable_ipv6", "0"),
                ("ipv6/conf/default/disable_ipv6", "0"),
                ("ipv6/conf/all/forwarding", forwards),
                ("ipv6/conf/default/accept_dad", "0"),
                ("ipv6/conf/default/dad_transmits", "0"),
                ("ipv6/conf/default/accept_ra", "0"),
                ("ipv6/conf/default/router_solicitations", "0"),
            ]);
            if !new.arp {
                settings.push(("ipv6/conf/default/addr_gen_mode", NO_LINK_LOCAL));
            }
            if !new.icmp_limits {
                settings.push(("ipv6/icmp/ratelimit", "0"));
                // What is left is a limit for all together, which older kernels have not.
                if Path::new("/proc/sys/net/ipv6/icmp/ratemask").exists() {
                    settings.push(("ipv6/icmp/ratemask", NO_TYPE));
                }
            }
        }
        settings.iter().try_for_each(|(path, value)| write_setting(&format!("net/{path}"), value))
    }

    fn change_routes(&mut self, changes: &[RouteChange]) -> Result<(), Failure> {
        let mut start = 0;
        // Those of one host go together.
        while let Some(first) = changes.get(start) {
            let mut batch = NetlinkBatch::default();
            for change in changes[start..].iter().take_while(|change| change.host == first.host) {
                match change.target {
                    Some(target) => batch.set_route(change.to, target),
                    None => batch.delete_route(change.to),
                }
            }
            let host = self.host(first.host)?;
            host.netlink.run(&batch).map_err(|refused| {
                let change = &changes[(start + refused.number).min(changes.len() - 1)];
                refused_by_kernel(&format!("route to {} in {}", change.to, host.name), refused)
            })?;
            start += batch.message_count();
        }
        Ok(())
    }
}

/// Whether a line of /proc/net/ipv6_route is about what is sent to `addr` of `interface`.
fn is_local(line: &str, interface: &str, addr: Ipv6Addr) -> bool {
    const LOCAL: u32 = 0x8000_0000; // RTF_LOCAL
    let words: Vec<&str> = line.split_whitespace().collect();
    let [to, "80", .., flags, name] = words[..] else { return false };
    let flags = u32::from_str_radix(flags, 16).unwrap_or(0);
    name == interface && flags & LOCAL != 0 && to == format!("{:032x}", u128::from(addr))
}

pub(super) fn no_host() -> Failure {
    Failure { step: "host".to_string(), errno: None, text: "there is no host of this number".to_string() }
}

/// The IPv6 addresses among these, each with its interface.
pub(super) fn in_v6(interface: &str, addrs: &[Prefix]) -> Vec<(String, Ipv6Addr)> {
    let v6 = |prefix: &Prefix| if let IpAddr::V6(addr) = prefix.addr() { Some(addr) } else { None };
    addrs.iter().filter_map(v6).map(|addr| (interface.to_string(), addr)).collect()
}

/// How often to look whether an address is in use, 100 µs apart: for 2 s and more.
const MOST_LOOKS: u32 = 20_000;

/// A list of ICMPv6 types without any: type 0 is none that is sent.
const NO_TYPE: &str = "0";

/// The index of the loopback interface.
const LOOPBACK: u32 = 1;

/// Interfaces have no link-local addresses (IN6_ADDR_GEN_MODE_NONE): where addresses are not resolved, both ends of a cable
/// would have the same.
const NO_LINK_LOCAL: &str = "1";

/// No request is larger.
pub(in crate::net::lab) const LARGEST: usize = 1 << 18;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_in_use_is_distinguished_from_routes_to_it() {
        let addr = "fd00::1".parse().expect("an address");
        let zeros = "00000000000000000000000000000000";
        let line = |flags, name| {
            format!(
                "fd000000000000000000000000000001 80 {zeros} 00 {zeros} 00000000 00000001 00000000 {flags} {name:>8}"
            )
        };
        assert!(is_local(&line("80200001", "eth0"), "eth0", addr));
        for (flags, name) in [("80200001", "lo"), ("00000001", "eth0"), ("x", "eth0")] {
            assert!(!is_local(&line(flags, name), "eth0", addr), "{flags} {name}");
        }
        assert!(!is_local("", "eth0", addr));
    }
}
