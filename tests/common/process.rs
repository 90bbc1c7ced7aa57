//! Running programs: `pingscript`, and the peers in `tests/peers/`.
//!
//! [`Cmd::run`] runs to the end; [`Cmd::start`] leaves a [`Running`] to talk to on pipes, and
//! [`Cmd::start_on_terminal`] one on a terminal, whose `stdout` is then the screen, with the
//! typed keys echoed, while standard error goes to a pipe of its own. What is started ends when
//! its `Running` is dropped, or with the thread that started it: start it in the test's thread.

use super::collect::Collected;
use super::{TempDir, binary, repo_root, sys};
use std::ffi::CString;
use std::fs::File;
use std::io::Write;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use std::{mem, thread};

/// A program to run, with the repository's root as its directory.
#[derive(Clone, Debug)]
pub(crate) struct Cmd {
    program: PathBuf,
    args: Vec<String>,
    env: Vec<(String, String)>,
    dir: PathBuf,
    input: Option<Vec<u8>>,
    user: Option<u32>,
    root: Option<(CString, sys::BareRoot)>,
    error_on_terminal: bool,
    patience: Duration,
}

/// `pingscript` with `args`.
pub(crate) fn pingscript<S: AsRef<str>>(args: &[S]) -> Cmd {
    // What a test types is not for the history of the user who runs the tests.
    Cmd::new(binary(), args).env("XDG_STATE_HOME", "").env("HOME", "")
}

/// `pingscript` with `args`, run by the user `65534` from a copy in `dir` of the binary and the
/// scripts: that user may have no way into the repository. Only root can do that.
pub(crate) fn nobodys_pingscript<S: AsRef<str>>(dir: &TempDir, args: &[S]) -> Cmd {
    // Copied by a program of its own: a binary that this process has written cannot be run while
    // a program that another test just starts still has the descriptor (ETXTBSY).
    let copied = Command::new("cp")
        .args(["-R", "--dereference"])
        .args([binary(), &repo_root().join("scripts"), dir.path()])
        .status();
    assert!(copied.is_ok_and(|status| status.success()), "cannot copy the binary");
    let name = binary().file_name().expect("a file");
    Cmd::new(&dir.path().join(name), args).dir(dir.path()).by_nobody()
}

/// The Python peer `name` of `tests/peers/` with `args`.
pub(crate) fn peer<S: AsRef<str>>(name: &str, args: &[S]) -> Cmd {
    let script = repo_root().join("tests/peers").join(name);
    let mut cmd = Cmd::new(Path::new("python3"), &["-u", &script.display().to_string()]);
    cmd.args.extend(args.iter().map(|a| a.as_ref().to_owned()));
    cmd
}

impl Cmd {
    /// `program` with `args`, nothing on its standard input, and 20 s to end.
    pub(crate) fn new<S: AsRef<str>>(program: &Path, args: &[S]) -> Self {
        Self {
            program: program.to_owned(),
            args: args.iter().map(|a| a.as_ref().to_owned()).collect(),
            env: Vec::new(),
            dir: repo_root().to_owned(),
            input: None,
            user: None,
            root: None,
            error_on_terminal: false,
            patience: Duration::from_secs(20),
        }
    }

    /// With the environment variable `name` set.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// In the directory `dir`.
    pub(crate) fn dir(mut self, dir: &Path) -> Self {
        self.dir = dir.to_owned();
        self
    }

    /// With `text` on its standard input, and then its end.
    pub(crate) fn stdin(mut self, text: &str) -> Self {
        self.input = Some(text.as_bytes().to_vec());
        self
    }

    /// With `patience` in place of 20 s, for each wait and for its end.
    pub(crate) fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Under the user `65534`, without groups and capabilities. Only root can do that; see
    /// [`nobodys_pingscript`].
    pub(crate) fn by_nobody(mut self) -> Self {
        self.user = Some(65_534);
        self
    }

    /// As the user `65534`, with `root` as its root directory. Only root can do that.
    pub(crate) fn in_root(mut self, root: &Path, how: sys::BareRoot) -> Self {
        self.root = Some((CString::new(root.as_os_str().as_encoded_bytes()).expect("a path"), how));
        self
    }

    /// With standard error on the terminal too, where it is started on one.
    pub(crate) fn error_on_terminal(mut self) -> Self {
        self.error_on_terminal = true;
        self
    }

    /// Run it to its end.
    pub(crate) fn run(self) -> Run {
        let input = self.input.clone().unwrap_or_default();
        let mut running = self.start();
        running.send(input);
        running.finish()
    }

    /// Start it on pipes. Without [`Cmd::stdin`] its standard input stays open: see
    /// [`Running::type_text`].
    pub(crate) fn start(self) -> Running {
        let mut command = self.command();
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = self.spawn(command);
        let keys = child.stdin.take().map(|pipe| Box::new(pipe) as Box<dyn Write + Send>);
        let stdout = Collected::from(child.stdout.take().expect("a pipe"));
        let mut running = Running::new(&self, child, stdout, keys);
        if let Some(input) = self.input {
            running.send(input);
        }
        running
    }

    /// Start it on a terminal of its own, with standard error on a pipe.
    pub(crate) fn start_on_terminal(self) -> Running {
        assert!(self.input.is_none(), "on a terminal, type the input");
        let (screen, terminal) = sys::open_terminal().expect("cannot open a terminal");
        let share = |file: &File| file.try_clone().expect("cannot share a descriptor");
        let mut command = self.command();
        if self.error_on_terminal {
            command.stderr(share(&terminal));
        }
        command.env("TERM", "xterm").stdin(share(&terminal)).stdout(terminal);
        sys::take_terminal(&mut command);
        let child = self.spawn(command);
        let stdout = Collected::from(share(&screen));
        Running::new(&self, child, stdout, Some(Box::new(screen)))
    }

    /// Program, arguments and environment, with standard error on a pipe.
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(&self.args)
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.dir)
            .stderr(Stdio::piped());
        if let Some(user) = self.user {
            command.uid(user).gid(user);
        }
        if let Some((root, how)) = &self.root {
            command.env_clear();
            sys::enter_root(&mut command, root, *how);
        }
        // A change of the user would undo it.
        sys::end_with_parent(&mut command);
        command
    }

    fn spawn(&self, mut command: Command) -> Child {
        command.spawn().unwrap_or_else(|e| panic!("cannot start {}: {e}", self.words()))
    }

    /// The command line, for messages.
    fn words(&self) -> String {
        format!("{} {}", self.program.display(), self.args.join(" "))
    }
}

/// How a program ended, and all it printed.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    /// Standard output, or the screen.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
    /// The exit code; `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    /// The signal that ended it, if one did.
    pub(crate) signal: Option<i32>,
    words: String,
}

impl Run {
    /// Check the exit code; a message shows all that was printed.
    pub(crate) fn expect_code(self, code: i32) -> Self {
        assert_eq!(
            (self.code, self.signal),
            (Some(code), None),
            "exit code and signal of {}\n--- stdout\n{}\n--- stderr\n{}",
            self.words,
            self.stdout,
            self.stderr
        );
        self
    }
}

/// A program that runs. Dropping it kills it.
pub(crate) struct Running {
    child: Child,
    stdout: Collected,
    stderr: Collected,
    keys: Option<Box<dyn Write + Send>>,
    patience: Duration,
    words: String,
}

impl Running {
    fn new(cmd: &Cmd, mut child: Child, stdout: Collected, keys: Option<Box<dyn Write + Send>>) -> Self {
        let stderr = child.stderr.take().map_or_else(Collected::nothing, Collected::from);
        Self { child, stdout, stderr, keys, patience: cmd.patience, words: cmd.words() }
    }

    /// What it has printed so far: standard output, or the screen.
    pub(crate) fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// What it has printed to standard error so far.
    pub(crate) fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// Wait until its output holds `what`; the output.
    pub(crate) fn wait_for(&self, what: &str) -> String {
        self.wait_until(&format!("{what:?}"), |text| text.contains(what))
    }

    /// Wait until its output has `n` whole lines; the first `n` of them.
    pub(crate) fn wait_lines(&self, n: usize) -> String {
        let text = self.wait_until(&format!("{n} lines"), |text| text.matches('\n').count() >= n);
        text.split_inclusive('\n').take(n).collect()
    }

    /// Wait until `enough` says yes to its output; `what` names that in the message.
    pub(crate) fn wait_until(&self, what: &str, enough: impl FnMut(&str) -> bool) -> String {
        self.stdout.wait(self.patience, enough).unwrap_or_else(|text| {
            panic!("waited in vain for {what} from {}\n--- stdout\n{text}\n--- stderr\n{}", self.words, self.stderr())
        })
    }

    /// Wait until standard error holds `what`.
    pub(crate) fn wait_for_error(&self, what: &str) {
        if let Err(text) = self.stderr.wait(self.patience, |text| text.contains(what)) {
            panic!(
                "waited in vain for {what:?} from {}\n--- stdout\n{}\n--- stderr\n{text}",
                self.words,
                self.stdout()
            );
        }
    }

    /// The port that its first line ends with (`Server bound to port 11000`).
    pub(crate) fn bound_port(&self) -> u16 {
        let first = self.wait_lines(1);
        first
            .split_whitespace()
            .next_back()
            .and_then(|word| word.parse().ok())
            .unwrap_or_else(|| panic!("no port at the end of the first line of {}: {first}", self.words))
    }

    /// Type `text`: to the terminal, or into the pipe of its standard input.
    pub(crate) fn type_text(&mut self, text: &str) {
        let keys = self.keys.as_mut().expect("its standard input is closed");
        keys.write_all(text.as_bytes())
            .and_then(|()| keys.flush())
            .unwrap_or_else(|e| panic!("cannot type to {}: {e}", self.words));
    }

    /// Press Ctrl-C on its terminal.
    pub(crate) fn press_ctrl_c(&mut self) {
        self.type_text("\x03");
    }

    /// End of its standard input, on pipes.
    pub(crate) fn close_stdin(&mut self) {
        self.keys = None;
    }

    /// Send it `signal`.
    pub(crate) fn signal(&self, signal: i32) {
        sys::send_signal(self.child.id(), signal);
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Wait for its end.
    pub(crate) fn finish(mut self) -> Run {
        let Some(status) = self.wait_status() else {
            let (stdout, stderr) = (self.stdout(), self.stderr());
            panic!("{} did not end within {:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}", self.words, self.patience);
        };
        // The streams end with the program; a child of its own may keep them open.
        let ended = [&self.stdout, &self.stderr].map(|s| s.wait_end(Duration::from_secs(2)));
        assert_eq!(ended, [true, true], "{} left its output open", self.words);
        Run {
            stdout: self.stdout(),
            stderr: self.stderr(),
            code: status.code(),
            signal: status.signal(),
            words: mem::take(&mut self.words),
        }
    }

    /// End it with SIGTERM and wait for its end.
    pub(crate) fn stop(self) -> Run {
        self.signal(sys::SIGTERM);
        self.finish()
    }

    /// Its exit status; `None` if it still runs after the patience.
    fn wait_status(&mut self) -> Option<ExitStatus> {
        let deadline = Instant::now() + self.patience;
        loop {
            let status = self.child.try_wait().expect("cannot wait for a child");
            if status.is_some() || Instant::now() >= deadline {
                return status;
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Feed `input` to its standard input from a thread, then close that. A program may end
    /// without reading it.
    fn send(&mut self, input: Vec<u8>) {
        if let Some(mut keys) = self.keys.take() {
            thread::spawn(move || {
                let _ = keys.write_all(&input);
            });
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail harmlessly when it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
