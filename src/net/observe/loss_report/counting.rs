//! What kernels count is read, and what links damage is remembered, so that losses can be attributed to counts.

use std::net::SocketAddr;
use std::sync::Arc;

use super::ends::{Ends, EndsKey};
use super::rises::{CountReading, Counter, CounterRise};
use super::{BlackHole, Incident, Inner, LossReport, REMEMBERED};
use crate::net::host::Host;
use crate::net::host::id::HostId;
use crate::net::policy::Action;
use crate::net::policy::input::Site;
use crate::net::time::{Duration, Instant};

/// A packet that was damaged on its way: its receiver finds a wrong checksum.
#[derive(Clone, Copy, Debug)]
pub(super) struct Damaged {
    pub(super) at: Instant,
    pub(super) host: HostId,
    pub(super) protocol: &'static str,
    pub(super) v6: bool,
}

impl LossReport {
    /// Notes how many datagrams the kernel has dropped at the socket bound to `addr` in `host`, which is being closed.
    pub fn kernel_drops(&self, host: HostId, addr: SocketAddr, drops: u64) {
        let inner = &mut *self.lock();
        inner.rises.begins(Counter::Buffer(host, addr));
        inner.servers.at((host, addr)).drops += drops;
    }

    /// Notes that hosts of a lab had these routes by which packets vanish.
    pub fn has_black_holes(&self, routes: impl IntoIterator<Item = BlackHole>) {
        self.lock().black_holes.extend(routes);
    }

    /// Notes that the kernel has lost so many more frames before they came onto the link called `link`, by `now`.
    pub fn overrun(&self, link: &Arc<str>, lost: u64, now: Instant) {
        // It is noticed when frames are read next.
        let rise = CounterRise { after: now - Duration::from_secs(1), until: now, by: lost, coarse: false };
        self.lock().rises.enter(Counter::Link(link.clone()), rise);
    }

    /// Reads what kernels count that can be why pings of `host` were lost, if it is time to.
    pub(in crate::net) fn read_counts(&self, host: &dyn Host, reading: CountReading) {
        let before = host.now();
        if self.lock().rises.is_due(before, reading) {
            let kernels = host.kernel_counts();
            self.counted([before, host.now()], &kernels);
        }
    }

    /// Notes what the kernels of a lab's hosts had counted between these moments, as [`kernel_counts`](super::kernel_counts) gives it.
    pub fn counted(&self, times: [Instant; 2], kernels: &[(HostId, Vec<(usize, u64)>)]) {
        let buffers = self.buffers();
        let of_host = |(host, counts): &(HostId, Vec<_>)| {
            let host = *host;
            counts.clone().into_iter().map(move |(place, count)| (Counter::Kernel(host, place), count))
        };
        let counts = buffers.into_iter().chain(kernels.iter().flat_map(of_host));
        self.lock().rises.read(times, counts);
    }
}

impl Inner {
    /// Remembers a packet that a link or an ingress damages.
    pub(super) fn note_damaged(
        &mut self,
        key: EndsKey,
        ends: Ends,
        (at, site): (Instant, &Site),
        incident: Incident<'_>,
    ) {
        let corrupts = matches!(incident, Incident::Decided(decided) if decided.verdict.action == Action::Corrupt);
        if !corrupts || matches!(site, Site::Server(..)) {
            return;
        }
        if self.damaged.len() == REMEMBERED {
            self.damaged.pop_front();
        }
        // An echo has a port, its identifier, at one end only.
        let protocol = if key.port() == 0 || key.sender().1 == 0 { "ICMP" } else { "UDP" };
        self.damaged.push_back(Damaged { at, host: key.server(), protocol, v6: ends.to().is_ipv6() });
    }
}
