//! How connections end, and which errors of calls end one.

use std::{fmt, io};

use super::framing::Misframed;
use crate::net::error::{Error, ErrorKind, errno, number_of};
use crate::net::host::room::STREAMS;
use crate::net::socket::error_queue::is_pending_error;

/// How the stream from a peer ended.
#[derive(Clone, Debug)]
pub enum Ended {
    /// The peer has sent all that it will: the end of the stream.
    Closed,
    /// The peer broke it off (RST).
    Reset,
    /// The stream ended within a message, of which so many bytes had come.
    CutOff(usize),
    /// So many bytes of a message had come when there was no room for more of it.
    NoRoom(usize),
    /// What came is no message of the connection's framing.
    Misframed(Misframed),
    /// The path failed for too long, or the system gave it up.
    Lost(Error),
}

impl Ended {
    /// In one word, as scripts see it.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Reset => "reset",
            Self::CutOff(_) => "cut-off",
            Self::NoRoom(_) => "no-room",
            Self::Misframed(_) => "misframed",
            Self::Lost(_) => "lost",
        }
    }

    /// As an error of `op`, for those who want to send or to ping all the same.
    pub fn error(&self, op: &'static str) -> Error {
        let kind = match self {
            Self::Closed | Self::CutOff(_) => ErrorKind::Closed,
            Self::Reset => ErrorKind::Reset,
            Self::NoRoom(_) => ErrorKind::Exhausted,
            Self::Misframed(_) => ErrorKind::Invalid,
            Self::Lost(error) => error.kind,
        };
        let error = Error::new(kind, op, self.to_string());
        match self {
            Self::Misframed(what) => error.with_hint(if what.is_text() {
                "the peer sends text without lengths: try the framing raw or line"
            } else {
                "do both ends use the same framing? A larger `limit` takes longer messages"
            }),
            _ => error,
        }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the peer has closed the connection"),
            Self::Reset => f.write_str("the peer has reset the connection"),
            Self::CutOff(bytes) => write!(f, "the connection ended {bytes} bytes into a message"),
            Self::NoRoom(bytes) => {
                let all = STREAMS.most() >> 20;
                write!(
                    f,
                    "{bytes} bytes of an unfinished message were dropped: all connections together hold {all} MiB"
                )
            }
            Self::Misframed(Misframed::Endless(bytes)) => write!(f, "{bytes} bytes came without the end of a line"),
            Self::Misframed(Misframed::Length(length)) => {
                write!(f, "a message of {length} bytes was announced, which is too long")
            }
            Self::Lost(error) => write!(f, "the connection was lost: {}", error.message),
        }
    }
}

/// What the failure of a call means for the connection.
#[derive(Debug)]
pub(super) enum CallFault {
    /// Nothing: it is to be waited for.
    NotReady,
    /// The path has an error, and the kernel goes on trying; perhaps, or it has given up with this errno.
    Path,
    /// The peer broke it off.
    Reset,
    /// Anything else.
    Other,
}

impl CallFault {
    pub(super) fn of(err: &io::Error) -> Self {
        match err.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Self::NotReady,
            _ if matches!(number_of(err), errno::ECONNRESET | errno::EPIPE) => Self::Reset,
            _ if is_pending_error(err) => Self::Path,
            _ => Self::Other,
        }
    }
}

/// The ICMP errors that an errno may stand for: the kernel gives no more where the type and code are not to be had.
pub(super) fn in_doubt(err: &io::Error, v4: bool) -> Error {
    let (likely, name, others) = match (number_of(err), v4) {
        (errno::ECONNREFUSED, _) => ("Port Unreachable", "ECONNREFUSED", false),
        (errno::ENOPROTOOPT, true) => ("Protocol Unreachable", "ENOPROTOOPT", false),
        (errno::EOPNOTSUPP, true) => ("Source Route Failed", "EOPNOTSUPP", false),
        (errno::EHOSTDOWN, true) => ("Destination Host Unknown", "EHOSTDOWN", false),
        (errno::ENONET, true) => ("Source Host Isolated", "ENONET", false),
        (errno::ENETUNREACH, _) => ("Net Unreachable", "ENETUNREACH", true),
        (errno::EHOSTUNREACH, _) => ("Host Unreachable", "EHOSTUNREACH", true),
        (errno::EPROTO, _) => ("Parameter Problem", "EPROTO", true),
        (errno::EACCES, _) => ("Communication Administratively Prohibited", "EACCES", true),
        _ => ("ICMP error", "errno", true),
    };
    let message =
        if others { format!("{likely} or another ICMP error ({name})") } else { format!("{likely} ({name})") };
    Error { message, kind: ErrorKind::Unreachable, ..Error::system("ping", err) }
        .with_hint("with CAP_NET_RAW the type and code are known too")
}
