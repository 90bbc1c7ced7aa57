//! Which hosts there are, and in which order: hosts of labs by their names, others by their addresses, and sockets of one
//! address by their ports too.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};

use super::Column;
use super::marks::clean;
use crate::net::observe::frame::FrameRow;

/// The columns of a ladder.
#[derive(Debug, Default)]
pub(super) struct Columns {
    columns: Vec<Column>,
    by_name: HashMap<String, usize>,
    /// Which host has an address: the one that first sent from it.
    owners: HashMap<IpAddr, String>,
    /// The addresses to whose names ports belong: those that talk to themselves.
    with_ports: HashSet<IpAddr>,
    /// Which address a port has that is also seen at no address in particular.
    known: HashMap<u16, SocketAddr>,
}

/// What a socket is called that is bound to any address, where none is known.
const THIS_MACHINE: &str = "this machine";

impl Columns {
    /// Those of these rows: the hosts called `first` in that order, then others in the order in which they appear.
    pub(super) fn of(rows: &[FrameRow], first: &[String]) -> Self {
        let mut columns = Self::default();
        let is_specific = |addr: &SocketAddr| !addr.ip().is_unspecified();
        for row in rows {
            if let Some(host) = row.from_host.as_ref().filter(|_| !row.is_forwarded) {
                columns.owners.entry(row.from.ip()).or_insert_with(|| host.clone());
            }
            if row.link.is_none() {
                let to_itself = row.from.ip() == row.to.ip() && is_specific(&row.to);
                if to_itself || !is_specific(&row.from) && row.to.ip().is_loopback() {
                    columns.with_ports.extend([row.from.ip(), row.to.ip()]);
                }
                for addr in [row.from, row.to].into_iter().filter(is_specific) {
                    columns.known.entry(addr.port()).or_insert(addr);
                }
            }
        }
        first.iter().for_each(|name| columns.add(name.clone()));
        for row in rows {
            for name in columns.names(row).into_iter().flatten() {
                columns.add(name);
            }
        }
        columns
    }

    fn add(&mut self, name: String) {
        let next = self.columns.len();
        if *self.by_name.entry(name.clone()).or_insert(next) == next {
            let mut addresses: Vec<IpAddr> = self
                .owners
                .iter()
                .filter(|(ip, owner)| **owner == name && !ip.is_unspecified())
                .map(|(ip, _)| *ip)
                .collect();
            addresses.sort_by_key(|ip| (ip.is_ipv6(), *ip));
            let addresses: Vec<String> = addresses.iter().take(2).map(IpAddr::to_string).collect();
            self.columns.push(Column { name: clean(&name), addresses: addresses.join(" ") });
        }
    }

    /// What the ends of a row are called; `None` where there is nothing to know them by.
    fn names(&self, row: &FrameRow) -> Option<[String; 2]> {
        if let (Some(from), Some(to)) = (&row.from_host, &row.to_host) {
            return Some([from.clone(), to.clone()]);
        }
        if row.from.ip().is_unspecified() && row.to.ip().is_unspecified() {
            return None;
        }
        Some([self.name(row.from), self.name(row.to)])
    }

    fn name(&self, addr: SocketAddr) -> String {
        let addr = match addr.ip().is_unspecified() {
            true => self.known.get(&addr.port()).copied().unwrap_or(addr),
            false => addr,
        };
        match (self.with_ports.contains(&addr.ip()) && addr.port() > 0, addr.ip().is_unspecified()) {
            (true, _) => addr.to_string(),
            (false, true) => THIS_MACHINE.to_string(),
            (false, false) => addr.ip().to_string(),
        }
    }

    /// The columns of a row's ends; `None` where there is nothing to know them by.
    pub(super) fn ends(&self, row: &FrameRow) -> Option<(usize, usize)> {
        let [from, to] = self.names(row)?;
        Some((*self.by_name.get(&from)?, *self.by_name.get(&to)?))
    }

    /// Whether a column, by its number, is called so, or has this address.
    pub(super) fn is_called(&self, column: usize, name: &str) -> bool {
        let Some(known) = self.columns.get(column) else { return false };
        let is_address = |ip: IpAddr| {
            let owned = self.owners.get(&ip).is_some_and(|owner| clean(owner) == known.name);
            owned || known.name == ip.to_string() || known.name.parse::<SocketAddr>().is_ok_and(|addr| addr.ip() == ip)
        };
        known.name == name || name.parse().is_ok_and(is_address)
    }

    /// Whether a packet of this row began its way at the host that the row has it come from.
    pub(super) fn is_origin(&self, row: &FrameRow) -> bool {
        let owner = self.owners.get(&row.from.ip());
        row.from_host.is_none() || owner.is_none() || owner == row.from_host.as_ref()
    }

    /// Whether both ends of a packet are of hosts that are called so, wherever on its way it was seen.
    pub(super) fn is_between(&self, row: &FrameRow, hosts: &[String]) -> bool {
        let is_one = |ip: IpAddr| {
            let owner = self.owners.get(&ip);
            hosts.iter().any(|host| owner == Some(host) || host.parse() == Ok(ip))
        };
        is_one(row.from.ip()) && is_one(row.to.ip())
    }

    /// The columns in their order.
    pub(super) fn into_columns(self) -> Vec<Column> {
        self.columns
    }

    /// The names of all.
    pub(super) fn all(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }
}
