//! Calls, literals, blocks and loops as other languages write them.

use super::text::joined;
use super::{Rewrite, Rule, Translator};

pub(super) const RULES: &[Rule] =
    &[block, |of, at| of.by_rows("forms", "", at), except, print, made, address, closure, named_argument, map];

/// Functions that take a closure without parameters.
pub(in crate::engine::diagnostics) const STARTERS: [&str; 3] = ["start_thread", "start_in", "run_in"];

/// Functions that take an address as one text.
const WITH_ADDRESS: [&str; 7] = ["bind", "open", "listen", "connect", "try_connect", "send_to", "sendto"];

/// Where blocks begin.
const HEADS: [&str; 8] = ["if", "elif", "else", "for", "while", "try", "except", "def"];

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
    // The head may be a form of its own: `for i, x in enumerate(l):`; with the colon, if its block begins with a statement.
    let form = of.by_rows("forms", "", at);
    if form.as_ref().is_some_and(|form| form.text.is_empty()) {
        // The head has nothing in its place, and its block stands alone.
        return form;
    }
    let opened = form.as_ref().is_some_and(|form| form.end == colon + 1);
    let head = match form.filter(|form| form.end <= colon + 1) {
        Some(form) => format!("{} {}", form.text, of.plain(form.end, colon)),
        None => [start.as_str(), condition.as_str()].join(" "),
    };
    if of.text(colon + 1) == "{" {
        let text = head.trim_end().to_string();
        return Rewrite::new(colon + 1, text, "a block stands between { }, without a colon before it");
    }
    // `if a: b else: c` in one line: the other branch is a block of its own.
    let is_branch = |text: &str| matches!(text, "else" | "elif");
    let branch = of.find(colon + 1, is_branch).filter(|at| of.text(*at) == "elif" || of.text(at + 1) == ":");
    let is_if = matches!(of.text(at), "if" | "elif");
    let end = branch.filter(|at| is_if && *at < end).unwrap_or(end);
    let inside = of.plain(colon + 1, end);
    // In a loop it is Python's statement; elsewhere it may be meant for the verdict.
    let does_nothing = inside == "pass()" && matches!(of.text(at), "while" | "for");
    let inside = match inside.as_str() {
        "" => " …",
        _ if does_nothing => "",
        inside => &format!(" {inside}"),
    };
    let brace = if opened { "" } else { " {" };
    let text = format!("{}{brace}{inside} }}", head.trim_end());
    Rewrite::new(end, text, "a block stands between { }, not after a colon")
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
    if (parts.len() < 2 && !parts.iter().any(named)) || parts.iter().any(|(from, end)| from == end) {
        return None;
    }
    let shown: Vec<(usize, usize)> = parts.iter().copied().filter(|part| !named(part)).collect();
    let mut rewrite = Rewrite::new(close + 1, format!("print({})", joined(of, &shown)), "`print` takes one value")?;
    let ends = parts.iter().any(|part| named(part) && of.text(part.0) == "end");
    rewrite.note = ends.then(|| "each call of print prints a line".to_string());
    Some(rewrite)
}

/// `sock.bind(("", 11000))`, of a socket that is made first in Python: here the call makes it.
fn made(of: &Translator, at: usize) -> Option<Rewrite> {
    let begins = of.begins_line(at) || matches!(of.before(at), ";" | "{" | "}");
    let maker = match of.text(at + 2) {
        "bind" => "udp::bind",
        "connect" => "tcp::connect",
        _ => return None,
    };
    if !begins || !of.is_word(at) || of.text(at + 1) != "." {
        return None;
    }
    let mut rewrite = address(of, at + 2)?;
    let arguments = rewrite.text.trim_start_matches(of.text(at + 2)).to_string();
    rewrite.text = format!("let {} = {maker}{arguments}", of.text(at));
    rewrite.message = "a socket has its address from the call that makes it".to_string();
    rewrite.note = (maker == "udp::bind").then(|| format!("a server of TCP: let listener = tcp::listen{arguments}"));
    Some(rewrite)
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
    // The `listen` of a socket takes how many may wait.
    if of.before(at) == "." && of.text(at) == "listen" {
        return None;
    }
    let name = if of.text(at) == "sendto" { "send_to" } else { of.text(at) };
    let close = of.close(at + 1)?;
    let parts = of.parts(at + 1, close);
    let message = "an address is one text";
    // Python's "" is every address of the host.
    let inside = |host: usize| Some(of.inside(host)).filter(|host| !host.is_empty()).unwrap_or("0.0.0.0");
    let joined = |host: usize, port: usize| match of.is_quoted(host) && of.is_number(port) {
        true => format!("\"{}:{}\"", inside(host), of.text(port)),
        false if of.is_quoted(host) => format!("`{}:${{{}}}`", inside(host), of.text(port)),
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
    if open > 1 && matches!(of.text(open - 2), "fn" | "def" | "function") {
        return default(of, at, open);
    }
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

/// `def f(x, a=1)`: the function with all parameters; what else to write for the default.
fn default(of: &Translator, at: usize, open: usize) -> Option<Rewrite> {
    let (close, function) = (of.close(open)?, of.text(open - 1));
    let (_, end) = of.parts(open, close).into_iter().find(|part| part.0 == at)?;
    let before: Vec<String> = of
        .parts(open, at)
        .into_iter()
        .filter(|(from, end)| from < end)
        .map(|(from, end)| of.plain(from, end))
        .collect();
    let call = [before.as_slice(), &[of.plain(at + 2, end)]].concat().join(", ");
    let mut rewrite = Rewrite::new(end, of.text(at), "a parameter has no default value")?;
    rewrite.note = Some(format!(
        "and a second function for the default: fn {function}({}) {{ {function}({call}) }}",
        before.join(", ")
    ));
    Some(rewrite)
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
