//! What the host records of every script's run: the trace, rows of JSON and CSV, the explanation of losses, the progress
//! of quiet runs. Rows, summary, what is printed and what a server saw must agree.

mod common;

#[path = "events/apart.rs"]
mod apart;
#[path = "events/files.rs"]
mod files;
#[path = "events/replies.rs"]
mod replies;
#[path = "events/rows.rs"]
mod rows;
#[path = "events/trace.rs"]
mod trace;
#[path = "events/unsent.rs"]
mod unsent;

use std::collections::HashMap;
use std::fs;
use std::net::UdpSocket;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::mask::{mask_addrs, mask_times};
use common::udp::{ClosedPort, LOOPBACK, UdpPeer};
use common::{TempDir, golden, pingscript, repo_root, require_program_or_skip, sys};
use serde_json::Value;

const PING: &str = "scripts/udp_ping.rhai";

/// The rows of `text`, each valid by the schema.
fn rows(text: &str) -> Vec<Value> {
    let schema = schema();
    let parse = |line: &str| {
        let row: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("no JSON: {e}: {line}"));
        if let Err(why) = valid(&schema, &schema, &row) {
            panic!("not by the schema: {why}: {line}");
        }
        row
    };
    text.lines().map(parse).collect()
}

fn schema() -> Value {
    let text = fs::read_to_string(repo_root().join("schema/events-1.json")).expect("the schema");
    serde_json::from_str(&text).expect("the schema is JSON")
}

#[test]
fn a_run_for_each_of_many_seeds_has_a_row() {
    let code = "expect(1, 1); expect(1.ms, at_most(2.ms)); expect(\"a\", \"a\"); expect((), 5);";
    let run = pingscript(&["--simulate", "--seeds", "3..4", "--json", "-", "-e", code]).run().expect_code(5);
    let rows = rows(&run.stdout);
    assert_eq!(
        rows.iter().map(|row| (&row["seed"], &row["exit_code"])).collect::<Vec<_>>(),
        [(&3.into(), &5.into()), (&4.into(), &5.into())]
    );
    assert_eq!(rows[0]["expectations"][3]["text"], "()");
}

fn of_type<'a>(rows: &'a [Value], kind: &'a str) -> impl Iterator<Item = &'a Value> {
    rows.iter().filter(move |row| row["type"] == kind)
}

/// Checks that rows and their summary agree; the summary.
fn reconcile(rows: &[Value]) -> &Value {
    assert_eq!((&rows[0]["type"], of_type(rows, "run").count()), (&Value::from("run"), 1));
    let summary = rows.last().expect("a summary");
    assert_eq!((&summary["type"], of_type(rows, "summary").count()), (&Value::from("summary"), 1));
    let get = |field: &str| summary[field].as_u64().expect("a count");
    let mut states: HashMap<&str, u64> = HashMap::new();
    let mut rtts: Vec<i64> = Vec::new();
    for probe in of_type(rows, "probe") {
        *states.entry(probe["state"].as_str().expect("a state")).or_default() += 1;
        // An ICMP error came back after a time, too; only replies are round trips.
        let came_back = probe["state"] == "replied" || !probe["icmp"].is_null();
        assert_eq!(probe["rtt_ns"].is_i64() || probe["rtt_ns"].is_u64(), came_back, "{probe}");
        rtts.extend(probe["rtt_ns"].as_i64().filter(|_| probe["state"] == "replied"));
    }
    for state in ["replied", "errored", "timed_out", "pending"] {
        assert_eq!(states.get(state).copied().unwrap_or(0), get(state), "{state}");
    }
    assert_eq!(states.values().sum::<u64>(), get("sent"));
    let (lost, of) = (get("errored") + get("timed_out"), get("sent") - get("pending"));
    assert_eq!((&summary["loss"]["lost"], &summary["loss"]["of"]), (&Value::from(lost), &Value::from(of)));
    let extremes = (rtts.iter().min().copied(), rtts.iter().max().copied());
    assert_eq!((summary["rtt"]["min_ns"].as_i64(), summary["rtt"]["max_ns"].as_i64()), extremes);
    let packets: u64 =
        summary["policies"].as_array().expect("policies").iter().filter_map(|p| p["packets"].as_u64()).sum();
    assert_eq!(of_type(rows, "verdict").count() as u64, packets);
    summary
}

/// Checks `value` against `schema`, a part of `root`, by the keywords that our schema uses; any other is an error.
fn valid(root: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    let fields = schema.as_object().ok_or("a schema is an object")?;
    for (keyword, rule) in fields {
        let list = || rule.as_array().ok_or_else(|| format!("{keyword} takes a list"));
        let ok = match keyword.as_str() {
            "$schema" | "$id" | "$defs" | "title" | "description" => true,
            "$ref" => {
                let pointer = rule.as_str().and_then(|rule| rule.strip_prefix('#')).ok_or("a reference within")?;
                valid(root, root.pointer(pointer).ok_or("a definition")?, value)?;
                true
            }
            "oneOf" | "anyOf" => {
                let results: Vec<_> = list()?.iter().map(|one| valid(root, one, value)).collect();
                let fitting = results.iter().filter(|result| result.is_ok()).count();
                if fitting == 0 || (keyword == "oneOf" && fitting > 1) {
                    return Err(format!("{fitting} of {keyword} fit: {results:?}"));
                }
                true
            }
            "type" => match rule {
                Value::Array(types) => types.iter().any(|one| is_type(one, value)),
                one => is_type(one, value),
            },
            "const" => value == rule,
            "enum" => list()?.contains(value),
            "minimum" => value.as_f64().zip(rule.as_f64()).is_none_or(|(value, least)| value >= least),
            "maximum" => value.as_f64().zip(rule.as_f64()).is_none_or(|(value, most)| value <= most),
            "required" => list()?.iter().filter_map(Value::as_str).all(|name| value.get(name).is_some()),
            "properties" => {
                for (name, one) in rule.as_object().ok_or("properties")? {
                    if let Some(field) = value.get(name) {
                        valid(root, one, field).map_err(|why| format!("{name}: {why}"))?;
                    }
                }
                true
            }
            "additionalProperties" if rule.is_object() => {
                for field in value.as_object().into_iter().flat_map(|fields| fields.values()) {
                    valid(root, rule, field)?;
                }
                true
            }
            "additionalProperties" => {
                let known = fields.get("properties").and_then(Value::as_object).ok_or("properties")?;
                value.as_object().is_none_or(|value| value.keys().all(|name| known.contains_key(name)))
            }
            "items" => {
                for item in value.as_array().into_iter().flatten() {
                    valid(root, rule, item)?;
                }
                true
            }
            other => return Err(format!("the keyword {other} is not known here")),
        };
        if !ok {
            return Err(format!("{value} is not by {keyword} {rule}"));
        }
    }
    Ok(())
}

fn is_type(name: &Value, value: &Value) -> bool {
    match name.as_str() {
        Some("null") => value.is_null(),
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        _ => false,
    }
}
