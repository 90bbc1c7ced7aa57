//! Verdicts, policies and draws.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rhai::plugin::*;
use rhai::{Array, Dynamic, EvalAltResult, FnPtr, Map, NativeCallContext, Position};

use super::callback::{Callback, programs};
use super::context::{self, Context, Script, ScriptResult};
use super::convert::{Options, bytes, shown, typed};
use super::error::{OrRaise, raise, thrown};
use super::exit;
use super::udp::Packet;
use crate::net::error::{Error, ErrorKind};
use crate::net::judge::{Decide, Judge, Policy as NetPolicy};
use crate::net::policy::{self, Action, Gilbert, Native, Place};
use crate::net::random::{Sequence, Stream};
use crate::net::time::Duration;
use crate::net::udp::{Datagram, UdpSocket};

/// A policy as a value of a script. Attaching it makes a copy with a state of its own.
#[derive(Clone, Debug)]
pub enum Made {
    /// A native one.
    Native(Native),
    /// A closure, with the file it came from.
    Closure(Box<Callback>, Option<Arc<str>>),
    /// Several, in turn.
    Chain(Vec<Made>),
}

impl Made {
    fn of(ctx: &NativeCallContext, value: Dynamic) -> ScriptResult<Self> {
        let given = shown(&value);
        if value.is_fnptr() {
            return Ok(Self::Closure(Box::new(Callback::new(ctx, value.cast::<FnPtr>())), None));
        }
        match value.try_cast::<Self>() {
            Some(made) => Ok(made),
            None => {
                let error = Error::invalid("policy", format!("{given} is no policy"));
                raise(ctx, error.with_hint("give a closure, |pkt| …, or a policy such as loss(0.2)"))
            }
        }
    }

    /// A copy to be attached.
    fn attach(&self) -> NetPolicy {
        match self {
            Self::Native(native) => NetPolicy::Native(native.clone()),
            Self::Closure(callback, _) => NetPolicy::Other(Box::new(Scripted {
                callback: Mutex::new(callback.fresh()),
                told: AtomicBool::new(false),
            })),
            Self::Chain(list) => NetPolicy::Chain(list.iter().map(Self::attach).collect()),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Native(native) => native.to_string(),
            Self::Closure(_, Some(file)) => format!("policy(\"{file}\")"),
            Self::Closure(_, None) => "a closure".to_string(),
            Self::Chain(list) => {
                format!("chain([{}])", list.iter().map(Self::text).collect::<Vec<_>>().join(", "))
            }
        }
    }
}

/// A closure at work as a policy. Its calls take turns, so that its state is its own.
#[derive(Debug)]
struct Scripted {
    callback: Mutex<Callback>,
    /// Whether its failure was reported.
    told: AtomicBool,
}

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
    ) -> Option<policy::Verdict> {
        let mut callback = self.callback.lock().unwrap_or_else(PoisonError::into_inner);
        let packet = Packet::under_judgement(socket.clone(), request.clone(), *place);
        let before = DECIDING.replace(Some(Deciding { stream: place.draws, drawn: Vec::new() }));
        let result = callback.call([Dynamic::from(packet)]).and_then(|value| as_verdict(&callback, value));
        if let Some(deciding) = DECIDING.replace(before) {
            *draws = deciding.drawn;
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
                if !ended && !self.told.swap(true, Ordering::Relaxed) {
                    context::peek(|context| context.run.failed.fetch_add(1, Ordering::Relaxed));
                    programs().report("policy (packets it fails on pass)", &error);
                }
                None
            }
        }
    }
}

const NO_EXIT: &str = "a policy decides about packets and cannot end the script, by exit() or an expect() that fails";
const NO_EXIT_HINT: &str =
    "have it count what the script is to end for, and look at the count in the script: counter()";

/// An error of the policy itself, at the place where it was given away.
fn at_policy(callback: &Callback, error: Error) -> Box<EvalAltResult> {
    let (source, position) = callback.place();
    let error = thrown(error, position);
    match source {
        Some(source) if !callback.is_of_script() => {
            EvalAltResult::ErrorInFunctionCall("policy".into(), source.to_string(), error, Position::NONE).into()
        }
        _ => error,
    }
}

/// What a policy's closure returned, as a verdict that a server can carry out.
fn as_verdict(callback: &Callback, value: Dynamic) -> ScriptResult<policy::Verdict> {
    if let Some(verdict) = value.read_lock::<policy::Verdict>()
        && crate::net::judge::possible(&verdict.action).is_ok()
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
    crate::net::judge::possible(&verdict.action).map_err(at)?;
    Ok(verdict)
}

/// A draw in [0, 1): of the packet under decision, or else the next of this thread.
fn draw() -> f64 {
    let decided = DECIDING.with_borrow_mut(|deciding| {
        deciding.as_mut().map(|deciding| {
            let draw = deciding.stream.draw(deciding.drawn.len() as u64 + 1);
            deciding.drawn.push(draw);
            draw
        })
    });
    let draw = context::peek(|context| {
        context.run.seed.mark_used();
        decided.unwrap_or_else(|| context.random.draw())
    });
    draw.unwrap_or_default()
}

fn verdict(ctx: &NativeCallContext, action: Action) -> policy::Verdict {
    policy::Verdict { action, origin: origin(ctx.call_source(), ctx.call_position().line()) }
}

/// The place of a verdict, `scripts/udp_server.rhai:9`. Most verdicts of a thread come from few places: the last one's text
/// is kept.
fn origin(source: Option<&str>, line: Option<usize>) -> Arc<str> {
    thread_local! {
        static LAST: RefCell<(String, usize, Arc<str>)> = RefCell::new((String::new(), 0, "".into()));
    }
    let main = || context::peek(|context| context.script.name.clone()).unwrap_or_default();
    LAST.with_borrow_mut(|(last_source, last_line, text)| {
        let line = line.unwrap_or(0);
        if source != Some(last_source.as_str()) || line != *last_line {
            *last_source = source.map_or_else(main, str::to_string);
            *last_line = line;
            *text = if line == 0 { last_source.as_str().into() } else { format!("{last_source}:{line}").into() };
        }
        text.clone()
    })
}

fn attach(ctx: &NativeCallContext, socket: &UdpSocket, made: &Made) -> ScriptResult<()> {
    let context = context::current();
    if !matches!(made, Made::Closure(..)) {
        context.run.seed.mark_used();
    }
    let judge = Judge::new(made.attach(), context.random.split()).or_raise(ctx)?;
    socket.set_judge(judge, made.text());
    Ok(())
}

/// The policy in the file that `name` names, its options given as `args`.
fn load(ctx: &NativeCallContext, name: &str, args: Vec<String>) -> ScriptResult<Made> {
    let now = context::current();
    let is_file = name.contains('/') || name.ends_with(".rhai");
    let path = if is_file { name.to_string() } else { format!("policies/{name}.rhai") };
    let from = ctx.call_source().unwrap_or(&now.script.name).to_string();
    let programs = programs();
    let (file, program) = match programs.load(&path, &from) {
        // A file without a folder may be meant from where the user is, as one given on the command line.
        Err(error) if !path.contains('/') && is_file_error(&error) => programs.load(&format!("./{path}"), &from),
        found => found,
    }?;
    let script = Arc::new(Script {
        about: String::new(),
        args,
        main: false,
        has_options: AtomicBool::new(false),
        bound: Default::default(),
        name: file.clone(),
    });
    let random = Arc::new(Sequence::new(now.random.split()));
    let evaluated = programs.evaluate(&program, &Context { script: script.clone(), random, ..now });
    let in_file = |error: Box<EvalAltResult>| match *error {
        EvalAltResult::Exit(..) => error,
        _ => Box::new(EvalAltResult::ErrorInModule(file.clone(), error, ctx.call_position())),
    };
    let (value, global) = evaluated.map_err(in_file)?;
    if let Some(given) = script.args.first()
        && !script.has_options.load(Ordering::Relaxed)
    {
        let error = Error::invalid("policy", format!("it has no options, and was given {given}")).with_peer(&file);
        return raise(ctx, error.with_hint("declare them at its start: const OPT = options([ option(…) ]);"));
    }
    let given = shown(&value);
    if value.is_fnptr() {
        let place = program.statements().last().map_or(Position::NONE, |statement| statement.position());
        let callback = Callback::in_program(value.cast::<FnPtr>(), global, &file, place);
        return Ok(Made::Closure(Box::new(callback), Some(file.into())));
    }
    value.try_cast::<Made>().map_or_else(
        || {
            let what = if given.is_empty() { "nothing".to_string() } else { given };
            let error = Error::invalid("policy", format!("its value is {what}, not a policy")).with_peer(&file);
            raise(ctx, error.with_hint("end the file with a closure, |pkt| …, without a semicolon"))
        },
        Ok,
    )
}

/// Whether `error` is that a file is not there, or cannot be read.
fn is_file_error(error: &EvalAltResult) -> bool {
    let EvalAltResult::ErrorRuntime(value, _) = error else { return false };
    value.read_lock::<Error>().is_some_and(|error| error.kind == ErrorKind::File)
}

/// Splits `name:key=value,key=value` into the name and command-line arguments.
fn specification(text: &str) -> Result<(String, Vec<String>), Error> {
    let Some((name, options)) = text.split_once(':') else { return Ok((text.to_string(), Vec::new())) };
    let mut args = Vec::new();
    for part in options.split(',').filter(|part| !part.is_empty()) {
        let (key, value) = part.split_once('=').ok_or_else(|| {
            Error::invalid("policy", format!("\"{part}\" in \"{text}\" is not key=value"))
                .with_hint("write name:key=value,key=value, such as gilbert:p=0.05,r=0.3")
        })?;
        args.push(format!("--{}={}", key.trim(), value.trim()));
    }
    Ok((name.to_string(), args))
}

/// Verdicts, policies and draws.
#[export_module]
#[allow(clippy::unwrap_used)] // the code that the macro writes
pub mod api {
    /// What is to be done with a packet.
    pub type Verdict = policy::Verdict;
    /// A policy: native, from a file, or several in turn.
    pub type Policy = super::Made;

    /// The verdict that lets a packet through. In a server: the answer is sent.
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

    /// The verdict that lets a packet through later. In a server: the answer is sent when that time has passed, and the loop
    /// goes on meanwhile.
    ///
    /// Errors: `invalid`: the duration is negative.
    ///
    /// ```rhai
    /// set_policy(udp::bind("127.0.0.1:0"), |pkt| delay(20.ms));
    /// ```
    #[rhai_fn(volatile, return_raw)]
    pub fn delay(ctx: NativeCallContext, by: Duration) -> ScriptResult<Verdict> {
        if by.is_negative() {
            return raise(&ctx, Error::invalid("delay", "a delay cannot be negative"));
        }
        Ok(verdict(&ctx, Action::Delay(by)))
    }

    /// The verdict that lets a packet through so many times in all. In a server: the answer is sent that often.
    ///
    /// Errors: `invalid`: not 1 to 100.
    ///
    /// ```rhai
    /// set_policy(udp::bind("127.0.0.1:0"), |pkt| duplicate(2));
    /// ```
    #[rhai_fn(volatile, return_raw)]
    pub fn duplicate(ctx: NativeCallContext, times: i64) -> ScriptResult<Verdict> {
        match u32::try_from(times) {
            Ok(times @ 1..=100) => Ok(verdict(&ctx, Action::Duplicate(times))),
            _ => raise(&ctx, Error::invalid("duplicate", format!("a packet can be there 1 to 100 times, not {times}"))),
        }
    }

    /// The verdict that lets other bytes through in a packet's place: a string or a blob. In a server: they are the answer.
    ///
    /// ```rhai
    /// set_policy(udp::bind("127.0.0.1:0"), |pkt| replace("nothing to see here"));
    /// ```
    #[rhai_fn(volatile, return_raw)]
    pub fn replace(ctx: NativeCallContext, data: Dynamic) -> ScriptResult<Verdict> {
        let data = bytes(&ctx, data)?;
        Ok(verdict(&ctx, Action::Replace(data.into())))
    }

    /// The verdict that lets a packet through with one bit of its payload turned over; which one is drawn. In a server: the
    /// answer is damaged so.
    ///
    /// ```rhai
    /// set_policy(udp::bind("127.0.0.1:0"), |pkt| corrupt());
    /// ```
    #[rhai_fn(volatile)]
    pub fn corrupt(ctx: NativeCallContext) -> Verdict {
        context::peek(|context| context.run.seed.mark_used());
        verdict(&ctx, Action::Corrupt)
    }

    /// The verdict that loses a packet and tells its sender by an ICMP error. A server cannot do that: there it is an error.
    ///
    /// ```rhai
    /// expect(reject("port-unreachable").kind, "reject");
    /// ```
    #[rhai_fn(volatile)]
    pub fn reject(ctx: NativeCallContext, kind: &str) -> Verdict {
        verdict(&ctx, Action::Reject(kind.into()))
    }

    /// A policy that drops each packet with probability `p`, from 0 to 1, independently.
    ///
    /// Errors: `invalid`: `p` is outside of 0 to 1.
    ///
    /// ```rhai
    /// let server = udp::bind("127.0.0.1:0");
    /// set_policy(server, loss(0.2));
    /// ```
    #[rhai_fn(return_raw)]
    pub fn loss(ctx: NativeCallContext, p: f64) -> ScriptResult<Policy> {
        Native::chance(p, Action::Drop).map(Made::Native).or_raise(&ctx)
    }

    /// A policy that drops nothing (0) or everything (1).
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

    /// A policy by which each packet meets the verdict with probability `p`, independently.
    ///
    /// Errors: `invalid`: `p` is outside of 0 to 1.
    ///
    /// ```rhai
    /// set_policy(udp::bind("127.0.0.1:0"), chance(0.1, corrupt()));
    /// ```
    #[rhai_fn(return_raw)]
    pub fn chance(ctx: NativeCallContext, p: f64, verdict: Verdict) -> ScriptResult<Policy> {
        Native::chance(p, verdict.action).map(Made::Native).or_raise(&ctx)
    }

    /// A policy by which no packet (0) or each packet (1) meets the verdict.
    ///
    /// Errors: `invalid`: `p` is outside of 0 to 1.
    ///
    /// ```rhai
    /// set_policy(udp::bind("127.0.0.1:0"), chance(1, corrupt()));
    /// ```
    #[rhai_fn(name = "chance", return_raw)]
    pub fn chance_int(ctx: NativeCallContext, p: i64, verdict: Verdict) -> ScriptResult<Policy> {
        chance(ctx, p as f64, verdict)
    }

    /// A policy by which each packet meets the verdict.
    ///
    /// ```rhai
    /// set_policy(udp::bind("127.0.0.1:0"), always(delay(20.ms)));
    /// ```
    pub fn always(verdict: Verdict) -> Policy {
        Made::Native(Native::always(verdict.action))
    }

    /// A policy that drops each n-th packet of a flow.
    ///
    /// Errors: `invalid`: `n` is below 1.
    ///
    /// ```rhai
    /// set_policy(udp::bind("127.0.0.1:0"), every(3));
    /// ```
    #[rhai_fn(return_raw)]
    pub fn every(ctx: NativeCallContext, n: i64) -> ScriptResult<Policy> {
        Native::every(n, Action::Drop).map(Made::Native).or_raise(&ctx)
    }

    /// A policy by which each n-th packet of a flow meets the verdict.
    ///
    /// Errors: `invalid`: `n` is below 1.
    ///
    /// ```rhai
    /// set_policy(udp::bind("127.0.0.1:0"), every(3, duplicate(2)));
    /// ```
    #[rhai_fn(name = "every", return_raw)]
    pub fn every_with(ctx: NativeCallContext, n: i64, verdict: Verdict) -> ScriptResult<Policy> {
        Native::every(n, verdict.action).map(Made::Native).or_raise(&ctx)
    }

    /// A policy that drops the first n packets of each flow.
    ///
    /// Errors: `invalid`: `n` is negative.
    ///
    /// ```rhai
    /// set_policy(udp::bind("127.0.0.1:0"), first(2));
    /// ```
    #[rhai_fn(return_raw)]
    pub fn first(ctx: NativeCallContext, n: i64) -> ScriptResult<Policy> {
        Native::first(n, Action::Drop).map(Made::Native).or_raise(&ctx)
    }

    /// A policy by which the first n packets of each flow meet the verdict.
    ///
    /// Errors: `invalid`: `n` is negative.
    ///
    /// ```rhai
    /// set_policy(udp::bind("127.0.0.1:0"), first(2, delay(1.s)));
    /// ```
    #[rhai_fn(name = "first", return_raw)]
    pub fn first_with(ctx: NativeCallContext, n: i64, verdict: Verdict) -> ScriptResult<Policy> {
        Native::first(n, verdict.action).map(Made::Native).or_raise(&ctx)
    }

    /// A policy that goes through a pattern for each flow, again and again: at a `1` the packet passes, at a `0` it is dropped.
    ///
    /// Errors: `invalid`: the pattern is empty, or has other signs.
    ///
    /// ```rhai
    /// set_policy(udp::bind("127.0.0.1:0"), pattern("1101"));
    /// ```
    #[rhai_fn(return_raw)]
    pub fn pattern(ctx: NativeCallContext, pattern: &str) -> ScriptResult<Policy> {
        Native::pattern(pattern, Action::Drop).map(Made::Native).or_raise(&ctx)
    }

    /// A policy that goes through a pattern for each flow: at a `1` the packet passes, at a `0` it meets the verdict.
    ///
    /// Errors: `invalid`: the pattern is empty, or has other signs.
    ///
    /// ```rhai
    /// set_policy(udp::bind("127.0.0.1:0"), pattern("10", corrupt()));
    /// ```
    #[rhai_fn(name = "pattern", return_raw)]
    pub fn pattern_with(ctx: NativeCallContext, pattern: &str, verdict: Verdict) -> ScriptResult<Policy> {
        Native::pattern(pattern, verdict.action).map(Made::Native).or_raise(&ctx)
    }

    /// A policy that drops in bursts, by the model of Gilbert: before each packet a flow's good state turns bad with
    /// probability `p`, its bad state good with probability `r`; in the bad state all is dropped. Bursts are 1/r packets long
    /// in the mean, the loss is p/(p+r).
    ///
    /// Errors: `invalid`: a probability is outside of 0 to 1.
    ///
    /// ```rhai
    /// set_policy(udp::bind("127.0.0.1:0"), gilbert(0.05, 0.25));
    /// ```
    #[rhai_fn(return_raw)]
    pub fn gilbert(ctx: NativeCallContext, p: f64, r: f64) -> ScriptResult<Policy> {
        Native::gilbert(Gilbert { p, r, good: 0.0, bad: 1.0 }, Action::Drop).map(Made::Native).or_raise(&ctx)
    }

    /// A policy that drops in bursts; with `r` 0, the bad state lasts for ever, with 1 for one packet.
    ///
    /// Errors: as `gilbert(p, r)`.
    ///
    /// ```rhai
    /// set_policy(udp::bind("127.0.0.1:0"), gilbert(0.05, 1));
    /// ```
    #[rhai_fn(name = "gilbert", return_raw)]
    pub fn gilbert_r_int(ctx: NativeCallContext, p: f64, r: i64) -> ScriptResult<Policy> {
        gilbert(ctx, p, r as f64)
    }

    /// A policy that drops in bursts; with `p` 0, none ever begins, with 1 the first packet begins one.
    ///
    /// Errors: as `gilbert(p, r)`.
    ///
    /// ```rhai
    /// set_policy(udp::bind("127.0.0.1:0"), gilbert(1, 0.25));
    /// ```
    #[rhai_fn(name = "gilbert", return_raw)]
    pub fn gilbert_p_int(ctx: NativeCallContext, p: i64, r: f64) -> ScriptResult<Policy> {
        gilbert(ctx, p as f64, r)
    }

    /// A policy that drops in bursts, with whole numbers.
    ///
    /// Errors: as `gilbert(p, r)`.
    ///
    /// ```rhai
    /// set_policy(udp::bind("127.0.0.1:0"), gilbert(1, 1));
    /// ```
    #[rhai_fn(name = "gilbert", return_raw)]
    pub fn gilbert_ints(ctx: NativeCallContext, p: i64, r: i64) -> ScriptResult<Policy> {
        gilbert(ctx, p as f64, r as f64)
    }

    /// A policy that drops in bursts, by the model of Gilbert and Elliott: `p`, `r` as in `gilbert(p, r)`, and the share
    /// dropped in the `good` state (0.0) and in the `bad` one (1.0).
    ///
    /// Errors: `invalid`: a probability is outside of 0 to 1, or missing; an unknown option.
    ///
    /// ```rhai
    /// set_policy(udp::bind("127.0.0.1:0"), gilbert(#{ p: 0.05, r: 0.25, good: 0.01, bad: 0.9 }));
    /// ```
    #[rhai_fn(name = "gilbert", return_raw)]
    pub fn gilbert_elliott(ctx: NativeCallContext, options: Map) -> ScriptResult<Policy> {
        let mut options = Options::new("gilbert", &options);
        let mut read = || {
            let mut needed = |key| {
                options.number(key)?.ok_or_else(|| Error::invalid("gilbert", format!("option `{key}` is missing")))
            };
            let (p, r) = (needed("p")?, needed("r")?);
            let (good, bad) = (options.number("good")?.unwrap_or(0.0), options.number("bad")?.unwrap_or(1.0));
            Ok(Gilbert { p, r, good, bad })
        };
        let model = read().or_raise(&ctx)?;
        options.finish().or_raise(&ctx)?;
        Native::gilbert(model, Action::Drop).map(Made::Native).or_raise(&ctx)
    }

    /// A policy that delays each packet by `delay`, give or take up to `spread`, evenly drawn. Packets may overtake each
    /// other.
    ///
    /// Errors: `invalid`: a duration is negative.
    ///
    /// ```rhai
    /// set_policy(udp::bind("127.0.0.1:0"), jitter(20.ms, 5.ms));
    /// ```
    #[rhai_fn(return_raw)]
    pub fn jitter(ctx: NativeCallContext, delay: Duration, spread: Duration) -> ScriptResult<Policy> {
        Native::jitter(delay, spread).map(Made::Native).or_raise(&ctx)
    }

    /// Several policies as one, native ones and closures: each sees the packet in turn, and the first whose verdict is not
    /// `pass()` decides.
    ///
    /// Errors: `invalid`: an item of the list is no policy.
    ///
    /// ```rhai
    /// set_policy(udp::bind("127.0.0.1:0"), chain([loss(0.1), jitter(20.ms, 5.ms)]));
    /// ```
    #[rhai_fn(return_raw)]
    pub fn chain(ctx: NativeCallContext, policies: Array) -> ScriptResult<Policy> {
        let list: ScriptResult<Vec<Made>> = policies.into_iter().map(|value| Made::of(&ctx, value)).collect();
        list.map(Made::Chain)
    }

    /// The policy in a file: a script whose value is the closure. A plain name is looked up in the folder `policies` of the
    /// scripts; options may follow it, as in `"gilbert:p=0.05,r=0.3"`.
    ///
    /// Errors: `file`: there is none; `invalid`: it has no such option, or its value is no policy; what it throws.
    ///
    /// ```rhai
    /// set_policy(udp::bind("127.0.0.1:0"), policy("loss:p=0.5"));
    /// ```
    #[rhai_fn(name = "policy", return_raw)]
    pub fn policy_named(ctx: NativeCallContext, name: &str) -> ScriptResult<Policy> {
        let (name, args) = specification(name).or_raise(&ctx)?;
        load(&ctx, &name, args)
    }

    /// The policy in a file, with options for it.
    ///
    /// Errors: as `policy(name)`.
    ///
    /// ```rhai
    /// set_policy(udp::bind("127.0.0.1:0"), policy("gilbert", #{ p: 0.05, r: 0.25 }));
    /// ```
    #[rhai_fn(name = "policy", return_raw)]
    pub fn policy_with(ctx: NativeCallContext, name: &str, options: Map) -> ScriptResult<Policy> {
        let args = options.iter().map(|(key, value)| format!("--{key}={}", typed(value))).collect();
        load(&ctx, name, args)
    }

    /// Has `policy` decide about each request that the socket receives from now on: a closure that takes the packet and
    /// returns a verdict. Its draws come from the seed, the flow and the packet's number in the flow, so that the same
    /// seed drops the same packets. What the closure captured is copied: it is the policy's own state, and the calls of
    /// several threads take turns.
    ///
    /// A closure that throws, or returns no verdict, is reported once with its line, counted, and the packet passes.
    ///
    /// ```rhai
    /// let server = udp::bind("127.0.0.1:0");
    /// set_policy(server, |pkt| if random() < 0.2 { drop() } else { pass() });
    /// ```
    #[rhai_fn(return_raw)]
    pub fn set_policy(ctx: NativeCallContext, socket: UdpSocket, policy: FnPtr) -> ScriptResult<()> {
        let made = Made::of(&ctx, Dynamic::from(policy))?;
        attach(&ctx, &socket, &made)
    }

    /// Has a policy made before decide about each request that the socket receives from now on, from a fresh state.
    ///
    /// Errors: `invalid`: it rejects, which a server cannot do.
    ///
    /// ```rhai
    /// set_policy(udp::bind("127.0.0.1:0"), loss(0.5));
    /// ```
    #[rhai_fn(name = "set_policy", return_raw)]
    pub fn set_made_policy(ctx: NativeCallContext, socket: UdpSocket, policy: Policy) -> ScriptResult<()> {
        attach(&ctx, &socket, &policy)
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
        verdict.origin.to_string()
    }

    /// The verdict as the call that makes it.
    ///
    /// ```rhai
    /// expect(`${delay(20.ms)}`, "delay(20ms)");
    /// ```
    #[rhai_fn(name = "to_string", name = "to_debug", pure)]
    pub fn verdict_text(verdict: &mut Verdict) -> String {
        verdict.action.to_string()
    }

    /// The policy as the call that makes it.
    ///
    /// ```rhai
    /// expect(`${loss(0.2)}`, "loss(0.2)");
    /// ```
    #[rhai_fn(name = "to_string", name = "to_debug", pure)]
    pub fn policy_text(policy: &mut Policy) -> String {
        policy.text()
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
