//! The core: sockets, clocks, deadlines, decoding, policies, statistics. It knows nothing of scripts.
//!
//! From the bottom up: [`time`], [`zoned`] and [`wire`] are values; [`sys`] is the system calls; [`host`] is where sockets live,
//! [`stop`] what ends their waits and [`resolver`] where names are looked up; [`udp`] and [`icmp`] are the sockets; [`ledger`] accounts for probes, [`prober`] and
//! [`pinger`] send and hear them; [`policy`] and [`judge`] decide about packets ([`subject`]), [`later`] sends what
//! they delay; [`account`] puts losses against verdicts, [`event`] tells of each happening, [`session`] holds both;
//! [`record`] makes the trace and rows of them; [`stats`] sums up, [`trace`] along a path and [`sweep`] over many
//! targets; [`output`] is what is printed, [`label`] by which host. [`lab`] makes hosts, and the links between them
//! that carry every frame; [`doctor`] tries out what of all this the system allows.

pub mod account;
pub mod addr;
pub mod batch;
pub mod bugs;
pub mod clock;
pub mod datagram;
mod decisions;
mod ear;
pub mod environment;
pub mod error;
mod error_queue;
pub mod event;
pub mod file;
pub mod host;
pub mod host_id;
pub mod icmp;
pub mod judge;
pub mod judged;
pub mod lab;
pub mod later;
pub mod ledger;
pub mod neighbours;
pub mod outcome;
pub mod pinger;
pub mod policy;
pub mod prober;
pub mod random;
pub mod record;
pub mod resolver;
pub mod room;
pub mod seat;
pub mod session;
pub mod stats;
pub mod stop;
pub mod subject;
pub mod sweep;
pub mod sys;
pub mod targets;
pub mod tcp;
pub mod threads;
pub mod time;
pub mod trace;
pub mod udp;
pub mod wire;
pub mod zoned;
