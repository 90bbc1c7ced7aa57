//! Files that a run writes: none that holds something else is emptied, and none is written by two runs at once.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::fd::AsFd;

use super::sys;

/// How much of a file says what it holds.
const BEGINNING: usize = 64;

/// Opens the file called `name` for writing, new or emptied, and locks it until it is closed. What is there is emptied only if
/// `may_go` says so of its first bytes. Pipes and devices are opened as they are.
///
/// # Errors
/// `AlreadyExists`: what is there may not go. `ResourceBusy`: another run writes it. Else what open(2) reports.
pub fn create(name: &str, may_go: impl FnOnce(&[u8]) -> bool) -> io::Result<File> {
    let file = File::options().write(true).create(true).truncate(false).open(name)?;
    if file.metadata()?.is_file() {
        claim(name, &file, may_go)?;
    }
    Ok(file)
}

/// Locks and empties a file that [`create`] has opened otherwise; its errors are the same.
pub fn claim(name: &str, file: &File, may_go: impl FnOnce(&[u8]) -> bool) -> io::Result<()> {
    if !sys::lock_file(file.as_fd()) {
        return Err(io::Error::new(ErrorKind::ResourceBusy, "another run writes this file now"));
    }
    if file.metadata()?.len() > 0 {
        let mut beginning = Vec::new();
        // What cannot be read may be anything.
        let _ = File::open(name).and_then(|file| file.take(BEGINNING as u64).read_to_end(&mut beginning));
        if !may_go(&beginning) {
            return Err(io::Error::new(ErrorKind::AlreadyExists, "the file exists and holds something else"));
        }
        file.set_len(0)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_emptied_only_if_it_may_and_written_by_one_only() {
        let path = std::env::temp_dir().join(format!("pingscript-file-{}", std::process::id()));
        let name = path.to_str().expect("a path in UTF-8");
        std::fs::write(name, "from before").expect("written");
        let kind = |refused: io::Result<File>| refused.map(drop).map_err(|err| err.kind());
        assert_eq!(kind(create(name, |beginning| beginning == b"rows")), Err(ErrorKind::AlreadyExists));
        assert_eq!(std::fs::read(name).expect("read"), b"from before");
        let first = create(name, |beginning| beginning == b"from before").expect("a file");
        assert_eq!(std::fs::read(name).expect("read"), b"");
        assert_eq!(kind(create(name, |_| true)), Err(ErrorKind::ResourceBusy));
        drop(first);
        drop(create(name, |_| false).expect("an empty file is nobody's"));
        std::fs::remove_file(name).expect("removed");
        assert_eq!(kind(create("/dev/null", |_| false)), Ok(()));
    }
}
