//! Runs a script on simulated hosts and on virtual time, wherever Rust does: it prints what `pingscript --simulate --seed N` prints.
//!
//! ```sh
//! cargo run --example run_script -- 7 labs/tcp_loss   # the seed, then a script and its arguments
//! cargo build --example run_script --no-default-features --features sim --target x86_64-pc-windows-gnu
//! ```

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;

use pingscript::bindings::callback::tame_panics;
use pingscript::engine::programs::ScriptHost;
use pingscript::engine::run::{self, Job, exit};
use pingscript::net::host::environment;
use pingscript::terminal::{Terminal, output};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(seed), Some(name)) = (args.next().and_then(|seed| seed.parse().ok()), args.next()) else {
        eprintln!("write: run_script SEED SCRIPT [ARGS]…");
        return Ok(ExitCode::from(exit::USAGE as u8));
    };
    tame_panics();
    environment::set(Terminal);
    output::open()?;
    let host = Arc::new(ScriptHost::new());
    let code = match host.sources.open(&name) {
        Ok((name, text)) => {
            let args = args.collect();
            run::run(&host, &Job { name, text, args, seed: Some(seed), simulate: true, ..Job::default() })?
        }
        Err(error) => run::refuse(&error),
    };
    Ok(ExitCode::from(code as u8))
}
