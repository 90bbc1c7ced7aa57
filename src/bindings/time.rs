//! Waiting, and the time.

use std::sync::{Arc, Mutex, PoisonError};

use rhai::{Dynamic, Map, NativeCallContext, Position};

use super::context::{self, Context, WaitingFor};
use super::convert::Options;
use super::error::{OrRaise, ScriptResult, raise, thrown};
use crate::net::error::Error;
use crate::net::socket::pinger::Ticks as NetTicks;
use crate::net::time::{Duration, Instant};

/// A beat in scripts.
#[derive(Clone, Debug)]
pub struct Beat(Arc<Mutex<NetTicks>>);

impl IntoIterator for Beat {
    type Item = ScriptResult<Dynamic>;
    type IntoIter = Box<dyn Iterator<Item = Self::Item>>;

    fn into_iter(self) -> Self::IntoIter {
        let context = context::wait(WaitingFor::Pause);
        Box::new(std::iter::from_fn(move || {
            let next = self.0.lock().unwrap_or_else(PoisonError::into_inner).next(context.host.as_ref(), &context.stop);
            match next {
                Ok(None) => None,
                Ok(Some(tick)) => Some(Ok((tick as i64).into())),
                Err(err) => Some(Err(thrown(err, Position::NONE))),
            }
        }))
    }
}

fn sleep_until(ctx: &NativeCallContext, until: Instant) -> ScriptResult<()> {
    let context = context::wait(WaitingFor::Pause);
    let waited = context.host.wait(&mut [], Some(until), &context.stop);
    waited.map(|_| ()).map_err(|err| Error::system("sleep", &err)).or_raise(ctx)
}

/// The context of a script that reads the clock; see [`is_clock_read_in_vain`].
fn read_clock() -> Context {
    let context = context::current();
    if let Some(host) = context.run.host.simulated() {
        host.world().reads_clock();
    }
    context
}

/// Whether the script waits for a time by reading the clock of a simulated run, which stands still until all threads wait.
pub fn is_clock_read_in_vain() -> bool {
    let in_vain = |context: &Context| context.run.host.simulated().is_some_and(|host| host.world().is_read_in_vain());
    context::peek(in_vain) == Some(true)
}

functions! {
    pub fn api;
    object Instant as Timestamp, "A point in time: now, or one that a wait ends at.";
    object Beat as Ticks, "A beat that a loop keeps.";

    /// Waits for that long, or until the script is stopped.
    ///
    /// Errors: `invalid`: the duration is negative, or goes beyond the end of a simulated clock, 292 years after its start.
    ///
    /// ```rhai
    /// let end = deadline(1.ms);
    /// sleep(1.ms);
    /// expect(end.passed, true);
    /// try { sleep(-1.s); } catch (e) { expect(e.kind, "invalid"); }
    /// ```
    volatile sleep as sleep(ctx: NativeCallContext, duration: Duration) -> ScriptResult<()> = {
        if duration.is_negative() {
            let error = Error::invalid("sleep", format!("a duration cannot be negative here: {duration}"));
            return raise(
                &ctx,
                error.with_hint("sleep only while there is something to wait for: if left > 0.s { sleep(left); }"),
            );
        }
        let context = context::current();
        let now = context.host.now();
        if context.run.host.simulated().is_some() && now.checked_add(duration).is_none() {
            let error = Error::invalid("sleep", "the clock of a simulated run ends 292 years after its start");
            return raise(&ctx, error.with_hint("sleep less"));
        }
        sleep_until(&ctx, now + duration)
    };

    /// Refused: it does not say whether seconds or milliseconds are meant.
    ///
    /// Errors: `invalid`, always.
    ///
    /// ```rhai
    /// try { sleep(1); } catch (e) { expect(e.kind, "invalid"); }
    /// ```
    volatile sleep(ctx: NativeCallContext, number: i64) -> ScriptResult<()> = {
        let message = format!("{number} is a number, and a duration is needed here");
        let hint = format!("write {number}.s for seconds or {number}.ms for milliseconds: sleep({number}.s)");
        raise(&ctx, Error::invalid("sleep", message).with_hint(hint))
    };

    /// Refused: it does not say whether seconds or milliseconds are meant.
    ///
    /// Errors: `invalid`, always.
    ///
    /// ```rhai
    /// try { sleep(0.5); } catch (e) { expect(e.kind, "invalid"); }
    /// ```
    volatile sleep(ctx: NativeCallContext, number: f64) -> ScriptResult<()> = {
        let message = format!("{number} is a number, and a duration is needed here");
        let hint = format!("write {number}.s for seconds or {number}.ms for milliseconds: sleep({number}.s)");
        raise(&ctx, Error::invalid("sleep", message).with_hint(hint))
    };

    /// The point in time that comes after `duration` from now.
    ///
    /// ```rhai
    /// let end = deadline(10.ms);
    /// while !end.passed { sleep(1.ms); }
    /// expect(end.passed, true);
    /// ```
    volatile deadline(duration: Duration) -> Instant = context::current().host.now() + duration;

    /// How long it is until the deadline; negative once it has passed.
    ///
    /// ```rhai
    /// expect(deadline(1.s).left <= 1.s, true);
    /// ```
    get left(deadline: &mut Instant) -> Duration = *deadline - read_clock().host.now();

    /// Whether the deadline has passed.
    ///
    /// ```rhai
    /// expect(deadline(1.h).passed, false);
    /// ```
    get passed(deadline: &mut Instant) -> bool = read_clock().host.now() >= *deadline;

    /// The present point in time, for a stopwatch.
    ///
    /// ```rhai
    /// let began = timestamp();
    /// sleep(2.ms);
    /// expect(began.elapsed >= 2.ms, true);
    /// ```
    volatile timestamp() -> Instant = read_clock().host.now();

    /// How long ago it was; negative for one that is to come.
    ///
    /// ```rhai
    /// expect(timestamp().elapsed < 1.h, true);
    /// expect(deadline(1.h).elapsed < 0.s, true);
    /// ```
    get elapsed(time: &mut Instant) -> Duration = read_clock().host.now() - *time;

    /// How long it is from one point in time to another.
    ///
    /// ```rhai
    /// let began = timestamp();
    /// expect(deadline(1.s) - began >= 1.s, true);
    /// ```
    fn "-"(time: Instant, earlier: Instant) -> Duration = time - earlier;

    /// The wall clock: seconds since 1970 (UTC), to the microsecond. A label for messages; durations are measured by the core.
    ///
    /// ```rhai
    /// print(`ping 1 ${unix_time()}`);
    /// expect(unix_time() > 1.7e9, true);
    /// ```
    volatile unix_time() -> f64 = (read_clock().host.unix_nanos() / 1_000) as f64 / 1e6;

    /// A beat: `for seq in ticks(count, interval)` runs its body for 1, 2, … `count`, each not before the start plus so many
    /// intervals. A slot that passes while the body is busy is missed and counted, not caught up.
    ///
    /// Errors: `invalid`: a negative interval.
    ///
    /// ```rhai
    /// let sum = 0;
    /// for seq in ticks(3, 1.ms) { sum += seq; }
    /// expect(sum, 6);
    /// ```
    fn ticks(ctx: NativeCallContext, count: i64, interval: Duration) -> ScriptResult<Beat> = {
        let ticks = NetTicks::new(Some(count.max(0) as u64), interval).or_raise(&ctx)?;
        Ok(Beat(Arc::new(Mutex::new(ticks))))
    };

    /// As `ticks` with options: `awake` (0.s): so long before each tick it stays awake instead of sleeping, and keeps a
    /// processor busy. A processor that has just woken is slower: round-trip times of pings far apart are then longer. `ping`
    /// of iputils does the same for the last 10 ms.
    ///
    /// Errors: `invalid`: a negative interval, an unknown option.
    ///
    /// ```rhai
    /// let sum = 0;
    /// for seq in ticks(3, 2.ms, #{ awake: 1.ms }) { sum += seq; }
    /// expect(sum, 6);
    /// ```
    fn ticks(ctx: NativeCallContext, count: i64, interval: Duration, options: Map) -> ScriptResult<Beat> = {
        let awake = Options::all(&ctx, "ticks", &options, |options| options.duration("awake"))?.unwrap_or_default();
        let ticks = NetTicks::new(Some(count.max(0) as u64), interval).or_raise(&ctx)?.awake(awake);
        Ok(Beat(Arc::new(Mutex::new(ticks))))
    };

    /// A beat without end: until the script is stopped.
    ///
    /// Errors: `invalid`: a negative interval.
    ///
    /// ```rhai
    /// let last = 0;
    /// for seq in ticks(1.ms) { last = seq; if seq == 3 { break; } }
    /// expect(last, 3);
    /// ```
    fn ticks(ctx: NativeCallContext, interval: Duration) -> ScriptResult<Beat> = {
        let ticks = NetTicks::new(None, interval).or_raise(&ctx)?;
        Ok(Beat(Arc::new(Mutex::new(ticks))))
    };

    /// How many slots of the beat were missed.
    ///
    /// ```rhai
    /// expect(ticks(1, 1.ms).missed, 0);
    /// ```
    get missed(ticks: &mut Beat) -> i64 = ticks.0.lock().unwrap_or_else(PoisonError::into_inner).missed() as i64;

    /// Whether the script is being stopped: loops over natives end and waits return at once.
    ///
    /// ```rhai
    /// expect(interrupted(), false);
    /// ```
    volatile interrupted() -> bool = context::current().stop.is_stopped();

    /// A number with so many decimals, as text.
    ///
    /// ```rhai
    /// expect(fixed(2.0 / 3.0, 3), "0.667");
    /// ```
    fn fixed as fixed(number: f64, decimals: i64) -> String = format!("{number:.*}", decimals.clamp(0, 30) as usize);

    /// A whole number with so many decimals, as text.
    ///
    /// ```rhai
    /// expect(fixed(2, 3), "2.000");
    /// ```
    fn fixed(number: i64, decimals: i64) -> String = fixed(number as f64, decimals);

    /// A duration in milliseconds with so many decimals, as text.
    ///
    /// ```rhai
    /// expect(fixed(1_502.us, 2), "1.50ms");
    /// ```
    fn fixed(duration: Duration, decimals: i64) -> String = {
        fixed(duration.as_nanos() as f64 / 1e6, decimals) + "ms"
    };
}
