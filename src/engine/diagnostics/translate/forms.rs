//! Calls, literals, blocks and loops as other languages write them.

use super::{Rewrite, Rule, Translator};

pub(super) const RULES: &[Rule] = &[
    comprehension,
    counted_loop,
    loop_with_index,
    block,
    except,
    lambda,
    arrow,
    conditional,
    print,
    address,
    closure,
    named_argument,
    map,
    tuple,
];

/// Functions that take a closure without parameters.
pub(in crate::engine::diagnostics) const STARTERS: [&str; 3] = ["start_thread", "start_in", "run_in"];

/// Functions that take an address as one text.
const WITH_ADDRESS: [&str; 7] = ["bind", "open", "listen", "connect", "try_connect", "send_to", "sendto"];

/// Where blocks begin.
const HEADS: [&str; 8] = ["if", "elif", "else", "for", "while", "try", "except", "def"];

/// `let x = [i * 2 for i in range(5)];`
fn comprehension(of: &Translator, at: usize) -> Option<Rewrite> {
    if of.text(at) != "let" || of.text(at + 2) != "=" || of.text(at + 3) != "[" {
        return None;
    }
    let (name, close) = (of.text(at + 1), of.close(at + 3)?);
    let before = |found: &usize| *found < close;
    let each = of.find(at + 4, |text| text == "for").filter(before)?;
    let inside = of.find(each, |text| text == "in").filter(before)?;
    let when = of.find(inside, |text| text == "if").filter(before);
    let (item, variable) = (of.plain(at + 4, each), of.plain(each + 1, inside));
    let items = of.plain(inside + 1, when.unwrap_or(close));
    let push = match when {
        Some(when) => format!("if {} {{ {name}.push({item}); }}", of.plain(when + 1, close)),
        None => format!("{name}.push({item});"),
    };
    let end = if of.text(close + 1) == ";" { close + 2 } else { close + 1 };
    let text = format!("let {name} = []; for {variable} in {items} {{ {push} }}");
    Rewrite::new(end, text, "a list is not made with `for` between [ ]")
}

/// `for (int i = 0; i < 5; i++)`.
fn counted_loop(of: &Translator, at: usize) -> Option<Rewrite> {
    if of.text(at) != "for" || of.text(at + 1) != "(" {
        return None;
    }
    let equal = (at + 3..at + 5).find(|i| of.text(*i) == "=")?;
    let first = of.find(equal, |text| text == ";")?;
    let compared = of.find(first + 1, |text| matches!(text, "<" | "<="))?;
    let second = of.find(compared, |text| text == ";")?;
    let close = of.find(second + 1, |text| text == ")")?;
    let dots = if of.text(compared) == "<" { ".." } else { "..=" };
    let (from, to) = (of.plain(equal + 1, first), of.plain(compared + 1, second));
    let text = format!("for {} in {from}{dots}{to}", of.text(equal - 1));
    Rewrite::new(close + 1, text, "a `for` has no start, condition and step: it goes through a range")
}

/// `for i, x in enumerate(l)`, `for k, v in m.items()`.
fn loop_with_index(of: &Translator, at: usize) -> Option<Rewrite> {
    if of.text(at) != "for" {
        return None;
    }
    let open = usize::from(of.text(at + 1) == "(");
    let (index, item) = (at + 1 + open, at + 3 + open);
    let inside = item + 1 + open;
    if of.text(index + 1) != "," || !of.is_word(item) || of.text(inside) != "in" {
        return None;
    }
    let (index, item) = (of.text(index), of.text(item));
    let message = "the names of a `for` stand between ( ), the item first";
    if of.text(inside + 1) == "enumerate" {
        let close = of.close(inside + 2)?;
        return Rewrite::new(close + 1, format!("for ({item}, {index}) in {}", of.plain(inside + 3, close)), message);
    }
    if open == 1 {
        return None;
    }
    let mut rewrite = Rewrite::new(inside + 1, format!("for ({index}, {item}) in"), message)?;
    rewrite.note = Some("the second name is the number of the item, from 0".to_string());
    Some(rewrite)
}

/// `if x == 1: print(1)`: a block after a colon.
fn block(of: &Translator, at: usize) -> Option<Rewrite> {
    let head = of.text(at);
    if !HEADS.contains(&head) || matches!(of.before(at), "." | "#{" | ",") {
        return None;
    }
    let end = of.line_end(at);
    let colon = of.find(at + 1, |text| matches!(text, ":" | "{")).filter(|i| *i < end && of.text(*i) == ":")?;
    let start = match head {
        "elif" => "else if".to_string(),
        "def" => "fn".to_string(),
        "except" => "catch".to_string(),
        _ => head.to_string(),
    };
    let condition = match head {
        "except" => caught(of, at, colon),
        _ => of.plain(at + 1, colon),
    };
    let head = [start.as_str(), condition.as_str()].join(" ");
    if of.text(colon + 1) == "{" {
        let text = head.trim_end().to_string();
        return Rewrite::new(colon + 1, text, "a block stands between { }, without a colon before it");
    }
    let inside = of.plain(colon + 1, end);
    let inside = if inside.is_empty() { "…".to_string() } else { inside };
    Rewrite::new(end, format!("{} {{ {inside} }}", head.trim_end()), "a block stands between { }, not after a colon")
}

/// `except Exception as e {`, `catch (Exception e) {`.
fn except(of: &Translator, at: usize) -> Option<Rewrite> {
    if !matches!(of.text(at), "except" | "catch") {
        return None;
    }
    let open = of.find(at + 1, |text| text == "{")?;
    let typed = of.text(at + 1) == "(" && of.is_word(at + 2) && of.is_word(at + 3) && of.text(at + 4) == ")";
    if of.text(at) == "catch" && !typed {
        return None;
    }
    let variable = if typed { format!("({})", of.text(at + 3)) } else { caught(of, at, open) };
    let message = match of.text(at) {
        "except" => "`except` is not a word of this language",
        _ => "the variable of `catch` has no written type",
    };
    Rewrite::new(open, format!("catch {variable}").trim_end(), message)
}

/// The variable of `except X as e`, `except X, e` and `except e`, with its brackets; empty if there is none. Types begin with a
/// capital letter.
fn caught(of: &Translator, at: usize, end: usize) -> String {
    let is_name = |i: &usize| of.is_word(*i) && of.text(*i).starts_with(|c: char| c.is_lowercase() || c == '_');
    let named = (at..end).find(|i| matches!(of.text(*i), "as" | ",") && is_name(&(i + 1))).map(|i| i + 1);
    let bare =
        || (at + 1..end).find(|i| is_name(i) && matches!(end - at, 2 | 4) && (end - at == 2 || of.text(at + 1) == "("));
    named.or_else(bare).map_or(String::new(), |i| format!("({})", of.text(i)))
}

/// `lambda a, b: a + b`.
fn lambda(of: &Translator, at: usize) -> Option<Rewrite> {
    if of.text(at) != "lambda" {
        return None;
    }
    let colon = of.find(at + 1, |text| text == ":").or_else(|| (at..of.line_end(at)).find(|i| of.text(*i) == ":"))?;
    let text = format!("|{}|", of.plain(at + 1, colon));
    Rewrite::new(colon + 1, text, "`lambda` is not a word of this language")
}

/// `x => x + 1`, `(a, b) => a + b`, `x -> x + 1`.
fn arrow(of: &Translator, at: usize) -> Option<Rewrite> {
    if !matches!(of.before(at), "=" | "(" | "," | "return" | "")
        || of.scan.open_before(at).last().is_some_and(|open| of.text(*open) == "{")
    {
        return None;
    }
    let (names, end) = match of.text(at) {
        "(" => {
            let close = of.close(at).filter(|close| matches!(of.text(close + 1), "=>" | "->" | "-"))?;
            (of.plain(at + 1, close), close + 1)
        }
        _ if of.is_word(at) => (of.text(at).to_string(), at + 1),
        _ => return None,
    };
    let arrow = match (of.text(end), of.text(end + 1)) {
        ("=>" | "->", _) => end + 1,
        ("-", ">") => end + 2,
        _ => return None,
    };
    Rewrite::new(arrow, format!("|{names}|"), "a closure has its parameters between | |")
}

/// `let x = a if b else c;`, `let x = a ? b : c;`.
fn conditional(of: &Translator, at: usize) -> Option<Rewrite> {
    if !matches!(of.before(at), "=" | "return") {
        return None;
    }
    let end = of.value_end(at);
    let before = |found: &usize| *found < end;
    if let Some(asks) = of.find(at, |text| text == "?").filter(before) {
        let colon = of.find(asks + 1, |text| text == ":").filter(before)?;
        let (condition, one) = (of.rest(at, asks), of.plain(asks + 1, colon));
        let text = format!("if {condition} {{ {one} }} else {{ {} }}", of.plain(colon + 1, end));
        return Rewrite::new(end, text, "`?` is not an operator of this language");
    }
    let when = of.find(at + 1, |text| text == "if").filter(before)?;
    let other = of.find(when, |text| text == "else").filter(before)?;
    let (one, condition) = (of.rest(at, when), of.plain(when + 1, other));
    let text = format!("if {condition} {{ {one} }} else {{ {} }}", of.plain(other + 1, end));
    Rewrite::new(end, text, "`if` stands before both values")
}

/// `print "x"`, `print("x:", x)`, `print("x", end="")`.
fn print(of: &Translator, at: usize) -> Option<Rewrite> {
    if of.text(at) != "print" || matches!(of.before(at), "." | "fn") {
        return None;
    }
    if of.text(at + 1) != "(" {
        let is_value = of.is_word(at + 1) || of.is_number(at + 1) || of.text(at + 1).starts_with(['"', '`', '\'']);
        let end = of.find(at + 1, |text| matches!(text, ";" | "}")).unwrap_or(usize::MAX).min(of.line_end(at));
        let text = format!("print({})", of.plain(at + 1, end));
        return is_value.then(|| Rewrite::new(end, text, "`print` is a function: it is called with brackets"))?;
    }
    let close = of.close(at + 1)?;
    let parts = of.parts(at + 1, close);
    let named = |part: &(usize, usize)| of.is_word(part.0) && of.text(part.0 + 1) == "=";
    if parts.len() < 2 || parts.iter().any(|(from, end)| from == end) {
        return None;
    }
    let shown: Vec<String> = parts
        .iter()
        .filter(|part| !named(part))
        .map(|(from, end)| match of.is_quoted(*from) && end - from == 1 {
            true => of.inside(*from).to_string(),
            false => format!("${{{}}}", of.plain(*from, *end)),
        })
        .collect();
    Rewrite::new(close + 1, format!("print(`{}`)", shown.join(" ")), "`print` takes one value")
}

/// `bind("127.0.0.1", 11000)`, `bind(("127.0.0.1", 11000))`, `bind(11000)`.
fn address(of: &Translator, at: usize) -> Option<Rewrite> {
    if !WITH_ADDRESS.contains(&of.text(at)) || of.text(at + 1) != "(" || of.before(at) == "fn" {
        return None;
    }
    // ICMP has no ports.
    if of.before(at) == "::" && of.text(at.saturating_sub(2)) == "icmp" {
        return None;
    }
    let name = if of.text(at) == "sendto" { "send_to" } else { of.text(at) };
    let close = of.close(at + 1)?;
    let parts = of.parts(at + 1, close);
    let message = "an address is one text";
    let joined = |host: usize, port: usize| match of.is_quoted(host) && of.is_number(port) {
        true => format!("\"{}:{}\"", of.inside(host), of.text(port)),
        false if of.is_quoted(host) => format!("`{}:${{{}}}`", of.inside(host), of.text(port)),
        false if of.is_number(port) => format!("`${{{}}}:{}`", of.text(host), of.text(port)),
        false => format!("`${{{}}}:${{{}}}`", of.text(host), of.text(port)),
    };
    let rewritten = |number: usize, text: String| {
        let others: Vec<String> = parts.iter().map(|(from, end)| of.plain(*from, *end)).collect();
        let [before, after] = [&others[..number], &others[number + 1..]];
        let all: Vec<&str> =
            before.iter().map(String::as_str).chain([text.as_str()]).chain(after.iter().map(String::as_str)).collect();
        Rewrite::new(close + 1, format!("{name}({})", all.join(", ")), message)
    };
    // A pair, as sockets of Python take it.
    for (number, (from, end)) in parts.iter().enumerate() {
        if of.text(*from) == "(" && of.text(from + 2) == "," && from + 5 == *end {
            return rewritten(number, joined(from + 1, from + 3));
        }
    }
    let single = |part: &(usize, usize)| part.1 - part.0 == 1;
    let port_like = |index: usize| of.is_number(index) || of.text(index).contains("port");
    match parts[..] {
        [host, port, ..]
            if name != "send_to" && single(&host) && single(&port) && port_like(port.0) && !of.is_number(host.0) =>
        {
            let rest: Vec<String> = parts[2..].iter().map(|(from, end)| of.plain(*from, *end)).collect();
            let all = [vec![joined(host.0, port.0)], rest].concat();
            Rewrite::new(close + 1, format!("{name}({})", all.join(", ")), message)
        }
        [port] if single(&port) && of.is_number(port.0) => {
            Rewrite::new(close + 1, format!("{name}(\"127.0.0.1:{}\")", of.text(port.0)), message)
        }
        _ => None,
    }
}

/// `start_thread(serve(conn))`: the call is made at once, and its result is no closure.
pub(super) fn closure(of: &Translator, at: usize) -> Option<Rewrite> {
    if !STARTERS.contains(&of.text(at)) || of.text(at + 1) != "(" {
        return None;
    }
    let close = of.close(at + 1)?;
    let (from, end) = *of.parts(at + 1, close).last()?;
    let called = of.is_word(from)
        && of.text(end - 1) == ")"
        && (of.text(from + 1) == "(" || matches!(of.text(from + 1), "." | "::"));
    if !called || matches!(of.text(from), "Fn") {
        return None;
    }
    let call = of.plain(from, end);
    let before: String = of.parts(at + 1, from).into_iter().map(|(from, end)| of.plain(from, end) + ", ").collect();
    let text = format!("{}({before}|| {call})", of.text(at));
    Rewrite::new(close + 1, text, format!("`{call}` is called here, before there is a thread or a host to run it"))
}

/// `f(x, timeout=1.s)`.
fn named_argument(of: &Translator, at: usize) -> Option<Rewrite> {
    if !of.is_word(at) || of.text(at + 1) != "=" || !matches!(of.before(at), "(" | ",") {
        return None;
    }
    let open = *of.scan.open_before(at).last().filter(|open| of.text(**open) == "(")?;
    let function = open
        .checked_sub(1)
        .filter(|function| of.is_word(*function) && !matches!(of.text(*function), "if" | "while" | "for"))?;
    let close = of.close(open)?;
    let parts = of.parts(open, close);
    let named: Vec<&(usize, usize)> = parts.iter().filter(|part| part.0 >= at).collect();
    if named.iter().any(|part| of.text(part.0 + 1) != "=") {
        return None;
    }
    let alone = of
        .names
        .functions
        .iter()
        .filter(|form| form.name == of.text(function))
        .any(|form| named.iter().all(|part| form.params.iter().any(|param| param.name == of.text(part.0))));
    let one = |(from, end): &&(usize, usize)| match alone {
        true => of.plain(from + 2, *end),
        false => format!("{}: {}", of.text(*from), of.plain(from + 2, *end)),
    };
    let all = named.iter().map(one).collect::<Vec<_>>().join(", ");
    let text = if alone { all } else { format!("#{{ {all} }}") };
    Rewrite::new(close, text, format!("`{}=` does not name an argument: they have no names", of.text(at)))
}

/// `{ timeout: 1.s }`, `{"a": 1}`.
fn map(of: &Translator, at: usize) -> Option<Rewrite> {
    let opens = of.text(at) == "{" && matches!(of.before(at), "=" | "(" | "," | ":" | "[" | "return" | "");
    let key = of.is_word(at + 1) || of.is_quoted(at + 1);
    let close = of.close(at).filter(|_| opens && key && of.text(at + 2) == ":")?;
    let mut text = String::from("#{");
    for (number, (from, end)) in of.parts(at, close).into_iter().enumerate() {
        let key = of.inside(from);
        let plain = of.is_quoted(from) && !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let key = if plain && !key.starts_with(|c: char| c.is_ascii_digit()) { key } else { of.text(from) };
        text.push_str(if number > 0 {
            ", "
        } else if of.touches(at + 1) {
            ""
        } else {
            " "
        });
        text.push_str(&format!("{key}: {}", of.plain(from + 2, end)));
    }
    text.push_str(if of.touches(close) { "}" } else { " }" });
    Rewrite::new(close + 1, text, "a map begins with `#{`, a block with `{`")
}

/// `let t = (1, 2);`
fn tuple(of: &Translator, at: usize) -> Option<Rewrite> {
    if of.text(at) != "(" || !matches!(of.before(at), "=" | "return" | "," | "(" | "[") {
        return None;
    }
    let close = of.close(at)?;
    if of.parts(at, close).len() < 2 || matches!(of.text(close + 1), "=>" | "->") {
        return None;
    }
    Rewrite::new(close + 1, format!("[{}]", of.plain(at + 1, close)), "several values stand between [ ]")
}
