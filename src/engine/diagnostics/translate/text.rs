//! Texts: with values in them, repeated, cut; and the characters of a word processor.

use super::{Rewrite, Rule, Translator};
use crate::engine::diagnostics::rows;

pub(super) const RULES: &[Rule] = &[prefixed, percent, formatted, repeated, single_quoted, slice, typographic];

/// `f"{x}"`, `b"…"`, `r"…"`.
fn prefixed(of: &Translator, at: usize) -> Option<Rewrite> {
    let prefix = of.text(at);
    if !matches!(prefix.to_lowercase().as_str(), "f" | "b" | "r" | "rb" | "u") || !of.touches(at + 1) {
        return None;
    }
    if !of.text(at + 1).starts_with(['"', '\'']) {
        return None;
    }
    let inside = of.inside(at + 1);
    let text = match prefix.to_lowercase().as_str() {
        "f" => with_values(inside),
        "r" => format!("`{inside}`"),
        "u" => format!("\"{inside}\""),
        _ => format!("\"{inside}\".to_blob()"),
    };
    let message = match prefix.to_lowercase().as_str() {
        "f" => format!("`{prefix}\"…\"` is not a form of text here: values stand between back-ticks"),
        _ => format!("`{prefix}\"…\"` is not a form of text here"),
    };
    Rewrite::new(at + 2, text, message)
}

/// `{x:.2f}` as `${fixed(x, 2)}`, between back-ticks.
fn with_values(inside: &str) -> String {
    let inside = inside.replace("{{", "\u{1}").replace("}}", "\u{2}");
    let (mut out, mut rest) = (String::from("`"), inside.as_str());
    while let Some((before, after)) = rest.split_once('{') {
        let (value, after) = after.split_once('}').unwrap_or((after, ""));
        let (value, format) = value.split_once([':', '!']).filter(|_| !value.contains("::")).unwrap_or((value, ""));
        out.push_str(&format!("{before}${{{}}}", with_decimals(value.trim_end_matches('='), format)));
        rest = after;
    }
    format!("{out}{rest}`").replace('\u{1}', "{").replace('\u{2}', "}")
}

/// `value` as a format such as `.2f`, `6.3f` or `:.2f` shows it.
fn with_decimals(value: &str, format: &str) -> String {
    let decimals = format.strip_suffix('f').and_then(|format| format.split_once('.')?.1.parse::<u32>().ok());
    decimals.map_or_else(|| value.to_string(), |decimals| format!("fixed({value}, {decimals})"))
}

/// Values in one text: in the places that the first has for them, as `printf("%d\n", x)`, or with a blank between them, as
/// `print("x:", x)`.
pub(super) fn joined(of: &Translator, parts: &[(usize, usize)]) -> String {
    let shown: Vec<String> = match parts {
        [] => return "\"\"".to_string(),
        [(from, end)] => return of.plain(*from, *end),
        [(first, _), values @ ..] if of.is_quoted(*first) && of.inside(*first).contains(['%', '{']) => {
            let text = of.inside(*first);
            let values: Vec<String> = values.iter().map(|(from, end)| of.plain(*from, *end)).collect();
            let text = match text.contains('{') {
                true => with_braces(text, &values),
                false => with_percent(text.strip_suffix("\\n").unwrap_or(text), &values),
            };
            return text.unwrap_or_else(|| "…".to_string());
        }
        _ => parts
            .iter()
            .map(|(from, end)| match of.is_quoted(*from) && end - from == 1 {
                true => of.inside(*from).to_string(),
                false => format!("${{{}}}", of.plain(*from, *end)),
            })
            .collect(),
    };
    format!("`{}`", shown.join(" "))
}

/// The text with `values` in the places that `split` parts it by.
fn filled(parts: &[String], values: &[String]) -> String {
    let mut out = String::from("`");
    for (number, part) in parts.iter().enumerate() {
        out.push_str(part);
        if number + 1 < parts.len() {
            out.push_str(&format!("${{{}}}", values.get(number).map_or("…", String::as_str)));
        }
    }
    out + "`"
}

/// `"%d" % x` and `"%d %s" % (x, y)`.
fn percent(of: &Translator, at: usize) -> Option<Rewrite> {
    if !of.is_quoted(at) || of.text(at + 1) != "%" {
        return None;
    }
    let (end, values) = match (of.text(at + 2), of.close(at + 2)) {
        ("(", Some(close)) => {
            let parts = of.parts(at + 2, close);
            (close + 1, parts.into_iter().map(|(from, end)| of.plain(from, end)).collect())
        }
        _ => {
            let end = of.value_end(at + 2);
            (end, vec![of.plain(at + 2, end)])
        }
    };
    Rewrite::new(end, with_percent(of.inside(at), &values)?, "`%` does not put values into a text")
}

/// `%d of %s` with the values in it, between back-ticks.
fn with_percent(inside: &str, values: &[String]) -> Option<String> {
    let (mut parts, mut shown) = (vec![String::new()], Vec::new());
    let mut rest = inside;
    while let Some((before, after)) = rest.split_once('%') {
        let last = parts.last_mut()?;
        last.push_str(before);
        let letter = after.find(|c: char| c.is_ascii_alphabetic() || c == '%')?;
        rest = &after[letter + 1..];
        if after[letter..].starts_with('%') {
            last.push('%');
            continue;
        }
        let value = values.get(parts.len() - 1).map_or("…", String::as_str);
        shown.push(with_decimals(value, &after[..=letter]));
        parts.push(String::new());
    }
    parts.last_mut()?.push_str(rest);
    Some(filled(&parts, &shown))
}

/// `"{} and {}".format(a, b)`.
fn formatted(of: &Translator, at: usize) -> Option<Rewrite> {
    if !of.is_quoted(at) || of.text(at + 1) != "." || of.text(at + 2) != "format" || of.text(at + 3) != "(" {
        return None;
    }
    let close = of.close(at + 3)?;
    let values: Vec<String> = of
        .parts(at + 3, close)
        .into_iter()
        .map(|(from, end)| match of.text(from + 1) {
            "=" => format!("{}={}", of.text(from), of.plain(from + 2, end)),
            _ => of.plain(from, end),
        })
        .collect();
    Rewrite::new(close + 1, with_braces(of.inside(at), &values)?, "a text has no method `format`")
}

/// `{} of {1} of {name:.2f}` with the values in it, between back-ticks; named ones are given as `name=value`.
fn with_braces(inside: &str, values: &[String]) -> Option<String> {
    let (mut parts, mut shown) = (vec![String::new()], Vec::new());
    let mut rest = inside;
    while let Some((before, after)) = rest.split_once('{') {
        parts.last_mut()?.push_str(before);
        let (place, after) = after.split_once('}').unwrap_or((after, ""));
        let (name, format) = place.split_once(':').unwrap_or((place, ""));
        let named = || values.iter().find_map(|value| value.strip_prefix(name)?.strip_prefix('='));
        let number = if name.is_empty() { Some(parts.len() - 1) } else { name.parse().ok() };
        let value = number.map_or_else(named, |number: usize| values.get(number).map(String::as_str));
        shown.push(with_decimals(value.unwrap_or("…"), format));
        parts.push(String::new());
        rest = after;
    }
    parts.last_mut()?.push_str(rest);
    Some(filled(&parts, &shown))
}

/// `"=" * 20` and `20 * "="`.
fn repeated(of: &Translator, at: usize) -> Option<Rewrite> {
    if of.text(at + 1) != "*" {
        return None;
    }
    let (text, count) = match (of.is_quoted(at), of.is_quoted(at + 2)) {
        (true, false) if of.is_word(at + 2) || of.is_number(at + 2) => (at, at + 2),
        (false, true) if of.is_word(at) || of.is_number(at) => (at + 2, at),
        _ => return None,
    };
    // A number in quotes is rather to be multiplied.
    if of.inside(text).parse::<f64>().is_ok() {
        return None;
    }
    let text = format!("\"{}\".repeat({})", of.inside(text), of.text(count));
    Rewrite::new(at + 3, text, "`*` does not repeat a text")
}

/// `'hello'`.
fn single_quoted(of: &Translator, at: usize) -> Option<Rewrite> {
    let text = of.text(at);
    let inside = text.strip_prefix('\'')?.strip_suffix('\'')?;
    if inside.starts_with('\\') || inside.chars().count() == 1 || inside.contains('"') {
        return None;
    }
    Rewrite::new(at + 1, format!("\"{inside}\""), "single quotes hold one character only")
}

/// `l[1:3]`, `l[:3]`, `l[1:]`.
fn slice(of: &Translator, at: usize) -> Option<Rewrite> {
    let is_text = of.is_quoted(at);
    let value = (of.is_word(at) || is_text) && of.text(at + 1) == "[" && of.touches(at + 1);
    let close = of.close(at + 1).filter(|_| value)?;
    let name = of.text(at);
    let given =
        of.scan.tokens.windows(4).find(|four| {
            matches!(four[0].text.as_str(), "let" | "const") && four[1].text == name && four[2].text == "="
        });
    let is_text = is_text || given.is_some_and(|four| four[3].text.starts_with(['"', '`']));
    let is_list = given.is_some_and(|four| four[3].text == "[");
    if of.plain(at + 2, close) == "::-1" {
        return turned_round(of, at, close, (is_text, is_list));
    }
    let colon = of.find(at + 2, |text| text == ":").filter(|colon| *colon < close)?;
    let (from, to) = (of.plain(at + 2, colon), of.plain(colon + 1, close));
    // A negative end counts from the end of the value.
    let to = if to.starts_with('-') { format!("{name}.len {}", to.replacen('-', "- ", 1)) } else { to };
    let range = match (from.as_str(), to.as_str()) {
        (from, "") => if from.is_empty() { "0" } else { from }.to_string(),
        ("", to) => format!("0..{to}"),
        (from, to) => format!("{from}..{to}"),
    };
    let method = if is_text { "sub_string" } else { "extract" };
    let mut rewrite =
        Rewrite::new(close + 1, format!("{name}.{method}({range})"), "a part is not taken with `[from:to]`")?;
    if !is_text && !is_list {
        rewrite.note = Some(format!("if it is a text, write: {name}.sub_string({range})"));
    }
    Some(rewrite)
}

/// `l[::-1]`: as a statement the list itself is turned round, else a copy.
fn turned_round(of: &Translator, at: usize, close: usize, (is_text, is_list): (bool, bool)) -> Option<Rewrite> {
    let name = of.text(at);
    let text = format!("{name}.split(\"\").reduce(|text, c| c + text, \"\")");
    let list = format!("{name}.reduce(|list, x| [x] + list, [])");
    let is_alone = of.begins_line(at) || matches!(of.before(at), ";" | "{" | "}");
    let (rewritten, note) = match (is_text, is_alone) {
        (true, _) => (text, None),
        (false, true) => (format!("{name}.reverse()"), Some("it turns the list itself round".to_string())),
        (false, false) => (list, (!is_list).then(|| format!("if it is a text, write: {text}"))),
    };
    let mut rewrite = Rewrite::new(close + 1, rewritten, "a part is not taken with `[from:to]`")?;
    rewrite.note = note;
    Some(rewrite)
}

/// Quotes, dashes and signs as a word processor or a PDF has them.
fn typographic(of: &Translator, at: usize) -> Option<Rewrite> {
    let token = of.text(at);
    let mut chars = token.chars();
    let (first, None) = (chars.next()?, chars.next()) else { return None };
    let code = format!("U+{:04X}", u32::from(first));
    let known = rows::row("characters", token).or_else(|| rows::row("characters", &code))?;
    let name = known.lines[0];
    let plain = known.lines.get(1).map_or("", |plain| if *plain == "U+0020" { " " } else { plain });
    // A pair of single quotes is meant to hold a text.
    let mut rewrite = match (plain, of.find(at + 1, |text| text == token || text == "’")) {
        ("'", Some(close)) if close == at + 2 && !of.begins_line(close) => {
            Rewrite::new(close + 1, format!("\"{}\"", of.text(at + 1)), "")
        }
        _ => Rewrite::new(at + 1, plain, ""),
    }?;
    rewrite.message = match plain {
        "" | " " => format!("there is an invisible character here: {name} ({code})"),
        _ => format!("`{first}` is {name} ({code}), not `{plain}`"),
    };
    rewrite.note =
        plain.trim().is_empty().then(|| "text copied from a page may have it; type the place again".to_string());
    Some(rewrite)
}
