//! The terminal as the core sees it.

use std::sync::Arc;

use super::{host_prefix, output};
use crate::limits::{memory, stack};
use crate::net::host::environment::{Buffered, Environment};
use crate::net::host::id::HostId;

/// Shows the core's notes and rows where printed lines go.
#[derive(Clone, Copy, Debug)]
pub struct Terminal;

impl Environment for Terminal {
    fn note(&self, text: &str) {
        output::note(text);
    }

    fn program_line(&self, host: HostId, name: &str, text: &str, is_error: bool) {
        let show = if is_error { host_prefix::note_of } else { host_prefix::line_of };
        show(host, name, text);
    }

    fn traced(&self, time: i64, line: &str) {
        output::traced(time, line);
    }

    fn give_output_to_rows(&self) {
        output::give_to_rows();
    }

    fn row(&self, row: &[u8]) {
        output::row(row);
    }

    fn hold(&self, held: Arc<dyn Buffered>) {
        output::hold(held);
    }

    fn has_held(&self) {
        output::holds();
    }

    fn is_pending(&self) -> bool {
        output::is_pending()
    }

    fn flush(&self) {
        output::flush();
    }

    fn memory_is_scarce(&self) -> bool {
        memory::is_scarce()
    }

    fn thread_begins(&self, stack: usize) {
        stack::watch(stack);
    }
}
