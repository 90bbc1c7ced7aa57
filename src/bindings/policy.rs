//! Verdicts, policies and draws.

use std::cell::RefCell;
use std::sync::Mutex;

use rhai::plugin::*;
use rhai::{Dynamic, EvalAltResult, FnPtr, NativeCallContext};

use super::callback::Callback;
use super::context::{self, ScriptResult};
use super::convert::shown;
use super::error::{raise, thrown};
use super::udp::Packet;
use crate::net::error::Error;
use crate::net::judge::{Decide, Failure, Judge};
use crate::net::policy::{self, Action, Native, Place};
use crate::net::random::Stream;
use crate::net::udp::{Datagram, UdpSocket};

/// A policy written as a closure. Its calls take turns, so that its state is its own.
#[derive(Debug)]
struct Scripted(Mutex<Callback>);

/// The draws that belong to the packet a policy decides about.
#[derive(Debug)]
struct Deciding {
    stream: Stream,
    drawn: Vec<f64>,
}

thread_local! {
    static DECIDING: RefCell<Option<Deciding>> = const { RefCell::new(None) };
}

impl Decide for Scripted {
    fn decide(
        &self,
        socket: &UdpSocket,
        request: &Datagram,
        place: &Place,
        draws: &mut Vec<f64>,
    ) -> Result<policy::Verdict, Failure> {
        let callback = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let packet = Packet::new(socket.clone(), request.clone(), place.number);
        let before = DECIDING.replace(Some(Deciding { stream: place.draws, drawn: Vec::new() }));
        let result = callback.call([Dynamic::from(packet)]);
        if let Some(deciding) = DECIDING.replace(before) {
            *draws = deciding.drawn;
        }
        let value = result.map_err(|err| Box::new(err) as Failure)?;
        let given = shown(&value);
        value.try_cast::<policy::Verdict>().ok_or_else(|| {
            let message = match given.as_str() {
                "" => "the policy returned nothing".to_string(),
                given => format!("the policy returned {given}"),
            };
            let error = Error::invalid("policy", message)
                .with_hint(format!("a policy ends in a verdict on each way through it: {}", Action::CALLS));
            let (source, position) = callback.place();
            let thrown = thrown(error, position);
            let inner = match source {
                Some(source) => {
                    EvalAltResult::ErrorInFunctionCall("policy".into(), source.into(), thrown, position).into()
                }
                None => thrown,
            };
            Box::new(inner) as Failure
        })
    }
}

/// A draw in [0, 1): of the packet under decision, or else the next of this thread.
fn draw() -> f64 {
    let context = context::current();
    context.run.seed.mark_used();
    let decided = DECIDING.with_borrow_mut(|deciding| {
        deciding.as_mut().map(|deciding| {
            let draw = deciding.stream.draw(deciding.drawn.len() as u64 + 1);
            deciding.drawn.push(draw);
            draw
        })
    });
    decided.unwrap_or_else(|| context.random.draw())
}

fn verdict(ctx: &NativeCallContext, action: Action) -> policy::Verdict {
    let name = ctx.call_source().map(str::to_string);
    let name = name.or_else(|| context::peek(|context| context.script.name.clone())).unwrap_or_default();
    let line = ctx.call_position().line().map_or(String::new(), |line| format!(":{line}"));
    policy::Verdict { action, origin: format!("{name}{line}") }
}

/// Verdicts, policies and draws.
#[export_module]
pub mod api {
    /// What is to be done with a packet.
    pub type Verdict = policy::Verdict;
    /// A policy that needs no closure.
    pub type Policy = policy::Native;

    /// The verdict that lets a packet through.
    ///
    /// ```rhai
    /// expect(pass().kind, "pass");
    /// ```
    #[rhai_fn(volatile)]
    pub fn pass(ctx: NativeCallContext) -> Verdict {
        verdict(&ctx, Action::Pass)
    }

    /// The verdict that loses a packet. In a server: the request was received, its answer is not sent.
    ///
    /// ```rhai
    /// let policy = |pkt| if pkt.text == "ping 2" { drop() } else { pass() };
    /// expect(drop().kind, "drop");
    /// ```
    #[rhai_fn(volatile)]
    pub fn drop(ctx: NativeCallContext) -> Verdict {
        verdict(&ctx, Action::Drop)
    }

    /// A policy that drops each packet with probability `p`, from 0 to 1, independently.
    ///
    /// Errors: `invalid`: `p` is outside of 0 to 1.
    ///
    /// ```rhai
    /// let server = udp::bind("127.0.0.1:0");
    /// set_policy(server, loss(0.2));
    /// ```
    #[rhai_fn(name = "loss", return_raw)]
    pub fn loss(ctx: NativeCallContext, p: f64) -> ScriptResult<Policy> {
        if (0.0..=1.0).contains(&p) {
            return Ok(Native::Loss(p));
        }
        let hint = "write 0.2 for 20%";
        raise(&ctx, Error::invalid("loss", format!("a probability is from 0 to 1, not {p}")).with_hint(hint))
    }

    /// A policy that drops each packet with probability `p`: nothing with 0, everything with 1.
    ///
    /// Errors: `invalid`: `p` is outside of 0 to 1.
    ///
    /// ```rhai
    /// set_policy(udp::bind("127.0.0.1:0"), loss(1));
    /// ```
    #[rhai_fn(name = "loss", return_raw)]
    pub fn loss_int(ctx: NativeCallContext, p: i64) -> ScriptResult<Policy> {
        loss(ctx, p as f64)
    }

    /// Has `policy` decide about each request that the socket answers from now on: a closure that takes the packet and
    /// returns a verdict. Its draws come from the seed, the flow and the packet's number in the flow, so that the same
    /// seed drops the same packets. What the closure captured is copied: it is the policy's own state, under one lock.
    ///
    /// ```rhai
    /// let server = udp::bind("127.0.0.1:0");
    /// set_policy(server, |pkt| if random() < 0.2 { drop() } else { pass() });
    /// ```
    pub fn set_policy(ctx: NativeCallContext, socket: UdpSocket, policy: FnPtr) {
        let scripted = Scripted(Mutex::new(Callback::new(&ctx, policy)));
        socket.set_judge(Judge::other(Box::new(scripted), context::current().random.split()));
    }

    /// Has a native policy decide about each request that the socket answers from now on.
    ///
    /// ```rhai
    /// set_policy(udp::bind("127.0.0.1:0"), loss(0.5));
    /// ```
    #[rhai_fn(name = "set_policy")]
    pub fn set_native_policy(socket: UdpSocket, policy: Policy) {
        let context = context::current();
        context.run.seed.mark_used();
        socket.set_judge(Judge::native(policy, context.random.split()));
    }

    /// The verdict in a word: `"pass"` or `"drop"`.
    ///
    /// ```rhai
    /// expect(drop().kind, "drop");
    /// ```
    #[rhai_fn(get = "kind", pure)]
    pub fn kind(verdict: &mut Verdict) -> String {
        verdict.action.word().to_string()
    }

    /// Whether the packet is lost.
    ///
    /// ```rhai
    /// expect(drop().dropped, true);
    /// ```
    #[rhai_fn(get = "dropped", pure)]
    pub fn dropped(verdict: &mut Verdict) -> bool {
        verdict.action == Action::Drop
    }

    /// Where the verdict was made: `scripts/udp_server.rhai:9`, or the native policy's name.
    ///
    /// ```rhai
    /// print(drop().origin);
    /// ```
    #[rhai_fn(get = "origin", pure)]
    pub fn origin(verdict: &mut Verdict) -> String {
        verdict.origin.clone()
    }

    /// The verdict as the call that makes it.
    ///
    /// ```rhai
    /// expect(`${pass()}`, "pass()");
    /// ```
    #[rhai_fn(name = "to_string", name = "to_debug", pure)]
    pub fn verdict_text(verdict: &mut Verdict) -> String {
        format!("{}()", verdict.action.word())
    }

    /// The policy as the call that makes it.
    ///
    /// ```rhai
    /// expect(`${loss(0.2)}`, "loss(0.2)");
    /// ```
    #[rhai_fn(name = "to_string", name = "to_debug", pure)]
    pub fn policy_text(policy: &mut Policy) -> String {
        policy.to_string()
    }

    /// A random number from 0 up to, not including, 1. The seed of a run is printed at its end and can be given with
    /// `--seed`; each thread, and each packet a policy decides about, has draws of its own.
    ///
    /// ```rhai
    /// let heads = random() < 0.5;
    /// ```
    #[rhai_fn(volatile)]
    pub fn random() -> f64 {
        draw()
    }

    /// A random whole number from `low` to `high`, both included.
    ///
    /// Errors: `invalid`: `high` is below `low`.
    ///
    /// ```rhai
    /// let die = random(1, 6);
    /// expect(die >= 1 && die <= 6, true);
    /// ```
    #[rhai_fn(name = "random", volatile, return_raw)]
    pub fn random_int(ctx: NativeCallContext, low: i64, high: i64) -> ScriptResult<i64> {
        if high < low {
            return raise(&ctx, Error::invalid("random", format!("from {low} to {high} there is no number")));
        }
        let span = high.abs_diff(low) as f64 + 1.0;
        Ok(low.saturating_add((draw() * span) as i64).min(high))
    }
}
