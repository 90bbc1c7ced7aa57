//! How a run is started that judges a submission, and whether programs run in sandboxes.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU32;

/// How a run that judges is started.
#[derive(Clone, Debug, Default)]
pub struct GradedRun {
    /// Whether sandboxes are not wanted.
    pub without_sandbox: bool,
    /// The directory of what is judged.
    pub submission: Option<PathBuf>,
    /// A directory for what is made of it.
    pub scratch: Option<PathBuf>,
    /// Whether the student does it: hidden checks are left out.
    pub for_student: bool,
}

/// That of a run.
#[derive(Debug, Default)]
pub struct GradedRuns {
    run: OnceLock<GradedRun>,
    /// How many programs were built.
    pub(super) built: AtomicU32,
}

impl GradedRuns {
    /// Sets it, once.
    pub fn set(&self, run: GradedRun) {
        let _ = self.run.set(run);
    }

    /// What was set.
    pub fn get(&self) -> &GradedRun {
        self.run.get_or_init(GradedRun::default)
    }
}
