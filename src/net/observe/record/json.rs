//! Rows as JSON Lines: one object a line, its fields in the order of the schema.

use super::{Format, RecordFile, Row};

/// How a file of such rows begins.
pub(super) const BEGINNING: &str = "{\"type\":\"run\",";

/// Writes rows as JSON.
#[derive(Debug)]
pub(super) struct Json(RecordFile);

impl Json {
    /// Writes to `place`.
    pub(super) fn new(place: RecordFile) -> Self {
        Self(place)
    }
}

impl Format for Json {
    fn write(&self, row: &Row<'_>) {
        self.0.push(&line(row));
    }
}

/// The row as a line, its end included.
pub fn line(row: &Row<'_>) -> Vec<u8> {
    let mut line = Vec::with_capacity(256);
    serde_json::to_writer(&mut line, row).expect("rows have text keys only, and memory takes any of them");
    line.push(b'\n');
    line
}
