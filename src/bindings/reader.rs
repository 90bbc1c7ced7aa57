//! Bytes taken apart: a cursor that reads numbers by width and order, text and blobs, one after the other.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rhai::{Blob, Dynamic, NativeCallContext};

use super::convert;
use super::error::{OrRaise, ScriptResult};
use crate::net::wire::number::{Cursor, Number};

/// Bytes that are being read. Clones share how far.
#[derive(Clone, Debug)]
pub struct Reading(Arc<Mutex<Cursor>>);

impl Reading {
    fn lock(&self) -> MutexGuard<'_, Cursor> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn number(&self, ctx: &NativeCallContext, number: Number) -> ScriptResult<i64> {
        self.lock().number(number).or_raise(ctx)
    }

    fn take(&self, ctx: &NativeCallContext, op: &'static str, count: i64) -> ScriptResult<Vec<u8>> {
        self.lock().take(op, count).map(<[u8]>::to_vec).or_raise(ctx)
    }
}

functions! {
    pub fn api;
    object Reading as Reader, "Bytes that are read one after the other. Copies are the same reader.";

    /// A reader of a blob, of a text or of `bytes()`, at its first byte. Reading past the end is an error.
    ///
    /// Errors: `invalid`: it is neither.
    ///
    /// ```rhai
    /// let r = reader(unhex("00 07 02 68 69"));
    /// expect(r.u16(), 7);
    /// expect(r.text(r.u8()), "hi");
    /// expect(r.left, 0);
    /// ```
    volatile reader(ctx: NativeCallContext, data: Dynamic) -> ScriptResult<Reading> = {
        let data = convert::bytes(&ctx, data)?;
        Ok(Reading(Arc::new(Mutex::new(Cursor::new(&data)))))
    };

    /// Reads a number of one byte, 0 to 255.
    ///
    /// Errors: `invalid`: fewer bytes are left.
    ///
    /// ```rhai
    /// expect(reader(unhex("c8")).u8(), 200);
    /// ```
    fn u8(ctx: NativeCallContext, reader: &mut Reading) -> ScriptResult<i64> = reader.number(&ctx, Number::U8);

    /// Reads a number of two bytes in network order, 0 to 65,535.
    ///
    /// Errors: `invalid`: fewer bytes are left.
    ///
    /// ```rhai
    /// expect(reader(unhex("01 02")).u16(), 0x0102);
    /// ```
    fn u16(ctx: NativeCallContext, reader: &mut Reading) -> ScriptResult<i64> = reader.number(&ctx, Number::U16);

    /// Reads a number of three bytes in network order, 0 to 16,777,215.
    ///
    /// Errors: `invalid`: fewer bytes are left.
    ///
    /// ```rhai
    /// expect(reader(unhex("01 02 03")).u24(), 0x010203);
    /// ```
    fn u24(ctx: NativeCallContext, reader: &mut Reading) -> ScriptResult<i64> = reader.number(&ctx, Number::U24);

    /// Reads a number of four bytes in network order, 0 to 4,294,967,295.
    ///
    /// Errors: `invalid`: fewer bytes are left.
    ///
    /// ```rhai
    /// expect(reader(unhex("00 00 00 07")).u32(), 7);
    /// ```
    fn u32(ctx: NativeCallContext, reader: &mut Reading) -> ScriptResult<i64> = reader.number(&ctx, Number::U32);

    /// Reads a number of eight bytes in network order, 0 to the greatest integer.
    ///
    /// Errors: `invalid`: fewer bytes are left; it is more than an integer holds.
    ///
    /// ```rhai
    /// expect(reader(unhex("00 00 00 00 00 00 00 07")).u64(), 7);
    /// ```
    fn u64(ctx: NativeCallContext, reader: &mut Reading) -> ScriptResult<i64> = reader.number(&ctx, Number::U64);

    /// Reads a number of two bytes, the least significant first, 0 to 65,535.
    ///
    /// Errors: `invalid`: fewer bytes are left.
    ///
    /// ```rhai
    /// expect(reader(unhex("02 01")).u16_le(), 0x0102);
    /// ```
    fn u16_le(ctx: NativeCallContext, reader: &mut Reading) -> ScriptResult<i64> = reader.number(&ctx, Number::U16_LE);

    /// Reads a number of four bytes, the least significant first, 0 to 4,294,967,295.
    ///
    /// Errors: `invalid`: fewer bytes are left.
    ///
    /// ```rhai
    /// expect(reader(unhex("07 00 00 00")).u32_le(), 7);
    /// ```
    fn u32_le(ctx: NativeCallContext, reader: &mut Reading) -> ScriptResult<i64> = reader.number(&ctx, Number::U32_LE);

    /// Reads a number of eight bytes, the least significant first, 0 to the greatest integer.
    ///
    /// Errors: `invalid`: fewer bytes are left; it is more than an integer holds.
    ///
    /// ```rhai
    /// expect(reader(unhex("07 00 00 00 00 00 00 00")).u64_le(), 7);
    /// ```
    fn u64_le(ctx: NativeCallContext, reader: &mut Reading) -> ScriptResult<i64> = reader.number(&ctx, Number::U64_LE);

    /// Reads a number of one byte in two's complement, -128 to 127.
    ///
    /// Errors: `invalid`: fewer bytes are left.
    ///
    /// ```rhai
    /// expect(reader(unhex("ff")).i8(), -1);
    /// ```
    fn i8(ctx: NativeCallContext, reader: &mut Reading) -> ScriptResult<i64> = reader.number(&ctx, Number::I8);

    /// Reads a number of two bytes in two's complement and network order, -32,768 to 32,767.
    ///
    /// Errors: `invalid`: fewer bytes are left.
    ///
    /// ```rhai
    /// expect(reader(unhex("ff fe")).i16(), -2);
    /// ```
    fn i16(ctx: NativeCallContext, reader: &mut Reading) -> ScriptResult<i64> = reader.number(&ctx, Number::I16);

    /// Reads a number of four bytes in two's complement and network order, -2,147,483,648 to 2,147,483,647.
    ///
    /// Errors: `invalid`: fewer bytes are left.
    ///
    /// ```rhai
    /// expect(reader(unhex("ff ff ff fe")).i32(), -2);
    /// ```
    fn i32(ctx: NativeCallContext, reader: &mut Reading) -> ScriptResult<i64> = reader.number(&ctx, Number::I32);

    /// Reads a number of eight bytes in two's complement and network order, any integer.
    ///
    /// Errors: `invalid`: fewer bytes are left.
    ///
    /// ```rhai
    /// expect(reader(unhex("ff ff ff ff ff ff ff fe")).i64(), -2);
    /// ```
    fn i64(ctx: NativeCallContext, reader: &mut Reading) -> ScriptResult<i64> = reader.number(&ctx, Number::I64);

    /// Reads a number of two bytes in two's complement, the least significant first, -32,768 to 32,767.
    ///
    /// Errors: `invalid`: fewer bytes are left.
    ///
    /// ```rhai
    /// expect(reader(unhex("fe ff")).i16_le(), -2);
    /// ```
    fn i16_le(ctx: NativeCallContext, reader: &mut Reading) -> ScriptResult<i64> = reader.number(&ctx, Number::I16_LE);

    /// Reads a number of four bytes in two's complement, the least significant first, -2,147,483,648 to 2,147,483,647.
    ///
    /// Errors: `invalid`: fewer bytes are left.
    ///
    /// ```rhai
    /// expect(reader(unhex("fe ff ff ff")).i32_le(), -2);
    /// ```
    fn i32_le(ctx: NativeCallContext, reader: &mut Reading) -> ScriptResult<i64> = reader.number(&ctx, Number::I32_LE);

    /// Reads a number of eight bytes in two's complement, the least significant first, any integer.
    ///
    /// Errors: `invalid`: fewer bytes are left.
    ///
    /// ```rhai
    /// expect(reader(unhex("fe ff ff ff ff ff ff ff")).i64_le(), -2);
    /// ```
    fn i64_le(ctx: NativeCallContext, reader: &mut Reading) -> ScriptResult<i64> = reader.number(&ctx, Number::I64_LE);

    /// Reads so many bytes, as a blob.
    ///
    /// Errors: `invalid`: fewer are left, or the number is negative.
    ///
    /// ```rhai
    /// expect(hex(reader("hello").bytes(2)), "68 65");
    /// ```
    fn bytes(ctx: NativeCallContext, reader: &mut Reading, count: i64) -> ScriptResult<Blob> =
        reader.take(&ctx, "bytes", count);

    /// Reads so many bytes, as text; what is not UTF-8 shows as `\u{FFFD}`.
    ///
    /// Errors: `invalid`: fewer are left, or the number is negative.
    ///
    /// ```rhai
    /// expect(reader("hello").text(4), "hell");
    /// ```
    fn text(ctx: NativeCallContext, reader: &mut Reading, count: i64) -> ScriptResult<String> =
        Ok(convert::text(&reader.take(&ctx, "text", count)?).into());

    /// Goes past so many bytes. Gives the reader again. Arguments are read first: `r.skip(6).bytes(r.u16())` would read
    /// the number before the skip, so that is two statements.
    ///
    /// Errors: `invalid`: fewer are left, or the number is negative.
    ///
    /// ```rhai
    /// expect(reader("hello").skip(3).text(2), "lo");
    /// ```
    fn skip(ctx: NativeCallContext, reader: &mut Reading, count: i64) -> ScriptResult<Reading> = {
        reader.take(&ctx, "skip", count)?;
        Ok(reader.clone())
    };

    /// Goes to an offset from the first byte, forth or back. Gives the reader again.
    ///
    /// Errors: `invalid`: there is no such offset.
    ///
    /// ```rhai
    /// let r = reader("hello").seek(4);
    /// expect(r.text(1), "o");
    /// expect(r.seek(0).text(1), "h");
    /// ```
    fn seek(ctx: NativeCallContext, reader: &mut Reading, offset: i64) -> ScriptResult<Reading> = {
        reader.lock().seek(offset).or_raise(&ctx)?;
        Ok(reader.clone())
    };

    /// The offset from the first byte of the byte that is read next.
    ///
    /// ```rhai
    /// expect(reader("hello").skip(2).at, 2);
    /// ```
    get at(reader: &mut Reading) -> i64 = reader.lock().at() as i64;

    /// How many bytes are left to be read.
    ///
    /// ```rhai
    /// expect(reader("hello").skip(2).left, 3);
    /// ```
    get left(reader: &mut Reading) -> i64 = reader.lock().left() as i64;

    /// How many bytes there are in all.
    ///
    /// ```rhai
    /// expect(reader("hello").skip(2).len, 5);
    /// ```
    get len(reader: &mut Reading) -> i64 = reader.lock().len() as i64;

    /// The reader in words: how far it is.
    ///
    /// ```rhai
    /// expect(`${reader("hello").skip(2)}`, "at 2 of 5 bytes");
    /// ```
    fn to_string | to_debug(reader: &mut Reading) -> String = {
        let cursor = reader.lock();
        format!("at {} of {} bytes", cursor.at(), cursor.len())
    };
}
