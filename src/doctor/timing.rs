//! How late timed waits end.

use serde_json::{Map, Value};

use super::{Area, Check, Checkup, State};
use crate::net::host::{Host, ThisMachine, Waited, threads};
use crate::net::time::Duration;

/// How many waits are measured.
const WAITS: usize = 40;

/// How long each is to last.
const WAIT: Duration = Duration::from_millis(1);

/// Beats later than this show in schedules and delays of a millisecond.
const LATE: Duration = Duration::from_micros(500);

/// Measures how late short waits end.
pub(super) fn examine(bench: Checkup<'_>) -> Check {
    let stop = bench.stop.clone();
    // As scripts wait, on a thread like theirs. Without one, nothing is measured.
    let measure = move || {
        let wait = || {
            let until = ThisMachine.now() + WAIT;
            let waited = ThisMachine.wait(&mut [], Some(until), &stop);
            waited.is_ok_and(|waited| waited == Waited::TimedOut).then(|| ThisMachine.now() - until)
        };
        std::iter::from_fn(wait).take(WAITS).collect::<Vec<_>>()
    };
    let mut late =
        threads::spawn_script("timer", measure).ok().and_then(|thread| thread.join().ok()).unwrap_or_default();
    late.sort_unstable();
    let check = |finding: String| Check::ok(Area::Process, "timer", "timer", finding);
    let (Some(median), Some(worst)) = (late.get(late.len() / 2), late.last()) else {
        return check("not measured".to_string()).state(State::Limited);
    };
    let micros = |time: Duration| time.as_nanos() / 1000;
    let details = [("median_us", micros(*median)), ("worst_us", micros(*worst)), ("waits", WAITS as i64)];
    let details: Map<String, Value> = details.into_iter().map(|(name, n)| (name.to_string(), n.into())).collect();
    let check = |finding: String| check(finding).details(details);
    let found =
        format!("1 ms sleeps overshoot by {} us (median of {WAITS}; worst {})", micros(*median), micros(*worst));
    let check = check(found);
    if *median <= LATE {
        return check;
    }
    check
        .state(State::Limited)
        .meaning("intervals and delays of a few milliseconds are not kept; round-trip times are right all the same")
        .remedies(["end other programs that take the processors, or give a virtual machine more of them".to_string()])
}
