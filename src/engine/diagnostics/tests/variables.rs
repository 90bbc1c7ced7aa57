//! Messages for names that are not known.

#[test]
fn messages() {
    super::check(&CASES);
}

/// Script, and the whole message for it.
const CASES: [(&str, &str); 21] = [
    (
        r#"let count = 1;
print(cuont);"#,
        r#"
error: no variable `cuont` is known here
  --> main.rhai:2:7
    2 | print(cuont);
      |       ^
  hint: did you mean `count`?
"#,
    ),
    (
        r#"let timeout = 1.s;
fn wait() {
	timeout.ms
}
wait();"#,
        r#"
error: no variable `timeout` is known here
  --> main.rhai:3:2
    3 | 	timeout.ms
      | 	^
  hint: functions do not see variables declared outside them, such as the `timeout` of line 1
  hint: pass it as an argument: fn wait(…, timeout); a closure |…| does see it
"#,
    ),
    (
        r#"const LIMIT = 5;
fn over(x) { x > LIMIT }
over(6);"#,
        r#"
error: no variable `LIMIT` is known here
  --> main.rhai:2:18
    2 | fn over(x) { x > LIMIT }
      |                  ^
  hint: functions do not see names declared outside them, such as the const of line 1
  hint: a constant can be read as global::LIMIT
"#,
    ),
    (
        r#"const LIMIT = 5;
fn over(x) { x > global::LIMTI }
over(6);"#,
        r#"
error: no global constant `LIMTI`
  --> main.rhai:2:18
    2 | fn over(x) { x > global::LIMTI }
      |                  ^
  in `over`, called at main.rhai:3:1
  hint: did you mean `global::LIMIT`?
"#,
    ),
    (
        r#"let limit = 5;
fn over(x) { x > global::limit }
over(6);"#,
        r#"
error: no global constant `limit`
  --> main.rhai:2:18
    2 | fn over(x) { x > global::limit }
      |                  ^
  in `over`, called at main.rhai:3:1
  hint: `limit` is declared with let; global:: reaches only what is declared with const
  hint: pass it as an argument, or declare it with const
"#,
    ),
    (
        r#"let fact = |n| if n < 2 { 1 } else { n * fact.call(n - 1) };"#,
        r#"
error: no variable `fact` is known here
  --> main.rhai:1:42
    1 | let fact = |n| if n < 2 { 1 } else { n * fact.call(n - 1) };
      |                                          ^
  hint: `fact` is being declared in line 1 and does not see itself
  hint: for a closure that calls itself, write a function: fn fact(…) { … }
"#,
    ),
    (
        r#"print(total);
let total = 1;"#,
        r#"
error: no variable `total` is known here
  --> main.rhai:1:7
    1 | print(total);
      |       ^
  hint: `total` is declared in line 2: use it after that
"#,
    ),
    (
        r#"if true { let x = 1; }
print(x);"#,
        r#"
error: no variable `x` is known here
  --> main.rhai:2:7
    2 | print(x);
      |       ^
  hint: the `x` of line 1 is known only inside its block or function
        to use it here too, declare it before that: let x = …;
"#,
    ),
    (
        r#"cuont = 5;"#,
        r#"
error: no variable `cuont` is known here
  --> main.rhai:1:1
    1 | cuont = 5;
      | ^
  hint: a new variable is declared with let: let cuont = 5;
"#,
    ),
    (
        r#"let count = 1;
cuont += 1;"#,
        r#"
error: no variable `cuont` is known here
  --> main.rhai:2:1
    2 | cuont += 1;
      | ^
  hint: did you mean `count`?
"#,
    ),
    (
        r#"let p = loss;"#,
        r#"
error: `loss` is a function, not a variable
  --> main.rhai:1:9
    1 | let p = loss;
      |         ^
  hint: call it: loss(…); to pass it as a value write Fn("loss")
"#,
    ),
    (
        r#"let u = udp;"#,
        r#"
error: `udp` is a namespace, not a variable
  --> main.rhai:1:9
    1 | let u = udp;
      |         ^
  hint: name what you need of it: udp::bind
"#,
    ),
    (
        r#"let u = tcp.connect("a:1");"#,
        r#"
error: `tcp` is a namespace, not a variable
  --> main.rhai:1:9
    1 | let u = tcp.connect("a:1");
      |         ^
  hint: write: let u = tcp::connect("a:1");
"#,
    ),
    (
        r#"tcp.conect("a:1");"#,
        r#"
error: `tcp` is a namespace, not a variable, and has no `conect`
  --> main.rhai:1:1
    1 | tcp.conect("a:1");
      | ^
  hint: did you mean `tcp::connect`?
"#,
    ),
    (
        r#"if 1 > 2 { 1 } elif 2 > 1 { 2 }"#,
        r#"
error: `elif` is not a word of this language
  --> main.rhai:1:16
    1 | if 1 > 2 { 1 } elif 2 > 1 { 2 }
      |                ^
  hint: write: if 1 > 2 { 1 } else if 2 > 1 { 2 }
"#,
    ),
    (
        r#"let done = not true;"#,
        r#"
error: `not` is not a word of this language
  --> main.rhai:1:12
    1 | let done = not true;
      |            ^
  hint: write: let done = !true;
"#,
    ),
    (
        r#"let s = udpp::bind("x");"#,
        r#"
error: no namespace `udpp`
  --> main.rhai:1:9
    1 | let s = udpp::bind("x");
      |         ^
  hint: did you mean `udp`?
"#,
    ),
    (
        r#"let sock = udp::bind("x");
sock::recv(1.s);"#,
        r#"
error: `sock` is a variable, not a namespace
  --> main.rhai:2:1
    2 | sock::recv(1.s);
      | ^
  hint: methods and properties are reached with a dot: sock.recv
"#,
    ),
    (
        r#"import "foo" as f;"#,
        r#"
error: no module `foo` is found
  --> main.rhai:1:8
    1 | import "foo" as f;
      |        ^
  hint: the path is taken from the directory of this script and has no .rhai at its end
"#,
    ),
    (
        r#"let x = udp::PORT;"#,
        r#"
error: nothing in `udp` is called `PORT`
  --> main.rhai:1:9
    1 | let x = udp::PORT;
      |         ^
  hint: `udp` has: bind, open
"#,
    ),
    (
        r#"print(`${cuont}`)"#,
        r#"
error: no variable `cuont` is known here
  --> main.rhai:1:10
    1 | print(`${cuont}`)
      |          ^
  hint: declare it first: let cuont = …;
"#,
    ),
];
