//! Lines from standard input and the text of files, waited for like everything else.

use std::fs::File;
use std::io::{self, Read};

use crate::net::error::{Error, ErrorKind, Result, errno, number_of};
use crate::net::host::kernel::wait_for_input;
use crate::net::host::resolver::on_a_thread;
use crate::net::host::stop::Stop;
use crate::net::host::{Host, Waited};
use crate::net::sys;
use crate::terminal::output;

/// What came of waiting for a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InputLine {
    /// The line, without its end.
    Text(String),
    /// The input has ended.
    End,
    /// The stop happened first.
    Interrupted,
}

/// Reads one line and not a byte more, so that what follows is left for the next reader.
///
/// # Errors
/// `system`: the input cannot be read.
pub fn read_line(stop: &Stop) -> Result<InputLine> {
    let failed = |err: io::Error| Error::system("read", &err).with_peer("standard input");
    let _hidden = output::hide_view();
    let stdin = io::stdin();
    let mut line = Vec::new();
    let (mut ahead, mut bytes) = ([0; 4096], [0; 4096]);
    loop {
        if wait_for_input(stop).map_err(failed)? == Waited::Stopped {
            return Ok(InputLine::Interrupted);
        }
        // Where one cannot look ahead, a byte at a time.
        let waiting = sys::peek(&stdin, &mut ahead).map_or(1, |waiting| {
            let end = ahead[..waiting].iter().position(|byte| *byte == b'\n');
            end.map_or(waiting, |end| end + 1)
        });
        match sys::read(&stdin, &mut bytes[..waiting]) {
            Ok(0) if line.is_empty() => return Ok(InputLine::End),
            Ok(0) => break,
            Ok(read) => {
                line.extend(&bytes[..read]);
                if line.pop_if(|last| *last == b'\n').is_some() {
                    break;
                }
            }
            Err(err) if matches!(err.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) => {}
            Err(err) if number_of(&err) == errno::EBADF => return Ok(InputLine::End),
            Err(err) => return Err(failed(err)),
        }
    }
    Ok(InputLine::Text(String::from_utf8_lossy(&line).trim_end_matches('\r').to_string()))
}

/// A text file may have as many bytes.
const LARGEST: u64 = 16 << 20;

/// The text of the file called `name`, whatever it is: a pipe may be slow, and `-` is standard input.
///
/// # Errors
/// `file`: it cannot be read; `invalid`: it is too large, or no text; `interrupted`: the stop happened first; `exhausted`.
pub fn read_text(host: &dyn Host, stop: &Stop, name: &str) -> Result<String> {
    let path = name.to_string();
    let work = move || {
        let mut bytes = Vec::new();
        let read = match &*path {
            "-" => io::stdin().take(LARGEST + 1).read_to_end(&mut bytes),
            path => File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes)),
        };
        read.map(|_| bytes)
    };
    let about = |error: Error| error.with_peer(if name == "-" { "standard input" } else { name });
    let failed = |err: &io::Error| about(Error { kind: ErrorKind::File, ..Error::system("read", err) });
    let bytes = match on_a_thread(host, stop, None, work).map_err(|err| about(Error::system("read", &err)))? {
        Ok(read) => read.map_err(|err| failed(&err))?,
        Err(_) => {
            return Err(about(Error::new(ErrorKind::Interrupted, "read", "stopped while the file was read")));
        }
    };
    if bytes.len() as u64 > LARGEST {
        return Err(about(Error::invalid("read", format!("the file has more than {} MiB", LARGEST >> 20))));
    }
    String::from_utf8(bytes).map_err(|_| about(Error::invalid("read", "the file is not text in UTF-8")))
}
