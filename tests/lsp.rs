//! The language server: what an editor is sent is what `--check`, the prompt and `help` say.

mod common;
#[path = "lsp/client.rs"]
mod lsp_client;

use std::time::Instant;

use common::{TempDir, pingscript, repo_root};
use lsp_client::Client;
use pingscript::engine::sources::SHIPPED;
use serde_json::{Value, json};

#[test]
fn shipped_scripts_have_no_errors() {
    let mut client = Client::ready();
    for (file, text) in SHIPPED {
        let uri = format!("file://{}/scripts/{file}", repo_root().display());
        assert_eq!(client.open(&uri, text), [Value::Null; 0], "{file}");
    }
}

/// Scripts with errors, in files beside `tools.rhai` and `torn.rhai`.
const BROKEN: [&str; 16] = [
    "let sock = udp::bnd(\"127.0.0.1:0\");\nlet n = upd::bind(1);\nfn broken( { let x = 1; }\nprint(undeclared);\nsock.reccv(1.s);\n\
     let y = 1 let z = 2;\nfn half(n) { n / 2 }\nhalf(1, 2);\n}\nprint(`${unknwon}`);\n",
    "const OPT = options([ ask(\"count\", 5, \"\").at_least(1) ]); OPT.cuont",
    "policy(\"gilbret:p=0.1\")",
    "start(\"udp_sever.rhai\", [])",
    "import \"nowhere\" as m; m::f()",
    "import \"../tools\" as m;",
    "import \"tools\" as tools; tools::twise(1)",
    "import \"torn\" as t; t::twice(1)",
    "fn f() { x } let x = 1; f()",
    "println(1)",
    "const C = #{ a: 1 }; C.a = 2",
    "let x = ",
    "print(\"open",
    "def f(x) { x }",
    "print(\"ping ${1}\"); let é = \"😀\"; print(cuont);",
    "let t = 0; [1].for_each(|x| t += x);\nprint(cuont); /* open",
];

#[test]
fn errors_are_those_of_check() {
    let dir = TempDir::new();
    dir.write("tools.rhai", "fn twice(n) { n * 2 } private fn own() { 1 }");
    dir.write("torn.rhai", "fn twice(n) { n * ");
    let mut client = Client::ready();
    for (number, text) in BROKEN.iter().enumerate() {
        let file = dir.write(&format!("broken{number}.rhai"), text).display().to_string();
        let run = pingscript(&["--check", "--json", &file]).run();
        let rows: Vec<Value> = run.stdout.lines().map(|line| serde_json::from_str(line).expect("a row")).collect();
        let found = client.open(&format!("file://{file}"), text);
        assert_eq!(found.len(), rows.len(), "{text}\n{found:?}");
        assert!(!found.is_empty(), "{text}");
        for (row, found) in rows.iter().zip(&found) {
            compare(&file, text, row, found);
        }
        // What the rest has no name for, a further line has.
        assert!(client.change(&format!("file://{file}"), json!([{ "text": "print(1);" }])).is_empty());
    }
}

fn compare(file: &str, text: &str, row: &Value, found: &Value) {
    let hints = row["hint"].as_str().unwrap_or_default();
    let said = found["message"].as_str().expect("a text").replace("\nhint: ", "\n");
    let expected = format!("{}\n{hints}", row["message"].as_str().expect("a text"));
    let here = row["file"] == file;
    assert!(said.ends_with(expected.trim_end()), "{text}\n{said}\n{expected}");
    assert_eq!(found["severity"] == 1, row["severity"] == "error");
    let line = found["range"]["start"]["line"].as_u64().expect("a line");
    if here {
        assert_eq!(Some(line + 1), row["line"].as_u64(), "{text}");
        let before: String = text.lines().nth(line as usize).unwrap_or_default().chars().take(column(row)).collect();
        assert_eq!(found["range"]["start"]["character"], before.encode_utf16().count(), "{text}");
    }
}

/// Characters before the place of a row.
fn column(row: &Value) -> usize {
    row["column"].as_u64().unwrap_or(1).max(1) as usize - 1
}

const SCRIPT: &str = "\
import \"tools\" as tools;
/* é😀 */ const OPT = options([ option(\"count\", 5, \"\") ]);
fn half(n, by) { n / by }
let sock = udp::open(\"127.0.0.1:9\");
let map = #{ alpha: 1, beta: 2 };
half(4, 2); tools::twice(1);
";

/// A server with this script and a last line, and its directory.
fn editing(last: &str) -> (Client, String, TempDir) {
    let dir = TempDir::new();
    dir.write("tools.rhai", "// tools\nfn twice(n) { n * 2 }\n");
    let mut client = Client::ready();
    let uri = format!("file://{}/main.rhai", dir.path().display());
    client.open(&uri, &format!("{SCRIPT}{last}"));
    (client, uri, dir)
}

fn labels(found: &Value) -> Vec<&str> {
    found.as_array().expect("a list").iter().filter_map(|item| item["label"].as_str()).collect()
}

#[test]
fn completion_offers_what_the_prompt_does() {
    for (last, one, not) in [
        ("udp::", "bind(…)", "print"),
        ("sock.", "recv(…)", "join()"),
        ("sock.recv(1.s).", "text", "port"),
        ("OPT.", "count", "recv(…)"),
        ("map.", "beta", "recv(…)"),
        ("tools::", "twice(…)", "bind(…)"),
        ("ha", "half(…)", "sock"),
        ("wh", "while", "sock"),
        ("udp::bind(\"a\", #{ re", "reuse", "recv(…)"),
    ] {
        let (mut client, uri, _dir) = editing(last);
        let found = client.at("completion", &uri, 6, last.len());
        let labels = labels(&found);
        assert!(labels.contains(&one) && !labels.contains(&not), "{last}: {labels:?}");
        let edit = &found[0]["textEdit"]["range"];
        assert_eq!(edit["end"], json!({ "line": 6, "character": last.len() }), "{edit}");
    }
}

#[test]
fn signatures_are_those_of_the_reference() {
    for (last, expected, active) in [
        ("udp::bind(\"a\", ", "udp::bind(", Some(1)),
        ("sock.ping(", "UdpSocket.ping(", Some(0)),
        ("half(f(1, 2), ", "fn half(n, by)", None),
        ("tools::twice(", "fn tools::twice(n)", None),
    ] {
        let (mut client, uri, _dir) = editing(last);
        let found = client.at("signatureHelp", &uri, 6, last.len());
        let label = found["signatures"][0]["label"].as_str().unwrap_or_default();
        assert!(label.starts_with(expected), "{last}: {found}");
        assert_eq!(found["activeParameter"].as_u64(), active, "{last}: {found}");
    }
}

#[test]
fn hover_has_the_documentation() {
    for (last, at, expected) in [
        ("udp::bind(1)", 6, "```text\nudp::bind("),
        ("sock.recv(1.s)", 6, "UdpSocket.recv("),
        ("sock", 1, "sock: UdpSocket"),
        ("half(1, 2)", 1, "fn half(n, by)"),
        ("tools::twice(1)", 8, "fn tools::twice(n)"),
        ("drop()", 2, "drop()"),
    ] {
        let (mut client, uri, _dir) = editing(last);
        let found = client.at("hover", &uri, 6, at);
        assert!(found["contents"]["value"].as_str().is_some_and(|said| said.contains(expected)), "{last}: {found}");
    }
    let (mut client, uri, _dir) = editing("nothing_of_this_name");
    assert_eq!(client.at("hover", &uri, 6, 3), Value::Null);
}

#[test]
fn definitions_are_in_the_document_in_modules_and_in_files() {
    let (mut client, uri, dir) = editing("start(\"tools.rhai\"); policy(\"gilbert\"); sock");
    let tools = uri.replace("main.rhai", "tools.rhai");
    for (line, character, expected) in [
        (5, 1, Some((uri.clone(), 2, 3))),
        (5, 20, Some((tools.clone(), 1, 3))),
        (0, 9, Some((tools.clone(), 0, 0))),
        (6, 9, Some((tools, 0, 0))),
        (6, 43, Some((uri.clone(), 3, 4))),
        (3, 13, None),
    ] {
        let found = client.at("definition", &uri, line, character);
        let start = &found["range"]["start"];
        let place =
            found["uri"].as_str().map(|uri| (uri.to_string(), start["line"].as_u64(), start["character"].as_u64()));
        assert_eq!(
            place,
            expected.map(|(uri, line, character)| (uri, Some(line), Some(character))),
            "{line}:{character}"
        );
    }
    let count = std::fs::read_dir(dir.path()).expect("readable").count();
    assert_eq!(count, 1, "a script was written");
}

#[test]
fn bad_messages_are_answered_by_errors() {
    let mut client = Client::start();
    let code = |message: &Value| message["error"]["code"].as_i64();
    assert_eq!(code(&client.ask("textDocument/hover", json!({}))), Some(-32002));
    for (sent, expected) in [
        ("Content-Length: 3\r\n\r\n{x}", -32700),
        ("Content-Length: 2\r\n\r\n[]", -32600),
        ("Content-Length: 2\r\n\r\n{}", -32600),
        ("Content-Length: many\r\n\r\n", -32700),
        ("Content-Length: 99999999999\r\n\r\n", -32700),
    ] {
        client.send(sent.as_bytes());
        let message = client.read();
        assert_eq!((code(&message), &message["id"]), (Some(expected), &Value::Null), "{sent}");
    }
    assert!(client.ask("initialize", json!(null))["result"].is_object());
    assert_eq!(code(&client.ask("textDocument/unheardOf", json!({}))), Some(-32601));
    assert_eq!(code(&client.ask("textDocument/hover", json!([1]))), Some(-32602));
    let closed = json!({ "textDocument": { "uri": "file:///x" }, "position": { "line": 0, "character": 0 } });
    assert_eq!(code(&client.ask("textDocument/completion", closed)), Some(-32602));
    client.tell("$/unheardOf", json!({}));
    client.tell("textDocument/didChange", json!({ "textDocument": 3 }));
    assert_eq!(client.ask("shutdown", json!(null))["result"], Value::Null);
    assert_eq!(code(&client.ask("shutdown", json!(null))), Some(-32600));
    client.tell("exit", json!(null));
    assert_eq!(client.end(), Some(0));
    let mut client = Client::ready();
    client.tell("exit", json!(null));
    assert_eq!(client.end(), Some(1));
}

/// Pseudo-random numbers (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end.max(1) as u64) as usize
    }
}

const PIECES: [&str; 18] = [
    "",
    "x",
    "\n",
    "(",
    ")",
    "{",
    "}",
    "\"",
    "`${",
    "/*",
    "*/",
    "udp::",
    "sock.",
    "é😀",
    "let a = ",
    "fn f(",
    "#{",
    "import \"a\" as b;",
];

#[test]
fn a_thousand_random_edits_leave_it_alive() {
    let mut client = Client::ready();
    let (uri, text) = ("file:///nowhere/random.rhai", include_str!("../scripts/udp_ping.rhai"));
    client.open(uri, text);
    let mut random = Random(20_261_130);
    for number in 0..1000 {
        let mut place = || json!({ "line": random.below(60), "character": random.below(90) });
        let (start, end) = (place(), place());
        // Most edits are small.
        let end = if number % 10 == 0 { end } else { start.clone() };
        let piece = PIECES[random.below(PIECES.len())];
        client.change(uri, json!([{ "range": { "start": start, "end": end }, "text": piece }]));
        if number % 100 == 99 {
            client.change(uri, json!([{ "text": text }]));
        }
        let method = ["completion", "hover", "definition", "signatureHelp"][random.below(4)];
        client.at(method, uri, random.below(60), random.below(90));
    }
    client.change(uri, json!([{ "text": "udp::" }]));
    assert!(labels(&client.at("completion", uri, 0, 5)).contains(&"bind(…)"));
}

/// Prints how long replies take: cargo test --release --test lsp -- --ignored --nocapture
#[test]
#[ignore = "prints times"]
fn completion_times() {
    let mut client = Client::ready();
    let text = format!("{}\nlet sock = udp::open(\"127.0.0.1:9\");\nsock.", include_str!("../scripts/udp_ping.rhai"));
    let uri = "file:///nowhere/times.rhai";
    client.open(uri, &text);
    let line = text.matches('\n').count();
    let mut times: Vec<_> = (0..101)
        .map(|_| {
            let start = Instant::now();
            client.at("completion", uri, line, 5);
            start.elapsed()
        })
        .collect();
    times.sort();
    println!("completion: median {:?}, worst {:?} of {}", times[50], times[100], times.len());
}
