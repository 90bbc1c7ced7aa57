//! Closures that are simple enough, translated once into a tree of typed operations that runs without the interpreter.
//!
//! Translation gives up on anything it does not know, and that closure is left to the interpreter. Evaluation gives up where
//! the interpreter would report an error (overflow, division by zero, an unsuitable type), and that packet is left to the
//! interpreter from the start. A tree has no effect but the packet's own random numbers, so starting again changes nothing:
//! verdicts, random numbers, error messages and line numbers are the same with and without it.

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use rhai::{Dynamic, ImmutableString, Map, Position, ScriptFuncDef};

use self::translate::Translated;
pub use self::tree::Change;
use self::tree::{Cells, State, Tree};
pub use self::value::Value;
use super::callback::Callback;
use super::context::{self, Context};
use crate::net::observe::event::Event;
use crate::net::policy::datagram::Datagram;
use crate::net::policy::{Place, Verdict};
use crate::net::random::Draws;
use crate::net::random::Sequence;
use crate::net::wire::frame::Frame;

pub(in crate::bindings) mod translate;
pub(in crate::bindings) mod tree;
mod value;

/// What a tree can read of a packet.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The payload.
    pub data: &'a [u8],
    /// Its flow, and its number in it; `None`: no policy has counted it.
    pub place: Option<&'a Place>,
    /// The sender; `None`: of a frame that is not IP.
    pub from: Option<SocketAddr>,
    /// The frame that it is; `None`: a request.
    pub frame: Option<&'a Frame>,
    /// The verdict that a reply meets; `None`: it is not known yet.
    pub verdict: Option<&'a Verdict>,
    /// The random numbers of the thread; `None`: those of the packet, which a policy decides about.
    pub random: Option<&'a Sequence>,
}

/// A closure as a tree.
#[derive(Debug)]
pub struct Compiled {
    tree: Tree,
    /// Whether it may change what it captured.
    pub assigns: bool,
    captured: Vec<Dynamic>,
}

impl Compiled {
    /// The closure, if it is simple enough.
    pub fn of(callback: &Callback) -> Option<Self> {
        let (closure, global) = callback.function().filter(|_| is_wanted())?;
        let main = context::peek(|context| context.script.name.clone()).unwrap_or_default();
        let translated = translate::closure(closure, global, &main);
        let place = callback.written().unwrap_or_default();
        trace(&place, translated.as_ref().err());
        let Translated { mut tree, assigns } = translated.ok()?;
        tree.place = place;
        Some(Self { tree, assigns, captured: closure.iter_curry().cloned().collect() })
    }

    /// The handler of requests, if it is simple enough.
    pub fn of_handler(callback: &Callback) -> Option<Arc<Self>> {
        let new = || Self::of(callback).map(Arc::new);
        let (closure, global) = callback.function()?;
        if closure.is_curried() {
            return new();
        }
        let function = translate::function(global, closure.fn_name(), 1)?;
        let known: Arc<CompiledHandlers> = context::peek(|context| context.run.part())?;
        let mut known = known.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, tree)) = known.iter().find(|(of, _)| Arc::ptr_eq(of, &function)) {
            return tree.clone();
        }
        let tree = new();
        known.push((function, tree.clone()));
        tree
    }

    /// The text that a handler replies with; `None`: ask the interpreter.
    pub fn reply(&self, request: &Datagram, handler: &mut Callback, context: &Context) -> Option<Vec<u8>> {
        let place = request.decided.as_deref().map(|decided| &decided.place);
        let random = Some(&*context.random);
        let (mut drawn, from) = (Draws::new(), Some(request.from));
        let view = View { data: &request.data, place, from, frame: None, verdict: None, random };
        let (Value::Text(text), changes) = self.value(&view, &mut drawn)? else { return None };
        used(&drawn, context);
        if self.assigns {
            self.keep(changes);
            handler.note_changes();
        }
        Some(text.into_owned().into_bytes())
    }

    /// What the closure returns for a packet, and what it changes of what it captured: for [`Self::keep`], once the value is
    /// used. `None`: ask the interpreter. `drawn` are the random numbers that were used.
    pub fn value<'a>(&'a self, view: &View<'a>, drawn: &mut Draws) -> Option<(Value<'a>, Vec<Change<'a>>)> {
        let mut state = State::new(&self.tree, view, drawn, Cells::Captured(&self.captured));
        let value = state.run()?;
        Some((value, state.changes))
    }

    /// Changes what the closure captured, as the interpreter would have.
    pub fn keep(&self, changes: Vec<Change<'_>>) {
        for change in changes {
            let (Some(value), Some(cell)) = (change.value.dynamic(), self.captured.get(change.at)) else { continue };
            set(&mut cell.clone(), change.key, value);
        }
    }
}

/// Leaves with the trace how the code at `place` runs, and which part of it is the first that is not known.
pub(in crate::bindings) fn trace(place: &str, unknown: Option<&Position>) {
    note(&match unknown.map(|at| (at.line(), at.position())) {
        None => format!("{place} runs compiled"),
        Some((Some(line), Some(column))) => {
            format!("{place} runs in the interpreter, because of what stands at line {line}, column {column}")
        }
        Some(_) => format!("{place} runs in the interpreter"),
    });
}

fn note(about: &str) {
    context::peek(|context| {
        let events = &context.run.session.events;
        if events.wanted() {
            events.emit(|| Event::Script { time: context.host.unix_nanos(), about });
        }
    });
}

/// Makes known which random numbers of the thread a tree has used.
pub(in crate::bindings) fn used(drawn: &[f64], context: &Context) {
    if !drawn.is_empty() {
        context.run.seed.mark_used();
        context.random.skip(drawn.len() as u64);
    }
}

/// Gives a variable, or the entry `key` of a map in it, a new value.
pub(in crate::bindings) fn set(variable: &mut Dynamic, key: Option<String>, value: Dynamic) {
    if let Some(key) = key {
        if let Some(mut map) = variable.write_lock::<Map>() {
            map.insert(key.into(), value);
        }
    } else if let Some(mut cell) = variable.write_lock::<Dynamic>() {
        *cell = value;
    }
}

/// A handler and what it was translated to, if it could be.
type CompiledHandler = (Arc<ScriptFuncDef>, Option<Arc<Compiled>>);

/// The handlers that were translated, one for all threads: a thread for each client has no stack to spare for that.
#[derive(Debug, Default)]
struct CompiledHandlers(Mutex<Vec<CompiledHandler>>);

/// Whether trees are made; to compare, the interpreter can be asked to do everything.
pub(in crate::bindings) fn is_wanted() -> bool {
    static OFF: LazyLock<bool> = LazyLock::new(|| std::env::var_os("PINGSCRIPT_INTERPRET").is_some());
    !*OFF
}

/// A place in a script: `scripts/udp_server.rhai:9`.
pub fn place(source: &str, line: Option<usize>) -> Arc<str> {
    line.map_or_else(|| source.into(), |line| format!("{source}:{line}").into())
}

/// A value of the script as one of a tree, if it is of a kind that trees know.
fn constant(value: &Dynamic) -> Option<Value<'static>> {
    let value = value.flatten_clone();
    Some(if value.is_unit() {
        Value::Unit
    } else if let Ok(int) = value.as_int() {
        Value::Int(int)
    } else if let Ok(float) = value.as_float() {
        Value::Float(float)
    } else if let Ok(truth) = value.as_bool() {
        Value::Bool(truth)
    } else if let Ok(letter) = value.as_char() {
        Value::Char(letter)
    } else if let Some(text) = value.read_lock::<ImmutableString>() {
        Value::Text(text.to_string().into())
    } else {
        Value::Duration(*value.read_lock()?)
    })
}
