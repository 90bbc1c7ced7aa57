//! Messages for errors inside calls.

#[test]
fn messages() {
    super::check(&CASES);
}

/// Script, and the whole message for it.
const CASES: [(&str, &str); 7] = [
    (
        r#"fn inner(x) {
	let y = 0;
	x / y
}
fn outer(x) { inner(x) }
outer(1);"#,
        r#"
error: division by zero
  --> main.rhai:3:4
    3 | 	x / y
      | 	  ^
  in `inner`, called at main.rhai:5:15
  in `outer`, called at main.rhai:6:1
  hint: ask first whether the divisor is 0, as in: if n > 0 { sum / n }
"#,
    ),
    (
        r#"import "lib" as lib;
fn go_on() { lib::half(4) }
go_on();"#,
        r#"
error: division by zero
  --> lib:3:4
    3 | 	n / 0
      | 	  ^
  in `half`, called at main.rhai:2:19
  in `go_on`, called at main.rhai:3:1
  hint: ask first whether the divisor is 0, as in: if n > 0 { sum / n }
"#,
    ),
    (
        r#"let sock = udp::bind("x");
serve(sock, || sock.nothing);"#,
        r#"
error: a Socket has no property `nothing`
  --> main.rhai:2:21
    2 | serve(sock, || sock.nothing);
      |                     ^
  in a closure, called at main.rhai:2:1
  hint: its properties: local, timeout
"#,
    ),
    (
        r#"let f = |x| x.foo;
f.call(1);"#,
        r#"
error: an integer has no property `foo`
  --> main.rhai:1:15
    1 | let f = |x| x.foo;
      |               ^
  in a closure, called at main.rhai:2:3
  hint: its properties: bits, is_even, is_odd, is_zero, s
"#,
    ),
    (
        r#"fn count(n) { count(n + 1) }
count(0);"#,
        r#"
error: too many calls inside each other
  --> main.rhai:2:1
    2 | count(0);
      | ^
  hint: does `count` call itself without end? It must have a case in which it does not
"#,
    ),
    (
        r#"fn down(n) { if n == 0 { throw "the bottom" } down(n - 1) }
down(12);"#,
        r#"
error: the bottom
  --> main.rhai:1:26
    1 | fn down(n) { if n == 0 { throw "the bottom" } down(n - 1) }
      |                          ^
  in `down`, called at main.rhai:1:47
  in `down`, called at main.rhai:1:47
  in `down`, called at main.rhai:1:47
  in `down`, called at main.rhai:1:47
  … 5 more calls …
  in `down`, called at main.rhai:1:47
  in `down`, called at main.rhai:1:47
  in `down`, called at main.rhai:1:47
  in `down`, called at main.rhai:2:1
"#,
    ),
    (
        r#"let long_name_of_a_list = ["aaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbbbbb", "cccccccccccccccccccccc", missing, "dddddddddddddddddddddddddd", "eeeeeeeeeeeeeee"];"#,
        r#"
error: no variable `missing` is known here
  --> main.rhai:1:106
    1 | …bbbbbbbbbbbbbbbbbbb", "cccccccccccccccccccccc", missing, "dddddddddddddddddddddddddd", "eeeeeeee…
      |                                                  ^
  hint: declare it first: let missing = …;
"#,
    ),
];
