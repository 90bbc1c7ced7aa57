//! A policy at work in a server: it decides about each request, and the server's answer meets that fate.

use std::any::Any;
use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::error::Error;
use super::ledger::Content;
use super::policy::{Action, Flows, Native, Place, Verdict};
use super::random::Stream;
use super::udp::{Datagram, UdpSocket};

/// What a policy that is not native reports when it cannot decide.
pub type Failure = Box<dyn Any + Send>;

/// A policy written outside the core.
pub trait Decide: Debug + Send + Sync {
    /// Decides about `request`, which `socket` received. The draws it makes come from `place` and go to `draws`.
    ///
    /// # Errors
    /// The policy failed; the failure is handed through unread.
    fn decide(
        &self,
        socket: &UdpSocket,
        request: &Datagram,
        place: &Place,
        draws: &mut Vec<f64>,
    ) -> Result<Verdict, Failure>;
}

/// A policy attached to a server.
#[derive(Debug)]
pub struct Judge {
    policy: Policy,
    flows: Mutex<Flows>,
    passed: AtomicU64,
    dropped: AtomicU64,
}

#[derive(Debug)]
enum Policy {
    Native(Native),
    Other(Box<dyn Decide>),
}

/// Why an answer was not sent.
#[derive(Debug)]
pub enum Unanswered {
    /// The policy failed.
    Policy(Failure),
    /// The answer could not be sent.
    Send(Error),
}

impl Judge {
    /// A native policy that draws from `stream`.
    pub fn native(policy: Native, stream: Stream) -> Self {
        Self::new(Policy::Native(policy), stream)
    }

    /// Another policy, whose draws come from `stream`.
    pub fn other(policy: Box<dyn Decide>, stream: Stream) -> Self {
        Self::new(Policy::Other(policy), stream)
    }

    fn new(policy: Policy, stream: Stream) -> Self {
        Self { policy, flows: Mutex::new(Flows::new(stream)), passed: AtomicU64::new(0), dropped: AtomicU64::new(0) }
    }

    /// Packets passed and dropped so far.
    pub fn counts(&self) -> (u64, u64) {
        (self.passed.load(Ordering::Relaxed), self.dropped.load(Ordering::Relaxed))
    }

    fn judge(&self, socket: &UdpSocket, request: &Datagram, draws: &mut Vec<f64>) -> Result<Verdict, Failure> {
        let place = self.flows.lock().unwrap_or_else(PoisonError::into_inner).next(request.from, socket.local());
        let verdict = match &self.policy {
            Policy::Native(policy) => policy.judge(&place, draws),
            Policy::Other(policy) => policy.decide(socket, request, &place, draws)?,
        };
        let count = match verdict.action {
            Action::Pass => &self.passed,
            Action::Drop => &self.dropped,
        };
        count.fetch_add(1, Ordering::Relaxed);
        Ok(verdict)
    }
}

impl UdpSocket {
    /// Answers `request` with `answer`, unless the socket's policy drops it; the verdict.
    ///
    /// # Errors
    /// The policy failed, or the answer could not be sent.
    pub fn answer(&self, request: &Datagram, answer: &[u8]) -> Result<Verdict, Unanswered> {
        self.account().serves(self.local());
        let verdict = match self.judge() {
            None => Verdict { action: Action::Pass, origin: String::new() },
            Some(judge) => {
                let mut draws = Vec::new();
                let verdict = judge.judge(self, request, &mut draws).map_err(Unanswered::Policy)?;
                if verdict.action == Action::Drop {
                    let content = Content::of(&request.data);
                    self.account().dropped(request.from, self.local(), content, &verdict.origin, &draws);
                }
                verdict
            }
        };
        if verdict.action == Action::Pass {
            self.send_to(answer, request.from).map_err(Unanswered::Send)?;
        }
        Ok(verdict)
    }
}
