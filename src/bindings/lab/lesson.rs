//! Labs that teach: what the header of their script asks is asked before anything happens. At the end it is asked again,
//! answered with what was measured, and explained.

use std::io::IsTerminal;
use std::sync::{Mutex, OnceLock};

use super::lock;
use crate::bindings::context::{self, Context};
use crate::terminal::input::{self, InputLine};
use crate::terminal::output;

/// What the question in a header begins with.
const QUESTION: &str = "Predict:";

/// What the parts of a header begin with that are for the end of the run.
const EXPLANATION: [&str; 2] = ["Explain:", "Remember:"];

/// Columns of a label and the space behind it.
const LABEL: usize = 10;

/// What a run teaches.
#[derive(Debug, Default)]
pub struct Lesson {
    asked: OnceLock<LessonQuestion>,
    answers: Mutex<Vec<String>>,
}

/// What was asked, and what it comes to.
#[derive(Debug)]
struct LessonQuestion {
    question: String,
    prediction: Mutex<Option<String>>,
    explanation: Vec<String>,
}

impl Lesson {
    /// The lesson in paragraphs, for the end of the run; none if nothing was asked.
    pub fn paragraphs(&self) -> Vec<String> {
        let Some(asked) = self.asked.get() else { return Vec::new() };
        let prediction = lock(&asked.prediction).as_ref().map(|text| labelled("You said:", text));
        let answers = lock(&self.answers).iter().map(|text| labelled("Answer:", text)).collect::<Vec<_>>();
        [asked.question.clone()].into_iter().chain(prediction).chain(answers).chain(asked.explanation.clone()).collect()
    }
}

/// Asks what the header of the user's script asks, once a run. On a terminal it waits for Enter, so that there is time to
/// think: what was typed.
pub(super) fn ask(context: &Context) -> Option<InputLine> {
    let about = context.script.explained.get().unwrap_or(&context.script.about);
    let question = part(about, QUESTION).filter(|_| context.script.main)?;
    let explanation = EXPLANATION.iter().filter_map(|label| part(about, label)).collect();
    let asked = LessonQuestion { question: question.clone(), prediction: Mutex::default(), explanation };
    let lesson = context.run.part::<Lesson>();
    lesson.asked.set(asked).ok()?;
    output::prose(&question);
    if !output::lines_are_on_terminal() || !std::io::stdin().is_terminal() {
        return None;
    }
    output::line("Your prediction? (Enter shows what happens)");
    let line = input::read_line(&context.stop).ok()?;
    if let (InputLine::Text(text), Some(asked)) = (&line, lesson.asked.get()) {
        *lock(&asked.prediction) = Some(text.trim().to_string()).filter(|text| !text.is_empty());
    }
    Some(line)
}

/// The part of a header that begins with `label`, as one line.
fn part(header: &str, label: &str) -> Option<String> {
    let mut lines = header.lines().skip_while(|line| !line.starts_with(label));
    let first = lines.next()?.strip_prefix(label)?.trim().to_string();
    let text =
        lines.take_while(|line| line.starts_with(' ')).fold(first, |text, line| format!("{text} {}", line.trim()));
    Some(labelled(label, &text))
}

fn labelled(label: &str, text: &str) -> String {
    format!("{label:<LABEL$}{text}")
}

functions! {
    pub fn api;

    /// Answers the question that the header of the lab's script asks (`Predict:`), with what was just measured. It is printed
    /// at the end of the run: the question, what the user expected, the answers in the order of their calls, and what the
    /// header says under `Explain:` and `Remember:`. These come also after an `expect` that failed. In a script that asked
    /// nothing the answer is printed at once. Where the header says `{delay}`, the value of the option `delay` is printed.
    ///
    /// ```rhai
    /// let rtts = stats();
    /// answer(`${rtts.lost} of ${rtts.sent} pings were lost`);
    /// ```
    fn answer(text: &str) = {
        let context = context::current();
        let lesson = context.run.part::<Lesson>();
        if context.script.main && lesson.asked.get().is_some() {
            lock(&lesson.answers).push(text.to_string());
        } else {
            output::line(&labelled("Answer:", text));
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_header_are_distinguished() {
        let header = "A lab.\n\nPredict:  What is\n          this?\nExplain:  That.\nRemember: It.\nUsage:    x";
        assert_eq!(part(header, QUESTION).as_deref(), Some("Predict:  What is this?"));
        let rest = EXPLANATION.map(|label| part(header, label).unwrap_or_default());
        assert_eq!(rest, ["Explain:  That.", "Remember: It."]);
        assert_eq!(part("A script.", QUESTION), None);
    }
}
