//! The core: sockets, clocks, deadlines, decoding, policies, statistics. It knows nothing of scripts, and no terminal.
//!
//! Eight rooms, each of which uses only those before it: [`wire`] turns bytes into values and back; [`sys`] is the system
//! calls; [`host`] is where sockets live; [`policy`] decides about packets; [`probe`] knows what was sent and what became of it;
//! [`observe`] what happened; [`socket`] has the sockets themselves; [`lab`] makes hosts, and the links between them. All use
//! the values [`time`], [`error`], [`random`] and [`io`].

pub mod error;
pub mod host;
pub mod io;
#[cfg(feature = "sim")]
pub mod lab;
pub mod observe;
pub mod policy;
pub mod probe;
pub mod random;
pub mod socket;
#[cfg_attr(not(feature = "kernel"), path = "sys/none.rs")]
pub mod sys;
pub mod time;
pub mod wire;
