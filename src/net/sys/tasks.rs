//! The one function that a program without threads imports: what runs a task stops in it until the task is to go on.
#![allow(unsafe_code)]

#[link(wasm_import_module = "pingscript")]
unsafe extern "C" {
    #[link_name = "wait"]
    fn imported_wait(what: u32, time: f64);
}

/// Stops what runs until the program outside has it go on; `what` and `time` are for that one.
pub(in crate::net) fn wait(what: u32, time: f64) {
    // SAFETY: it takes two numbers and no address.
    unsafe { imported_wait(what, time) }
}
