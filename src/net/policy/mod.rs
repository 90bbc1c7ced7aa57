//! A packet in, a verdict out. Knows no socket.
//!
//! [`native`] has the verdicts and the policies of the core; [`attached`] is a policy attached to a server, a link or a host,
//! `slot` where a server has it, [`input`] what it decides about and where, [`decided`] what it decided; `decisions` remembers that for what scripts send by
//! themselves.

pub mod attached;
pub mod datagram;
pub mod decided;
pub mod decisions;
pub mod input;
pub mod native;
pub mod neighbours;
pub mod slot;

pub use native::{
    Action, Details, FlowKey, Flows, Gilbert, Native, Place, PolicyOrigin, RejectReply, Rejection, Verdict,
};
