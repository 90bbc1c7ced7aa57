//! Bytes put together: numbers by width and order, text and blobs, one after the other.

use rhai::{Blob, Dynamic, NativeCallContext};

use super::builder::Builder;
use super::error::{OrRaise, ScriptResult};
use crate::net::wire::number;

functions! {
    pub fn api;
    object Builder as Bytes,
        "Bytes that grow by calls such as `u16`; sent and replied with as they are. Copies are the same bytes.";

    /// No bytes yet: what is to be put together with `u8`, `u16`, `text` and so on. Each of these gives the same `Bytes`
    /// again, so that calls can follow one another.
    ///
    /// ```rhai
    /// let message = bytes().u16(7).u8(1).text("x");
    /// message.u8(0);
    /// expect(hex(message), "00 07 01 78 00");
    /// ```
    volatile bytes() -> Builder = Builder::default();

    /// Appends a number: `u8` as one byte, 0 to 255; `u16`, `u24`, `u32` and `u64` as two, three, four and eight bytes in network order;
    /// with `_le` at the end of the name the least significant byte comes first; with `i` in place of `u` the number has a sign. `u64`
    /// takes numbers up to the greatest integer.
    ///
    /// Errors: `invalid`: it does not fit.
    ///
    /// ```rhai
    /// expect(hex(bytes().u8(200).u16(0x0102).u24(0x010203).u32(7)), "c8 01 02 01 02 03 00 00 00 07");
    /// expect(hex(bytes().u64(7)), "00 00 00 00 00 00 00 07");
    /// expect(hex(bytes().u16_le(0x0102).u32_le(7).u64_le(7)), "02 01 07 00 00 00 07 00 00 00 00 00 00 00");
    /// expect(hex(bytes().i8(-1).i16(-2).i32(-2)), "ff ff fe ff ff ff fe");
    /// expect(hex(bytes().i64(-2)), "ff ff ff ff ff ff ff fe");
    /// expect(hex(bytes().i16_le(-2).i32_le(-2).i64_le(-2)), "fe ff fe ff ff ff fe ff ff ff ff ff ff ff");
    /// ```
    fn u8 | u16 | u24 | u32 | u64 | u16_le | u32_le | u64_le | i8 | i16 | i32 | i64 | i16_le | i32_le | i64_le(
        ctx: NativeCallContext, bytes: &mut Builder, number: i64,
    ) -> ScriptResult<Builder> =
        bytes.number(&ctx, number);

    /// Appends a text (UTF-8), without its length and without an end mark.
    ///
    /// ```rhai
    /// expect(hex(bytes().u8(2).text("hi")), "02 68 69");
    /// ```
    fn text(bytes: &mut Builder, text: &str) -> Builder = {
        bytes.lock().extend_from_slice(text.as_bytes());
        bytes.clone()
    };

    /// Appends a blob; so many zeros are `blob(n)`.
    ///
    /// ```rhai
    /// expect(hex(bytes().blob(unhex("de ad")).blob(blob(2))), "de ad 00 00");
    /// ```
    fn blob(bytes: &mut Builder, data: Blob) -> Builder = {
        bytes.lock().extend_from_slice(&data);
        bytes.clone()
    };

    /// Appends what other bytes hold by now.
    ///
    /// ```rhai
    /// let name = bytes().text("abc");
    /// expect(hex(bytes().u8(name.len).blob(name)), "03 61 62 63");
    /// ```
    fn blob(bytes: &mut Builder, data: Builder) -> Builder = {
        let data = data.to_vec();
        bytes.lock().extend_from_slice(&data);
        bytes.clone()
    };

    /// How many bytes there are.
    ///
    /// ```rhai
    /// expect(bytes().u32(0).len, 4);
    /// ```
    get len(bytes: &mut Builder) -> i64 = bytes.lock().len() as i64;

    /// The bytes as a blob: a copy, which does not grow.
    ///
    /// ```rhai
    /// expect(bytes().u8(7).blob[0], 7);
    /// ```
    get blob(bytes: &mut Builder) -> Blob = bytes.to_vec();

    /// The bytes as hexadecimal digits.
    ///
    /// ```rhai
    /// expect(`${bytes().u16(7)}`, "00 07");
    /// ```
    fn to_string | to_debug(bytes: &mut Builder) -> String = number::hex(&bytes.lock());

    /// Data as hexadecimal digits, two for each byte, with blanks between: of a blob, of `bytes()` or of a text.
    ///
    /// Errors: `invalid`: it is neither.
    ///
    /// ```rhai
    /// expect(hex("hi"), "68 69");
    /// ```
    fn hex(ctx: NativeCallContext, data: Dynamic) -> ScriptResult<String> = {
        let data = super::convert::bytes(&ctx, data)?;
        Ok(number::hex(&data))
    };

    /// The blob that hexadecimal digits stand for, two for each byte; white space between bytes does not count.
    ///
    /// Errors: `invalid`: another character, or half a byte.
    ///
    /// ```rhai
    /// expect(unhex("de ad BEEF").len, 4);
    /// ```
    fn unhex(ctx: NativeCallContext, text: &str) -> ScriptResult<Blob> = number::unhex(text).or_raise(&ctx);
}
