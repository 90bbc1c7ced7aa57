//! The steps of the tour, from `steps.txt`.

use std::sync::LazyLock;

use crate::text_rows::{TextSection, read};

/// A step.
#[derive(Debug)]
pub struct Step {
    /// What it shows.
    pub title: &'static str,
    /// What to know before typing.
    pub text: &'static str,
    /// What to type.
    pub lines: Vec<&'static str>,
    /// An expression that is true when the step is done.
    pub check: &'static str,
    /// What to say when it is not.
    pub hint: &'static str,
    /// An expression that fails where the step cannot be done; empty for none.
    pub needs: &'static str,
}

/// The steps, in order.
pub static STEPS: LazyLock<Vec<Step>> =
    LazyLock::new(|| read(include_str!("steps.txt")).into_iter().map(step).collect());

fn step(section: TextSection) -> Step {
    let line = |key: &str| section.line(key).unwrap_or_default();
    let lines = section.row("type").map_or(Vec::new(), |row| row.lines.clone());
    let (text, check, hint, needs) = (line("text"), line("check"), line("hint"), line("needs"));
    Step { title: section.name, text, lines, check, hint, needs }
}
