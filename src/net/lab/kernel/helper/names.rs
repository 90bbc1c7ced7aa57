//! The names of the lab's hosts for programs: a file in memory in place of /etc/hosts, and one in place of /etc/gai.conf, in
//! the eyes of the keeper and what it starts.

use std::ffi::CStr;
use std::fmt::Write as _;
use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::{FileExt, PermissionsExt};

use super::keeper::{Parts, errno};
use crate::net::lab::addresses::Prefix;
use crate::net::lab::protocol::Part;
use crate::net::sys::{self, Mount};

/// The file, and what it holds.
#[derive(Debug)]
pub(super) struct LinkNames {
    /// `None` where it cannot be had: programs then know addresses alone.
    file: Option<File>,
    lab: String,
    system: String,
}

impl LinkNames {
    /// Puts the files in place.
    pub(super) fn new(parts: &mut Parts) -> Self {
        let system = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
        // The directory is covered for as long as it takes to make the files, while no program runs.
        let room = || sys::mount(Mount::New(c"tmpfs"), c"/tmp").map_err(errno);
        let cover = |path, source, target| {
            room()?;
            let covered = cover(path, source, target).map_err(errno);
            let _ = sys::unmount(c"/tmp");
            covered
        };
        let file = parts.mount(Part::Names, || cover("/tmp/hosts", c"/tmp/hosts", c"/etc/hosts"));
        let order = parts.mount(Part::V4First, || cover("/tmp/gai.conf", c"/tmp/gai.conf", c"/etc/gai.conf"));
        if let Some(order) = order {
            let _ = order.write_all_at(V4_FIRST.as_bytes(), 0);
        }
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

/// Makes a file that everyone can read, and puts it in place of `target`.
fn cover(path: &str, source: &CStr, target: &CStr) -> io::Result<File> {
    let file = File::create(path)?;
    // The user's mask may hide it from programs that change to a user of their own.
    file.set_permissions(Permissions::from_mode(0o644))?;
    sys::mount(Mount::Bind(source), target).map(|()| file)
}

/// Of a host's addresses, programs take that of IPv4 first, as scripts do (gai.conf(5)). The table is glibc's own but for
/// its last line.
const V4_FIRST: &str = "precedence ::1/128 50
precedence ::/0 40
precedence 2002::/16 30
precedence ::/96 20
precedence ::ffff:0:0/96 100
";
