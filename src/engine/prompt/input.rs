//! Distinguishes input that goes on in the next line from input that can be run.
//!
//! The parser of the language says where it met the end of the text; what it takes for complete although it is not, or
//! cannot know, is distinguished here. Three things no one can know, since what stands there is complete already: that an
//! `else` will follow after `}`, that the next line will begin with a dot, and that an operator will stand at its start.

use rhai::{Engine, LexError, OptimizationLevel, ParseError, ParseErrorType, Position};

use crate::engine::lexer::{Lexed, Open, Token, TokenKind, read, tokens};
use crate::engine::settings::EXPRESSION_DEPTHS;

/// Reads input without running it.
#[derive(Debug)]
pub struct Recogniser(Engine);

impl Recogniser {
    /// A reader of input as the prompt's engine would read it. Which names there are does not matter to it.
    pub fn new() -> Self {
        let mut engine = Engine::new_raw();
        engine
            .set_optimization_level(OptimizationLevel::None)
            .set_max_expr_depths(EXPRESSION_DEPTHS.0, EXPRESSION_DEPTHS.1)
            .disable_symbol("eval");
        Self(engine)
    }

    /// Whether `text` is the beginning of something: more lines belong to it.
    pub fn is_incomplete(&self, text: &str) -> bool {
        let tail = Tail::of(text);
        if tail.goes_on {
            return true;
        }
        match self.0.compile(text) {
            // Read as a closure without a body, or as nothing at all.
            Ok(_) => tail.in_closure || tail.only_documentation,
            Err(error) => tail.only_documentation || ends_too_early(text, &error),
        }
    }
}

impl Recogniser {
    /// Whether `text` can be read as a script.
    pub fn reads(&self, text: &str) -> bool {
        self.0.compile(text).is_ok()
    }
}

impl Default for Recogniser {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether `error` is that the text ends where something else must stand.
fn ends_too_early(text: &str, error: &ParseError) -> bool {
    use ParseErrorType as E;
    match &*error.0 {
        E::UnexpectedEOF => true,
        // A line ends a text in quotes; one in back-ticks goes on.
        E::BadInput(LexError::UnterminatedString) => false,
        E::BadInput(_)
        | E::MissingToken(..)
        | E::MissingSymbol(_)
        | E::ExprExpected(_)
        | E::PropertyExpected
        | E::VariableExpected
        | E::MalformedIndexExpr(_)
        | E::MalformedCapture(_)
        | E::FnMissingName
        | E::FnMissingParams(_)
        | E::FnMissingBody(_)
        | E::WrongSwitchIntegerCase
        | E::WrongSwitchCaseCondition => nothing_follows(text, error.1),
        _ => false,
    }
}

/// Whether only blanks and comments stand from `position` on.
fn nothing_follows(text: &str, position: Position) -> bool {
    let (Some(line), column) = (position.line(), position.position().unwrap_or(1)) else { return true };
    let mut rest = text.split('\n').skip(line - 1);
    let first: String = rest.next().unwrap_or_default().chars().skip(column.saturating_sub(1)).collect();
    let rest: Vec<&str> = std::iter::once(first.as_str()).chain(rest).collect();
    tokens(&rest.join("\n")).is_empty()
}

/// How a text ends.
struct Tail {
    /// Within a comment `/* …`, or a text in back-ticks.
    goes_on: bool,
    /// After the parameters of a closure.
    in_closure: bool,
    /// Nothing but comments, the last of them a `///` one, which belongs to a function.
    only_documentation: bool,
}

impl Tail {
    fn of(text: &str) -> Self {
        let Lexed { tokens, open } = read(text);
        let (comments, code): (Vec<Token>, Vec<Token>) =
            tokens.into_iter().partition(|token| token.kind == TokenKind::Comment);
        let last = comments.iter().rfind(|comment| comment.text.starts_with("//"));
        let documents = last.is_some_and(|last| last.text.starts_with("///") && !last.text.starts_with("////"));
        Self {
            goes_on: matches!(open, Some(Open::Comment(_) | Open::BackTick(_))),
            in_closure: code.last().is_some_and(|last| matches!(last.text.as_str(), "|" | "||")),
            only_documentation: code.is_empty() && documents,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Input, and whether more belongs to it.
    const CASES: &[(&str, bool)] = &[
        // Brackets
        ("udp::bind(", true),
        ("udp::bind(\"127.0.0.1:0\"", true),
        ("udp::bind(\"127.0.0.1:0\")", false),
        ("f(1,", true),
        ("f(unknown, other,", true),
        ("[1, 2,", true),
        ("[1, 2", true),
        ("[1, 2]", false),
        ("let m = #{", true),
        ("let m = #{ a: 1,", true),
        ("let m = #{ a:", true),
        ("let m = #{ a: 1 }", false),
        ("x[", true),
        ("(1 + 2", true),
        ("((1)", true),
        // Blocks
        ("{", true),
        ("{ let x = 1;", true),
        ("if x > 3", true),
        ("if x > 3 {", true),
        ("if x > 3 { 1 } else", true),
        ("if x > 3 { 1 } else {", true),
        ("if x > 3 { 1 } else { 2 }", false),
        ("for i in 0..5", true),
        ("for i in 0..5 {", true),
        ("for i in", true),
        ("for", true),
        ("for i in 0..5 { print(i); }", false),
        ("while x < 3 {", true),
        ("loop {", true),
        ("do {", true),
        ("do { x += 1; }", true),
        ("do { x += 1; } while", true),
        ("do { x += 1; } while x < 3", false),
        ("switch x {", true),
        ("switch x { 1 =>", true),
        ("switch x { 1 => 2,", true),
        ("switch x { 1 => 2, _ => 3 }", false),
        ("try {", true),
        ("try { f(); }", true),
        ("try { f(); } catch", true),
        ("try { f(); } catch (e) {", true),
        ("try { f(); } catch (e) { print(e); }", false),
        // Functions and closures
        ("fn", true),
        ("fn f", true),
        ("fn f(", true),
        ("fn f(a, b", true),
        ("fn f(a, b)", true),
        ("fn f(a, b) {", true),
        ("fn f(a, b) {\n    a + b\n", true),
        ("fn f(a, b) {\n    a + b\n}", false),
        ("|x|", true),
        ("let f = |x|", true),
        ("let f = ||", true),
        ("let f = |x, y", true),
        ("let f = |x| {", true),
        ("let f = |x| x + 1", false),
        ("set_policy(server, |pkt|", true),
        ("set_policy(server, |pkt| {\n  drop()\n", true),
        ("set_policy(server, |pkt| {\n  drop()\n})", false),
        ("/// Doubles a number.", true),
        ("/// Doubles a number.\nfn twice(n) { n * 2 }", false),
        // Operators and declarations
        ("let x =", true),
        ("let", true),
        ("const X =", true),
        ("let x = 1", false),
        ("1 +", true),
        ("x &&", true),
        ("x |", true),
        ("x.", true),
        ("udp::", true),
        ("x +=", true),
        ("!", true),
        ("-", true),
        ("import \"m\" as", true),
        ("return", false),
        ("let x = 1 + // so far", true),
        ("f(1, /* two */", true),
        // Texts and comments
        ("`ping", true),
        ("`ping ${", true),
        ("`ping ${x", true),
        ("`ping ${x}", true),
        ("`ping ${#{ a: 1 }.a}`", false),
        ("`ping ${`inner", true),
        ("print(`a\nb`)", false),
        ("\"ping", false),
        ("\"a ` b\"", false),
        ("/* a comment", true),
        ("/* a /* nested */", true),
        ("/* a comment */", false),
        ("1 // a `comment", false),
        ("// only a comment", false),
        ("", false),
        // Wrong however it goes on
        (")", false),
        ("}", false),
        ("let 5 = x", false),
        ("let x = ;", false),
        ("f(1 2)", false),
        ("if x { 1 }} {", false),
        ("fn 5() {", false),
        // No one can know that these go on
        ("if x > 3 { 1 }", false),
        ("sock", false),
        ("1", false),
    ];

    #[test]
    fn what_goes_on_is_distinguished_from_what_can_be_run() {
        let recogniser = Recogniser::new();
        let wrong: Vec<&str> = CASES
            .iter()
            .filter(|(text, more)| recogniser.is_incomplete(text) != *more)
            .map(|(text, _)| *text)
            .collect();
        assert!(CASES.len() > 90 && wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn each_beginning_of_a_program_goes_on_or_is_a_program() {
        let program = "fn f(a, b) {\n    let m = #{ a: a, b: `x ${b}` };\n    for i in 0..3 { m.a += i; }\n    m\n}\n";
        let recogniser = Recogniser::new();
        let lines: Vec<&str> = program.lines().collect();
        for end in 1..lines.len() {
            assert!(recogniser.is_incomplete(&lines[..end].join("\n")), "{:?}", &lines[..end]);
        }
        assert!(!recogniser.is_incomplete(program));
    }
}
