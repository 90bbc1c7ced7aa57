//! The native policies, by the calls that make them.

use rhai::{Map, NativeCallContext};

use super::PolicyValue;
use crate::bindings::convert::Options;
use crate::bindings::error::{OrRaise, ScriptResult};
use crate::net::error::Error;
use crate::net::policy::Verdict;
use crate::net::policy::{Action, Gilbert, Native};
use crate::net::time::Duration;

functions! {
    pub fn api;

    /// A policy that drops each packet with probability `p`, from 0 to 1, independently.
    ///
    /// Errors: `invalid`: `p` is outside of 0 to 1.
    ///
    /// ```rhai
    /// let policy = loss(0.2);
    /// set_policy(udp::bind("127.0.0.1:0"), policy);
    /// expect(`${policy}`, "loss(0.2)");
    /// ```
    fn loss as loss(ctx: NativeCallContext, p: f64) -> ScriptResult<PolicyValue> =
        Native::chance(p, Action::Drop).map(PolicyValue::Native).or_raise(&ctx);

    /// A policy that drops nothing (0) or everything (1).
    ///
    /// Errors: `invalid`: `p` is outside of 0 to 1.
    ///
    /// ```rhai
    /// let policy = loss(1);
    /// set_policy(udp::bind("127.0.0.1:0"), policy);
    /// expect(`${policy}`, "loss(1)");
    /// ```
    fn loss(ctx: NativeCallContext, p: i64) -> ScriptResult<PolicyValue> = loss(ctx, p as f64);

    /// A policy by which each packet meets the verdict with probability `p`, independently.
    ///
    /// Errors: `invalid`: `p` is outside of 0 to 1.
    ///
    /// ```rhai
    /// let policy = chance(0.1, corrupt());
    /// set_policy(udp::bind("127.0.0.1:0"), policy);
    /// expect(`${policy}`, "chance(0.1, corrupt())");
    /// ```
    fn chance as chance(ctx: NativeCallContext, p: f64, verdict: Verdict) -> ScriptResult<PolicyValue> =
        Native::chance(p, verdict.action).map(PolicyValue::Native).or_raise(&ctx);

    /// A policy by which no packet (0) or each packet (1) meets the verdict.
    ///
    /// Errors: `invalid`: `p` is outside of 0 to 1.
    ///
    /// ```rhai
    /// let policy = chance(1, corrupt());
    /// set_policy(udp::bind("127.0.0.1:0"), policy);
    /// expect(`${policy}`, "chance(1, corrupt())");
    /// ```
    fn chance(ctx: NativeCallContext, p: i64, verdict: Verdict) -> ScriptResult<PolicyValue> =
        chance(ctx, p as f64, verdict);

    /// A policy by which each packet meets the verdict.
    ///
    /// ```rhai
    /// let policy = always(delay(20.ms));
    /// set_policy(udp::bind("127.0.0.1:0"), policy);
    /// expect(`${policy}`, "always(delay(20ms))");
    /// ```
    fn always(verdict: Verdict) -> PolicyValue = PolicyValue::Native(Native::always(verdict.action));

    /// A policy that drops each n-th packet of a flow.
    ///
    /// Errors: `invalid`: `n` is below 1.
    ///
    /// ```rhai
    /// let policy = every(3);
    /// set_policy(udp::bind("127.0.0.1:0"), policy);
    /// expect(`${policy}`, "every(3)");
    /// ```
    fn every(ctx: NativeCallContext, n: i64) -> ScriptResult<PolicyValue> =
        Native::every(n, Action::Drop).map(PolicyValue::Native).or_raise(&ctx);

    /// A policy by which each n-th packet of a flow meets the verdict.
    ///
    /// Errors: `invalid`: `n` is below 1.
    ///
    /// ```rhai
    /// let policy = every(3, duplicate(2));
    /// set_policy(udp::bind("127.0.0.1:0"), policy);
    /// expect(`${policy}`, "every(3, duplicate(2))");
    /// ```
    fn every(ctx: NativeCallContext, n: i64, verdict: Verdict) -> ScriptResult<PolicyValue> =
        Native::every(n, verdict.action).map(PolicyValue::Native).or_raise(&ctx);

    /// A policy that drops the first n packets of each flow.
    ///
    /// Errors: `invalid`: `n` is negative.
    ///
    /// ```rhai
    /// let policy = first(2);
    /// set_policy(udp::bind("127.0.0.1:0"), policy);
    /// expect(`${policy}`, "first(2)");
    /// ```
    fn first(ctx: NativeCallContext, n: i64) -> ScriptResult<PolicyValue> =
        Native::first(n, Action::Drop).map(PolicyValue::Native).or_raise(&ctx);

    /// A policy by which the first n packets of each flow meet the verdict.
    ///
    /// Errors: `invalid`: `n` is negative.
    ///
    /// ```rhai
    /// let policy = first(2, delay(1.s));
    /// set_policy(udp::bind("127.0.0.1:0"), policy);
    /// expect(`${policy}`, "first(2, delay(1s))");
    /// ```
    fn first(ctx: NativeCallContext, n: i64, verdict: Verdict) -> ScriptResult<PolicyValue> =
        Native::first(n, verdict.action).map(PolicyValue::Native).or_raise(&ctx);

    /// A policy that goes through a pattern for each flow, again and again: at a `1` the packet passes, at a `0` it is dropped.
    ///
    /// Errors: `invalid`: the pattern is empty, or has other signs.
    ///
    /// ```rhai
    /// let policy = pattern("1101");
    /// set_policy(udp::bind("127.0.0.1:0"), policy);
    /// expect(`${policy}`, "pattern(\"1101\")");
    /// ```
    fn pattern(ctx: NativeCallContext, pattern: &str) -> ScriptResult<PolicyValue> =
        Native::pattern(pattern, Action::Drop).map(PolicyValue::Native).or_raise(&ctx);

    /// A policy that goes through a pattern for each flow: at a `1` the packet passes, at a `0` it meets the verdict.
    ///
    /// Errors: `invalid`: the pattern is empty, or has other signs.
    ///
    /// ```rhai
    /// let policy = pattern("10", corrupt());
    /// set_policy(udp::bind("127.0.0.1:0"), policy);
    /// expect(`${policy}`, "pattern(\"10\", corrupt())");
    /// ```
    fn pattern(ctx: NativeCallContext, pattern: &str, verdict: Verdict) -> ScriptResult<PolicyValue> =
        Native::pattern(pattern, verdict.action).map(PolicyValue::Native).or_raise(&ctx);

    /// A policy that drops in bursts, by the model of Gilbert: before each packet a flow's good state turns bad with
    /// probability `p`, its bad state good with probability `r`; in the bad state all is dropped. Bursts are 1/r packets long
    /// in the mean, the loss is p/(p+r).
    ///
    /// Errors: `invalid`: a probability is outside of 0 to 1.
    ///
    /// ```rhai
    /// let policy = gilbert(0.05, 0.25);
    /// set_policy(udp::bind("127.0.0.1:0"), policy);
    /// expect(`${policy}`, "gilbert(0.05, 0.25)");
    /// ```
    fn gilbert as gilbert(ctx: NativeCallContext, p: f64, r: f64) -> ScriptResult<PolicyValue> =
        Native::gilbert(Gilbert { p, r, good: 0.0, bad: 1.0 }, Action::Drop).map(PolicyValue::Native).or_raise(&ctx);

    /// A policy that drops in bursts; with `r` 0, the bad state lasts for ever, with 1 for one packet.
    ///
    /// Errors: as `gilbert(p, r)`.
    ///
    /// ```rhai
    /// let policy = gilbert(0.05, 1);
    /// set_policy(udp::bind("127.0.0.1:0"), policy);
    /// expect(`${policy}`, "gilbert(0.05, 1)");
    /// ```
    fn gilbert(ctx: NativeCallContext, p: f64, r: i64) -> ScriptResult<PolicyValue> = gilbert(ctx, p, r as f64);

    /// A policy that drops in bursts; with `p` 0, none ever begins, with 1 the first packet begins one.
    ///
    /// Errors: as `gilbert(p, r)`.
    ///
    /// ```rhai
    /// let policy = gilbert(1, 0.25);
    /// set_policy(udp::bind("127.0.0.1:0"), policy);
    /// expect(`${policy}`, "gilbert(1, 0.25)");
    /// ```
    fn gilbert(ctx: NativeCallContext, p: i64, r: f64) -> ScriptResult<PolicyValue> = gilbert(ctx, p as f64, r);

    /// A policy that drops in bursts, with whole numbers.
    ///
    /// Errors: as `gilbert(p, r)`.
    ///
    /// ```rhai
    /// let policy = gilbert(1, 1);
    /// set_policy(udp::bind("127.0.0.1:0"), policy);
    /// expect(`${policy}`, "gilbert(1, 1)");
    /// ```
    fn gilbert(ctx: NativeCallContext, p: i64, r: i64) -> ScriptResult<PolicyValue> = gilbert(ctx, p as f64, r as f64);

    /// A policy that drops in bursts, by the model of Gilbert and Elliott: `p`, `r` as in `gilbert(p, r)`, and the share
    /// dropped in the `good` state (0.0) and in the `bad` one (1.0).
    ///
    /// Errors: `invalid`: a probability is outside of 0 to 1, or missing; an unknown option.
    ///
    /// ```rhai
    /// let policy = gilbert(#{ p: 0.05, r: 0.25, good: 0.01, bad: 0.9 });
    /// set_policy(udp::bind("127.0.0.1:0"), policy);
    /// expect(`${policy}`, "gilbert(#{ p: 0.05, r: 0.25, good: 0.01, bad: 0.9 })");
    /// ```
    fn gilbert(ctx: NativeCallContext, options: Map) -> ScriptResult<PolicyValue> = {
        let model = Options::all(&ctx, "gilbert", &options, |options| {
            let mut needed = |key| {
                options.number(key)?.ok_or_else(|| Error::invalid("gilbert", format!("option `{key}` is missing")))
            };
            let (p, r) = (needed("p")?, needed("r")?);
            let (good, bad) = (options.number("good")?.unwrap_or(0.0), options.number("bad")?.unwrap_or(1.0));
            Ok(Gilbert { p, r, good, bad })
        })?;
        Native::gilbert(model, Action::Drop).map(PolicyValue::Native).or_raise(&ctx)
    };

    /// A policy that delays each packet by `delay`, plus or minus up to `spread`, uniformly random. Packets may overtake each
    /// other. A time below 0 is none: with a `spread` above `delay` packets take longer on average than `delay`.
    ///
    /// Errors: `invalid`: a duration is negative.
    ///
    /// ```rhai
    /// let policy = jitter(20.ms, 5.ms);
    /// set_policy(udp::bind("127.0.0.1:0"), policy);
    /// expect(`${policy}`, "jitter(20ms, 5ms)");
    /// ```
    fn jitter(ctx: NativeCallContext, delay: Duration, spread: Duration) -> ScriptResult<PolicyValue> =
        Native::jitter(delay, spread).map(PolicyValue::Native).or_raise(&ctx);
}
