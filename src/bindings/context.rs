//! What a script's natives work on: the host, the stop, the run and the script that the current thread belongs to.
//!
//! A thread that runs script code has entered a [`Context`]; natives ask for it with [`current`].

use std::cell::RefCell;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};

use rhai::{AST, Dynamic, Engine, EvalAltResult, GlobalRuntimeState};

use crate::net::error::Error;
use crate::net::host::Host;
use crate::net::random::{Seed, Sequence};
use crate::net::session::Session;
use crate::net::stop::Stop;
use crate::net::tcp::{Listener, WeakListener};
use crate::net::udp::{UdpSocket, WeakSocket};

/// The result of a native that can fail.
pub type ScriptResult<T> = Result<T, Box<EvalAltResult>>;

/// Where a piece of script runs. Clones share everything.
#[derive(Clone, Debug)]
pub struct Context {
    /// Where its sockets live.
    pub host: Arc<dyn Host>,
    /// What ends its waits.
    pub stop: Stop,
    /// Beneath which it starts threads and scripts: `stop`, but at the prompt what an entry starts outlives the entry.
    pub lasting: Stop,
    /// The run it belongs to.
    pub run: Arc<Run>,
    /// The script it belongs to.
    pub script: Arc<Script>,
    /// Its own draws.
    pub random: Arc<Sequence>,
    /// Whether its thread last waited for a connection that it serves.
    pub serving: Arc<AtomicBool>,
}

impl Context {
    /// Makes known that the script is about to wait, and whether for a connection that it serves. Called for each message, and
    /// by many threads at once: it takes no lock and changes nothing where that is known.
    pub fn waits(&self, serving: bool) {
        if self.serving.load(Ordering::Relaxed) != serving {
            self.serving.store(serving, Ordering::Relaxed);
        }
        self.script.bound.ready();
    }

    /// Makes known that the script has bound a socket to `local`, to those that wait for its address. Of a socket bound to
    /// any address it is one by which others reach the host.
    pub fn announce(&self, local: SocketAddr) {
        let v4 = local.is_ipv4();
        let loopback: IpAddr = if v4 { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
        let own = || match self.host.name() {
            None => loopback,
            Some(name) => self.host.lookup(name).into_iter().find(|ip| ip.is_ipv4() == v4).unwrap_or(loopback),
        };
        let ip = if local.ip().is_unspecified() { own() } else { local.ip() };
        self.script.bound.keep(SocketAddr::new(ip, local.port()));
    }
}

/// What all scripts and threads of a run share.
pub struct Run {
    /// The seed of every draw.
    pub seed: Seed,
    /// What its sockets share.
    pub session: Arc<Session>,
    /// The engine, for natives that run script code.
    pub programs: OnceLock<Arc<dyn Programs>>,
    /// Threads that were started and have not been waited for.
    pub tasks: Mutex<Vec<super::task::Task>>,
    /// Labs that were made and have not ended.
    pub labs: Mutex<Vec<super::lab::Lab>>,
    /// What the script's labs have shown, to be said at its end.
    pub explanation: OnceLock<String>,
    /// How many tasks failed and nobody took notice.
    pub failed: std::sync::atomic::AtomicUsize,
    /// Whether it was told that a thread has changed a copy.
    pub told_of_copies: AtomicBool,
    /// Whether an `expect` failed, on any thread.
    pub unexpected: std::sync::atomic::AtomicBool,
    /// Sockets that a script left open for the one that takes its place, with what they were asked for as.
    pub kept: Mutex<Vec<(String, Server)>>,
}

impl Run {
    /// A run that `root` ends, with this seed.
    pub fn new(root: Stop, seed: u64) -> Self {
        Self {
            seed: Seed::new(seed),
            session: Arc::new(Session::new(root)),
            programs: OnceLock::new(),
            tasks: Mutex::default(),
            labs: Mutex::default(),
            explanation: OnceLock::new(),
            failed: 0.into(),
            told_of_copies: false.into(),
            unexpected: false.into(),
            kept: Mutex::default(),
        }
    }

    /// Another run on the same sockets, events and account.
    pub fn again(&self, programs: Arc<dyn Programs>, kept: Vec<(String, Server)>) -> Self {
        Self {
            seed: Seed::new(self.seed.value),
            session: self.session.clone(),
            programs: OnceLock::from(programs),
            tasks: Mutex::default(),
            labs: Mutex::default(),
            explanation: OnceLock::new(),
            failed: 0.into(),
            told_of_copies: false.into(),
            unexpected: false.into(),
            kept: Mutex::new(kept),
        }
    }

    /// The socket that was left open by a script which asked for it in the same words. One that was asked for in others is
    /// closed if it is in the way.
    pub fn adopt(&self, asked: &str) -> Option<Server> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = kept.iter().position(|(known, _)| known == asked) {
            return Some(kept.remove(at).1);
        }
        // Host, protocol and address.
        let place = |asked: &str| asked.split(' ').take(3).map(str::to_string).collect::<Vec<_>>();
        let in_the_way = |known: &str| place(known) == place(asked);
        kept.extract_if(.., |(known, _)| in_the_way(known)).for_each(|(_, server)| server.close());
        None
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").field("seed", &self.seed).finish_non_exhaustive()
    }
}

/// A script as it was started.
#[derive(Debug)]
pub struct Script {
    /// The file or other source it came from, as shown to people.
    pub name: String,
    /// What its header (`//!` lines) says.
    pub about: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Whether it is the one the user started, which may ask questions.
    pub main: bool,
    /// Whether it has declared options, and so read its arguments.
    pub has_options: AtomicBool,
    /// The address of the first socket it bound, for those that wait for it.
    pub bound: Announced,
}

/// An address that is known later, or never.
#[derive(Debug, Default)]
pub struct Announced {
    state: Mutex<Known>,
    /// Whether it is known that the script is ready, for those that would say so again.
    told: AtomicBool,
    changed: Condvar,
}

/// A socket that a script serves with.
#[derive(Clone, Debug)]
pub enum Server {
    /// One of UDP.
    Udp(UdpSocket),
    /// A listener of TCP.
    Tcp(Listener),
}

impl Server {
    /// Closes it.
    pub fn close(&self) {
        match self {
            Self::Udp(socket) => socket.close(),
            Self::Tcp(listener) => listener.close(),
        }
    }
}

/// The same, not kept open by this.
#[derive(Clone, Debug)]
enum WeakServer {
    Udp(WeakSocket),
    Tcp(WeakListener),
}

impl WeakServer {
    /// The socket, if it is open.
    fn upgrade(&self) -> Option<Server> {
        match self {
            Self::Udp(socket) => socket.upgrade().filter(|socket| !socket.is_closed()).map(Server::Udp),
            Self::Tcp(listener) => listener.upgrade().filter(|listener| !listener.is_closed()).map(Server::Tcp),
        }
    }
}

#[derive(Debug, Default)]
struct Known {
    addr: Option<SocketAddr>,
    /// Whether those that wait may go on: the script waits for packets, or has ended.
    ready: bool,
    /// The sockets it has bound, and listens with.
    servers: Vec<(String, WeakServer)>,
}

impl Announced {
    /// Keeps the address, if there is none yet, until the script is ready.
    pub fn keep(&self, addr: SocketAddr) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).addr.get_or_insert(addr);
    }

    /// Keeps a socket that the script has bound, or listens with, for those that reach for it from outside; `asked`: what it
    /// was asked for as.
    pub fn opened(&self, asked: String, server: &Server) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.servers.retain(|(_, server)| server.upgrade().is_some());
        let weak = match server {
            Server::Udp(socket) => WeakServer::Udp(socket.weak()),
            Server::Tcp(listener) => WeakServer::Tcp(listener.weak()),
        };
        state.servers.push((asked, weak));
    }

    /// The sockets that the script has bound, or listens with, and not closed; with what they were asked for as.
    pub fn servers(&self) -> Vec<(String, Server)> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let open = |(asked, server): &(String, WeakServer)| Some((asked.clone(), server.upgrade()?));
        state.servers.iter().filter_map(open).collect()
    }

    /// The address, if there is one by now.
    pub fn now(&self) -> Option<SocketAddr> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).addr
    }

    /// Makes known that the script has set up what it needs: it begins to wait for packets, or has ended.
    pub fn ready(&self) {
        if self.told.load(Ordering::Relaxed) {
            return;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.ready {
            state.ready = true;
            self.told.store(true, Ordering::Relaxed);
            self.changed.notify_all();
        }
    }

    /// Waits until the script is ready, for at most `limit`; the address, `None` if it has bound none.
    pub fn wait(&self, limit: std::time::Duration) -> Option<SocketAddr> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let pending = |state: &mut Known| !state.ready;
        let (state, _) = self.changed.wait_timeout_while(state, limit, pending).unwrap_or_else(PoisonError::into_inner);
        state.addr
    }
}

/// What bindings need of the engine: it runs script code for them.
pub trait Programs: Send + Sync {
    /// The engine that all scripts share.
    fn engine(&self) -> &Engine;

    /// Finds the script called `name` as seen from the script `from`, and compiles it. The name to show, and the program.
    ///
    /// # Errors
    /// No such script, or it does not compile.
    fn load(&self, name: &str, from: &str) -> ScriptResult<(String, AST)>;

    /// Runs a program in `context`, on this thread.
    ///
    /// # Errors
    /// What the script throws.
    fn run(&self, program: &AST, context: &Context) -> ScriptResult<Dynamic>;

    /// Evaluates a program in `context`, on this thread: its value, and the state in which closures of it can be called.
    ///
    /// # Errors
    /// What the script throws.
    fn evaluate(&self, program: &AST, context: &Context) -> ScriptResult<(Dynamic, GlobalRuntimeState)>;

    /// Help on what a name or a value stands for; `None`: on what there is.
    ///
    /// # Errors
    /// `invalid`: nothing has that name.
    fn help(&self, topic: Option<&Dynamic>) -> Result<String, Error>;

    /// Shows an error that nobody will catch; `what` names what failed.
    fn report(&self, what: &str, error: &EvalAltResult);
}

thread_local! {
    static CURRENT: RefCell<Option<Context>> = const { RefCell::new(None) };
}

/// The context of this thread.
///
/// # Panics
/// If script code runs on a thread that has not entered one, which is a bug of the host.
pub fn current() -> Context {
    CURRENT.with_borrow(Clone::clone).expect("script code runs in a context")
}

/// The context of a script that is about to wait: those that wait for its address may go on.
pub fn begin_to_wait() -> Context {
    let context = current();
    context.waits(false);
    context
}

/// The context of a script that is about to wait for a connection that it serves.
pub fn begin_to_serve() -> Context {
    let context = current();
    context.waits(true);
    context
}

/// Looks at the context of this thread without taking part in it; `None` outside of scripts.
pub fn peek<T>(look: impl FnOnce(&Context) -> T) -> Option<T> {
    CURRENT.with_borrow(|current| current.as_ref().map(look))
}

/// Enters `context` on this thread until the guard is dropped.
pub fn enter(context: Context) -> Entered {
    Entered(CURRENT.replace(Some(context)))
}

/// Enters `context` on this thread for good, in place of the one before.
pub fn settle(context: Context) {
    CURRENT.set(Some(context));
}

/// See [`enter`].
#[derive(Debug)]
pub struct Entered(Option<Context>);

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}
