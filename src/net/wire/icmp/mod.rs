//! ICMP (RFC 792) and ICMPv6 (RFC 4443): kinds of message with their names, and the messages themselves.
//!
//! A [`Kind`] is a family, a type and a code; the tables give it a name, a keyword, a role and its source.
//! A [`Message`] is the bytes of one message, read and written; [`Extensions`] may follow what it quotes; an extended echo
//! asks about a [`AskedInterface`]. All keep numbers no table knows.

mod error;
mod explain;
mod extended;
mod extension;
mod kind;
mod message;
mod types;

pub use error::IcmpError;
pub use explain::{Identified, explain, identify};
pub use extended::{AskedInterface, ExtendedEcho, Probed};
pub use extension::{Extensions, Interface, MplsLabel, Object, ObjectContent, split_quote};
pub use kind::{Kind, Role};
pub use message::{Echo, Message};
pub use types::{v4, v6};
