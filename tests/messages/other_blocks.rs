//! Forms of other languages: loops, conditions, exceptions and functions.

use super::Case;

#[rustfmt::skip]
pub(super) const FORMS: &[Case] = &[
    (
        r##"for i in range(5) { print(i); }"##,
        3,
        r##"
error: `range` cannot be called with (5)
  --> -e:1:10
    1 | for i in range(5) { print(i); }
      |          ^
  hint: write: for i in 0..5 { print(i); }
"##,
    ),
    (
        r##"print(“hi”);"##,
        3,
        r##"
error: `“` is a typographic quote (U+201C), not `"`
  --> -e:1:7
    1 | print(“hi”);
      |       ^
  hint: write: print("hi");
"##,
    ),
    (
        r##"let c = ‘x’;"##,
        3,
        r##"
error: `‘` is a typographic quote (U+2018), not `'`
  --> -e:1:9
    1 | let c = ‘x’;
      |         ^
  hint: write: let c = "x";
"##,
    ),
    (
        r##"let x = 5 – 3;"##,
        3,
        r##"
error: `–` is a typographic dash (U+2013), not `-`
  --> -e:1:11
    1 | let x = 5 – 3;
      |           ^
  hint: write: let x = 5 - 3;
"##,
    ),
    (
        r##"let x = 2 × 3;"##,
        3,
        r##"
error: `×` is a typographic sign (U+00D7), not `*`
  --> -e:1:11
    1 | let x = 2 × 3;
      |           ^
  hint: write: let x = 2 * 3;
"##,
    ),
    (
        r##"let x = 5 − 3;"##,
        3,
        r##"
error: `−` is a typographic dash (U+2212), not `-`
  --> -e:1:11
    1 | let x = 5 − 3;
      |           ^
  hint: write: let x = 5 - 3;
"##,
    ),
    (
        r##"for i in 0…5 {}"##,
        3,
        r##"
error: `…` is an ellipsis (U+2026), not `..`
  --> -e:1:10
    1 | for i in 0…5 {}
      |          ^
  hint: write: for i in 0..5 {}
"##,
    ),
    (
        r##"print（"x"）;"##,
        3,
        r##"
error: `（` is a wide bracket (U+FF08), not `(`
  --> -e:1:1
    1 | print（"x"）;
      | ^
  hint: write: print("x");
"##,
    ),
    (
        "let\u{a0}x = 1;",
        3,
        "
error: there is an invisible character here: a space of a page (U+00A0)
  --> -e:1:4
    1 | let\u{a0}x = 1;
      |    ^
  hint: write: let x = 1;
  hint: text copied from a page may have it; type the place again
",
    ),
    (
        "let x\u{200b} = 1;",
        3,
        "
error: there is an invisible character here: a space without width (U+200B)
  --> -e:1:6
    1 | let x\u{200b} = 1;
      |      ^
  hint: write: let x = 1;
  hint: text copied from a page may have it; type the place again
",
    ),
    (
        r##"try { print(1); } except Exception as e { print(2); }"##,
        3,
        r##"
error: `except` is not a word of this language
  --> -e:1:19
    1 | try { print(1); } except Exception as e { print(2); }
      |                   ^
  hint: write: try { print(1); } catch (e) { print(2); }
"##,
    ),
    (
        r##"try { print(1); } finally { print(2); }"##,
        3,
        r##"
error: there is no `finally`
  --> -e:1:19
    1 | try { print(1); } finally { print(2); }
      |                   ^
  hint: what is always to be done stands after the blocks: try { … } catch (err) { … } sock.close();
"##,
    ),
    (
        r##"for i in range(5): print(i)"##,
        3,
        r##"
error: a block stands between { }, not after a colon
  --> -e:1:18
    1 | for i in range(5): print(i)
      |                  ^
  hint: write: for i in 0..5 { print(i) }
"##,
    ),
    (
        r##"if 2 > 1: print(1)"##,
        3,
        r##"
error: a block stands between { }, not after a colon
  --> -e:1:9
    1 | if 2 > 1: print(1)
      |         ^
  hint: write: if 2 > 1 { print(1) }
"##,
    ),
    (
        r##"if true { print(1); } elif false { print(2); }"##,
        3,
        r##"
error: `elif` is not a word of this language
  --> -e:1:23
    1 | if true { print(1); } elif false { print(2); }
      |                       ^
  hint: write: if true { print(1); } else if false { print(2); }
"##,
    ),
    (
        r##"if true and not false or false { print(1); }"##,
        3,
        r##"
error: `and` is not a word of this language
  --> -e:1:9
    1 | if true and not false or false { print(1); }
      |         ^
  hint: write: if true && !false || false { print(1); }
"##,
    ),
    (
        r##"if 1 not in [2] { print(1); }"##,
        3,
        r##"
error: `not in` is not an operator of this language
  --> -e:1:4
    1 | if 1 not in [2] { print(1); }
      |    ^
  hint: write: if !(1 in [2]) { print(1); }
"##,
    ),
    (
        r##"let x = None;"##,
        3,
        r##"
error: `None` is not a value of this language
  --> -e:1:9
    1 | let x = None;
      |         ^
  hint: write: let x = ();
"##,
    ),
    (
        r##"let x = True;"##,
        3,
        r##"
error: `True` is not a value of this language
  --> -e:1:9
    1 | let x = True;
      |         ^
  hint: write: let x = true;
"##,
    ),
    (
        r##"def f(x): return x"##,
        3,
        r##"
error: a block stands between { }, not after a colon
  --> -e:1:1
    1 | def f(x): return x
      | ^
  hint: write: fn f(x) { return x }
"##,
    ),
    (
        r##"let f = lambda x: x + 1;"##,
        3,
        r##"
error: `lambda` is not a word of this language
  --> -e:1:9
    1 | let f = lambda x: x + 1;
      |         ^
  hint: write: let f = |x| x + 1;
"##,
    ),
    (
        r##"print "x";"##,
        3,
        r##"
error: `print` is a function: it is called with brackets
  --> -e:1:1
    1 | print "x";
      | ^
  hint: write: print("x");
"##,
    ),
    (
        r##"let x = 1; print("x:", x);"##,
        3,
        r##"
error: `print` takes one value
  --> -e:1:12
    1 | let x = 1; print("x:", x);
      |            ^
  hint: write: print(`x: ${x}`);
"##,
    ),
    (
        r##"time.sleep(1);"##,
        3,
        r##"
error: there is no `time` here
  --> -e:1:1
    1 | time.sleep(1);
      | ^
  hint: write: sleep(1.s);
"##,
    ),
    (
        r##"let x = random.randint(0, 10);"##,
        3,
        r##"
error: there is no `random` here
  --> -e:1:9
    1 | let x = random.randint(0, 10);
      |         ^
  hint: write: let x = random(0, 10);
"##,
    ),
];
