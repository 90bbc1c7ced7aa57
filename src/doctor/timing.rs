//! How late timed waits end.

use serde_json::{Map, Value};

use super::{Area, Bench, Check, State};
use crate::net::sys;
use crate::net::time::Duration;

/// How many waits are measured.
const WAITS: usize = 40;

/// How long each is to last.
const WAIT: Duration = Duration::from_millis(1);

/// Beats later than this show in schedules and delays of a millisecond.
const LATE: Duration = Duration::from_micros(500);

/// Measures how late short waits end.
pub(super) fn examine(bench: Bench<'_>) -> Check {
    let mut late = Vec::with_capacity(WAITS);
    // Waits are sharpened as those of scripts are, on a thread of their own: the setting stays with its thread.
    std::thread::scope(|scope| {
        let measure = || {
            sys::set_timer_slack();
            for _ in 0..WAITS {
                let until = bench.host.now() + WAIT;
                if bench.host.wait(&mut [], Some(until), bench.stop).is_err() || bench.stop.is_stopped() {
                    return;
                }
                late.push(bench.host.now() - until);
            }
        };
        // Without a thread, nothing was measured.
        if let Ok(thread) = std::thread::Builder::new().spawn_scoped(scope, measure) {
            let _ = thread.join();
        }
    });
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
