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

/// The submissions: these directories, or those in them, in the order of their names; and why what else is there is none. One of
/// them may be where the results go.
///
/// # Errors
/// `file`: one is no directory or cannot be read, there is nothing in them, or two have the same name.
pub(super) fn find(
    dirs: &[String],
    are_submissions: bool,
    out: Option<&Path>,
) -> Result<(Vec<Handed>, Vec<String>), Error> {
    let out = out.and_then(|out| fs::canonicalize(out).ok());
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
            let is_meant = |one: &Handed| !is_hidden(&one.name) && out.as_ref() != Some(&one.dir);
            let all = entries.map(|entry| handed(&entry.path())).filter(is_meant);
            let (mut here, rest): (Vec<Handed>, Vec<Handed>) = all.partition(|one| why_none(&one.dir).is_none());
            let reason = |one: Handed| Some(format!("{:?} is no submission: {}", one.dir, why_none(&one.dir)?));
            others.extend(rest.into_iter().filter_map(reason));
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

/// Why this is no submission, if it is none.
fn why_none(path: &Path) -> Option<&'static str> {
    let kind = fs::symlink_metadata(path).map(|about| about.file_type());
    match kind {
        Ok(kind) if kind.is_dir() && path.to_str().is_none() => Some("its name is not UTF-8; rename it"),
        Ok(kind) if kind.is_dir() => None,
        Ok(kind) if kind.is_symlink() => Some("it is a symbolic link, and these are not followed"),
        Ok(_) => Some("it is a file, and a submission is a directory"),
        Err(_) => Some("it cannot be read"),
    }
}
