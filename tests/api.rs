//! What scripts can call, function by function: each is documented where it is registered, and each example runs.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use common::{binary, pingscript, require_lab_or_skip};
use pingscript::bindings::context::Programs;
use pingscript::bindings::error::ScriptResult;
use pingscript::bindings::finish;
use pingscript::engine::check::check;
use pingscript::engine::help::{Form, examples};
use pingscript::engine::programs::ScriptHost;
use pingscript::engine::run::{Job, context};
use pingscript::net::host::threads::STACK;
use rhai::Dynamic;

/// What is missing in a documentation.
fn missing(form: &Form) -> Option<&'static str> {
    let purpose = form.doc.first().map_or("", |line| line.trim());
    if purpose.is_empty() || purpose.starts_with("```") {
        return Some("its documentation does not begin with what it is for");
    }
    if examples(&form.doc).iter().all(|example| example.trim().is_empty()) {
        return Some("its documentation has no example (```rhai … ```)");
    }
    None
}

#[test]
fn every_native_is_documented_and_every_example_runs() {
    let host = Arc::new(ScriptHost::new());
    // The helper of labs is the binary itself.
    pingscript::net::lab::use_helper(binary().to_owned());
    let labs = require_lab_or_skip("examples with labs");
    let natives: Vec<&Form> = host.reference().ours().flat_map(|entry| &entry.forms).collect();
    let registered = host.engine().collect_fn_metadata(None, |_| Some(()), false).len();
    assert!(natives.len() == registered && registered > 100, "{} of {registered} natives seen", natives.len());
    let mut failures: Vec<String> = natives
        .iter()
        .filter_map(|native| missing(native).map(|missing| format!("{}: {missing}", native.signature)))
        .collect();
    // Forms of a function may share their documentation: each example runs once.
    let mut all: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for native in &natives {
        for example in examples(&native.doc).into_iter().filter(|example| labs || !example.contains("lab::")) {
            all.entry(example).or_default().insert(&native.signature);
        }
    }
    // One after the other: several at a time could take each other's free ports. On a thread with a script's stack.
    let failed = std::thread::scope(|scope| {
        let run_all = || {
            let checker = ScriptHost::for_checking();
            let run = |(number, (example, of)): (usize, (&String, &BTreeSet<&str>))| {
                let names: Vec<&str> = of.iter().copied().collect();
                let name = format!("example {}", number + 1);
                let check = || Some(check(&checker, &name, example).join("\n")).filter(|found| !found.is_empty());
                let why = run(&host, &name, example).err().or_else(check)?;
                Some(format!("{}:\n{example}{why}", names.join(" and ")))
            };
            all.iter().enumerate().filter_map(run).collect::<Vec<String>>()
        };
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, run_all).expect("a thread");
        thread.join().expect("no example panics")
    });
    failures.extend(failed);
    assert!(failures.is_empty(), "{} failures:\n\n{}\n", failures.len(), failures.join("\n\n"));
}

#[test]
fn messages_name_types_as_scripts_do() {
    for (code, form) in [
        ("udp::bind(true)", "udp::bind(local: string, options: map)"),
        ("udp::bind(\"127.0.0.1:0\").recv(\"x\")", "UdpSocket.recv(deadline: Timestamp)"),
        ("udp::bind(\"127.0.0.1:0\").recv(\"x\")", "UdpSocket.recv(timeout: Duration)"),
        ("udp::bind(\"127.0.0.1:0\").ping(1)", "UdpSocket.ping(to, message, options: map)"),
        ("set_policy(1, 2)", "set_policy(socket: UdpSocket, policy)"),
        ("set_policy(1, 2)", "set_policy(listener: Listener, policy)"),
        ("option(1)", "option(name: string, default, help: string)"),
        ("options(1)", "options(list: array)"),
        ("start_thread(1)", "start_thread(closure: closure)"),
        ("ticks(true)", "ticks(count: integer, interval: Duration)"),
        ("stats().percentile(\"x\")", "Stats.percentile(percent: float)"),
        ("loss(\"x\")", "loss(p: float)"),
        ("resolve(1)", "resolve(name: string, version: string)"),
    ] {
        let run = pingscript(&["-e", code]).run().expect_code(3);
        let words: BTreeSet<&str> = run.stderr.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
        let of_rust = ["str", "i64", "f64", "Dynamic", "FnPtr", "ImmutableString", "NativeCallContext", "Map", "Array"];
        assert!(run.stderr.contains(form), "{code}: no `{form}` in\n{}", run.stderr);
        assert!(of_rust.iter().all(|name| !words.contains(name)), "{code}: a name of Rust in\n{}", run.stderr);
    }
}

#[test]
fn what_ends_a_script_gives_its_exit_code() {
    for (code, exit) in [
        ("1 + 1", 0),
        ("exit()", 0),
        ("exit(7)", 7),
        ("fn leave() { exit(9) } leave(); 1", 9),
        ("return 5; exit(1)", 0),
        ("options([ option(\"count\", 5, \"how many\") ])", 0),
        ("1 + ", 3),
        ("throw \"no\"", 3),
        ("expect(1 + 1, 3)", 5),
        ("start_thread(|| expect(1 + 1, 3)); 1", 5),
        ("start_thread(|| throw \"no\"); 1", 3),
    ] {
        pingscript(&["-e", code]).run().expect_code(exit);
    }
    let wrong = ["-e", "options([ option(\"count\", 5, \"how many\") ])", "--cuont", "5"];
    pingscript(&wrong).run().expect_code(2);
}

/// Runs an example as the command line would run a script.
fn run(host: &Arc<ScriptHost>, name: &str, example: &str) -> Result<(), String> {
    let job = Job { name: name.into(), text: example.into(), seed: Some(1), ..Job::default() };
    let program = host.compile(&job.name, example).map_err(|error| host.describe_parse(&job.name, &error).text)?;
    let context = context(host, &job).map_err(|error| error.to_string())?;
    let result: ScriptResult<Dynamic> = host.run(&program, &context);
    finish(&context);
    if let Err(error) = result {
        if let rhai::EvalAltResult::Exit(code, _) = *error {
            return Err(format!("it ended with exit code {code}; what `expect` found is above"));
        }
        return Err(host.describe(&job.name, &error, Some(&program)).text);
    }
    let failed = [context.run.failed.load(Ordering::Relaxed) > 0, context.run.unexpected.load(Ordering::Relaxed)];
    match failed.contains(&true) {
        true => Err("a thread of it failed; its error is above".to_string()),
        false => Ok(()),
    }
}

/// The names of types that scripts see, of the language's own and of all objects: those that errors and the help have.
#[test]
fn type_of_names_types_as_errors_do() {
    let own = r#"
        let values = [1, 1.0, 'a', "a", true, (), [], #{}, blob(1), 1..2, 1..=2, |x| x, timestamp()];
        let names = ["integer", "float", "character", "string", "bool", "()", "array", "map", "blob", "range", "range", "closure", "Timestamp"];
        expect(values.map(|value| type_of(value)), names);
        fn int.doubled() { this * 2 }
        fn integer.halved() { if this > 1 { this / 2 } else { 0 } }
        fn float.squared() { this * this }
        expect([4.doubled(), 4.halved(), 1.5.squared()], [8, 2, 2.25]);
    "#;
    pingscript(&["-e", own]).run().expect_code(0);
    let host = ScriptHost::new();
    let reference = host.reference();
    for entry in reference.ours().filter(|entry| !entry.of.is_empty()) {
        let plain = entry.of.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') || entry.of == "()";
        assert!(plain && !["i64", "f64", "char", "Fn", "FnPtr"].contains(&&*entry.of), "{}", entry.title);
    }
}

/// Forms whose examples can check nothing, and why.
const UNCHECKED: [(&str, &str); 4] = [
    ("Host.shell() -> Finished", "it takes the terminal, until a user leaves the shell"),
    ("answer(text: string)", "it prints"),
    (
        "argument(name: string, help: string) -> DeclaredOption",
        "it must be given, and an example is given no arguments",
    ),
    ("help()", "it prints"),
];

#[test]
fn examples_check_what_they_show() {
    let host = ScriptHost::new();
    let checks = |form: &&Form| {
        examples(&form.doc).iter().any(|example| example.contains("expect(") || example.contains("check("))
    };
    let forms = host.reference().ours().flat_map(|entry| &entry.forms);
    let unchecked: BTreeSet<&str> = forms.filter(|form| !checks(form)).map(|form| form.signature.as_str()).collect();
    assert_eq!(unchecked, UNCHECKED.iter().map(|(form, _)| *form).collect(), "examples that check nothing");
}
