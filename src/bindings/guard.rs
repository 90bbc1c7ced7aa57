//! Functions of the language that make a value of any size in one call, here with a limit: what does not fit is an error
//! with its line, before the memory is taken.
//!
//! Growth step by step is watched elsewhere, at each operation of the script (`limits::memory`).

use rhai::{Array, Blob, Dynamic, ImmutableString, NativeCallContext};

use super::error::{ScriptResult, raise};
use crate::limits::memory;
use crate::limits::memory::LIMIT;
use crate::net::error::{Error, ErrorKind};

/// Bytes of a script value in an array, without what it points to.
const VALUE: usize = size_of::<Dynamic>();

/// A length given by a script; a negative one is none.
fn length(len: i64) -> usize {
    usize::try_from(len).unwrap_or(0)
}

/// Checks that `count` times `each` more bytes fit beside what is in use.
fn room(ctx: &NativeCallContext, op: &'static str, count: usize, each: usize) -> ScriptResult<()> {
    let bytes = count.saturating_mul(each);
    let left = usize::try_from(LIMIT - memory::in_use()).unwrap_or(0);
    if bytes <= left {
        return Ok(());
    }
    let size = match bytes >> 20 {
        0 => format!("{bytes} bytes"),
        mib if bytes < usize::MAX => format!("{mib} MiB"),
        _ => "so much".to_string(),
    };
    let message = format!("{size} would be needed: scripts have {} MiB of memory in all", LIMIT >> 20);
    raise(
        ctx,
        Error::new(ErrorKind::TooLarge, op, message)
            .with_hint("is the number meant? Make the value smaller, or in parts"),
    )
}

/// Bytes that a copy of the value takes. Texts are shared, not copied.
fn size(value: &Dynamic) -> usize {
    if let Ok(array) = value.as_array_ref() {
        return VALUE + array.iter().map(size).sum::<usize>();
    }
    if let Ok(map) = value.as_map_ref() {
        return VALUE + map.values().map(|value| 2 * VALUE + size(value)).sum::<usize>();
    }
    VALUE + value.as_blob_ref().map_or(0, |blob| blob.len())
}

fn replaced(
    ctx: &NativeCallContext,
    text: &mut ImmutableString,
    from: &str,
    to: &str,
) -> ScriptResult<ImmutableString> {
    if text.is_empty() {
        return Ok(text.clone());
    }
    let found = text.matches(from).count();
    room(ctx, "replace", 1, text.len().saturating_add(found.saturating_mul(to.len())))?;
    *text = text.replace(from, to).into();
    Ok(text.clone())
}

fn filled(
    ctx: &NativeCallContext,
    text: &mut ImmutableString,
    len: i64,
    padding: &str,
) -> ScriptResult<ImmutableString> {
    let missing = length(len).saturating_sub(text.chars().count());
    let unit = padding.chars().count();
    if missing > 0 && unit > 0 {
        room(ctx, "pad", missing / unit + 1, padding.len())?;
        let text = text.make_mut();
        (0..missing / unit).for_each(|_| text.push_str(padding));
        text.extend(padding.chars().take(missing % unit));
    }
    Ok(text.clone())
}

functions! {
    pub fn api;

    /// Lengthens the text to `len` characters with copies of a character, and gives it; a text that is long enough stays.
    ///
    /// Errors: `too-large`: the result does not fit into memory.
    ///
    /// ```rhai
    /// let name = "ping";
    /// expect(name.pad(6, '!'), "ping!!");
    /// expect(name, "ping!!");
    /// ```
    change pad(
        ctx: NativeCallContext, text: &mut ImmutableString, len: i64, character: char,
    ) -> ScriptResult<ImmutableString> =
        filled(&ctx, text, len, character.encode_utf8(&mut [0; 4]));

    /// Lengthens the text to `len` characters with copies of another; the last one is cut where it must be.
    ///
    /// Errors: `too-large`: the result does not fit into memory.
    ///
    /// ```rhai
    /// let line = "a";
    /// line.pad(6, "-=");
    /// expect(line, "a-=-=-");
    /// ```
    change pad(
        ctx: NativeCallContext, text: &mut ImmutableString, len: i64, padding: &str,
    ) -> ScriptResult<ImmutableString> =
        filled(&ctx, text, len, padding);

    /// The text `count` times, one after the other.
    ///
    /// Errors: `too-large`: the result does not fit into memory.
    ///
    /// ```rhai
    /// expect("=-".repeat(3), "=-=-=-");
    /// ```
    fn repeat(ctx: NativeCallContext, text: &str, count: i64) -> ScriptResult<ImmutableString> = {
        room(&ctx, "repeat", length(count), text.len())?;
        Ok(text.repeat(length(count)).into())
    };

    /// Lengthens the array to `len` items with copies of a value; one that is long enough stays.
    ///
    /// Errors: `too-large`: the result does not fit into memory.
    ///
    /// ```rhai
    /// let list = [1];
    /// list.pad(3, 0);
    /// expect(list, [1, 0, 0]);
    /// ```
    change pad(ctx: NativeCallContext, array: &mut Array, len: i64, item: Dynamic) -> ScriptResult<()> = {
        let len = length(len);
        let missing = len.saturating_sub(array.len());
        if missing > 0 {
            room(&ctx, "pad", missing, size(&item))?;
            array.resize(len, item);
        }
        Ok(())
    };

    /// Lengthens the blob to `len` bytes with copies of a byte; one that is long enough stays.
    ///
    /// Errors: `too-large`: the result does not fit into memory.
    ///
    /// ```rhai
    /// let data = blob(1, 7);
    /// data.pad(3, 0);
    /// expect(data.len, 3);
    /// ```
    change pad(ctx: NativeCallContext, blob: &mut Blob, len: i64, value: i64) -> ScriptResult<()> = {
        let len = length(len);
        let missing = len.saturating_sub(blob.len());
        if missing > 0 {
            room(&ctx, "pad", missing, 1)?;
            blob.resize(len, value as u8);
        }
        Ok(())
    };

    /// A blob of `len` bytes, all 0.
    ///
    /// Errors: `too-large`: it does not fit into memory.
    ///
    /// ```rhai
    /// expect(blob(3).len, 3);
    /// ```
    fn blob(ctx: NativeCallContext, len: i64) -> ScriptResult<Blob> = blob_of(ctx, len, 0);

    /// A blob of `len` bytes, all of this value; of a value above 255 the lowest 8 bits count.
    ///
    /// Errors: `too-large`: it does not fit into memory.
    ///
    /// ```rhai
    /// expect(blob(2, 0x41).as_string(), "AA");
    /// ```
    fn blob as blob_of(ctx: NativeCallContext, len: i64, value: i64) -> ScriptResult<Blob> = {
        room(&ctx, "blob", length(len), 1)?;
        Ok(vec![value as u8; length(len)])
    };

    /// The bytes of the blob as an array of whole numbers.
    ///
    /// Errors: `too-large`: the array does not fit into memory.
    ///
    /// ```rhai
    /// expect(blob(2, 7).to_array(), [7, 7]);
    /// ```
    fn to_array(ctx: NativeCallContext, blob: &mut Blob) -> ScriptResult<Array> = {
        room(&ctx, "to_array", blob.len(), VALUE)?;
        Ok(blob.iter().map(|&byte| i64::from(byte).into()).collect())
    };

    /// The characters of the text as an array.
    ///
    /// Errors: `too-large`: the array does not fit into memory.
    ///
    /// ```rhai
    /// expect("ab".to_chars(), ['a', 'b']);
    /// ```
    fn to_chars(ctx: NativeCallContext, text: &str) -> ScriptResult<Array> = {
        room(&ctx, "to_chars", text.len(), VALUE)?;
        Ok(text.chars().map(Dynamic::from).collect())
    };

    /// Puts `to` in the place of each `from` in the text, and gives the text.
    ///
    /// Errors: `too-large`: the result does not fit into memory.
    ///
    /// ```rhai
    /// let text = "ping 1";
    /// expect(text.replace("ping", "PING"), "PING 1");
    /// expect(text, "PING 1");
    /// ```
    change replace(
        ctx: NativeCallContext, text: &mut ImmutableString, from: &str, to: &str,
    ) -> ScriptResult<ImmutableString> =
        replaced(&ctx, text, from, to);

    /// Puts a character in the place of each `from` in the text.
    ///
    /// Errors: `too-large`: the result does not fit into memory.
    ///
    /// ```rhai
    /// let text = "a--b";
    /// text.replace("--", '=');
    /// expect(text, "a=b");
    /// ```
    change replace(
        ctx: NativeCallContext, text: &mut ImmutableString, from: &str, to: char,
    ) -> ScriptResult<ImmutableString> =
        replaced(&ctx, text, from, to.encode_utf8(&mut [0; 4]));

    /// Puts `to` in the place of each character `from` in the text.
    ///
    /// Errors: `too-large`: the result does not fit into memory.
    ///
    /// ```rhai
    /// let text = "a b";
    /// text.replace(' ', ", ");
    /// expect(text, "a, b");
    /// ```
    change replace(
        ctx: NativeCallContext, text: &mut ImmutableString, from: char, to: &str,
    ) -> ScriptResult<ImmutableString> =
        replaced(&ctx, text, from.encode_utf8(&mut [0; 4]), to);
}
