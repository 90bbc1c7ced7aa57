//! Messages for values that do not fit.

#[test]
fn messages() {
    super::check(&CASES);
}

/// Script, and the whole message for it.
const CASES: [(&str, &str); 28] = [
    (
        r#"let opt = #{ timeout: 1.s };
print(opt.timeot);"#,
        r#"
error: the map has no field `timeot`
  --> main.rhai:2:11
    2 | print(opt.timeot);
      |           ^
  hint: did you mean `timeout`?
  hint: for a field that may be missing: m.get("timeot") ?? default
"#,
    ),
    (
        r#"let sock = udp::bind("x");
print(sock.timeot);"#,
        r#"
error: a Socket has no property `timeot`
  --> main.rhai:2:12
    2 | print(sock.timeot);
      |            ^
  hint: did you mean `timeout`?
  hint: its properties: local, timeout
"#,
    ),
    (
        r#"let sock = udp::bind("x");
print(sock.recv);"#,
        r#"
error: a Socket has no property `recv`
  --> main.rhai:2:12
    2 | print(sock.recv);
      |            ^
  hint: `recv` is a method: write .recv(…)
"#,
    ),
    (
        r#"let sock = udp::bind("x");
sock.timeout = 5;"#,
        r#"
error: `timeout` of a Socket takes a Duration, not an integer
  --> main.rhai:2:6
    2 | sock.timeout = 5;
      |      ^
  hint: give the number its unit: `1.s` or `250.ms`
"#,
    ),
    (
        r#"let sock = udp::bind("x");
sock.local = 5;"#,
        r#"
error: `local` of a Socket can be read, but not set
  --> main.rhai:2:6
    2 | sock.local = 5;
      |      ^
  hint: it can set: timeout
"#,
    ),
    (
        r#"let sock = udp::bind("x");
sock[0];"#,
        r#"
error: a Socket has no items to take with [integer]
  --> main.rhai:2:5
    2 | sock[0];
      |     ^
  hint: its properties: local, timeout
"#,
    ),
    (
        r#"let x = 5;
if x { print(x) }"#,
        r#"
error: a bool is needed here, not an integer
  --> main.rhai:2:4
    2 | if x { print(x) }
      |    ^
  hint: a condition must be true or false: compare the number, as in x != 0
"#,
    ),
    (
        r#"let list = [1, 2];
print(list[2]);"#,
        r#"
error: no item 2: the list has 2 items
  --> main.rhai:2:12
    2 | print(list[2]);
      |            ^
  hint: they are numbered from 0 to 1; -1 is the last
"#,
    ),
    (
        r#"let text = "";
print(text[0]);"#,
        r#"
error: no character 0: the text is empty
  --> main.rhai:2:12
    2 | print(text[0]);
      |            ^
  hint: ask first: if text.len() > 0
"#,
    ),
    (
        r#"let list = [1, 2];
print(list["a"]);"#,
        r#"
error: an integer is needed here, not a string
  --> main.rhai:2:12
    2 | print(list["a"]);
      |            ^
  hint: items of an array are numbered from 0; a map has names as keys
"#,
    ),
    (
        r#"for i in 5 { }"#,
        r#"
error: `for` cannot go through a number
  --> main.rhai:1:10
    1 | for i in 5 { }
      |          ^
  hint: to repeat something n times write: for i in 0..n
"#,
    ),
    (
        r#"let n = 5;
for i in n { }"#,
        r#"
error: `for` cannot go through this value
  --> main.rhai:2:10
    2 | for i in n { }
      |          ^
  hint: it goes through arrays, the keys of maps (m.keys()), texts' .chars(), ranges (0..5) and objects that give one item after another
  hint: to repeat something n times write: for i in 0..n
"#,
    ),
    (
        r#"print(1 / 0);"#,
        r#"
error: division by zero
  --> main.rhai:1:9
    1 | print(1 / 0);
      |         ^
  hint: ask first whether the divisor is 0, as in: if n > 0 { sum / n }
"#,
    ),
    (
        r#"print(9223372036854775807 + 1);"#,
        r#"
error: the number is too large: 9223372036854775807 + 1
  --> main.rhai:1:27
    1 | print(9223372036854775807 + 1);
      |                           ^
  hint: integers reach from -9223372036854775808 to 9223372036854775807; floats further: x.to_float()
"#,
    ),
    (
        r#"print(parse_int("12x"));"#,
        r#"
error: `12x` is not a number
  --> main.rhai:1:7
    1 | print(parse_int("12x"));
      |       ^
  hint: remove blanks with .trim() first, or catch the error: try { … } catch { … }
"#,
    ),
    (
        r#"let sock = udp::bind("x");
sock.serve(|| sock.recv(1.s));"#,
        r#"
error: `serve` is given a value that is in use
  --> main.rhai:2:6
    2 | sock.serve(|| sock.recv(1.s));
      |      ^
  hint: with a closure that uses the object itself, call it as a function: serve(sock, |…| …), not sock.serve(|…| …)
"#,
    ),
    (
        r#"race();"#,
        r#"
error: a variable is used by two threads at once
  --> main.rhai:1:1
    1 | race();
      | ^
  hint: do not share variables between threads: share a counter() or a channel()
"#,
    ),
    (
        r#"const LIST = [1];
LIST.push(2);"#,
        r#"
error: `push` would change a constant
  --> main.rhai:2:6
    2 | LIST.push(2);
      |      ^
  hint: declare it with let instead of const
"#,
    ),
    (
        r#"loop { }"#,
        r#"
error: the script has used up the operations it may take
  --> main.rhai:1:6
    1 | loop { }
      |      ^
  hint: does a loop never end? Give it a `break`, or a condition that becomes false
"#,
    ),
    (
        r#"let text = "a";
loop { text += text; }"#,
        r#"
error: the text grows too large
  --> main.rhai:2:13
    2 | loop { text += text; }
      |             ^
  hint: does a loop add to it without end? Keep a count or stats() instead of every value
"#,
    ),
    (
        r#"let list = [];
loop { list.push(1); }"#,
        r#"
error: the array or blob grows too large
  --> main.rhai:2:13
    2 | loop { list.push(1); }
      |             ^
  hint: does a loop add to it without end? Keep a count or stats() instead of every value
"#,
    ),
    (
        r#"stop();"#,
        r#"
error: the script was stopped: SIGTERM
  --> main.rhai:1:1
    1 | stop();
      | ^
"#,
    ),
    (
        r#"refuse();"#,
        r#"
error: port 53 needs a permission
  --> main.rhai:1:1
    1 | refuse();
      | ^
  hint: run as root, or take a port above 1023
"#,
    ),
    (
        r#"throw "the server is silent";"#,
        r#"
error: the server is silent
  --> main.rhai:1:1
    1 | throw "the server is silent";
      | ^
"#,
    ),
    (
        r#"throw #{ kind: "late", message: "no reply came", count: 3 };"#,
        r#"
error: no reply came (count: 3, kind: late)
  --> main.rhai:1:1
    1 | throw #{ kind: "late", message: "no reply came", count: 3 };
      | ^
"#,
    ),
    (
        r#"throw;"#,
        r#"
error: the script threw an error without a message
  --> main.rhai:1:1
    1 | throw;
      | ^
  hint: say what went wrong: throw "…"
"#,
    ),
    (
        r#"throw 42;"#,
        r#"
error: the script threw: 42
  --> main.rhai:1:1
    1 | throw 42;
      | ^
"#,
    ),
    (
        r#"try { [][0] } catch (err) { throw err; }"#,
        r#"
error: no item 0: the list is empty
  --> main.rhai:1:10
    1 | try { [][0] } catch (err) { throw err; }
      |          ^
  thrown again at main.rhai:1:29
  hint: ask first: if list.len() > 0
"#,
    ),
];
