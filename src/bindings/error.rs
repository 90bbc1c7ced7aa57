//! Errors of the core as scripts catch them: an object with `kind`, `message`, `op`, `peer` and `code`.

use rhai::{Dynamic, EvalAltResult, NativeCallContext, Position};

use crate::net::error::Error;

/// The result of a native that can fail.
pub type ScriptResult<T> = Result<T, Box<EvalAltResult>>;

/// Throws `error` at the place of the call.
pub fn raise<T>(ctx: &NativeCallContext, error: Error) -> ScriptResult<T> {
    Err(thrown(error, ctx.call_position()))
}

/// What hints of the core advise, and how a script does it.
const IN_SCRIPTS: &[(&str, &str)] = &[
    ("make a new lab", "with lab::create()"),
    ("a socket of its own", "as udp::open(server) makes"),
    ("open a socket for the target", "with icmp::open(target)"),
    ("a larger `limit` of the connection allows more", "an option of tcp::connect and tcp::listen"),
];

/// `error` as something thrown at `position`.
pub fn thrown(mut error: Error, position: Position) -> Box<EvalAltResult> {
    if let Some((_, how)) = IN_SCRIPTS.iter().find(|(advice, _)| error.hint.ends_with(advice)) {
        error.hint = format!("{}, {how}", error.hint);
    }
    EvalAltResult::ErrorRuntime(Dynamic::from(error), position).into()
}

/// The core's error that `error` is at its bottom, if it is one.
pub fn core_error(error: &EvalAltResult) -> Option<Error> {
    match error {
        EvalAltResult::ErrorInFunctionCall(_, _, inner, _) | EvalAltResult::ErrorInModule(_, inner, _) => {
            core_error(inner)
        }
        EvalAltResult::ErrorRuntime(value, _) => value.clone().try_cast::<Error>(),
        _ => None,
    }
}

/// A result of the core as a result of a native.
pub trait OrRaise<T> {
    /// The value, or the error thrown at the place of the call.
    ///
    /// # Errors
    /// The error of the core.
    fn or_raise(self, ctx: &NativeCallContext) -> ScriptResult<T>;
}

impl<T> OrRaise<T> for Result<T, Error> {
    fn or_raise(self, ctx: &NativeCallContext) -> ScriptResult<T> {
        self.or_else(|error| raise(ctx, error))
    }
}

functions! {
    pub fn api;
    object Error as NetError, "An error thrown by a native.";

    /// What kind of failure it is: `"invalid"`, `"resolve"`, `"in-use"`, `"not-local"`, `"permission"`, `"closed"`,
    /// `"unreachable"`, `"too-large"`, `"exhausted"`, `"refused"`, `"reset"`, `"timeout"`, `"file"`, `"busy"`,
    /// `"interrupted"` or `"system"`.
    ///
    /// ```rhai
    /// try { udp::bind("127.0.0.1:99999"); } catch (e) { expect(e.kind, "invalid"); }
    /// ```
    get kind(error: &mut Error) -> String = error.kind.word().to_string();

    /// What went wrong, in words.
    ///
    /// ```rhai
    /// try { udp::bind("127.0.0.1:x"); } catch (e) { expect(e.message.is_empty(), false); }
    /// ```
    get message(error: &mut Error) -> String = error.message.clone();

    /// The operation that failed, such as `"bind"` or `"send"`.
    ///
    /// ```rhai
    /// try { udp::bind("192.0.2.1:0"); } catch (e) { expect(e.op, "bind"); }
    /// ```
    get op(error: &mut Error) -> String = error.op.to_string();

    /// The address or name the operation was about; empty if there is none.
    ///
    /// ```rhai
    /// try { udp::bind("192.0.2.1:0"); } catch (e) { expect(e.peer, "192.0.2.1:0"); }
    /// ```
    get peer(error: &mut Error) -> String = error.peer.clone();

    /// What to do next; empty if there is nothing to say.
    ///
    /// ```rhai
    /// let hint = "";
    /// try { udp::bind("127.0.0.1:0", #{ ttll: 5 }); } catch (e) { hint = e.hint; }
    /// expect(hint.contains("ttl"), true);
    /// ```
    get hint(error: &mut Error) -> String = error.hint.clone();

    /// The system's error number (errno(3)), or `()` if the system reported none.
    ///
    /// ```rhai
    /// try { resolve("127.0.0.1:x"); } catch (e) { expect(e.code, ()); }
    /// ```
    get code(error: &mut Error) -> Dynamic = error.code.map_or(Dynamic::UNIT, |code| Dynamic::from(i64::from(code)));

    /// The error as one line: operation, address and what went wrong.
    ///
    /// ```rhai
    /// try { udp::bind("192.0.2.1:0"); } catch (e) { expect(`${e}`.starts_with("bind 192.0.2.1:0: "), true); }
    /// ```
    fn to_string | to_debug(error: &mut Error) -> String = error.to_string();
}
