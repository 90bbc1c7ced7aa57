//! The names of the lab's hosts for programs: a file in memory in place of /etc/hosts, in the eyes of the keeper and what it
//! starts.

use std::fmt::Write as _;
use std::fs::File;
use std::os::unix::fs::FileExt;

use crate::net::lab::addresses::Prefix;
use crate::net::sys::{self, Mount};

/// The file, and what it holds.
#[derive(Debug)]
pub(super) struct Names {
    /// `None` where it cannot be had: programs then know addresses alone.
    file: Option<File>,
    lab: String,
    system: String,
}

impl Names {
    /// Puts the file in place. A system that does not allow it goes without.
    pub(super) fn mount() -> Self {
        let system = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
        // The directory is covered for as long as it takes to make the file, while no program runs.
        let file = sys::mount(Mount::New(c"tmpfs"), c"/tmp").ok().and_then(|()| {
            let file = File::create("/tmp/hosts").ok();
            let bound = sys::mount(Mount::Bind(c"/tmp/hosts"), c"/etc/hosts");
            let _ = sys::unmount(c"/tmp");
            file.filter(|_| bound.is_ok())
        });
        let mut names = Self { file, lab: String::new(), system };
        names.write();
        names
    }

    /// Adds a host.
    pub(super) fn add(&mut self, name: &str, addrs: &[Prefix]) {
        for prefix in addrs {
            let _ = writeln!(self.lab, "{}\t{name}", prefix.addr());
        }
        self.write();
    }

    fn write(&mut self) {
        if let Some(file) = &self.file {
            // The first line that has a name counts.
            let text = format!("{}{}", self.lab, self.system);
            let _ = file.write_all_at(text.as_bytes(), 0);
        }
    }
}
