//! Labs that teach: what the header of their script asks is asked before anything happens, and what the script itself asks. At
//! the end it is asked again, answered with what was measured, and explained.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock};

use rhai::{Dynamic, NativeCallContext};

use super::lock;
use crate::bindings::context::{self, Context, WaitingFor};
use crate::bindings::convert::shown;
use crate::bindings::error::{OrRaise, ScriptResult, raise};
use crate::bindings::exit;
use crate::bindings::options::value::OptionValue;
use crate::bindings::print::note;
use crate::net::error::Error;
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
    /// Whether it was noted that predictions are the defaults.
    noted: AtomicBool,
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

/// What somebody expects of a run, before it.
#[derive(Clone, Debug)]
pub struct Prediction {
    question: String,
    value: OptionValue,
    /// Whether somebody was asked.
    is_theirs: bool,
}

/// Prints what the header of the user's script asks, once a run; whether it did now.
fn pose(context: &Context) -> bool {
    let about = context.script.explained.get().unwrap_or(&context.script.about);
    let Some(question) = part(about, QUESTION).filter(|_| context.script.main) else { return false };
    let explanation = EXPLANATION.iter().filter_map(|label| part(about, label)).collect();
    let asked = LessonQuestion { question: question.clone(), prediction: Mutex::default(), explanation };
    let is_new = context.run.part::<Lesson>().asked.set(asked).is_ok();
    if is_new {
        output::prose(&question);
    }
    is_new
}

/// Whether somebody reads what the script prints, and can type a line.
fn can_ask(context: &Context) -> bool {
    context.script.main && output::lines_are_on_terminal() && std::io::stdin().is_terminal()
}

/// Asks what the header of the user's script asks, once a run, unless the script has asked by itself ([`Prediction`]). On a terminal
/// it waits for Enter, so that there is time to think: what was typed.
pub(super) fn ask(context: &Context) -> Option<InputLine> {
    if !pose(context) || !can_ask(context) {
        return None;
    }
    let lesson = context.run.part::<Lesson>();
    output::line("Your prediction? (Enter shows what happens)");
    let line = input::read_line(&context.stop).ok()?;
    if let (InputLine::Text(text), Some(asked)) = (&line, lesson.asked.get()) {
        *lock(&asked.prediction) = Some(text.trim().to_string()).filter(|text| !text.is_empty());
    }
    Some(line)
}

impl Prediction {
    /// Asks `question` until what is typed can be read as `default` is; where there is no one to ask, or Enter alone is pressed,
    /// it is the default. `None`: interrupted.
    fn ask(context: &Context, question: &str, default: OptionValue) -> Result<Option<Self>, Error> {
        pose(context);
        let made = |value, is_theirs| Some(Self { question: question.to_string(), value, is_theirs });
        if !can_ask(context) {
            if context.script.main && !context.run.part::<Lesson>().noted.swap(true, Ordering::Relaxed) {
                note("predictions are their defaults: there is no terminal to ask on");
            }
            return Ok(made(default, false));
        }
        loop {
            output::line(&format!("{question} (Enter: {})", default.typed()));
            let text = match input::read_line(&context.stop)? {
                InputLine::Text(text) => text,
                InputLine::End => String::new(),
                InputLine::Interrupted => return Ok(None),
            };
            match text.trim() {
                "" => return Ok(made(default, true)),
                text => match default.read(text) {
                    Ok(value) => return Ok(made(value, true)),
                    Err(why) => output::line(&format!("\"{text}\": {why}")),
                },
            }
        }
    }

    /// It beside what was measured.
    fn beside(&self, measured: &str) -> String {
        match self.is_theirs {
            true => format!("{} You said {}; measured: {measured}", self.question, self.value.typed()),
            false => format!("{} {measured}", self.question),
        }
    }
}

/// Keeps an answer for the end of the run, or prints it where nothing was asked.
fn answer(text: &str) {
    let context = context::current();
    let lesson = context.run.part::<Lesson>();
    if context.script.main && lesson.asked.get().is_some() {
        lock(&lesson.answers).push(text.to_string());
    } else {
        output::line(&labelled("Answer:", text));
    }
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
    object Prediction, "What the user expects of a run, before it.";

    /// Answers the question that the header of the lab's script asks (`Predict:`), with what was just measured. It is printed
    /// at the end of the run: the question, what the user expected, the answers in the order of their calls, and what the
    /// header says under `Explain:` and `Remember:`. These come also after an `expect` that failed. In a script that asked
    /// nothing the answer is printed at once. Where the header says `{delay}`, the value of the option `delay` is printed.
    ///
    /// ```rhai
    /// let rtts = stats();
    /// answer(`${rtts.lost} of ${rtts.sent} pings were lost`);
    /// ```
    fn answer(text: &str) = answer(text);

    /// Answers what `predict` has asked, with what was measured: printed as `answer(text)` prints it, with what the user
    /// said beside it.
    ///
    /// ```rhai
    /// let lost = predict("How many of 5 pings are lost?", 0);
    /// let rtts = stats();
    /// answer(lost, rtts.lost);    // Answer:   How many of 5 pings are lost? You said 1; measured: 0
    /// expect(rtts.lost, lost.said);
    /// ```
    fn answer(prediction: Prediction, measured: Dynamic) = {
        let text = if measured.is_string() { measured.to_string() } else { shown(&measured) };
        answer(&prediction.beside(&text));
    };

    /// Asks what the user expects, before it is measured. On a terminal the question is printed and a line is read, of the type of
    /// the default (a number, a duration, text, `true` or `false`), which Enter alone takes; elsewhere the default is taken, and one
    /// line says so. The question of the script's header (`Predict:`) is printed before the first, and needs no other answer then.
    /// `answer(prediction, measured)` shows it beside what was measured, its property `said` has what was typed.
    ///
    /// Errors: `invalid`: the default is of another type.
    ///
    /// ```rhai
    /// let longest = predict("How long does the slowest ping take?", 1.ms);
    /// let sock = udp::bind("127.0.0.1:0");
    /// let ping = sock.ping(sock.addr, "ping 1", 1.s);
    /// answer(longest, ping.rtt);
    /// expect(longest.said, 1.ms);
    /// ```
    fn predict(ctx: NativeCallContext, question: &str, default: Dynamic) -> ScriptResult<Prediction> = {
        let Some(value) = OptionValue::of(&default) else {
            let error = Error::invalid("predict", format!("the default is {}", shown(&default)));
            return raise(&ctx, error.with_hint("give a number, a duration such as 1.ms, text, true or false"));
        };
        match Prediction::ask(&context::current(), question, value).or_raise(&ctx)? {
            Some(prediction) => Ok(prediction),
            // As at the question of the header.
            None => Err(exit::leave(0, ctx.call_position())),
        }
    };

    /// What the user expects, or the default.
    ///
    /// ```rhai
    /// expect(predict("How many are lost?", 3).said, 3);
    /// ```
    get said(prediction: &mut Prediction) -> Dynamic = prediction.value.clone().into_dynamic();

    /// The question, and what the user expects.
    ///
    /// ```rhai
    /// expect(`${predict("How many are lost?", 3)}`, "How many are lost? 3");
    /// ```
    fn to_string | to_debug(prediction: &mut Prediction) -> String =
        format!("{} {}", prediction.question, prediction.value.typed());

    /// Waits until Enter is pressed, so that there is time to read what a phase has shown before the next one begins. Where
    /// there is no terminal it does nothing. An interrupt ends the wait.
    ///
    /// Errors: `system`: standard input cannot be read.
    ///
    /// ```rhai
    /// print("first without loss");
    /// expect(pause(), ());
    /// print("and now with loss");
    /// ```
    fn pause(ctx: NativeCallContext) -> ScriptResult<()> = {
        let context = context::wait(WaitingFor::Pause);
        if can_ask(&context) && !context.stop.is_stopped() {
            output::line("(Enter goes on)");
            input::read_line(&context.stop).or_raise(&ctx)?;
        }
        Ok(())
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_user_said_stands_beside_what_was_measured() {
        let asked = |is_theirs| Prediction { question: "How many?".to_string(), value: OptionValue::Int(3), is_theirs };
        assert_eq!(asked(true).beside("0 of 9"), "How many? You said 3; measured: 0 of 9");
        assert_eq!(asked(false).beside("0 of 9"), "How many? 0 of 9");
    }

    #[test]
    fn parts_of_a_header_are_distinguished() {
        let header = "A lab.\n\nPredict:  What is\n          this?\nExplain:  That.\nRemember: It.\nUsage:    x";
        assert_eq!(part(header, QUESTION).as_deref(), Some("Predict:  What is this?"));
        let rest = EXPLANATION.map(|label| part(header, label).unwrap_or_default());
        assert_eq!(rest, ["Explain:  That.", "Remember: It."]);
        assert_eq!(part("A script.", QUESTION), None);
    }
}
