//! What a listener gives the connections it takes in: its policy, and a place in its counts; and how they answer.

use std::cell::Cell;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use socket2::Socket;

use super::framing::Want;
use super::read::Incoming;
use super::write::Sent;
use super::{Connection, lock};
use crate::net::error::{ErrorKind, Result};
use crate::net::host::Host;
use crate::net::host::stop::Stop;
use crate::net::observe::event::Event;
use crate::net::observe::loss_report::Ends;
use crate::net::policy::attached::AttachedPolicy;
use crate::net::policy::datagram::Datagram;
use crate::net::policy::decisions::Decision;
use crate::net::policy::input::{PacketView, PolicyInput, Site, possible};
use crate::net::policy::judged::Decided;
use crate::net::policy::{Action, Flows};
use crate::net::socket::delay_queue::Outlet;
use crate::net::time::Instant;
use crate::net::wire::content::Content;

/// What all connections of a listener share. Clones are the same.
#[derive(Clone, Debug)]
pub(super) struct Service(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Where the listener listens.
    local: SocketAddr,
    judge: Mutex<Option<Arc<AttachedPolicy>>>,
    /// Whether there is a policy: most have none, and should not take turns to see that.
    judges: AtomicBool,
    /// Whether the account knows that they answer.
    serving: AtomicBool,
    accepted: AtomicU64,
    open: AtomicU64,
    /// Those that were ended for want of room or of a thread.
    refused: AtomicU64,
}

/// Whether any stream of this process ever had a policy.
static JUDGES: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// Whether a policy is deciding on this thread.
    static JUDGING: Cell<bool> = const { Cell::new(false) };
}

/// Whether a policy of a stream is deciding on this thread: it holds what a receive would wait for.
pub(super) fn is_judging() -> bool {
    JUDGING.get()
}

impl Service {
    /// Of a listener bound to `local`.
    pub(super) fn new(local: SocketAddr) -> Self {
        Self(Arc::new(Inner {
            local,
            judge: Mutex::default(),
            judges: AtomicBool::new(false),
            serving: AtomicBool::new(false),
            accepted: AtomicU64::new(0),
            open: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }))
    }

    /// For one connection more.
    pub(super) fn one_more(&self) -> Self {
        self.0.accepted.fetch_add(1, Ordering::Relaxed);
        self.0.open.fetch_add(1, Ordering::Relaxed);
        self.clone()
    }

    /// A connection was closed.
    pub(super) fn left(&self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }

    /// A connection is ended for want of room or of a thread.
    pub(super) fn refuse(&self) {
        self.0.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn refused(&self) -> u64 {
        self.0.refused.load(Ordering::Relaxed)
    }

    pub(super) fn accepted(&self) -> u64 {
        self.0.accepted.load(Ordering::Relaxed)
    }

    pub(super) fn open(&self) -> u64 {
        self.0.open.load(Ordering::Relaxed)
    }

    pub(super) fn set_judge(&self, judge: Arc<AttachedPolicy>) {
        *lock(&self.0.judge) = Some(judge);
        self.0.judges.store(true, Ordering::Release);
        JUDGES.store(true, Ordering::Release);
    }

    pub(super) fn remove_judge(&self) {
        self.0.judges.store(false, Ordering::Release);
        drop(lock(&self.0.judge).take());
    }

    fn judge(&self) -> Option<Arc<AttachedPolicy>> {
        if self.0.judges.load(Ordering::Acquire) { lock(&self.0.judge).clone() } else { None }
    }
}

impl Outlet for Connection {
    fn host(&self) -> &Arc<dyn Host> {
        &self.0.host
    }

    fn send(&self, data: &[u8]) {
        let _ = self.send_or_queue(data);
    }
}

impl Connection {
    /// Takes what is wanted without waiting, and has the policy decide about it if it is a message.
    pub(super) fn take_judged(&self, socket: &Socket, want: Want) -> Option<Incoming> {
        let judge = self.judge();
        let flows = judge.as_ref().map(|judge| judge.turn());
        let mut incoming = self.take(socket, want)?;
        let Incoming::Message(message) = &mut incoming else { return Some(incoming) };
        let now = self.judge();
        match (&now, flows) {
            (Some(now), Some(flows)) if judge.as_ref().is_some_and(|judge| Arc::ptr_eq(now, judge)) => {
                self.have_judged(message, now, flows);
            }
            // It may have come after another policy was set: that one decides.
            (Some(now), flows) => {
                drop(flows);
                self.have_judged(message, now, now.turn());
            }
            (None, _) => {}
        }
        Some(incoming)
    }

    /// Has the policy, whose lock is `flows`, decide about a message.
    fn have_judged(&self, message: &mut Datagram, judge: &AttachedPolicy, mut flows: MutexGuard<'_, Flows>) {
        let outer = JUDGING.replace(true);
        let judged = judge.judge(
            &mut flows,
            &PolicyInput::Request(PacketView { local: self.local(), datagram: message, receiver: self }),
        );
        JUDGING.set(outer);
        drop(flows);
        let (data, site) = (&message.data, &self.site());
        self.0.session.events.tell(|| Event::Decided { flow: self.inward(), data, judged: &judged, site });
        message.judged = Some(Arc::new(judged));
    }

    /// Answers `request` with `answer`, as far as the verdict about the request allows; the verdict, `None` without a policy.
    /// A client that has gone is counted, and no error: a server goes on.
    ///
    /// # Errors
    /// `closed`: it was closed here; `invalid`: the answer cannot be told apart in this framing.
    pub fn answer(&self, request: &Datagram, answer: &[u8], stop: &Stop) -> Result<Option<Arc<Decided>>> {
        self.serves();
        self.0.decisions.about(self.peer(), &request.data, None);
        let judged = request.judged.as_ref().filter(|judged| judged.verdict.action != Action::Pass);
        let plain = judged.is_none().then_some(answer);
        self.0.session.loss_report.replied(self.ends(), || Content::of(&request.data), plain);
        match judged {
            Some(judged) => self.carry_out(&Decision::of(request), judged, answer, stop)?,
            None => self.deliver(answer, stop)?,
        }
        Ok(request.judged.clone())
    }

    /// Remembers a message that is handed to a script, which may answer it by sending.
    pub fn handed_out(&self, message: &Datagram) {
        let account = &self.0.session.loss_report;
        if message.judged.is_some() || account.pings() {
            self.0.decisions.enter(message);
        }
        if account.pings() {
            account.handed_out(self.0.host.now(), self.ends(), Content::of(&message.data), &self.site());
        }
    }

    /// Sends what a script sends by itself. It answers what has come, and meets the verdict about that.
    ///
    /// # Errors
    /// As [`Connection::send`].
    pub fn send_as_decided(&self, data: &[u8], until: Option<Instant>, stop: &Stop) -> Result<Sent> {
        let Some(decision) = self.0.decisions.about(self.peer(), data, None) else {
            return self.send(data, until, stop);
        };
        if decision.judged.is_some() {
            self.serves();
        }
        let judged = decision.judged.as_ref().filter(|judged| judged.verdict.action != Action::Pass);
        self.0.session.loss_report.replied(self.ends(), || decision.content, judged.is_none().then_some(data));
        match judged {
            Some(judged) => self.carry_out(&decision, judged, data, stop).map(|()| Sent::All),
            None => self.send(data, until, stop),
        }
    }

    /// The ends of what its peer asks and of what it is answered.
    fn ends(&self) -> Ends {
        Ends::seen_by(self.0.host.id(), self.peer(), self.local())
    }

    /// Does with an answer what a policy that does not simply let it pass has decided.
    fn carry_out(&self, decision: &Decision, judged: &Decided, answer: &[u8], stop: &Stop) -> Result<()> {
        let Decision { content, first, .. } = decision;
        if *first {
            // Before it is carried out: the client would be quicker.
            self.0.session.loss_report.judged(self.0.host.now(), self.ends(), *content, judged, &self.site());
        }
        match &judged.verdict.action {
            Action::Pass => self.deliver(answer, stop)?,
            Action::Drop => self.tell_unsent(answer, judged),
            Action::Delay(by) => {
                let session = &self.0.session;
                if !session.delay_queue.send(&session.stop, *by, Box::new(self.clone()), answer.to_vec()) {
                    session.loss_report.not_kept(self.ends(), *content);
                    self.tell_unsent(answer, judged);
                }
            }
            Action::Duplicate(times) => (0..*times).try_for_each(|_| self.deliver(answer, stop))?,
            Action::Replace(bytes) => self.deliver(bytes, stop)?,
            Action::Corrupt => self.deliver(&judged.damaged(answer), stop)?,
            Action::Reject(_) => possible(&judged.verdict.action)?,
        }
        Ok(())
    }

    /// Tells that an answer is not sent, as a policy has decided.
    fn tell_unsent(&self, data: &[u8], judged: &Decided) {
        self.0.session.events.tell(|| Event::Unsent { flow: self.outward(), data, judged });
    }

    /// Breaks it off before it is served: no thread is left for it.
    pub fn refuse(&self) {
        if let Some(service) = &*lock(&self.0.service) {
            service.refuse();
        }
        self.reset();
    }

    /// Whether a listener of this process has taken it in.
    pub fn was_taken_in(&self) -> bool {
        self.0.taken_in
    }

    /// The policy of its listener.
    fn judge(&self) -> Option<Arc<AttachedPolicy>> {
        // Most servers have none.
        if !JUDGES.load(Ordering::Acquire) {
            return None;
        }
        lock(&self.0.service).as_ref().and_then(Service::judge)
    }

    /// Where its policy is at work.
    fn site(&self) -> Site {
        Site::Server(self.0.host.id(), lock(&self.0.service).as_ref().map_or(self.local(), |service| service.0.local))
    }

    /// Whether a policy decides about what comes: under its lock nobody waits.
    pub(super) fn is_judged(&self) -> bool {
        JUDGES.load(Ordering::Acquire)
            && lock(&self.0.service).as_ref().is_some_and(|service| service.0.judges.load(Ordering::Acquire))
    }

    /// Makes known that its listener's connections answer.
    fn serves(&self) {
        if self.0.serving.load(Ordering::Acquire) {
            return;
        }
        if let Some(service) = &*lock(&self.0.service)
            && !service.0.serving.swap(true, Ordering::Relaxed)
        {
            self.0.session.loss_report.serves_streams(self.0.host.id(), service.0.local);
        }
        self.0.serving.store(true, Ordering::Release);
    }

    /// Sends an answer; one that cannot be sent is counted.
    fn deliver(&self, answer: &[u8], stop: &Stop) -> Result<()> {
        let sent = if self.0.watched.load(Ordering::Acquire) {
            self.send_or_queue(answer).map(|_| ())
        } else {
            self.send(answer, None, stop).map(|_| ())
        };
        match sent {
            Err(err) if err.kind == ErrorKind::Invalid || self.is_closed() => Err(err),
            Err(_) => {
                self.0.unsent.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }
}
