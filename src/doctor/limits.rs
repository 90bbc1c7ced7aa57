//! Limits on files, and on what a receive buffer may hold.
use super::{Area, Check, Checkup, State};
use crate::net::error::in_words;
use crate::net::host::socket::{SocketOption, SocketType, SocketValue};
use crate::net::wire::Family;

/// A server with fewer descriptors cannot serve the clients of a class.
const FEW_FILES: u64 = 256;

/// The default of Linux; with less, a burst is lost early.
const SMALL_BUFFER: u64 = 212_992;

/// Reads or tries limits.
pub(super) fn examine(bench: Checkup<'_>) -> Vec<Check> {
    vec![files(bench), buffer(bench)]
}

fn files(bench: Checkup<'_>) -> Check {
    let check = |finding: String| Check::ok(Area::Process, "files", "open files", finding);
    let limits = bench.system.file("/proc/self/limits");
    let Some((soft, hard)) = limits.as_deref().and_then(open_files) else {
        return check("the limit is not known".to_string()).state(State::Limited);
    };
    let found = check(format!("{} at once, each socket being one", in_figures(soft)));
    let raised = vec![format!("ulimit -n {}", in_figures(hard))];
    match soft < FEW_FILES {
        false => found,
        true if hard > soft => found.state(State::Limited).remedies(raised),
        true => found.state(State::Limited),
    }
}

/// The soft and the hard limit of open files in `/proc/self/limits`; unlimited is the largest number.
fn open_files(limits: &str) -> Option<(u64, u64)> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    let number = |word: &str| if word == "unlimited" { Some(u64::MAX) } else { word.parse().ok() };
    let mut words = line.split_whitespace();
    Some((number(words.next()?)?, number(words.next()?)?))
}

fn in_figures(limit: u64) -> String {
    if limit == u64::MAX { "unlimited".to_string() } else { limit.to_string() }
}

fn buffer(bench: Checkup<'_>) -> Check {
    let check = |finding: String| Check::ok(Area::Process, "buffer", "receive buffer", finding);
    let largest = || {
        let socket = bench.host.socket(SocketType::Udp, Family::V4)?;
        let size = || Ok::<_, std::io::Error>(socket.get(SocketValue::ReceiveBuffer)?.unwrap_or(0));
        let usual = size()?;
        socket.set(SocketOption::ReceiveBuffer(i32::MAX as usize / 2))?;
        // The kernel doubles what it grants, and reports twice that.
        Ok((usual, size()? / 2))
    };
    match largest() {
        Ok((usual, most)) if most < SMALL_BUFFER => check(format!("{usual} bytes, at most {most}"))
            .state(State::Limited)
            .meaning("bursts overflow it early")
            .remedies([bench.system.as_root(&format!("sysctl -w net.core.rmem_max={SMALL_BUFFER}"))]),
        Ok((usual, most)) => check(format!("{usual} bytes, at most {most}")),
        Err(err) => check(in_words(&err)).state(State::Limited),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_from_the_table_of_the_kernel() {
        let text = "Limit                     Soft Limit           Hard Limit           Units     \n\
            Max processes             96365                96365                processes \n\
            Max open files            1024                 524288               files     \n";
        assert_eq!(open_files(text), Some((1024, 524_288)));
        assert_eq!(open_files("Max open files unlimited unlimited files"), Some((u64::MAX, u64::MAX)));
        assert_eq!(open_files("Max open files"), None);
    }
}
