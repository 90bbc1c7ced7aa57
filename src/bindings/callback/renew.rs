//! A closure that is what its place in the newest version of its script holds.

use std::sync::atomic::Ordering;

use rhai::{Dynamic, FnPtr, Position};

use super::{Callback, function};
use crate::bindings::context::{self, Following, HandlerVersion, Reload};
use crate::bindings::print::note;

impl Callback {
    /// The same, for a loop that is to call the newest version of it; see [`Self::renew`].
    pub fn renewing(mut self) -> Self {
        self.following = context::peek(|context| context.run.reload.as_ref().map(Reload::follow)).flatten();
        self
    }

    /// If its script was reloaded, it is from now on what took its place there: the function of its name, or the closure that the
    /// same call is given. Where there is none it stays, and a line says so. Whether it is another one now.
    pub fn renew(&mut self) -> bool {
        let Some(version) = self.following.as_mut().and_then(Following::news) else { return false };
        let Some((closure, position)) = self.successor(&version) else {
            if !version.noted.swap(true, Ordering::Relaxed) {
                note(&self.has_no_successor());
            }
            return false;
        };
        let new = Self::make(closure, version.programs.clone(), version.global.clone(), position).fresh();
        let new = if let Some(watch) = &self.watch { new.noting(watch.what) } else { new };
        let mut following = self.following.take();
        if let Some(following) = &mut following {
            following.handlers = version.handlers.clone();
            following.version = Some(version);
        }
        *self = Self { following, ..new };
        true
    }

    /// What is called in its place in `version`, and where that is given away.
    fn successor(&self, version: &HandlerVersion) -> Option<(FnPtr, Position)> {
        let name = self.closure.fn_name();
        let before = function(&self.global, name)?;
        let (places, now) = (&self.following.as_ref()?.handlers, &version.handlers);
        if function(&version.global, name).is_some_and(|function| function.params.len() == before.params.len()) {
            let same = now.iter().find(|(_, closure)| closure.fn_name() == name);
            return Some((self.closure.clone(), same.map_or(self.position, |(place, _)| *place)));
        }
        let at = places.iter().position(|(place, _)| *place == self.position)?;
        let (place, closure) = now.get(at).filter(|_| now.len() == places.len())?;
        let function = function(&version.global, closure.fn_name())?;
        let captured = self.closure.curry().len();
        let names = &function.params[..(function.params.len() + captured).checked_sub(before.params.len())?];
        let value =
            |name| Some(self.closure.curry()[before.params[..captured].iter().position(|one| one == name)?].clone());
        let values: Option<Vec<Dynamic>> = names.iter().map(value).collect();
        let mut closure = closure.clone();
        closure.set_curry(values?);
        Some((closure, *place))
    }

    fn has_no_successor(&self) -> String {
        let script = self.global.source.as_deref().unwrap_or_default();
        let line = self.position.line().unwrap_or_default();
        let (what, hint) = match self.closure.is_anonymous() {
            true => (format!("the closure given in line {line}"), "in the same call, with no other captured variables"),
            false => {
                (format!("the function `{}`", self.closure.fn_name()), "under the same name, with as many parameters")
            }
        };
        format!(
            "note: {script}: nothing takes the place of {what}; the clients it serves stay with it\n  hint: a handler is found {hint}"
        )
    }
}
