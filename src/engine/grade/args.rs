//! The command line of `pingscript grade`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::find::Handed;
use crate::engine::test_runner::as_path;
use crate::net::random::number_of;

/// How many seeds there are.
const SEEDS: u64 = 1_000_000_000;

/// What is to be judged.
#[derive(Args, Clone, Debug)]
pub struct GradeArgs {
    /// The judge: a script, by file or by name, such as assignments/udp_pinger
    pub judge: String,

    /// Directories in which each directory is a submission; with --student, --gradescope or --github: a submission itself
    #[arg(value_name = "DIR", required = true)]
    pub dirs: Vec<String>,

    /// Judge so many at a time; none: as many as there are processors
    #[arg(short = 'j', long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,

    /// The seed from which those of the submissions follow
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,

    /// name: each submission has a seed that follows from its name, and the same each time; same: all have one seed
    #[arg(long, value_name = "HOW", value_enum, default_value = "name", hide_possible_values = true)]
    pub seed_by: SeedBy,

    /// How long the judging of one submission may take
    #[arg(long, value_name = "TIME", default_value = "120s", value_parser = seconds)]
    pub limit: Duration,

    /// How often a run is repeated, alone, that failed and that a busy machine has disturbed
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(0..=100))]
    pub retry: u32,

    /// The directory for what came of each submission, and the words for who has handed it in; what is there already is not judged again
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,

    /// Write the points as CSV: a line for each submission, a column for each check
    #[arg(long, value_name = "FILE")]
    pub csv: Option<String>,

    /// Write all that came of each submission as JSON, a row for each check
    #[arg(long, value_name = "FILE")]
    pub json: Option<String>,

    /// Write the results as JUnit XML
    #[arg(long, value_name = "FILE")]
    pub junit: Option<String>,

    /// Write the results as Gradescope reads them: /autograder/results/results.json
    #[arg(long, value_name = "FILE")]
    pub gradescope: Option<String>,

    /// Give the results to GitHub Classroom: as `result` in the file that GITHUB_OUTPUT names
    #[arg(long)]
    pub github: bool,

    /// Judge your own submission, as who has written the judge does, but for what is hidden
    #[arg(long)]
    pub student: bool,

    /// Run programs without a sandbox, with all rights that you have
    #[arg(long)]
    pub no_sandbox: bool,
}

/// What the seed of a submission follows from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SeedBy {
    /// Its name.
    Name,
    /// Nothing of it.
    Same,
}

/// The end of what `grade --help` says.
pub const EXIT_CODES: &str = "\
Exit codes:
    0  full marks for all
    2  wrong command line, or nothing to judge
    3  the judge has an error: no submission is judged; or results could not be written
    4  this system allows no lab, or no sandbox
    5  a check failed
    130  SIGINT (Ctrl-C): run it again to go on";

/// Reads a time such as `120s`.
fn seconds(text: &str) -> Result<Duration, String> {
    let number =
        text.strip_suffix('s').unwrap_or(text).parse::<u64>().ok().filter(|number| (1..=86_400).contains(number));
    number
        .map(Duration::from_secs)
        .ok_or_else(|| "a time is a number of seconds from 1 to 86400, such as 120s".to_string())
}

impl GradeArgs {
    /// Whether each directory is a submission itself.
    pub(super) fn are_submissions(&self) -> bool {
        self.student || self.gradescope.is_some() || self.github
    }

    /// The files that all results go to.
    pub(super) fn files(&self) -> impl Iterator<Item = &str> {
        [&self.csv, &self.json, &self.junit, &self.gradescope].into_iter().flatten().map(String::as_str)
    }

    pub(super) fn seed_of(&self, name: &str) -> u64 {
        match self.seed_by {
            SeedBy::Name => number_of(&format!("{} {name}", self.seed)) % SEEDS,
            SeedBy::Same => self.seed,
        }
    }

    /// The command line of the run that judges a submission.
    pub(super) fn words(&self, handed: &Handed, scratch: &Path) -> Vec<String> {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let mut words: Vec<String> = ["--ladders", "--lab", "kernel", "--seed"].map(str::to_string).to_vec();
        words.push(self.seed_of(&handed.name).to_string());
        words.extend(["--submission".to_string(), text(&handed.dir), "--scratch".to_string(), text(scratch)]);
        words.extend(self.student.then(|| "--student".to_string()));
        words.extend(self.no_sandbox.then(|| "--no-sandbox".to_string()));
        words.push(as_path(&self.judge));
        words
    }
}
