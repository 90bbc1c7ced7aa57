//! Functions of the language on texts that servers call for each packet, here without needless copies.

use std::ops::{Range, RangeInclusive};

use rhai::{Dynamic, ImmutableString, Map};
use serde_json::Value as Json;

use super::convert::shown;

functions! {
    pub fn api;

    /// The text in capitals.
    ///
    /// ```rhai
    /// expect("ping 1".to_upper(), "PING 1");
    /// ```
    fn to_upper as to_upper(text: ImmutableString) -> ImmutableString =
        changed(text, str::make_ascii_uppercase, str::to_uppercase);

    /// The map as JSON: a duration as it is typed, other objects by their text, no value as `null`.
    ///
    /// ```rhai
    /// expect(#{ rtt: 2.ms, lost: false, from: () }.to_json(), `{"from":null,"lost":false,"rtt":"2ms"}`);
    /// ```
    fn to_json(map: &mut Map) -> String = json(&Dynamic::from_map(map.clone()), 0).to_string();

    /// Takes white space off both ends of the text, and gives what is left.
    ///
    /// ```rhai
    /// let line = " ping 1\r\n";
    /// expect(line.trim(), "ping 1");
    /// expect(line, "ping 1");
    /// ```
    change trim(text: &mut ImmutableString) -> ImmutableString = {
        if text.trim().len() < text.len() {
            *text = text.trim().into();
        }
        text.clone()
    };

    /// Makes the text one of capitals, and gives it.
    ///
    /// ```rhai
    /// let name = "ping";
    /// expect(name.make_upper(), "PING");
    /// expect(name, "PING");
    /// ```
    change make_upper(text: &mut ImmutableString) -> ImmutableString = {
        *text = to_upper(std::mem::take(text));
        text.clone()
    };

    /// Makes the text one of small letters, and gives it.
    ///
    /// ```rhai
    /// let name = "PING";
    /// expect(name.make_lower(), "ping");
    /// expect(name, "ping");
    /// ```
    change make_lower(text: &mut ImmutableString) -> ImmutableString = {
        *text = to_lower(std::mem::take(text));
        text.clone()
    };

    /// Cuts the text off after `len` characters, and gives what is left.
    ///
    /// ```rhai
    /// let text = "ping 1";
    /// expect(text.truncate(4), "ping");
    /// expect(text, "ping");
    /// ```
    change truncate(text: &mut ImmutableString, len: i64) -> ImmutableString = {
        *text = part(text, 0, len);
        text.clone()
    };

    /// Leaves of the text the `len` characters from `start` on, and gives them. A negative start counts from the end.
    ///
    /// ```rhai
    /// let text = "ping 1";
    /// expect(text.crop(1, 3), "ing");
    /// expect(text, "ing");
    /// ```
    change crop as crop_to(text: &mut ImmutableString, start: i64, len: i64) -> ImmutableString = {
        *text = part(text, start, len);
        text.clone()
    };

    /// Leaves of the text the characters from `start` on, and gives them. A negative start counts from the end.
    ///
    /// ```rhai
    /// let text = "ping 1";
    /// expect(text.crop(-1), "1");
    /// expect(text, "1");
    /// ```
    change crop(text: &mut ImmutableString, start: i64) -> ImmutableString = crop_to(text, start, i64::MAX);

    /// Takes each occurrence of `part` out of the text, and gives what is left.
    ///
    /// ```rhai
    /// let text = "ping 1 ping 2";
    /// expect(text.remove("ping "), "1 2");
    /// expect(text, "1 2");
    /// ```
    change remove as remove(text: &mut ImmutableString, part: &str) -> ImmutableString = {
        *text = text.replace(part, "").into();
        text.clone()
    };

    /// Takes each occurrence of a character out of the text, and gives what is left.
    ///
    /// ```rhai
    /// let text = "1,000";
    /// expect(text.remove(','), "1000");
    /// expect(text, "1000");
    /// ```
    change remove(text: &mut ImmutableString, character: char) -> ImmutableString =
        remove(text, character.encode_utf8(&mut [0; 4]));

    /// Puts a character in the place of another in the text, and gives the text.
    ///
    /// ```rhai
    /// let text = "a-b";
    /// expect(text.replace('-', '+'), "a+b");
    /// expect(text, "a+b");
    /// ```
    change replace(text: &mut ImmutableString, from: char, to: char) -> ImmutableString = {
        *text = text.replace(from, to.encode_utf8(&mut [0; 4])).into();
        text.clone()
    };

    /// Leaves of the text the characters of a range, and gives them.
    ///
    /// ```rhai
    /// let text = "ping 1";
    /// expect(text.crop(1..3), "in");
    /// expect(text, "in");
    /// ```
    change crop as crop_range(text: &mut ImmutableString, range: Range<i64>) -> ImmutableString =
        crop_to(text, range.start.max(0), range.end.saturating_sub(range.start.max(0)));

    /// Leaves of the text the characters of a range with its end, and gives them.
    ///
    /// ```rhai
    /// let text = "ping 1";
    /// expect(text.crop(1..=3), "ing");
    /// expect(text, "ing");
    /// ```
    change crop(text: &mut ImmutableString, closed: RangeInclusive<i64>) -> ImmutableString =
        crop_range(text, *closed.start()..closed.end().saturating_add(1));

    /// The text in small letters.
    ///
    /// ```rhai
    /// expect("PING 1".to_lower(), "ping 1");
    /// ```
    fn to_lower as to_lower(text: ImmutableString) -> ImmutableString =
        changed(text, str::make_ascii_lowercase, str::to_lowercase);
}

/// `value` as JSON: a duration as it is typed, other objects by their text.
fn json(value: &Dynamic, depth: usize) -> Json {
    if value.is_unit() || depth > DEPTH {
        return Json::Null;
    }
    if let Ok(truth) = value.as_bool() {
        return truth.into();
    }
    if let Ok(number) = value.as_int() {
        return number.into();
    }
    if let Ok(number) = value.as_float() {
        return number.into();
    }
    if let Ok(array) = value.as_array_ref() {
        return array.iter().map(|item| json(item, depth + 1)).collect();
    }
    if let Ok(map) = value.as_map_ref() {
        return map.iter().map(|(key, item)| (key.to_string(), json(item, depth + 1))).collect();
    }
    if let Ok(blob) = value.as_blob_ref() {
        return blob.iter().copied().collect();
    }
    if value.is_string() || value.is_char() { value.to_string().into() } else { shown(value).into() }
}

/// How deep values within values are written.
const DEPTH: usize = 64;

/// The `len` characters from `start` on, which counts from the end where it is negative.
fn part(text: &str, start: i64, len: i64) -> ImmutableString {
    let whole = |n: i64| usize::try_from(n).unwrap_or(0);
    let back = usize::try_from(start.unsigned_abs()).unwrap_or(usize::MAX);
    let start = if start < 0 { text.chars().count().saturating_sub(back) } else { whole(start) };
    text.chars().skip(start).take(whole(len)).collect::<String>().into()
}

/// The text changed in place where that can be done: where it is ASCII and belongs to no one else.
fn changed(mut text: ImmutableString, in_place: fn(&mut str), copied: fn(&str) -> String) -> ImmutableString {
    if text.is_ascii() {
        in_place(text.make_mut().as_mut_str());
        return text;
    }
    copied(&text).into()
}

#[cfg(test)]
mod tests {
    use super::{to_lower, to_upper};
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
