use super::*;

#[test]
fn names_that_programs_cannot_read_are_refused() {
    for name in ["a", "server-1", "R1", "a.lab", "x_y", "10a"] {
        assert!(check_name(name).is_ok(), "{name}");
    }
    for name in ["", "a b", "localhost", "10.0.0.1", "12", "-a", "a/b", "a\n", "é", &"x".repeat(64), "a.", "fd00::1"] {
        assert_eq!(check_name(name).expect_err(name).kind, ErrorKind::Invalid);
    }
}
