//! Texts that fit a screen: a line that is too long goes on in the next one, beneath where its text begins.

/// Columns of help where no terminal says how many it has.
pub const COMMON: usize = 80;

/// `text` with each line that takes more than `width` columns broken at blanks. What follows a label (`Needs: …`) or
/// stands in a second column goes on beneath itself. Sequences that colour text take no columns; a word is never broken.
pub fn fit(text: &str, width: usize) -> String {
    let lines: Vec<String> = text.split('\n').map(|line| fit_line(line, width)).collect();
    lines.join("\n")
}

fn fit_line(line: &str, width: usize) -> String {
    let plain = plain(line);
    if plain.chars().count() <= width {
        return line.to_string();
    }
    let hang = hang(&plain, width);
    let (mut fitted, mut column, mut rest) = (String::new(), 0, line);
    while !rest.is_empty() {
        let blanks = rest.len() - rest.trim_start_matches(' ').len();
        let end = rest[blanks..].find(' ').map_or(rest.len(), |end| blanks + end);
        let (piece, further) = rest.split_at(end);
        let word = &piece[blanks..];
        let wide = self::plain(word).chars().count();
        if column > hang && column + blanks + wide > width {
            fitted.push('\n');
            fitted.push_str(&" ".repeat(hang));
            fitted.push_str(word);
            column = hang + wide;
        } else {
            fitted.push_str(piece);
            column += blanks + wide;
        }
        rest = further;
    }
    fitted
}

/// Where a line goes on.
fn hang(plain: &str, width: usize) -> usize {
    let chars: Vec<char> = plain.chars().collect();
    let indent = chars.iter().take_while(|c| **c == ' ').count();
    let text = &chars[indent..];
    let gap = text.windows(2).position(|pair| pair == [' ', ' ']);
    let column = gap.map(|gap| indent + gap + text[gap..].iter().take_while(|c| **c == ' ').count());
    let label = text.iter().position(|c| *c == ' ').filter(|end| *end > 0 && text[end - 1] == ':');
    let label = label.map(|end| indent + end + 1);
    column.into_iter().chain(label).find(|hang| *hang * 3 <= width * 2).unwrap_or(indent)
}

/// `text` without the sequences that colour it.
fn plain(text: &str) -> String {
    let (mut plain, mut within) = (String::with_capacity(text.len()), false);
    for c in text.chars() {
        match (within, c) {
            (false, '\x1b') => within = true,
            (false, c) => plain.push(c),
            (true, c) => within = !c.is_ascii_alphabetic(),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_go_on_beneath_their_text() {
        for (text, fitted) in [
            ("short", "short"),
            ("one two three four five six", "one two three four\nfive six"),
            ("  -e <X>  one two three four", "  -e <X>  one two\n          three four"),
            ("Needs:  one two three four", "Needs:  one two three\n        four"),
            ("  hint: one two three four five", "  hint: one two three\n        four five"),
            ("unbreakableunbreakable x", "unbreakableunbreakable\nx"),
            ("one two\n\n  three", "one two\n\n  three"),
            ("\x1b[1mone\x1b[0m two three four five", "\x1b[1mone\x1b[0m two three four\nfive"),
        ] {
            assert_eq!(fit(text, 21), fitted);
        }
    }

    #[test]
    fn every_width_is_survived_and_no_word_is_lost() {
        let text = "  a label:   with text\nÄ: é word  \x1b[31mred\x1b[0m ";
        for width in 0..40 {
            let words = |text: &str| text.split_whitespace().map(str::to_string).collect::<Vec<_>>();
            assert_eq!(words(&fit(text, width)), words(text), "{width}");
        }
    }
}
