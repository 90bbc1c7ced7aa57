//! In place of the editor, for a program that has one of its own: lines come from standard input as they are.

use std::sync::Arc;

use anyhow::Result;

use super::PromptLine;
use super::session::PromptSession;
use crate::engine::programs::ScriptHost;
use crate::terminal::input::{InputLine, read_line};
use crate::terminal::output;

/// No signal is listened for, and nothing is to be put back.
pub(super) fn listen() -> Result<impl Fn() + Send> {
    Ok(|| {})
}

/// What the program outside shows.
#[derive(Debug)]
pub struct PlainTerminal;

pub use self::PlainTerminal as PromptTerminal;

impl PlainTerminal {
    /// There is one.
    ///
    /// # Errors
    /// None.
    pub fn open(_: &Arc<ScriptHost>) -> Result<Self> {
        Ok(Self)
    }

    /// Reads a line.
    ///
    /// # Errors
    /// The input cannot be read.
    pub fn read(&mut self, session: &PromptSession, _: bool) -> Result<PromptLine> {
        output::flush();
        Ok(match read_line(&session.context.stop)? {
            InputLine::Text(line) => PromptLine::Text(line),
            InputLine::End | InputLine::Interrupted => PromptLine::End,
        })
    }

    /// The history is that of the program outside, and so are the screen, colours and hints.
    pub fn keep(&mut self, _: &str) {}

    /// See [`Self::keep`].
    pub fn clear(&mut self) {}

    /// See [`Self::keep`].
    pub fn set_colour(&mut self, _: bool) {}

    /// See [`Self::keep`].
    pub fn set_hints(&mut self, _: bool) {}
}
