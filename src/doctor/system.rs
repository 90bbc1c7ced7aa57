//! The system the checks run on, as far as remedies depend on it: its name, its package manager, who runs the checks, what
//! contains them.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// What a process is contained in, where that decides what it may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Container {
    /// Docker, or what behaves as it.
    Docker,
    /// Podman.
    Podman,
    /// A pod of Kubernetes.
    Kubernetes,
    /// Anything else that says it is one (LXC, systemd-nspawn).
    Other,
}

/// The system, and who asks.
#[derive(Clone, Debug, Serialize)]
pub struct System {
    /// The kernel's name and release: `Linux 6.12.0`.
    pub kernel: String,
    /// The distribution: `Ubuntu 24.04.1 LTS`.
    pub distribution: String,
    /// The effective user: its name, or its number where it has none.
    pub user: String,
    /// What the process is contained in.
    pub container: Option<Container>,
    /// This program's own file.
    #[serde(skip)]
    pub program: PathBuf,
    #[serde(skip)]
    uid: u32,
    #[serde(skip)]
    gid: u32,
    /// Whether a program may gain CAP_NET_RAW here by its file: it is in the bounding set (capabilities(7)).
    #[serde(skip)]
    may_gain_raw: bool,
    /// `ID` and `ID_LIKE` of os-release(5).
    #[serde(skip)]
    family: Vec<String>,
    /// Where files are read from: `/`, or the directory of a test.
    #[serde(skip)]
    root: PathBuf,
}

impl System {
    /// The system this process runs on.
    pub fn this() -> Self {
        Self::at(Path::new("/"))
    }

    /// The system whose files are beneath `root`.
    fn at(root: &Path) -> Self {
        let read = |path: &str| fs::read_to_string(root.join(path)).unwrap_or_default();
        let release = read("etc/os-release");
        let field = |name: &str| {
            let value = release.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            value.map(|value| value.trim_matches(['"', '\'']).to_string()).unwrap_or_default()
        };
        let status = read("proc/self/status");
        let (uid, gid) = (effective(&status, "Uid:"), effective(&status, "Gid:"));
        let passwd = read("etc/passwd");
        let user = passwd.lines().find_map(|line| {
            let mut fields = line.split(':');
            let (name, number) = (fields.next()?, fields.nth(1)?);
            (number == uid.to_string()).then(|| name.to_string())
        });
        let program = std::env::current_exe().unwrap_or_default();
        // A file replaced while it runs is named with this at its end (proc(5)).
        let program =
            program.to_str().and_then(|path| path.strip_suffix(" (deleted)")).map_or(program.clone(), PathBuf::from);
        Self {
            kernel: format!("Linux {}", read("proc/sys/kernel/osrelease").trim()),
            distribution: field("PRETTY_NAME"),
            user: user.unwrap_or_else(|| format!("uid {uid}")),
            container: container(root),
            program,
            uid,
            gid,
            may_gain_raw: capabilities(&status, "CapBnd:") & CAP_NET_RAW != 0,
            family: [field("ID"), field("ID_LIKE")].join(" ").split_whitespace().map(str::to_string).collect(),
            root: root.to_owned(),
        }
    }

    /// The value of a setting, by its path below /proc/sys.
    pub(super) fn read(&self, setting: &str) -> Option<String> {
        self.file(&format!("/proc/sys/{setting}")).map(|text| text.trim().to_string())
    }

    /// The text of a file.
    pub(super) fn file(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.root.join(path.trim_start_matches('/'))).ok()
    }

    /// Whether the checks run as root.
    pub(super) fn is_root(&self) -> bool {
        self.uid == 0
    }

    /// `command` as it is typed by this user for root to run.
    pub fn as_root(&self, command: &str) -> String {
        if self.is_root() { command.to_string() } else { format!("sudo {command}") }
    }

    /// How this program is called at a shell: by its name where that finds it, else by its path.
    pub(super) fn command(&self) -> String {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let found = std::env::split_paths(&path).map(|dir| dir.join(NAME)).find(|file| file.is_file());
        let is_this = found.and_then(|file| file.canonicalize().ok()).is_some_and(|file| file == self.program);
        if is_this { NAME.to_string() } else { quoted(&self.program) }
    }

    /// How the rules of a firewall are shown, which may drop what was sent.
    pub(super) fn show_firewall(&self) -> String {
        format!("a firewall may drop it: {} shows its rules", self.as_root("nft list ruleset"))
    }

    /// How ping sockets are opened to this user.
    pub(super) fn open_ping_sockets(&self) -> String {
        // In a user namespace only groups that it knows are taken.
        let known =
            self.file("/proc/self/gid_map").is_none_or(|map| map.split_whitespace().nth(2) == Some("4294967295"));
        let range = if known { "0 2147483647".to_string() } else { format!("{0} {0}", self.gid) };
        self.as_root(&format!("sysctl -w net.ipv4.ping_group_range=\"{range}\""))
    }

    /// How raw sockets are allowed to this program.
    pub(super) fn allow_raw_sockets(&self) -> String {
        match self.container {
            _ if self.may_gain_raw && !self.is_root() => {
                self.as_root(&format!("setcap cap_net_raw+ep {}", quoted(&self.program)))
            }
            Some(Container::Docker) => "docker run --cap-add NET_RAW …".to_string(),
            Some(Container::Podman) => "podman run --cap-add NET_RAW …".to_string(),
            Some(Container::Kubernetes) => "in the pod: securityContext: {capabilities: {add: [NET_RAW]}}".to_string(),
            _ => "it runs where CAP_NET_RAW was taken away for good (capsh --print: the bounding set)".to_string(),
        }
    }

    /// The command that installs `packages`, each with the name it has in the families that name it otherwise; `None`
    /// where the package manager is not known.
    pub(super) fn install(&self, packages: &[Package]) -> Option<String> {
        let managers = [
            ("debian", "apt-get install"),
            ("ubuntu", "apt-get install"),
            ("fedora", "dnf install"),
            ("rhel", "dnf install"),
            ("arch", "pacman -S"),
            ("alpine", "apk add"),
            ("suse", "zypper install"),
        ];
        let (_, manager) = managers.into_iter().find(|(family, _)| self.family.iter().any(|known| known == family))?;
        let apt = manager.starts_with("apt");
        let names: Vec<_> = packages.iter().map(|package| if apt { package.debian } else { package.others }).collect();
        Some(self.as_root(&format!("{manager} {}", names.join(" "))))
    }
}

/// The package of a program.
#[derive(Clone, Copy, Debug)]
pub(super) struct Package {
    /// Its name in Debian and what derives from it.
    pub(super) debian: &'static str,
    /// Its name elsewhere.
    pub(super) others: &'static str,
}

/// A path as a word of a shell.
pub fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-+@%:,=".contains(c);
    if !text.is_empty() && text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// The effective id in a line of /proc/self/status.
fn effective(status: &str, name: &str) -> u32 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|ids| ids.split_whitespace().nth(1)?.parse().ok()).unwrap_or(u32::MAX)
}

/// The set of capabilities in a line of /proc/self/status.
fn capabilities(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).unwrap_or(0)
}

/// What this program is called.
const NAME: &str = "pingscript";

const CAP_NET_RAW: u64 = 1 << 13;

fn container(root: &Path) -> Option<Container> {
    let exists = |path: &str| root.join(path).exists();
    let kind = fs::read_to_string(root.join("run/systemd/container")).unwrap_or_default();
    match kind.trim() {
        _ if exists("var/run/secrets/kubernetes.io") => Some(Container::Kubernetes),
        "docker" => Some(Container::Docker),
        "podman" => Some(Container::Podman),
        _ if exists("run/.containerenv") => Some(Container::Podman),
        _ if exists(".dockerenv") => Some(Container::Docker),
        "" => None,
        _ => Some(Container::Other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_words_of_a_shell() {
        assert_eq!(quoted(Path::new("/usr/bin/pingscript")), "/usr/bin/pingscript");
        assert_eq!(quoted(Path::new("/a b/it's")), r"'/a b/it'\''s'");
    }

    #[test]
    fn a_system_is_distinguished_from_its_files() {
        let root = std::env::temp_dir().join(format!("pingscript-system-{}", std::process::id()));
        let write = |path: &str, text: &str| {
            let path = root.join(path);
            fs::create_dir_all(path.parent().expect("a directory")).expect("made");
            fs::write(path, text).expect("written");
        };
        write("etc/os-release", "PRETTY_NAME=\"Fedora Linux 42\"\nID=fedora\n");
        write("etc/passwd", "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n");
        write("proc/self/status", "Name:\tx\nUid:\t0\t1000\t0\t0\nGid:\t100\t100\t100\t100\n");
        write("proc/self/gid_map", "         0       1000          1\n");
        write("run/.containerenv", "");
        let system = System::at(&root);
        assert_eq!((system.distribution.as_str(), system.user.as_str()), ("Fedora Linux 42", "ann"));
        assert_eq!(system.container, Some(Container::Podman));
        let package = Package { debian: "iputils-ping", others: "iputils" };
        assert_eq!(system.install(&[package]).as_deref(), Some("sudo dnf install iputils"));
        assert_eq!(system.open_ping_sockets(), "sudo sysctl -w net.ipv4.ping_group_range=\"100 100\"");
        fs::remove_dir_all(&root).expect("removed");
    }
}
