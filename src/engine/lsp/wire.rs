//! Messages on a stream: a header with the length, an empty line, and JSON.

use std::io::{BufRead, Read};

use serde_json::Value;

use crate::terminal::output;

/// Bytes of a message at most.
const LARGEST: u64 = 1 << 26;

/// What was read.
pub(super) enum ClientMessage {
    /// A message.
    Message(Value),
    /// No message: the code of the error, and why.
    Bad(i64, String),
}

/// The next message; `None` at the end of the input.
pub(super) fn read(input: &mut impl BufRead) -> Option<ClientMessage> {
    let mut length = None;
    loop {
        let mut line = Vec::new();
        // A line without an end must not fill the memory.
        if input.by_ref().take(1 << 16).read_until(b'\n', &mut line).ok()? == 0 {
            return None;
        }
        let line = String::from_utf8_lossy(&line);
        let line = line.trim();
        match line.split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.trim().parse().ok(),
            _ if line.is_empty() => break,
            _ => {}
        }
    }
    let Some(length) = length.filter(|length| *length <= LARGEST) else {
        return Some(ClientMessage::Bad(-32700, "a header needs a Content-Length of up to 64 MiB".to_string()));
    };
    let mut body = Vec::new();
    input.by_ref().take(length).read_to_end(&mut body).ok()?;
    if (body.len() as u64) < length {
        return None;
    }
    Some(match serde_json::from_slice::<Value>(&body) {
        Ok(message) if message.is_object() => ClientMessage::Message(message),
        Ok(_) => ClientMessage::Bad(-32600, "a message is an object".to_string()),
        Err(err) => ClientMessage::Bad(-32700, format!("it is not JSON: {err}")),
    })
}

/// Puts a message on standard output, to be flushed.
pub(super) fn write(message: &Value) {
    let body = message.to_string();
    output::row(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
}
