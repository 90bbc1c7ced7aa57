//! The bytes that scripts put together.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rhai::NativeCallContext;

use super::error::{OrRaise, ScriptResult};
use crate::net::wire::number::Number;

/// Bytes that grow. Clones are the same, so that calls can follow one another and loops can add to them.
#[derive(Clone, Debug, Default)]
pub struct Builder(Arc<Mutex<Vec<u8>>>);

impl Builder {
    /// The bytes so far.
    pub fn to_vec(&self) -> Vec<u8> {
        self.lock().clone()
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends a number as the function that was called writes it.
    pub(super) fn number(&self, ctx: &NativeCallContext, value: i64) -> ScriptResult<Self> {
        let number = Number::named(ctx.fn_name()).expect("functions are called as numbers are");
        number.append(value, &mut self.lock()).or_raise(ctx)?;
        Ok(self.clone())
    }
}
