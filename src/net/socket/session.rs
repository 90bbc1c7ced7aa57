//! What all sockets of a run share: the loss report, the events, what is to be sent after a delay, and what ends it all.

use std::fmt::Debug;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use super::delay_queue::DelayQueue;
use crate::net::error::Error;
use crate::net::host::environment::environment;
use crate::net::host::id::HostId;
use crate::net::host::room;
use crate::net::host::stop::Stop;
use crate::net::observe::event::Events;
use crate::net::observe::loss_report::LossReport;
use crate::net::observe::record::{About, Begun};

/// What all sockets of a run share.
#[derive(Debug)]
pub struct Session {
    /// Losses and verdicts.
    pub loss_report: LossReport,
    /// Every happening.
    pub events: Events,
    /// Datagrams that wait for their time.
    pub delay_queue: Arc<DelayQueue>,
    /// Connections that were ended for want of something.
    pub refused: Refused,
    /// Whether a random number decided about a segment of TCP on a link.
    pub drew_for_segments: AtomicBool,
    /// Whether what becomes of each frame is kept for the script.
    pub keeps_fates: AtomicBool,
    /// What ends the run.
    pub stop: Stop,
    /// The first row of the run, where one is known.
    about: OnceLock<(About, Begun)>,
    /// What has something to report at the end of the run.
    at_end: Mutex<Vec<Weak<dyn AtEnd>>>,
    /// Every socket.
    sockets: Mutex<Vec<Weak<dyn Settle>>>,
}

/// Connections that were ended because something was used up, so that others could be served.
#[derive(Debug, Default)]
pub struct Refused {
    no_room: AtomicU64,
    no_thread: AtomicU64,
}

impl Refused {
    /// One at `local` is ended: all connections hold too much of unfinished messages, and this one most. The first is reported.
    pub(in crate::net) fn no_room(&self, local: SocketAddr) {
        if self.no_room.fetch_add(1, Ordering::Relaxed) == 0 {
            environment().note(&format!(
                "{local}: clients fill {} MiB with unfinished messages; those that have sent most are disconnected",
                room::STREAMS.most() >> 20
            ));
        }
    }

    /// One at `local` is ended: no thread is left for it. The first is reported, with what is used up.
    pub fn no_thread(&self, local: SocketAddr, why: &Error) {
        if self.no_thread.fetch_add(1, Ordering::Relaxed) == 0 {
            let note = format!("{local}: {}; further clients are disconnected until others have left", why.message);
            environment().note(&format!("{note}\n  hint: {}", why.hint));
        }
    }

    /// How many there were since this was last asked, a line for each cause.
    pub fn lines(&self) -> Vec<String> {
        let line = |count: &AtomicU64, why: &str| match count.swap(0, Ordering::Relaxed) {
            0 => None,
            1 => Some(format!("1 client was disconnected: {why}")),
            count => Some(format!("{count} clients were disconnected: {why}")),
        };
        let room =
            format!("the unfinished messages of all clients found no room in {} MiB", room::STREAMS.most() >> 20);
        [line(&self.no_room, &room), line(&self.no_thread, "no thread was left to serve them")]
            .into_iter()
            .flatten()
            .collect()
    }
}

/// A socket that holds counts of its own.
pub(in crate::net) trait Settle: Debug + Send + Sync {
    /// Brings the loss report and the events up to date at the end of a run.
    fn settle_up(&self);

    /// The host that it lives in.
    fn host(&self) -> HostId;

    /// Closes it, so that a thread that waits on it goes on.
    fn close(self: Arc<Self>);

    /// Notes that `addr` in `host` was asked for a reply and sent none in time: if it is the address of this socket, it is one that
    /// should have replied.
    fn was_asked(self: Arc<Self>, _host: HostId, _addr: SocketAddr) {}
}

/// What has something to report at the end of a run.
pub trait AtEnd: Debug + Send + Sync {
    /// Reports it.
    fn at_end(&self);
}

impl Session {
    /// A session that `stop` ends.
    pub fn new(stop: Stop) -> Self {
        Self {
            loss_report: LossReport::default(),
            events: Events::default(),
            delay_queue: Arc::default(),
            refused: Refused::default(),
            drew_for_segments: AtomicBool::new(false),
            keeps_fates: AtomicBool::new(false),
            stop,
            about: OnceLock::new(),
            at_end: Mutex::default(),
            sockets: Mutex::default(),
        }
    }

    /// Brings the loss report and the events up to date with every socket that is open, and reports the end of the run, at
    /// `time` in nanoseconds since 1970. Pending probes have no better end from here on.
    pub fn end(&self, time: i64) {
        let sockets = std::mem::take(&mut *self.sockets.lock().unwrap_or_else(PoisonError::into_inner));
        sockets.iter().filter_map(Weak::upgrade).for_each(|socket| socket.settle_up());
        let reporting = std::mem::take(&mut *self.at_end.lock().unwrap_or_else(PoisonError::into_inner));
        reporting.iter().filter_map(Weak::upgrade).for_each(|one| one.at_end());
        self.events.end(time, &self.loss_report);
    }

    /// Has something report at the end of the run.
    pub fn ends_with(&self, reporting: Weak<dyn AtEnd>) {
        self.at_end.lock().unwrap_or_else(PoisonError::into_inner).push(reporting);
    }

    /// Says what is run, and when it began, for recordings of rows.
    pub fn is_about(&self, about: About, begun: Begun) {
        let _ = self.about.set((about, begun));
    }

    /// The first row of the run as a line of JSON; nothing where it is not known what is run.
    pub fn first_row(&self) -> Vec<u8> {
        self.about.get().map_or_else(Vec::new, |(about, begun)| about.first_line(begun))
    }

    /// Closes the sockets that live in these hosts, which have ended.
    pub fn close_in(&self, hosts: &[HostId]) {
        let sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let open = sockets.iter().filter_map(Weak::upgrade);
        open.filter(|socket| hosts.contains(&socket.host())).for_each(Settle::close);
    }

    /// Has a socket bound to `addr` in `host` known as a server, also if it has received nothing yet.
    pub(in crate::net) fn was_asked(&self, host: HostId, addr: SocketAddr) {
        let sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner).clone();
        sockets.iter().filter_map(Weak::upgrade).for_each(|socket| socket.was_asked(host, addr));
    }

    /// Notes that a socket was opened.
    pub(in crate::net) fn opened(&self, socket: Weak<dyn Settle>) {
        let mut sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that are gone are taken out now and then, so that the list stays as long as what is open.
        if sockets.len() == sockets.capacity() {
            sockets.retain(|socket| socket.strong_count() > 0);
        }
        sockets.push(socket);
    }
}
