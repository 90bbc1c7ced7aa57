//! Functions of the language on texts that servers call for each packet, here without needless copies.

use rhai::ImmutableString;
use rhai::plugin::*;

/// Functions on texts.
#[export_module]
#[allow(clippy::unwrap_used)] // the code that the macro writes
pub mod api {
    /// The text in capitals.
    ///
    /// ```rhai
    /// expect("ping 1".to_upper(), "PING 1");
    /// ```
    pub fn to_upper(text: ImmutableString) -> ImmutableString {
        super::changed(text, str::make_ascii_uppercase, str::to_uppercase)
    }

    /// The text in small letters.
    ///
    /// ```rhai
    /// expect("PING 1".to_lower(), "ping 1");
    /// ```
    pub fn to_lower(text: ImmutableString) -> ImmutableString {
        super::changed(text, str::make_ascii_lowercase, str::to_lowercase)
    }
}

/// The text changed in place where that can be done: where it is ASCII and belongs to nobody else.
fn changed(mut text: ImmutableString, in_place: fn(&mut str), copied: fn(&str) -> String) -> ImmutableString {
    if text.is_ascii() {
        in_place(text.make_mut().as_mut_str());
        return text;
    }
    copied(&text).into()
}

#[cfg(test)]
mod tests {
    use super::api::{to_lower, to_upper};
    use rhai::ImmutableString;

    #[test]
    fn a_text_that_others_hold_stays_as_it_is() {
        let text: ImmutableString = "a text that is not short: ping 1".into();
        let held = text.clone();
        assert_eq!(to_upper(text), "A TEXT THAT IS NOT SHORT: PING 1");
        assert_eq!(held, "a text that is not short: ping 1");
        assert_eq!(to_lower(to_upper(held)), "a text that is not short: ping 1");
    }

    #[test]
    fn letters_beyond_ascii_may_change_their_length() {
        assert_eq!(to_upper("stra\u{df}e".into()), "STRASSE");
        assert_eq!(to_lower("\u{c4}RGER".into()), "\u{e4}rger");
    }
}
