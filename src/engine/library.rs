//! The scripts that came with pingscript, for people: their list, and copies to edit.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind as Failure, Write};
use std::path::Path;

use super::sources::{SHIPPED, find_shipped, header};
use crate::nearest::nearest;
use crate::net::error::{Error, ErrorKind};

/// The files of the assignments that travel with the binary, by their paths below `scripts`. `build.rs` finds them.
const ASSIGNMENTS: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/assignments.rs"));

/// The directory of the assignments.
const ASSIGNMENTS_DIR: &str = "assignments/";

/// Whether this is the text of a script that came with pingscript.
pub fn came_with_us(text: &str) -> bool {
    SHIPPED.iter().any(|(_, shipped)| *shipped == text)
}

/// The scripts by their directories, with what each is for.
pub fn list() -> String {
    let width = SHIPPED.iter().map(|(file, _)| shown(file).len()).max().unwrap_or(0);
    let mut text = String::new();
    for (dir, title) in [
        ("", "Scripts: pingscript NAME [OPTIONS]; pingscript NAME --help explains one"),
        ("examples", "Examples: as scripts"),
        ("labs", "Labs: networks in which one thing shows; each asks what you expect before it runs"),
        ("policies", "Policies: for a script's --policy NAME:KEY=VALUE,…, or policy(\"NAME\") in a script"),
    ] {
        text.push_str(&format!("{title}\n"));
        for (file, script) in SHIPPED.iter().filter(|(file, _)| dir_of(file) == dir) {
            let purpose = header(script).lines().next().unwrap_or_default().to_string();
            text.push_str(&format!("  {:width$}  {purpose}\n", shown(file)));
        }
        text.push('\n');
    }
    text.push_str(
        "Assignments, each with a hand-out and a judge: pingscript new NAME [DIRECTORY]; see docs/teaching.md\n",
    );
    for (file, judge) in ASSIGNMENTS.iter().filter(|(file, _)| file.ends_with(".rhai")) {
        let purpose = header(judge).lines().next().unwrap_or_default().to_string();
        text.push_str(&format!("  {:width$}  {purpose}\n", dir_of(file)));
    }
    text.push('\n');
    text.push_str("pingscript new NAME FILE writes a copy of one to edit.");
    text
}

/// Writes a copy of the script `name` to the file `target`, or to one of its own name; what to print about it.
///
/// # Errors
/// `file`: there is no such script, or the file is there already or cannot be written.
pub fn copy(name: &str, target: Option<&str>) -> Result<String, Error> {
    if name.trim_start_matches("scripts/").starts_with(ASSIGNMENTS_DIR) {
        return copy_assignment(name.trim_start_matches("scripts/").trim_end_matches('/'), target);
    }
    let (file, text) = find_shipped(name)?;
    let own = file.rsplit('/').next().unwrap_or(file).to_string();
    let target = target.unwrap_or(&own).to_string();
    write(&target, text)?;
    let run = if target.contains('/') || target.ends_with(".rhai") { target.clone() } else { format!("./{target}") };
    let use_it = match dir_of(file) {
        "policies" => {
            format!("use it in a server: --policy {}", if run.contains('/') { run } else { format!("./{run}") })
        }
        _ => format!("edit it, and run it with: pingscript {run}"),
    };
    Ok(format!("{target} is a copy of {}; {use_it}", shown(file)))
}

/// Writes the files of an assignment into a directory, which is made if it is not there.
fn copy_assignment(name: &str, target: Option<&str>) -> Result<String, Error> {
    let own = name.trim_start_matches(ASSIGNMENTS_DIR);
    let files: Vec<_> = ASSIGNMENTS.iter().filter(|(file, _)| dir_of(file) == name).collect();
    if files.is_empty() {
        let known: Vec<&str> = ASSIGNMENTS.iter().map(|(file, _)| dir_of(file)).collect();
        let error = Error::new(ErrorKind::File, "new", "there is no such assignment").with_peer(name);
        let near = nearest(name, known.iter().copied());
        return Err(error.with_hint(format!("did you mean {}?", near.first().copied().unwrap_or(known[0]))));
    }
    let dir = target.unwrap_or(own).trim_end_matches('/');
    fs::create_dir_all(dir)
        .map_err(|err| Error { kind: ErrorKind::File, ..Error::system("new", &err) }.with_peer(dir))?;
    for (file, text) in files {
        write(&format!("{dir}/{}", file.rsplit('/').next().unwrap_or(file)), text)?;
    }
    Ok(format!("{dir} has the hand-out and the judge; mark with: pingscript grade {dir}/judge.rhai SUBMISSIONS"))
}

/// Writes a new file, whole or not at all.
fn write(target: &str, text: &str) -> Result<(), Error> {
    let failed = |err: std::io::Error| {
        let error = Error { kind: ErrorKind::File, ..Error::system("new", &err) }.with_peer(target);
        match err.kind() {
            _ if Path::new(target).is_dir() => Error { message: "it is a directory".to_string(), ..error }
                .with_hint(format!("give a file name, such as {}/udp_ping.rhai", target.trim_end_matches('/'))),
            Failure::AlreadyExists => Error { message: "the file exists, and is left as it is".to_string(), ..error }
                .with_hint("give another name, or remove the file first"),
            Failure::NotFound => error.with_hint("its directory must exist: mkdir makes one"),
            Failure::PermissionDenied => error.with_hint("choose a directory that you may write to"),
            _ => error,
        }
    };
    let mut file = OpenOptions::new().write(true).create_new(true).open(target).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(|err| {
        // What is there is a part only; the error says so already.
        let _ = fs::remove_file(target);
        failed(err)
    })
}

fn dir_of(file: &str) -> &str {
    file.rsplit_once('/').map_or("", |(dir, _)| dir)
}

/// A script's name as people give it.
fn shown(file: &str) -> &str {
    let name = file.strip_prefix("policies/").unwrap_or(file);
    name.strip_suffix(".rhai").unwrap_or(name)
}
