//! Events: each send, receive, verdict, outcome and kernel drop, with time, flow and cause.
//!
//! Made by the core for every script. Sinks turn the stream into a trace, into rows, into progress. Without a sink an
//! event costs one look at a flag.

use std::fmt::Debug;
use std::net::SocketAddr;
use std::sync::OnceLock;

use super::judge::Judged;
use super::prober::Outcome;

/// A happening.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A datagram was given to the kernel.
    Sent {
        /// How it went.
        flow: Flow,
        /// The payload.
        data: &'a [u8],
    },
    /// A datagram was received.
    Received {
        /// How it went.
        flow: Flow,
        /// The payload.
        data: &'a [u8],
    },
    /// A policy decided about a datagram that was received.
    Judged {
        /// How the datagram went.
        flow: Flow,
        /// The datagram's payload.
        data: &'a [u8],
        /// What was decided.
        judged: &'a Judged,
    },
    /// A probe was settled.
    Outcome {
        /// How the probe went.
        flow: Flow,
        /// When it was sent, in nanoseconds since 1970.
        sent: i64,
        /// The size of its message in bytes.
        size: usize,
        /// How it ended.
        outcome: &'a Outcome,
    },
    /// The kernel dropped datagrams because a socket's receive buffer was full.
    KernelDrops {
        /// The socket.
        socket: SocketAddr,
        /// How many since the last such event.
        count: u64,
    },
}

/// From where to where, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// When, in nanoseconds since 1970.
    pub time: i64,
    /// The sender.
    pub from: SocketAddr,
    /// The receiver.
    pub to: SocketAddr,
}

/// Something that takes events in.
pub trait Sink: Debug + Send + Sync {
    /// Takes in one event. Called from many threads; it must be quick.
    fn take(&self, event: &Event<'_>);

    /// Writes out what it holds, if it holds anything back: a wait is about to begin.
    fn flush(&self);
}

/// Where events go.
#[derive(Debug, Default)]
pub struct Events(OnceLock<Vec<Box<dyn Sink>>>);

impl Events {
    /// Sends events to `sinks` from now on. Only the first call counts.
    pub fn send_to(&self, sinks: Vec<Box<dyn Sink>>) {
        if !sinks.is_empty() {
            let _ = self.0.set(sinks);
        }
    }

    /// Whether anybody takes them in.
    pub fn wanted(&self) -> bool {
        self.0.get().is_some()
    }

    /// Tells the event that `make` makes, if anybody takes it in.
    pub fn tell<'a>(&self, make: impl FnOnce() -> Event<'a>) {
        if let Some(sinks) = self.0.get() {
            let event = make();
            for sink in sinks {
                sink.take(&event);
            }
        }
    }

    /// Writes out what sinks hold back.
    pub fn flush(&self) {
        for sink in self.0.get().into_iter().flatten() {
            sink.flush();
        }
    }
}
