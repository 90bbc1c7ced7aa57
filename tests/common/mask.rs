//! Masks for what differs from run to run, and only in the form that is promised: a time has ten
//! digits before the point, an RTT three after it and `ms`. Anything else stays and shows in the
//! comparison.

/// All masks of a client's or a server's transcript: times, addresses, RTTs and bound ports.
pub(crate) fn mask(text: &str) -> String {
    mask_ports(&mask_rtts(&mask_times(&mask_addrs(text))))
}

/// As [`mask`], but each address keeps its identity: `<client 1>` for the first to appear, and
/// so on. For the transcript of a server with several clients.
pub(crate) fn mask_clients(text: &str) -> String {
    let mut seen: Vec<&str> = Vec::new();
    let named = replace(text, |before, rest| {
        let len = addr_len(before, rest)?;
        let addr = &rest[..len];
        let number = seen.iter().position(|s| *s == addr).unwrap_or_else(|| {
            seen.push(addr);
            seen.len() - 1
        });
        Some((len, format!("<client {}>", number + 1)))
    });
    mask(&named)
}

/// Unix times with a fraction (`1725933169.813111`) become `<time>`.
pub(crate) fn mask_times(text: &str) -> String {
    replace(text, |before, rest| {
        let len = time_len(before, rest)?;
        Some((len, "<time>".to_owned()))
    })
}

/// Addresses with a port (`127.0.0.1:11000`, `[::1]:11000`) become `<addr>`.
pub(crate) fn mask_addrs(text: &str) -> String {
    replace(text, |before, rest| {
        let len = addr_len(before, rest)?;
        Some((len, "<addr>".to_owned()))
    })
}

/// What follows `rtt=` or `RTT: ` and is milliseconds with three decimals becomes `<rtt>`.
pub(crate) fn mask_rtts(text: &str) -> String {
    replace(text, |before, rest| {
        if !before.ends_with("rtt=") && !before.ends_with("RTT: ") {
            return None;
        }
        let whole = digits(rest);
        let part = &rest[whole..];
        let fits = whole > 0 && part.starts_with('.') && digits(&part[1..]) == 3;
        (fits && part[4..].starts_with("ms")).then(|| (whole + 6, "<rtt>".to_owned()))
    })
}

/// What follows `bound to port ` or `Listening on port ` and is a port becomes `<port>`.
pub(crate) fn mask_ports(text: &str) -> String {
    replace(text, |before, rest| {
        let len = digits(rest);
        let said = before.ends_with("bound to port ") || before.ends_with("Listening on port ");
        (said && len > 0).then(|| (len, "<port>".to_owned()))
    })
}

/// Walk `text`; where `find(what came before, the rest)` gives a length and a word, put the word
/// in place of that many bytes.
fn replace<'a>(text: &'a str, mut find: impl FnMut(&'a str, &'a str) -> Option<(usize, String)>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        if let Some((len, word)) = find(&text[..at], &text[at..]) {
            out.push_str(&word);
            at += len;
        } else {
            out.push(c);
            at += c.len_utf8();
        }
    }
    out
}

/// The length of a Unix time at the start of `rest`.
fn time_len(before: &str, rest: &str) -> Option<usize> {
    let part = rest.get(10..)?;
    let fraction = digits(part.strip_prefix('.')?);
    let whole = digits(rest) == 10 && !before.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '.');
    (whole && (1..=9).contains(&fraction)).then_some(11 + fraction)
}

/// The length of an address with a port at the start of `rest`.
fn addr_len(before: &str, rest: &str) -> Option<usize> {
    if before.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '.' || c == ':') {
        return None;
    }
    let host = if rest.starts_with('[') {
        rest.find("]:")? + 1
    } else {
        rest.find(|c: char| !c.is_ascii_digit() && c != '.')?
    };
    let port = rest[host..].strip_prefix(':').map(digits)?;
    let len = host + 1 + port;
    rest[..len].parse::<std::net::SocketAddr>().ok().map(|_| len)
}

/// How many digits `text` starts with.
fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}
