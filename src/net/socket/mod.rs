//! The sockets: [`udp`], [`tcp`] and [`icmp`], and what they share.
//!
//! [`session`] is what all sockets of a run share; [`prober`] sends probes and receives what comes back, [`pinger`] keeps
//! several in flight; [`batch`] serves datagrams; [`later`] sends what policies delay; [`error_queue`] reads ICMP errors that
//! the kernel queues, [`ear`] those that it does not.

pub mod batch;
pub(in crate::net) mod ear;
pub(in crate::net) mod error_queue;
pub mod icmp;
pub mod later;
pub mod pinger;
pub mod prober;
pub mod session;
pub mod tcp;
pub mod udp;
