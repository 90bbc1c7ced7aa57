//! Words of a line as shells distinguish them: by blanks, except within quotes.

/// The word to complete.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Last {
    pub(super) text: String,
    /// The quotation mark that is still open.
    #[cfg_attr(not(feature = "cli"), allow(dead_code, reason = "only shells complete within one"))]
    pub(super) quote: Option<char>,
}

/// The words of a line as a shell reads them, and the one to complete, which is empty after a blank.
pub(super) fn words(line: &str) -> (Vec<String>, Last) {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if quote.is_none() && c.is_whitespace() {
            words.extend(word.take());
            continue;
        }
        let word = word.get_or_insert_default();
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None | Some('"'), '\\') => word.extend(chars.next()),
            _ => word.push(c),
        }
    }
    (words, Last { text: word.unwrap_or_default(), quote })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_a_shell() {
        let read = |line| {
            let (words, last) = words(line);
            (words.join("|"), last.text, last.quote)
        };
        assert_eq!(read("pingscript my\\ scr"), ("pingscript".into(), "my scr".into(), None));
        assert_eq!(read("pingscript 'my scr' \"a b"), ("pingscript|my scr".into(), "a b".into(), Some('"')));
        assert_eq!(read(" pingscript  '' "), ("pingscript|".into(), String::new(), None));
    }
}
