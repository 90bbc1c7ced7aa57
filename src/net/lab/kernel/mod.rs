//! Labs of this system's kernel: a [`helper`] process that keeps their namespaces, [`netlink`] to configure the kernel, programs in their
//! hosts, and what drives their relay by packet sockets. [`refusal`] explains why a system allows no lab.

pub use self::cable::Cable;
pub use self::control::use_helper;
pub use self::ports::Packets;

pub(super) use self::control::Control;

mod cable;
mod control;
pub mod exec;
pub mod helper;
pub mod netlink;
mod ports;
pub mod program;
pub mod refusal;
pub mod relay;
