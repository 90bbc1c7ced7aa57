//! The system calls that no crate of ours wraps: control messages, socket options by number, clocks, ppoll.
//!
//! The files beside this one are among the few with code that the compiler cannot check; each block states why it is
//! sound. Nothing here retries or decides: that is for the callers.

pub use self::address::RawAddr;
pub use self::batch::{Batch, receive_many, send_many};
pub use self::poll::{PollFd, eventfd, eventfd_lower, eventfd_raise, ppoll};
pub use self::process::{exit_now, last_words, monotonic_nanos, read, realtime_nanos, sharpen_timers};
pub use self::receive::{Origin, QueueEntry, Received, Wait, receive, receive_data, receive_plain};
pub use self::signal::{nudge, nudgeable};
pub use self::socket::{drops, local_addr, number_stamps, send_from, send_to, set_option};
pub use self::terminal::{TerminalMode, set_terminal_mode, terminal_mode};

mod address;
mod batch;
mod poll;
mod process;
mod receive;
mod signal;
mod socket;
mod terminal;
