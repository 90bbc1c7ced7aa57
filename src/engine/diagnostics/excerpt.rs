//! A source line with a caret beneath it, and places written as `file:line:column`.

use std::fmt::Write;

use rhai::Position;
use unicode_width::UnicodeWidthChar;

use crate::terminal::output;

/// Characters of a source line shown at most.
const WIDTH: usize = 96;

/// Characters beside it: its number, a bar, and a mark at either end of what was cut.
const BESIDE: usize = 10;

/// `source:line:column`, or as much of it as is known.
pub(super) fn place(source: &str, pos: Position) -> String {
    match (pos.line(), pos.position()) {
        (Some(line), Some(column)) => format!("{source}:{line}:{column}"),
        (Some(line), None) => format!("{source}:{line}"),
        _ => source.to_string(),
    }
}

/// Appends the line of `text` at `pos` and a caret under its column; nothing when there is no such line.
///
/// Tabs stay tabs in both lines, so the caret stands right for any width of theirs. A long line is cut on
/// both sides of the caret, and to the width of a narrow terminal, where the caret would stand beneath another line.
pub(super) fn write_excerpt(out: &mut String, text: &str, pos: Position) {
    let Some(number) = pos.line() else { return };
    let Some(line) = text.split('\n').nth(number - 1) else {
        return;
    };
    let chars: Vec<char> = line.trim_end().chars().collect();
    let caret = pos.position().unwrap_or(1).saturating_sub(1).min(chars.len());

    let width = output::error_columns().map_or(WIDTH, |columns| columns.saturating_sub(BESIDE).clamp(16, WIDTH));
    let start = if chars.len() <= width { 0 } else { caret.saturating_sub(width / 2).min(chars.len() - width) };
    let end = chars.len().min(start + width);
    let printable = |c: &char| {
        if c.is_control() && *c != '\t' { char::REPLACEMENT_CHARACTER } else { *c }
    };
    // A wide letter takes two columns, one that is put over another none.
    let blank = |c: &char| match *c {
        '\t' => "\t".to_string(),
        c => " ".repeat(c.width().unwrap_or(1)),
    };

    let mut shown: String = chars[start..end].iter().map(printable).collect();
    let mut below: String = chars[start..caret].iter().map(blank).collect();
    if start > 0 {
        shown.insert(0, '…');
        below.insert(0, ' ');
    }
    if end < chars.len() {
        shown.push('…');
    }
    let _ = writeln!(out, "{number:>5} | {shown}");
    let _ = writeln!(out, "      | {below}^");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excerpt(text: &str, line: u16, column: u16) -> String {
        let mut out = String::new();
        write_excerpt(&mut out, text, Position::new(line, column));
        out
    }

    #[test]
    fn puts_the_caret_under_the_column() {
        assert_eq!(excerpt("let a = b;\r\nc", 1, 9), "    1 | let a = b;\n      |         ^\n");
        assert_eq!(excerpt("\tif x {\n\t\ty", 2, 3), "    2 | \t\ty\n      | \t\t^\n");
        assert_eq!(excerpt("\"日本\" x", 1, 6), "    1 | \"日本\" x\n      |        ^\n");
        assert_eq!(excerpt("\"e\u{301}\" x", 1, 6), "    1 | \"e\u{301}\" x\n      |     ^\n");
        assert_eq!(excerpt("é = ü", 1, 5), "    1 | é = ü\n      |     ^\n");
        assert_eq!(excerpt("ab", 1, 0), "    1 | ab\n      | ^\n");
        assert_eq!(excerpt("ab", 1, 9), "    1 | ab\n      |   ^\n");
        assert_eq!(excerpt("a\u{1b}[2Jb", 1, 6), "    1 | a\u{fffd}[2Jb\n      |      ^\n");
    }

    #[test]
    fn says_nothing_without_a_line() {
        assert_eq!(excerpt("one line", 7, 1), "");
        let mut out = String::new();
        write_excerpt(&mut out, "text", Position::NONE);
        assert_eq!(out, "");
    }

    #[test]
    fn cuts_long_lines_around_the_caret() {
        let line = format!("{}X{}", "a".repeat(300), "b".repeat(300));
        let out = excerpt(&line, 1, 301);
        let lines: Vec<&str> = out.lines().collect();
        let at = lines[1].chars().position(|c| c == '^');
        assert_eq!(at.and_then(|at| lines[0].chars().nth(at)), Some('X'));
        assert!(lines[0].chars().count() <= 8 + WIDTH + 2);
        assert!(lines[0].starts_with("    1 | …aaa") && lines[0].ends_with("bbb…"));

        let out = excerpt(&line, 1, 601);
        assert!(out.contains("bbb\n") && out.trim_end().ends_with(" ^"));
    }
}
