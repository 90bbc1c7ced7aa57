//! Files that a run writes: none that holds something else is emptied, and none is written by two runs at once.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, Write};

use crate::net::sys::{self, Writable};

/// How much of a file says what it holds.
const BEGINNING: usize = 64;

/// What the kernel copies into a file at a time; also the most that a pipe takes in one piece (PIPE_BUF).
const PAGE: u64 = 4096;

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

/// What distinguishes the file from all others, whatever it is called.
///
/// # Errors
/// What fstat(2) reports.
pub fn identity(name: &str, file: &File) -> io::Result<(u64, u64)> {
    sys::file_identity(name, file)
}

/// Locks and empties a file that [`create`] has opened otherwise; its errors are the same.
pub fn claim(name: &str, file: &File, may_go: impl FnOnce(&[u8]) -> bool) -> io::Result<()> {
    if !sys::lock_file(file) {
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

/// Why lines could not be written.
#[derive(Debug)]
pub struct Unwritten {
    /// What write(2) reported.
    pub error: io::Error,
    /// Where in the file the whole lines end.
    pub whole: u64,
}

/// Writes lines so that a process killed meanwhile leaves whole ones.
///
/// A kill takes effect between two pages of a file, and between two pieces for a pipe. So each write ends at the last
/// line end before the end of a page. Only a line that itself lies across two pages is open to a kill, within the
/// instant in which the kernel goes from one to the other.
///
/// # Errors
/// What write(2) reports.
pub fn write_lines<F: Writable>(file: &F, mut lines: &[u8]) -> Result<(), Unwritten>
where
    for<'a> &'a F: Write + Seek,
{
    // What cannot be positioned (a pipe, a terminal) counts from here.
    let mut at = (&mut &*file).stream_position().unwrap_or(0);
    while !lines.is_empty() {
        let room = (PAGE - at % PAGE) as usize;
        let line_end = |part: &[u8]| part.iter().position(|&byte| byte == b'\n').map_or(part.len(), |end| end + 1);
        let fitting = lines[..room.min(lines.len())].iter().rposition(|&byte| byte == b'\n').map(|end| end + 1);
        let (part, rest) = lines.split_at(fitting.unwrap_or_else(|| line_end(lines)));
        write_whole(file, part).map_err(|error| Unwritten { error, whole: at })?;
        at += part.len() as u64;
        lines = rest;
    }
    Ok(())
}

/// Writes all of `part`, waiting where a pipe that does not block is full.
fn write_whole<F: Writable>(mut file: &F, mut part: &[u8]) -> io::Result<()>
where
    for<'a> &'a F: Write,
{
    while !part.is_empty() {
        match file.write(part) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => part = &part[written..],
            Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
            Err(err) if err.kind() == io::ErrorKind::WouldBlock => {
                sys::wait_writable(file)?;
            }
            Err(err) => return Err(err),
        }
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
        drop(create(name, |_| false).expect("an empty file is no one's"));
        std::fs::remove_file(name).expect("removed");
        assert_eq!(kind(create("/dev/null", |_| false)), Ok(()));
    }

    #[test]
    fn what_is_written_is_what_was_given() {
        let path = std::env::temp_dir().join(format!("pingscript-lines-{}", std::process::id()));
        let file = File::create(&path).unwrap();
        let mut expected = Vec::new();
        for length in [1, 100, 5000, 4095, 4096, 4097, 30, 9000, 2] {
            let mut line = vec![b'x'; length - 1];
            line.push(b'\n');
            let several = line.repeat(7);
            write_lines(&file, &several).unwrap();
            expected.extend_from_slice(&several);
        }
        write_lines(&file, b"no end").unwrap();
        expected.extend_from_slice(b"no end");
        assert_eq!(std::fs::read(&path).unwrap(), expected);
        std::fs::remove_file(&path).unwrap();
    }
}
