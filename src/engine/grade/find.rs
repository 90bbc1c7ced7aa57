//! Finds the submissions.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::net::error::{Error, ErrorKind, in_words};

/// What was handed in.
#[derive(Clone, Debug)]
pub(super) struct Handed {
    /// Who has: the name of the directory.
    pub(super) name: String,
    pub(super) dir: PathBuf,
}

/// The submissions: these directories, or those in them, in the order of their names; and the files beside them.
///
/// # Errors
/// `file`: one is no directory or cannot be read, there is nothing in them, or two have the same name.
pub(super) fn find(dirs: &[String], are_submissions: bool) -> Result<(Vec<Handed>, Vec<String>), Error> {
    let (mut found, mut others) = (Vec::new(), Vec::new());
    for dir in dirs {
        let path = fs::canonicalize(dir).map_err(|err| refused(dir, &in_words(&err)))?;
        if !path.is_dir() {
            return Err(refused(dir, "it is no directory").with_hint("name a directory with the submissions in it"));
        }
        if are_submissions {
            found.push(handed(&path));
        } else {
            let entries = fs::read_dir(&path).map_err(|err| refused(dir, &in_words(&err)))?.flatten();
            let all = entries.map(|entry| handed(&entry.path())).filter(|one| !is_hidden(&one.name));
            let (mut here, files): (Vec<Handed>, Vec<Handed>) = all.partition(|one| is_directory(&one.dir));
            others.extend(files.into_iter().map(|file| file.dir.display().to_string()));
            here.sort_by(|a, b| a.name.cmp(&b.name));
            found.extend(here);
        }
    }
    let mut names = HashSet::new();
    if let Some(twice) = found.iter().find(|one| !names.insert(one.name.clone())) {
        let error = refused(&twice.dir.display().to_string(), "another submission has the same name");
        return Err(error.with_hint("judge the directories one after the other"));
    }
    match found.is_empty() {
        false => Ok((found, others)),
        true => Err(refused(&dirs.join(" "), "there is no submission in it")
            .with_hint("each directory in it is one; with --student, it is one itself")),
    }
}

fn refused(dir: &str, why: &str) -> Error {
    Error::new(ErrorKind::File, "grade", why).with_peer(dir)
}

fn handed(dir: &Path) -> Handed {
    Handed {
        name: dir.file_name().map_or_else(|| "submission".into(), |name| name.to_string_lossy().into_owned()),
        dir: dir.to_path_buf(),
    }
}

/// Whether an entry is none that somebody has handed in.
fn is_hidden(name: &str) -> bool {
    name.starts_with('.') || name == "__MACOSX"
}

/// Whether it is a directory; a link to one is none.
fn is_directory(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|about| about.is_dir())
}
