//! Interfaces of a network namespace: their offloads, and packet sockets on them.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use socket2::{Domain, SockAddr, SockAddrStorage, Socket, Type};

use super::namespace::done;
use super::socket::set_option;

/// Has the interface `name` compute no checksum of what it sends, nor cut it up, nor put together what it receives
/// (SIOCETHTOOL). `socket` is any socket of its namespace. An interface without such an offload has nothing to turn off.
pub fn turn_off_offloads(socket: impl AsFd, name: &str) -> io::Result<()> {
    // ETHTOOL_SGRO, ETHTOOL_SGSO, ETHTOOL_STSO, ETHTOOL_STXCSUM
    for command in [0x2c, 0x24, 0x1f, 0x17u32] {
        let mut value = [command, 0u32];
        let mut request = request_about(name);
        request.ifr_ifru.ifru_data = value.as_mut_ptr().cast();
        // SAFETY: the request and the value it points to live until the call returns.
        match done(unsafe { libc::ioctl(socket.as_fd().as_raw_fd(), 0x8946 as _, &raw mut request) }) {
            Err(err) if err.raw_os_error() != Some(libc::EOPNOTSUPP) => return Err(err),
            _ => {}
        }
    }
    Ok(())
}

/// The index of the interface `name` in the namespace of `socket` (SIOCGIFINDEX).
pub fn interface_index(socket: impl AsFd, name: &str) -> io::Result<u32> {
    let mut request = request_about(name);
    // SAFETY: the request lives until the call returns, which puts the index into it.
    unsafe {
        done(libc::ioctl(socket.as_fd().as_raw_fd(), libc::SIOCGIFINDEX as _, &raw mut request))?;
        Ok(request.ifr_ifru.ifru_ifindex as u32)
    }
}

fn request_about(name: &str) -> libc::ifreq {
    // SAFETY: ifreq is plain data for which zeroes are valid.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes().take(libc::IFNAMSIZ - 1)) {
        *to = from as libc::c_char;
    }
    request
}

/// A socket for whole frames on the interface numbered `index` of this process's namespace: it reads what the interface
/// receives, but not what the socket itself sends, and never blocks (packet(7)).
pub fn packet_socket(index: u32) -> io::Result<OwnedFd> {
    const IGNORE_OUTGOING: i32 = 23;
    const QDISC_BYPASS: i32 = 20;
    const AUXDATA: i32 = 8;
    const WANTED: i32 = 4 << 20;
    // Without a protocol until it is bound: it would else receive from every interface in between.
    let socket = Socket::new_raw(Domain::PACKET, Type::RAW.nonblocking().cloexec(), None)?;
    set_option(&socket, libc::SOL_PACKET, IGNORE_OUTGOING, 1)?;
    set_option(&socket, libc::SOL_PACKET, QDISC_BYPASS, 1)?;
    // Tags of virtual LANs come beside the frames, and would be lost.
    set_option(&socket, libc::SOL_PACKET, AUXDATA, 1)?;
    for (force, plain) in [(libc::SO_RCVBUFFORCE, libc::SO_RCVBUF), (libc::SO_SNDBUFFORCE, libc::SO_SNDBUF)] {
        // More than the system's limit is for its administrator alone.
        if set_option(&socket, libc::SOL_SOCKET, force, WANTED).is_err() {
            set_option(&socket, libc::SOL_SOCKET, plain, WANTED)?;
        }
    }
    let mut addr = SockAddrStorage::zeroed();
    // SAFETY: sockaddr_ll is plain data for which zeroes are valid, and its family is that of a packet socket.
    let addr = unsafe {
        let to: &mut libc::sockaddr_ll = addr.view_as();
        to.sll_family = libc::AF_PACKET as u16;
        to.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
        to.sll_ifindex = index as i32;
        SockAddr::new(addr, size_of::<libc::sockaddr_ll>() as libc::socklen_t)
    };
    socket.bind(&addr)?;
    Ok(socket.into())
}
