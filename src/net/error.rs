//! The one error type of the core: what failed, where, and what the system said.
//!
//! Outcomes of a wait (a time-out, an ICMP error, an interrupt) are values, not errors; this type is for wrong
//! arguments and failing system calls.

use std::fmt;
use std::io;

/// Numbers of the system's errors, as Linux has them.
#[allow(missing_docs)]
pub mod errno {
    pub const EPERM: i32 = 1;
    pub const EINTR: i32 = 4;
    pub const EBADF: i32 = 9;
    pub const EAGAIN: i32 = 11;
    pub const ENOMEM: i32 = 12;
    pub const EACCES: i32 = 13;
    pub const ENODEV: i32 = 19;
    pub const EINVAL: i32 = 22;
    pub const ENFILE: i32 = 23;
    pub const EMFILE: i32 = 24;
    pub const EPIPE: i32 = 32;
    /// What the kernel queues with a stamp, which is no error.
    pub const ENOMSG: i32 = 42;
    pub const ENONET: i32 = 64;
    pub const EPROTO: i32 = 71;
    pub const EDESTADDRREQ: i32 = 89;
    pub const EMSGSIZE: i32 = 90;
    pub const ENOPROTOOPT: i32 = 92;
    pub const EPROTONOSUPPORT: i32 = 93;
    pub const EOPNOTSUPP: i32 = 95;
    pub const EAFNOSUPPORT: i32 = 97;
    pub const EADDRINUSE: i32 = 98;
    pub const EADDRNOTAVAIL: i32 = 99;
    pub const ENETDOWN: i32 = 100;
    pub const ENETUNREACH: i32 = 101;
    pub const ECONNABORTED: i32 = 103;
    pub const ECONNRESET: i32 = 104;
    pub const ENOBUFS: i32 = 105;
    pub const EISCONN: i32 = 106;
    pub const ENOTCONN: i32 = 107;
    pub const ETIMEDOUT: i32 = 110;
    pub const ECONNREFUSED: i32 = 111;
    pub const EHOSTDOWN: i32 = 112;
    pub const EHOSTUNREACH: i32 = 113;
    pub const EREMOTEIO: i32 = 121;
}

/// Errors by their numbers on Linux: the kind that Rust has for each, and its words.
#[rustfmt::skip]
const LINUX: &[(i32, io::ErrorKind, &str)] = {
    use errno::*;
    use io::ErrorKind as K;
    &[
        (EPERM, K::PermissionDenied, "operation not permitted"),
        (EINTR, K::Interrupted, "interrupted system call"),
        (EBADF, K::Other, "bad file descriptor"),
        (EAGAIN, K::WouldBlock, "resource temporarily unavailable"),
        (ENOMEM, K::OutOfMemory, "cannot allocate memory"),
        (EACCES, K::PermissionDenied, "permission denied"),
        (ENODEV, K::Other, "no such device"),
        (EINVAL, K::InvalidInput, "invalid argument"),
        (ENFILE, K::Other, "too many open files in system"),
        (EMFILE, K::Other, "too many open files"),
        (EPIPE, K::BrokenPipe, "broken pipe"),
        (ENOMSG, K::Other, "no message of desired type"),
        (ENONET, K::Other, "machine is not on the network"),
        (EPROTO, K::Other, "protocol error"),
        (EDESTADDRREQ, K::Other, "destination address required"),
        (EMSGSIZE, K::Other, "message too long"),
        (ENOPROTOOPT, K::Other, "protocol not available"),
        (EPROTONOSUPPORT, K::Other, "protocol not supported"),
        (EOPNOTSUPP, K::Unsupported, "operation not supported"),
        (EAFNOSUPPORT, K::Other, "address family not supported by protocol"),
        (EADDRINUSE, K::AddrInUse, "address already in use"),
        (EADDRNOTAVAIL, K::AddrNotAvailable, "cannot assign requested address"),
        (ENETDOWN, K::NetworkDown, "network is down"),
        (ENETUNREACH, K::NetworkUnreachable, "network is unreachable"),
        (ECONNABORTED, K::ConnectionAborted, "software caused connection abort"),
        (ECONNRESET, K::ConnectionReset, "connection reset by peer"),
        (ENOBUFS, K::Other, "no buffer space available"),
        (EISCONN, K::Other, "transport endpoint is already connected"),
        (ENOTCONN, K::NotConnected, "transport endpoint is not connected"),
        (ETIMEDOUT, K::TimedOut, "connection timed out"),
        (ECONNREFUSED, K::ConnectionRefused, "connection refused"),
        (EHOSTDOWN, K::Other, "host is down"),
        (EHOSTUNREACH, K::HostUnreachable, "no route to host"),
        (EREMOTEIO, K::Other, "remote I/O error"),
    ]
};

/// What a host that is not this machine reported, if the error is such a one.
fn of_host(err: &io::Error) -> Option<&Error> {
    err.get_ref()?.downcast_ref()
}

/// The number of an error that the system, or a host that is not this machine, reported; 0 if it has none.
pub fn number_of(err: &io::Error) -> i32 {
    err.raw_os_error().or_else(|| of_host(err)?.code).unwrap_or(0)
}

/// The error that has this number on Linux, on whichever system this is.
pub fn of_number(errno: i32) -> io::Error {
    if cfg!(target_os = "linux") {
        return io::Error::from_raw_os_error(errno);
    }
    let row = LINUX.iter().find(|(number, ..)| *number == errno);
    let (kind, words) = row.map_or((io::ErrorKind::Other, "error"), |(_, kind, words)| (*kind, *words));
    io::Error::new(kind, Error { code: Some(errno), ..Error::new(ErrorKind::System, "", words) })
}

/// The kind of an [`Error`], in the word that scripts compare with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A wrong value was given.
    Invalid,
    /// A name could not be resolved to an address.
    Resolve,
    /// The address is taken by another socket (EADDRINUSE).
    InUse,
    /// The address is not one of this host's (EADDRNOTAVAIL).
    NotLocal,
    /// The system refuses without more rights (EACCES, EPERM).
    Permission,
    /// The socket, channel or task was closed before.
    Closed,
    /// No route leads there, or the interface is down (ENETUNREACH, EHOSTUNREACH, ENETDOWN).
    Unreachable,
    /// The message is larger than the protocol or the path can carry (EMSGSIZE).
    TooLarge,
    /// The process or the system has no more descriptors, memory or threads.
    Exhausted,
    /// The peer or the path refused (ECONNREFUSED).
    Refused,
    /// The connection was reset by the peer (ECONNRESET).
    Reset,
    /// The time was over first (ETIMEDOUT).
    TimedOut,
    /// A file could not be read.
    File,
    /// Two waits want the same thing.
    Busy,
    /// The script was stopped before it was done.
    Interrupted,
    /// Anything else the system reports.
    System,
}

impl ErrorKind {
    /// The kind as scripts see it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Resolve => "resolve",
            Self::InUse => "in-use",
            Self::NotLocal => "not-local",
            Self::Permission => "permission",
            Self::Closed => "closed",
            Self::Unreachable => "unreachable",
            Self::TooLarge => "too-large",
            Self::Exhausted => "exhausted",
            Self::Refused => "refused",
            Self::Reset => "reset",
            Self::TimedOut => "timeout",
            Self::File => "file",
            Self::Busy => "busy",
            Self::Interrupted => "interrupted",
            Self::System => "system",
        }
    }

    fn of_errno(number: i32) -> Self {
        match number {
            errno::EADDRINUSE => Self::InUse,
            errno::EADDRNOTAVAIL => Self::NotLocal,
            errno::EACCES | errno::EPERM => Self::Permission,
            errno::ENETUNREACH | errno::EHOSTUNREACH | errno::ENETDOWN | errno::EHOSTDOWN => Self::Unreachable,
            errno::EMSGSIZE => Self::TooLarge,
            errno::EMFILE | errno::ENFILE | errno::ENOMEM | errno::ENOBUFS | errno::EAGAIN => Self::Exhausted,
            errno::ECONNREFUSED => Self::Refused,
            errno::ECONNRESET => Self::Reset,
            errno::ETIMEDOUT => Self::TimedOut,
            errno::EBADF | errno::EPIPE => Self::Closed,
            errno::EINVAL => Self::Invalid,
            _ => Self::System,
        }
    }
}

/// An error of the core.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What kind of failure it is.
    pub kind: ErrorKind,
    /// The operation that failed, such as `bind` or `send_to`.
    pub op: &'static str,
    /// The address or name the operation was about; empty if there is none.
    pub peer: String,
    /// What went wrong, in words.
    pub message: String,
    /// What to do next; empty if there is nothing to say.
    pub hint: String,
    /// The system's error number (errno), if the system reported one.
    pub code: Option<i32>,
}

/// The result of an operation of the core.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error that the core itself found.
    pub fn new(kind: ErrorKind, op: &'static str, message: impl Into<String>) -> Self {
        Self { kind, op, peer: String::new(), message: message.into(), hint: String::new(), code: None }
    }

    /// A wrong argument.
    pub fn invalid(op: &'static str, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, op, message)
    }

    /// An error that the system reported for `op`.
    pub fn system(op: &'static str, err: &io::Error) -> Self {
        // A host that is not this machine may have more to say than the system.
        if let Some(own) = of_host(err).filter(|own| !own.op.is_empty()) {
            return own.clone();
        }
        let code = err.raw_os_error().or_else(|| of_host(err)?.code);
        let kind = code.map_or(ErrorKind::System, ErrorKind::of_errno);
        let hint = match code {
            Some(errno::EMFILE) => "too many files and sockets are open; raise `ulimit -n`, as in: ulimit -n 4096",
            Some(errno::ENFILE) => "the system has too many files and sockets open; raise `sysctl fs.file-max`",
            _ => "",
        };
        Self { code, ..Self::new(kind, op, in_words(err)) }.with_hint(hint)
    }

    /// Whether what is wrong is `value`, which somebody gave: the message quotes it or a part of it, or it names
    /// the address, the file or the policy that the error is about.
    pub fn is_about(&self, value: &str) -> bool {
        let kind = matches!(self.kind, ErrorKind::Invalid | ErrorKind::File | ErrorKind::NotLocal);
        let (peer, stem) = (self.peer.as_str(), |name: &str| {
            let name = name.rsplit('/').next().unwrap_or(name);
            name.strip_suffix(".rhai").unwrap_or(name).to_string()
        });
        let named =
            peer == value.trim_start_matches('@') || peer.strip_prefix(value).is_some_and(|rest| rest.starts_with(':'));
        let policy = matches!(self.op, "options" | "policy")
            && !peer.is_empty()
            && stem(peer) == stem(value.split([':', '=']).next().unwrap_or(value));
        // Hexadecimal digits may be typed in groups.
        let joined = value.replace(' ', "").to_lowercase();
        let mut quoted = [value, &joined].into_iter().chain(value.split([',', '=']).map(str::trim));
        kind && !value.is_empty() && (named || policy || quoted.any(|text| self.message.contains(&format!("{text:?}"))))
    }

    /// The same error, about `peer`.
    pub fn with_peer(self, peer: impl ToString) -> Self {
        Self { peer: peer.to_string(), ..self }
    }

    /// The same error, with advice.
    pub fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: hint.into(), ..self }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.op)?;
        if !self.peer.is_empty() {
            write!(f, " {}", self.peer)?;
        }
        write!(f, ": {}", self.message)
    }
}

impl std::error::Error for Error {}

/// The system's message without Rust's "(os error N)", in lower case as part of a sentence.
pub fn in_words(err: &io::Error) -> String {
    let text = of_host(err).map_or_else(|| err.to_string(), |error| error.message.clone());
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut chars = text.chars();
    match (chars.next(), chars.as_str()) {
        (Some(first), rest) if !rest.starts_with(|c: char| c.is_ascii_uppercase()) => {
            first.to_lowercase().chain(rest.chars()).collect()
        }
        _ => text.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_errors_read_as_a_sentence() {
        let err = Error::system("bind", &io::Error::from_raw_os_error(errno::EADDRINUSE)).with_peer("127.0.0.1:7");
        assert_eq!(err.to_string(), "bind 127.0.0.1:7: address already in use");
        assert_eq!(err.kind, ErrorKind::InUse);
        assert_eq!(err.code, Some(errno::EADDRINUSE));
        let err = Error::system("open", &io::Error::from_raw_os_error(errno::EMFILE));
        assert!(err.kind == ErrorKind::Exhausted && err.hint.contains("raise `ulimit -n`"), "{err:?}");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn errors_have_the_words_and_kinds_of_linux_on_all_systems() {
        for &(number, kind, words) in LINUX {
            let err = io::Error::from_raw_os_error(number);
            assert_eq!(in_words(&err), words, "{number}");
            assert!(kind == io::ErrorKind::Other || kind == err.kind(), "{words}: {:?}", err.kind());
            let elsewhere = Error { code: Some(number), ..Error::new(ErrorKind::System, "", words) };
            let elsewhere = io::Error::other(elsewhere);
            assert_eq!(in_words(&elsewhere), words);
            let [here, there] = [&err, &elsewhere].map(|err| Error::system("bind", err));
            assert_eq!((there.to_string(), there.kind, there.hint), (here.to_string(), here.kind, here.hint));
        }
    }
}
