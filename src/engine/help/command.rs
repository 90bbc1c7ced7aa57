//! `pingscript doc`: the reference outside of a script.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use super::{definitions, pages, text};
use crate::engine::programs::ScriptHost;
use crate::net::error::{Error, ErrorKind};

/// What of the reference is wanted.
#[derive(Args, Clone, Debug, Default)]
pub struct Doc {
    /// What to explain, such as udp::bind, recv, UdpSocket, policies or language; none: what there is
    #[arg(value_name = "NAME", conflicts_with_all = ["all", "markdown", "html", "definitions"])]
    pub name: Option<String>,

    /// Explain every function
    #[arg(long, conflicts_with_all = ["markdown", "html", "definitions"])]
    pub all: bool,

    /// Print the whole reference as one page of Markdown
    #[arg(long, conflicts_with_all = ["html", "definitions"])]
    pub markdown: bool,

    /// Print the whole reference as one page of HTML
    #[arg(long, conflicts_with = "definitions")]
    pub html: bool,

    /// Write definitions for editors (.d.rhai, as the Rhai language server reads them) into this directory
    #[arg(long, value_name = "DIR")]
    pub definitions: Option<PathBuf>,
}

/// What is to be printed for `doc`.
///
/// # Errors
/// `invalid`: there is nothing of that name; `file`: the definitions cannot be written.
pub fn run(host: &ScriptHost, doc: &Doc) -> Result<String, Error> {
    let reference = || host.reference();
    if let Some(dir) = &doc.definitions {
        return define(host, dir);
    }
    if doc.markdown {
        return Ok(pages::markdown(reference()).trim_end().to_string());
    }
    if doc.html {
        return Ok(pages::html(reference()).trim_end().to_string());
    }
    if doc.all {
        return Ok(text::everything(reference()));
    }
    text::help(reference(), doc.name.as_deref()).map_err(|error| {
        // What is called in a script has another name here.
        let hint = error.hint.replace("help() shows", "`pingscript doc` shows");
        Error { hint, op: "doc", ..error }
    })
}

/// Writes the definitions; what to print about it.
fn define(host: &ScriptHost, dir: &Path) -> Result<String, Error> {
    let failed = |err: std::io::Error| {
        let error = Error { kind: ErrorKind::File, ..Error::system("doc", &err) };
        error.with_peer(dir.display()).with_hint("name a directory that you may write to")
    };
    fs::create_dir_all(dir).map_err(failed)?;
    for (name, text) in definitions::files(host.described()) {
        fs::write(dir.join(name), text).map_err(failed)?;
    }
    Ok(format!("definitions for editors are in {}", dir.display()))
}
