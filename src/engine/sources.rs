//! Where scripts are found, and their texts, for error reports.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::limits::restriction::check_file;
use crate::nearest::nearest;
use crate::net::error::{Error, ErrorKind};
use crate::terminal::output;

/// The scripts that travel with the binary: their path below the directory `scripts`, and their text. `build.rs` finds them.
pub const SHIPPED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/shipped.rs"));

/// The directory that shipped scripts are shown to be in, and that scripts are looked for above another's.
const ROOT: &str = "scripts";

/// How it begins to say that a script is nowhere.
const NOT_FOUND: &str = "there is no such";

/// The directory of policies below it.
const POLICIES: &str = "policies";

/// The directory of examples below it.
const EXAMPLES: &str = "examples";

/// The directory of labs below it.
const LABS: &str = "labs";

/// The texts of all sources seen, by the names they are shown under; the files that were looked for and are not there; and
/// those of which was said that they stand in the place of a shipped one.
#[derive(Debug, Default)]
pub struct Sources(Mutex<HashMap<String, String>>, Mutex<BTreeSet<String>>, Mutex<BTreeSet<String>>);

impl Sources {
    /// Keeps a text under a name.
    pub fn keep(&self, name: &str, text: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_string(), text.to_string());
    }

    /// Whether a text has this in it.
    pub fn any_has(&self, part: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().any(|text| text.contains(part))
    }

    /// The names of all texts.
    pub fn names(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    /// The files that were looked for where a script's own come first, and are not there.
    pub fn missed(&self) -> Vec<String> {
        self.1.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Whether the file called `name`, if the text under this name is a file's, still holds it.
    pub fn is_current(&self, name: &str) -> bool {
        let Some(text) = self.text(name) else { return true };
        if shipped(name.trim_start_matches("scripts/")).is_some_and(|(_, shipped)| shipped == text) {
            return true;
        }
        let now = std::fs::read(name).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        now.is_none_or(|now| text == without_marks(&now))
    }

    /// Keeps the text under a name no longer.
    pub fn forget(&self, name: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    /// The text kept under a name.
    pub fn text(&self, name: &str) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// Reads the script that the user named: a file, or the name of a shipped one without `.rhai`, such as `udp_ping` or
    /// `examples/dns_query`, of which there may be a copy in the current directory. The name to show it under, and its text.
    ///
    /// # Errors
    /// `file`: it cannot be read.
    pub fn open(&self, name: &str) -> Result<(String, String), Error> {
        let is_file = name.contains('/') || name.ends_with(".rhai") || name.starts_with('.');
        let is_none = |err: &std::io::Error| match err.kind() {
            std::io::ErrorKind::NotFound => true,
            kind => !is_file && kind == std::io::ErrorKind::IsADirectory,
        };
        let file = format!("{name}.rhai");
        if !is_file && let Some((shown, text)) = shipped(&file) {
            // A copy that was made to be edited is meant.
            return match std::fs::read(&file) {
                Ok(bytes) => {
                    let opened = self.decode(&file, bytes)?;
                    self.say_which(&file, &opened.1, text);
                    Ok(opened)
                }
                Err(_) => Ok(self.found(&shown, text)),
            };
        }
        match std::fs::read(file_called(name)) {
            Ok(bytes) => self.decode(name, bytes),
            // A directory of that name is none of the scripts that a word names.
            Err(err) => match shipped(&format!("{name}.rhai")) {
                Some((file, text)) if is_none(&err) => Ok(self.found(&file, text)),
                None if is_none(&err) => Err(not_found(name)),
                _ => Err(unreadable(name, &err)),
            },
        }
    }

    /// The text of the script that the user named, as [`Self::open`] finds it; `None` if there is none.
    pub fn open_quietly(&self, name: &str) -> Option<String> {
        let file = format!("{name}.rhai");
        let text = |path: &str| std::fs::read_to_string(path).ok().map(|text| without_marks(&text));
        let named = !name.contains('/') && !name.ends_with(".rhai") && shipped(&file).is_some();
        let own = if named { text(&file) } else { text(name) };
        own.or_else(|| shipped(&file).map(|(_, text)| text.to_string()))
    }

    /// Says once that a file of the current directory is used in place of a shipped script, if they differ.
    fn say_which(&self, file: &str, text: &str, shipped: &str) {
        let mut said = self.2.lock().unwrap_or_else(PoisonError::into_inner);
        if text != shipped && said.insert(file.to_string()) {
            output::note(&format!("{file}: the one in this directory, not the one that came with pingscript"));
        }
    }

    /// Finds the script called `name` as seen from the script `from`: in its directory, in the directory `scripts` above it, in the
    /// current directory, among the shipped ones, which may be called without `.rhai`. The name to show it under, and its text.
    ///
    /// # Errors
    /// `file`: there is none, or it cannot be read.
    pub fn find(&self, name: &str, from: &str) -> Result<(String, String), Error> {
        let full = if is_shipped(name) { &format!("{name}.rhai") } else { name };
        self.find_file(full, from)
    }

    fn find_file(&self, name: &str, from: &str) -> Result<(String, String), Error> {
        let dir = Path::new(from).parent().unwrap_or(Path::new(""));
        let below_root = Path::new(name).strip_prefix(ROOT).unwrap_or(Path::new(name));
        let above = dir.ancestors().find(|dir| dir.ends_with(ROOT)).map(|root| root.join(below_root));
        let came_with_us = shipped(&below_root.to_string_lossy());
        let own = dir.join(name);
        if came_with_us.is_none() {
            check_file("read", &own)?;
        }
        let mut failure = None;
        for path in std::iter::once(own).chain(above).chain([PathBuf::from(name)]) {
            if check_file("read", &path).is_err() {
                continue;
            }
            match std::fs::read(&path) {
                Ok(bytes) => {
                    let found = self.decode(&path.to_string_lossy(), bytes)?;
                    if let Some((_, text)) = came_with_us.as_ref().filter(|_| path == Path::new(name)) {
                        self.say_which(name, &found.1, text);
                    }
                    return Ok(found);
                }
                Err(err) if err.kind() == std::io::ErrorKind::NotFound => {
                    let mut missed = self.1.lock().unwrap_or_else(PoisonError::into_inner);
                    missed.insert(path.to_string_lossy().into_owned());
                }
                // One that came with pingscript may still do, where the user's directory is closed to its user.
                Err(err) => failure = failure.or(Some(unreadable(&path.to_string_lossy(), &err))),
            }
        }
        match came_with_us {
            Some((file, text)) => Ok(self.found(&file, text)),
            None => Err(failure.unwrap_or_else(|| not_found(name))),
        }
    }

    /// Finds the module that `path` names as seen from the script `from`: as [`Self::find`], but only beneath the
    /// script's directory or among the shipped ones.
    ///
    /// # Errors
    /// `file`: there is none; `invalid`: the path leads elsewhere.
    pub fn find_module(&self, path: &str, from: &str) -> Result<(String, String), Error> {
        let inside = Path::new(path).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        let name = if path.ends_with(".rhai") { path.to_string() } else { format!("{path}.rhai") };
        let dir = Path::new(from).parent().unwrap_or(Path::new(""));
        let leads_out = || {
            let real =
                |path: &Path| if path.as_os_str().is_empty() { PathBuf::from(".") } else { path.into() }.canonicalize();
            match (real(dir), real(&dir.join(&name))) {
                (Ok(dir), Ok(file)) => !file.starts_with(dir),
                _ => false,
            }
        };
        if !inside || leads_out() {
            return Err(Error::invalid("import", "the path leads out of the script's directory")
                .with_peer(path)
                .with_hint("put the module beside the script, or into a directory beneath it"));
        }
        self.find(&name, from).map_err(|error| {
            if !error.message.starts_with(NOT_FOUND) {
                return error;
            }
            Error::new(ErrorKind::File, "import", "there is no such module")
                .with_peer(&name)
                .with_hint("the path is taken from the directory of this script; .rhai at its end may be left out")
        })
    }

    /// Keeps the text in `bytes` under a name. The name, and the text.
    ///
    /// # Errors
    /// `file`: it is no text.
    pub fn decode(&self, name: &str, bytes: Vec<u8>) -> Result<(String, String), Error> {
        match String::from_utf8(bytes) {
            Ok(text) => Ok(self.found(name, &without_marks(&text))),
            Err(_) => Err(Error::new(ErrorKind::File, "read", "it is not text (UTF-8)")
                .with_peer(name)
                .with_hint("a script is a text file; an editor can save it as UTF-8")),
        }
    }

    fn found(&self, name: &str, text: &str) -> (String, String) {
        self.keep(name, text);
        (name.to_string(), text.to_string())
    }
}

/// The file that is shown as `name`: one given on the command line whose name is not UTF-8 is shown with that replaced.
fn file_called(name: &str) -> PathBuf {
    let is_it = |given: &OsString| given.to_str().is_none() && given.to_string_lossy() == name;
    std::env::args_os().find(is_it).map_or_else(|| name.into(), PathBuf::from)
}

/// The text without what is not for the language: a byte order mark, and the `#!` line of a script that is a program, which
/// becomes a comment so that lines and columns stay.
pub(super) fn without_marks(text: &str) -> String {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match text.strip_prefix("#!") {
        // Three slashes would make it the documentation of what follows.
        Some(rest) => format!("// {}", rest.strip_prefix('/').unwrap_or(rest)),
        None => text.to_string(),
    }
}

/// What the `//!` lines at the head of a script say.
pub fn header(text: &str) -> String {
    let lines =
        text.lines().skip_while(|line| !line.starts_with("//!") && (line.starts_with("//") || line.trim().is_empty()));
    let lines = lines.map_while(|line| line.strip_prefix("//!"));
    lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect::<Vec<_>>().join("\n")
}

/// The shipped script of this file name, with the name to show it under.
fn shipped(file: &str) -> Option<(String, &'static str)> {
    let (name, text) = SHIPPED.iter().find(|(name, _)| *name == file)?;
    Some((format!("{ROOT}/{name}"), text))
}

/// Whether a script called `name`, as it is given on the command line, came with pingscript.
pub fn is_shipped(name: &str) -> bool {
    shipped(&format!("{name}.rhai")).is_some()
}

/// The shipped script that is called `name`, with or without its directory and `.rhai`: its path below `scripts`, and its text.
///
/// # Errors
/// `file`: there is none.
pub fn find_shipped(name: &str) -> Result<(&'static str, &'static str), Error> {
    let plain = name.strip_prefix("scripts/").unwrap_or(name);
    let plain = plain.strip_suffix(".rhai").unwrap_or(plain);
    let found = |with_dir: bool| {
        SHIPPED.iter().find(|(path, _)| {
            let path = path.trim_end_matches(".rhai");
            path == plain || (!with_dir && path.rsplit('/').next() == Some(plain))
        })
    };
    found(true).or_else(|| found(false)).copied().ok_or_else(|| {
        let stem = plain.rsplit('/').next().unwrap_or(plain);
        let known = SHIPPED.iter().map(|(path, _)| path.trim_end_matches(".rhai"));
        let near = nearest(stem, known.map(|path| path.rsplit('/').next().unwrap_or(path)));
        let error = Error::new(ErrorKind::File, "new", "no script of this name came with pingscript").with_peer(name);
        error.with_hint(match near.first() {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`pingscript scripts` lists the names".to_string(),
        })
    })
}

fn not_found(name: &str) -> Error {
    // What is looked for in a directory of the shipped ones is likely one of them.
    let wanted = Path::new(name);
    let dirs = [POLICIES, EXAMPLES, LABS].into_iter();
    let dir = dirs.into_iter().find(|dir| wanted.parent().is_some_and(|of| of.ends_with(dir))).unwrap_or("");
    let plain = wanted.file_stem().unwrap_or_default().to_string_lossy();
    let known: Vec<String> = shipped_in(dir).map(str::to_string).collect();
    let what = if dir == POLICIES { "policy" } else { "script" };
    let error = Error::new(ErrorKind::File, "read", format!("{NOT_FOUND} {what}")).with_peer(name);
    // Policies are given by their names alone.
    let full = |name: &str| if [EXAMPLES, LABS].contains(&dir) { format!("{dir}/{name}") } else { name.to_string() };
    // The name without its end, as other commands take it; or a right one in a directory that does not have it.
    let whole = format!("{name}.rhai");
    if wanted.with_extension("rhai") == Path::new(&whole) && Path::new(&whole).is_file() {
        return error.with_hint(format!("did you mean `{whole}`?"));
    }
    if let Some(dir) = [POLICIES, EXAMPLES, LABS].into_iter().find(|dir| name.len() > 3 && dir.starts_with(name)) {
        let all: Vec<String> = shipped_in(dir).map(|name| format!("{dir}/{name}")).collect();
        return error.with_hint(format!("give one of them: {}", all.join(", ")));
    }
    let same = known.iter().find(|known| **known == plain && *known != name);
    let near = same
        .map(|same| full(same))
        .or_else(|| nearest(&plain, known.iter().map(String::as_str)).first().map(|near| full(near)));
    // One of the examples or labs may have been named without their directory.
    let beneath = |dir: &str| {
        let same = shipped_in(dir).find(|name| *name == plain);
        let one = same.or_else(|| nearest(&plain, shipped_in(dir)).first().copied());
        one.map(|name| format!("{dir}/{name}"))
    };
    let elsewhere = || [EXAMPLES, LABS].into_iter().filter(|_| dir.is_empty()).find_map(beneath);
    match near.or_else(elsewhere) {
        Some(near) => error.with_hint(format!("did you mean `{near}`?")),
        None if dir.is_empty() => error.with_hint(meant_by(&plain)),
        None => {
            let known: Vec<String> = known.iter().map(|name| full(name)).collect();
            error.with_hint(format!("give a file, or one that came with pingscript: {}", known.join(", ")))
        }
    }
}

/// What a word may mean that no script is called, nor nearly so: a part of their names.
fn meant_by(word: &str) -> String {
    let has = |name: &&str| word.len() > 2 && (name.contains(word) || word.starts_with(&name[..name.len().min(5)]));
    let near: Vec<String> = shipped_in("").filter(has).take(4).map(|name| format!("`{name}`")).collect();
    match near.split_last() {
        None => "give a file, or one of those that `pingscript scripts` lists".to_string(),
        Some((last, [])) => format!("did you mean {last}?"),
        Some((last, rest)) => format!("did you mean {} or {last}?", rest.join(", ")),
    }
}

/// The names of the shipped scripts in a directory below `scripts`; `""` for those in none.
pub fn shipped_in(dir: &str) -> impl Iterator<Item = &'static str> {
    SHIPPED.iter().filter_map(move |(path, _)| {
        let (of, file) = path.rsplit_once('/').unwrap_or(("", path));
        (of == dir).then(|| file.trim_end_matches(".rhai"))
    })
}

fn unreadable(name: &str, err: &std::io::Error) -> Error {
    let error = Error { kind: ErrorKind::File, ..Error::system("read", err) }.with_peer(name);
    match err.kind() {
        std::io::ErrorKind::IsADirectory => error.with_hint("give a script in it"),
        std::io::ErrorKind::PermissionDenied => {
            error.with_hint(format!("its owner can allow reading it: chmod a+r {name}"))
        }
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_the_first_comment() {
        assert_eq!(header("// usr/bin/env pingscript\n//! One.\n//!\n//!  Two.\nlet x = 1;\n//! no"), "One.\n\n Two.");
        assert_eq!(header("let x = 1;"), "");
    }

    #[test]
    fn shipped_scripts_are_found_from_anywhere() {
        let sources = Sources::default();
        for name in ["udp_server.rhai", "scripts/udp_server.rhai"] {
            let (shown, text) = sources.find(name, "/nowhere/at/all.rhai").expect(name);
            assert_eq!(shown, "scripts/udp_server.rhai");
            assert_eq!(sources.text(&shown), Some(text));
        }
        assert!(sources.open("udp_ping").is_ok());
        let err = sources.open("udp_pong").expect_err("no such script");
        assert!(err.hint.contains("`udp_ping`"), "{err:?}");
        for (name, meant) in [
            ("scripts/udp_ping", "`scripts/udp_ping.rhai`"),
            ("scripts/udp_pong.rhai", "`udp_ping`"),
            ("elsewhere/udp_ping", "`udp_ping`"),
        ] {
            let err = sources.open(name).expect_err("no such file");
            assert!(err.hint.contains(meant), "{name}: {err:?}");
        }
        for name in ["dns_query", "dns_qeury", "./dns_query.rhai"] {
            let err = sources.open(name).expect_err("without its directory");
            assert!(err.hint.contains("`examples/dns_query`"), "{err:?}");
        }
    }

    #[test]
    fn modules_stay_inside() {
        let sources = Sources::default();
        for path in ["../secret", "/etc/passwd", "a/../../b"] {
            assert_eq!(sources.find_module(path, "scripts/x.rhai").expect_err(path).kind, ErrorKind::Invalid);
        }
    }
}
