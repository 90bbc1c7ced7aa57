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

    fn number(&self, ctx: &NativeCallContext) -> ScriptResult<i64> {
        let number = Number::named(ctx.fn_name()).expect("functions are called as numbers are");
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

    /// Reads a number, as `bytes()` writes it: `u8` of one byte; `u16`, `u24`, `u32` and `u64` of two, three, four and eight bytes in
    /// network order; with `_le` at the end of the name the least significant byte comes first; with `i` in place of `u` the number has a
    /// sign.
    ///
    /// Errors: `invalid`: fewer bytes are left; an unsigned number that an integer cannot hold.
    ///
    /// ```rhai
    /// let message = reader(unhex("c8 01 02 01 02 03 00 00 00 07 00 00 00 00 00 00 00 07"));
    /// expect([message.u8(), message.u16(), message.u24(), message.u32(), message.u64()], [200, 0x0102, 0x010203, 7, 7]);
    /// let message = reader(unhex("02 01 07 00 00 00 07 00 00 00 00 00 00 00"));
    /// expect([message.u16_le(), message.u32_le(), message.u64_le()], [0x0102, 7, 7]);
    /// let message = reader(unhex("ff ff fe ff ff ff fe ff ff ff ff ff ff ff fe"));
    /// expect([message.i8(), message.i16(), message.i32(), message.i64()], [-1, -2, -2, -2]);
    /// let message = reader(unhex("fe ff fe ff ff ff fe ff ff ff ff ff ff ff"));
    /// expect([message.i16_le(), message.i32_le(), message.i64_le()], [-2, -2, -2]);
    /// ```
    fn u8 | u16 | u24 | u32 | u64 | u16_le | u32_le | u64_le | i8 | i16 | i32 | i64 | i16_le | i32_le | i64_le(
        ctx: NativeCallContext, reader: &mut Reading,
    ) -> ScriptResult<i64> =
        reader.number(&ctx);

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
    get len(reader: &mut Reading) -> i64 = reader.lock().byte_count() as i64;

    /// The reader in words: how far it is.
    ///
    /// ```rhai
    /// expect(`${reader("hello").skip(2)}`, "at 2 of 5 bytes");
    /// ```
    fn to_string | to_debug(reader: &mut Reading) -> String = {
        let cursor = reader.lock();
        format!("at {} of {} bytes", cursor.at(), cursor.byte_count())
    };
}
