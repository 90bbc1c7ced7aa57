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
    (r#"print(f"x is {x:.2f} {{a}}");"#, "print(`x is ${fixed(x, 2)} {a}`);"),
    (r#"if __name__ == "__main__": main()"#, "main()"),
    ("for k, v in a.b.items() { print(k); }", "for k in a.b.keys() { let v = a.b[k]; print(k); }"),
    (r#"icmp::ping("a");"#, r#"icmp::open("a").ping("a", 1.s);"#),
    (r#"pinger("a", 5);"#, r#"pinger(icmp::open("a"), "a", #{ count: 5 });"#),
    ("ping 127.0.0.1", r#"icmp::open("127.0.0.1").ping("127.0.0.1", 1.s)"#),
    (r#"net.host("a", "10.0.0.9");"#, r#"net.host("a", #{ addr: "10.0.0.9" });"#),
    ("[1, 2].sum()", "[1, 2].reduce(|sum, x| sum + x, 0)"),
    ("if random() < 20% { }", "if random() < 20 / 100.0 { }"),
    (r#"let data = b"abc";"#, r#"let data = "abc".to_blob();"#),
    (r#"let path = r"a\b";"#, r"let path = `a\b`;"),
    ("let s = 'hello';", r#"let s = "hello";"#),
    (r#"print("%d of %s" % (a, b.name));"#, "print(`${a} of ${b.name}`);"),
    (r#"print("x is %d" % x);"#, "print(`x is ${x}`);"),
    (r#"print("{} is {}".format(a, 2));"#, "print(`${a} is ${2}`);"),
    (r#"print("=" * 20);"#, r#"print("=".repeat(20));"#),
    (r#"print(20 * "=");"#, r#"print("=".repeat(20));"#),
    (r#"print("x:", x, end="");"#, "print(`x: ${x}`);"),
    (r#"print("a", end="");"#, r#"print("a");"#),
    (r#"print("%.1f ms", x);"#, "print(`${fixed(x, 1)} ms`);"),
    (r#"print("{1} {0:.2f} {n}".format(a, b, n=c));"#, "print(`${b} ${fixed(a, 2)} ${c}`);"),
    (r#"console.log("a", 1);"#, "print(`a ${1}`);"),
    (r#"println!("x {}", 5);"#, "print(`x ${5}`);"),
    (r#"raise ValueError("a");"#, r#"throw "a";"#),
    ("raise ValueError();", r#"throw "ValueError";"#),
    ("for k, v in d.items() { print(k); }", "for k in d.keys() { let v = d[k]; print(k); }"),
    ("for i, x in enumerate(l): print(x)", "for (x, i) in l { print(x) }"),
    ("if isinstance(x, int) { }", r#"if type_of(x) == "integer" { }"#),
    (r#"assert(c, "m");"#, r#"expect(c, true, "m");"#),
    (r#"assert x == 1, "m""#, r#"expect(x, 1, "m")"#),
    ("assert x > 1", "expect(x > 1, true)"),
    ("l[1:-1]", "l.extract(1..l.len - 1)"),
    ("l[::-1]", "l.reverse()"),
    ("l[::2]", "let list = []; for i in range(0, l.len, 2) { list.push(l[i]); }"),
    ("data, addr = sock.recvfrom(1024);", "let pkt = sock.recv(); let data = pkt.data; let addr = pkt.from;"),
    ("let conn, addr = s.accept();", "let conn = s.accept(); let addr = conn.peer;"),
    (r#"a, b = struct.unpack("!HI", data);"#, "let r = reader(data); let a = r.u16(); let b = r.u32();"),
    (r#"let n = struct.unpack("<h", data)[0];"#, "let n = reader(data).i16_le();"),
    (r#"struct.pack("!2BH", 8, 0, n);"#, "bytes().u8(8).u8(0).u16(n);"),
    ("let x = 1; let y = 2; x, y = y, x;", "let x = 1; let y = 2; let old = x; x = y; y = old;"),
    ("let (a, b) = (1, 2);", "let a = 1; let b = 2;"),
    ("a, b = f(1);", "let list = f(1); let a = list[0]; let b = list[1];"),
    (r#"print("a" if c else "b");"#, r#"print(if c { "a" } else { "b" });"#),
    ("if not x: print(1)", "if !x { print(1) }"),
    ("def f(a=1): return a", "fn f(a) { return a }"),
    (r#"s.bind(("", 12000));"#, r#"let s = udp::bind("0.0.0.0:12000");"#),
    ("s.connect((host, port));", "let s = tcp::connect(`${host}:${port}`);"),
    ("threading.Thread(target=serve, args=(conn, 1)).start();", "start_thread(|| serve(conn, 1));"),
    ("with f(1) as s: s.g()", "let s = f(1); s.g()"),
    ("if x is not None { }", "if x != () { }"),
    ("let l = list(map(lambda x: x + 1, l));", "let l = l.map(|x| x + 1);"),
    ("if (x == 5) print(1);", "if x == 5 { print(1); }"),
    ("while (x) break;", "while x { break; }"),
    ("loss(10%)", "loss(10 / 100.0)"),
    ("go f(1)", "start_thread(|| f(1))"),
    ("let mut x = 5;", "let x = 5;"),
    ("x := 5", "let x = 5"),
    ("let f = fn(x) { x };", "let f = |x| { x };"),
    ("round(x, 2)", "fixed(x, 2)"),
    (r#"d.get("a", 0)"#, r#"d.get("a") ?? 0"#),
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
