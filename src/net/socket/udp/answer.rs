//! Answering from a socket, as its policy has decided about the request.

use std::net::SocketAddr;
use std::sync::Arc;

use super::{UdpSocket, check_size};
use crate::net::error::{ErrorKind, Result};
use crate::net::observe::event::Event;
use crate::net::policy::Action;
use crate::net::policy::datagram::{Datagram, Destination};
use crate::net::policy::decisions::{Decision, PacketId};
use crate::net::policy::input::{Site, possible};
use crate::net::policy::judged::Decided;
use crate::net::wire::content::Content;

impl UdpSocket {
    /// Answers `request` with `answer`, as far as the verdict about the request allows; the verdict, `None` without a
    /// policy.
    ///
    /// # Errors
    /// `closed`. An answer that cannot be sent is counted, and no error: a server goes on.
    pub fn answer(&self, request: &Datagram, answer: &[u8]) -> Result<Option<Arc<Decided>>> {
        if self.is_chatty(request) {
            return Ok(request.judged.clone());
        }
        self.serves();
        self.0.decisions.about(request.from, &request.data, None);
        let judged = request.judged.as_ref().filter(|judged| judged.verdict.action != Action::Pass);
        let plain = judged.is_none().then_some(answer);
        self.0.loss_report().replied(self.0.asked_by(request.from), || Content::of(&request.data), plain);
        if let Some(judged) = judged {
            self.carry_out(&Decision::of(request), judged, request.from, answer)?;
        } else {
            self.deliver(answer, request.back())?;
            self.gave_answer(request);
        }
        Ok(request.judged.clone())
    }

    /// Remembers a datagram that is handed to a script, which may answer it by sending to its sender.
    pub fn handed_out(&self, datagram: &Datagram) -> Option<PacketId> {
        let pings = self.0.loss_report().pings();
        if pings {
            self.leaves_unanswered(datagram);
        }
        (datagram.judged.is_some() || pings).then(|| self.0.decisions.enter(datagram))
    }

    /// Notes that a script has received a datagram, and as yet sent no reply.
    pub fn leaves_unanswered(&self, datagram: &Datagram) {
        if self.0.loss_report().pings() {
            let (now, content) = (self.0.host.now(), Content::of(&datagram.data));
            self.0.loss_report().handed_out(now, self.0.asked_by(datagram.from), content, &self.site());
        }
    }

    /// Sends a datagram of a script's own. What goes to a peer that has sent us something answers that, and meets the verdict
    /// about it. `asked`: the packet that the script has the address from.
    ///
    /// # Errors
    /// As [`UdpSocket::send_to`].
    pub fn send_as_decided(&self, data: &[u8], to: SocketAddr, asked: Option<PacketId>) -> Result<()> {
        let Some(decision) = self.0.decisions.about(to, data, asked) else { return self.send_to(data, to) };
        let (ends, mut back) = (self.0.asked_by(to), Destination::from(to));
        match decision.judged {
            Some(_) => {
                back.source = decision.source;
                self.serves();
            }
            None => self.answers(),
        }
        let judged = decision.judged.as_ref().filter(|judged| judged.verdict.action != Action::Pass);
        self.0.loss_report().replied(ends, || decision.content, judged.is_none().then_some(data));
        if let Some(judged) = judged {
            self.same_version("send_to", to)?;
            check_size(data.len())?;
            return self.carry_out(&decision, judged, to, data);
        }
        self.send_to(data, back)?;
        self.0.loss_report().gave_answer(ends, || decision.content);
        Ok(())
    }

    /// Does with an answer what a policy that does not simply let it pass has decided.
    fn carry_out(&self, decision: &Decision, judged: &Decided, peer: SocketAddr, answer: &[u8]) -> Result<()> {
        let Decision { content, source, first, .. } = decision;
        let (ends, to) = (self.0.asked_by(peer), Destination { addr: peer, source: *source });
        self.socket("send_to")?;
        if *first {
            // Before it is carried out: the client would be quicker.
            self.0.loss_report().judged(self.0.host.now(), ends, *content, judged, &self.site());
        }
        match &judged.verdict.action {
            Action::Pass => self.deliver(answer, to)?,
            Action::Drop => self.tell_unsent(answer, peer, judged),
            Action::Delay(by) => {
                self.note_answer(answer, peer);
                if !self.send_later(*by, answer.to_vec(), to) {
                    self.0.loss_report().not_kept(ends, *content);
                    self.tell_unsent(answer, peer, judged);
                }
            }
            Action::Duplicate(times) => (0..*times).try_for_each(|_| self.deliver(answer, to))?,
            Action::Replace(bytes) => self.deliver(bytes, to)?,
            Action::Corrupt => self.deliver(&judged.damaged(answer), to)?,
            Action::Reject(_) => possible(&judged.verdict.action)?,
        }
        Ok(())
    }

    /// Tells that an answer is not sent, as a policy has decided.
    fn tell_unsent(&self, data: &[u8], to: SocketAddr, judged: &Decided) {
        self.0.session.events.tell(|| Event::Unsent { flow: self.0.flow(self.0.local, to), data, judged });
    }

    /// Notes that `request` was answered just now.
    pub(in crate::net) fn gave_answer(&self, request: &Datagram) {
        self.0.loss_report().gave_answer(self.0.asked_by(request.from), || Content::of(&request.data));
    }

    /// Where its policy is at work.
    pub fn site(&self) -> Site {
        self.0.site()
    }

    /// Sends an answer. One that cannot be sent is counted, and no error: no client may end a server, neither one that is
    /// gone or says that it comes from port 0, nor one whose text takes more room in capitals than a datagram has.
    pub(in crate::net) fn deliver(&self, answer: &[u8], to: impl Into<Destination>) -> Result<()> {
        let to = to.into();
        self.note_answer(answer, to.addr);
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
