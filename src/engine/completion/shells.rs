//! The shells that complete: what each of them reads to do so, how it writes words, and which part of a word it replaces.

use clap::ValueEnum;

use crate::engine::words::Last;

/// A shell that completes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// Bash.
    Bash,
    /// Zsh.
    Zsh,
    /// Fish.
    Fish,
}

impl Shell {
    /// What the shell reads to complete.
    pub fn script(self) -> &'static str {
        match self {
            Self::Bash => BASH,
            Self::Zsh => ZSH,
            Self::Fish => FISH,
        }
    }

    /// `word`, which can take the place of `last`, as the shell wants it.
    pub(super) fn offer(self, last: &Last, word: &str) -> String {
        let kept = match self {
            Self::Fish => 0,
            // The function has the shell keep the name of a flag and the directory.
            Self::Zsh => last.text.rfind('/').or_else(|| last.assigned()).map_or(0, |at| at + 1),
            // Between quotes a word is one; elsewhere Bash replaces what follows the last colon or equals sign only.
            Self::Bash if last.quote.is_some() => 0,
            Self::Bash => last.text.rfind([':', '=']).map_or(0, |at| at + 1),
        };
        let rest = word.get(kept..).unwrap_or_default();
        // Bash takes words as they would be typed.
        if self == Self::Bash { typed(rest, last.quote) } else { rest.to_string() }
    }
}

const BASH: &str = include_str!("scripts/pingscript.bash");
const ZSH: &str = include_str!("scripts/_pingscript");
const FISH: &str = "complete -c pingscript -f -a '(pingscript complete fish (commandline -cp | string collect))'\n";

impl Last {
    /// Where the `=` of `--name=value` is.
    fn assigned(&self) -> Option<usize> {
        self.text.find('=').filter(|_| self.text.starts_with("--"))
    }
}

/// A word as it is typed in Bash, after an open quotation mark if there is one.
fn typed(word: &str, quote: Option<char>) -> String {
    let plain = |c: char| match quote {
        Some('"') => !"\"\\$`".contains(c),
        Some(_) => true,
        None => c.is_alphanumeric() || "/._-:=,+@%".contains(c),
    };
    let word = if quote == Some('\'') { word.replace('\'', "'\\''") } else { word.to_string() };
    let home = if word.starts_with("~/") && quote.is_none() { 1 } else { 0 };
    let escaped = word[home..].chars().flat_map(|c| (!plain(c)).then_some('\\').into_iter().chain([c]));
    word[..home].chars().chain(escaped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_written_as_bash_reads_them() {
        for (quote, expected) in [(None, "a\\ \\\"b\\'c"), (Some('"'), "a \\\"b'c"), (Some('\''), "a \"b'\\''c")] {
            assert_eq!(typed("a \"b'c", quote), expected);
        }
        assert_eq!([typed("~/a", None), typed("a~", None)], ["~/a", "a\\~"]);
    }
}
