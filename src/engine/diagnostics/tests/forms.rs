//! Messages for forms that the language does not have.

use super::check;

#[test]
fn messages() {
    check(&FORMS);
}

/// Script, and the whole message for it.
const FORMS: [(&str, &str); 21] = [
    (
        r#"fn go() { }"#,
        r#"
error: `go` is a reserved word and cannot be a name
  --> main.rhai:1:4
    1 | fn go() { }
      |    ^
  hint: choose another name, such as `my_go`
"#,
    ),
    (
        r#"let x = null;"#,
        r#"
error: `null` is not a value of this language
  --> main.rhai:1:9
    1 | let x = null;
      |         ^
  hint: write: let x = ();
"#,
    ),
    (
        r#"let opt = #{ new: 1 };"#,
        r#"
error: `new` is a reserved word
  --> main.rhai:1:14
    1 | let opt = #{ new: 1 };
      |              ^
  hint: put the name of the field in quotes: "new": …
"#,
    ),
    (
        r#"print "hello";"#,
        r#"
error: `print` is a function: it is called with brackets
  --> main.rhai:1:1
    1 | print "hello";
      | ^
  hint: write: print("hello");
"#,
    ),
    (
        r#"let x = 1; x++;"#,
        r#"
error: `++` is not an operator of this language
  --> main.rhai:1:13
    1 | let x = 1; x++;
      |             ^
  hint: write: x += 1;
"#,
    ),
    (
        r#"let x = 1; let y = x ? 1 : 2;"#,
        r#"
error: `?` is not an operator of this language
  --> main.rhai:1:22
    1 | let x = 1; let y = x ? 1 : 2;
      |                      ^
  hint: write: let y = if x { 1 } else { 2 };
"#,
    ),
    (
        r#"let x = 5 @ 3;"#,
        r#"
error: `@` is not an operator of this language
  --> main.rhai:1:11
    1 | let x = 5 @ 3;
      |           ^
  hint: operators are + - * / % ** == != < > <= >= && || ! & | ^ << >> ?? and in
"#,
    ),
    (
        r#"let x = 5 === 3;"#,
        r#"
error: `===` is not an operator of this language
  --> main.rhai:1:11
    1 | let x = 5 === 3;
      |           ^
  hint: write: let x = 5 == 3;
"#,
    ),
    (
        r#"let x = true and false;"#,
        r#"
error: `and` is not a word of this language
  --> main.rhai:1:14
    1 | let x = true and false;
      |              ^
  hint: write: let x = true && false;
"#,
    ),
    (
        r#"# a comment"#,
        r#"
error: `#` is not an operator of this language
  --> main.rhai:1:1
    1 | # a comment
      | ^
  hint: a comment begins with: //
"#,
    ),
    (
        r#"const MAX = 5; MAX = 6;"#,
        r#"
error: `MAX` is a constant and cannot be changed
  --> main.rhai:1:16
    1 | const MAX = 5; MAX = 6;
      |                ^
  hint: declare it with let instead of const: let MAX = …;
"#,
    ),
    (
        r#"5 = 6;"#,
        r#"
error: a fixed value cannot be changed
  --> main.rhai:1:1
    1 | 5 = 6;
      | ^
  hint: to compare write ==; to the left of = stands a variable
"#,
    ),
    (
        r#"if true { fn f() { 1 } }"#,
        r#"
error: `fn` inside a block or another function
  --> main.rhai:1:11
    1 | if true { fn f() { 1 } }
      |           ^
  hint: move it to the top level of the script, or write a closure: let name = |a, b| { … };
"#,
    ),
    (
        r#"fn f { }"#,
        r#"
error: the function `f` has no parameter list
  --> main.rhai:1:6
    1 | fn f { }
      |      ^
  hint: write: fn f() { … }
"#,
    ),
    (
        r#"try { 1 } catch e { 2 }"#,
        r#"
error: the variable of `catch` stands in brackets
  --> main.rhai:1:17
    1 | try { 1 } catch e { 2 }
      |                 ^
  hint: write: catch (e) { … }
"#,
    ),
    (
        r#"for i of [1] { }"#,
        r#"
error: a `for` needs `in`
  --> main.rhai:1:7
    1 | for i of [1] { }
      |       ^
  hint: write: for item in items { … }, or for i in 0..5 { … }
"#,
    ),
    (
        r#"let x = ;"#,
        r#"
error: a value is missing before `;`
  --> main.rhai:1:9
    1 | let x = ;
      |         ^
  hint: write the value, or remove what leads to it
"#,
    ),
    (
        r#"let s = 'hello';"#,
        r#"
error: single quotes hold one character only
  --> main.rhai:1:9
    1 | let s = 'hello';
      |         ^
  hint: write: let s = "hello";
"#,
    ),
    (
        r#"let s = "a\q";"#,
        r#"
error: `\q` means nothing in a text
  --> main.rhai:1:12
    1 | let s = "a\q";
      |            ^
  hint: a backslash itself is written \\; others are \n \t \" \x41
"#,
    ),
    (
        r#"break;"#,
        r#"
error: `break` outside a loop
  --> main.rhai:1:1
    1 | break;
      | ^
  hint: to leave a function write: return;
"#,
    ),
    (
        r#"let a.b = 5;"#,
        r#"
error: `.` cannot stand here
  --> main.rhai:1:6
    1 | let a.b = 5;
      |      ^
  hint: a field is set without let: a.b = …;
"#,
    ),
];
