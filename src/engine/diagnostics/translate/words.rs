//! Words, calls and symbols of other languages.

use super::text::with_percent;
use super::{Rewrite, Rule, Translator};

pub(super) const RULES: &[Rule] = &[imported, of_module, method, call, word, declared, symbol];

/// `import socket`.
fn imported(of: &Translator, at: usize) -> Option<Rewrite> {
    let python = of.text(at) == "import" && of.is_word(at + 1);
    let from = of.text(at) == "from" && of.is_word(at + 1) && of.text(at + 2) == "import";
    if !python && !from {
        return None;
    }
    let name = of.text(at + 1);
    let end = of.find(at, |text| text == ";").unwrap_or(usize::MAX).min(of.line_end(at));
    let mut rewrite = Rewrite::new(end, "", format!("there is no module `{name}` to import"))?;
    let known = MODULES.iter().find(|(module, _)| *module == name);
    rewrite.note = Some(match known {
        Some((_, instead)) => format!("leave this line out; write: {instead}"),
        None => format!("a file {name}.rhai is imported with: import \"{name}\" as {name};"),
    });
    Some(rewrite)
}

/// `time.sleep(1)`, `random.randint(0, 10)`, `socket.socket()`.
fn of_module(of: &Translator, at: usize) -> Option<Rewrite> {
    if of.text(at + 1) != "." || of.scan.declarations().contains_key(of.text(at)) || matches!(of.before(at), "." | "::")
    {
        return None;
    }
    let (module, member) = (of.text(at), of.text(at + 2));
    // `System.out.println`
    let (member, open) = if of.text(at + 3) == "." { (of.text(at + 4), at + 5) } else { (member, at + 3) };
    let message = format!("there is no `{module}` here");
    let printing = matches!(module, "console" | "System" | "fmt" | "sys" | "log");
    if of.text(open) == "("
        && let Some(close) = of.close(open)
    {
        let arguments = of.plain(open + 1, close);
        let seconds = of.is_number(open + 1) && close == open + 2;
        let text = match (module, member) {
            ("time" | "Thread", "sleep") if seconds => format!("sleep({arguments}.s)"),
            ("time" | "Thread", "sleep") => format!("sleep({arguments})"),
            ("time", "time") => "unix_time()".to_string(),
            ("random", "randint" | "randrange") => format!("random({arguments})"),
            ("random", "random") | ("Math", "random") => "random()".to_string(),
            ("sys" | "os" | "System", "exit") => format!("exit({arguments})"),
            ("socket", "socket") => "udp::bind(\"127.0.0.1:0\")".to_string(),
            (_, "log" | "println" | "print" | "Println" | "Printf" | "write" | "error") if printing => {
                printed(of, open, close)?
            }
            _ => String::new(),
        };
        if !text.is_empty() {
            return Rewrite::new(close + 1, text, message);
        }
    }
    let (_, instead) = MODULES.iter().find(|(known, _)| *known == module)?;
    let mut rewrite = Rewrite::new(open, "", message)?;
    rewrite.note = Some(format!("write: {instead}"));
    Some(rewrite)
}

/// `"x".encode()`, `l.append(1)`, `s.recv(1024)`.
fn method(of: &Translator, at: usize) -> Option<Rewrite> {
    if !matches!(of.before(at), "." | "?.") || of.text(at + 1) != "(" {
        return None;
    }
    let (name, close) = (of.text(at), of.close(at + 1)?);
    let single = close == at + 3;
    if name == "recv" && single && of.text(at + 2).parse().is_ok_and(|size: u64| size >= 64) {
        return Rewrite::new(close + 1, "recv()", "`recv` takes no size: it gives the whole message");
    }
    let item = single && (of.is_number(at + 2) || of.is_quoted(at + 2));
    let ours = match name {
        "append" if item => "push",
        _ => METHODS.iter().find(|(theirs, _)| *theirs == name)?.1,
    };
    let inside = if matches!(name, "encode" | "decode" | "recvfrom") { String::new() } else { of.plain(at + 2, close) };
    Rewrite::new(close + 1, format!("{ours}({inside})"), format!("there is no method `{name}`"))
}

/// `str(x)`, `type(x)`, `range(5)`.
fn call(of: &Translator, at: usize) -> Option<Rewrite> {
    let name = of.text(at);
    let free = !matches!(of.before(at), "." | "?." | "::" | "fn") && !of.scan.has_function(name);
    if of.text(at + 1) != "(" || !free || !CALLS.contains(&name) {
        return None;
    }
    let close = of.close(at + 1)?;
    let parts = of.parts(at + 1, close);
    let single = close == at + 3;
    let inside = of.plain(at + 2, close);
    let text = match name {
        "str" | "string" | "String" if single => format!("{inside}.to_string()"),
        "str" | "string" => format!("({inside}).to_string()"),
        "int" if of.is_quoted(at + 2) => format!("parse_int({inside})"),
        "float" => format!("parse_float({inside})"),
        "type" | "typeof" => format!("type_of({inside})"),
        "println" | "printf" | "echo" | "puts" => printed(of, at + 1, close)?,
        "randint" => format!("random({inside})"),
        "quit" => "exit(0)".to_string(),
        "time" => "unix_time()".to_string(),
        "range" if parts.len() == 1 && !inside.contains("..") => format!("0..{inside}"),
        "sum" if parts.len() == 1 => format!("{inside}.reduce(|sum, x| sum + x, 0)"),
        "max" | "min" if parts.len() == 1 && of.is_word(at + 2) && single => {
            format!("{inside}.reduce(|a, b| {name}(a, b), {inside}[0])")
        }
        "dir" => format!("help({inside})"),
        "Thread" | "start_new_thread" => "start_thread(|| …)".to_string(),
        "dict" => "#{ name: value }".to_string(),
        "list" if inside.is_empty() => "[]".to_string(),
        "assert" => {
            let equal = of.find(at + 2, |text| text == "==").filter(|equal| *equal < close);
            match equal {
                Some(equal) => format!("expect({}, {})", of.plain(at + 2, equal), of.plain(equal + 1, close)),
                None => format!("expect({inside}, true)"),
            }
        }
        _ => return None,
    };
    let message = match name {
        "int" | "range" | "max" | "min" => format!("`{name}` cannot be called with ({inside})"),
        _ => format!("no function `{name}`"),
    };
    Rewrite::new(close + 1, text, message)
}

/// What prints the parts between the brackets, the first of which may have places for the others.
fn printed(of: &Translator, open: usize, close: usize) -> Option<String> {
    let values: Vec<String> = of.parts(open, close).into_iter().map(|(from, end)| of.plain(from, end)).collect();
    if values.len() > 1 && of.is_quoted(open + 1) && of.inside(open + 1).contains('%') {
        let text = of.inside(open + 1);
        return Some(format!("print({})", with_percent(text.strip_suffix("\\n").unwrap_or(text), &values[1..])?));
    }
    Some(format!("print({})", values.join(", ")))
}

/// `and`, `None`, `def`.
fn word(of: &Translator, at: usize) -> Option<Rewrite> {
    let name = of.text(at);
    let (_, ours) = WORDS.iter().find(|(theirs, _)| *theirs == name)?;
    if matches!(of.before(at), "." | "?." | "let" | "const" | "fn" | "|" | "::")
        || matches!(of.text(at + 1), "=" | "::" | ".")
    {
        return None;
    }
    if of.text(at + 1) == ":" && matches!(of.before(at), "{" | "#{" | ",") {
        return None;
    }
    if of.scan.declarations().contains_key(name) && name != "fn" {
        return None;
    }
    let kind = if ours.starts_with(['(', 't', 'f']) && !matches!(*ours, "throw" | "fn") { "value" } else { "word" };
    let message = format!("`{name}` is not a {kind} of this language");
    match name {
        "not" if of.text(at + 1) == "in" => None,
        // `!` stands before what it turns round.
        "not" if of.is_word(at + 1) || of.text(at + 1) == "(" => {
            Rewrite::new(at + 2, format!("!{}", of.text(at + 1)), message)
        }
        "def" | "func" | "function" if !of.is_word(at + 1) => None,
        "func" | "function" | "raise" => Rewrite::new(at + 1, *ours, message),
        "pass" if of.text(at + 1) == "(" => None,
        "pass" => {
            let mut rewrite = Rewrite::new(at + 1, *ours, "`pass` is a function: it is called with brackets")?;
            rewrite.note =
                Some("pass() is the verdict of a policy; a block that does nothing is empty: { }".to_string());
            Some(rewrite)
        }
        _ => Rewrite::new(at + 1, *ours, message),
    }
}

/// `int x = 5`, `const int N = 5`, `let x: int = 5`, `throw new Error("x")`.
fn declared(of: &Translator, at: usize) -> Option<Rewrite> {
    let starts = of.begins_line(at) || matches!(of.before(at), ";" | "{" | "}" | "const" | "");
    if starts && TYPES.contains(&of.text(at)) && of.is_word(at + 1) && of.text(at + 2) == "=" {
        let text = if of.before(at) == "const" { "" } else { "let " };
        return Rewrite::new(at + 2, format!("{text}{}", of.text(at + 1)), "variables have no written type");
    }
    let typed = of.text(at) == ":" && of.is_word(at + 1);
    if typed && at > 1 && matches!(of.text(at - 2), "let" | "const") && of.text(at + 2) == "=" {
        return Rewrite::new(at + 2, "", "variables have no written type");
    }
    if typed && matches!(of.text(at + 2), "," | ")") && in_head(of, at) {
        return Rewrite::new(at + 2, "", "parameters have no written type");
    }
    if of.text(at) == "->" && of.before(at) == ")" && of.is_word(at + 1) && of.text(at + 2) == "{" {
        return Rewrite::new(at + 2, "", "functions have no written type");
    }
    if of.text(at) == "new" && of.before(at) == "throw" && of.text(at + 2) == "(" {
        let close = of.close(at + 2)?;
        return Rewrite::new(close + 1, of.plain(at + 3, close), "an error is thrown as a text or a map");
    }
    None
}

/// Whether the token stands in the parameter list of a `fn`.
fn in_head(of: &Translator, at: usize) -> bool {
    let open = of.scan.open_before(at).last().copied();
    open.is_some_and(|open| of.text(open) == "(" && open > 1 && matches!(of.text(open - 2), "fn" | "def"))
}

/// `i++`, `===`, `10 ms`, `1.seconds`, `1 not in x`.
fn symbol(of: &Translator, at: usize) -> Option<Rewrite> {
    let not = |symbol: &str| format!("`{symbol}` is not an operator of this language");
    if of.text(at + 1) == "not" && of.text(at + 2) == "in" {
        let end = of.value_end(at + 3);
        let text = format!("!({} in {})", of.text(at), of.plain(at + 3, end));
        return Rewrite::new(end, text, "`not in` is not an operator of this language");
    }
    if of.is_number(at) && matches!(of.text(at + 1), "s" | "ms" | "us" | "ns") {
        return Rewrite::new(
            at + 2,
            format!("{}.{}", of.text(at), of.text(at + 1)),
            "a duration is written with a dot",
        );
    }
    if of.before(at) == "."
        && of.is_number(at.saturating_sub(2))
        && let Some((_, unit)) = UNITS.iter().find(|(names, _)| names.contains(&of.text(at)))
    {
        return Rewrite::new(at + 1, *unit, format!("there is no unit `{}`", of.text(at)));
    }
    match of.text(at) {
        "++" if of.is_word(at.saturating_sub(1)) => Rewrite::new(at + 1, " += 1", not("++")),
        "--" if of.is_word(at.saturating_sub(1)) => Rewrite::new(at + 1, " -= 1", not("--")),
        "===" => Rewrite::new(at + 1, "==", not("===")),
        "!==" => Rewrite::new(at + 1, "!=", not("!==")),
        _ => None,
    }
}

/// What is written instead of what modules of Python give.
const MODULES: [(&str, &str); 12] = [
    ("socket", "udp::bind(\"127.0.0.1:11000\"), udp::open(server), tcp::connect(server)"),
    ("time", "sleep(1.s), unix_time()"),
    ("random", "random(0, 10)"),
    ("sys", "exit(0); arguments: options([ argument(\"host\", \"127.0.0.1\", \"Whom to ping\") ])"),
    ("argparse", "const OPT = options([ option(\"count\", 4, \"How many pings\") ]);"),
    ("threading", "start_thread(|| serve(conn))"),
    ("_thread", "start_thread(|| serve(conn))"),
    ("queue", "channel()"),
    ("struct", "bytes().u16(1).u32(2)"),
    ("statistics", "stats()"),
    ("subprocess", "host.exec([\"ping\", \"-c\", 1, \"b\"])"),
    ("os", "exit(0)"),
];

/// Units by other names, and ours.
const UNITS: [(&[&str], &str); 4] = [
    (&["sec", "secs", "second", "seconds"], "s"),
    (&["msec", "millis", "milliseconds"], "ms"),
    (&["usec", "micros", "microseconds"], "us"),
    (&["minute", "minutes", "mins"], "min"),
];

/// Words of other languages, and ours.
const WORDS: [(&str, &str); 20] = [
    ("and", "&&"),
    ("or", "||"),
    ("not", "!"),
    ("elif", "else if"),
    ("elseif", "else if"),
    ("None", "()"),
    ("null", "()"),
    ("nil", "()"),
    ("undefined", "()"),
    ("True", "true"),
    ("False", "false"),
    ("def", "fn"),
    ("func", "fn"),
    ("function", "fn"),
    ("var", "let"),
    ("auto", "let"),
    ("val", "let"),
    ("raise", "throw"),
    ("pass", "pass()"),
    ("foreach", "for"),
];

/// Functions of other languages, and ours called as there.
const CALLS: [&str; 24] = [
    "str",
    "string",
    "String",
    "int",
    "float",
    "type",
    "typeof",
    "println",
    "printf",
    "echo",
    "puts",
    "randint",
    "quit",
    "time",
    "range",
    "sum",
    "max",
    "min",
    "dir",
    "Thread",
    "start_new_thread",
    "dict",
    "list",
    "assert",
];

/// Types that other languages write before a name.
const TYPES: [&str; 12] =
    ["int", "long", "short", "float", "double", "char", "bool", "boolean", "byte", "auto", "String", "string"];

/// Methods of other languages, and ours.
const METHODS: [(&str, &str); 12] = [
    ("encode", "to_blob"),
    ("decode", "as_string"),
    ("upper", "to_upper"),
    ("lower", "to_lower"),
    ("toUpperCase", "to_upper"),
    ("toLowerCase", "to_lower"),
    ("length", "len"),
    ("size", "len"),
    ("startswith", "starts_with"),
    ("endswith", "ends_with"),
    ("recvfrom", "recv"),
    ("sendto", "send_to"),
];
