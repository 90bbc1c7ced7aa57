//! `pingscript ladder`: who sent what to whom, drawn from the rows of a run.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};

use clap::Args;

use super::recording::{create, named, not_written};
use super::run::{exit, refuse};
use crate::net::error::{Error, ErrorKind};
use crate::net::observe::record::reading::RowFile;
use crate::net::time::Duration;
use crate::pictures::ladder::Ladder;
use crate::pictures::ladder::reading::ReadRun;
use crate::pictures::ladder::selection::Selection;
use crate::pictures::ladder::text::{self, TextOptions};
use crate::pictures::ladder::{capture, mermaid, svg};
use crate::terminal::{colour, output};

/// How many bytes say that a file is a picture of ours.
const BEGINNING: usize = 10;

/// The protocols that are known by a name.
const PROTOCOLS: [&str; 7] = ["tcp", "udp", "icmp", "icmp6", "icmpv6", "arp", "malformed"];

/// What is to be drawn.
#[derive(Args, Clone, Debug, Default)]
pub struct LadderJob {
    /// The rows of a run, as `--json FILE --frames` or `link.capture("x.jsonl")` writes them; or a recording of packets, pcapng or pcap
    #[arg(value_name = "RUN")]
    pub run: String,

    /// Write it to a file: SVG, or Mermaid if its name ends in .mmd; none: text on standard output
    #[arg(short = 'o', long = "output", value_name = "FILE", value_parser = picture_name)]
    pub output: Option<String>,

    /// Only what this host, or address, sends and receives; given several times: only what they send to each other
    #[arg(long, value_name = "HOST")]
    pub host: Vec<String>,

    /// Only from this time on, counted from the start of the run, such as 1.5s
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub from: Option<Duration>,

    /// Only up to this time
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub to: Option<Duration>,

    /// Only this protocol: tcp, udp, icmp, icmp6, arp …; may be given several times
    #[arg(long, value_name = "NAME", value_parser = protocol)]
    pub protocol: Vec<String>,

    /// Only from or to this port; may be given several times
    #[arg(long, value_name = "PORT")]
    pub port: Vec<u16>,

    /// Only these sequence numbers, N or FIRST..LAST: of pings, or of TCP counted from the SYN
    #[arg(long, value_name = "N", value_parser = span)]
    pub seq: Option<(u32, u32)>,

    /// Also what hosts say among each other about IPv6 and multicast groups
    #[arg(long)]
    pub all: bool,
}

/// The end of what `ladder --help` says.
pub const EXIT_CODES: &str = "\
Exit codes:
    0  drawn; what is missing of the rows is said
    2  wrong command line, a file that cannot be opened, or nothing in it to be drawn
    3  the picture could not be written";

/// Draws; the exit code.
pub fn run(job: &LadderJob) -> i32 {
    let mut ladder = match draw(job) {
        Ok(ladder) => ladder,
        Err(error) => return refuse(&error),
    };
    let format = job.output.as_ref().map(|name| PictureFormat::of(name));
    if let Some(format) = format {
        ladder.limit(format.most());
    }
    if !ladder.notes.is_empty() {
        output::note(&format!("note: {}: {}", job.run, ladder.notes.join("; ")));
    }
    match job.output.as_ref().zip(format) {
        None => {
            let colours = colour::is_wanted(output::lines_are_on_terminal());
            let drawn = text::draw(&ladder, TextOptions { width: output::columns(), colours });
            output::styled(drawn.trim_end_matches('\n'));
            output::flush();
            if output::has_failed() { exit::SCRIPT } else { exit::DONE }
        }
        Some((name, format)) => write(name, &format.draw(&ladder)),
    }
}

fn draw(job: &LadderJob) -> Result<Ladder, Error> {
    let selection = selection(job)?;
    let failed =
        |err: std::io::Error| Error { kind: ErrorKind::File, ..Error::system("ladder", &err).with_peer(&job.run) };
    let mut file = BufReader::with_capacity(1 << 16, File::open(&job.run).map_err(failed)?);
    let is_capture = capture::is_capture(file.fill_buf().map_err(failed)?);
    let (mut run, found) = match is_capture {
        true => (capture::read(file).map_err(failed)?, None),
        false => ReadRun::read(file).map(|(run, found)| (run, Some(found))).map_err(failed)?,
    };
    if run.title.is_empty() {
        run.title = job.run.clone();
    }
    let lacks =
        |what: &str, hint: &str| Err(Error::new(ErrorKind::File, "ladder", what).with_peer(&job.run).with_hint(hint));
    if is_capture && run.frames.is_empty() {
        let missing = run.notes.first().map_or("there is no packet in it", String::as_str);
        return lacks(missing, "name another recording");
    }
    if found.as_ref().is_some_and(RowFile::is_of_seeds) {
        let hint = "write a file for one seed: pingscript --simulate --seed N --json FILE --frames SCRIPT";
        return lacks("these are rows of --seeds, which have no frames", hint);
    }
    if found.is_some_and(|found| !found.has_rows()) {
        return lacks("it has no rows", "pingscript --json FILE --frames SCRIPT writes them");
    }
    if run.frames.is_empty() && run.probes.is_empty() {
        return lacks(
            "there is no frame in it, and no ping",
            "pingscript --json FILE --frames SCRIPT writes a row for each frame",
        );
    }
    let (ladder, unknown) = Ladder::new(run, &selection);
    match unknown {
        Some(host) => {
            let error = Error::invalid("ladder", format!("there is no host {host:?}")).with_peer(&job.run);
            Err(error.with_hint(format!("it has {}", ladder.hosts.join(", "))))
        }
        None if ladder.arrows.is_empty() => lacks(
            &ladder.notes.join("; "),
            "select more: without --host, --from, --to, --protocol, --port or --seq all is drawn",
        ),
        None => Ok(ladder),
    }
}

fn selection(job: &LadderJob) -> Result<Selection, Error> {
    if job.from.zip(job.to).is_some_and(|(from, to)| from > to) {
        let error = Error::invalid("ladder", "--to is before --from").with_peer(&job.run);
        return Err(error.with_hint("both count from the start of the run"));
    }
    let (hosts, protocols, ports) = (job.host.clone(), job.protocol.clone(), job.port.clone());
    Ok(Selection { hosts, from: job.from, to: job.to, protocols, ports, seq: job.seq, all: job.all })
}

/// The format of a picture in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PictureFormat {
    Svg,
    Mermaid,
}

impl PictureFormat {
    /// That which the name of the file asks for.
    fn of(name: &str) -> Self {
        let is_mermaid = [".mmd", ".mermaid"].iter().any(|end| name.ends_with(end));
        if is_mermaid { Self::Mermaid } else { Self::Svg }
    }

    fn most(self) -> usize {
        match self {
            Self::Svg => svg::MOST,
            Self::Mermaid => mermaid::MOST,
        }
    }

    fn draw(self, ladder: &Ladder) -> String {
        match self {
            Self::Svg => svg::draw(ladder),
            Self::Mermaid => mermaid::draw(ladder),
        }
    }
}

/// Writes a picture to a file; one that is there is overwritten if it begins as this one does. The exit code.
fn write(name: &str, text: &str) -> i32 {
    let beginning = |text: &[u8]| text.get(..BEGINNING).map(<[u8]>::to_vec);
    let is_picture = |found: &[u8]| beginning(found) == beginning(text.as_bytes());
    let Some(mut file) = create(name, ["a picture", "pictures"], is_picture) else { return exit::USAGE };
    match file.write_all(text.as_bytes()) {
        Ok(()) => exit::DONE,
        Err(err) => {
            output::note(&not_written(name, &err));
            exit::SCRIPT
        }
    }
}

fn picture_name(name: &str) -> Result<String, String> {
    named(name, &["svg", "mmd", "mermaid"])
}

fn duration(text: &str) -> Result<Duration, String> {
    Duration::parse(text).ok_or_else(|| "a time has a unit: 1.5s, 250ms".to_string())
}

/// A protocol that rows of frames may have: a name, or the number of one without a name.
fn protocol(text: &str) -> Result<String, String> {
    let is_number = text.parse::<u8>().is_ok()
        || text.strip_prefix("0x").is_some_and(|digits| u16::from_str_radix(digits, 16).is_ok());
    match is_number || PROTOCOLS.iter().any(|known| known.eq_ignore_ascii_case(text)) {
        true => Ok(text.to_string()),
        false => Err(format!("it is one of {}, or the number of another", PROTOCOLS.join(", "))),
    }
}

fn span(text: &str) -> Result<(u32, u32), String> {
    let wrong = |_| "write a number or a range, such as 7 or 7..20".to_string();
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    let (first, last) = (first.parse().map_err(wrong)?, last.trim_start_matches('=').parse().map_err(wrong)?);
    if first > last { Err(format!("it ends before it begins: write {last}..{first}")) } else { Ok((first, last)) }
}
