//! What is asked of whatever keeps the hosts of a lab, and what it replies. To the helper of a lab of the kernel these go as JSON, with
//! descriptors beside them.

use serde::{Deserialize, Serialize};

use super::{LinkTarget, Prefix};

/// Something to be done. Hosts are numbered by the order in which they were made, from 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// Make a host.
    Host(NewHost),
    /// Join two hosts by a cable: the reply has a packet socket for each end.
    Connect([NewEnd; 2]),
    /// Change routes.
    Routes(Vec<RouteChange>),
    /// Write a setting beneath /proc/sys of a host.
    Setting(usize, String, String),
    /// What the kernel of a host has counted.
    Counted(usize),
    /// Whether a socket in a host is bound to this port of UDP, or with `true` listens at it by TCP.
    Bound(usize, bool, u16),
    /// Make a socket in a host: domain, type and protocol. The reply has it.
    Socket(usize, i32, i32, i32),
    /// Start a program in a host. With it come four descriptors: standard input, output and error, and one to which
    /// its status (wait(2), four bytes) is written when it has ended. The reply has its number.
    Start(usize, ProgramCommand),
    /// Send a signal to a program, or with `true` end it and all that it has started.
    Signal(u32, i32, bool),
}

/// A host to be made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewHost {
    /// What it is called.
    pub name: String,
    /// Its addresses.
    pub addrs: Vec<Prefix>,
    /// Whether it carries packets on from one of its cables to another.
    pub forwards: bool,
    /// Whether addresses are resolved over its cables (ARP, ND).
    pub arp: bool,
    /// Whether the kernel limits how many ICMP errors it sends.
    pub icmp_limits: bool,
}

/// An end of a cable to be made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewEnd {
    /// Whose end it is.
    pub host: usize,
    /// The interface's name in the host.
    pub name: String,
    /// Its hardware address.
    pub mac: [u8; 6],
    /// Its addresses.
    pub addrs: Vec<Prefix>,
    /// Whether addresses are resolved over it (ARP, ND).
    pub arp: bool,
    /// The largest IP packet it carries, in bytes.
    pub mtu: u32,
}

/// A route to be made or, without a target, to be taken away.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RouteChange {
    /// Where.
    pub host: usize,
    /// To where.
    pub to: Prefix,
    /// What becomes of the packets.
    pub target: Option<LinkTarget>,
}

/// A program to be started.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProgramCommand {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Variables of its environment that differ from this process's; `None` takes one away.
    pub env: Vec<(String, Option<String>)>,
    /// Its working directory, if it is not this process's.
    pub dir: Option<String>,
    /// Whether its standard input is a terminal whose keys are to go to it.
    pub terminal: bool,
    /// Whether what it leaves running goes on when it has ended, until it is killed or the lab ends; else that ends with it.
    pub keeps: bool,
    /// What it may use, with all that it starts.
    pub limits: ProgramLimits,
    /// Where it runs apart from this machine's files; `None`: it has what its user has.
    pub sandbox: Option<Sandbox>,
}

/// What a program and all that it starts may use; `None` is without limit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProgramLimits {
    /// How long it may run, in nanoseconds.
    pub time: Option<i64>,
    /// The time on processors, in milliseconds.
    pub cpu: Option<u64>,
    /// Memory that is its own, in bytes.
    pub memory: Option<u64>,
    /// Processes and threads at a time.
    pub processes: Option<u64>,
    /// Bytes that it prints.
    pub output: Option<u64>,
    /// Bytes of files: in a sandbox of all that it writes, else of each.
    pub disk: Option<u64>,
}

/// A limit that a program has reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgramLimit {
    /// See [`ProgramLimits::time`].
    Time,
    /// See [`ProgramLimits::cpu`].
    Cpu,
    /// See [`ProgramLimits::memory`].
    Memory,
    /// See [`ProgramLimits::processes`].
    Processes,
    /// See [`ProgramLimits::output`].
    Output,
    /// See [`ProgramLimits::disk`].
    Disk,
}

impl ProgramLimit {
    /// All, in the order of their numbers.
    pub const ALL: [Self; 6] = [Self::Time, Self::Cpu, Self::Memory, Self::Processes, Self::Output, Self::Disk];

    /// What it is called in the options of programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Processes => "processes",
            Self::Output => "output",
            Self::Disk => "disk",
        }
    }
}

/// How a program runs apart from this machine: the system read-only, an empty home and /tmp, a copy of its working directory, no
/// capabilities, no way to more rights, and no system calls that reach beyond this.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sandbox {
    /// Whether it may open raw sockets, in its host.
    pub raw: bool,
    /// A directory that gets what it leaves in its working directory.
    pub keep: Option<String>,
    /// Whether it sees this program, as [`OWN_PROGRAM`].
    pub shows_own: bool,
}

/// Where a sandbox shows this program.
pub const OWN_PROGRAM: &str = "/pingscript";

/// The reply to a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum HelperReply {
    /// It was done.
    Done,
    /// The helper is ready: whether the kernel has IPv6, and what programs in hosts go without.
    Ready(bool, Vec<Missing>),
    /// The indices of a cable's two interfaces, in their hosts.
    Interfaces([u32; 2]),
    /// The number of the program that was started.
    Started(u32),
    /// Counts of a host's kernel, as [`kernel_counts`](crate::net::observe::loss_report::kernel_counts) gives them.
    Counts(Vec<(usize, u64)>),
    /// Whether a port is bound.
    Bound(bool),
    /// It was not done.
    Failed(Failure),
}

/// Something that programs in hosts have, but where the system refuses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Part {
    /// The names of the lab's hosts (/etc/hosts).
    Names,
    /// IPv4 before IPv6, of a name's addresses (/etc/gai.conf).
    V4First,
    /// A /proc that shows the processes of the host.
    Processes,
    /// A /sys that shows the interfaces of the host.
    Interfaces,
    /// The name of the host as that of the machine (hostname(1)).
    HostName,
}

/// A part that is missing, and the error number (errno) of the step that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// What is missing.
    pub part: Part,
    /// Why.
    pub errno: i32,
}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The step that failed, in words.
    pub step: String,
    /// The system's error number (errno), if it gave one.
    pub errno: Option<i32>,
    /// What more is known about it; may be empty.
    pub text: String,
}

impl Failure {
    /// The step that the system refused.
    pub fn of(step: impl Into<String>, err: &std::io::Error) -> Self {
        let text = if err.raw_os_error().is_none() { err.to_string() } else { String::new() };
        Self { step: step.into(), errno: err.raw_os_error(), text }
    }
}
