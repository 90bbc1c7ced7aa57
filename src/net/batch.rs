//! Serving in batches: where many requests wait, several are received with one call and answered with another.
//!
//! For servers whose answers need no script and so take no time: a batch's first answer waits for its last.

use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::Arc;

use super::account::Ends;
use super::datagram::Datagram;
use super::error::Result;
use super::policy::Action;
use super::stop::Stop;
use super::sys::{self, Batch, Wait};
use super::udp::{Incoming, MAX_PAYLOAD, UdpSocket};
use super::wire::content::Content;

/// How a server answers without a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// With what was asked.
    Echo,
    /// With the same text in capitals; of what is no text, the ASCII letters.
    Upper,
}

/// After so many requests that came alone, one looks for more again.
const LOOK_AGAIN: u32 = 8;

impl Answer {
    fn to(self, request: &[u8]) -> Vec<u8> {
        match (self, std::str::from_utf8(request)) {
            (Self::Echo, _) => request.to_vec(),
            (Self::Upper, Ok(text)) if text.is_ascii() => request.to_ascii_uppercase(),
            // Some letters take more room in capitals, and all together perhaps more than there is.
            (Self::Upper, Ok(text)) => match text.to_uppercase().into_bytes() {
                capitals if capitals.len() <= MAX_PAYLOAD => capitals,
                _ => request.to_ascii_uppercase(),
            },
            (Self::Upper, Err(_)) => request.to_ascii_uppercase(),
        }
    }
}

impl UdpSocket {
    /// Answers each datagram that arrives, as far as the policy lets it, until the stop or until the socket is closed.
    ///
    /// # Errors
    /// As [`UdpSocket::receive`] and [`UdpSocket::answer`].
    pub fn serve(&self, answer: Answer, stop: &Stop) -> Result<()> {
        self.begin_to_serve();
        let mut batch = None;
        let mut answers: Vec<(Vec<u8>, SocketAddr)> = Vec::new();
        // Looking for more where there never is more would cost a call for each packet.
        let mut alone = 0u32;
        // Of many received at once it is not known to which addresses they were sent.
        let batches = !self.local().ip().is_unspecified();
        loop {
            // One that has to be waited for, and whatever else came meanwhile.
            let Incoming::Packet(first) = self.receive(None, stop, false)? else { return Ok(()) };
            self.take_answer(answer, &first, &mut answers)?;
            while let Some(datagram) = self.receive_ahead() {
                self.take_answer(answer, &datagram, &mut answers)?;
            }
            // A thread that receives alone receives ahead.
            if batches
                && self.is_shared()
                && alone.is_multiple_of(LOOK_AGAIN)
                && !self.session().events.wanted()
                && let Ok(socket) = self.socket("recv")
            {
                let batch = batch.get_or_insert_with(Batch::default);
                self.take_many(&socket, batch, |datagram| self.take_answer(answer, &datagram, &mut answers))?;
            }
            alone = if answers.len() > 1 { 0 } else { alone.wrapping_add(1) };
            if answers.is_empty() {
                continue;
            }
            if let [(data, to)] = answers.as_slice() {
                self.deliver(data, *to)?;
            } else {
                self.deliver_all(&answers)?;
            }
            self.gave_answers(&answers);
            answers.clear();
        }
    }

    /// The answer to `request`, if it is simply to be sent; any other fate is carried out at once.
    fn take_answer(&self, answer: Answer, request: &Datagram, answers: &mut Vec<(Vec<u8>, SocketAddr)>) -> Result<()> {
        let data = answer.to(&request.data);
        let passes = request.judged.as_ref().is_none_or(|judged| judged.verdict.action == Action::Pass);
        if passes {
            if request.to.is_some() {
                self.serves();
                self.deliver(&data, request.back())?;
                self.gave_answer(request);
                return Ok(());
            }
            answers.push((data, request.from));
            self.serves();
            return Ok(());
        }
        self.answer(request, &data).map(|_| ())
    }

    /// Notes that these were answered just now. The answers say the same as the requests, in capitals or not.
    fn gave_answers(&self, answers: &[(Vec<u8>, SocketAddr)]) {
        for (data, from) in answers {
            self.account().gave_answer(Ends::seen_by(self.host().id(), *from, self.local()), || Content::of(data));
        }
    }

    /// Receives what is there, up to a batch, and has the policy decide about each.
    fn take_many(
        &self,
        socket: &socket2::Socket,
        batch: &mut Batch,
        mut take: impl FnMut(Datagram) -> Result<()>,
    ) -> Result<()> {
        let _in_turns = self.in_turns();
        let mut judge = self.judge();
        // Under the policy's lock, so that the packets of a flow are judged in the order of their arrival.
        let mut flows = judge.as_ref().map(|judge| judge.turn());
        // Whatever is wrong shows again at the next single receive.
        let count = sys::receive_many(socket.as_fd(), batch, Wait::No).unwrap_or(0);
        if !self.has_judge(judge.as_ref()) {
            // Some may have come after another policy was set: that one decides.
            drop(flows);
            judge = self.judge();
            flows = judge.as_ref().map(|judge| judge.turn());
        }
        let mut received = Vec::with_capacity(count);
        for (data, from) in (0..count).filter_map(|index| batch.get(index)) {
            let mut datagram = Datagram::new(data, from);
            if self.ignores(&datagram) {
                continue;
            }
            if let (Some(judge), Some(flows)) = (&judge, &mut flows) {
                datagram.judged = Some(Arc::new(self.judge_one(judge, flows, &datagram)));
            }
            received.push(datagram);
        }
        drop(flows);
        received.into_iter().try_for_each(&mut take)
    }

    /// Sends several answers with one call; those that it leaves over, one by one.
    fn deliver_all(&self, answers: &[(Vec<u8>, SocketAddr)]) -> Result<()> {
        let socket = self.socket("send")?;
        answers.iter().for_each(|(data, to)| self.note_answer(data, *to));
        let mut rest = answers;
        while !rest.is_empty() {
            let sent = sys::send_many(socket.as_fd(), rest).unwrap_or(0);
            rest = &rest[sent..];
            if let [(data, to), others @ ..] = rest {
                // It failed, perhaps only because an earlier ICMP error took the call's place.
                self.deliver(data, *to)?;
                rest = others;
            }
        }
        Ok(())
    }
}
