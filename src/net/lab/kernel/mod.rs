//! Labs of this system's kernel: what drives a lab's relay by packet sockets.

mod ports;
pub mod relay;
