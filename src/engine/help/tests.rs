use super::find::{Found, find};
use super::*;
use crate::engine::programs::ScriptHost;

fn reference() -> Reference {
    Reference::collect(ScriptHost::new().described())
}

fn titles(reference: &Reference, topic: &str) -> Vec<String> {
    match find(reference, topic) {
        Found::Entries(entries) => entries.iter().map(|entry| entry.title.clone()).collect(),
        other => vec![format!("{other:?}")],
    }
}

#[test]
fn names_are_found_as_people_write_them() {
    let reference = reference();
    for (topic, expected) in [
        ("udp::bind", "udp::bind"),
        ("udp::bind()", "udp::bind"),
        ("UDP::BIND", "udp::bind"),
        ("UdpSocket.recv", "UdpSocket.recv"),
        ("sock.send_to", "UdpSocket.send_to"),
        ("loss", "Stats.loss loss"),
        ("percentile", "Stats.percentile"),
        ("set_policy", "set_policy"),
        ("start_thread", "start_thread"),
        ("join", "join"),
        ("choices", "DeclaredOption.choices"),
    ] {
        let found = titles(&reference, topic);
        assert!(found.iter().all(|title| expected.split(' ').any(|one| one == title)), "{topic}: {found:?}");
        assert!(!found.is_empty(), "{topic}");
    }
    assert!(matches!(find(&reference, "udp"), Found::Namespace("udp")));
    assert!(matches!(find(&reference, "udpsocket"), Found::Type("UdpSocket")));
    assert!(matches!(find(&reference, "string"), Found::Type("string")));
    assert!(matches!(find(&reference, "policies"), Found::Group(_)));
    assert!(matches!(find(&reference, "language"), Found::Language));
}

#[test]
fn misspelt_names_are_met_with_near_ones() {
    let reference = reference();
    for (topic, near) in
        [("udp::bnd", "udp::bind"), ("recvv", "UdpSocket.recv"), ("Duraton", "Duration"), ("udpp", "udp")]
    {
        let error = text::help(&reference, Some(topic)).expect_err(topic);
        assert!(error.hint.contains(near), "{topic}: {error:?}");
    }
    let error = text::help(&reference, Some("xyzzy")).expect_err("nothing");
    assert!(error.hint.contains("help()"), "{error:?}");
}

#[test]
fn no_page_names_a_type_of_rust() {
    let reference = reference();
    let everything = [text::everything(&reference), text::help(&reference, None).expect("an overview")].concat();
    let words: Vec<&str> = everything.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
    for name in ["Dynamic", "FnPtr", "ImmutableString", "ScriptResult", "EvalAltResult", "NativeCallContext", "usize"] {
        assert!(!words.contains(&name), "{name}");
    }
    for form in reference.ours().flat_map(|entry| &entry.forms) {
        let bad = form.signature.contains('<') && !form.signature.contains(" < ") && !form.signature.contains(" <= ");
        assert!(!bad && !form.signature.contains("i64)") && !form.signature.contains('&'), "{}", form.signature);
    }
}

#[test]
fn every_function_belongs_to_a_page_and_has_a_purpose() {
    let reference = reference();
    let overview = text::help(&reference, None).expect("an overview");
    for entry in reference.ours() {
        assert!(!entry.purpose().is_empty(), "{}", entry.title);
        let page = match entry.kind {
            EntryKind::Function => overview.clone(),
            _ => text::help(&reference, Some(&entry.of)).unwrap_or_else(|error| panic!("{}: {error}", entry.title)),
        };
        let shown = matches!(entry.name.as_str(), "to_string" | "to_debug") || page.contains(&entry.name);
        assert!(shown, "{} is on no page:\n{page}", entry.title);
    }
}

#[test]
fn help_for_an_object_says_what_functions_that_take_several_kinds_do_with_it() {
    let reference = reference();
    let line = |kind: &str, name: &str| {
        let page = text::type_page(&reference, kind);
        let rest = page.split("Functions that take one").nth(1).expect("there are some");
        let begun = rest.find(&format!("\n    {name}(")).unwrap_or_else(|| panic!("{kind}: {rest}"));
        rest[begun..].split_whitespace().take(12).collect::<Vec<_>>().join(" ")
    };
    assert!(
        line("UdpSocket", "pinger").starts_with("pinger(socket, to, options) Pings `to`"),
        "{}",
        line("UdpSocket", "pinger")
    );
    assert!(
        line("Connection", "pinger").starts_with("pinger(conn, options) Pings over a connection"),
        "{}",
        line("Connection", "pinger")
    );
}
