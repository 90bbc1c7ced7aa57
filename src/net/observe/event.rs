//! Events: each send, receive, verdict, outcome and kernel drop, with time, flow and cause.
//!
//! Made by the core for every script. Sinks turn the stream into a trace, into rows, into progress. Without a sink an
//! event costs one look at a flag.

use std::fmt::Debug;
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};

use super::check::CheckRow;
use super::frame::FrameRow;
use super::loss_report::LossReport;
use crate::net::error::Error;
use crate::net::policy::decided::Decided;
use crate::net::policy::input::Site;
use crate::net::probe::outcome::Outcome;
use crate::net::time::Duration;

/// A happening.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A datagram is given to the kernel. Should that refuse it, what follows says so: the probe's outcome, or that it is
    /// [not sent](Event::Unsent).
    Sent {
        /// How it goes.
        flow: Flow<'a>,
        /// The payload.
        data: &'a [u8],
    },
    /// A datagram was received.
    Received {
        /// How it went.
        flow: Flow<'a>,
        /// The payload.
        data: &'a [u8],
    },
    /// A policy decided about a datagram that was received, or about a frame on its way.
    Decided {
        /// How the datagram went.
        flow: Flow<'a>,
        /// The datagram's payload.
        data: &'a [u8],
        /// What was decided.
        decided: &'a Decided,
        /// Where.
        site: &'a Site,
    },
    /// A frame was lost on a link for a reason that is no policy's.
    Lost {
        /// How the frame went.
        flow: Flow<'a>,
        /// The frame's payload.
        data: &'a [u8],
        /// Why: `queue full`, `no room` or `link down`.
        why: &'static str,
        /// The link.
        site: &'a Site,
    },
    /// A frame of a lab has come to its end: it arrived, or was lost. Only where [frames](Events::frames) are wanted.
    Frame(&'a FrameRow),
    /// Something happened to a connection: it came about or did not, its peer has ended it, or it was closed here. A flow is
    /// from this end of it to the peer's.
    Connection {
        /// The two ends.
        flow: Flow<'a>,
        /// What happened.
        what: &'a ConnectionEvent,
    },
    /// Something is not sent.
    Unsent {
        /// Where it would have gone.
        flow: Flow<'a>,
        /// What it says.
        data: &'a [u8],
        /// Why.
        why: WhyUnsent<'a>,
    },
    /// A probe was settled; or it is pending, and will stay so, since its socket or the run has ended.
    Outcome {
        /// How the probe went.
        flow: Flow<'a>,
        /// When it was sent, in nanoseconds since 1970.
        sent: i64,
        /// The size of its message in bytes.
        size: usize,
        /// How it ended.
        outcome: &'a Outcome,
    },
    /// A packet came that settles no probe: the reply came late, is a duplicate, or is damaged, or it is none.
    Stray {
        /// From the socket that pings to whom it pinged.
        flow: Flow<'a>,
        /// What came.
        data: &'a [u8],
        /// What it is, in one word: `late`, `duplicate`, `foreign` …
        kind: &'static str,
        /// The number of the probe that it names.
        number: Option<u64>,
        /// How long after that probe it came.
        after: Option<Duration>,
    },
    /// A host of a lab was made.
    Host {
        /// When, in nanoseconds since 1970.
        time: i64,
        /// The host.
        host: &'a MadeHost,
    },
    /// Two hosts of a lab were joined.
    Link {
        /// When, in nanoseconds since 1970.
        time: i64,
        /// The link.
        link: &'a MadeLink,
    },
    /// The script has taken a sample of values of its own.
    Sample {
        /// When, in nanoseconds since 1970.
        time: i64,
        /// The host that its thread runs in; `None` for this machine.
        host: Option<&'a str>,
        /// The values by their names.
        values: &'a [(String, SampleValue)],
    },
    /// The script has checked a value.
    Check(&'a CheckRow),
    /// What is to be known of how the run's own code runs.
    Script {
        /// When, in nanoseconds since 1970.
        time: i64,
        /// In words.
        about: &'a str,
    },
    /// The kernel dropped datagrams because a socket's receive buffer was full, or their checksum wrong (SO_RXQ_OVFL counts both).
    KernelDrops {
        /// When it was found out, in nanoseconds since 1970.
        time: i64,
        /// The socket.
        socket: SocketAddr,
        /// How many since the last such event.
        count: u64,
    },
}

/// A value of a sample.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
#[serde(untagged)]
pub enum SampleValue {
    /// A whole number; of a duration its nanoseconds.
    Int(i64),
    /// Any number.
    Float(f64),
    /// There was none to be had.
    None,
}

impl std::fmt::Display for SampleValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Int(number) => write!(f, "{number}"),
            Self::Float(number) => write!(f, "{number}"),
            Self::None => f.write_str("NA"),
        }
    }
}

/// Why something is not sent.
#[derive(Clone, Copy, Debug)]
pub enum WhyUnsent<'a> {
    /// This was decided about the packet that it replies to: it is dropped, or to be delayed so long that it cannot be kept.
    Decided(&'a Decided),
    /// The system has refused it.
    Refused(&'a Error),
}

/// A host of a lab.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MadeHost {
    /// Distinguishes the labs of a process.
    pub lab: u32,
    /// What it is called.
    pub name: String,
    /// Its addresses, each with the length of its network where it has one.
    pub addrs: Vec<String>,
    /// Whether it carries packets on.
    pub router: bool,
}

/// A link of a lab, as it was made: a script may change it later.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MadeLink {
    /// As that of its hosts.
    pub lab: u32,
    /// What it is called.
    pub name: String,
    /// The hosts that it joins.
    pub ends: [String; 2],
    /// By how much it delays each frame, in nanoseconds.
    pub delay_ns: i64,
    /// Give or take so much of that.
    pub jitter_ns: i64,
    /// Bits a second; `None`: as many as come.
    pub rate: Option<u64>,
    /// How many frames wait for their turn at that rate; `None`: the usual number.
    pub queue: Option<usize>,
    /// The largest IP packet that it carries.
    pub mtu: u32,
}

/// What happened to a connection.
#[derive(Clone, Debug, PartialEq)]
pub struct ConnectionEvent {
    /// In one word: `connect`, `accept`, `end`, `close` or `reset`.
    pub word: &'static str,
    /// The outcome in one word, where there are several.
    pub outcome: Option<&'static str>,
    /// What it has carried, at its end.
    pub traffic: Option<Traffic>,
    /// How long it took to connect, or how long it lasted.
    pub took: Option<Duration>,
    /// Why it did not come about, or was lost, in words.
    pub error: Option<String>,
}

/// What a connection has carried, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes given to the kernel.
    pub sent: u64,
    /// Bytes received from it.
    pub received: u64,
    /// How long ago it came about.
    pub lasted: Duration,
}

/// From where to where, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow<'a> {
    /// When, in nanoseconds since 1970.
    pub time: i64,
    /// The sender.
    pub from: SocketAddr,
    /// The receiver.
    pub to: SocketAddr,
    /// The host that the one of both lives on to which this happens; `None` for this machine, and for what happens on a
    /// link.
    pub host: Option<&'a str>,
    /// `UDP`, `TCP` or `ICMP` at a socket; empty on a link, whose frames say it.
    pub protocol: &'static str,
}

/// Something that takes events in.
pub trait Sink: Debug + Send + Sync {
    /// Takes in one event. Called from many threads; it must be quick. What it writes goes through
    /// [the environment](crate::net::host::environment), which holds it back until a wait begins.
    fn take(&self, event: &Event<'_>);

    /// Takes in the end of the run, at `time` in nanoseconds since 1970; no event comes after it.
    fn end(&self, time: i64, account: &LossReport) {
        let _ = (time, account);
    }
}

/// Where events go.
#[derive(Debug, Default)]
pub struct Events {
    sinks: OnceLock<Vec<Box<dyn Sink>>>,
    frames: AtomicBool,
    ended: AtomicBool,
}

impl Events {
    /// Sends events to `sinks` from now on, those of frames if `frames` says so. Only the first call counts.
    pub fn send_to(&self, sinks: Vec<Box<dyn Sink>>, frames: bool) {
        if !sinks.is_empty() && self.sinks.set(sinks).is_ok() {
            self.frames.store(frames, Ordering::Relaxed);
        }
    }

    /// Whether every frame of a lab is an event.
    pub fn frames(&self) -> bool {
        self.frames.load(Ordering::Relaxed)
    }

    /// Whether anybody takes them in.
    pub fn wanted(&self) -> bool {
        self.sinks.get().is_some()
    }

    /// Emits the event that `make` makes, if anything records events.
    pub fn emit<'a>(&self, make: impl FnOnce() -> Event<'a>) {
        if let Some(sinks) = self.sinks.get()
            && !self.ended.load(Ordering::Relaxed)
        {
            let event = make();
            for sink in sinks {
                sink.take(&event);
            }
        }
    }

    /// Emits the end of the run, at `time` in nanoseconds since 1970.
    pub fn end(&self, time: i64, account: &LossReport) {
        if !self.ended.swap(true, Ordering::Relaxed) {
            self.sinks.get().into_iter().flatten().for_each(|sink| sink.end(time, account));
        }
    }
}
