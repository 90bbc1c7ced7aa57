//! A closure that only calls a function of its script, as in `start_thread(|| serve(conn))`.

use rhai::{Dynamic, EvalAltResult, Expr, FnPtr, Position, Stmt};

use super::{Callback, function};
use crate::bindings::body;

impl Callback {
    /// The same; of a closure that only hands what it captured to a function of its script, the function itself. A thread's stack is
    /// smaller by what the interpreter needs for the closure's call, and a server may have thousands of threads.
    pub fn forwarded(self) -> Self {
        match self.called() {
            Some((closure, position)) => {
                let stands_for = Some((self.closure.fn_name().to_string(), self.position));
                Self { closure, position, stands_for, ..self }
            }
            None => self,
        }
    }

    /// `error` as it would be had the closure been called, which is in the chain of calls.
    pub(super) fn through(&self, error: Box<EvalAltResult>) -> Box<EvalAltResult> {
        match (&self.stands_for, &*error) {
            (Some((name, at)), EvalAltResult::ErrorInFunctionCall(..)) => {
                let source = self.global.source.as_deref().unwrap_or_default().to_string();
                EvalAltResult::ErrorInFunctionCall(name.clone(), source, error, *at).into()
            }
            _ => error,
        }
    }

    /// The function that the closure calls, with what it is called with, and where.
    fn called(&self) -> Option<(FnPtr, Position)> {
        let own = self.definition().filter(|own| own.params.len() == self.closure.curry().len())?;
        let statements = body::written(own);
        let (call, position) = match statements.as_slice() {
            [Stmt::FnCall(call, position)] => (call, *position),
            [Stmt::Expr(only)] => match &**only {
                Expr::FnCall(call, position) => (call, *position),
                _ => return None,
            },
            _ => return None,
        };
        let is_plain = !call.is_qualified() && !call.capture_parent_scope && call.op_token.is_none();
        let named = function(&self.global, &call.name).filter(|_| is_plain)?;
        if named.params.len() != call.args.len() || named.this_type.is_some() {
            return None;
        }
        let value = |arg: &Expr| match arg {
            Expr::Variable(variable, ..) if variable.2.is_empty() => {
                let at = own.params.iter().position(|name| *name == variable.1)?;
                self.closure.curry().get(at).map(|value| value.clone().flatten())
            }
            _ => None,
        };
        let values: Option<Vec<Dynamic>> = call.args.iter().map(value).collect();
        let mut closure = FnPtr::new(call.name.as_str()).ok()?;
        closure.set_curry(values?);
        Some((closure, position))
    }
}
