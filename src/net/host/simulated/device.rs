//! What smoltcp has for a network interface. Pure.

use std::collections::VecDeque;
use std::net::IpAddr;

use smoltcp::iface::{Config, Interface};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::wire::{HardwareAddress, IpCidr};

/// Packets on their way into and out of smoltcp.
#[derive(Debug, Default)]
pub(super) struct Packets {
    pub(super) received: VecDeque<Vec<u8>>,
    pub(super) sent: VecDeque<Vec<u8>>,
    pub(super) mtu: usize,
}

/// One that has come.
pub(super) struct ArrivedPacket(Vec<u8>);

/// Room for one that leaves.
pub(super) struct LeavingPacket<'a>(&'a mut VecDeque<Vec<u8>>);

impl RxToken for ArrivedPacket {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, take: F) -> R {
        take(&self.0)
    }
}

impl TxToken for LeavingPacket<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, make: F) -> R {
        let mut packet = vec![0; len];
        let result = make(&mut packet);
        self.0.push_back(packet);
        result
    }
}

impl Device for Packets {
    type RxToken<'a> = ArrivedPacket;
    type TxToken<'a> = LeavingPacket<'a>;

    fn receive(&mut self, _: smoltcp::time::Instant) -> Option<(ArrivedPacket, LeavingPacket<'_>)> {
        let packet = self.received.pop_front()?;
        Some((ArrivedPacket(packet), LeavingPacket(&mut self.sent)))
    }

    fn transmit(&mut self, _: smoltcp::time::Instant) -> Option<LeavingPacket<'_>> {
        Some(LeavingPacket(&mut self.sent))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = self.mtu;
        capabilities
    }
}

/// An interface of smoltcp that has the address `own`.
pub(super) fn interface(own: IpAddr, wire: &mut Packets, seed: u64, clock: smoltcp::time::Instant) -> Interface {
    let mut config = Config::new(HardwareAddress::Ip);
    config.random_seed = seed;
    let mut interface = Interface::new(config, wire, clock);
    // With a network of everything, each address is reached without a router.
    interface.update_ip_addrs(|addrs| addrs.push(IpCidr::new(own.into(), 0)).unwrap_or(()));
    interface
}
