//! The live view: takes the ends of pings and the samples of a run from its events, and draws them below its lines.
//!
//! An event costs the thread that makes it a place in a list of fixed room; a thread of its own empties the list ten times a
//! second, and draws.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::net::host::threads;
use crate::net::observe::event::{Event, SampleValue, Sink};
use crate::net::observe::loss_report::LossReport;
use crate::net::probe::outcome::End;
use crate::net::socket::session::Session;
use crate::net::sys;
use crate::net::wire::zoned::ZonedIp;
use crate::pictures::live::{LiveFrame, LivePing, LiveView, MOST};
use crate::terminal::{colour, output};

/// How often it is drawn at most.
const REDRAW_INTERVAL: Duration = Duration::from_millis(200);

/// Ends of pings and samples between two pictures; what comes beyond is counted alone.
const ROOM: usize = 1 << 16;

/// How much longer it is until losses are explained again than that took: others wait meanwhile.
const EXPLAIN_PAUSE: u32 = 200;

/// What an event leaves for the next picture.
#[derive(Clone, Copy, Debug)]
enum LiveEntry {
    Ping(LivePing),
    Sample(usize, Option<f64>),
}

/// What happened since the last picture.
#[derive(Debug, Default)]
struct LiveList {
    entries: Vec<LiveEntry>,
    skipped: u64,
    /// Targets by their numbers: the host that pings, and where to.
    targets: Vec<(Option<String>, SocketAddr, Option<String>)>,
    /// Samples by their numbers.
    samples: Vec<(Option<String>, String)>,
}

/// Receives events for the view.
#[derive(Clone, Debug, Default)]
pub struct LiveSink(Arc<Mutex<LiveList>>);

/// Draws the view until it is dropped.
#[derive(Debug)]
pub struct Live {
    done: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Sink for LiveSink {
    fn take(&self, event: &Event<'_>) {
        match *event {
            Event::Outcome { flow, sent, outcome, .. } if outcome.ttl.is_none() => {
                let (rtt, is_lesser) = match outcome.end {
                    End::Reply { rtt, lesser, .. } => (Some(rtt), lesser),
                    End::Icmp { .. } | End::TimedOut { .. } | End::Unsent(_) | End::Broken(_) => (None, false),
                    End::Sent { .. } | End::Stray { .. } | End::Interrupted { .. } => return,
                };
                let mut list = self.lock();
                if let Some(target) = list.target(flow.host, flow.to, outcome.nameless()) {
                    list.push(LiveEntry::Ping(LivePing { target, sent, number: outcome.number, rtt, is_lesser }));
                }
            }
            Event::Sample { host, values, .. } => {
                let mut list = self.lock();
                for (name, value) in values {
                    let value = match *value {
                        SampleValue::Int(number) => Some(number as f64),
                        SampleValue::Float(number) => Some(number),
                        SampleValue::None => None,
                    };
                    if let Some(number) = list.sample(host, name) {
                        list.push(LiveEntry::Sample(number, value));
                    }
                }
            }
            _ => {}
        }
    }
}

impl LiveSink {
    fn lock(&self) -> MutexGuard<'_, LiveList> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LiveList {
    fn push(&mut self, entry: LiveEntry) {
        match self.entries.len() < ROOM {
            true => self.entries.push(entry),
            false => self.skipped += 1,
        }
    }

    /// The number of a target; `None`: there are too many.
    fn target(&mut self, host: Option<&str>, to: SocketAddr, name: Option<&str>) -> Option<usize> {
        let is_it = |known: &(Option<String>, SocketAddr, Option<String>)| {
            known.1 == to && known.0.as_deref() == host && known.2.as_deref() == name
        };
        self.targets.iter().position(is_it).or_else(|| {
            let has_room = self.targets.len() < MOST;
            self.skipped += u64::from(!has_room);
            has_room.then(|| {
                self.targets.push((host.map(str::to_string), to, name.map(str::to_string)));
                self.targets.len() - 1
            })
        })
    }

    fn sample(&mut self, host: Option<&str>, name: &str) -> Option<usize> {
        let is_it = |known: &(Option<String>, String)| known.1 == name && known.0.as_deref() == host;
        self.samples.iter().position(is_it).or_else(|| {
            (self.samples.len() < MOST).then(|| {
                self.samples.push((host.map(str::to_string), name.to_string()));
                self.samples.len() - 1
            })
        })
    }
}

impl Live {
    /// Draws what `sink` receives of the run `title`; `None` where there is no terminal, which is noted.
    pub fn watch(title: &str, sink: LiveSink, session: Arc<Session>) -> Option<Self> {
        if !output::begin_view() {
            output::note("--live: there is no terminal to draw on");
            return None;
        }
        let done = Arc::new(AtomicBool::new(false));
        let title = title.rsplit('/').next().unwrap_or(title).to_string();
        let mut drawer = Drawer::new(title, sink, session);
        let ended = done.clone();
        let thread = threads::spawn("live view", move || {
            sys::set_batch_scheduling(true);
            // Also where this thread meets a bug.
            let _end = EndOfView;
            while !ended.load(Ordering::Relaxed) {
                thread::park_timeout(REDRAW_INTERVAL);
                drawer.draw();
            }
        });
        match thread {
            Ok(thread) => Some(Self { done, thread: Some(thread) }),
            Err(_) => {
                output::end_view();
                None
            }
        }
    }
}

struct EndOfView;

impl Drop for EndOfView {
    fn drop(&mut self) {
        output::end_view();
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

/// What the thread that draws keeps.
struct Drawer {
    title: String,
    sink: LiveSink,
    session: Arc<Session>,
    view: LiveView,
    began: Instant,
    /// The list that the next one is exchanged for.
    spare: Vec<LiveEntry>,
    causes: Vec<(String, u64)>,
    /// How many were lost when they were explained, and when they are to be explained again.
    explained: (u64, Instant),
    known: [usize; 2],
    skipped: u64,
    last: Vec<String>,
}

impl Drawer {
    fn new(title: String, sink: LiveSink, session: Arc<Session>) -> Self {
        let began = Instant::now();
        sink.lock().entries.reserve_exact(ROOM);
        Self {
            title,
            sink,
            session,
            view: LiveView::default(),
            began,
            spare: Vec::with_capacity(ROOM),
            causes: Vec::new(),
            explained: (0, began),
            known: [0, 0],
            skipped: 0,
            last: Vec::new(),
        }
    }

    fn draw(&mut self) {
        self.take();
        self.explain();
        let size = output::view_size();
        let frame = LiveFrame {
            title: &self.title,
            seconds: self.began.elapsed().as_secs(),
            causes: &self.causes,
            skipped: self.skipped,
            size,
        };
        let lines = self.view.lines(&frame);
        if lines != self.last || output::view_is_wanted() {
            let coloured: Vec<String> = lines.iter().map(|line| styled(&output::tamed(line))).collect();
            output::show_view(&coloured);
            self.last = lines;
        }
    }

    /// Takes what has happened into the view.
    fn take(&mut self) {
        let mut list = self.sink.lock();
        std::mem::swap(&mut list.entries, &mut self.spare);
        self.skipped = list.skipped;
        for (host, to, name) in &list.targets[self.known[0]..] {
            let place = host.as_ref().map_or(String::new(), |host| format!("{host} > "));
            let to = match (name, to.port()) {
                (Some(name), _) => name.clone(),
                (None, 0) => ZonedIp::from(*to).to_string(),
                (None, _) => to.to_string(),
            };
            self.view.add_target(format!("{place}{to}"));
        }
        for (host, name) in &list.samples[self.known[1]..] {
            let place = host.as_ref().map_or(String::new(), |host| format!("{host}: "));
            self.view.add_sample(format!("{place}{name}"));
        }
        self.known = [list.targets.len(), list.samples.len()];
        drop(list);
        for entry in self.spare.drain(..) {
            match entry {
                LiveEntry::Ping(ping) => self.view.ping(&ping),
                LiveEntry::Sample(number, value) => self.view.sample(number, value),
            }
        }
    }

    /// Asks why pings were lost, seldom: those that ping wait meanwhile.
    fn explain(&mut self) {
        let report: &LossReport = &self.session.loss_report;
        let (lost, now) = (report.reported().lost(), Instant::now());
        if lost == self.explained.0 || now < self.explained.1 {
            return;
        }
        let mut causes: Vec<(String, u64)> = Vec::new();
        for (cause, count) in report.explain().iter().flat_map(|found| found.causes()) {
            match causes.iter_mut().find(|(known, _)| *known == cause) {
                Some((_, sum)) => *sum += count,
                None => causes.push((cause.to_string(), count)),
            }
        }
        causes.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        self.causes = causes;
        self.explained = (lost, now + (now.elapsed() * EXPLAIN_PAUSE).max(REDRAW_INTERVAL * 2));
    }
}

/// A line with the colours of its bars and crosses.
fn styled(line: &str) -> String {
    if !colour::is_wanted(true) {
        return line.to_string();
    }
    let shade = |c: char| match c {
        '▁'..='█' | '·' => 36,
        '×' => 31,
        '─' | '│' | '┤' => 2,
        _ => 0,
    };
    let (mut text, mut now) = (String::with_capacity(line.len() + 16), 0);
    for c in line.chars() {
        let wanted = shade(c);
        if wanted != now {
            text.push_str(&format!("\x1b[0;{wanted}m"));
            now = wanted;
        }
        text.push(c);
    }
    if now != 0 { text + "\x1b[0m" } else { text }
}
