//! What a script's natives work on: the host, the stop, the run and the script that the current thread belongs to.
//!
//! A thread that runs script code has entered a [`Context`]; natives ask for it with [`current`].

use std::any::Any;
use std::cell::RefCell;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rhai::{AST, Dynamic, Engine, EvalAltResult, GlobalRuntimeState, NativeCallContext};

pub(super) use self::reload::{Following, HandlerVersion};
pub use self::reload::{Handlers, Newest, Reload};
use super::error::ScriptResult;
pub use super::handover::{Announced, Handover, HandoverRequest, ServerKind, SocketKind};
use super::loops;
pub use super::serving::{Serving, end};
use crate::net::error::Error;
use crate::net::host::stop::Stop;
use crate::net::host::{Host, RunHost};
use crate::net::observe::check_group::CheckGroup;
use crate::net::random::{Seed, Sequence};
use crate::net::socket::session::Session;
use crate::net::socket::tcp::{Connection, Poll};

mod reload;

/// What a script is about to wait for.
#[derive(Clone, Copy, Debug)]
pub enum WaitingFor<'a> {
    /// Something new to do, such as a datagram, a client, an event, a value, the end of a program: what it did is done, and
    /// those that wait for its address may go on.
    NewWork,
    /// Datagrams, for a time that it has set: something new, unless it asks others for what it is to reply to a client.
    Datagrams,
    /// A time, a thread, room, in the middle of what it does.
    Pause,
    /// The reply to what it sends: those that wait for its address go on waiting.
    Reply,
    /// What comes over this connection.
    Connection(&'a Connection),
    /// What happens at these sockets: something new, and what comes over the connections of clients among them.
    Events(&'a Poll),
}

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
    pub script: Arc<ScriptStart>,
    /// Its own draws.
    pub random: Arc<Sequence>,
    /// Whether its thread serves a connection.
    pub serving: Arc<Serving>,
    /// The group that its checks are in.
    pub group: Arc<CheckGroup>,
}

impl Context {
    /// Makes known what the script is about to wait for. Each wait of a script begins with this, in a loop each turn of it; where
    /// nothing has changed it takes no lock.
    pub fn wait(&self, wait: WaitingFor<'_>) {
        loops::waits(&self.stop);
        let wait = match wait {
            WaitingFor::Reply => return,
            WaitingFor::Datagrams if self.serving.serves() => WaitingFor::Pause,
            WaitingFor::Datagrams => WaitingFor::NewWork,
            // The script is its client.
            WaitingFor::Connection(connection) if !connection.was_accepted() => WaitingFor::Pause,
            other => other,
        };
        self.script.bound.ready();
        match wait {
            WaitingFor::Connection(_) => return self.serving.begin(),
            WaitingFor::Events(poll) if self.run.reload.is_some() => self.serving.waits_for(poll),
            WaitingFor::Events(_) | WaitingFor::NewWork => self.serving.end(),
            _ => {}
        }
        if matches!(wait, WaitingFor::NewWork | WaitingFor::Events(_))
            && self.serving.is_main()
            && !self.run.is_replaced()
            && self.script.bound.settle()
        {
            self.run.settled();
        }
        if self.run.is_replaced() && !self.serving.serves() {
            end(&self.stop);
        }
    }

    /// Makes known that the script has opened `server`, bound to `local`, which it asked for as `asked`.
    pub fn opened(&self, ctx: &NativeCallContext, asked: HandoverRequest, local: SocketAddr, server: &ServerKind) {
        self.announce(local);
        self.script.bound.opened(asked, server);
        if let Some(reload) = self.run.reload.as_ref().filter(|_| self.serving.is_main()) {
            reload.keep(ctx.global_runtime_state());
        }
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
    /// The host of its scripts, but for those in labs.
    pub host: RunHost,
    /// What its sockets share.
    pub session: Arc<Session>,
    /// The engine, for natives that run script code.
    pub programs: OnceLock<Arc<dyn Programs>>,
    /// What subjects of natives keep for the run, one value of a type.
    parts: Mutex<Vec<Arc<dyn Any + Send + Sync>>>,
    /// How many tasks failed and no one took notice.
    pub failed: std::sync::atomic::AtomicUsize,
    /// Whether it was reported that a thread has changed a copy.
    pub noted_copies: AtomicBool,
    /// Whether an `expect` failed, on any thread.
    pub unexpected: std::sync::atomic::AtomicBool,
    /// Sockets that a script left open for the one that takes its place.
    pub handover: Handover,
    /// The version that it runs of a script that is reloaded when it is saved.
    pub reload: Option<Reload>,
}

impl Run {
    /// What a subject of natives keeps for the run: the one value of this type, which the first call makes.
    pub fn part<T: Any + Default + Send + Sync>(&self) -> Arc<T> {
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let known = parts.iter().find_map(|part| part.clone().downcast().ok());
        known.unwrap_or_else(|| {
            let part = Arc::new(T::default());
            parts.push(part.clone());
            part
        })
    }

    /// A run on `host` that `root` ends, with this seed.
    pub fn new(host: RunHost, root: Stop, seed: u64) -> Self {
        Self {
            host,
            seed: Seed::new(seed),
            session: Arc::new(Session::new(root)),
            programs: OnceLock::new(),
            parts: Mutex::default(),
            failed: 0.into(),
            noted_copies: false.into(),
            unexpected: false.into(),
            handover: Handover::default(),
            reload: None,
        }
    }

    /// Another run on the same sockets, events and account, of the version `reload`.
    pub fn again(&self, programs: Arc<dyn Programs>, kept: Vec<(HandoverRequest, ServerKind)>, reload: Reload) -> Self {
        Self {
            host: self.host.clone(),
            seed: Seed::new(self.seed.value),
            session: self.session.clone(),
            programs: OnceLock::from(programs),
            parts: Mutex::default(),
            failed: 0.into(),
            noted_copies: false.into(),
            unexpected: false.into(),
            handover: Handover::new(kept),
            reload: Some(reload),
        }
    }

    /// The script has asked for all sockets it wants: the others are closed, and loops that serve clients of versions before call
    /// this one's handlers.
    pub fn settled(&self) {
        self.handover.settle();
        if let (Some(reload), Some(programs)) = (&self.reload, self.programs.get()) {
            reload.publish(programs);
        }
    }

    /// Whether another version of the script has taken its place.
    pub fn is_replaced(&self) -> bool {
        self.reload.as_ref().is_some_and(Reload::is_replaced)
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").field("seed", &self.seed).finish_non_exhaustive()
    }
}

/// A script as it was started.
#[derive(Debug)]
pub struct ScriptStart {
    /// The file or other source it came from, as shown to people.
    pub name: String,
    /// What its header (`//!` lines) says.
    pub about: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Whether it is the one the user started, which may ask questions.
    pub main: bool,
    /// The options that were given to it, each with its value: `--rate` and `10M`; empty until it has declared its options.
    pub given: OnceLock<Vec<(String, String)>>,
    /// Its header with the values of its options in place of their names: of `{rate}`; empty until it has declared its options.
    pub explained: OnceLock<String>,
    /// The address of the first socket it bound, for those that wait for it.
    pub bound: Announced,
}

impl ScriptStart {
    /// That what stands after the script's name was not read, once it has ended: it declares no options.
    pub fn unread_arguments(&self) -> Option<String> {
        let (name, args) =
            (&self.name, self.args.iter().filter(|arg| *arg != "--").cloned().collect::<Vec<_>>().join(" "));
        let was_read = args.is_empty() || self.given.get().is_some();
        (!was_read).then(|| format!("{name} declares no options, and has not read what stands after its name: {args}"))
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

    /// The names of the scripts that came with pingscript, as they are given on the command line.
    fn scripts(&self) -> Vec<String>;

    /// Whether a script that was read so far has this in its text.
    fn mention(&self, part: &str) -> bool;

    /// Shows `text` as that of the script `name` in errors from now on.
    fn show_as(&self, name: &str, text: &str);

    /// Shows an error that no one will catch; `what` names what failed. Returns its message alone.
    fn report(&self, what: &str, error: &EvalAltResult) -> String;
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

/// The context of this thread, which is about to wait; see [`Context::wait`].
pub fn wait(wait: WaitingFor<'_>) -> Context {
    let context = current();
    context.wait(wait);
    context
}

/// `connection` has ended: if this thread served it, it serves none any more.
pub fn has_left(connection: &Connection) {
    if connection.was_accepted() {
        peek(|context| context.serving.end());
    }
}

/// Looks at the context of this thread without taking part in it; `None` outside of scripts.
pub fn peek<T>(look: impl FnOnce(&Context) -> T) -> Option<T> {
    CURRENT.with_borrow(|current| current.as_ref().map(look))
}

/// Enters `context` on this thread until the guard is dropped.
pub fn enter(context: Context) -> Entered {
    let stop = Stop::set_of_thread(Some(context.stop.clone()));
    Entered(CURRENT.replace(Some(context)), stop)
}

/// Enters `context` on this thread for good, in place of the one before.
pub fn settle(context: Context) {
    Stop::set_of_thread(Some(context.stop.clone()));
    CURRENT.set(Some(context));
}

/// Takes the context of this thread out, for another to run in its place.
#[cfg(target_family = "wasm")]
pub(super) fn take() -> Option<Context> {
    CURRENT.take()
}

/// Puts it in again.
#[cfg(target_family = "wasm")]
pub(super) fn put_back(context: Option<Context>) {
    CURRENT.set(context);
}

/// See [`enter`].
#[derive(Debug)]
pub struct Entered(Option<Context>, Option<Stop>);

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
        Stop::set_of_thread(self.1.take());
    }
}
