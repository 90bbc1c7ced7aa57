//! Policies in scripts: what they are made of, the files they come from, and the places they decide at.

use std::sync::Arc;

use rhai::{AST, ASTNode, Array, Dynamic, EvalAltResult, Expr, FnPtr, Map, NativeCallContext, Position};

use self::scripted::Scripted;
use super::callback::{Callback, programs};
use super::context::{Context, ScriptStart};
use super::convert::{shown, typed};
use super::error::{OrRaise, ScriptResult, core_error, raise, thrown};
use super::{context, nesting};
use crate::net::error::{Error, ErrorKind};
use crate::net::policy::attached::{AttachedPolicy, Policy as NetPolicy};
use crate::net::policy::input::Site;
use crate::net::policy::{Native, Verdict};
use crate::net::random::Sequence;
use crate::net::socket::tcp::Listener;
use crate::net::socket::udp::UdpSocket;

pub mod draw;
pub mod frame;
pub mod live;
pub mod native;
pub(crate) mod scripted;
pub mod verdict;

/// A policy as a value of a script. Attaching it makes a copy with a state of its own.
#[derive(Clone, Debug)]
pub enum PolicyValue {
    /// A native one.
    Native(Native),
    /// A closure, with the file it came from.
    Closure(Box<Callback>, Option<Arc<str>>),
    /// Several, in turn.
    Chain(Vec<PolicyValue>),
}

impl PolicyValue {
    /// The policy that a script gives: a closure, one made before, or the name of one.
    ///
    /// # Errors
    /// `invalid`: it is neither.
    pub fn of(ctx: &NativeCallContext, value: Dynamic) -> ScriptResult<Self> {
        let given = shown(&value);
        if value.is_fnptr() {
            let callback = Callback::new(ctx, value.cast::<FnPtr>()).noting("policy");
            return match callback.takes().filter(|count| *count != 1) {
                None => Ok(Self::Closure(Box::new(callback), None)),
                Some(count) => {
                    let error = Error::invalid(
                        "policy",
                        format!("this closure takes {count} values, and a policy one: the packet"),
                    );
                    raise(ctx, error.with_hint("write: |pkt| …; for each packet alike: always(drop())"))
                }
            };
        }
        if value.is_string() {
            let (name, args) = specification(&value.to_string()).or_raise(ctx)?;
            return load(ctx, &name, args);
        }
        let is_verdict = value.is::<Verdict>();
        match value.try_cast::<Self>() {
            Some(made) => Ok(made),
            None => {
                let error = Error::invalid("policy", format!("{given} is no policy"));
                raise(
                    ctx,
                    error.with_hint(match is_verdict {
                        true => format!("it is a verdict; for each packet alike: always({given})"),
                        false => "give a closure, |pkt| …, or a policy such as loss(0.2)".to_string(),
                    }),
                )
            }
        }
    }

    /// A copy to be attached.
    fn attach(&self) -> NetPolicy {
        match self {
            Self::Native(native) => NetPolicy::Native(native.clone()),
            Self::Closure(callback, _) => {
                NetPolicy::Other(Box::new(Scripted::new(callback.fresh(), context::current())))
            }
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

/// Makes a policy ready to decide at `site`, from a fresh state; and its name. Called on a thread of a script.
///
/// # Errors
/// `invalid`: what it may ask for cannot be done there.
pub fn ready(made: &PolicyValue, site: &Site) -> Result<(AttachedPolicy, String), Error> {
    let context = context::current();
    if !matches!(made, PolicyValue::Closure(..)) {
        context.run.seed.mark_used();
    }
    let policy = AttachedPolicy::new(made.attach(), context.random.split(), site)?;
    Ok((policy, made.text()))
}

/// The same, for a native.
///
/// # Errors
/// As [`ready`].
pub fn attached_policy(
    ctx: &NativeCallContext,
    made: &PolicyValue,
    site: &Site,
) -> ScriptResult<(AttachedPolicy, String)> {
    ready(made, site).or_raise(ctx)
}

fn attach_to_listener(ctx: &NativeCallContext, listener: &Listener, made: &PolicyValue) -> ScriptResult<()> {
    let (policy, name) = attached_policy(ctx, made, &listener.site())?;
    listener.set_policy(policy, name);
    Ok(())
}

fn attach(ctx: &NativeCallContext, socket: &UdpSocket, made: &PolicyValue) -> ScriptResult<()> {
    let (policy, name) = attached_policy(ctx, made, &socket.site())?;
    socket.set_policy(policy, name);
    Ok(())
}

/// The policy in the file that `name` names, its options given as `args`.
fn load(ctx: &NativeCallContext, name: &str, args: Vec<String>) -> ScriptResult<PolicyValue> {
    let now = context::current();
    let from = ctx.call_source().unwrap_or(&now.script.name).to_string();
    let programs = programs();
    let (file, program) = find(name, &from)?;
    let script = Arc::new(ScriptStart {
        about: String::new(),
        args,
        main: false,
        given: Default::default(),
        explained: Default::default(),
        bound: Default::default(),
        name: file.clone(),
    });
    let random = Arc::new(Sequence::new(now.random.split()));
    let entered = nesting::enter("policy", &file).or_raise(ctx)?;
    let evaluated = programs.evaluate(&program, &Context { script: script.clone(), random, ..now });
    let in_file = |error: Box<EvalAltResult>| match *error {
        EvalAltResult::Exit(..) => error,
        _ => Box::new(EvalAltResult::ErrorInModule(file.clone(), error, ctx.call_position())),
    };
    drop(entered);
    let (value, global) = evaluated.map_err(in_file)?;
    if let Some(given) = script.args.first()
        && script.given.get().is_none()
    {
        let error = Error::invalid("policy", format!("it has no options, and was given {given}")).with_peer(&file);
        return raise(ctx, error.with_hint("declare them at its start: const OPT = options([ option(…) ]);"));
    }
    let given = shown(&value);
    if value.is_fnptr() {
        let place = program.statements().last().map_or(Position::NONE, |statement| statement.position());
        let callback = Callback::in_program(value.cast::<FnPtr>(), global, &file, place);
        return Ok(PolicyValue::Closure(Box::new(callback), Some(file.into())));
    }
    value.try_cast::<PolicyValue>().map_or_else(
        || {
            let what = if given.is_empty() { "nothing".to_string() } else { given };
            let error = Error::invalid("policy", format!("its value is {what}, not a policy")).with_peer(&file);
            raise(ctx, error.with_hint("end the file with a closure, |pkt| …, without a semicolon"))
        },
        Ok,
    )
}

/// Finds and compiles the policy that `name` names as seen from the script `from`.
fn find(name: &str, from: &str) -> ScriptResult<(String, AST)> {
    let programs = programs();
    let is_file = name.contains('/') || name.ends_with(".rhai");
    let path = if is_file { name.to_string() } else { format!("policies/{name}.rhai") };
    let found = match programs.load(&path, from) {
        // A file without a directory may be meant from where the user is, as one given on the command line.
        Err(error) if !path.contains('/') && is_file_error(&error) => programs.load(&format!("./{path}"), from),
        found => found,
    };
    let Err(error) = found else { return found };
    if !is_file || !is_file_error(&error) || std::path::Path::new(&path).exists() {
        return Err(error);
    }
    // What is near are the policies, not the scripts.
    let stem = std::path::Path::new(name).file_stem().unwrap_or_default().to_string_lossy();
    let near = programs.load(&format!("policies/{stem}.rhai"), "").err();
    let hint = near.and_then(|error| core_error(&error)).map_or(String::new(), |error| error.hint);
    let missing = Error::new(ErrorKind::File, "policy", "there is no such policy").with_peer(name);
    Err(thrown(missing.with_hint(hint), Position::NONE))
}

/// Checks that a policy as it is given on a command line names one; what is wrong in it is reported when it is loaded.
///
/// # Errors
/// In words: there is no such policy.
pub fn check(text: &str) -> Result<(), String> {
    let words = |error: Error| match error.hint.as_str() {
        "" => error.message,
        hint => format!("{}; {hint}", error.message),
    };
    let (name, _) = specification(text).map_err(words)?;
    match find(&name, &context::current().script.name) {
        Err(error) if is_file_error(&error) => Err(core_error(&error).map_or_else(|| error.to_string(), words)),
        _ => Ok(()),
    }
}

/// Whether `error` is that a file is not there, or cannot be read.
fn is_file_error(error: &EvalAltResult) -> bool {
    core_error(error).is_some_and(|error| error.kind == ErrorKind::File)
}

/// Splits `name:key=value,key=value` into the name and command-line arguments.
fn specification(text: &str) -> Result<(String, Vec<String>), Error> {
    let is_file = text.contains('/') || text.split([':', '=']).next().is_some_and(|name| name.ends_with(".rhai"));
    let Some((name, options)) = text.split_once(':') else {
        return match text.split_once('=').filter(|_| !is_file) {
            // `loss=0.3`
            Some((name, value)) => Err(Error::invalid("policy", format!("\"{text}\" has no name before its values"))
                .with_hint(format!("write: {}", with_key(name, value)))),
            None => Ok((text.to_string(), Vec::new())),
        };
    };
    let mut args = Vec::new();
    for part in options.split(',').filter(|part| !part.is_empty()) {
        let (key, value) = part.split_once('=').ok_or_else(|| {
            let hint = match options == part && !is_file && part.trim().parse::<f64>().is_ok() {
                true => format!("write: {}", with_key(name, part)),
                false => "write name:key=value,key=value, such as gilbert:p=0.05,r=0.3".to_string(),
            };
            Error::invalid("policy", format!("\"{part}\" in \"{text}\" is not key=value")).with_hint(hint)
        })?;
        args.push(format!("--{}={}", key.trim(), value.trim()));
    }
    Ok((name.to_string(), args))
}

/// A policy with its value under its first key, as in `loss:p=0.3`; the known ones say which that is.
fn with_key(name: &str, value: &str) -> String {
    let text = programs().load(&format!("policies/{name}.rhai"), "").ok();
    let key = text.and_then(|(_, program)| first_option(&program));
    format!("{name}:{}={value}", key.as_deref().unwrap_or("p"))
}

/// The name of the first option that a program declares.
fn first_option(program: &AST) -> Option<String> {
    let mut found = None;
    program.walk(&mut |path| {
        if let Some(ASTNode::Expr(Expr::FnCall(call, _))) = path.last()
            && matches!(call.name.as_str(), "option" | "argument" | "ask")
            && let Some(Expr::StringConstant(name, _)) = call.args.first()
        {
            found = Some(name.to_string());
        }
        found.is_none()
    });
    found
}

functions! {
    pub fn api;
    object PolicyValue as Policy, "A policy: native, from a file, or several in turn.";

    /// Several policies as one, native ones and closures: each sees the packet in turn, and the first whose verdict is not
    /// `pass()` decides.
    ///
    /// Errors: `invalid`: an item of the list is no policy.
    ///
    /// ```rhai
    /// let server = udp::bind("127.0.0.1:0");
    /// set_policy(server, chain([loss(0.0), loss(1.0)]));
    /// udp::bind("127.0.0.1:0").send_to("ping 1", server.addr);
    /// expect(`${server.recv(1.s).reply("no")}`, "drop()");
    /// ```
    fn chain(ctx: NativeCallContext, policies: Array) -> ScriptResult<PolicyValue> = {
        let list: ScriptResult<Vec<PolicyValue>> = policies.into_iter().map(|value| PolicyValue::of(&ctx, value)).collect();
        list.map(PolicyValue::Chain)
    };

    /// The policy in a file: a script whose value is the closure. A plain name is looked up in the directory `policies` of the
    /// scripts; options may follow it, as in `"gilbert:p=0.05,r=0.3"`.
    ///
    /// Errors: `file`: there is none; `invalid`: it has no such option, or its value is no policy; what it throws.
    ///
    /// ```rhai
    /// let server = udp::bind("127.0.0.1:0");
    /// set_policy(server, policy("loss:p=1"));
    /// udp::bind("127.0.0.1:0").send_to("ping 1", server.addr);
    /// expect(`${server.recv(1.s).reply("no")}`, "drop()");
    /// ```
    fn policy(ctx: NativeCallContext, name: &str) -> ScriptResult<PolicyValue> = {
        let (name, args) = specification(name).or_raise(&ctx)?;
        load(&ctx, &name, args)
    };

    /// The policy in a file, with options for it.
    ///
    /// Errors: as `policy(name)`.
    ///
    /// ```rhai
    /// let server = udp::bind("127.0.0.1:0");
    /// set_policy(server, policy("gilbert", #{ p: 1.0, r: 0.0 }));
    /// udp::bind("127.0.0.1:0").send_to("ping 1", server.addr);
    /// expect(`${server.recv(1.s).reply("no")}`, "drop()");
    /// ```
    fn policy(ctx: NativeCallContext, name: &str, options: Map) -> ScriptResult<PolicyValue> = {
        let args = options.iter().map(|(key, value)| format!("--{key}={}", typed(value))).collect();
        load(&ctx, name, args)
    };

    /// Has a policy decide about each request that the socket receives from now on: a closure that takes the packet and
    /// returns a verdict, a policy made before, which begins with a fresh state, or a name as for `policy`. Its draws come from the seed, the flow and the packet's number in the flow, so that the same
    /// seed drops the same packets. What the closure captured is copied: it is the policy's own state, and the calls of
    /// several threads take turns.
    ///
    /// A closure that throws, or returns no verdict, is reported once with its line, counted, and the packet passes.
    ///
    /// Errors: `invalid`: it is no policy, or rejects, which a server cannot do; as for `policy`.
    ///
    /// ```rhai
    /// let server = udp::bind("127.0.0.1:0");
    /// set_policy(server, loss(1.0));
    /// set_policy(server, |pkt| if random() < 0.2 || pkt.number == 1 { drop() } else { pass() });
    /// udp::bind("127.0.0.1:0").send_to("ping 1", server.addr);
    /// expect(`${server.recv(1.s).reply("no")}`, "drop()");
    /// ```
    fn set_policy(ctx: NativeCallContext, socket: UdpSocket, policy: Dynamic) -> ScriptResult<()> =
        attach(&ctx, &socket, &PolicyValue::of(&ctx, policy)?);

    /// Has `policy` decide about each message that comes over the listener's connections from now on; it sees whole messages,
    /// as the framing distinguishes them, and their replies meet the fate. See `set_policy` of a UDP socket.
    ///
    /// Errors: `invalid`: it is no policy, or rejects, which a server cannot do; as for `policy`.
    ///
    /// ```rhai
    /// let listener = tcp::listen("127.0.0.1:0", #{ framing: "line" });
    /// set_policy(listener, loss(1.0));
    /// set_policy(listener, |pkt| if pkt.number == 1 { drop() } else { pass() });
    /// let conn = tcp::connect(listener.addr, #{ framing: "line" });
    /// conn.send("ping 1");
    /// expect(`${listener.accept().recv(1.s).reply("no")}`, "drop()");
    /// ```
    fn set_policy(ctx: NativeCallContext, listener: Listener, policy: Dynamic) -> ScriptResult<()> =
        attach_to_listener(&ctx, &listener, &PolicyValue::of(&ctx, policy)?);

    /// The policy as the call that makes it.
    ///
    /// ```rhai
    /// expect(`${loss(0.2)}`, "loss(0.2)");
    /// ```
    fn to_string | to_debug(policy: &mut PolicyValue) -> String = policy.text();
}
