//! Why this system refuses a lab: what was checked, and the remedy. [`explain`] is pure; [`Facts::gather`] reads the files.

use std::path::Path;

use super::helper::{STEP_FORK, STEP_MAP, STEP_NETWORK, STEP_SETTING, STEP_UNSHARE};
use crate::net::error::{Error, ErrorKind};
use crate::net::lab::Lab;
use crate::net::lab::protocol::{Failure, Missing, Part};
use crate::net::sys;

/// What this system says about namespaces. `None`: it says nothing about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The user that asks (geteuid(2)).
    pub user: u32,
    /// How many namespaces of each kind a user may have: the name of the limit (user.max_net_namespaces) and its value.
    pub limits: Vec<(&'static str, u64)>,
    /// `kernel.apparmor_restrict_unprivileged_userns`: whether AppArmor takes the rights of a user namespace away from
    /// binaries without a profile that allows it.
    pub apparmor_restricts: Option<bool>,
    /// `kernel.unprivileged_userns_clone`: whether an ordinary user may make user namespaces.
    pub clone_allowed: Option<bool>,
    /// Whether system calls are filtered (seccomp(2)), as containers do.
    pub filtered: bool,
    /// Whether this runs in a container, by the files that engines leave in one.
    pub container: bool,
    /// Whether the root directory is not that of the system's first process, as far as that can be seen (chroot(2)).
    pub chroot: bool,
}

/// Why a lab is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The reason, in words.
    pub reason: String,
    /// The file, setting or system call that shows it.
    pub checked: String,
    /// What to do about it.
    pub remedy: String,
}

impl Facts {
    /// Reads what this system says.
    pub fn gather() -> Self {
        let number = |path: &str| std::fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
        let flag = |path| number(path).map(|n| n != 0);
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let seccomp = status.lines().find_map(|line| line.strip_prefix("Seccomp:")).map(str::trim);
        Self {
            user: sys::user_and_group().0,
            limits: LIMITS.iter().filter_map(|&name| Some((name, number(&sysctl_file(name))?))).collect(),
            apparmor_restricts: flag(&sysctl_file(APPARMOR)),
            clone_allowed: flag(&sysctl_file(CLONE)),
            filtered: seccomp.is_some_and(|mode| mode == "2"),
            container: ["/.dockerenv", "/run/.containerenv"].iter().any(|path| Path::new(path).exists()),
            chroot: is_chroot(),
        }
    }
}

/// Why `step` of the set-up failed with `errno`.
pub fn explain(step: &str, errno: i32, facts: &Facts) -> Refusal {
    let refusal = |reason: &str, checked: String, remedy: &str| Refusal {
        reason: reason.to_string(),
        checked,
        remedy: remedy.to_string(),
    };
    let call = if step == STEP_UNSHARE { "unshare(2)".to_string() } else { step.to_string() };
    let forbidden = matches!(errno, libc::EPERM | libc::EACCES);
    if errno == libc::ENOSPC {
        return limit_reached(facts);
    }
    if errno == libc::EINVAL || errno == libc::ENOSYS {
        let remedy = "use a kernel with user and network namespaces (CONFIG_USER_NS, CONFIG_NET_NS), or run as root";
        return refusal("this kernel has no such namespaces", call, remedy);
    }
    if !forbidden && errno != libc::EROFS {
        let reason = crate::net::error::in_words(&std::io::Error::from_raw_os_error(errno));
        return refusal(&reason, call, "look at `ulimit -a` and at the free memory");
    }
    if facts.apparmor_restricts == Some(true) && facts.user != 0 {
        let reason = "AppArmor takes the rights in user namespaces away from programs without a profile";
        let remedy = "install the profile that allows it for this binary (pingscript doctor prints the command), run \
                      `sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`, or run as root";
        return refusal(reason, format!("{APPARMOR} = 1"), remedy);
    }
    if facts.clone_allowed == Some(false) && facts.user != 0 {
        let remedy = "run `sudo sysctl -w kernel.unprivileged_userns_clone=1`, or run as root";
        return refusal("ordinary users may make no user namespaces", format!("{CLONE} = 0"), remedy);
    }
    if step.starts_with(STEP_SETTING) || errno == libc::EROFS {
        let remedy = "start the container with --security-opt systempaths=unconfined (podman: unmask=ALL), or run \
                      outside of it";
        return refusal("the settings of a network cannot be written", format!("/proc/sys: {step}"), remedy);
    }
    if facts.chroot {
        let remedy = "run outside of the chroot, or as root";
        return refusal("no user namespace can be made in a chroot", "/proc/1/root".to_string(), remedy);
    }
    if facts.filtered {
        let reason = "a filter of system calls forbids namespaces, as containers have it";
        let remedy = "start the container with --cap-add SYS_ADMIN --cap-add NET_ADMIN, or with --security-opt \
                      seccomp=unconfined";
        return refusal(reason, "Seccomp: 2 in /proc/self/status".to_string(), remedy);
    }
    let remedy = if facts.container {
        "run outside of the container, chroot or sandbox, or start the container with --privileged"
    } else {
        "run as root, or outside of the chroot or sandbox that this may be"
    };
    refusal("the system forbids namespaces and does not say why", call, remedy)
}

/// The error of a host or a program that the system refuses a lab which it has allowed: limits of namespaces, and settings that
/// cannot be written. `None`: it is another's.
pub(super) fn refused_later(op: &str, failure: &Failure) -> Option<Error> {
    let refuses = |errno| matches!(errno, libc::ENOSPC | libc::EPERM | libc::EACCES | libc::EROFS);
    let by_system = is_known(&failure.step) && failure.errno.is_some_and(refuses);
    (by_system && ["host", "exec"].contains(&op)).then(|| refused(&failure.step, failure.errno, &failure.text))
}

fn is_known(step: &str) -> bool {
    [STEP_UNSHARE, STEP_MAP, STEP_FORK, STEP_NETWORK].contains(&step) || step.starts_with(STEP_SETTING)
}

/// What programs in hosts go without, and why; `None`: nothing.
pub fn explain_missing(missing: &[Missing], facts: &Facts) -> Option<Refusal> {
    let first = missing.first()?;
    let mut parts: Vec<Part> = missing.iter().map(|missing| missing.part).collect();
    parts.sort();
    let lacks: Vec<&str> = parts.iter().map(|part| lack(*part)).collect();
    let reason = format!("programs in hosts {}", lacks.join(", "));
    let why = crate::net::error::in_words(&std::io::Error::from_raw_os_error(first.errno));
    let call = if first.part == Part::HostName { "sethostname(2)" } else { "mount(2)" };
    let remedy = if first.errno == libc::ENOENT {
        "make an empty /etc/hosts and /etc/gai.conf, as root"
    } else if facts.chroot {
        "run outside of the chroot"
    } else if !parts.contains(&Part::Names) {
        "in a container, start it with --security-opt systempaths=unconfined (podman: unmask=ALL)"
    } else {
        "in a container, start it with --security-opt apparmor=unconfined and --security-opt seccomp=unconfined"
    };
    Some(Refusal { reason, checked: format!("{call}: {why}"), remedy: remedy.to_string() })
}

impl Lab {
    /// What programs in its hosts go without, and why; `None`: nothing.
    pub fn missing(&self) -> Option<Refusal> {
        explain_missing(self.control().missing(), &Facts::gather())
    }
}

/// What programs do without a part.
fn lack(part: Part) -> &'static str {
    match part {
        Part::Names => "do not know hosts by name",
        Part::V4First => "may take the IPv6 address of a host first",
        Part::Processes => "see this machine's processes in /proc",
        Part::Interfaces => "see this machine's interfaces in /sys",
        Part::HostName => "see this machine's name",
    }
}

/// What a lab's helper needs and is not mounted here; `None`: it is all there.
pub(super) fn not_mounted() -> Option<Refusal> {
    let needed = ["/proc/self/exe", "/dev/null"];
    let missing: Vec<&str> = needed.into_iter().filter(|path| Path::new(path).symlink_metadata().is_err()).collect();
    let places: Vec<&str> = missing.iter().map(|path| if path.starts_with("/proc") { "/proc" } else { path }).collect();
    (!missing.is_empty()).then(|| Refusal {
        reason: format!("a lab is kept by a second process of this binary, which needs {}", missing.join(" and ")),
        checked: format!("{}: no such file or directory", missing.join(", ")),
        remedy: format!("mount {} here, or run outside of the chroot", places.join(" and ")),
    })
}

/// The error of a refused lab.
pub fn refused(step: &str, errno: Option<i32>, text: &str) -> Error {
    match errno {
        Some(errno) if is_known(step) => {
            let refusal = explain(step, errno, &Facts::gather());
            Error { code: Some(errno), ..refusal.error() }
        }
        _ => Error::new(ErrorKind::System, "lab", format!("{step}: {text}")),
    }
}

impl Refusal {
    /// The refusal as an error, of the kind `permission`.
    pub fn error(&self) -> Error {
        let message = format!("no network can be made here: {} ({})", self.reason, self.checked);
        Error::new(ErrorKind::Permission, "lab", message).with_hint(self.remedy.clone())
    }
}

fn limit_reached(facts: &Facts) -> Refusal {
    let lowest = facts.limits.iter().min_by_key(|(_, value)| *value);
    let (name, value) = lowest.copied().unwrap_or(("user.max_user_namespaces", 0));
    if value > 0 {
        return Refusal {
            reason: "too many namespaces, or too many one within the other".to_string(),
            checked: format!("{name} = {value}"),
            remedy: format!("end other labs and containers of this user, or run `sudo sysctl -w {name}={MANY}`"),
        };
    }
    Refusal {
        reason: if name == LIMITS[0] { "user namespaces are switched off" } else { "namespaces are switched off" }
            .into(),
        checked: format!("{name} = 0"),
        remedy: format!("run `sudo sysctl -w {name}={MANY}`, or run as root"),
    }
}

/// Whether the root directory is not that of the first process, which only root can see; or none that was mounted.
fn is_chroot() -> bool {
    use std::os::unix::fs::MetadataExt;
    let id = |path: &str| std::fs::metadata(path).ok().map(|data| (data.dev(), data.ino()));
    let differs = id("/proc/1/root/").is_some_and(|first| id("/") != Some(first));
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    differs || !(mounts.is_empty() || mounts.lines().any(|line| line.split(' ').nth(4) == Some("/")))
}

fn sysctl_file(name: &str) -> String {
    format!("/proc/sys/{}", name.replace('.', "/"))
}

/// The limits that a lab can meet; the first is that of user namespaces.
const LIMITS: [&str; 5] = [
    "user.max_user_namespaces",
    "user.max_net_namespaces",
    "user.max_mnt_namespaces",
    "user.max_pid_namespaces",
    "user.max_uts_namespaces",
];
const APPARMOR: &str = "kernel.apparmor_restrict_unprivileged_userns";
const CLONE: &str = "kernel.unprivileged_userns_clone";
/// Enough of them.
const MANY: u32 = 15_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_the_step_that_was_refused_and_the_remedy() {
        let missing = |parts: &[Part], errno| parts.iter().map(|&part| Missing { part, errno }).collect::<Vec<_>>();
        let explained = |missing: &[Missing], facts| {
            let Refusal { reason, checked, remedy } = explain_missing(missing, &facts).expect("something is missing");
            format!("{reason} ({checked}): {remedy}")
        };
        assert_eq!(explain_missing(&[], &Facts::default()), None);
        let mounted = [Part::Processes, Part::Interfaces, Part::Names];
        let text = explained(&missing(&mounted, libc::EACCES), Facts::default());
        assert!(
            text.starts_with("programs in hosts do not know hosts by name, see this machine's processes"),
            "{text}"
        );
        assert!(text.contains("(mount(2): permission denied)") && text.contains("apparmor=unconfined"), "{text}");
        let text = explained(&missing(&mounted, libc::EINVAL), Facts { chroot: true, ..Facts::default() });
        assert!(text.ends_with("run outside of the chroot"), "{text}");
        let text = explained(&missing(&[Part::Processes], libc::EPERM), Facts::default());
        assert!(text.contains("systempaths=unconfined"), "{text}");
        let text = explained(&missing(&[Part::V4First], libc::ENOENT), Facts::default());
        assert!(text.ends_with("make an empty /etc/hosts and /etc/gai.conf, as root"), "{text}");
        let text = explained(&missing(&[Part::HostName], libc::EPERM), Facts::default());
        assert!(text.contains("see this machine's name (sethostname(2): "), "{text}");
    }

    #[test]
    fn a_limit_that_is_reached_later_is_explained_and_a_wrong_setting_is_not() {
        let failure = |step: &str, errno| Failure { step: step.into(), errno: Some(errno), text: String::new() };
        let refused = refused_later("host", &failure(STEP_NETWORK, libc::ENOSPC)).expect("a limit");
        assert!(refused.message.contains("namespaces") && !refused.hint.is_empty(), "{refused:?}");
        assert!(refused_later("exec", &failure(STEP_UNSHARE, libc::ENOSPC)).is_some());
        for (op, step, errno) in [
            ("setting", STEP_SETTING, libc::EACCES),
            ("host", STEP_SETTING, libc::ENOENT),
            ("exec", "program", libc::EACCES),
        ] {
            assert!(refused_later(op, &failure(step, errno)).is_none(), "{op} {step}");
        }
    }

    #[test]
    fn each_reason_names_what_was_checked_and_the_remedy() {
        let user = || Facts { user: 1000, limits: vec![(LIMITS[0], 0), (LIMITS[1], 900)], ..Facts::default() };
        let limits = |limits| Facts { limits, ..user() };
        let all = || Facts { limits: vec![(LIMITS[0], 9000), (LIMITS[1], 9000)], ..user() };
        for (step, errno, facts, reason, checked, remedy) in [
            (
                STEP_UNSHARE,
                libc::ENOSPC,
                user(),
                "switched off",
                "max_user_namespaces = 0",
                "max_user_namespaces=15000",
            ),
            (STEP_NETWORK, libc::ENOSPC, limits(vec![(LIMITS[0], 9), (LIMITS[1], 0)]), "off", "max_net", "max_net"),
            (STEP_UNSHARE, libc::ENOSPC, all(), "too many", "= 9000", "end other labs"),
            (
                STEP_MAP,
                libc::EACCES,
                Facts { apparmor_restricts: Some(true), ..all() },
                "AppArmor",
                "apparmor_restrict_unprivileged_userns = 1",
                "apparmor_restrict_unprivileged_userns=0",
            ),
            (
                STEP_UNSHARE,
                libc::EPERM,
                Facts { clone_allowed: Some(false), ..all() },
                "ordinary users",
                "unprivileged_userns_clone = 0",
                "unprivileged_userns_clone=1",
            ),
            (
                STEP_UNSHARE,
                libc::EPERM,
                Facts { filtered: true, ..all() },
                "filter",
                "Seccomp: 2",
                "seccomp=unconfined",
            ),
            (STEP_UNSHARE, libc::EPERM, Facts { chroot: true, ..all() }, "chroot", "/proc/1/root", "outside"),
            (STEP_UNSHARE, libc::EPERM, Facts { container: true, ..all() }, "forbids", "unshare(2)", "--privileged"),
            (STEP_UNSHARE, libc::EPERM, all(), "forbids", "unshare(2)", "as root"),
            (STEP_UNSHARE, libc::EINVAL, all(), "kernel", "unshare(2)", "CONFIG_USER_NS"),
            (STEP_SETTING, libc::EROFS, all(), "settings", "/proc/sys", "systempaths"),
            (STEP_FORK, libc::EAGAIN, all(), "resource", "first process", "ulimit"),
        ] {
            let refusal = explain(step, errno, &facts);
            let text = format!("{step} {errno}: {refusal:?}");
            assert!(refusal.reason.contains(reason), "{text}");
            assert!(refusal.checked.contains(checked), "{text}");
            assert!(refusal.remedy.contains(remedy), "{text}");
            assert_eq!(refusal.error().kind, ErrorKind::Permission);
        }
    }
}
