//! The script language as scripts meet it: settings, limits, printing.

use rhai::{Dynamic, Engine, OptimizationLevel};

use super::modules::Modules;
use super::rewrite;
use super::sources::Sources;
use crate::bindings;
use crate::bindings::print::print;
use crate::bindings::{context, exit};
use crate::limits::memory;
use crate::net::host::stop::Stage;
use crate::net::host::threads;
use std::sync::Arc;

/// Calls within calls. What runs scripts has stack for this many of the deepest kind.
const CALL_LEVELS: usize = 128;

/// A script that does so many operations at a stretch is looked at for how long it takes.
const LONG: u64 = 1 << 16;

/// Parts within parts of an expression, outside of functions and inside.
pub const EXPRESSION_DEPTHS: (usize, usize) = (64, 32);

/// Why a script ends that reads the clock of a simulated run again and again.
const IN_VAIN: &str = "the clock was read, or nothing waited for, 200,000 times at one time: in a simulated run it stands still until the script \
                       waits\n\
                       write a wait into the loop: while unix_time() < end { sleep(1.ms); }";

/// Why a policy ends that would decide for ever in a simulated run.
const ENDLESS: &str = "a policy has taken 8 million operations for one packet: no time passes meanwhile in a simulated run\n\
                       does a loop in it never end?";

/// Why a script ends where the stack is smaller than its calls need.
const TOO_DEEP: &str = "calls and expressions are within each other deeper than this system has a stack for\n\
                        does a function call itself without end?";

/// An engine with everything that scripts can call, and what that says of itself if `is_described`. Imports find their files
/// through `sources`.
pub fn build(sources: Arc<Sources>, is_described: bool) -> Engine {
    let mut engine = Engine::new();
    bindings::register(&mut engine, is_described);
    rewrite::register(&mut engine);
    engine
        .set_module_resolver(Modules::new(sources))
        .set_strict_variables(true)
        .set_fail_on_invalid_map_property(true)
        // Programs are optimized when they have been rewritten.
        .set_optimization_level(OptimizationLevel::None)
        // Shared by all threads, the interner costs more than it saves.
        .set_max_strings_interned(0)
        .set_max_call_levels(CALL_LEVELS)
        .set_max_expr_depths(EXPRESSION_DEPTHS.0, EXPRESSION_DEPTHS.1)
        .set_max_variables(10_000)
        .set_max_functions(10_000)
        .set_max_modules(1_000)
        .disable_symbol("eval")
        .on_print(print)
        .on_debug(|text, _, position| print(&format!("{text} ({position:?})")))
        .on_progress(progress);
    engine
}

/// Called at every operation of a script; a value ends it. What is rare has a place of its own, since a server does twenty
/// operations for each message.
fn progress(operations: u64) -> Option<Dynamic> {
    if threads::is_stack_low() {
        return Some(TOO_DEEP.into());
    }
    // A look at the stop every few operations is soon enough; memory can double with each.
    if exit::is_pending() || operations.is_multiple_of(16) || memory::in_use() > memory::LIMIT {
        return look(operations);
    }
    None
}

#[cold]
fn look(operations: u64) -> Option<Dynamic> {
    if let Some(leaving) = exit::pending() {
        return Some(leaving);
    }
    if operations.is_multiple_of(LONG) {
        threads::yield_now();
        if bindings::policy::draw::look_at_length() {
            return Some(ENDLESS.into());
        }
        if bindings::time::is_clock_read_in_vain() {
            return Some(IN_VAIN.into());
        }
    }
    if operations.is_multiple_of(16) && context::peek(|context| context.stop.stage() == Stage::Terminated) == Some(true)
    {
        return Some(Dynamic::UNIT);
    }
    (memory::in_use() > memory::LIMIT).then(|| {
        format!(
            "more than {} MiB of memory are in use\ndoes an array, a map or a string grow without end? Keep a count or stats() \
             instead of every value",
            memory::LIMIT >> 20
        )
        .into()
    })
}
