//! Finds what is to be run.

use std::fs;
use std::path::Path;

use crate::engine::sources::is_shipped;
use crate::net::error::{Error, ErrorKind, in_words};

/// How the names of tests end.
const ENDING: &str = "_test.rhai";

/// How deep directories are searched.
const DEPTH: usize = 64;

/// The scripts that `paths` name, each once: files, shipped scripts, and those below directories that are called so; of these the ones
/// with `filter` in their paths.
///
/// # Errors
/// `file`: there is no such file, a directory cannot be read, or there is nothing to run.
pub(super) fn find(paths: &[String], filter: Option<&str>) -> Result<Vec<String>, Error> {
    let here = [".".to_string()];
    let paths = if paths.is_empty() { &here[..] } else { paths };
    let mut found = Vec::new();
    for path in paths {
        let place = Path::new(path);
        if place.is_dir() {
            search(place, &mut found, DEPTH)?;
        } else if place.exists() || is_shipped(path) {
            found.push(path.clone());
        } else {
            let error = Error::new(ErrorKind::File, "test", "there is no such file or directory").with_peer(path);
            return Err(error.with_hint("name a script, or a directory with files called *_test.rhai in it"));
        }
    }
    let all = found.len();
    let mut seen = std::collections::BTreeSet::new();
    found.retain(|file| filter.is_none_or(|text| file.contains(text)) && seen.insert(file.clone()));
    match (found.is_empty(), filter) {
        (false, _) => Ok(found),
        (true, Some(text)) if all > 0 => {
            let message = format!("none of {all} files has \"{text}\" in its path");
            Err(Error::new(ErrorKind::File, "test", message).with_hint("leave out --filter to run all"))
        }
        (true, _) => {
            let error = Error::new(ErrorKind::File, "test", format!("no file called *{ENDING} was found"));
            Err(error
                .with_peer(paths.join(" "))
                .with_hint("call tests so, or name a script: it is run whatever its name is"))
        }
    }
}

/// Adds the tests below a directory, in the order of their names; links to directories are not followed.
fn search(dir: &Path, found: &mut Vec<String>, depth: usize) -> Result<(), Error> {
    let failed = |err: std::io::Error| {
        let error = Error::new(ErrorKind::File, "test", format!("the directory cannot be read: {}", in_words(&err)));
        error.with_peer(dir.display())
    };
    let entries: Result<Vec<_>, _> = fs::read_dir(dir).map_err(failed)?.collect();
    let mut entries = entries.map_err(failed)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_dir && depth > 0 && !name.starts_with('.') {
            search(&entry.path(), found, depth - 1)?;
        } else if !is_dir && name.ends_with(ENDING) {
            let path = entry.path();
            let path = path.strip_prefix("./").unwrap_or(&path);
            found.push(path.to_string_lossy().into_owned());
        }
    }
    Ok(())
}
