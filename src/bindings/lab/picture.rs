//! A lab as a picture: what is known of its hosts and links, in words.

use super::{ScriptLab, lock};
use crate::net::lab::CableOptions;
use crate::net::lab::relay::{Link, LinkOptions, QUEUE};
use crate::pictures::topology::{PicturedHost, PicturedLab, PicturedLink, picture};
use crate::terminal::output;

/// The picture of `lab`, in lines that fit the terminal.
pub(super) fn of(lab: &ScriptLab) -> String {
    let hosts = lab.net().hosts();
    let drawn = hosts.iter().map(|(id, name, addrs, forwards)| PicturedHost {
        name: if *forwards { format!("{name} (router)") } else { name.clone() },
        addrs: addrs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        about: lab.relay().ingress(*id).policy().map_or(String::new(), |policy| format!("ingress: {policy}")),
    });
    let name = |id| hosts.iter().position(|(host, ..)| *host == id).unwrap_or(0);
    let links = lock(&lab.0.links);
    let joined = links.iter().map(|(link, mtu)| {
        let ends = link.hosts().map(name);
        PicturedLink { ends, about: about(link, *mtu, ends.map(|end| hosts[end].1.as_str())) }
    });
    picture(&PicturedLab { hosts: drawn.collect(), links: joined.collect() }, output::columns())
}

/// How a link between the hosts of these names carries frames.
fn about(link: &Link, mtu: u32, names: [&str; 2]) -> String {
    let [forth, back] = [0, 1].map(|from| way(&link.options(from), link.policy(from)));
    let mut about = match forth == back {
        true => forth,
        false => format!("from {}: {forth}; from {}: {back}", names[0], names[1]),
    };
    if mtu != CableOptions::default().mtu {
        about.push_str(&format!(", mtu {mtu}"));
    }
    if link.is_up() { about } else { format!("down; {about}") }
}

/// One direction in words.
fn way(options: &LinkOptions, policy: Option<String>) -> String {
    let LinkOptions { delay, jitter, fifo, rate, queue } = options;
    let mut parts = Vec::new();
    match (delay.as_nanos(), jitter.as_nanos()) {
        (0, 0) => {}
        (_, 0) => parts.push(delay.short()),
        _ => parts.push(format!("{} ±{}{}", delay.short(), jitter.short(), if *fifo { " in order" } else { "" })),
    }
    if let Some(rate) = rate {
        parts.push(bits(*rate));
        parts.push(format!("queue of {}", queue.unwrap_or(QUEUE)));
    }
    parts.extend(policy);
    if parts.is_empty() { "no delay".to_string() } else { parts.join(", ") }
}

/// A rate in the largest unit that leaves a number before the point.
fn bits(rate: u64) -> String {
    let units = [(1_000_000_000, "Gbit/s"), (1_000_000, "Mbit/s"), (1_000, "kbit/s")];
    match units.into_iter().find(|(unit, _)| rate >= *unit) {
        Some((unit, name)) => format!("{} {name}", rate as f64 / unit as f64),
        None => format!("{rate} bit/s"),
    }
}
