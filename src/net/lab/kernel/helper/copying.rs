//! Copies directories of strangers: files, directories and symbolic links as such, which are not followed; nothing else.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, fchown, lchown, symlink};
use std::path::Path;

/// How deep directories are copied.
const DEPTH: u32 = 64;

/// Copies what is in `from` into the directory `to`, for `owner` if one is given.
///
/// # Errors
/// A file cannot be read or written, one is there already, or directories lie too deep.
pub(super) fn copy_tree(from: &Path, to: &Path, owner: Option<u32>) -> io::Result<()> {
    copy_entries(from, to, owner, DEPTH)
}

fn copy_entries(from: &Path, to: &Path, owner: Option<u32>, depth: u32) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, target, kind) = (entry.path(), to.join(entry.file_name()), entry.file_type()?);
        if kind.is_dir() {
            if depth == 0 {
                return Err(io::Error::from_raw_os_error(libc::ELOOP));
            }
            fs::create_dir(&target)?;
            lchown(&target, owner, owner)?;
            copy_entries(&source, &target, owner, depth - 1)?;
        } else if kind.is_symlink() {
            symlink(fs::read_link(&source)?, &target)?;
            lchown(&target, owner, owner)?;
        } else if kind.is_file() {
            copy_file(&source, &target, owner)?;
        }
    }
    Ok(())
}

fn copy_file(source: &Path, target: &Path, owner: Option<u32>) -> io::Result<()> {
    // It may have become another in the meantime.
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let mut from = OpenOptions::new().read(true).custom_flags(flags).open(source)?;
    let about = from.metadata()?;
    if !about.is_file() {
        return Ok(());
    }
    let mut to = File::create_new(target)?;
    io::copy(&mut from, &mut to)?;
    to.set_permissions(Permissions::from_mode(about.permissions().mode() & 0o777 | 0o600))?;
    fchown(&to, owner, owner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_copied_as_links_and_pipes_not_at_all() {
        let dir = std::env::temp_dir().join(format!("pingscript-copying-{}", std::process::id()));
        let (from, to) = (dir.join("from"), dir.join("to"));
        fs::create_dir_all(from.join("sub")).and_then(|()| fs::create_dir(&to)).expect("directories");
        fs::write(from.join("sub/a b\nc"), "text").expect("a file");
        fs::set_permissions(from.join("sub/a b\nc"), Permissions::from_mode(0o4755)).expect("its mode");
        symlink("/etc/passwd", from.join("out")).expect("a link");
        symlink("..", from.join("up")).expect("a link to a directory");
        let _socket = std::os::unix::net::UnixListener::bind(from.join("socket")).expect("a socket");
        copy_tree(&from, &to, None).expect("a copy");
        assert_eq!(fs::read_to_string(to.join("sub/a b\nc")).expect("the file"), "text");
        let mode = to.join("sub/a b\nc").metadata().expect("its metadata").permissions().mode();
        assert_eq!(mode & 0o7777, 0o755);
        assert!(to.join("out").is_symlink() && to.join("up").is_symlink() && !to.join("socket").exists());
        assert!(copy_tree(&from, &to, None).is_err(), "what is there is not overwritten");
        fs::remove_dir_all(dir).expect("they go");
    }
}
