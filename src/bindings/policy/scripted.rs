//! A closure at work as a policy: it is called with each packet, and its failures are reported once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rhai::{Dynamic, EvalAltResult, Position};

use crate::bindings::callback::Callback;
use crate::bindings::compiled::{Compiled, Value, View};
use crate::bindings::context::{Context, Entered};
use crate::bindings::convert::shown;
use crate::bindings::error::{ScriptResult, thrown};
use crate::bindings::policy::frame::PolicyFrame;
use crate::bindings::task::report_aside;
use crate::bindings::tcp::message::ReceivedMessage as Message;
use crate::bindings::thread::{Deciding, with};
use crate::bindings::udp::packet::ReceivedPacket;
use crate::bindings::{context, exit};
use crate::net::error::Error;
use crate::net::policy::attached::Decide;
use crate::net::policy::input::PolicyInput;
use crate::net::policy::{self, Action, Place};
use crate::net::random::Draws;
use crate::net::socket::tcp::Connection;
use crate::net::socket::udp::UdpSocket;
use crate::net::wire::frame::Ip;

/// A closure at work as a policy. Its calls take turns, so that its state is its own.
#[derive(Debug)]
pub(crate) struct Scripted {
    callback: Mutex<Callback>,
    /// The closure as a tree, where it is simple enough.
    compiled: Option<Compiled>,
    /// Where it was attached. It decides about frames on a thread of the core, which has no context of its own.
    context: Context,
    /// Whether its failure was reported.
    reported: AtomicBool,
}

impl Decide for Scripted {
    fn origin(&self) -> Option<Arc<str>> {
        self.callback.lock().unwrap_or_else(PoisonError::into_inner).written()
    }

    /// One that was translated has nothing in it that waits, also where the interpreter decides.
    fn decides_at_once(&self) -> bool {
        self.compiled.is_some()
    }

    fn decide(&self, subject: &PolicyInput<'_>, place: &Place, draws: &mut Draws) -> Option<policy::Verdict> {
        if let Some(verdict) = self.decide_by_tree(subject, place, draws) {
            return Some(verdict);
        }
        draws.clear();
        let mut callback = self.callback.lock().unwrap_or_else(PoisonError::into_inner);
        let _entered: Option<Entered>;
        let packet = match subject {
            PolicyInput::Request(request) => {
                let (receiver, datagram) = (request.receiver, request.datagram.clone());
                match (receiver.downcast_ref::<UdpSocket>(), receiver.downcast_ref::<Connection>()) {
                    (Some(socket), _) => Dynamic::from(ReceivedPacket::being_decided(socket.clone(), datagram, *place)),
                    (_, Some(stream)) => Dynamic::from(Message::being_decided(stream.clone(), datagram, *place)),
                    _ => return None,
                }
            }
            PolicyInput::Frame(carried) => {
                _entered = self.enter();
                Dynamic::from(PolicyFrame::being_decided(carried, *place))
            }
        };
        let failed = self.reported.load(Ordering::Relaxed);
        let deciding = Deciding {
            stream: place.draws,
            drawn: Vec::new(),
            failed,
            place: callback.origin(),
            long_since: None,
            looks: 0,
        };
        let before = with(|thread| thread.deciding.replace(Some(deciding)));
        let result = callback.call([packet]).and_then(|value| as_verdict(&callback, value, subject));
        if let Some(deciding) = with(|thread| thread.deciding.replace(before)) {
            *draws = deciding.drawn.into();
        }
        match result {
            Ok(verdict) => Some(verdict),
            Err(error) => {
                let ended = matches!(&*error, EvalAltResult::ErrorTerminated(why, _) if why.is_unit());
                let error = match exit::code(&error) {
                    None => error,
                    Some(_) => {
                        exit::forget();
                        at_policy(&callback, Error::invalid("policy", NO_EXIT).with_hint(NO_EXIT_HINT))
                    }
                };
                if !ended && !self.reported.swap(true, Ordering::Relaxed) {
                    report_aside("policy (packets on which it fails are let through)", error);
                }
                None
            }
        }
    }
}

impl Scripted {
    /// A closure at work in `context`.
    pub(crate) fn new(callback: Callback, context: Context) -> Self {
        let compiled = Compiled::of(&callback);
        Self { callback: Mutex::new(callback), compiled, context, reported: AtomicBool::new(false) }
    }

    /// The same, by the interpreter alone.
    #[cfg(test)]
    pub(crate) fn interpreted(callback: Callback, context: Context) -> Self {
        let reported = AtomicBool::new(true);
        Self { callback: Mutex::new(callback), compiled: None, context, reported }
    }

    /// The same, without reports of what fails.
    #[cfg(test)]
    pub(crate) fn quiet(callback: Callback, context: Context) -> Self {
        Self { reported: AtomicBool::new(true), ..Self::new(callback, context) }
    }

    /// What the tree of the closure decides; `None`: the interpreter is to decide.
    pub(crate) fn decide_by_tree(
        &self,
        subject: &PolicyInput<'_>,
        place: &Place,
        draws: &mut Draws,
    ) -> Option<policy::Verdict> {
        let compiled = self.compiled.as_ref()?;
        let place = Some(place);
        let view = match subject {
            PolicyInput::Request(request) => {
                let (data, from) = (&request.datagram.data, Some(request.datagram.from));
                View { data, place, from, frame: None, verdict: None, random: None }
            }
            PolicyInput::Frame(carried) => {
                let from = carried.frame.ip.as_ref().map(Ip::from);
                View { data: carried.payload(), place, from, frame: Some(carried.frame), verdict: None, random: None }
            }
        };
        // Where it changes what it captured, calls take turns.
        let turn = compiled.assigns.then(|| self.callback.lock().unwrap_or_else(PoisonError::into_inner));
        let (Value::Verdict(verdict), changes) = compiled.value(&view, draws)? else { return None };
        if !draws.is_empty() || verdict.action == Action::Corrupt {
            self.context.run.seed.mark_used();
        }
        let verdict = verdict.into_owned();
        subject.allows(&verdict.action).ok()?;
        if let Some(mut callback) = turn {
            compiled.keep(changes);
            let _entered = callback.looks_next().then(|| self.enter());
            callback.note_changes();
        }
        Some(verdict)
    }

    /// Enters the policy's context, unless this thread is in it: for good on a thread that has none, since it carries frames
    /// and has no other use for one; else until the guard is dropped.
    fn enter(&self) -> Option<Entered> {
        match context::peek(|now| Arc::ptr_eq(&now.script, &self.context.script)) {
            Some(true) => None,
            Some(false) => Some(context::enter(self.context.clone())),
            None => {
                context::settle(self.context.clone());
                None
            }
        }
    }
}

/// What a policy's closure returned, as a verdict that can be carried out.
fn as_verdict(callback: &Callback, value: Dynamic, subject: &PolicyInput<'_>) -> ScriptResult<policy::Verdict> {
    if let Some(verdict) = value.read_lock::<policy::Verdict>()
        && subject.allows(&verdict.action).is_ok()
    {
        return Ok(verdict.clone());
    }
    let given = shown(&value);
    let at = |error: Error| at_policy(callback, error);
    let verdict = value.try_cast::<policy::Verdict>().ok_or_else(|| {
        let what = if given.is_empty() { "nothing".to_string() } else { given };
        let hint = format!("a policy returns {}, as its last line without a semicolon", Action::CALLS);
        at(Error::invalid("policy", format!("the policy returned {what}, and that is no verdict")).with_hint(hint))
    })?;
    subject.allows(&verdict.action).map_err(at)?;
    Ok(verdict)
}

/// An error of the policy itself, at the place where it is written.
fn at_policy(callback: &Callback, error: Error) -> Box<EvalAltResult> {
    let error = thrown(error, callback.start());
    match callback.place().0 {
        Some(source) if !callback.is_of_script() => {
            EvalAltResult::ErrorInFunctionCall("policy".into(), source.to_string(), error, Position::NONE).into()
        }
        _ => error,
    }
}

const NO_EXIT: &str = "exit() and a failing expect() are not allowed in a policy";
const NO_EXIT_HINT: &str =
    "have it count what the script is to end for, and look at the count in the script: counter()";
