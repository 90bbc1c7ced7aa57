//! Samples of the script's own values over time, as rows.

use rhai::{Dynamic, FnPtr, NativeCallContext};

use super::callback::Callback;
use super::context::{self, Context};
use super::convert::kind_of;
use super::error::{OrRaise, ScriptResult, thrown};
use super::task::{Task, start_beside};
use crate::net::error::Error;
use crate::net::observe::event::{Event, SampleValue};
use crate::net::socket::pinger::Ticks;
use crate::net::time::Duration;

/// The shortest time between two samples.
const SHORTEST: Duration = Duration::from_millis(1);

/// What the closure has returned, as a sample.
fn values(returned: &Dynamic) -> Result<Vec<(String, SampleValue)>, Error> {
    let Ok(map) = returned.as_map_ref() else {
        let error = Error::invalid("sample", format!("the closure returned {}", kind_of(returned)));
        return Err(error.with_hint("have it return a map of numbers: || #{ queue: link.counts.frames }"));
    };
    map.iter().map(|(name, value)| value_of(name, value)).collect()
}

fn value_of(name: &str, value: &Dynamic) -> Result<(String, SampleValue), Error> {
    let plain = |value| Ok((name.to_string(), value));
    if let Some(duration) = value.clone().try_cast::<Duration>() {
        return Ok((format!("{name}_ns"), SampleValue::Int(duration.as_nanos())));
    }
    match (value.as_int(), value.as_float(), value.as_bool()) {
        (Ok(number), ..) => plain(SampleValue::Int(number)),
        (_, Ok(number), _) if number.is_finite() => plain(SampleValue::Float(number)),
        (_, _, Ok(is_true)) => plain(SampleValue::Int(is_true.into())),
        (_, Ok(_), _) => plain(SampleValue::None),
        _ if value.is_unit() => plain(SampleValue::None),
        _ => {
            let error = Error::invalid("sample", format!("the value of `{name}` is {}", kind_of(value)));
            Err(error.with_hint("a sample has numbers, durations, true or false, and () where there is none"))
        }
    }
}

/// Calls the closure at each tick, and reports what it returns, until the stop of this thread.
fn run(mut callback: Callback, mut ticks: Ticks) -> ScriptResult<Dynamic> {
    let Context { host, stop, run, .. } = context::current();
    let at = callback.place().1;
    while ticks.next(host.as_ref(), &stop).map_err(|error| thrown(error, at))?.is_some() {
        let returned = callback.call([])?;
        let values = values(&returned).map_err(|error| thrown(error, at))?;
        let (time, host) = (host.unix_nanos(), host.name());
        run.session.events.emit(|| Event::Sample { time, host, values: &values });
    }
    Ok(Dynamic::UNIT)
}

functions! {
    pub fn api;

    /// Takes a sample of the script's own values every `interval`, from now on: the closure returns them as a map. They are rows
    /// (`sample`) for `--json`, `--csv` and `--trace`, and `--live` draws them. Values are numbers, durations (as
    /// nanoseconds, `_ns` after the name), true or false (1 or 0), and `()` where there is none. The closure runs on a thread
    /// of its own, in the host that the script runs in; a beat that passes while it is busy is left out. The samples end with
    /// the script, or with `stop()` of the task.
    ///
    /// Errors: `invalid`: the interval is shorter than 1 ms; and, reported on its thread, the closure returns no map, or
    /// another kind of value. `exhausted`: no thread is left.
    ///
    /// ```rhai
    /// let sent = counter();
    /// let seen = channel();
    /// let task = sample(5.ms, || { seen.send(sent.value); #{ sent: sent.value } });
    /// sent.add(3);
    /// while seen.recv() < 3 { }
    /// task.stop();
    /// task.join();
    /// expect(task.is_done, true);
    /// try { sample(0.ms, || #{}); } catch (e) { expect(e.kind, "invalid"); }
    /// ```
    fn sample(ctx: NativeCallContext, interval: Duration, closure: FnPtr) -> ScriptResult<Task> = {
        let ticks = match interval < SHORTEST {
            true => Err(Error::invalid("sample", format!("the interval is {}, shorter than 1ms", interval.short()))),
            false => Ticks::new(None, interval),
        };
        let (ticks, callback) = (ticks.or_raise(&ctx)?, Callback::new(&ctx, closure));
        start_beside(&ctx, "samples taken", move || run(callback, ticks)).or_raise(&ctx)
    };
}
