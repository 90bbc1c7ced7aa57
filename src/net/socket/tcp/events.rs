//! The events of connections, for traces and rows.

use std::sync::atomic::Ordering;

use super::connect::{Attempt, Connecting};
use super::{Ended, Inner};
use crate::net::observe::event::{ConnectionEvent, Event, Traffic};

/// A listener has accepted a connection.
pub(super) const ACCEPTED: ConnectionEvent =
    ConnectionEvent { word: "accept", outcome: None, traffic: None, took: None, error: None };

/// How an attempt to connect ended.
pub(super) fn tried(attempt: &Attempt) -> ConnectionEvent {
    let error = match &attempt.end {
        Connecting::Icmp(error) => Some(error.kind.to_string()),
        Connecting::Unreachable(error) => Some(error.message.clone()),
        _ => None,
    };
    let (outcome, took) = (Some(attempt.end.word()), Some(attempt.took));
    ConnectionEvent { word: "connect", outcome, traffic: None, took, error }
}

/// The stream from the peer has ended.
pub(super) fn ended(ended: &Ended, traffic: Traffic) -> ConnectionEvent {
    let error = match ended {
        Ended::Lost(error) => Some(error.message.clone()),
        Ended::CutOff(_) | Ended::NoRoom(_) | Ended::Misframed(_) => Some(ended.to_string()),
        Ended::Closed | Ended::Reset => None,
    };
    ConnectionEvent { outcome: Some(ended.word()), error, ..closed("end", traffic) }
}

/// It was closed or reset here, as `word` says.
pub(super) fn closed(word: &'static str, traffic: Traffic) -> ConnectionEvent {
    ConnectionEvent { word, outcome: None, traffic: Some(traffic), took: Some(traffic.lasted), error: None }
}

impl Inner {
    /// Reports what `make` makes of what the connection has carried so far.
    pub(super) fn report(&self, make: impl FnOnce(Traffic) -> ConnectionEvent) {
        if !self.session.events.wanted() {
            return;
        }
        let traffic = Traffic {
            sent: self.sent.load(Ordering::Relaxed),
            received: self.received.load(Ordering::Relaxed),
            lasted: self.host.now() - self.since,
        };
        let flow = self.flow(self.local, self.peer);
        let what = make(traffic);
        self.session.events.emit(|| Event::Connection { flow, what: &what });
    }
}
