//! Programs that labs can run beside scripts; none is needed.

use std::path::Path;

use super::system::Package;
use super::{Area, Check, Checkup, State};

/// What is worth having in a lab, and its package.
const TOOLS: [(&str, Package); 6] = [
    ("ping", Package { debian: "iputils-ping", others: "iputils" }),
    ("tcpdump", Package { debian: "tcpdump", others: "tcpdump" }),
    ("nft", Package { debian: "nftables", others: "nftables" }),
    ("ip", Package { debian: "iproute2", others: "iproute2" }),
    ("traceroute", Package { debian: "traceroute", others: "traceroute" }),
    ("tshark", Package { debian: "tshark", others: "wireshark-cli" }),
];

/// Looks for them where programs are.
pub(super) fn examine(bench: Checkup<'_>) -> Check {
    let path = std::env::var("PATH").unwrap_or_default();
    // Those of the administrator are not in everybody's path, and are found all the same.
    let dirs: Vec<&str> = path.split(':').chain(["/usr/sbin", "/sbin"]).filter(|dir| !dir.is_empty()).collect();
    let is_there = |name: &str| dirs.iter().any(|dir| Path::new(dir).join(name).is_file());
    let (there, absent): (Vec<_>, Vec<_>) = TOOLS.into_iter().partition(|(name, _)| is_there(name));
    let names = |tools: &[(&'static str, Package)]| tools.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let check = |finding: String| Check::ok(Area::Labs, "tools", "tools for labs", finding);
    if absent.is_empty() {
        return check(names(&there));
    }
    let there = if there.is_empty() { String::new() } else { format!("{}; ", names(&there)) };
    let found = check(format!("{there}not installed: {}", names(&absent)));
    let missed: Vec<Package> =
        absent.iter().filter(|(name, _)| WANTED.contains(name)).map(|(_, package)| *package).collect();
    if missed.is_empty() {
        return found;
    }
    found.state(State::Limited).meaning("none is needed").remedies(bench.system.install(&missed))
}

/// Those whose absence is reported; the others are for who knows them.
const WANTED: [&str; 3] = ["ping", "tcpdump", "ip"];
