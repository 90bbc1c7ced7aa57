//! Texts in files of rows: sections, in each of them rows, and in each row lines.
//!
//! ```text
//! // A comment.
//! [section]
//! key another
//!     a line
//!     another line
//! ```

/// The rows beneath a name in `[ ]`.
#[derive(Debug)]
pub(crate) struct TextSection {
    pub(crate) name: &'static str,
    pub(crate) rows: Vec<TextRow>,
}

/// A line of keys, or of the parts of a form, and the indented lines beneath it.
#[derive(Debug)]
pub(crate) struct TextRow {
    pub(crate) keys: Vec<&'static str>,
    pub(crate) lines: Vec<&'static str>,
}

impl TextSection {
    /// The row with this key.
    pub(crate) fn row(&self, key: &str) -> Option<&TextRow> {
        self.rows.iter().find(|row| row.keys.contains(&key))
    }

    /// The first line of the row with this key.
    #[cfg(feature = "sim")]
    pub(crate) fn line(&self, key: &str) -> Option<&'static str> {
        self.row(key)?.lines.first().copied()
    }
}

/// The sections of a file that is part of this program.
pub(crate) fn read(text: &'static str) -> Vec<TextSection> {
    let mut sections: Vec<TextSection> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with("//")) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            sections.push(TextSection { name, rows: Vec::new() });
            continue;
        }
        let rows = &mut sections.last_mut().expect("a file begins with a section").rows;
        match line.strip_prefix("    ") {
            Some(line) => rows.last_mut().expect("a row begins with its keys").lines.push(line),
            None => rows.push(TextRow { keys: line.split(' ').collect(), lines: Vec::new() }),
        }
    }
    sections
}
