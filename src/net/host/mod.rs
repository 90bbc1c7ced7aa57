//! A host: where a socket lives.
//!
//! Three things go through a host and nothing goes around it: making a socket, reading the clock, and waiting. So
//! the same script runs on this machine and in any other host.

pub mod addr;
pub mod blocking;
pub mod bugs;
pub mod current;
pub mod environment;
pub mod file;
pub mod id;
pub mod in_place;
#[cfg_attr(not(feature = "kernel"), path = "none.rs")]
pub mod kernel;
pub(in crate::net) mod lock;
pub mod notify;
pub mod resolver;
pub mod room;
#[cfg(feature = "sim")]
mod run_host;
#[cfg(feature = "sim")]
pub mod simulated;
pub mod socket;
pub mod stop;
#[cfg(target_family = "wasm")]
mod task_table;
#[cfg_attr(target_family = "wasm", path = "threads/none.rs")]
pub mod threads;
mod traits;

pub use self::kernel::ThisMachine;
pub use self::notify::Waited;
#[cfg(feature = "sim")]
pub use self::run_host::RunHost;
#[cfg(feature = "sim")]
pub use self::simulated::SimulatedHost;
pub use self::traits::Host;
#[cfg(feature = "sim")]
pub(in crate::net) use self::traits::keeps_time_of;
