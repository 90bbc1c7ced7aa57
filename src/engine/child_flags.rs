//! Flags of a run that another process of this program has started; they are not for people.

use std::path::PathBuf;

use clap::Args;

use crate::bindings::graded::GradedRun;

/// What a run is for.
#[derive(Args, Clone, Debug, Default)]
pub struct ChildFlags {
    /// It is one of many, and reports what its checks were given
    #[arg(long, hide = true)]
    pub one_of_many: bool,

    /// With a ladder for each check that fails
    #[arg(long, hide = true)]
    pub ladders: bool,

    /// What is judged
    #[arg(long, hide = true)]
    submission: Option<PathBuf>,

    /// The directory for what is built of it
    #[arg(long, hide = true)]
    scratch: Option<PathBuf>,

    /// The judge is run by a student
    #[arg(long, hide = true)]
    student: bool,

    /// With --restrict: this process is in a host of a lab, whose network is its own
    #[arg(long, hide = true, requires = "restrict")]
    pub in_lab: bool,
}

impl ChildFlags {
    /// How the run judges, if it does.
    pub fn graded(&self, without_sandbox: bool) -> GradedRun {
        let (submission, scratch) = (self.submission.clone(), self.scratch.clone());
        GradedRun { without_sandbox, submission, scratch, for_student: self.student }
    }
}
