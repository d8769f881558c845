//! How much of what was sent to a TCP socket on this machine has not been read there.
//!
//! The kernel is asked for one socket at a time, through netlink (`man 7 sock_diag`). `/proc/net/tcp`
//! knows the same, but is written anew for each reader, with all sockets of the machine: tens of
//! milliseconds where many connections were closed lately. It is read where netlink cannot be used.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::os::fd::{AsRawFd as _, OwnedFd};

use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket};

const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLM_F_REQUEST: u16 = 1;
const NLMSG_ERROR: u16 = 2;
const ENOENT: i32 = 2;
const TCP: u8 = 6;
const LISTENING: u8 = 10;
const HEADER: usize = 16;

/// The bytes that wait at one end of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Queues {
    /// Received there, and not read.
    pub(crate) received: u32,
    /// Sent from there, and not acknowledged.
    pub(crate) sending: u32,
}

/// Asks the kernel about sockets.
pub(crate) struct Sockets {
    netlink: Option<OwnedFd>,
}

impl Sockets {
    pub(crate) fn open() -> Self {
        let netlink = socket(
            AddressFamily::Netlink,
            SockType::Datagram,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::NetlinkSockDiag,
        );
        Self { netlink: netlink.ok() }
    }

    /// The queues at the `local` end of the connection to `remote`; nothing waits at an end that is
    /// gone.
    pub(crate) fn queues(&self, local: SocketAddr, remote: SocketAddr) -> Queues {
        let (SocketAddr::V4(local), SocketAddr::V4(remote)) = (local, remote) else {
            return Queues::default();
        };
        let asked = self.netlink.as_ref().and_then(|netlink| ask(netlink, local, remote));
        asked.unwrap_or_else(|| look_up(local, remote))
    }
}

/// Nothing if the kernel does not answer such questions.
fn ask(netlink: &OwnedFd, local: SocketAddrV4, remote: SocketAddrV4) -> Option<Queues> {
    send(netlink.as_raw_fd(), &request(local, remote), MsgFlags::empty()).ok()?;
    let mut answer = [0; 4096];
    let length = recv(netlink.as_raw_fd(), &mut answer, MsgFlags::empty()).ok()?;
    let answer = answer.get(..length)?;
    let number = |at: usize| Some(u32::from_ne_bytes(answer.get(at..at + 4)?.try_into().ok()?));
    match u16::from_ne_bytes(answer.get(4..6)?.try_into().ok()?) {
        NLMSG_ERROR if number(HEADER)?.cast_signed() == -ENOENT => Some(Queues::default()),
        // Without an established one, the kernel answers with the socket that listens on the port.
        SOCK_DIAG_BY_FAMILY if *answer.get(HEADER + 1)? == LISTENING => Some(Queues::default()),
        SOCK_DIAG_BY_FAMILY => Some(Queues { received: number(HEADER + 56)?, sending: number(HEADER + 60)? }),
        _ => None,
    }
}

/// `struct nlmsghdr` and `struct inet_diag_req_v2`.
fn request(local: SocketAddrV4, remote: SocketAddrV4) -> Vec<u8> {
    let address = |ip: &Ipv4Addr| [ip.octets().as_slice(), &[0; 12]].concat();
    let body = [
        [AddressFamily::Inet as u8, TCP, 0, 0].as_slice(),
        &u32::MAX.to_ne_bytes(), // in any state
        &local.port().to_be_bytes(),
        &remote.port().to_be_bytes(),
        &address(local.ip()),
        &address(remote.ip()),
        &0_u32.to_ne_bytes(),    // on any interface
        &u64::MAX.to_ne_bytes(), // with any cookie
    ]
    .concat();
    let length = (HEADER + body.len()) as u32;
    [
        length.to_ne_bytes().as_slice(),
        &SOCK_DIAG_BY_FAMILY.to_ne_bytes(),
        &NLM_F_REQUEST.to_ne_bytes(),
        &[0; 8], // no number, and from whoever sends it
        &body,
    ]
    .concat()
}

fn look_up(local: SocketAddrV4, remote: SocketAddrV4) -> Queues {
    let table = fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    let (local, remote) = (format!(":{:04X}", local.port()), format!(":{:04X}", remote.port()));
    for line in table.lines().skip(1) {
        let fields: Vec<&str> = line.split_whitespace().skip(1).take(4).collect();
        let [from, to, _state, queues] = fields.as_slice() else { continue };
        if from.ends_with(&local) && to.ends_with(&remote) {
            let number = |digits: &str| u32::from_str_radix(digits, 16).unwrap_or_default();
            let (sending, received) = queues.split_once(':').unwrap_or_default();
            return Queues { received: number(received), sending: number(sending) };
        }
    }
    Queues::default()
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn knows_what_has_not_been_read() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut server, client_address) = listener.accept().unwrap();
        let server_address = server.local_addr().unwrap();
        client.write_all(b"hello").unwrap();
        for sockets in [Sockets::open(), Sockets { netlink: None }] {
            let queues = || sockets.queues(server_address, client_address);
            assert_eq!(queues().received, 5);
        }
        server.read_exact(&mut [0; 5]).unwrap();
        drop(server);
        for sockets in [Sockets::open(), Sockets { netlink: None }] {
            assert_eq!(sockets.queues(server_address, client_address).received, 0);
        }
    }
}
