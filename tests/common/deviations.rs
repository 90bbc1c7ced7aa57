//! The list of accepted differences, `tests/golden/deviations.txt`: read, and applied to a golden
//! transcript. The file itself says what its lines mean.

/// One accepted difference.
#[derive(Debug)]
pub(crate) struct Deviation {
    file: String,
    before: Vec<String>,
    after: Vec<String>,
    because: String,
}

/// Read the list. Panics with the line that is not understood: a test file of our own.
pub(crate) fn parse(list: &str) -> Vec<Deviation> {
    let uncommented: Vec<&str> = list.lines().filter(|line| !line.starts_with('#')).collect();
    uncommented.split(|line| line.is_empty()).filter(|block| !block.is_empty()).map(parse_block).collect()
}

impl Deviation {
    /// The transcript it is for, or a pattern that ends in `*`.
    pub(crate) fn file(&self) -> &str {
        &self.file
    }

    /// Whether it speaks of the transcript `name`.
    pub(crate) fn is_for(&self, name: &str) -> bool {
        match self.file.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == self.file,
        }
    }

    /// Whether it names one file, in which it then must fit.
    pub(crate) fn names_one(&self) -> bool {
        !self.file.ends_with('*')
    }

    /// `text` with the difference applied; `None` if it does not fit.
    pub(crate) fn apply(&self, text: &str) -> Option<String> {
        let mut lines: Vec<&str> = text.lines().collect();
        let new = self.after.iter().map(String::as_str);
        if self.before.is_empty() {
            lines.extend(new);
        } else {
            let fits = |at: &usize| lines[*at..*at + self.before.len()] == self.before[..];
            let starts = 0..=lines.len().checked_sub(self.before.len())?;
            let places: Vec<usize> = starts.filter(fits).collect();
            let [at] = places[..] else {
                assert!(places.is_empty(), "fits more than once: {self:?}");
                return None;
            };
            lines.splice(at..at + self.before.len(), new);
        }
        Some(lines.join("\n") + "\n")
    }
}

fn parse_block(block: &[&str]) -> Deviation {
    let mut this = Deviation { file: String::new(), before: Vec::new(), after: Vec::new(), because: String::new() };
    for line in block {
        match line.split_once(' ') {
            Some(("file:", name)) => this.file = name.trim().to_owned(),
            Some(("because:", why)) => this.because = why.trim().to_owned(),
            Some(("", more)) if !this.because.is_empty() => this.because += more,
            Some(("-", text)) => this.before.push(text.to_owned()),
            Some(("+", text)) => this.after.push(text.to_owned()),
            Some(("=", text)) => {
                this.before.push(text.to_owned());
                this.after.push(text.to_owned());
            }
            _ => panic!("deviations: not understood: {line:?}"),
        }
    }
    assert!(
        !this.file.is_empty() && !this.because.is_empty() && this.before != this.after,
        "deviations: a block lacks its file, its lines or its reason: {block:?}"
    );
    this
}
