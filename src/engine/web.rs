//! `pingscript web`: the playground on this machine, with runs that were recorded here.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use clap::Args;
use tiny_http::{Header, Method, Request, Response, ResponseBox, Server, StatusCode};

use super::run::{exit, refuse};
use super::signals;
use crate::net::error::{Error, ErrorKind};
use crate::net::host::stop::Stop;
use crate::terminal::output;

/// The page, as `bash web/build` has made it: the path of each file, its type, and what is in it.
macro_rules! page {
    ($($name:literal: $media:literal),* $(,)?) => {
        &[$((concat!("/", $name), $media, include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/web/dist/", $name)))),*]
    };
}
const PAGE: &[(&str, &str, &[u8])] = page! {
    "index.html": "text/html; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "worker.js": "text/javascript; charset=utf-8",
    "page.css": "text/css; charset=utf-8",
    "engine.wasm": "application/wasm",
};

/// How long a signal may go unnoticed.
const BEAT: Duration = Duration::from_millis(200);

/// What is served.
#[derive(Args, Clone, Debug)]
pub struct WebArgs {
    /// Runs to open: the rows that --json FILE --frames wrote
    #[arg(value_name = "RUN")]
    pub runs: Vec<String>,

    /// The port on 127.0.0.1; 0: any free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub port: u16,
}

/// The end of what `web --help` says.
pub const EXIT_CODES: &str = "\
Exit codes:
    2    a run that cannot be opened, or a port that is taken
    130  SIGINT (Ctrl-C)";

/// Serves until a signal comes; the exit code.
pub fn run(args: &WebArgs) -> i32 {
    match serve(args) {
        Ok(code) => code,
        Err(error) => refuse(&error),
    }
}

fn serve(args: &WebArgs) -> Result<i32, Error> {
    for run in &args.runs {
        File::open(run).map_err(|err| Error { kind: ErrorKind::File, ..Error::system("web", &err).with_peer(run) })?;
    }
    let stop = Stop::root().map_err(|err| Error::system("web", &err))?;
    signals::stop_script(&stop);
    let at = format!("127.0.0.1:{}", args.port);
    let server = Server::http(&at).map_err(|err| {
        Error::new(ErrorKind::System, "web", err.to_string()).with_peer(&at).with_hint("--port 0 takes any free port")
    })?;
    let authority = server.server_addr().to_string();
    output::line(&format!("The playground is at http://{authority}/{} (Ctrl-C ends it)", fragment(&args.runs)));
    output::flush();
    while !stop.is_stopped() {
        match server.recv_timeout(BEAT) {
            Ok(Some(request)) => answer(request, &authority, &args.runs),
            Ok(None) => {}
            Err(err) => return Err(Error::system("web", &err).with_peer(&authority)),
        }
    }
    Ok(signals::finish().map_or(exit::DONE, exit::of_signal))
}

/// What stands behind the address of the page, so that it opens the runs.
fn fragment(runs: &[String]) -> String {
    let paths = (0..runs.len()).map(|number| format!("recorded={}", path(runs, number)));
    let joined = paths.collect::<Vec<_>>().join("&");
    if joined.is_empty() { joined } else { format!("#{joined}") }
}

/// The path by which a run is asked for: its number, and the name of its file, of which letters and digits stay.
fn path(runs: &[String], number: usize) -> String {
    let name = Path::new(&runs[number]).file_name().unwrap_or_default().to_string_lossy();
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-._".contains(c) { c } else { '_' };
    format!("runs/{number}/{}", name.chars().map(plain).collect::<String>())
}

fn answer(request: Request, authority: &str, runs: &[String]) {
    let response = response(&request, authority, runs)
        .with_header(header("Cache-Control", "no-store"))
        .with_header(header("X-Content-Type-Options", "nosniff"));
    // The browser may have gone.
    let _ = request.respond(response);
}

/// Recordings are for pages from here alone: a page of another name that leads to this machine gets nothing.
fn response(request: &Request, authority: &str, runs: &[String]) -> ResponseBox {
    let host = request.headers().iter().find(|header| header.field.equiv("Host")).map(|header| header.value.as_str());
    if host != Some(authority) {
        return Response::empty(StatusCode(403)).boxed();
    }
    if !matches!(request.method(), Method::Get | Method::Head) {
        return Response::empty(StatusCode(405)).boxed();
    }
    let wanted = request.url().split('?').next().unwrap_or_default();
    let wanted = if wanted == "/" { "/index.html" } else { wanted };
    if let Some((_, media, bytes)) = PAGE.iter().find(|(name, ..)| *name == wanted) {
        return Response::from_data(*bytes).with_header(header("Content-Type", media)).boxed();
    }
    let number = (0..runs.len()).find(|number| wanted.strip_prefix('/') == Some(&path(runs, *number)));
    match number.and_then(|number| File::open(&runs[number]).ok()) {
        Some(file) => Response::from_file(file).with_header(header("Content-Type", "application/x-ndjson")).boxed(),
        None => Response::empty(StatusCode(404)).boxed(),
    }
}

fn header(name: &str, value: &str) -> Header {
    Header::from_bytes(name, value).expect("ASCII is a header")
}
