//! `print`: a line of a script on standard output, with the label of the host that it runs in; and notes about it.

use super::context;
use crate::terminal::{host_prefix, output};

/// Prints a line for the script that runs here.
pub fn print(text: &str) {
    if context::peek(|context| host_prefix::line(context.host.as_ref(), text)).is_none() {
        output::line(text);
    }
    if output::is_closed() {
        // A script that never waits is ended here.
        output::flush();
    }
}

/// Writes a line about the script that runs here to standard error.
pub fn note(text: &str) {
    if context::peek(|context| host_prefix::note(context.host.as_ref(), text)).is_none() {
        output::note(text);
    }
}
