//! What is said of a comparison of unlike kinds, and what to write instead.

use std::net::SocketAddr;

use rhai::Dynamic;

use super::{Operator, number, text};
use crate::bindings::convert::{kind_of, shown};
use crate::net::error::Error;
use crate::net::time::Duration;

/// The error of a comparison of unlike kinds.
pub(super) fn unlike(operator: Operator, a: &Dynamic, b: &Dynamic) -> Error {
    let symbol = operator.symbol();
    let words = |value: &Dynamic| if value.is_unit() { "()".to_string() } else { cut(&shown(value)) };
    let (left, right) = (words(a), words(b));
    let message = format!("{} does not compare with {}: {left} {symbol} {right}", kind_of(a), kind_of(b));
    Error::invalid("compare", message).with_hint(
        hint(a, b)
            .or_else(|| hint(b, a))
            .unwrap_or_else(|| "compare values of one kind; what a value is: print(type_of(x))".to_string()),
    )
}

/// What to write for `odd`, which is compared with `value`.
fn hint(value: &Dynamic, odd: &Dynamic) -> Option<String> {
    let of = text(odd);
    if odd.is_unit() {
        return Some(
            "() stands for no value, as the rtt of a ping that was lost: ask first whether x != ()".to_string(),
        );
    }
    if value.is::<Duration>() {
        let number = number(odd).map(|_| odd.to_string());
        if let Some(number) = number.or_else(|| of.clone().filter(|text| text.parse::<f64>().is_ok())) {
            return Some(format!("write {number}.ms for milliseconds, {number}.s for seconds"));
        }
        let typed = of.as_deref().and_then(Duration::parse);
        return typed.map(|duration| format!("write {} for \"{}\"", written(duration), of.unwrap_or_default()));
    }
    if value.is::<SocketAddr>() {
        return Some(match of {
            Some(text) => {
                format!("\"{text}\" is no address such as \"10.0.0.1\" or \"10.0.0.1:7\"; of a name: resolve(…)")
            }
            None if number(odd).is_some() => {
                "the port of an address is its .port, as in pkt.from.port == 7".to_string()
            }
            None => "compare it with an address: of a host or a socket that is its .addr, as in pkt.to == b.addr"
                .to_string(),
        });
    }
    if let (true, Some(text)) = (["a Ping", "a Packet", "an Event"].contains(&kind_of(value).as_str()), &of) {
        return Some(format!("what it is says its .kind: x.kind == {text:?}"));
    }
    if let (true, Some(text)) = (value.is_blob(), &of) {
        return Some(format!(
            "the bytes of a text: {text:?}.to_blob(); the text of a blob: x.as_string(), of a packet: pkt.text"
        ));
    }
    if number(value).is_some() {
        return match of {
            Some(text) if text.trim().parse::<f64>().is_ok() => Some(format!(
                "write {} without the quotes; a number of a text that is read: parse_int(text), parse_float(text)",
                text.trim()
            )),
            Some(_) => Some("text of a number: `${n}`; a number of a text: parse_int(text)".to_string()),
            None => odd.is_bool().then(|| "true and false stand alone: if x { … }, if !x { … }".to_string()),
        };
    }
    None
}

/// A duration as a script has it.
fn written(duration: Duration) -> String {
    let short = duration.short();
    let unit = short.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(short.len());
    format!("{}.{}", &short[..unit], &short[unit..])
}

/// The beginning of a long text.
fn cut(text: &str) -> String {
    let line: String = text.chars().take(40).collect();
    if line.len() < text.len() { format!("{line}…") } else { line }
}
