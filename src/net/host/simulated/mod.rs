//! Simulated hosts on virtual time.
//!
//! A [`World`](world::World) has the clock, the events to come, the hosts and the threads of a run. One thread runs at a time;
//! when all wait, time goes on to the next event or deadline. So the same run is the same to the last byte, however the system
//! schedules its threads, and takes only as long as it computes.
//!
//! [`SimulatedHost`] is the host that sockets live on. `queue`, `turns` and `reassembly` are values without locks or threads; nothing here uses a clock, a descriptor or a
//! socket of the system.

pub use self::machine::SimulatedHost;

pub mod datagram;
mod device;
mod faults;
mod handle;
mod machine;
pub mod queue;
pub mod readiness;
pub mod reassembly;
mod retransmission;
pub mod routes;
pub mod stack;
pub mod stream;
mod streams;
pub mod tcp;
pub mod turns;
pub mod world;
