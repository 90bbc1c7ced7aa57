//! The core of the playground, for WebAssembly: `bash web/build` makes it, `web/src/engine.js` runs it.
//!
//! Questions and answers are JSON. A run is a task, and so is each of its threads: the program outside asks [`next`] which is to go on,
//! and begins it with [`run`], on the stack that [`stack_of`] names. What waits stops in the one function that is imported.
#![cfg(target_family = "wasm")]
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use pingscript::bindings::options::flags::know_flags;
use pingscript::engine::check::{self, CheckOutput};
use pingscript::engine::lsp::LanguageServer;
use pingscript::engine::programs::ScriptHost;
use pingscript::engine::prompt;
use pingscript::engine::run::{self, Job, exit};
use pingscript::engine::signals;
use pingscript::engine::sources::SHIPPED;
use pingscript::limits::memory;
use pingscript::net::host::{environment, threads};
use pingscript::net::observe::record::Wanted;
use pingscript::terminal::{Terminal, output};
use serde::Deserialize;
use serde_json::{Value, json};

/// Counts the memory in use, so that a script that grows without end is stopped.
#[global_allocator]
static MEMORY: memory::Counting = memory::Counting;

/// The exit code of the run; below 0 while it goes on.
static CODE: AtomicI32 = AtomicI32::new(-1);

static SERVER: Mutex<Option<LanguageServer>> = Mutex::new(None);

/// The flags of the command line, which are none of a script's own options.
const FLAGS: &str = "check seed trace simulate change lab seeds json csv report live frames color watch help version";

/// What is asked.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Question {
    /// Begins a run; nothing is answered.
    Start(Box<Start>),
    /// Checks a script that is a file: its rows are written to standard output.
    Check { files: Vec<String>, rows: bool },
    /// A message of the language server's protocol: those that answer it.
    Lsp(Value),
    /// The scripts that came with pingscript: their paths, and their texts.
    Library,
    /// The version.
    Version,
}

/// What is to be run.
#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Start {
    /// The script, as it is given on the command line.
    script: String,
    /// Its text; none: it is looked for.
    text: Option<String>,
    /// Code in place of a script.
    code: Option<String>,
    args: Vec<String>,
    /// Whether a prompt is run, with the script in it first if there is one.
    prompt: bool,
    /// What is to become of links while it runs, as `--change` has it.
    changes: Vec<String>,
    seed: Option<String>,
    json: Option<String>,
    csv: Option<String>,
    report: Option<String>,
    frames: bool,
    trace: bool,
}

impl Start {
    fn run(self) -> i32 {
        let host = Arc::new(ScriptHost::new());
        let wanted =
            Wanted { trace: self.trace, json: self.json, csv: self.csv, frames: self.frames, report: self.report };
        let seed = self.seed.and_then(|seed| seed.parse().ok());
        let changes = self.changes.iter().filter_map(|change| change.parse().ok()).collect();
        let job = Job { seed, wanted, changes, simulate: true, ..Job::default() };
        let failed = |error| {
            output::note(&format!("error: {error:#}"));
            exit::SCRIPT
        };
        if self.prompt {
            let first = (!self.script.is_empty()).then_some((self.script, self.args));
            return prompt::run(&host, job, first).unwrap_or_else(failed);
        }
        let named = match (self.code, self.text) {
            (Some(code), _) => Ok(("-e".to_string(), code, true)),
            (None, Some(text)) => Ok((self.script, text, false)),
            (None, None) => host.sources.open(&self.script).map(|(name, text)| (name, text, false)),
        };
        let (name, text, show_value) = match named {
            Ok(named) => named,
            Err(error) => return run::refuse(&error),
        };
        run::run(&host, &Job { name, text, args: self.args, show_value, ..job }).unwrap_or_else(failed)
    }
}

fn answer(question: Question) -> Value {
    match question {
        Question::Start(start) => {
            let run = move || {
                let code = start.run();
                output::flush();
                CODE.store(code, Ordering::Relaxed);
            };
            json!(threads::start("run", false, run).is_ok())
        }
        Question::Check { files, rows } => {
            json!(check::run(&files, if rows { CheckOutput::Rows } else { CheckOutput::Messages }))
        }
        Question::Lsp(message) => {
            let mut server = SERVER.lock().unwrap_or_else(PoisonError::into_inner);
            json!(server.get_or_insert_default().take(&message))
        }
        Question::Version => json!(env!("CARGO_PKG_VERSION")),
        Question::Library => SHIPPED.iter().map(|(path, text)| json!({ "path": path, "text": text })).collect(),
    }
}

unsafe extern "C" {
    fn __wasm_call_ctors();
}

/// To be called once, before all else.
#[unsafe(no_mangle)]
pub extern "C" fn _initialize() {
    // SAFETY: the linker makes it, and it is called once. That this function is there keeps the linker from putting it into others.
    unsafe { __wasm_call_ctors() }
    environment::set(Terminal);
    know_flags(|name| FLAGS.split(' ').any(|flag| flag == name));
    // It cannot fail here.
    let _ = output::open();
}

/// Makes room for so many bytes, which stay.
#[unsafe(no_mangle)]
pub extern "C" fn room(bytes: usize) -> *mut u8 {
    Box::leak(vec![0_u8; bytes].into_boxed_slice()).as_mut_ptr()
}

/// Takes the question in the `len` bytes at `at`, which are given back with that, and answers it: the address of the answer, and in
/// the lower half its length.
///
/// # Safety
/// [`room`] has given the bytes, and none more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ask(at: *mut u8, len: usize) -> u64 {
    // SAFETY: as the caller promises.
    let text = unsafe { Vec::from_raw_parts(at, len, len) };
    let answer = match serde_json::from_slice(&text) {
        Ok(question) => answer(question),
        Err(error) => json!({ "error": error.to_string() }),
    };
    static LAST: Mutex<Vec<u8>> = Mutex::new(Vec::new());
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    *last = answer.to_string().into_bytes();
    ((last.as_ptr().addr() as u64) << 32) | last.len() as u64
}

/// Which task is to go on; 0: none.
#[unsafe(no_mangle)]
pub extern "C" fn next() -> u32 {
    threads::next().unwrap_or_default()
}

/// Where the stack of a task begins.
#[unsafe(no_mangle)]
pub extern "C" fn stack_of(task: u32) -> usize {
    threads::stack_of(task).0
}

/// Where the room begins for what is taken off the other stack while the task waits, and in the lower half where it ends.
#[unsafe(no_mangle)]
pub extern "C" fn unwound_of(task: u32) -> u64 {
    let (_, begin, end) = threads::stack_of(task);
    ((begin as u64) << 32) | end as u64
}

/// Runs a task to its end.
#[unsafe(no_mangle)]
pub extern "C" fn run(task: u32) {
    threads::run(task);
}

/// The exit code of the run; below 0 while it goes on.
#[unsafe(no_mangle)]
pub extern "C" fn code() -> i32 {
    CODE.load(Ordering::Relaxed)
}

/// Stops the run, as Ctrl-C does; once more: ends it.
#[unsafe(no_mangle)]
pub extern "C" fn stop() {
    signals::stop();
}

/// Has the time of the run go on only when the program outside says so, or on its own.
#[unsafe(no_mangle)]
pub extern "C" fn pace(is_paced: bool) {
    threads::pace(is_paced);
}
