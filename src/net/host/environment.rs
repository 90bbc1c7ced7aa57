//! What the core needs of the process around it: a place for its notes and rows, and what is to be done before a wait.
//! The program that runs the core sets it once; without one nothing is shown. And what the core has once in a process.

#[cfg(feature = "kernel")]
use std::path::PathBuf;
use std::sync::atomic::{AtomicI16, AtomicI64, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, Once, OnceLock};

use super::id::HostId;
use super::socket::HostSocket;

/// What the core needs of the process around it.
pub trait Environment: Send + Sync {
    /// Shows a message to the user.
    fn note(&self, _text: &str) {}

    /// Shows a line that a program of the host called `name` has printed, as an error if it went to its standard error.
    fn program_line(&self, _host: HostId, _name: &str, _text: &str, _is_error: bool) {}

    /// Takes a line of the trace, with its end, from `time` in nanoseconds since 1970.
    fn traced(&self, _time: i64, _line: &str) {}

    /// Keeps standard output for rows from now on.
    fn give_output_to_rows(&self) {}

    /// Puts a row, with its line end, on standard output.
    fn row(&self, _row: &[u8]) {}

    /// Has `held` written out whenever printed lines are, for as long as somebody else has it.
    fn hold(&self, _held: Arc<dyn Buffered>) {}

    /// Marks that something held has content to write out.
    fn has_held(&self) {}

    /// Whether there may be something to write out.
    fn is_pending(&self) -> bool {
        false
    }

    /// Writes out what was printed, and what is held back: a wait begins.
    fn flush(&self) {}

    /// Whether so much memory is in use that a script will soon be stopped.
    fn memory_is_scarce(&self) -> bool {
        false
    }

    /// A thread begins that may run script code, with so many bytes of stack.
    fn thread_begins(&self, _stack: usize) {}
}

/// Something that holds lines back and is written out whenever printed lines are.
pub trait Buffered: Send + Sync {
    /// Writes out what it holds.
    fn flush(&self);

    /// Writes out what it holds unless another thread is at it.
    fn try_flush(&self);
}

struct NoEnvironment;

impl Environment for NoEnvironment {}

/// What the core has once in a process, whatever runs in it. All else belongs to a run, a socket, a lab or a thread.
pub struct Process {
    environment: OnceLock<Box<dyn Environment>>,
    /// Panics that nothing has turned into an error, by file and line (`bugs`).
    pub(super) panics: Mutex<Vec<(String, u32, u64)>>,
    /// How often something was stopped (`stop`).
    pub(in crate::net) stops: AtomicU64,
    /// The thread that ends what was interrupted (`stop`).
    pub(in crate::net) grace: Mutex<Option<Sender<GraceEnd>>>,
    /// Threads that run script code, and how many there may be (`threads`).
    #[cfg(not(target_family = "wasm"))]
    pub(super) threads: AtomicUsize,
    #[cfg(not(target_family = "wasm"))]
    pub(super) most_threads: OnceLock<usize>,
    /// What stands for them where there are none.
    #[cfg(target_family = "wasm")]
    pub(super) tasks: Mutex<super::task_table::TaskTable>,
    /// Bytes that peers have filled (`room`).
    pub(super) exempt: AtomicI64,
    /// The number of the last host of a lab, and of the last lab.
    hosts: AtomicU32,
    #[cfg(feature = "sim")]
    pub(in crate::net) labs: AtomicU32,
    /// The binary that labs start as their helper, in place of the one that runs.
    #[cfg(feature = "kernel")]
    pub(in crate::net) lab_helper: OnceLock<PathBuf>,
    /// What programs in hosts go without is said once.
    #[cfg(feature = "kernel")]
    pub(in crate::net) lab_notes: Once,
    /// Threads that wait in calls which a stop ends one by one, and those with room to receive ahead.
    pub(in crate::net) threads_in_calls: AtomicUsize,
    pub(in crate::net) threads_ahead: AtomicUsize,
    /// A socket that has the kernel stamp packets, and whether it was seen to do so.
    pub(in crate::net) stamping: OnceLock<Option<Arc<dyn HostSocket>>>,
    pub(in crate::net) stamps: Once,
    /// The numbers of the next pinger and prober.
    pub(in crate::net) pingers: AtomicU64,
    pub(in crate::net) probers: AtomicU64,
    /// The number of the last packet that a script has received.
    pub(in crate::net) packets: AtomicI16,
}

impl Process {
    /// The number of one host of a lab more.
    #[cfg(feature = "sim")]
    pub(in crate::net) fn next_host(&self) -> HostId {
        HostId(self.hosts.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Whether there are hosts besides this machine.
    pub(super) fn has_hosts(&self) -> bool {
        self.hosts.load(Ordering::Relaxed) > 0
    }
}

/// Ends something when its grace is over.
pub(in crate::net) type GraceEnd = Box<dyn FnOnce() + Send>;

static PROCESS: Process = Process {
    environment: OnceLock::new(),
    panics: Mutex::new(Vec::new()),
    stops: AtomicU64::new(0),
    grace: Mutex::new(None),
    #[cfg(not(target_family = "wasm"))]
    threads: AtomicUsize::new(0),
    #[cfg(not(target_family = "wasm"))]
    most_threads: OnceLock::new(),
    #[cfg(target_family = "wasm")]
    tasks: Mutex::new(super::task_table::TaskTable::NONE),
    exempt: AtomicI64::new(0),
    hosts: AtomicU32::new(0),
    #[cfg(feature = "sim")]
    labs: AtomicU32::new(0),
    #[cfg(feature = "kernel")]
    lab_helper: OnceLock::new(),
    #[cfg(feature = "kernel")]
    lab_notes: Once::new(),
    threads_in_calls: AtomicUsize::new(0),
    threads_ahead: AtomicUsize::new(0),
    stamping: OnceLock::new(),
    stamps: Once::new(),
    pingers: AtomicU64::new(0),
    probers: AtomicU64::new(0),
    packets: AtomicI16::new(0),
};

/// What this process has once.
pub(in crate::net) fn process() -> &'static Process {
    &PROCESS
}

/// Sets the environment. Only the first call counts.
pub fn set(environment: impl Environment + 'static) {
    let _ = PROCESS.environment.set(Box::new(environment));
}

/// The environment that was set.
pub fn environment() -> &'static dyn Environment {
    PROCESS.environment.get().map_or(&NoEnvironment, |set| &**set)
}
