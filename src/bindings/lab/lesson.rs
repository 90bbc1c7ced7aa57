//! Labs that teach: what the header of their script asks is asked before anything happens, and explained at the end.

use std::io::IsTerminal;

use crate::bindings::context::Context;
use crate::net::input::{self, Line};
use crate::net::output;

/// What the question in a header begins with.
const QUESTION: &str = "Predict:";

/// What the explanation in a header begins with.
const EXPLANATION: &str = "Explain:";

/// Asks what the header of the user's script asks, once a run. On a terminal it waits for Enter, so that there is time to
/// think: what was typed.
pub(super) fn ask(context: &Context) -> Option<Line> {
    let about = &context.script.about;
    let question = part(about, QUESTION).filter(|_| context.script.main)?;
    context.run.explanation.set(part(about, EXPLANATION)?).ok()?;
    output::prose(&question);
    if !output::lines_are_on_terminal() || !std::io::stdin().is_terminal() {
        return None;
    }
    output::line("(Enter shows what happens)");
    input::read_line(context.host.as_ref(), &context.stop).ok()
}

/// The part of a header that begins with `label`, as one line.
fn part(header: &str, label: &str) -> Option<String> {
    let mut lines = header.lines().skip_while(|line| !line.starts_with(label));
    let first = lines.next()?.to_string();
    Some(lines.take_while(|line| line.starts_with(' ')).fold(first, |text, line| format!("{text} {}", line.trim())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_header_are_told_apart() {
        let header = "A lab.\n\nPredict: What is\n         this?\nExplain: That.\nUsage:   x";
        assert_eq!(part(header, QUESTION).as_deref(), Some("Predict: What is this?"));
        assert_eq!(part(header, EXPLANATION).as_deref(), Some("Explain: That."));
        assert_eq!(part("A script.", QUESTION), None);
    }
}
