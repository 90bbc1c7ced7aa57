//! Where in a line the cursor stands: within quotes, after a dot, in an option map, …

/// What stands at the cursor, with the byte at which the word to complete begins.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place<'a> {
    /// `:wo`
    Command { start: usize, word: &'a str },
    /// `:command wo`
    Argument { command: &'a str, start: usize, word: &'a str },
    /// `call("te`
    Text { start: usize, text: &'a str, call: Option<String> },
    /// `namespace::wo`
    Namespace { namespace: &'a str, start: usize, word: &'a str },
    /// `object.wo`
    Member { object: &'a str, start: usize, word: &'a str },
    /// `call(…, #{ wo`
    Key { call: String, start: usize, word: &'a str },
    /// `wo`
    Name { start: usize, word: &'a str },
    /// Within a comment, or a number.
    Nothing,
}

/// What stands at the end of `before`.
pub(super) fn place(before: &str) -> Place<'_> {
    if let Some(command) = before.strip_prefix(':') {
        return match command.split_once(' ') {
            None => Place::Command { start: 1, word: command },
            Some((command, rest)) => {
                let word = rest.trim_start();
                Place::Argument { command, start: before.len() - word.len(), word }
            }
        };
    }
    let scan = Scan::of(before);
    if scan.in_comment {
        return Place::Nothing;
    }
    if let Some(start) = scan.text {
        let call = scan.open.last().filter(|(bracket, _)| *bracket == '(').and_then(|(_, at)| callee(&before[..*at]));
        return Place::Text { start, text: &before[start..], call };
    }
    let start =
        before.rfind(|c: char| !is_word(c)).map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
    let (head, word) = before.split_at(start);
    if let Some(path) = head.strip_suffix("::") {
        let from = path.rfind(|c: char| !is_word(c)).map_or(0, |at| at + 1);
        return Place::Namespace { namespace: path.get(from..).unwrap_or_default(), start, word };
    }
    if word.starts_with(|c: char| c.is_ascii_digit()) {
        return Place::Nothing;
    }
    if let Some(object) = head.strip_suffix("?.").or_else(|| head.strip_suffix('.'))
        && !object.ends_with('.')
    {
        return Place::Member { object: &object[expression_start(object)..], start, word };
    }
    let trimmed = head.trim_end();
    if trimmed.ends_with(['{', ','])
        && let [.., (outer, at), ('#', inner)] = scan.open.as_slice()
        && *outer == '('
        && !before[*inner..].is_empty()
        && let Some(call) = callee(&before[..*at])
    {
        return Place::Key { call, start, word };
    }
    Place::Name { start, word }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The name of the function before a bracket: `udp::bind`, `.ping`, `policy`.
fn callee(before: &str) -> Option<String> {
    let before = before.trim_end();
    let start = before
        .rfind(|c: char| !is_word(c) && c != ':')
        .map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
    let name = &before[start..];
    (!name.is_empty()).then(|| name.to_string())
}

/// Where the chain of names and calls begins that ends here.
fn expression_start(text: &str) -> usize {
    let mut end = text.len();
    loop {
        let part = &text[..end];
        let next = match part.chars().next_back() {
            Some(')' | ']') => opening(part),
            Some('"') => part[..end - 1].rfind('"'),
            Some('`') => part[..end - 1].rfind('`'),
            Some(c) if is_word(c) => Some(
                part.rfind(|c: char| !is_word(c))
                    .map_or(0, |at| at + part[at..].chars().next().map_or(1, char::len_utf8)),
            ),
            Some('.') => Some(end - 1),
            Some(':') if part.ends_with("::") => Some(end - 2),
            _ => None,
        };
        match next {
            Some(next) if next < end => end = next,
            _ => return end,
        }
    }
}

/// The byte at which the bracket opens that `text` ends with the closing one of.
pub(super) fn opening(text: &str) -> Option<usize> {
    let mut depth = 0;
    let mut quoted: Option<char> = None;
    for (at, c) in text.char_indices().rev() {
        match (quoted, c) {
            (Some(quote), _) if c == quote => quoted = None,
            (Some(_), _) => {}
            (None, '"' | '`') => quoted = Some(c),
            (None, ')' | ']' | '}') => depth += 1,
            (None, '(' | '[' | '{') => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// What is open at the end of a text.
#[derive(Debug, Default)]
struct Scan {
    /// Brackets and where they stand; `#` for that of a map.
    open: Vec<(char, usize)>,
    /// Where the text in quotes begins that the end is in.
    text: Option<usize>,
    in_comment: bool,
}

impl Scan {
    fn of(text: &str) -> Self {
        let mut scan = Self::default();
        let chars: Vec<(usize, char)> = text.char_indices().collect();
        let at = |i: usize| chars.get(i).map_or('\0', |(_, c)| *c);
        let mut i = 0;
        // In back-ticks; and the depth at each `${` that is open.
        let (mut ticks, mut inner): (Option<usize>, Vec<usize>) = (None, Vec::new());
        while i < chars.len() {
            let (byte, c) = chars[i];
            if ticks.is_some() {
                match c {
                    '`' => ticks = None,
                    '$' if at(i + 1) == '{' => {
                        inner.push(scan.open.len());
                        scan.open.push(('{', byte + 1));
                        ticks = None;
                        i += 1;
                    }
                    _ => {}
                }
            } else {
                match c {
                    '`' => ticks = Some(byte + 1),
                    '"' | '\'' => {
                        let start = byte + 1;
                        i += 1;
                        while i < chars.len() && at(i) != c && at(i) != '\n' {
                            i += if at(i) == '\\' { 2 } else { 1 };
                        }
                        if i >= chars.len() {
                            scan.text = Some(start);
                        }
                    }
                    '/' if at(i + 1) == '/' => match (i..chars.len()).find(|&i| at(i) == '\n') {
                        Some(end) => i = end,
                        None => return Self { in_comment: true, ..scan },
                    },
                    '/' if at(i + 1) == '*' => match (i + 2..chars.len()).find(|&i| at(i) == '*' && at(i + 1) == '/') {
                        Some(end) => i = end + 1,
                        None => return Self { in_comment: true, ..scan },
                    },
                    '(' | '[' => scan.open.push((c, byte)),
                    '{' => scan.open.push((if i > 0 && at(i - 1) == '#' { '#' } else { '{' }, byte)),
                    ')' | ']' => drop(scan.open.pop()),
                    '}' => {
                        scan.open.pop();
                        if inner.last() == Some(&scan.open.len()) {
                            inner.pop();
                            ticks = Some(byte + 1);
                        }
                    }
                    _ => {}
                }
            }
            i += 1;
        }
        if let Some(start) = ticks {
            scan.text = Some(start);
        }
        scan
    }
}
