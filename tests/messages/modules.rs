//! Errors in modules.

use super::assert_message;
use crate::common::{TempDir, pingscript};

#[test]
fn an_error_in_a_module_names_its_file() {
    let dir = TempDir::new();
    dir.write("lib.rhai", "fn half(n) {\n    n / 0\n}\n");
    dir.write("broken.rhai", "let x = ;\n");
    dir.write("main.rhai", "import \"lib\" as lib;\nlib::half(4);\n");
    dir.write("other.rhai", "import \"broken\" as lib;\n");
    let run = |name: &str| pingscript(&[name]).dir(dir.path()).run();
    assert_message("main.rhai", &run("main.rhai"), 3, IN_MODULE);
    assert_message("other.rhai", &run("other.rhai"), 3, BROKEN_MODULE);
}

const IN_MODULE: &str = r#"
error: division by zero
  --> lib.rhai:2:7
    2 |     n / 0
      |       ^
  in `half`, called at main.rhai:2:6
  hint: ask first whether the divisor is 0, as in: if n > 0 { sum / n }
"#;

const BROKEN_MODULE: &str = r#"
error: a value is missing before `;`
  --> broken.rhai:1:9
    1 | let x = ;
      |         ^
  in the module `broken.rhai`, imported at other.rhai:1:8
  hint: write the value, or remove what leads to it
"#;
