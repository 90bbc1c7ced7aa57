//! Which host a line comes from: the host's name before each line, as in `a| ping 1`.
//!
//! Lines of this machine stand as they are. The names of all hosts take the same room, so that what they print is
//! aligned; on a terminal each has a colour, unless the environment has NO_COLOR.

use std::borrow::Cow;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{colour, output};
use crate::net::host::Host;
use crate::net::host::id::HostId;

/// Letters of the longest name of a host.
static WIDTH: AtomicUsize = AtomicUsize::new(0);

/// Longer names take the room that they need, and no one else's.
const WIDEST: usize = 16;

/// Colours of terminals that show on light and on dark (ECMA-48, select graphic rendition).
const COLOURS: [u8; 6] = [36, 33, 35, 32, 34, 31];

/// Leaves room for the name of a host that is being made.
pub fn make_room(name: &str) {
    WIDTH.fetch_max(name.chars().count().min(WIDEST), Ordering::Relaxed);
}

/// Prints lines of `host`.
pub fn line(host: &dyn Host, text: &str) {
    match host.name() {
        None => output::line(text),
        Some(name) => line_of(host.id(), name, text),
    }
}

/// Writes lines of `host` to standard error.
pub fn note(host: &dyn Host, text: &str) {
    match host.name() {
        None => output::note(text),
        Some(name) => note_of(host.id(), name, text),
    }
}

/// Prints lines of the host called `name`.
pub(super) fn line_of(host: HostId, name: &str, text: &str) {
    output::styled(&labelled(host, name, text, output::lines_are_on_terminal()));
}

/// Writes lines of the host called `name` to standard error.
pub(super) fn note_of(host: HostId, name: &str, text: &str) {
    output::styled_note(&labelled(host, name, text, output::error_is_terminal()));
}

fn labelled(host: HostId, name: &str, text: &str, on_terminal: bool) -> String {
    let shade = colour::is_wanted(on_terminal).then(|| shade(host));
    let text = if on_terminal { output::tamed(text) } else { Cow::Borrowed(text) };
    marked(name, WIDTH.load(Ordering::Relaxed), shade, &text)
}

fn marked(name: &str, width: usize, colour: Option<u8>, text: &str) -> String {
    let label = match colour {
        None => format!("{name:width$}| "),
        Some(colour) => format!("\x1b[{colour}m{name:width$}|\x1b[0m "),
    };
    let lines: Vec<String> = text.split('\n').map(|line| format!("{label}{line}")).collect();
    lines.join("\n")
}

fn shade(host: HostId) -> u8 {
    COLOURS[(host.0 as usize).saturating_sub(1) % COLOURS.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_marked() {
        assert_eq!(marked("a", 3, None, "one\ntwo"), "a  | one\na  | two");
        assert_eq!(marked("router", 3, None, ""), "router| ");
        assert_eq!(marked("a", 1, Some(36), "x"), "\x1b[36ma|\x1b[0m x");
    }
}
