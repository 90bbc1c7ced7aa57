//! Labs: one is made, and a datagram crosses the loopback of a host in it; or why that is refused.

use serde_json::{Map, Value};

use super::udp::V4;
use super::{APPARMOR_FILE, Area, Check, Checkup, LAB, State};
use crate::net::error::{Error, ErrorKind};
use crate::net::lab::kernel::refusal::{Facts, Refusal};
use crate::net::lab::{self, CableOptions, HostOptions, Lab};

/// The setting by which Ubuntu takes the rights in user namespaces away.
const APPARMOR: &str = "kernel.apparmor_restrict_unprivileged_userns";

/// Tries a lab out.
pub(super) fn examine(bench: Checkup<'_>) -> Check {
    let facts = Facts::gather();
    let begun = bench.host.now();
    let check = |finding: String| Check::ok(Area::Labs, LAB, "labs", finding).details(details(&facts));
    match bench.lab_carries() {
        Ok((true, missing)) => {
            let took = (bench.host.now() - begun).as_secs_f64() * 1e3;
            let how = if facts.user == 0 { "as root" } else { "without root" };
            let made = format!("two hosts and a cable, made in {took:.0}ms {how}");
            match missing {
                None => check(made),
                Some(Refusal { reason, checked, remedy }) => {
                    check(format!("{reason} ({checked}); else {made}")).state(State::Limited).remedies([remedy])
                }
            }
        }
        Ok((false, _)) => check("made, but nothing crosses the loopback of its hosts".to_string()).state(State::Broken),
        Err(error) => {
            let message = error.message.strip_prefix("no network can be made here: ").unwrap_or(&error.message);
            let refused = error.kind == ErrorKind::Permission;
            check(message.to_string())
                .state(if refused { State::Refused } else { State::Broken })
                .remedies(remedies(bench, &error))
        }
    }
}

/// What helps against `error`.
fn remedies(bench: Checkup<'_>, error: &Error) -> Vec<String> {
    if error.message.contains(APPARMOR) {
        let system = bench.system;
        let program = system.command();
        return vec![
            format!(
                "{program} doctor --apparmor-profile | sudo tee {APPARMOR_FILE} && sudo apparmor_parser -r {APPARMOR_FILE}"
            ),
            format!("or for all programs: {}", system.as_root(&format!("sysctl -w {APPARMOR}=0"))),
        ];
    }
    if error.hint.is_empty() { Vec::new() } else { vec![error.hint.clone()] }
}

/// What the system says about namespaces.
fn details(facts: &Facts) -> Map<String, Value> {
    let mut all = Map::new();
    all.extend(facts.limits.iter().map(|(name, value)| (name.to_string(), Value::from(*value))));
    let mut say = |name: &str, value: Option<bool>| all.insert(name.to_string(), Value::from(value));
    say(APPARMOR, facts.apparmor_restricts);
    say("kernel.unprivileged_userns_clone", facts.clone_allowed);
    say("seccomp", Some(facts.filtered));
    say("chroot", Some(facts.chroot));
    say("container", Some(facts.container));
    all
}

impl Checkup<'_> {
    /// Makes a lab of two hosts and a cable; whether a datagram crosses the loopback of one, and what programs go without.
    ///
    /// # Errors
    /// `permission`: the system refuses; anything else that fails.
    fn lab_carries(&self) -> Result<(bool, Option<Refusal>), Error> {
        let lab = Lab::create(&lab::Options::default())?;
        let (a, b) = (lab.host("a", &HostOptions::default())?, lab.host("b", &HostOptions::default())?);
        lab.connect(&a, &b, &CableOptions::default())?;
        let crosses = Checkup { host: &a, ..*self }.crosses(V4).map_err(|err| Error::system("lab", &err))?;
        Ok((crosses, lab.missing()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::System;
    use crate::net::error::errno;
    use crate::net::host::ThisMachine;
    use crate::net::host::stop::Stop;
    use crate::net::lab::kernel::refusal::explain;

    #[test]
    fn apparmor_is_reported_by_one_command_that_installs_the_profile() {
        let facts = Facts { user: 1000, apparmor_restricts: Some(true), ..Facts::default() };
        let error = explain("user of the namespace", errno::EACCES, &facts).error();
        let (system, stop) = (System::this(), Stop::root().expect("eventfd"));
        let reported = remedies(Checkup { host: &ThisMachine, stop: &stop, system: &system }, &error);
        let program = system.command();
        assert_eq!(
            reported[0],
            format!(
                "{program} doctor --apparmor-profile | sudo tee /etc/apparmor.d/pingscript && \
                 sudo apparmor_parser -r /etc/apparmor.d/pingscript"
            )
        );
        assert!(reported[1].ends_with("sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"), "{reported:?}");
    }
}
