//! What is said of a flag that there is not.

use clap::{Arg, Command};

use crate::nearest::nearest;
use crate::net::error::{Error, ErrorKind};

/// The flag `name` is none of `command`.
pub fn unknown_flag(mut command: Command, name: &str) -> Error {
    // Now it has --help and --version too.
    command.build();
    let flags: Vec<&Arg> =
        command.get_arguments().filter(|flag| !flag.is_positional() && !flag.is_hide_set()).collect();
    let with_value = |flag: &&Arg| match flag.get_value_names().filter(|_| flag.get_action().takes_values()) {
        Some(values) => format!("{} {}", written(flag), values.join(" ")),
        None => written(flag),
    };
    let all: Vec<String> = flags.iter().map(with_value).collect();
    let names: Vec<String> = flags.iter().map(|flag| written(flag)).collect();
    let near = nearest(name, names.iter().map(String::as_str));
    let near = near.first().map_or(String::new(), |near| format!("did you mean {near}? "));
    let listed = all.split_last().map_or(String::new(), |(last, others)| format!("{} and {last}", others.join(", ")));
    Error::new(ErrorKind::Invalid, "flag", "there is no such flag")
        .with_peer(name)
        .with_hint(format!("{near}Flags are {listed}; a script's own options stand after its name"))
}

/// A flag as it is written, without its value.
pub fn written(flag: &Arg) -> String {
    match (flag.get_long(), flag.get_short()) {
        (Some(long), _) => format!("--{long}"),
        (None, short) => format!("-{}", short.unwrap_or_default()),
    }
}
