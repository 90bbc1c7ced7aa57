//! What a check finds as rows for other programs: a line of JSON each.

use serde_json::{Value, json};

use super::Diagnostic;
use crate::net::error::Error;

/// The row of something found.
pub(super) fn row(found: &Diagnostic) -> Value {
    let message = &found.message;
    let (line, column) = (message.at.line(), message.at.position());
    let (end_line, end_column) = found.end.unzip();
    json!({
        "file": message.source, "line": line, "column": column, "end_line": end_line, "end_column": end_column,
        "severity": message.severity, "message": message.message, "hint": hint(&message.hints),
    })
}

/// The row of a file that cannot be read.
pub(super) fn unreadable(file: &str, error: &Error) -> Value {
    let hint = Some(&error.hint).filter(|hint| !hint.is_empty());
    json!({
        "file": file, "line": null, "column": null, "end_line": null, "end_column": null,
        "severity": "error", "message": error.to_string(), "hint": hint,
    })
}

fn hint(hints: &[String]) -> Option<String> {
    (!hints.is_empty()).then(|| hints.join("\n"))
}
