//! What was typed in earlier sessions: a file in the user's state directory, of mode 0600, an entry a line.
//!
//! Sessions that run at the same time append to it, each entry with one write. A file that has grown is cut to its newest
//! entries when a session begins.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Entries that are kept.
pub const ENTRIES: usize = 2_000;

/// Bytes of one entry that is kept.
const ENTRY: usize = 64 * 1024;

/// The file; `None`: there is no place for one.
#[derive(Debug)]
pub struct History(Option<PathBuf>);

impl History {
    /// The file in the user's state directory ($XDG_STATE_HOME, else ~/.local/state).
    pub fn of_user() -> Self {
        let dir = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|dir| dir.is_absolute());
        let state = dir("XDG_STATE_HOME").or_else(|| dir("HOME").map(|home| home.join(".local/state")));
        Self(state.map(|state| state.join("pingscript/history")))
    }

    /// The file's name, for messages.
    pub fn name(&self) -> String {
        self.0.as_ref().map_or(String::new(), |path| path.display().to_string())
    }

    /// The entries of earlier sessions, the oldest first. A file that cannot be read has none.
    pub fn load(&self) -> Vec<String> {
        let Some(bytes) = self.0.as_ref().and_then(|path| fs::read(path).ok()) else { return Vec::new() };
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
        let kept = &lines[lines.len().saturating_sub(ENTRIES)..];
        if lines.len() > 2 * ENTRIES {
            // What another session adds meanwhile may be lost; its own memory has it.
            let _ = self.rewrite(kept);
        }
        kept.iter().map(|line| unescape(line)).collect()
    }

    /// Adds an entry. One that begins with a blank is not kept.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn add(&self, entry: &str) -> io::Result<()> {
        let Some(path) = &self.0 else { return Ok(()) };
        if entry.starts_with(char::is_whitespace) || entry.is_empty() || entry.len() > ENTRY {
            return Ok(());
        }
        let line = escape(entry) + "\n";
        self.open(path)?.write_all(line.as_bytes())
    }

    fn open(&self, path: &Path) -> io::Result<fs::File> {
        if let Some(dir) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        }
        OpenOptions::new().append(true).create(true).mode(0o600).open(path)
    }

    fn rewrite(&self, lines: &[&str]) -> io::Result<()> {
        let Some(path) = &self.0 else { return Ok(()) };
        let new = path.with_extension(format!("{}.new", std::process::id()));
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
        let written = file.write_all((lines.join("\n") + "\n").as_bytes()).and_then(|()| fs::rename(&new, path));
        written.inspect_err(|_| drop(fs::remove_file(&new)))
    }
}

/// An entry in one line.
fn escape(entry: &str) -> String {
    entry.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r")
}

fn unescape(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n') => out.push('\n'),
                Some('r') => out.push('\r'),
                Some(other) => out.push(other),
                None => out.push('\\'),
            },
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn temporary(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("pingscript-history-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        dir
    }

    #[test]
    fn entries_of_several_lines_come_back_as_they_were() {
        let dir = temporary("lines");
        let history = History(Some(dir.join("deep/history")));
        let entries = ["let x = 1;", "fn f() {\n    \"a\\nb\"\n}", "`\\`", "x"];
        for entry in entries.iter().chain(&[" secret", ""]) {
            history.add(entry).expect("a place to write");
        }
        assert_eq!(history.load(), entries);
        let mode = |path: &Path| fs::metadata(path).expect("metadata").permissions().mode() & 0o777;
        assert_eq!((mode(&dir.join("deep/history")), mode(&dir.join("deep"))), (0o600, 0o700));
        fs::remove_dir_all(dir).expect("removed");
    }

    #[test]
    fn sessions_at_the_same_time_lose_nothing_and_the_file_is_bounded() {
        let dir = temporary("bounds");
        let history = || History(Some(dir.join("history")));
        std::thread::scope(|scope| {
            for session in 0..4 {
                scope.spawn(move || {
                    let history = history();
                    (0..1_100).for_each(|n| history.add(&format!("entry {session} {n}")).expect("a place to write"));
                });
            }
        });
        let lines = || fs::read_to_string(dir.join("history")).expect("a file").lines().count();
        assert_eq!(lines(), 4_400);
        assert_eq!(history().load().len(), ENTRIES);
        assert_eq!(lines(), ENTRIES);
        assert_eq!(fs::read_dir(&dir).expect("a directory").count(), 1);
        fs::remove_dir_all(dir).expect("removed");
    }

    #[test]
    fn no_place_is_no_error() {
        assert!(History(None).load().is_empty() && History(None).add("x").is_ok());
        assert!(History(Some("/proc/nowhere/history".into())).load().is_empty());
    }
}
