//! `pingscript lsp`: a language server over standard input and output. What it says is what `--check`, the prompt and `help` say.
//!
//! `wire.rs` frames messages, `document.rs` is a text as an editor edits it, `names.rs` what it declares, `answers.rs` what stands at a place in it.

mod answers;
mod document;
mod names;
mod wire;

use std::collections::HashMap;
use std::io::{BufRead, stdin};
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::{Value, json};

use self::document::Document;
use self::wire::ClientMessage;
use super::check::diagnose;
use super::programs::ScriptHost;
use super::run::exit;
use crate::terminal::output;

/// Codes of errors, as JSON-RPC and the protocol have them.
const INVALID_REQUEST: i64 = -32600;
const UNKNOWN_METHOD: i64 = -32601;
const INVALID_PARAMS: i64 = -32602;
const INTERNAL: i64 = -32603;
const NOT_INITIALIZED: i64 = -32002;

type Answer = Result<Value, (i64, String)>;

/// Serves an editor until it says `exit`, or its end of the pipe closes; the exit code.
pub fn run() -> i32 {
    let mut server = LanguageServer::default();
    let mut input = stdin().lock();
    serve(&mut server, &mut input)
}

fn serve(server: &mut LanguageServer, input: &mut impl BufRead) -> i32 {
    while let Some(message) = wire::read(input) {
        let replies = match message {
            ClientMessage::Message(message) => server.take(&message),
            ClientMessage::Bad(code, why) => vec![failed(&Value::Null, code, &why)],
        };
        replies.iter().for_each(wire::write);
        output::flush();
        if server.ended || output::has_failed() {
            break;
        }
    }
    if server.stopped { exit::DONE } else { 1 }
}

fn failed(id: &Value, code: i64, why: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": why } })
}

/// The documents that are open, and how far the conversation is.
#[derive(Default)]
pub struct LanguageServer {
    host: Option<ScriptHost>,
    documents: HashMap<String, Document>,
    /// After `shutdown`.
    stopped: bool,
    /// After `exit`.
    ended: bool,
}

impl LanguageServer {
    /// What is sent for a message.
    pub fn take(&mut self, message: &Value) -> Vec<Value> {
        let id = message.get("id");
        let Some(method) = message.get("method").and_then(Value::as_str) else {
            // Replies to requests of ours: there are none.
            let is_reply = message.get("result").is_some() || message.get("error").is_some();
            let why = "a message needs a method";
            return if is_reply { vec![] } else { vec![failed(id.unwrap_or(&Value::Null), INVALID_REQUEST, why)] };
        };
        let params = message.get("params").unwrap_or(&Value::Null);
        let Some(id) = id else {
            let sent = catch_unwind(AssertUnwindSafe(|| self.notified(method, params)));
            return sent.unwrap_or_default();
        };
        let answer = catch_unwind(AssertUnwindSafe(|| self.asked(method, params)));
        let bug = |_| Err((INTERNAL, format!("a bug in pingscript was met by {method}")));
        vec![match answer.unwrap_or_else(bug) {
            Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
            Err((code, why)) => failed(id, code, &why),
        }]
    }

    fn asked(&mut self, method: &str, params: &Value) -> Answer {
        if self.stopped {
            return Err((INVALID_REQUEST, "the server was shut down".to_string()));
        }
        if method == "initialize" {
            self.host.get_or_insert_with(ScriptHost::for_checking);
            return Ok(capabilities());
        }
        let Some(host) = &self.host else {
            return Err((NOT_INITIALIZED, "initialize comes first".to_string()));
        };
        let answer = match method {
            "shutdown" => {
                self.stopped = true;
                return Ok(Value::Null);
            }
            "textDocument/completion" => answers::completion,
            "textDocument/hover" => answers::hover,
            "textDocument/signatureHelp" => answers::signatures,
            "textDocument/definition" => answers::definition,
            _ => return Err((UNKNOWN_METHOD, format!("there is no method {method}"))),
        };
        let document = params["textDocument"]["uri"].as_str().and_then(|uri| self.documents.get(uri));
        let (line, character) = (params["position"]["line"].as_u64(), params["position"]["character"].as_u64());
        match (document, line, character) {
            (Some(document), Some(line), Some(character)) => {
                Ok(answer(host, document, document.offset(line, character)))
            }
            (None, ..) => Err((INVALID_PARAMS, "the document is not open".to_string())),
            _ => Err((INVALID_PARAMS, "there is no position".to_string())),
        }
    }

    fn notified(&mut self, method: &str, params: &Value) -> Vec<Value> {
        let uri = params["textDocument"]["uri"].as_str();
        match (method, uri, &self.host) {
            ("exit", ..) => self.ended = true,
            ("textDocument/didOpen", Some(uri), Some(host)) => {
                let text = params["textDocument"]["text"].as_str().unwrap_or_default();
                let document = Document::new(uri, text);
                let found = published(host, &document);
                self.documents.insert(uri.to_string(), document);
                return vec![found];
            }
            ("textDocument/didChange", Some(uri), Some(host)) => {
                let Some(document) = self.documents.get_mut(uri) else { return vec![] };
                let changes = params["contentChanges"].as_array().map_or(&[][..], Vec::as_slice);
                changes.iter().for_each(|change| document.change(change));
                return vec![published(host, document)];
            }
            ("textDocument/didClose", Some(uri), Some(_)) => {
                self.documents.remove(uri);
                return vec![diagnostics(uri, &[])];
            }
            _ => {}
        }
        vec![]
    }
}

fn capabilities() -> Value {
    json!({
        "capabilities": {
            "positionEncoding": "utf-16",
            // Edits come as ranges; a whole text is taken, too.
            "textDocumentSync": { "openClose": true, "change": 2 },
            "completionProvider": { "triggerCharacters": [".", ":", "\"", "{"] },
            "signatureHelpProvider": { "triggerCharacters": ["(", ","] },
            "hoverProvider": true,
            "definitionProvider": true,
        },
        "serverInfo": { "name": "pingscript", "version": env!("CARGO_PKG_VERSION") },
    })
}

/// What a check finds in a document, for the editor.
fn published(host: &ScriptHost, document: &Document) -> Value {
    let row = |found: super::check::Diagnostic| {
        let message = &found.message;
        let hints = message.hints.iter().map(|hint| format!("\nhint: {hint}"));
        let place = if message.source == document.name { String::new() } else { format!("{}: ", message.source) };
        json!({
            "range": document.range(found.at, found.end),
            "severity": if message.severity == "error" { 1 } else { 2 },
            "source": "pingscript",
            "message": format!("{place}{}{}", message.message, hints.collect::<String>()),
        })
    };
    let found = diagnose(host, &document.name, &document.script());
    diagnostics(&document.uri, &found.into_iter().map(row).collect::<Vec<_>>())
}

fn diagnostics(uri: &str, found: &[Value]) -> Value {
    let params = json!({ "uri": uri, "diagnostics": found });
    json!({ "jsonrpc": "2.0", "method": "textDocument/publishDiagnostics", "params": params })
}
