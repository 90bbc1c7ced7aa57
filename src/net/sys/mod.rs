//! The system calls that no crate of ours wraps: control messages, socket options by number, clocks, ppoll.
//!
//! The files beside this one are among the few with code that the compiler cannot check; each block states why it is
//! sound. Nothing here retries or decides: that is for the callers.

pub use self::address::RawAddr;
pub use self::batch::{receive_many, send_many};
pub use self::epoll::Epoll;
pub use self::frames::{FRAMES, Frames, receive_frames, send_frames};
pub use self::interrupts::{
    begin_reading, count_interrupts, end_reading, interrupts, is_reading_interrupted, keep_signals, lead_signals_here,
    wait_for_signal,
};
pub use self::link::{interface_index, packet_socket, turn_off_offloads};
pub use self::namespace::{
    ChildChange, Mount, Namespaces, Side, die_with_parent, enter_namespace, fork, has_no_child, leave_process_group,
    mount, news_of_children, own_proc_files, pass_on_capabilities, send_signal, set_host_name, set_process_name,
    unmount, unshare, user_and_group, wait_for_child,
};
pub use self::passing::{message_pair, receive_message, report, report_stream, send_message};
pub use self::poll::{
    PollFd, Writable, eventfd, eventfd_lower, eventfd_raise, is_writable, ppoll, wait_until_closed, wait_writable,
};
pub use self::process::{
    PIPE_PIECE, StandardOutput, exit_now, file_identity, keep_to_this_processor, last_words, lock_file,
    monotonic_nanos, peek, read, realtime_nanos, set_batch_scheduling, set_timer_slack, standard_output,
};
pub use self::program::{before_exec, leave_terminal, take_standard_input, take_terminal, take_terminal_back};
pub use self::receive::{receive, receive_error, receive_plain};
pub use self::sandbox::{
    Resource, become_user, cpu_of_children, drop_rights, enter_root, forbid_calls, is_full, make_read_only, set_limit,
};
pub use self::signal::{is_ignored, nudge, nudgeable};
pub use self::socket::{drops, option, send_to, set_option, set_option_bytes, stamp};
pub use self::stream::{raise_descriptor_limit, receive_some, send_some, tcp_info, unsent};
pub use self::supervise::{
    News, adopt_orphans, ask_supervisor, close_all_but, hold_signals, next_news, release_signals,
};
pub use self::terminal::{TerminalMode, Thread, can_be_suspended, is_in_foreground, keep_terminal, restore_terminal};
pub use self::terminal::{set_terminal_mode, terminal_columns, terminal_mode, terminal_size};

pub use std::os::fd::OwnedFd as EventFd;

mod address;
mod batch;
mod epoll;
mod frames;
mod interrupts;
mod link;
mod message;
mod namespace;
mod passing;
mod poll;
mod process;
mod program;
mod receive;
mod sandbox;
mod signal;
mod socket;
mod stream;
mod supervise;
mod terminal;
