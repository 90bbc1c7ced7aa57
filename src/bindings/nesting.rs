//! Files that are evaluated within each other: modules, and policies from files. One that comes to itself again is an error that
//! names the way there.

use super::thread::with;
use crate::net::error::Error;

/// See [`enter`].
#[derive(Debug)]
pub struct Nested(());

impl Drop for Nested {
    fn drop(&mut self) {
        with(|thread| thread.open.borrow_mut().pop());
    }
}

/// Begins to evaluate `file`, until the guard is dropped; `op` is what asks for it.
///
/// # Errors
/// `invalid`: it is being evaluated already.
pub fn enter(op: &'static str, file: &str) -> Result<Nested, Error> {
    with(|thread| {
        let mut open = thread.open.borrow_mut();
        if let Some(first) = open.iter().position(|name| name == file) {
            let way: Vec<&str> = open[first..].iter().map(String::as_str).chain([file]).collect();
            let error = Error::invalid(op, format!("a file comes to itself again: {}", way.join(" → ")));
            return Err(error.with_hint("put what both need into a file of its own, which neither of them is"));
        }
        open.push(file.to_string());
        Ok(Nested(()))
    })
}

#[cfg(test)]
mod tests {
    use super::enter;

    #[test]
    fn a_way_that_comes_to_itself_is_named() {
        let first = enter("import", "a").expect("it is not open");
        let second = enter("import", "b").expect("it is not open");
        let error = enter("import", "a").expect_err("it is open");
        assert!(error.message.ends_with("a → b → a"), "{}", error.message);
        drop((second, first));
        enter("import", "a").expect("it has been closed");
    }
}
