//! Where the events of a run go: rows, reports, the trace, the live view.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::Path;

use super::report_file::{self, ReportWriter};
use super::run::Job;
use crate::bindings::context::Context;
use crate::net::error::in_words;
use crate::net::host::file;
use crate::net::observe::event::Sink;
use crate::net::observe::record;
use crate::net::observe::record::{About, Begun, Format};
use crate::net::sys;
use crate::terminal::live::LiveSink;
use crate::terminal::output;

/// Has the events of a run recorded as the job wants it, and drawn by `live`; whether that can be.
pub(super) fn record(job: &Job, context: &Context, live: Option<&LiveSink>) -> bool {
    if let Some(place) = job.wanted.same_place() {
        let place = if place == "-" { "standard output" } else { place };
        output::note(&format!("error: --json and --csv both write to {place}, which can hold rows of one kind only"));
        output::note("  hint: name two files");
        return false;
    }
    let (host, real) = (context.run.host.clone(), sys::realtime_nanos());
    let begun = Begun::new(move || host.simulated().map_or(real, |host| host.world().began()));
    let about = About::new(&job.name, &job.args, context.run.seed.value, real);
    context.run.session.is_about(about.clone(), begun.clone());
    let mut others: Vec<Box<dyn Format>> = Vec::new();
    if let Some(name) = &job.wanted.report {
        match report_file::create(name) {
            Some(target) => others.push(Box::new(ReportWriter::new(name, target, &job.name))),
            None => return false,
        }
    }
    match record::open(&job.wanted, about, begun, others) {
        Ok(mut sinks) => {
            sinks.extend(live.map(|live| Box::new(live.clone()) as Box<dyn Sink>));
            context.run.session.events.send_to(sinks, job.wanted.frames);
            true
        }
        Err((file, err)) => {
            cannot_open(&file, ["rows", "files of rows"], &err);
            false
        }
    }
}

/// Opens a file for what is called `[one, several]`: a new one, or one of before, by whether its beginning `is_one`, which is emptied.
/// `None`: it cannot be opened, which is said.
pub(super) fn create(name: &str, kind: [&str; 2], is_one: impl FnOnce(&[u8]) -> bool) -> Option<File> {
    file::create(name, is_one).inspect_err(|err| cannot_open(name, kind, err)).ok()
}

fn cannot_open(name: &str, [one, several]: [&str; 2], err: &io::Error) {
    output::note(&format!("error: {name} cannot be opened for {one}: {}", in_words(err)));
    output::note(&match err.kind() {
        ErrorKind::AlreadyExists => format!("  hint: only {several} are written anew: remove it, or name another file"),
        ErrorKind::ResourceBusy => "  hint: name another file, or wait until that run has ended".to_string(),
        ErrorKind::NotFound | ErrorKind::PermissionDenied | ErrorKind::NotADirectory => {
            "  hint: name a file in a directory that exists and that you may write to".to_string()
        }
        _ => "  hint: name another file".to_string(),
    });
}

/// `name`, if it ends in one of these, or has no such end.
pub(super) fn named(name: &str, ends: &[&str]) -> Result<String, String> {
    if name == "-" {
        return Err("- is no name of a file, and a picture goes into one".to_string());
    }
    match Path::new(name).extension().and_then(OsStr::to_str) {
        Some(end) if !ends.contains(&end) => Err(format!("no .{end} is made: name a file .{}", ends.join(" or ."))),
        _ => Ok(name.to_string()),
    }
}

/// That what was opened could not be written.
pub(super) fn not_written(name: &str, err: &io::Error) -> String {
    format!("error: {name} could not be written: {}", in_words(err))
}
