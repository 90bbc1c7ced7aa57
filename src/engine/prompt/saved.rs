//! What was typed at the prompt, as a script that does the same.

use super::input::Recogniser;
use super::session::{IT, Typed};

/// What follows a statement in a script, to see whether it has ended.
const NEXT: &str = "\nlet x = 1;";

/// The entries as the text of a script.
pub(super) fn script<'a>(entries: impl Iterator<Item = &'a Typed>) -> String {
    let recogniser = Recogniser::new();
    let mut lines: Vec<(String, bool)> = Vec::new();
    for Typed { text, gave_it } in entries {
        let text = text.trim_end();
        if mentions_it(text) {
            // A script has no last result: the entry that gave it is to keep it.
            if let Some((line, kept)) = lines.iter_mut().rev().find(|(_, gives)| *gives)
                && let Some(keeps) = keeping(line, &recogniser)
            {
                (*line, *kept) = (keeps, true);
            }
        }
        lines.push((text.to_string(), *gave_it));
    }
    lines.iter().map(|(text, _)| ended(text, &recogniser) + "\n").collect()
}

/// `text` as a declaration of what it gives, if it is one expression.
fn keeping(text: &str, recogniser: &Recogniser) -> Option<String> {
    let keeps = format!("let {IT} = {text}");
    let is_one = !text.starts_with(&format!("let {IT} ")) && recogniser.reads(&format!("let {IT} = ({text}\n);"));
    is_one.then_some(keeps)
}

/// `text` with a semicolon at its end if the next statement needs one: at the prompt a line does not.
fn ended(text: &str, recogniser: &Recogniser) -> String {
    if recogniser.reads(&format!("{text}{NEXT}")) {
        return text.to_string();
    }
    let with = format!("{text};");
    if recogniser.reads(&format!("{with}{NEXT}")) {
        return with;
    }
    // A comment ends the line, and would swallow it.
    let comments = text.rmatch_indices("//").map(|(at, comment)| {
        let code = text[..at].trim_end();
        (format!("{code};{}{comment}", &text[code.len()..at]), &text[at..])
    });
    let whole = comments.map(|(line, rest)| (line + &rest[2..], rest));
    let found = whole.filter(|(_, rest)| !rest.contains('\n')).map(|(line, _)| line);
    found.into_iter().find(|line| recogniser.reads(&format!("{line}{NEXT}"))).unwrap_or_else(|| format!("{text}\n;"))
}

/// Whether the name of the last result stands in `text`.
fn mentions_it(text: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == IT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_can_be_read_and_keeps_the_last_result() {
        for (entries, saved) in [
            (&["let x = 1", "x + 1"][..], "let x = 1;\nx + 1;\n"),
            (&["f(1) // the first"], "f(1); // the first\n"),
            (&["f(1)   // see http://example.org//x"], "f(1);   // see http://example.org//x\n"),
            (&["f(\"http://x\") // c"], "f(\"http://x\"); // c\n"),
            (&["fn f(a) { a }", "f(1); // c"], "fn f(a) { a }\nf(1); // c\n"),
            (&["6 * 7 // much", "it + 1", "it"], "let it = 6 * 7; // much\nlet it = it + 1;\nit;\n"),
            (&["1", "2", "print(it)"], "1;\nlet it = 2;\nprint(it);\n"),
            (&["if true { 1 } else { 2 }", "it"], "let it = if true { 1 } else { 2 };\nit;\n"),
        ] {
            let typed: Vec<Typed> =
                entries.iter().map(|text| Typed { text: text.to_string(), gave_it: !text.contains("let x") }).collect();
            let text = script(typed.iter());
            assert_eq!(text, saved);
            assert!(Recogniser::new().reads(&text), "{text}");
        }
    }
}
