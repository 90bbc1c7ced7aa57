//! The sockets: [`udp`], [`tcp`] and [`icmp`], and what they share.
//!
//! `endpoint` is what each socket has, `handle` how clones share one; [`session`] what all sockets of a run share; `service` what a server
//! has, and `reply` its replies; [`prober`] sends probes and receives what
//! comes back, [`pinger`] keeps several in flight; [`batch`] serves datagrams; [`delay_queue`] sends what policies delay;
//! `error_queue` reads ICMP errors that the kernel queues, `icmp_monitor` those that it does not.

pub mod batch;
pub mod delay_queue;
pub mod endpoint;
pub(in crate::net) mod error_queue;
mod handle;
pub mod icmp;
pub(in crate::net) mod icmp_monitor;
pub mod pinger;
pub mod prober;
mod reply;
mod scratch;
mod service;
pub mod session;
pub mod tcp;
pub mod udp;

pub use self::reply::Replied;
