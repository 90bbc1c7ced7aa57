//! Where scripts are found, and their texts, for error reports.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::nearest::nearest;
use crate::net::error::{Error, ErrorKind};

/// The scripts that travel with the binary: name and text.
pub const SHIPPED: &[(&str, &str)] = &[
    ("udp_ping.rhai", include_str!("../../scripts/udp_ping.rhai")),
    ("udp_server.rhai", include_str!("../../scripts/udp_server.rhai")),
];

/// The folder that shipped scripts are shown to be in, and that scripts are looked for above another's.
const ROOT: &str = "scripts";

/// What is wrong where a script is nowhere.
const NOT_FOUND: &str = "there is no such script";

/// The texts of all sources seen, by the names they are shown under.
#[derive(Debug, Default)]
pub struct Sources(Mutex<HashMap<String, String>>);

impl Sources {
    /// Keeps a text under a name.
    pub fn keep(&self, name: &str, text: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_string(), text.to_string());
    }

    /// The text kept under a name.
    pub fn text(&self, name: &str) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// Reads the script that the user named: a file, or the plain name of a shipped one. The name to show it under, and
    /// its text.
    ///
    /// # Errors
    /// `file`: it cannot be read.
    pub fn open(&self, name: &str) -> Result<(String, String), Error> {
        let is_file = name.contains('/') || name.ends_with(".rhai");
        if !is_file && let Some((file, text)) = shipped(&format!("{name}.rhai")) {
            return Ok(self.found(&file, text));
        }
        match std::fs::read(name) {
            Ok(bytes) => self.decode(name, bytes),
            Err(err) if err.kind() == std::io::ErrorKind::NotFound => Err(not_found(name)),
            Err(err) => Err(unreadable(name, &err)),
        }
    }

    /// Finds the script called `name` as seen from the script `from`: in its folder, in the folder `scripts` above it,
    /// among the shipped ones. The name to show it under, and its text.
    ///
    /// # Errors
    /// `file`: there is none, or it cannot be read.
    pub fn find(&self, name: &str, from: &str) -> Result<(String, String), Error> {
        let folder = Path::new(from).parent().unwrap_or(Path::new(""));
        let below_root = Path::new(name).strip_prefix(ROOT).unwrap_or(Path::new(name));
        let above = folder.ancestors().find(|folder| folder.ends_with(ROOT)).map(|root| root.join(below_root));
        for path in std::iter::once(folder.join(name)).chain(above) {
            match std::fs::read(&path) {
                Ok(bytes) => return self.decode(&path.to_string_lossy(), bytes),
                Err(err) if err.kind() == std::io::ErrorKind::NotFound => {}
                Err(err) => return Err(unreadable(&path.to_string_lossy(), &err)),
            }
        }
        match shipped(&below_root.to_string_lossy()) {
            Some((file, text)) => Ok(self.found(&file, text)),
            None => Err(not_found(name)),
        }
    }

    /// Finds the module that `path` names as seen from the script `from`: as [`Self::find`], but only beneath the
    /// script's folder or among the shipped ones.
    ///
    /// # Errors
    /// `file`: there is none; `invalid`: the path leads elsewhere.
    pub fn find_module(&self, path: &str, from: &str) -> Result<(String, String), Error> {
        let inside = Path::new(path).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        let name = if path.ends_with(".rhai") { path.to_string() } else { format!("{path}.rhai") };
        let folder = Path::new(from).parent().unwrap_or(Path::new(""));
        let leads_out = || {
            let real =
                |path: &Path| if path.as_os_str().is_empty() { PathBuf::from(".") } else { path.into() }.canonicalize();
            match (real(folder), real(&folder.join(&name))) {
                (Ok(folder), Ok(file)) => !file.starts_with(folder),
                _ => false,
            }
        };
        if !inside || leads_out() {
            return Err(Error::invalid("import", "the path leads out of the script's folder")
                .with_peer(path)
                .with_hint("put the module beside the script, or into a folder beneath it"));
        }
        self.find(&name, from).map_err(|error| {
            if error.message != NOT_FOUND {
                return error;
            }
            Error::new(ErrorKind::File, "import", "there is no such module")
                .with_peer(&name)
                .with_hint("the path is taken from the folder of this script; .rhai at its end may be left out")
        })
    }

    /// Keeps the text in `bytes` under a name. The name, and the text.
    ///
    /// # Errors
    /// `file`: it is no text.
    pub fn decode(&self, name: &str, bytes: Vec<u8>) -> Result<(String, String), Error> {
        match String::from_utf8(bytes) {
            Ok(text) => Ok(self.found(name, &text)),
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

/// What the `//!` lines at the head of a script say.
pub fn header(text: &str) -> String {
    let lines = text.lines().skip_while(|line| line.starts_with("#!") || line.trim().is_empty());
    let lines = lines.map_while(|line| line.strip_prefix("//!"));
    lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect::<Vec<_>>().join("\n")
}

/// The shipped script of this file name, with the name to show it under.
fn shipped(file: &str) -> Option<(String, &'static str)> {
    let (name, text) = SHIPPED.iter().find(|(name, _)| *name == file)?;
    Some((format!("{ROOT}/{name}"), text))
}

fn not_found(name: &str) -> Error {
    let plain = Path::new(name).file_stem().unwrap_or_default().to_string_lossy();
    let near = nearest(&plain, SHIPPED.iter().map(|(name, _)| name.trim_end_matches(".rhai")));
    let error = Error::new(ErrorKind::File, "read", NOT_FOUND).with_peer(name);
    match near.first() {
        Some(near) => error.with_hint(format!("did you mean `{near}`?")),
        None => {
            let all: Vec<&str> = SHIPPED.iter().map(|(name, _)| name.trim_end_matches(".rhai")).collect();
            error.with_hint(format!("give a file, or one of the scripts that came with pingscript: {}", all.join(", ")))
        }
    }
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
        assert_eq!(header("#!/usr/bin/env pingscript\n//! One.\n//!\n//!  Two.\nlet x = 1;\n//! no"), "One.\n\n Two.");
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
    }

    #[test]
    fn modules_stay_inside() {
        let sources = Sources::default();
        for path in ["../secret", "/etc/passwd", "a/../../b"] {
            assert_eq!(sources.find_module(path, "scripts/x.rhai").expect_err(path).kind, ErrorKind::Invalid);
        }
    }
}
