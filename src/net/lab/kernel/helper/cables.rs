//! Cables: each end is a pair of virtual interfaces, one in its host, the other in the switch, where a packet socket
//! takes what the host sends and gives what it is to receive.

use std::os::fd::{AsFd, OwnedFd};

use super::keeper::{Keeper, in_v6, no_host, refused_by_kernel};
use crate::net::lab::kernel::netlink::{NetlinkBatch, Veth};
use crate::net::lab::protocol::{Failure, HelperReply, NewEnd};
use crate::net::sys;

impl Keeper {
    /// Joins two hosts; the reply's descriptors are the packet sockets.
    pub(super) fn connect(&mut self, ends: &[NewEnd; 2]) -> Result<(HelperReply, Vec<OwnedFd>), Failure> {
        let first = self.ends;
        let joined = self.join(ends);
        if joined.is_err() {
            // Half a cable would be in the way of the next one.
            let mut batch = NetlinkBatch::default();
            (first + 1..=self.ends).for_each(|number| batch.delete_interface(&near_end(number)));
            let _ = self.switch.netlink.run(&batch);
        }
        joined
    }

    fn join(&mut self, ends: &[NewEnd; 2]) -> Result<(HelperReply, Vec<OwnedFd>), Failure> {
        let mut indices = [0; 2];
        let mut sockets = Vec::new();
        for (end, index) in ends.iter().zip(&mut indices) {
            let (own, socket) = self.attach(end)?;
            *index = own;
            sockets.push(socket);
        }
        for end in ends {
            let host = self.hosts.get_mut(end.host).ok_or_else(no_host)?;
            if end.arp {
                // It receives from then on who has the address, too.
                host.pending.extend(in_v6(&end.name, &end.addrs));
            }
            host.settle()?;
        }
        Ok((HelperReply::Interfaces(indices), sockets))
    }

    /// Makes one end: the index of the host's interface, and the packet socket.
    fn attach(&mut self, end: &NewEnd) -> Result<(u32, OwnedFd), Failure> {
        let host = self.hosts.get(end.host).ok_or_else(no_host)?;
        self.ends += 1;
        let near = near_end(self.ends);
        let mut batch = NetlinkBatch::default();
        let namespace = std::os::fd::AsRawFd::as_raw_fd(&host.namespace);
        batch.make_veth(&Veth { near: &near, far: &end.name, mac: end.mac, namespace, arp: end.arp, mtu: end.mtu });
        self.switch.run(&batch, "cable")?;
        let failed = |refused| refused_by_kernel("cable", refused);
        let index = host.netlink.interface(&end.name).map_err(failed)?;
        // A checksum left to a network card that is not there would never be computed.
        let socket = host.netlink.as_fd();
        sys::turn_off_offloads(socket, &end.name).map_err(|err| Failure::of("offloads of a cable", &err))?;
        // The switch's end is up already, so that this one has a carrier at once and can be used when this is done.
        let mut batch = NetlinkBatch::default();
        batch.set_up(index, true);
        end.addrs.iter().for_each(|&prefix| batch.add_address(index, prefix));
        host.run(&batch, &format!("address of {} in {}", end.name, host.name))?;
        let near = self.switch.netlink.interface(&near).map_err(failed)?;
        self.switch.enter()?;
        let packets = sys::packet_socket(near).map_err(|err| Failure::of("packet socket of a cable", &err))?;
        Ok((index, packets))
    }
}

/// What the switch calls its interface of the end numbered `number`.
fn near_end(number: usize) -> String {
    format!("end{number}")
}
