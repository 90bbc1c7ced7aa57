//! The terminal as the shell gave it: put back before this process is suspended or killed from the keyboard, and the line
//! that is typed shown anew when it goes on.

use std::io::{IsTerminal, Write};

use anyhow::Result;
use signal_hook::consts::{SIGCONT, SIGQUIT, SIGTSTP};
use signal_hook::low_level::emulate_default_handler;

use crate::engine::signals::on;
use crate::net::sys::{self, TerminalMode};
use crate::terminal::prompt_output;

/// Listens for SIGTSTP (Ctrl-Z), SIGQUIT and SIGCONT from now on, and has Ctrl-C counted, if standard input is a terminal; what
/// makes that as it was.
///
/// # Errors
/// The system has no descriptor or thread left.
pub(super) fn listen() -> Result<impl Fn() + Send> {
    let mode = sys::terminal_mode(std::io::stdin()).ok();
    if let Some(mode) = mode {
        listen_at(mode)?;
    }
    Ok(move || restore(mode))
}

fn listen_at(mode: TerminalMode) -> Result<()> {
    sys::count_interrupts();
    on(SIGTSTP, "sigtstp", move || {
        if sys::can_be_suspended() {
            restore(Some(mode));
            let _ = emulate_default_handler(SIGTSTP);
        }
    })?;
    on(SIGQUIT, "sigquit", move || {
        restore(Some(mode));
        let _ = emulate_default_handler(SIGQUIT);
    })?;
    on(SIGCONT, "sigcont", prompt_output::show_anew)
}

/// Gives the terminal `mode`. The editor turns the echo off while a line is typed, and asks for pasted text in brackets.
fn restore(mode: Option<TerminalMode>) {
    let Some(mode) = mode else { return };
    sys::set_terminal_mode(std::io::stdin(), &mode);
    if std::io::stdout().is_terminal() {
        let _ = std::io::stdout().write_all(b"\x1b[?2004l\r\n").and_then(|()| std::io::stdout().flush());
    }
}
