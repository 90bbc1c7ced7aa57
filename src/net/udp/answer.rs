//! Answering from a socket, as its policy has decided about the request.

use std::sync::Arc;

use super::{Datagram, Destination, UdpSocket};
use crate::net::account::Ends;
use crate::net::error::{ErrorKind, Result};
use crate::net::judge::Judged;
use crate::net::ledger::Content;
use crate::net::policy::Action;
use crate::net::subject::{Site, possible};

impl UdpSocket {
    /// Answers `request` with `answer`, as far as the verdict about the request allows; the verdict, `None` without a
    /// policy.
    ///
    /// # Errors
    /// `closed`. An answer that cannot be sent is counted, and no error: a server goes on.
    pub fn answer(&self, request: &Datagram, answer: &[u8]) -> Result<Option<Arc<Judged>>> {
        self.serves();
        let (from, to) = (request.from, request.back());
        let Some(judged) = &request.judged else {
            self.deliver(answer, to)?;
            self.gave_answer(request);
            return Ok(None);
        };
        if judged.verdict.action != Action::Pass {
            // Before it is carried out: the client would be quicker.
            let content = Content::of(&request.data);
            let ends = Ends::seen_by(self.host().id(), from, self.local());
            self.account().judged(self.host().now(), ends, content, judged, &self.site());
        }
        match &judged.verdict.action {
            Action::Pass => {
                self.deliver(answer, to)?;
                self.gave_answer(request);
            }
            Action::Drop => {}
            Action::Delay(by) => {
                if !self.send_later(*by, answer.to_vec(), to) {
                    let ends = Ends::seen_by(self.host().id(), from, self.local());
                    self.account().not_kept(ends, Content::of(&request.data));
                }
            }
            Action::Duplicate(times) => (0..*times).try_for_each(|_| self.deliver(answer, to))?,
            Action::Replace(bytes) => self.deliver(bytes, to)?,
            Action::Corrupt => self.deliver(&judged.damaged(answer), to)?,
            Action::Reject(_) => possible(&judged.verdict.action)?,
        }
        Ok(Some(judged.clone()))
    }

    /// Notes that `request` was answered just now.
    pub(in crate::net) fn gave_answer(&self, request: &Datagram) {
        let ends = Ends::seen_by(self.host().id(), request.from, self.local());
        self.account().gave_answer(ends, &request.data);
    }

    /// Where its policy is at work.
    pub fn site(&self) -> Site {
        Site::Server(self.host().id(), self.local())
    }

    /// Sends an answer. One that cannot be sent is counted, and no error: no client may end a server, neither one that is
    /// gone or says that it comes from port 0, nor one whose text takes more room in capitals than a datagram has.
    pub(in crate::net) fn deliver(&self, answer: &[u8], to: impl Into<Destination>) -> Result<()> {
        match self.send_to(answer, to) {
            Err(err) if err.kind == ErrorKind::Closed => Err(err),
            Err(_) => {
                self.count_unheeded();
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }
}
