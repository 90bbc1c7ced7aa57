//! Messages for scripts that cannot be read.

#[test]
fn messages() {
    super::check(&CASES);
}

/// Script, and the whole message for it.
const CASES: [(&str, &str); 21] = [
    (
        r#"let x = (1 + 2;"#,
        r#"
error: `)` is missing before `;`
  --> main.rhai:1:15
    1 | let x = (1 + 2;
      |               ^
  hint: the `(` of line 1 is not closed: add `)`
"#,
    ),
    (
        r#"let list = [1, 2;"#,
        r#"
error: `]` is missing
  --> main.rhai:1:17
    1 | let list = [1, 2;
      |                 ^
  hint: the `[` of line 1 is not closed: add `]`
"#,
    ),
    (
        r#"let list = [1 2];"#,
        r#"
error: a `,` is missing between two items
  --> main.rhai:1:15
    1 | let list = [1 2];
      |               ^
  hint: or the list ends here: add `]`
"#,
    ),
    (
        r#"let list = [1, 2
print(list);"#,
        r#"
error: `]` is missing
  --> main.rhai:1:17
    1 | let list = [1, 2
      |                 ^
  hint: the `[` of line 1 is not closed: add `]`
"#,
    ),
    (
        r#"let opt = #{ a: 1 b: 2 };"#,
        r#"
error: a `,` is missing between the fields of this map
  --> main.rhai:1:19
    1 | let opt = #{ a: 1 b: 2 };
      |                   ^
  hint: write: #{ a: 1, b: 2 }
"#,
    ),
    (
        r#"let opt = #{ a 1 };"#,
        r#"
error: a `:` is missing after the name of the field
  --> main.rhai:1:16
    1 | let opt = #{ a 1 };
      |                ^
  hint: write: #{ name: value }
"#,
    ),
    (
        r#"print("hello""#,
        r#"
error: `)` is missing at the end of the script
  --> main.rhai:1:14
    1 | print("hello"
      |              ^
  hint: the `(` of line 1 is not closed: add `)`
"#,
    ),
    (
        r#"fn f(x) {
	if x {
		print(x);
}"#,
        r#"
error: `}` is missing at the end of the script
  --> main.rhai:4:2
    4 | }
      |  ^
  hint: the `{` of line 2 is not closed: add `}`
"#,
    ),
    (
        r#"fn f(x) {
    let y = x + ;
}"#,
        r#"
error: a value is missing before `;`
  --> main.rhai:2:17
    2 |     let y = x + ;
      |                 ^
  hint: write the value, or remove what leads to it
"#,
    ),
    (
        r#"print(1, , 2);"#,
        r#"
error: a value is missing before `,`
  --> main.rhai:1:10
    1 | print(1, , 2);
      |          ^
  hint: write the value, or remove what leads to it
"#,
    ),
    (
        r#"for i in 0..5 { } }"#,
        r#"
error: `}` closes nothing
  --> main.rhai:1:19
    1 | for i in 0..5 { } }
      |                   ^
  hint: remove it, or add what it should close
"#,
    ),
    (
        r#"print("hello);"#,
        r#"
error: this text is never closed
  --> main.rhai:1:7
    1 | print("hello);
      |       ^
  hint: close it with " in the same line; text of several lines is written between back-ticks
"#,
    ),
    (
        r#"let s = `hello;"#,
        r#"
error: this text is never closed
  --> main.rhai:1:9
    1 | let s = `hello;
      |         ^
  hint: close it with a back-tick: `
"#,
    ),
    (
        r#"print(1)
print(2)"#,
        r#"
error: a `;` is missing between two statements
  --> main.rhai:1:9
    1 | print(1)
      |         ^
  hint: end each statement with `;`
"#,
    ),
    (
        r#"let x 5;"#,
        r#"
error: a `=` is missing after `x`
  --> main.rhai:1:7
    1 | let x 5;
      |       ^
  hint: write: let x = …;
"#,
    ),
    (
        r#"let x = 250ms;"#,
        r#"
error: `250ms` cannot stand here
  --> main.rhai:1:12
    1 | let x = 250ms;
      |            ^
  hint: a duration is written with a dot: 250.ms
"#,
    ),
    (
        r#"let x = 5;
if x = 5 { print(x) }"#,
        r#"
error: `=` gives a value and cannot be a condition
  --> main.rhai:2:6
    2 | if x = 5 { print(x) }
      |      ^
  hint: write: if x == 5 { print(x) }
"#,
    ),
    (
        r#"if true print(1);"#,
        r#"
error: a block must begin here
  --> main.rhai:1:9
    1 | if true print(1);
      |         ^
  hint: what if, else, for, while and fn do stands between { }, even a single line
  hint: write: if true { print(1); }
"#,
    ),
    (
        r#"let spawn = 5;"#,
        r#"
error: `spawn` is a reserved word and cannot be a name
  --> main.rhai:1:5
    1 | let spawn = 5;
      |     ^
  hint: choose another name, such as `my_spawn`
"#,
    ),
    (
        r#"spawn(|| 1);"#,
        r#"
error: `spawn` is a reserved word without a meaning here
  --> main.rhai:1:1
    1 | spawn(|| 1);
      | ^
  hint: a thread is started with: start_thread(|| …)
"#,
    ),
    (
        r#"match 5 { 1 => 2 }"#,
        r#"
error: `match` is a reserved word without a meaning here
  --> main.rhai:1:1
    1 | match 5 { 1 => 2 }
      | ^
  hint: write: switch x { 1 => …, _ => … }
"#,
    ),
];
