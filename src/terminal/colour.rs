//! Whether colours are wanted: what the user chose, else whether there is a terminal that shows them (no-color.org).

use std::sync::OnceLock;

static CHOSEN: OnceLock<bool> = OnceLock::new();

/// Has colours from now on, or none, wherever the output goes. The first to say it wins.
pub fn choose(colours: bool) {
    let _ = CHOSEN.set(colours);
}

/// Whether colours are wanted on what is a terminal or not.
pub fn is_wanted(terminal: bool) -> bool {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    match CHOSEN.get() {
        Some(chosen) => *chosen,
        None => terminal && set("NO_COLOR").is_none() && set("TERM").is_none_or(|term| term != "dumb"),
    }
}
