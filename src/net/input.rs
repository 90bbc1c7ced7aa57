//! Lines from standard input, waited for like everything else.

use std::io;
use std::os::fd::AsFd;

use super::error::{Error, Result};
use super::host::{Host, Waited};
use super::stop::Stop;
use super::sys::{self, PollFd};

/// What came of waiting for a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// The line, without its end.
    Text(String),
    /// The input has ended.
    End,
    /// The stop happened first.
    Interrupted,
}

/// Reads one line and not a byte more, so that what follows is left for whoever reads next.
///
/// # Errors
/// `system`: the input cannot be read.
pub fn read_line(host: &dyn Host, stop: &Stop) -> Result<Line> {
    let failed = |err: io::Error| Error::system("read", &err).with_peer("standard input");
    let stdin = io::stdin();
    let mut line = Vec::new();
    let (mut ahead, mut bytes) = ([0; 4096], [0; 4096]);
    loop {
        let mut fds = [PollFd::readable(stdin.as_fd())];
        if host.wait(&mut fds, None, stop).map_err(failed)? == Waited::Stopped {
            return Ok(Line::Interrupted);
        }
        // Where one cannot look ahead, a byte at a time.
        let waiting = sys::peek(stdin.as_fd(), &mut ahead).map_or(1, |waiting| {
            let end = ahead[..waiting].iter().position(|byte| *byte == b'\n');
            end.map_or(waiting, |end| end + 1)
        });
        match sys::read(stdin.as_fd(), &mut bytes[..waiting]) {
            Ok(0) if line.is_empty() => return Ok(Line::End),
            Ok(0) => break,
            Ok(read) => {
                line.extend(&bytes[..read]);
                if line.pop_if(|last| *last == b'\n').is_some() {
                    break;
                }
            }
            Err(err) if matches!(err.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) => {}
            Err(err) if err.raw_os_error() == Some(libc::EBADF) => return Ok(Line::End),
            Err(err) => return Err(failed(err)),
        }
    }
    Ok(Line::Text(String::from_utf8_lossy(&line).trim_end_matches('\r').to_string()))
}
