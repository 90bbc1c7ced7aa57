//! Forms of other languages: declarations, operators and names.

use super::Case;

#[rustfmt::skip]
pub(super) const FORMS: &[Case] = &[
    (
        r##"for (int i = 0; i < 5; i++) { print(i); }"##,
        3,
        r##"
error: a `for` has no start, condition and step: it goes through a range
  --> -e:1:10
    1 | for (int i = 0; i < 5; i++) { print(i); }
      |          ^
  hint: write: for i in 0..5 { print(i); }
"##,
    ),
    (
        r##"int x = 5;"##,
        3,
        r##"
error: variables have no written type
  --> -e:1:1
    1 | int x = 5;
      | ^
  hint: write: let x = 5;
"##,
    ),
    (
        r##"const int N = 5;"##,
        3,
        r##"
error: variables have no written type
  --> -e:1:11
    1 | const int N = 5;
      |           ^
  hint: write: const N = 5;
"##,
    ),
    (
        r##"let i = 0; i++;"##,
        3,
        r##"
error: `++` is not an operator of this language
  --> -e:1:13
    1 | let i = 0; i++;
      |             ^
  hint: write: i += 1;
"##,
    ),
    (
        r##"let x = 5; let y = x > 3 ? 1 : 2;"##,
        3,
        r##"
error: `?` is not an operator of this language
  --> -e:1:26
    1 | let x = 5; let y = x > 3 ? 1 : 2;
      |                          ^
  hint: write: let y = if x > 3 { 1 } else { 2 };
"##,
    ),
    (
        r##"let x = 1 if true else 2;"##,
        3,
        r##"
error: `if` stands before both values
  --> -e:1:11
    1 | let x = 1 if true else 2;
      |           ^
  hint: write: let x = if true { 1 } else { 2 };
"##,
    ),
    (
        r##"for i, x in enumerate([1]) { print(i); }"##,
        3,
        r##"
error: the names of a `for` stand between ( ), the item first
  --> -e:1:6
    1 | for i, x in enumerate([1]) { print(i); }
      |      ^
  hint: write: for (x, i) in [1] { print(i); }
"##,
    ),
    (
        r##"let x = [i * 2 for i in range(5)];"##,
        3,
        r##"
error: a list is not made with `for` between [ ]
  --> -e:1:10
    1 | let x = [i * 2 for i in range(5)];
      |          ^
  hint: write: let x = []; for i in 0..5 { x.push(i * 2); }
"##,
    ),
    (
        r##"let t = (1, 2);"##,
        3,
        r##"
error: several values stand between [ ]
  --> -e:1:11
    1 | let t = (1, 2);
      |           ^
  hint: write: let t = [1, 2];
"##,
    ),
    (
        r##"let f = (a, b) => a + b;"##,
        3,
        r##"
error: a closure has its parameters between | |
  --> -e:1:10
    1 | let f = (a, b) => a + b;
      |          ^
  hint: write: let f = |a, b| a + b;
"##,
    ),
    (
        r##"System.out.println("x");"##,
        3,
        r##"
error: there is no `System` here
  --> -e:1:1
    1 | System.out.println("x");
      | ^
  hint: write: print("x");
"##,
    ),
    (
        r##"printf("%d\n", 5);"##,
        3,
        r##"
error: no function `printf`
  --> -e:1:1
    1 | printf("%d\n", 5);
      | ^
  hint: write: print(`${5}`);
"##,
    ),
    (
        r##"let s = 'hello';"##,
        3,
        r##"
error: single quotes hold one character only
  --> -e:1:9
    1 | let s = 'hello';
      |         ^
  hint: write: let s = "hello";
"##,
    ),
    (
        r##"let s = udp::bind("127.0.0.1:0"); s.sendto("x", ("127.0.0.1", 5));"##,
        3,
        r##"
error: an address is one text
  --> -e:1:61
    1 | let s = udp::bind("127.0.0.1:0"); s.sendto("x", ("127.0.0.1", 5));
      |                                                             ^
  hint: write: s.send_to("x", "127.0.0.1:5");
"##,
    ),
    (
        r##"let s = udp::bind("127.0.0.1:0"); s.recv(1024);"##,
        3,
        r##"
error: `recv` takes no size: it gives the whole message
  --> -e:1:37
    1 | let s = udp::bind("127.0.0.1:0"); s.recv(1024);
      |                                     ^
  hint: write: s.recv();
"##,
    ),
    (
        r##"let x: int = 5;"##,
        3,
        r##"
error: variables have no written type
  --> -e:1:6
    1 | let x: int = 5;
      |      ^
  hint: write: let x = 5;
"##,
    ),
    (
        r##"fn f(x: int) -> int { x }"##,
        3,
        r##"
error: parameters have no written type
  --> -e:1:7
    1 | fn f(x: int) -> int { x }
      |       ^
  hint: write: fn f(x) { x }
"##,
    ),
    (
        r##"assert(1 == 2);"##,
        3,
        r##"
error: no function `assert`
  --> -e:1:1
    1 | assert(1 == 2);
      | ^
  hint: write: expect(1, 2);
"##,
    ),
    (
        r##"raise "x";"##,
        3,
        r##"
error: `raise` is not a word of this language
  --> -e:1:1
    1 | raise "x";
      | ^
  hint: write: throw "x";
"##,
    ),
    (
        r##"sleep(10 ms);"##,
        3,
        r##"
error: a duration is written with a dot
  --> -e:1:10
    1 | sleep(10 ms);
      |          ^
  hint: write: sleep(10.ms);
"##,
    ),
    (
        r##"let n = 5; sleep(1.seconds);"##,
        3,
        r##"
error: there is no unit `seconds`
  --> -e:1:20
    1 | let n = 5; sleep(1.seconds);
      |                    ^
  hint: write: sleep(1.s);
"##,
    ),
    (
        r##"let l = [1]; l.append(2);"##,
        3,
        r##"
error: there is no method `append`
  --> -e:1:16
    1 | let l = [1]; l.append(2);
      |                ^
  hint: write: l.push(2);
"##,
    ),
    (
        r##"x = 5;"##,
        3,
        r##"
error: no variable `x` is known here
  --> -e:1:1
    1 | x = 5;
      | ^
  hint: a new variable is declared with let: let x = 5;
"##,
    ),
];
