//! Bytes put together: numbers by width and order, text and blobs, one after the other.

use rhai::{Blob, Dynamic, NativeCallContext};

use super::builder::Builder;
use super::error::{OrRaise, ScriptResult};
use crate::net::wire::number::{self, Number};

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

    /// Appends a number as one byte, 0 to 255.
    ///
    /// Errors: `invalid`: it does not fit.
    ///
    /// ```rhai
    /// expect(hex(bytes().u8(200)), "c8");
    /// ```
    fn u8(ctx: NativeCallContext, bytes: &mut Builder, number: i64) -> ScriptResult<Builder> =
        bytes.number(&ctx, Number::U8, number);

    /// Appends a number as two bytes in network order, 0 to 65,535.
    ///
    /// Errors: `invalid`: it does not fit.
    ///
    /// ```rhai
    /// expect(hex(bytes().u16(0x0102)), "01 02");
    /// ```
    fn u16(ctx: NativeCallContext, bytes: &mut Builder, number: i64) -> ScriptResult<Builder> =
        bytes.number(&ctx, Number::U16, number);

    /// Appends a number as three bytes in network order, 0 to 16,777,215.
    ///
    /// Errors: `invalid`: it does not fit.
    ///
    /// ```rhai
    /// expect(hex(bytes().u24(0x010203)), "01 02 03");
    /// ```
    fn u24(ctx: NativeCallContext, bytes: &mut Builder, number: i64) -> ScriptResult<Builder> =
        bytes.number(&ctx, Number::U24, number);

    /// Appends a number as four bytes in network order, 0 to 4,294,967,295.
    ///
    /// Errors: `invalid`: it does not fit.
    ///
    /// ```rhai
    /// expect(hex(bytes().u32(7)), "00 00 00 07");
    /// ```
    fn u32(ctx: NativeCallContext, bytes: &mut Builder, number: i64) -> ScriptResult<Builder> =
        bytes.number(&ctx, Number::U32, number);

    /// Appends a number as eight bytes in network order, 0 to the greatest integer.
    ///
    /// Errors: `invalid`: it does not fit.
    ///
    /// ```rhai
    /// expect(hex(bytes().u64(7)), "00 00 00 00 00 00 00 07");
    /// ```
    fn u64(ctx: NativeCallContext, bytes: &mut Builder, number: i64) -> ScriptResult<Builder> =
        bytes.number(&ctx, Number::U64, number);

    /// Appends a number as two bytes, the least significant first, 0 to 65,535.
    ///
    /// Errors: `invalid`: it does not fit.
    ///
    /// ```rhai
    /// expect(hex(bytes().u16_le(0x0102)), "02 01");
    /// ```
    fn u16_le(ctx: NativeCallContext, bytes: &mut Builder, number: i64) -> ScriptResult<Builder> =
        bytes.number(&ctx, Number::U16_LE, number);

    /// Appends a number as four bytes, the least significant first, 0 to 4,294,967,295.
    ///
    /// Errors: `invalid`: it does not fit.
    ///
    /// ```rhai
    /// expect(hex(bytes().u32_le(7)), "07 00 00 00");
    /// ```
    fn u32_le(ctx: NativeCallContext, bytes: &mut Builder, number: i64) -> ScriptResult<Builder> =
        bytes.number(&ctx, Number::U32_LE, number);

    /// Appends a number as eight bytes, the least significant first, 0 to the greatest integer.
    ///
    /// Errors: `invalid`: it does not fit.
    ///
    /// ```rhai
    /// expect(hex(bytes().u64_le(7)), "07 00 00 00 00 00 00 00");
    /// ```
    fn u64_le(ctx: NativeCallContext, bytes: &mut Builder, number: i64) -> ScriptResult<Builder> =
        bytes.number(&ctx, Number::U64_LE, number);

    /// Appends a number as one byte in two's complement, -128 to 127.
    ///
    /// Errors: `invalid`: it does not fit.
    ///
    /// ```rhai
    /// expect(hex(bytes().i8(-1)), "ff");
    /// ```
    fn i8(ctx: NativeCallContext, bytes: &mut Builder, number: i64) -> ScriptResult<Builder> =
        bytes.number(&ctx, Number::I8, number);

    /// Appends a number as two bytes in two's complement and network order, -32,768 to 32,767.
    ///
    /// Errors: `invalid`: it does not fit.
    ///
    /// ```rhai
    /// expect(hex(bytes().i16(-2)), "ff fe");
    /// ```
    fn i16(ctx: NativeCallContext, bytes: &mut Builder, number: i64) -> ScriptResult<Builder> =
        bytes.number(&ctx, Number::I16, number);

    /// Appends a number as four bytes in two's complement and network order, -2,147,483,648 to 2,147,483,647.
    ///
    /// Errors: `invalid`: it does not fit.
    ///
    /// ```rhai
    /// expect(hex(bytes().i32(-2)), "ff ff ff fe");
    /// ```
    fn i32(ctx: NativeCallContext, bytes: &mut Builder, number: i64) -> ScriptResult<Builder> =
        bytes.number(&ctx, Number::I32, number);

    /// Appends a number as eight bytes in two's complement and network order, any integer.
    ///
    /// Errors: `invalid`: it does not fit.
    ///
    /// ```rhai
    /// expect(hex(bytes().i64(-2)), "ff ff ff ff ff ff ff fe");
    /// ```
    fn i64(ctx: NativeCallContext, bytes: &mut Builder, number: i64) -> ScriptResult<Builder> =
        bytes.number(&ctx, Number::I64, number);

    /// Appends a number as two bytes in two's complement, the least significant first, -32,768 to 32,767.
    ///
    /// Errors: `invalid`: it does not fit.
    ///
    /// ```rhai
    /// expect(hex(bytes().i16_le(-2)), "fe ff");
    /// ```
    fn i16_le(ctx: NativeCallContext, bytes: &mut Builder, number: i64) -> ScriptResult<Builder> =
        bytes.number(&ctx, Number::I16_LE, number);

    /// Appends a number as four bytes in two's complement, the least significant first, -2,147,483,648 to 2,147,483,647.
    ///
    /// Errors: `invalid`: it does not fit.
    ///
    /// ```rhai
    /// expect(hex(bytes().i32_le(-2)), "fe ff ff ff");
    /// ```
    fn i32_le(ctx: NativeCallContext, bytes: &mut Builder, number: i64) -> ScriptResult<Builder> =
        bytes.number(&ctx, Number::I32_LE, number);

    /// Appends a number as eight bytes in two's complement, the least significant first, any integer.
    ///
    /// Errors: `invalid`: it does not fit.
    ///
    /// ```rhai
    /// expect(hex(bytes().i64_le(-2)), "fe ff ff ff ff ff ff ff");
    /// ```
    fn i64_le(ctx: NativeCallContext, bytes: &mut Builder, number: i64) -> ScriptResult<Builder> =
        bytes.number(&ctx, Number::I64_LE, number);

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
