//! Which colours the command line asks for.

use clap::ValueEnum;

use crate::terminal::colour;

/// When there are colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Has colours from now on where `wanted` says. The first to say it wins.
pub fn choose(wanted: Colour) {
    match wanted {
        Colour::Auto => {}
        Colour::Always => colour::choose(true),
        Colour::Never => colour::choose(false),
    }
}

/// What a command line asks for that was not read to its end.
pub fn asked_for(mut words: impl Iterator<Item = String>) -> Option<Colour> {
    let when = loop {
        let word = words.next()?;
        match word.strip_prefix("--color") {
            Some("") => break words.next()?,
            Some(rest) if rest.starts_with('=') => break rest[1..].to_string(),
            _ => {}
        }
    };
    Colour::from_str(&when, false).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_found_in_either_form() {
        let asked = |line: &str| asked_for(line.split(' ').map(str::to_string));
        assert_eq!(asked("pingscript --color never --help"), Some(Colour::Never));
        assert_eq!(asked("pingscript --help --color=always"), Some(Colour::Always));
        for other in ["pingscript --help", "pingscript --color", "pingscript --color blue", "pingscript --colors never"]
        {
            assert_eq!(asked(other), None, "{other}");
        }
    }
}
