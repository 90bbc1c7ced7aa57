//! Messages with their addresses and control messages, one in a call (recvmsg(2), sendmsg(2)) or many (recvmmsg(2), sendmmsg(2)).
//! By hand, as the safe functions of the crates allocate for each call, or do not say what the kernel says beside the data.
#![allow(unsafe_code)]

use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd};

use super::address::RawAddr;

/// Room for control messages.
#[derive(Clone, Copy)]
#[repr(align(8))]
pub(super) struct ControlBuffer<const SIZE: usize>(pub(super) [u8; SIZE]);

impl<const SIZE: usize> ControlBuffer<SIZE> {
    /// One control message (cmsg(3)), and how many bytes it takes.
    pub(super) fn of(level: i32, kind: i32, data: &[u8]) -> (Self, usize) {
        let mut bytes = [0; SIZE];
        let len = HEADER + data.len();
        bytes[..8].copy_from_slice(&len.to_ne_bytes());
        bytes[8..12].copy_from_slice(&level.to_ne_bytes());
        bytes[12..HEADER].copy_from_slice(&kind.to_ne_bytes());
        bytes[HEADER..len].copy_from_slice(data);
        (Self(bytes), len.next_multiple_of(8))
    }
}

/// Bytes of a control message before its data: cmsg_len, cmsg_level, cmsg_type.
pub(super) const HEADER: usize = 16;

/// What a call says of a message that it received.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct MessageInfo {
    /// How many bytes were received.
    pub(super) len: usize,
    /// MSG_TRUNC, MSG_CTRUNC and their kind.
    pub(super) flags: libc::c_int,
    /// How many bytes of control messages there are.
    pub(super) control: usize,
}

impl MessageInfo {
    fn new(len: usize, header: &libc::msghdr) -> Self {
        Self { len, flags: header.msg_flags, control: header.msg_controllen as _ }
    }

    pub(super) const fn is_cut(self) -> bool {
        self.flags & libc::MSG_TRUNC != 0
    }
}

/// Receives a message (recvmsg(2)).
pub(super) fn receive_one(
    fd: impl AsFd,
    data: &mut [u8],
    name: &mut RawAddr,
    control: &mut [u8],
    flags: libc::c_int,
) -> io::Result<MessageInfo> {
    let mut part = libc::iovec { iov_base: data.as_mut_ptr().cast(), iov_len: data.len() };
    let mut header = header(&mut part, name.bytes.as_mut_ptr(), name.len, control.as_mut_ptr(), control.len());
    // SAFETY: every pointer in the header is to an object that lives until the call returns, with its true length.
    let n = unsafe { libc::recvmsg(fd.as_fd().as_raw_fd(), &mut header, flags) };
    name.len = header.msg_namelen;
    count(n).map(|len| MessageInfo::new(len, &header))
}

/// Sends a message (sendmsg(2)); `None`: to the peer of the socket.
pub(super) fn send_one(
    fd: impl AsFd,
    data: &[u8],
    name: Option<&RawAddr>,
    control: &[u8],
    flags: libc::c_int,
) -> io::Result<usize> {
    let mut part = libc::iovec { iov_base: data.as_ptr().cast_mut().cast(), iov_len: data.len() };
    let (name, len) = name.map_or((std::ptr::null(), 0), |name| (name.bytes.as_ptr(), name.len));
    let header = header(&mut part, name.cast_mut(), len, control.as_ptr().cast_mut(), control.len());
    // SAFETY: as in `receive_one`; what is sent is only read.
    count(unsafe { libc::sendmsg(fd.as_fd().as_raw_fd(), &header, flags | libc::MSG_NOSIGNAL) })
}

/// Receives messages into `rooms`, at most `MOST` and at most `most` of them, with `CONTROL` bytes of control messages each
/// (recvmmsg(2), recvmsg(2)); how many. `each` gets what the call says of a message, its sender where `with_names` asks for
/// that, and its control messages.
pub(super) fn receive_each<const MOST: usize, const CONTROL: usize>(
    fd: impl AsFd,
    rooms: &mut dyn Iterator<Item = &mut [u8]>,
    (most, with_names): (usize, bool),
    flags: libc::c_int,
    mut each: impl FnMut(usize, MessageInfo, Option<SocketAddr>, &[u8]),
) -> io::Result<usize> {
    let mut parts = [const { MaybeUninit::<libc::iovec>::uninit() }; MOST];
    let mut headers = [const { MaybeUninit::<libc::mmsghdr>::uninit() }; MOST];
    let mut names = [const { MaybeUninit::<RawAddr>::uninit() }; MOST];
    let mut controls = [const { MaybeUninit::<ControlBuffer<CONTROL>>::uninit() }; MOST];
    let mut wanted = 0;
    for (index, room) in rooms.take(most.clamp(1, MOST)).enumerate() {
        let part = parts[index].write(libc::iovec { iov_base: room.as_mut_ptr().cast(), iov_len: room.len() });
        let (name, len) = match with_names {
            true => (names[index].write(RawAddr::ROOM).bytes.as_mut_ptr(), RawAddr::ROOM.len),
            false => (std::ptr::null_mut(), 0),
        };
        let control = if CONTROL == 0 { std::ptr::null_mut() } else { controls[index].as_mut_ptr().cast() };
        headers[index].write(libc::mmsghdr { msg_hdr: header(part, name, len, control, CONTROL), msg_len: 0 });
        wanted = index + 1;
    }
    let (fd, first) = (fd.as_fd().as_raw_fd(), headers.as_mut_ptr().cast::<libc::mmsghdr>());
    // SAFETY: `wanted` headers are written; every pointer in them is to an object that lives until the call returns, with its
    // true length. No more of them are looked at than were received.
    let received = unsafe {
        let n = match wanted {
            // For one the older call costs less.
            1 => {
                let len = libc::recvmsg(fd, &raw mut (*first).msg_hdr, flags);
                (*first).msg_len = len as libc::c_uint;
                if len < 0 { -1 } else { 1 }
            }
            _ => libc::recvmmsg(fd, first, wanted as libc::c_uint, flags as _, std::ptr::null_mut()) as isize,
        };
        std::slice::from_raw_parts(first, count(n)?)
    };
    for (index, header) in received.iter().enumerate() {
        let info = MessageInfo::new(header.msg_len as usize, &header.msg_hdr);
        // SAFETY: where names are wanted, that of each header was written.
        let name = with_names.then(|| unsafe { names[index].assume_init_mut() });
        let name = name.and_then(|name| {
            name.len = header.msg_hdr.msg_namelen;
            name.get()
        });
        // SAFETY: the kernel has written as many bytes of control messages as it says, from the start of their room on.
        let control = unsafe { std::slice::from_raw_parts(controls[index].as_ptr().cast(), CONTROL.min(info.control)) };
        each(index, info, name, control);
    }
    Ok(received.len())
}

/// Sends messages with one call, at most `MOST`, without waiting (sendmmsg(2)); how many of them, from the first on, were sent.
pub(super) fn send_many<'a, const MOST: usize>(
    fd: impl AsFd,
    messages: impl Iterator<Item = (&'a [u8], Option<SocketAddr>)>,
) -> io::Result<usize> {
    let mut parts = [const { MaybeUninit::<libc::iovec>::uninit() }; MOST];
    let mut names = [const { MaybeUninit::<RawAddr>::uninit() }; MOST];
    let mut headers = [const { MaybeUninit::<libc::mmsghdr>::uninit() }; MOST];
    let mut wanted = 0;
    for (index, (data, to)) in messages.take(MOST).enumerate() {
        let part = libc::iovec { iov_base: data.as_ptr().cast_mut().cast(), iov_len: data.len() };
        let (name, len) = to.map_or((std::ptr::null_mut(), 0), |to| {
            let name = names[index].write(RawAddr::from(to));
            (name.bytes.as_mut_ptr(), name.len)
        });
        let header = header(parts[index].write(part), name, len, std::ptr::null_mut(), 0);
        headers[index].write(libc::mmsghdr { msg_hdr: header, msg_len: 0 });
        wanted = index + 1;
    }
    let (first, flags) = (headers.as_mut_ptr().cast(), libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT);
    // SAFETY: `wanted` headers are written; every pointer in them is to an object that lives until the call returns, with its
    // true length. The data is only read.
    count(unsafe { libc::sendmmsg(fd.as_fd().as_raw_fd(), first, wanted as libc::c_uint, flags as _) } as isize)
}

/// A header that points to these.
fn header(
    part: &mut libc::iovec,
    name: *mut u8,
    name_len: libc::socklen_t,
    control: *mut u8,
    control_len: usize,
) -> libc::msghdr {
    // SAFETY: msghdr is plain data for which zeroes are valid.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = part;
    header.msg_iovlen = 1;
    header.msg_name = name.cast();
    header.msg_namelen = name_len;
    if control_len > 0 {
        header.msg_control = control.cast();
        header.msg_controllen = control_len as _;
    }
    header
}

/// What a call returned: a number of bytes or messages, or an error.
pub(super) fn count(n: isize) -> io::Result<usize> {
    usize::try_from(n).map_err(|_| io::Error::last_os_error())
}
