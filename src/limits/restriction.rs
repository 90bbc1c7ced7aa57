//! What scripts of this process may not do if it runs with `--restrict`: start programs, and touch files outside of one directory.
//! What sockets reach is up to the host of the run.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::net::error::{self, Error};

/// The directory beneath which files may be touched, if scripts are restricted.
static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();

/// Restricts scripts from now on: to the directory of this one, or to the current one if it is no file.
///
/// # Errors
/// `file`: the directory cannot be found.
pub fn restrict(script: &Path) -> Result<(), Error> {
    let directory = script.parent().filter(|parent| script.is_file() && !parent.as_os_str().is_empty());
    let directory = directory.unwrap_or(Path::new("."));
    let failed =
        |err| Error { kind: error::ErrorKind::File, ..Error::system("restrict", &err) }.with_peer(directory.display());
    let _ = DIRECTORY.set(fs::canonicalize(directory).map_err(failed)?);
    Ok(())
}

/// Checks that scripts may start programs.
///
/// # Errors
/// `permission`: they may not.
pub fn check_program(op: &'static str) -> Result<(), Error> {
    match DIRECTORY.get() {
        None => Ok(()),
        Some(_) => Err(Error::new(error::ErrorKind::Permission, op, "with --restrict, a script starts no program")
            .with_hint("read the script; if you trust it, run it without --restrict")),
    }
}

/// Checks that scripts may touch this file, which need not be there.
///
/// # Errors
/// `permission`: they may not.
pub fn check_file(op: &'static str, file: &Path) -> Result<(), Error> {
    match DIRECTORY.get() {
        Some(directory) if !is_beneath(directory, file) => {
            let message = "with --restrict, a script touches no file outside of its directory";
            let error = Error::new(error::ErrorKind::Permission, op, message).with_peer(file.display());
            Err(error.with_hint(format!("name a file beneath {}", directory.display())))
        }
        _ => Ok(()),
    }
}

/// Whether a file is in this directory, or in one beneath it, wherever links lead.
fn is_beneath(directory: &Path, file: &Path) -> bool {
    let real = match fs::canonicalize(file) {
        // A link to nothing would be followed when the file is made.
        Err(_) if fs::symlink_metadata(file).is_ok() => return false,
        Err(_) => match (file.parent(), file.file_name()) {
            (Some(parent), Some(name)) => {
                let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
                match fs::canonicalize(parent) {
                    // Nothing can be made there.
                    Err(err) if err.kind() == ErrorKind::NotFound => return true,
                    parent => parent.map(|parent| parent.join(name)),
                }
            }
            _ => return false,
        },
        real => real,
    };
    real.is_ok_and(|real| real.starts_with(directory))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_nowhere_else() {
        let place = std::env::temp_dir().join(format!("pingscript-restrict-{}", std::process::id()));
        let (own, other) = (place.join("own"), place.join("other"));
        [&own.join("sub"), &other].into_iter().for_each(|dir| fs::create_dir_all(dir).expect("a directory"));
        fs::write(other.join("secret"), "").expect("a file");
        std::os::unix::fs::symlink(&other, own.join("way")).expect("a link");
        std::os::unix::fs::symlink(other.join("new"), own.join("dangling")).expect("a link");
        let own = fs::canonicalize(&own).expect("a directory");
        for (file, may) in [
            ("new", true),
            ("sub/new", true),
            ("sub/../new", true),
            ("../other/secret", false),
            ("way/secret", false),
            ("way/new", false),
            ("dangling", false),
            ("none/new", true),
            ("/etc/passwd", false),
            ("..", false),
        ] {
            assert_eq!(is_beneath(&own, &own.join(file)), may, "{file}");
        }
        fs::remove_dir_all(place).expect("removed");
    }
}
