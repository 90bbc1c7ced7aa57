//! The flags of the command that runs scripts, which stand before a script's own options.

use std::sync::OnceLock;

/// Whether the command has such a long flag, without its dashes.
static IS_FLAG: OnceLock<fn(&str) -> bool> = OnceLock::new();

/// Has a flag of the command among a script's own arguments known as such: `is_flag` says of a name whether it is one.
pub fn know_flags(is_flag: fn(&str) -> bool) {
    let _ = IS_FLAG.set(is_flag);
}

/// A flag of the command among a script's own arguments.
pub fn misplaced(args: &[String]) -> Option<&str> {
    let is_flag = |arg: &&str| {
        let name = arg.strip_prefix("--").and_then(|arg| arg.split('=').next());
        name.is_some_and(|name| IS_FLAG.get().is_some_and(|is_flag| is_flag(name)))
    };
    args.iter().map(String::as_str).find(is_flag)
}
