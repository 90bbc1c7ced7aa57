//! Forms of other languages, each with the corrected line as its hint.

use super::{check_scripts, other_blocks, other_calls, other_declarations, other_modules, other_python};
use pingscript::bindings::context::Programs;
use pingscript::engine::programs::ScriptHost;

const FORMS: [&[super::Case]; 5] =
    [other_calls::FORMS, other_blocks::FORMS, other_declarations::FORMS, other_modules::FORMS, other_python::FORMS];

#[test]
fn the_hint_is_the_corrected_line() {
    FORMS.iter().for_each(|forms| check_scripts(forms));
}

#[test]
fn the_corrected_line_can_be_read() {
    let host = ScriptHost::for_checking();
    let lines = FORMS
        .iter()
        .copied()
        .flatten()
        .filter_map(|(.., message)| message.split("  hint: write: ").nth(1)?.lines().next());
    for line in lines {
        assert!(host.engine().compile(line).is_ok(), "{line}");
    }
    assert!(FORMS.iter().map(|forms| forms.len()).sum::<usize>() > 60);
}
