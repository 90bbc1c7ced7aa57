//! What benchmarks share: servers as processes, who takes turns, the load of many clients.
#![allow(dead_code)] // each benchmark uses its part

pub(crate) mod load;

use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) const PINGSCRIPT: &str = env!("CARGO_BIN_EXE_pingscript");

/// A server in a process of its own.
pub(crate) struct Server {
    pub(crate) name: &'static str,
    pub(crate) addr: SocketAddr,
    child: Child,
}

impl Server {
    /// Starts it with its output in a file, and reads its port at the end of the first line; `None` if it did not start.
    pub(crate) fn start(name: &'static str, command: &mut Command) -> Option<Self> {
        let path = scratch(&format!("{}.out", name.replace(|char: char| !char.is_alphanumeric(), "_")));
        let file = File::create(&path).ok()?;
        let child = command.stdin(Stdio::null()).stdout(file).stderr(Stdio::null()).spawn().ok()?;
        let mut server = Self { name, addr: ([127, 0, 0, 1], 0).into(), child };
        let deadline = Instant::now() + Duration::from_secs(10);
        while Instant::now() < deadline && matches!(server.child.try_wait(), Ok(None)) {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            if let Some((line, _)) = text.split_once('\n') {
                server.addr.set_port(line.rsplit([' ', ':']).next()?.parse().ok()?);
                return Some(server);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        None
    }

    /// CPU time of all its threads so far, in nanoseconds.
    pub(crate) fn cpu(&self) -> u64 {
        std::fs::read_dir(format!("/proc/{}/task", self.child.id()))
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|task| std::fs::read_to_string(task.path().join("schedstat")).ok())
            .filter_map(|text| text.split(' ').next()?.parse::<u64>().ok())
            .sum()
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// CPU time of all its threads so far in the program and in the kernel, in microseconds (proc(5), in ticks of 10 ms).
    pub(crate) fn times(&self) -> [f64; 2] {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        // What stands before is the program's name, which may hold anything.
        let cells: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        [11, 12].map(|at| cells.get(at).and_then(|cell| cell.parse::<f64>().ok()).unwrap_or(f64::NAN) * 10_000.0)
    }

    /// Memory that is resident, in KiB.
    pub(crate) fn resident(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.split_whitespace().nth(0)?.parse().ok()).unwrap_or(f64::NAN)
    }

    /// Keeps all its threads to these processors, as a list of taskset(1); whether that was done.
    pub(crate) fn pin(&self, processors: &str) -> bool {
        pin(self.child.id(), processors)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Keeps a process to these processors; whether that was done.
pub(crate) fn pin(process: u32, processors: &str) -> bool {
    let mut command = Command::new("taskset");
    command.args(["-a", "-p", "-c", processors, &process.to_string()]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// A file of this benchmark's own.
pub(crate) fn scratch(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// A command that runs a script of this text.
pub(crate) fn script(name: &str, text: &str) -> Command {
    let path = scratch(name);
    File::create(&path).and_then(|mut file| file.write_all(text.as_bytes())).expect("a script");
    let mut command = Command::new(PINGSCRIPT);
    command.arg(path);
    command
}

/// The program made from this C source; `None` without a compiler.
pub(crate) fn compile(name: &str, source: &str) -> Option<Command> {
    let (from, to) = (scratch(&format!("{name}.c")), scratch(name));
    std::fs::write(&from, source).ok()?;
    let status = Command::new("cc").args(["-O2", "-pthread", "-o"]).args([&to, &from]).status().ok()?;
    status.success().then(|| Command::new(to))
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    quantile(&mut values, 0.5)
}

/// The value at this share of those below it; NaN of none.
pub(crate) fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = (values.len() as f64 * share) as usize;
    values.get(at.min(values.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}

/// Takes a figure of each in turn, round by round; who is first changes from round to round.
pub(crate) fn in_turns<T>(all: &[T], rounds: usize, mut figure: impl FnMut(&T) -> f64) -> Vec<Vec<f64>> {
    let mut figures = vec![Vec::new(); all.len()];
    for round in 0..rounds {
        for at in 0..all.len() {
            let at = (round + at) % all.len();
            figures[at].push(figure(&all[at]));
        }
    }
    figures
}
