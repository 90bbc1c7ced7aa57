//! What Python's modules and its lists of names are for: several names at once, packing, threads.

use super::{Rewrite, Rule, Translator};

pub(super) const RULES: &[Rule] = &[names, pack, unpack, thread];

/// `data, addr = sock.recvfrom(1024)`, `conn, addr = s.accept()`, `a, b = struct.unpack("!HH", data)`, `a, b = 1, 2`.
fn names(of: &Translator, at: usize) -> Option<Rewrite> {
    let begins = of.begins_line(at) || matches!(of.before(at), ";" | "{" | "}");
    let in_list = of.scan.open_before(at).last().is_some_and(|open| of.text(*open) != "{");
    if !begins || in_list {
        return None;
    }
    let first = at + usize::from(matches!(of.text(at), "let" | "const"));
    let open = usize::from(of.text(first) == "(");
    let mut names = vec![first + open];
    while of.is_word(names[names.len() - 1]) && of.text(names[names.len() - 1] + 1) == "," {
        names.push(names[names.len() - 1] + 2);
    }
    let equals = names[names.len() - 1] + 1 + open;
    if names.len() < 2 || names.iter().any(|name| !of.is_word(*name)) || of.text(equals) != "=" {
        return None;
    }
    let end = of.find(equals, |text| matches!(text, ";" | "}")).unwrap_or(usize::MAX).min(of.line_end(equals));
    let names: Vec<&str> = names.iter().map(|name| of.text(*name)).collect();
    let text = assigned(of, &names, equals + 1, end, first > at)?;
    Rewrite::new(end, text, "one name stands to the left of =")
}

/// `name = value`, of a name that is not known yet with `let`.
fn given(of: &Translator, declared: bool, name: &str, value: &str) -> String {
    match !declared && of.scan.declarations().contains_key(name) {
        true => format!("{name} = {value}"),
        false => format!("let {name} = {value}"),
    }
}

/// The statements that give each of `names` its part of the value from `from` to `end`.
fn assigned(of: &Translator, names: &[&str], from: usize, end: usize, declared: bool) -> Option<String> {
    let given = |name: &str, value: &str| given(of, declared, name, value);
    let open = (from + 3..end).find(|i| of.text(*i) == "(" && of.close(*i) == Some(end - 1));
    let method = open.filter(|open| of.text(open - 2) == ".").map(|open| (open, of.text(open - 1)));
    let statements: Vec<String> = match (method, names) {
        (Some((open, "recvfrom")), [data, peer]) => {
            let packet = if *data == "pkt" { "p" } else { "pkt" };
            let received = format!("let {packet} = {}.recv()", of.plain(from, open - 2));
            vec![received, given(data, &format!("{packet}.data")), given(peer, &format!("{packet}.from"))]
        }
        (Some((open, "accept")), [conn, peer]) => {
            vec![given(conn, &format!("{}.accept()", of.plain(from, open - 2))), given(peer, &format!("{conn}.peer"))]
        }
        (Some((open, "unpack" | "unpack_from")), _) if of.text(from) == "struct" => {
            let parts = of.parts(open, end - 1);
            let kinds = kinds(of, parts.first()?.0).filter(|kinds| kinds.len() == names.len())?;
            let (data, data_end) = *parts.get(1)?;
            let read = names.iter().zip(kinds).map(|(name, kind)| given(name, &format!("r.{kind}()")));
            std::iter::once(format!("let r = reader({})", of.plain(data, data_end))).chain(read).collect()
        }
        _ => parted(of, names, from, end, declared)?,
    };
    Some(statements.join("; "))
}

/// The same of values with commas between them, and of one value that is an array.
fn parted(of: &Translator, names: &[&str], from: usize, end: usize, declared: bool) -> Option<Vec<String>> {
    let bracketed = matches!(of.text(from), "(" | "[") && of.close(from) == Some(end - 1);
    let values = of.parts(from - usize::from(!bracketed), end - usize::from(bracketed));
    let values: Vec<String> = values.into_iter().map(|(from, end)| of.plain(from, end)).collect();
    let given = |name: &str, value: &str| given(of, declared, name, value);
    match (names, &values[..]) {
        ([a, b], [c, d]) if a == d && b == c => {
            Some(vec![format!("let old = {a}"), format!("{a} = {b}"), format!("{b} = old")])
        }
        (_, [one]) => {
            let item = |(number, name): (usize, &&str)| given(name, &format!("list[{number}]"));
            let list = format!("let list = {one}");
            Some(std::iter::once(list).chain(names.iter().enumerate().map(item)).collect())
        }
        _ if values.len() == names.len() => {
            Some(names.iter().zip(&values).map(|(name, value)| given(name, value)).collect())
        }
        _ => None,
    }
}

/// `struct.pack("!BBH", 8, 0, x)`.
fn pack(of: &Translator, at: usize) -> Option<Rewrite> {
    let close = of_struct(of, at, "pack")?;
    let parts = of.parts(at + 3, close);
    let kinds = kinds(of, parts.first()?.0).filter(|kinds| kinds.len() + 1 == parts.len())?;
    let call = |(kind, (from, end)): (String, &(usize, usize))| format!(".{kind}({})", of.plain(*from, *end));
    let calls: String = kinds.into_iter().zip(&parts[1..]).map(call).collect();
    Rewrite::new(close + 1, format!("bytes(){calls}"), "there is no `struct` here")
}

/// `struct.unpack("!H", data)[0]`.
fn unpack(of: &Translator, at: usize) -> Option<Rewrite> {
    let close = of_struct(of, at, "unpack")?;
    let parts = of.parts(at + 3, close);
    let (from, end) = *parts.get(1)?;
    let kinds = kinds(of, parts[0].0)?;
    let [kind] = &kinds[..] else { return None };
    let item = of.text(close + 1) == "[" && of.text(close + 2) == "0" && of.text(close + 3) == "]";
    let after = close + 1 + if item { 3 } else { 0 };
    Rewrite::new(after, format!("reader({}).{kind}()", of.plain(from, end)), "there is no `struct` here")
}

/// The bracket that closes a call of a function of `struct`.
fn of_struct(of: &Translator, at: usize, function: &str) -> Option<usize> {
    let is_called = of.text(at) == "struct" && of.text(at + 1) == "." && of.text(at + 3) == "(";
    of.close(at + 3).filter(|_| is_called && of.text(at + 2) == function)
}

/// The names here for the numbers of a format such as `!BBHHH`; `None` if there are others in it.
fn kinds(of: &Translator, format: usize) -> Option<Vec<String>> {
    let inside = of.is_quoted(format).then(|| of.inside(format))?;
    let order = if inside.starts_with('<') { "_le" } else { "" };
    let (mut kinds, mut count) = (Vec::new(), 0);
    for letter in inside.trim_start_matches(['!', '<', '>', '=', '@']).chars() {
        if let Some(digit) = letter.to_digit(10) {
            count = (count * 10 + digit as usize).min(100);
            continue;
        }
        let bits = match letter.to_ascii_lowercase() {
            'b' => "8",
            'h' => "16",
            'i' | 'l' => "32",
            'q' => "64",
            _ => return None,
        };
        let sign = if letter.is_ascii_lowercase() { 'i' } else { 'u' };
        let kind = format!("{sign}{bits}{}", if bits == "8" { "" } else { order });
        kinds.extend(std::iter::repeat_n(kind, count.max(1)));
        count = 0;
    }
    Some(kinds)
}

/// `threading.Thread(target=serve, args=(conn,)).start()`.
fn thread(of: &Translator, at: usize) -> Option<Rewrite> {
    let module = if of.text(at) == "threading" && of.text(at + 1) == "." { 2 } else { 0 };
    let open = at + module + 1;
    if of.text(open - 1) != "Thread" || of.text(open) != "(" || (module == 0 && of.before(at) == ".") {
        return None;
    }
    let close = of.close(open)?;
    let parts = of.parts(open, close);
    let named = |name: &str| parts.iter().find(|part| of.text(part.0) == name && of.text(part.0 + 1) == "=");
    let (from, end) = *named("target")?;
    let args = named("args").map_or(String::new(), |(from, end)| {
        let args = of.parts(from + 2, *end - 1);
        args.into_iter().map(|(from, end)| of.plain(from, end)).collect::<Vec<_>>().join(", ")
    });
    let started = of.text(close + 1) == "." && of.text(close + 2) == "start" && of.text(close + 3) == "(";
    let after = if started { of.close(close + 3)? } else { close };
    let call = format!("start_thread(|| {}({args}))", of.plain(from + 2, end));
    Rewrite::new(after + 1, call, "there is no `Thread` here: a thread is started by a call")
}
