//! The ladder of the moment at which a check failed: what the links of its lab carried, as text.

use std::sync::Arc;

use super::{Labs, lock};
use crate::bindings::context;
use crate::pictures::ladder::Ladder;
use crate::pictures::ladder::reading::ReadRun;
use crate::pictures::ladder::selection::Selection;
use crate::pictures::ladder::text::{TextOptions, draw};

/// How many packets it has at most, and how many of these come before the first to which something happened.
const MOST: usize = 16;
const BEFORE: usize = 4;

/// How wide it is, in columns.
const WIDTH: usize = 100;

/// That of the lab that the group of checks of this thread made last, or else the script; `None`: nothing was sent in it.
pub(in crate::bindings) fn of_group() -> Option<String> {
    let context = context::current();
    let labs = context.run.part::<Labs>();
    let lab = {
        let labs = lock(&labs.0);
        let own = labs.iter().rev().find(|lab| Arc::ptr_eq(&lab.0.group, &context.group));
        own.or(labs.last()).cloned()?
    };
    let fates = lock(&lab.0.links).iter().filter_map(|(link, _)| link.fates()).collect::<Vec<_>>();
    let begun = fates.iter().map(|(_, begun)| *begun).min();
    let frames = fates.into_iter().flat_map(|(rows, _)| rows).filter(|row| row.protocol != "arp").collect();
    let (mut ladder, _) = Ladder::new(ReadRun { begun, frames, ..ReadRun::default() }, &Selection::default());
    // Where in a script it was decided says nothing to who has not written it.
    for cause in ladder.arrows.iter_mut().filter_map(|arrow| arrow.cause.as_mut()) {
        cause.truncate(cause.find(" by ").filter(|at| cause[*at..].contains(".rhai")).unwrap_or(cause.len()));
    }
    let all = ladder.arrows.len();
    let moment = ladder.arrows.iter().position(|arrow| arrow.is_lost() || arrow.cause.is_some());
    let first = moment.map_or(all, |moment| moment.saturating_sub(BEFORE)).min(all.saturating_sub(MOST));
    ladder.keep(first..all.min(first + MOST));
    ladder.title = match all {
        0 => return None,
        all if all <= MOST => "what the links carried".to_string(),
        all => format!("packets {} to {} of {all}", first + 1, first + ladder.arrows.len()),
    };
    Some(draw(&ladder, TextOptions { width: WIDTH, colours: false }))
}
