//! What works on this machine: each part that pings, servers and labs stand on is tried out, and what fails is reported with
//! its remedy for this system.
//!
//! Nothing is concluded from a version or by who runs it: a socket is opened, a datagram sent over loopback, a namespace made.
//! Files of the system are read only to say why something failed and how to change it. Nothing leaves the machine and
//! nothing stays behind.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::net::host::Host;
use crate::net::host::stop::Stop;

pub use self::apparmor::{FILE as APPARMOR_FILE, profile as apparmor_profile};
pub use self::system::{Container, System, quoted};

mod apparmor;
mod icmp;
mod labs;
mod limits;
mod listen;
mod system;
mod timing;
mod tools;
mod udp;

/// The name of the check that tries a lab out.
pub const LAB: &str = "labs";

/// What a check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It works.
    Ok,
    /// It does not work, or only in part, and something else takes its place or it is seldom needed.
    Limited,
    /// It does not work because a permission or a setting is missing.
    Refused,
    /// It does not work, and no permission would change that.
    Broken,
}

/// What a check is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Area {
    /// UDP pings and servers, and how exactly they are measured.
    Udp,
    /// ICMP pings.
    Icmp,
    /// Clocks and limits of the process.
    Process,
    /// Labs.
    Labs,
}

impl Area {
    /// All, in the order they are shown in.
    pub const ALL: [Self; 4] = [Self::Udp, Self::Icmp, Self::Process, Self::Labs];
}

/// One thing tried out.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// Its name for other programs; it stays.
    pub id: &'static str,
    /// What it is about.
    pub area: Area,
    /// What was tried, in words.
    pub title: &'static str,
    /// What was found.
    pub state: State,
    /// What was found, in words.
    pub finding: String,
    /// What to do about it, one way a line, most wanted first: commands for a shell, or a sentence where there is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remedies: Vec<String>,
    /// What the state means for scripts; empty if nothing.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub meaning: String,
    /// Numbers and settings behind the finding, for other programs.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub details: Map<String, Value>,
}

impl Check {
    /// Something that works.
    fn ok(area: Area, id: &'static str, title: &'static str, finding: impl Into<String>) -> Self {
        let (finding, meaning, remedies) = (finding.into(), String::new(), Vec::new());
        Self { id, area, title, state: State::Ok, finding, remedies, meaning, details: Map::new() }
    }

    /// The same check, which found `state` instead.
    fn state(self, state: State) -> Self {
        Self { state, ..self }
    }

    /// The same check, with what helps.
    fn remedies(self, remedies: impl IntoIterator<Item = String>) -> Self {
        Self { remedies: remedies.into_iter().collect(), ..self }
    }

    /// The same check, with what it means for scripts.
    fn meaning(self, meaning: impl Into<String>) -> Self {
        Self { meaning: meaning.into(), ..self }
    }

    /// The same check, with what is behind its finding.
    fn details(self, details: Map<String, Value>) -> Self {
        Self { details, ..self }
    }
}

/// What the checks come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckResult {
    /// All that matters works.
    Works,
    /// Something that matters is refused; a permission or a setting would change that.
    Refused,
    /// Something that matters does not work, and no permission would change that.
    Broken,
}

/// What `checks` come to: the worst that was found.
pub fn verdict(checks: &[Check]) -> CheckResult {
    let any = |state| checks.iter().any(|check| check.state == state);
    match () {
        () if any(State::Broken) => CheckResult::Broken,
        () if any(State::Refused) => CheckResult::Refused,
        () => CheckResult::Works,
    }
}

/// Where things are tried out.
#[derive(Clone, Copy, Debug)]
struct Checkup<'a> {
    host: &'a dyn Host,
    stop: &'a Stop,
    system: &'a System,
}

/// Tries everything out, which takes a fraction of a second. Stopped, the rest fails at once.
pub fn examine(host: &dyn Host, stop: &Stop, system: &System) -> Vec<Check> {
    let bench = Checkup { host, stop, system };
    let mut checks = udp::examine(bench);
    checks.extend(icmp::examine(bench));
    checks.push(timing::examine(bench));
    checks.extend(limits::examine(bench));
    checks.push(labs::examine(bench));
    checks.push(tools::examine(bench));
    checks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_finding_counts() {
        let check = |state| Check::ok(Area::Udp, "x", "x", "").state(state);
        let of = |states: &[State]| verdict(&states.iter().copied().map(check).collect::<Vec<_>>());
        assert_eq!(of(&[State::Ok, State::Limited]), CheckResult::Works);
        assert_eq!(of(&[State::Refused, State::Ok]), CheckResult::Refused);
        assert_eq!(of(&[State::Broken, State::Refused]), CheckResult::Broken);
    }
}
