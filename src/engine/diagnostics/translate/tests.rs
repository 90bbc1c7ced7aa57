//! Forms of other languages and what they become.

use super::*;

fn translated(script: &str) -> String {
    let (scan, names) = (Scan::new(script), Names::default());
    Translator::new(&scan, &names).plain(0, scan.tokens.len())
}

#[test]
fn forms_of_other_languages_become_ours() {
    for (theirs, ours) in FORMS {
        assert_eq!(translated(theirs), *ours, "{theirs}");
        assert_eq!(translated(ours), *ours, "what is right stays");
    }
}

#[test]
fn every_cut_is_read() {
    for (theirs, _) in FORMS {
        for (end, _) in theirs.char_indices() {
            translated(&theirs[..end]);
        }
    }
}

#[rustfmt::skip]
const FORMS: &[(&str, &str)] = &[
    (r#"print(f"x is {x:.2f} {{a}}");"#, "print(`x is ${x} {a}`);"),
    (r#"let data = b"abc";"#, r#"let data = "abc".to_blob();"#),
    (r#"let path = r"a\b";"#, r"let path = `a\b`;"),
    ("let s = 'hello';", r#"let s = "hello";"#),
    (r#"print("%d of %s" % (a, b.name));"#, "print(`${a} of ${b.name}`);"),
    (r#"print("x is %d" % x);"#, "print(`x is ${x}`);"),
    (r#"print("{} is {}".format(a, 2));"#, "print(`${a} is ${2}`);"),
    (r#"print("=" * 20);"#, r#"print("=".repeat(20));"#),
    (r#"print(20 * "=");"#, r#"print("=".repeat(20));"#),
    (r#"print("x:", x, end="");"#, "print(`x: ${x}`);"),
    (r#"print "x""#, r#"print("x")"#),
    ("f(timeout=1.s)", "f(#{ timeout: 1.s })"),
    (r#"s.ping(s.addr, "x", { timeout: 1.s });"#, r#"s.ping(s.addr, "x", #{ timeout: 1.s });"#),
    (r#"let m = {"a": 1, "b c": {"d": 2}};"#, r#"let m = #{a: 1, "b c": #{d: 2}};"#),
    ("let m = {};", "let m = {};"),
    (r#"udp::bind("127.0.0.1", 11000)"#, r#"udp::bind("127.0.0.1:11000")"#),
    (r#"udp::bind(("127.0.0.1", 11000))"#, r#"udp::bind("127.0.0.1:11000")"#),
    ("tcp::connect(host, port)", "tcp::connect(`${host}:${port}`)"),
    ("udp::bind(11000)", r#"udp::bind("127.0.0.1:11000")"#),
    ("start_thread(serve(conn));", "start_thread(|| serve(conn));"),
    ("let a = (1, 2);", "let a = [1, 2];"),
    ("l[1:3]", "l.extract(1..3)"),
    ("l[:3]", "l.extract(0..3)"),
    ("l[1:]", "l.extract(1)"),
    (r#""abc"[1:3]"#, r#""abc".sub_string(1..3)"#),
    ("if x in [1] and not y or z { }", "if x in [1] && !y || z { }"),
    ("if a { b } elif c { d }", "if a { b } else if c { d }"),
    ("if a { pass() } else { pass }", "if a { pass() } else { pass() }"),
    ("for i in range(5): print(i)", "for i in 0..5 { print(i) }"),
    ("for i, x in enumerate(l) { }", "for (x, i) in l { }"),
    ("for (int i = 0; i < n; i++) { }", "for i in 0..n { }"),
    ("def f(x): return x", "fn f(x) { return x }"),
    ("let f = lambda a, b: a + b;", "let f = |a, b| a + b;"),
    ("let f = (a, b) => a + b;", "let f = |a, b| a + b;"),
    ("let f = x -> x + 1;", "let f = |x| x + 1;"),
    ("try { a } except Exception as e { b }", "try { a } catch (e) { b }"),
    ("try { a } except e { print(e); }", "try { a } catch (e) { print(e); }"),
    ("try { a } except (e) { print(e); }", "try { a } catch (e) { print(e); }"),
    ("try { a } except IOError, e { print(e); }", "try { a } catch (e) { print(e); }"),
    ("try { a } except ValueError { b }", "try { a } catch { b }"),
    ("try { a } except (OSError, ValueError) { b }", "try { a } catch { b }"),
    ("try { a } except socket.timeout { b }", "try { a } catch { b }"),
    ("let x = None; let y = True;", "let x = (); let y = true;"),
    ("let x = a if b else c;", "let x = if b { a } else { c };"),
    ("let x = a > 1 ? b : c;", "let x = if a > 1 { b } else { c };"),
    ("let x = [i * 2 for i in range(5)];", "let x = []; for i in 0..5 { x.push(i * 2); }"),
    ("int x = 5;", "let x = 5;"),
    ("const int N = 5;", "const N = 5;"),
    ("let x: int = 5;", "let x = 5;"),
    ("fn f(x: int, y) -> int { x }", "fn f(x, y) { x }"),
    ("i++;", "i += 1;"),
    ("time.sleep(1);", "sleep(1.s);"),
    ("time.sleep(0.5);", "sleep(0.5.s);"),
    ("Thread.sleep(100);", "sleep(100.ms);"),
    ("s.recv(300);", "s.recv();"),
    ("if not x == 3 and y { }", "if !(x == 3) && y { }"),
    ("if q not in l or y { }", "if !(q in l) || y { }"),
    ("if not a or b { }", "if !a || b { }"),
    ("random.randint(0, 10)", "random(0, 10)"),
    ("print(“hi” – 3 × x);", r#"print("hi" - 3 * x);"#),
    ("raise \"x\";", "throw \"x\";"),
    ("throw new Error(\"x\");", "throw \"x\";"),
    ("s.sendto(\"x\", (\"127.0.0.1\", 5));", "s.send_to(\"x\", \"127.0.0.1:5\");"),
    ("s.recv(1024)", "s.recv()"),
    ("if 1 not in x { }", "if !(1 in x) { }"),
    ("sleep(10 ms)", "sleep(10.ms)"),
    ("sleep(1.seconds)", "sleep(1.s)"),
    ("printf(\"%d\\n\", 5)", "print(`${5}`)"),
    ("while True: print(1)", "while true { print(1) }"),
    ("f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(1))))))))))))))))", "f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(f(1))))))))))))))))"),
];
