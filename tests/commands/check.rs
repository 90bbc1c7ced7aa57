//! `--check` checks without running.

use super::*;

#[test]
fn check_finds_nothing_wrong_with_what_is_right() {
    let all: Vec<String> = SHIPPED.iter().map(|(file, _)| format!("scripts/{file}")).collect();
    let run = pingscript(&[&["--check".to_string()][..], &all].concat()).run().expect_code(0);
    assert_eq!(run.stderr, "");
    assert_eq!(run.stdout, all.iter().map(|file| format!("{file}: no errors found\n")).collect::<String>());
    let dir = TempDir::new();
    let names = ["--check", "udp_ping", "examples/dns_query"];
    let run = pingscript(&names).dir(dir.path()).run().expect_code(0);
    assert!(run.stdout.starts_with("scripts/udp_ping.rhai: no errors found\n"), "{}", run.stdout);
    let run = pingscript(&["--check", "-"]).stdin("let x = 1; print(x)").run().expect_code(0);
    assert_eq!(run.stdout, "stdin: no errors found\n");
    // Nothing is run.
    let run = pingscript(&["--check", "-"]).stdin("print(1); exit(7)").run().expect_code(0);
    assert_eq!(run.stdout, "stdin: no errors found\n");

    for script in RIGHT {
        assert_eq!(found("main.rhai", script), [""; 0], "{script}");
    }
}

/// Scripts without fault that look as if they had one.
const RIGHT: [&str; 31] = [
    "const C = #{ a: 1 }; let f = || { C.a = 2; C }; f.call()",
    "const C = #{ a: 1 }; let D = C; D.a = 2; { let C = #{}; C.a = 3; }",
    "const C = #{ a: 1 }; fn f(C) { C.a = 2; C } f(#{})",
    "const C = \"abc\"; C[0] = 'x'; const D = \"abc\".to_upper(); D[0] = 'x'",
    "const C = #{ a: 1 }; try { C.a = 2 } catch { }",
    "try { start(\"not_there.rhai\"); } catch (e) { print(e.kind) }",
    "",
    "1",
    "let f = |x| x; f.call(1); f.call(1, 2);",
    "let id = 1; fn g() { 2 } let f = |r| r == id; f.call(g())",
    "let a = 1; let f = || { let g = || a + 1; g.call() }; f.call()",
    "let o = #{ run: |x| x }; o.run(1);",
    "let o = #{}; o.run = |a, b| a; o.run(1, 2);",
    "let o = #{}; o[\"run\"] = |a, b| a; o.run(1, 2);",
    "let o = #{ send: || 1 }; o.send();",
    "fn double() { this * 2 } let n = 2; n.double();",
    "fn apply(object) { object.handle(1) }",
    "fn f(n) { if n == 0 { 0 } else { f(n - 1) } } let g = f; let h = Fn(\"f\"); g.call(3) + h.call(2)",
    "const N = 3; fn f() { global::N } f()",
    "let x = 5; { let y = x; y } let f = |a| { let b = a; for i in 0..b { x += i; } }; f.call(1)",
    "try { throw 1 } catch (e) { print(e) }",
    "for (item, index) in [1, 2] { print(`${item} ${index}`); }",
    "switch 3 { 1 | 2 => print(1), 3 if true => (), 4..9 => (), _ => print(2) }",
    "let s = \"abc\"; s.len; s.len(); len(s); s.to_upper().sub_string(1).contains(\"b\"); \"a\" in s; 3 in [1, 2]",
    "is_def_var(\"zzz\"); is_def_fn(\"zzz\", 2); type_of(1); let d = 1.s + 20.ms; d.ms",
    "if false { let x = 1; print(x) } while false { } do { } until true; loop { break; }",
    "let list = [3, 1]; list.sort(|a, b| a - b); list.map(|x| x + 1).filter(|x| x > 1).reduce(|a, b| (a ?? 0) + b)",
    "const OPT = options([ option(\"a-b\", 1, \"\").at_least(0), flag(\"q\", \"\") ]); OPT[\"a-b\"]; OPT.q; OPT.q.to_string()",
    "let all = [option(\"a\", 1, \"\")]; const OPT = options(all); OPT.whatever",
    "let OPT = #{ any: 1 }; { let OPT = options([ flag(\"q\", \"\") ]); OPT.q; } OPT.any",
    "import `${\"some\"}where` as m; m::anything(1, 2, 3); print(m::CONSTANT)",
];

#[test]
fn check_reports_all_errors_of_a_file_with_their_places() {
    let script = "\
let sock = udp::bnd(\"127.0.0.1:0\");
let n = upd::bind(1);
fn broken( { let x = 1; }
print(undeclared);
sock.reccv(1.s);
let y = 1 let z = 2;
print(y + z);
fn half(n) { n / 2 }
half(1, 2);
let policy = |pkt| if pkt.len > limit { dorp() } else { pass(1) };
random(1, 2, 3);
}
print(`${unknwon}`);
";
    let dir = TempDir::new();
    dir.write("bad.rhai", script);
    let run = pingscript(&["--check", "bad.rhai"]).dir(dir.path()).run().expect_code(3);
    let found: Vec<(&str, &str)> = run
        .stderr
        .split("error: ")
        .skip(1)
        .filter_map(|part| part.split_once("\n  --> bad.rhai:"))
        .map(|(message, rest)| (message, rest.lines().next().unwrap_or_default()))
        .collect();
    let expected = [
        ("no function `udp::bnd`", "1:17"),
        ("no namespace `upd`", "2:9"),
        ("no variable `undeclared` is known here", "4:7"),
        ("nothing has a method `reccv`", "5:6"),
        ("a `;` is missing between two statements", "6:11"),
        ("`half` takes 1 argument, not 2", "9:1"),
        ("no variable `limit` is known here", "10:33"),
        ("no function `dorp`", "10:41"),
        ("`pass` takes 0 arguments, not 1", "10:57"),
        ("`random` takes 0 or 2 arguments, not 3", "11:1"),
        ("`}` closes nothing", "12:1"),
        ("no variable `unknwon` is known here", "13:10"),
    ];
    let of_line_3 = found.iter().filter(|(_, place)| place.starts_with("3:")).count();
    assert_eq!(of_line_3, 1, "{}", run.stderr);
    let found: Vec<_> = found.into_iter().filter(|(_, place)| !place.starts_with("3:")).collect();
    assert_eq!(found, expected, "{}", run.stderr);
    for words in [
        "    1 | let sock = udp::bnd(\"127.0.0.1:0\");\n      |                 ^\n  hint: did you mean `udp::bind`?",
        "hint: did you mean `recv`?",
        "hint: did you mean `drop`?",
        "hint: it is called as half(n)",
        "bad.rhai: 13 errors\n",
    ] {
        assert!(run.stderr.contains(words), "no {words:?} in\n{}", run.stderr);
    }
    assert_eq!(run.stdout, "");
}

#[test]
fn check_knows_options_files_and_modules() {
    let dir = TempDir::new();
    let main = dir.path().join("main.rhai").to_str().expect("a path in UTF-8").to_string();
    dir.write("tools.rhai", "fn twice(n) { n * 2 } private fn own() { 1 } export const N = 2;");
    dir.write("torn.rhai", "fn twice(n) { n * ");
    for (script, expected) in [
        ("const OPT = options([ ask(\"count\", 5, \"\").at_least(1) ]); OPT.cuont", "declares no option `cuont`"),
        ("const OPT = options([ ask(\"count\", 5, \"\") ]); OPT[\"cuont\"]", "hint: did you mean `count`?"),
        (
            "const OPT = options([ flag(\"quiet\", \"\") ]); fn f() { global::OPT.quite } f()",
            "hint: its options: quiet",
        ),
        (
            "const OPT = options([ flag(\"quiet\", \"\") ]); fn f() { global::OTP.quiet } f()",
            "no global constant `OTP`",
        ),
        ("policy(\"gilbret:p=0.1\")", "hint: did you mean `gilbert`?"),
        ("start(\"udp_sever.rhai\", [])", "hint: did you mean `udp_server`?"),
        ("import \"nowhere\" as m; m::f()", "import nowhere.rhai: there is no such module"),
        ("import \"../tools\" as m;", "leads out of the script's directory"),
        ("import \"tools\" as tools; tools::twise(1)", "hint: did you mean `tools::twice`?"),
        ("import \"tools\" as tools; tools::twice(1, 2)", "`tools::twice` takes 1 argument, not 2"),
        ("import \"tools\" as tools; tools::own()", "no function `tools::own`"),
        ("import \"torn\" as t; t::twice(1)", "torn.rhai:1:19"),
        ("import \"tools\" as tools; tolos::twice(1)", "no namespace `tolos`"),
        ("Fn(\"nothing\")", "no function `nothing`"),
        ("fn f(a) { a } f(1, 2)", "`f` takes 1 argument, not 2"),
        ("fn f() { x } let x = 1; f()", "functions do not see variables declared outside them"),
        ("let f = |a| a; f(1)", "`f` is a variable, not a function"),
        ("let sock = udp::bind(\"127.0.0.1:0\"); sock.port()", "`port` is a property: leave out the brackets"),
        ("udp::closed", "nothing in `udp` is called `closed`"),
        ("println(1)", "hint: write: print(1)"),
        ("const C = #{ a: 1 }; C.a = 2", "`C` is a constant and cannot be changed"),
        ("const C = #{ a: [1] }; if true { C.a[0] += 2 }", "`C` is a constant and cannot be changed"),
        ("const C = [1]; C[0] = 2", "hint: declare it with let instead of const: let C = …;"),
        ("const C = [1]; fn f() { global::C[0] = 2 } f()", "`C` is a constant and cannot be changed"),
        ("const C = options([ flag(\"q\", \"\") ]); C.q = true", "`C` is a constant and cannot be changed"),
        ("[1].append_all(2)", "nothing has a method `append_all`"),
        ("let x = ", "error: "),
        ("print(\"open", "this text is never closed"),
    ] {
        let found = found(&main, script);
        assert_eq!(found.len(), 1, "{script}\n{found:?}");
        assert!(found[0].contains(expected), "{script}: no {expected:?} in\n{}", found[0]);
        assert!(found[0].contains("\n  --> "), "{script}: no place in\n{}", found[0]);
    }
    assert_eq!(found(&main, "import \"tools\" as tools; print(tools::twice(tools::N));"), [""; 0]);
}

#[test]
fn every_cut_of_each_script_is_checked_to_an_end() {
    let host = ScriptHost::for_checking();
    for (file, text) in SHIPPED {
        for end in text.char_indices().map(|(at, _)| at).step_by(53) {
            let found = check(&host, file, &text[..end]);
            assert!(found.len() <= 25, "{file} up to {end}: {}", found.join("\n"));
        }
    }
}

#[test]
fn check_says_what_it_cannot_read() {
    let dir = TempDir::new();
    fs::write(dir.path().join("binary.rhai"), [0xff, 0xfe]).expect("written");
    dir.write("good.rhai", "1");
    dir.write("bad.rhai", "nothing()");
    for (args, code, expected) in [
        (&["--check"][..], 2, "pingscript --check FILE…"),
        (&["--check", "nowhere.rhai"], 2, "there is no such script"),
        (&["--check", "."], 2, "is a directory"),
        (&["--check", "binary.rhai"], 2, "it is not text (UTF-8)"),
        (&["--check", "nowhere.rhai", "good.rhai"], 2, "there is no such script"),
        (&["--check", "nowhere.rhai", "bad.rhai", "good.rhai"], 3, "no function `nothing`"),
        (&["--check", "-e", "1"], 2, "cannot be used with"),
    ] {
        let run = pingscript(args).dir(dir.path()).run().expect_code(code);
        assert!(run.stderr.contains(expected), "{args:?}: no {expected:?} in\n{}", run.stderr);
        assert_eq!(run.stdout.contains("good.rhai: no errors found\n"), args.contains(&"good.rhai"), "{args:?}");
    }
}

/// What a check finds in a script.
fn found(name: &str, text: &str) -> Vec<String> {
    check(&ScriptHost::for_checking(), name, text)
}

#[test]
fn check_names_words_of_other_languages_as_a_run_does() {
    let dir = TempDir::new();
    for (text, expected) in [
        ("def f(x) { x }", "`def` is not a word of this language"),
        ("function f(x) { x }", "`function` is not a word of this language"),
        ("import socket\ns = socket.socket()", "there is no module `socket` to import"),
        ("let x = 5; if x > 3 { 1 } elif x > 2 { 2 }", "`elif` is not a word of this language"),
    ] {
        dir.write("wrong.rhai", text);
        for flags in [&["wrong.rhai"][..], &["--check", "wrong.rhai"]] {
            let run = pingscript(flags).dir(dir.path()).run().expect_code(3);
            assert!(run.stderr.starts_with(&format!("error: {expected}\n")), "{flags:?} {text}:\n{}", run.stderr);
        }
    }
}

#[test]
fn check_warns_of_what_can_run_and_is_hardly_meant() {
    let script = r#"print("ping ${1}");"#;
    let run = pingscript(&["--check", "-"]).stdin(script).run().expect_code(0);
    assert_eq!(run.stdout, "stdin: no errors found, 1 warning\n");
    assert_eq!(
        run.stderr,
        "warning: `${` in double quotes is text: no value is put there\n  --> stdin:1:7\n    1 | print(\"ping ${1}\");\n      |       ^\n  hint: write: `ping ${1}`\n\n"
    );
}

#[test]
fn check_warns_beside_errors() {
    let script = "let t = 0; [1].for_each(|x| t += x);\nset_policy(udp::bind(\"127.0.0.1:0\"), |p| if p.num == 1 { drop() });\n\
                  set_policy(udp::bind(\"127.0.0.1:0\"), |p| if p.num == 1 { drop() } else { pass() });\nprint(cuont);";
    let run = pingscript(&["--check", "-"]).stdin(script).run().expect_code(3);
    assert!(run.stderr.ends_with("stdin: 1 error, 3 warnings\n"), "{}", run.stderr);
    for part in [
        "warning: `for_each` gives its closure the number of the item, from 0; the item itself is `this`\n  --> stdin:1:",
        "warning: the policy has no verdict where this condition is false: those packets pass, and it is reported as failing\n  --> stdin:2:",
        "warning: a packet has no property `num`: the policy fails, and the packet passes\n  --> stdin:3:",
        "hint: did you mean `number`?",
    ] {
        assert!(run.stderr.contains(part), "no {part:?} in\n{}", run.stderr);
    }
}

#[test]
fn check_writes_rows_for_other_programs() {
    let dir = TempDir::new();
    dir.write("bad.rhai", "print(\"a ${1}\");\nlet e = /* é */ cuont;\nprint(e)");
    dir.write("good.rhai", "1");
    let run = pingscript(&["--check", "--json", "bad.rhai", "good.rhai"]).dir(dir.path()).run().expect_code(3);
    assert_eq!(run.stderr, "");
    let rows: Vec<serde_json::Value> =
        run.stdout.lines().map(|line| serde_json::from_str(line).expect("a row")).collect();
    assert_eq!(rows.len(), 2, "{}", run.stdout);
    for (row, severity, place, message) in [
        (&rows[0], "error", [2, 17, 2, 22], "no variable `cuont` is known here"),
        (&rows[1], "warning", [1, 7, 1, 15], "`${` in double quotes is text: no value is put there"),
    ] {
        assert_eq!((row["file"].as_str(), row["severity"].as_str()), (Some("bad.rhai"), Some(severity)));
        assert_eq!(row["message"], message);
        let keys = ["line", "column", "end_line", "end_column"];
        assert_eq!(keys.map(|key| row[key].as_i64()), place.map(Some), "{row}");
    }
    assert_eq!(rows[1]["hint"], "write: `a ${1}`");
    let run = pingscript(&["--check", "--json", "nowhere.rhai"]).dir(dir.path()).run().expect_code(2);
    assert!(run.stdout.starts_with("{") && run.stdout.contains("\"line\":null"), "{}", run.stdout);
    let run = pingscript(&["--json", "-", "--check"]).stdin("1").run().expect_code(0);
    assert_eq!(run.stdout, "");
}
