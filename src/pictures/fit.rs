//! Texts in the room that there is, counted in columns of a terminal.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// As much of a text as fits into so many columns.
pub(super) fn cut(text: &str, room: usize) -> String {
    if text.width() <= room {
        return text.to_string();
    }
    let mark = if room > 0 { "…" } else { "" };
    begin(text.chars(), room.saturating_sub(1)) + mark
}

/// The same with what is left out at the front: ends differ where ports do.
pub(super) fn cut_front(text: &str, room: usize) -> String {
    let backward: String = text.chars().rev().collect();
    cut(&backward, room).chars().rev().collect()
}

/// The same with what is left out in the middle: a place in a script is at the end.
pub(super) fn cut_within(text: &str, room: usize) -> String {
    if text.width() <= room {
        return text.to_string();
    }
    let end: String = begin(text.chars().rev(), room / 2).chars().rev().collect();
    cut(text, room - room / 2) + end.as_str()
}

/// The first of these that fits, or else the last of them.
pub(super) fn first_that_fits<const N: usize>(texts: [String; N], room: usize) -> String {
    let fits = texts.iter().position(|text| text.width() <= room);
    texts.into_iter().nth(fits.unwrap_or(N - 1)).unwrap_or_default()
}

fn begin(text: impl Iterator<Item = char>, room: usize) -> String {
    let mut left = room;
    let fits = |c: &char| left.checked_sub(c.width().unwrap_or(0)).map(|rest| left = rest).is_some();
    text.take_while(fits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_takes_more_room_than_it_has() {
        let text = "dropped by a/漢字.rhai:14";
        for room in 0..30 {
            for cut in [cut(text, room), cut_front(text, room), cut_within(text, room)] {
                assert!(cut.width() <= room, "{room}: {cut}");
            }
        }
        assert_eq!([cut(text, 9), cut_front(text, 9), cut_within(text, 9)], ["dropped …", "….rhai:14", "drop…i:14"]);
        assert_eq!(cut_within(text, 40), text);
    }
}
