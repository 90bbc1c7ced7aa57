//! Results as a person wants to see them: packets and pings field by field, stats as their summary, bytes as a dump, long
//! lists and maps a line for each item.

use rhai::{Dynamic, NativeCallContext, Position};

use crate::bindings::context::Programs;
use crate::bindings::convert::shown_by;
use crate::engine::help::EntryKind;
use crate::engine::programs::ScriptHost;

/// Objects that are shown with their properties; to read those of others may take time, or is of no interest.
const FIELD_BY_FIELD: &[&str] = &["Packet", "Ping", "Icmp", "Message", "Reply", "Hop", "NetError", "Frame"];

/// Columns that a value takes in one line.
const WIDTH: usize = 88;

/// Items of a list or a map shown at most.
const ITEMS: usize = 50;

/// Bytes of a blob shown at most.
const BYTES: usize = 256;

/// Characters of a text shown at most.
const CHARACTERS: usize = 8_000;

/// A value in one line or several.
pub fn show(host: &ScriptHost, value: &Dynamic) -> String {
    if let Some(blob) = value.read_lock::<rhai::Blob>() {
        return dump(&blob);
    }
    if let Some(list) = value.read_lock::<rhai::Array>() {
        return items(host, value, '[', ']', list.iter().map(|item| (None, item)), list.len());
    }
    if let Some(map) = value.read_lock::<rhai::Map>() {
        let all = map.iter().map(|(key, item)| (Some(key.as_str()), item));
        return items(host, value, '{', '}', all, map.len());
    }
    if value.is_variant() {
        return object(host, value);
    }
    cut(&host.plainly(value))
}

/// A list or a map: in one line if it fits, else a line for each item.
fn items<'a>(
    host: &ScriptHost,
    whole: &Dynamic,
    open: char,
    close: char,
    all: impl Iterator<Item = (Option<&'a str>, &'a Dynamic)>,
    len: usize,
) -> String {
    // What is long is not put together only to be thrown away.
    if len <= ITEMS {
        let line = shown_by(host.engine(), whole);
        if !line.contains('\n') && line.chars().count() <= WIDTH {
            return line;
        }
    }
    let mut text = if open == '{' { "#{".to_string() } else { open.to_string() };
    for (key, item) in all.take(ITEMS) {
        let key = key.map_or(String::new(), |key| format!("{key}: "));
        let item = if item.is_blob() { short_hex(item) } else { cut(&shown_by(host.engine(), item)) };
        text.push_str(&format!("\n  {key}{},", item.replace('\n', "\n  ")));
    }
    if len > ITEMS {
        text.push_str(&format!("\n  … {} more of {len}", len - ITEMS));
    }
    text.push_str(&format!("\n{close}"));
    text
}

/// An object: what it says of itself and, of some, each property that has a value.
fn object(host: &ScriptHost, value: &Dynamic) -> String {
    let kind = host.type_of(value);
    let head = match kind.as_str() {
        "Stats" => text_of(host, "summary", value).unwrap_or_else(|| shown_by(host.engine(), value)),
        _ => shown_by(host.engine(), value),
    };
    let mut lines = vec![cut(&head)];
    if FIELD_BY_FIELD.contains(&kind.as_str()) {
        let of = |name: &str| call(host, &format!("get${name}"), value);
        let properties = host.reference().of_type(&kind).filter(|entry| entry.kind == EntryKind::Property);
        let fields: Vec<(&str, Dynamic)> = properties
            .filter_map(|entry| Some((entry.name.as_str(), of(&entry.name)?)))
            .filter(|(_, field)| !field.is_unit())
            .collect();
        let width = fields.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (name, field) in &fields {
            let field = if field.is_blob() { short_hex(field) } else { shown_by(host.engine(), field) };
            lines.push(format!("  .{name:width$}  {}", cut(field.lines().next().unwrap_or_default())));
        }
    }
    lines.join("\n")
}

/// What a native without further arguments gives for `value`; `None` if there is none, or it fails.
fn call(host: &ScriptHost, name: &str, value: &Dynamic) -> Option<Dynamic> {
    let engine = host.engine();
    let global = engine.new_global_runtime_state();
    let ctx = NativeCallContext::from((engine, name, None, &global, Position::NONE));
    ctx.call_native_fn_raw(name, true, &mut [&mut value.clone()]).ok()
}

fn text_of(host: &ScriptHost, name: &str, value: &Dynamic) -> Option<String> {
    call(host, name, value)?.into_string().ok()
}

/// The first bytes of a blob within a line.
fn short_hex(value: &Dynamic) -> String {
    let Some(blob) = value.read_lock::<rhai::Blob>() else { return String::new() };
    let bytes: Vec<String> = blob.iter().take(24).map(|byte| format!("{byte:02x}")).collect();
    let more = if blob.len() > 24 { " …" } else { "" };
    format!("{} bytes: {}{more}", blob.len(), bytes.join(" "))
}

/// Bytes with their places and their letters, 16 a line.
fn dump(bytes: &[u8]) -> String {
    let mut lines = vec![match bytes.len() {
        0 => "a blob without bytes".to_string(),
        1 => "1 byte".to_string(),
        len => format!("{len} bytes"),
    }];
    for (index, row) in bytes[..bytes.len().min(BYTES)].chunks(16).enumerate() {
        let hex: Vec<String> = row.iter().map(|byte| format!("{byte:02x}")).collect();
        let (left, right) = hex.split_at(hex.len().min(8));
        let letter = |byte: &u8| if byte.is_ascii_graphic() || *byte == b' ' { char::from(*byte) } else { '.' };
        let letters: String = row.iter().map(letter).collect();
        lines.push(format!("  {:04x}  {:23}  {:23}  {letters}", index * 16, left.join(" "), right.join(" ")));
    }
    if bytes.len() > BYTES {
        lines.push(format!("  … {} more", bytes.len() - BYTES));
    }
    lines.join("\n")
}

/// Text that is not too long to read.
fn cut(text: &str) -> String {
    match text.char_indices().nth(CHARACTERS) {
        Some((end, _)) => format!("{}… ({} characters in all)", &text[..end], text.chars().count()),
        None => text.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_shown_with_their_letters() {
        let text = dump(b"ping 1 \x00\xff and more");
        let expected = "18 bytes\n  0000  70 69 6e 67 20 31 20 00  ff 20 61 6e 64 20 6d 6f  ping 1 .. and mo\n  \
                        0010  72 65                                             re";
        assert_eq!(text, expected);
        assert!(dump(&[0; 1000]).ends_with("… 744 more"));
    }

    #[test]
    fn long_lists_are_shown_item_by_item() {
        let host = ScriptHost::new();
        let list: rhai::Array = (0..200_i64).map(Dynamic::from).collect();
        let text = show(&host, &list.into());
        assert!(text.starts_with("[\n  0,\n  1,\n") && text.ends_with("\n  … 150 more of 200\n]"), "{text}");
        let short: rhai::Array = vec![1_i64.into(), "a".into()];
        assert_eq!(show(&host, &short.into()), "[1, \"a\"]");
    }
}
