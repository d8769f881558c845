//! The kernel's table of TCP sockets: who listens, and what has been read.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::service::below_this_process;

const ESTABLISHED: u8 = 0x01;
const LISTEN: u8 = 0x0a;

/// The table at one moment.
pub struct Sockets(Vec<Socket>);

impl Sockets {
    /// What the kernel says now.
    ///
    /// # Errors
    ///
    /// If it cannot be read, for want of descriptors for instance.
    pub fn now() -> io::Result<Self> {
        let text = fs::read_to_string("/proc/net/tcp")?;
        // It is not there where IPv6 is turned off.
        let text6 = match fs::read_to_string("/proc/net/tcp6") {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            text => text.unwrap_or_default(),
        };
        Ok(Self(text.lines().chain(text6.lines()).filter_map(Socket::read).collect()))
    }

    /// Whether a process that was started here listens at this address.
    pub fn have_listener_of_ours(&self, address: SocketAddr) -> bool {
        let listens = |socket: &&Socket| {
            let ip = socket.local.ip();
            let everywhere = ip.is_unspecified() && (ip.is_ipv6() || address.is_ipv4());
            socket.state == LISTEN
                && socket.local.port() == address.port()
                && (everywhere || ip == address.ip())
        };
        let files: Vec<String> = self.0.iter().filter(listens).map(Socket::file).collect();
        let holds = |pid| {
            let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
            let mut held = descriptors.filter_map(|descriptor| fs::read_link(descriptor.path()).ok());
            held.any(|held| files.iter().any(|file| held.as_os_str() == file.as_str()))
        };
        below_this_process().into_iter().any(holds)
    }

    /// Whether the process that listens at `server` has accepted the connection from `client`, and has read all
    /// that was sent on it.
    pub fn have_taken(&self, client: SocketAddr, server: SocketAddr) -> bool {
        // A connection that waits to be accepted belongs to no process yet, and has no inode.
        let is_taken = |socket: &Socket| {
            socket.state == ESTABLISHED
                && (socket.local, socket.remote) == (server, client)
                && socket.inode != 0
                && socket.unread == 0
        };
        self.0.iter().any(is_taken)
    }
}

struct Socket {
    local: SocketAddr,
    remote: SocketAddr,
    state: u8,
    unread: u64,
    inode: u64,
}

impl Socket {
    fn file(&self) -> String {
        format!("socket:[{}]", self.inode)
    }

    /// `0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 4711 ...`
    fn read(line: &str) -> Option<Self> {
        let mut fields = line.split_whitespace().skip(1);
        let (local, remote, state) = (fields.next()?, fields.next()?, fields.next()?);
        let state = u8::from_str_radix(state, 16).ok()?;
        // Most are connections that ended a minute ago.
        if ![ESTABLISHED, LISTEN].contains(&state) {
            return None;
        }
        let (_, unread) = fields.next()?.split_once(':')?;
        let unread = u64::from_str_radix(unread, 16).ok()?;
        let (local, remote) = (address(local)?, address(remote)?);
        Some(Self { local, remote, state, unread, inode: fields.nth(4)?.parse().ok()? })
    }
}

/// Each group of eight digits is a number of four bytes as it lies in memory. An address of IPv4 on a socket
/// of IPv6 is shown as what it is.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let groups =
        ip.as_bytes().chunks(8).map(|group| u32::from_str_radix(str::from_utf8(group).ok()?, 16).ok());
    let bytes: Vec<u8> =
        groups.collect::<Option<Vec<u32>>>()?.iter().flat_map(|group| group.to_ne_bytes()).collect();
    let ip = match bytes.len() {
        4 => IpAddr::from(Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?)),
        16 => IpAddr::from(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?)).to_canonical(),
        _ => return None,
    };
    Some(SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn a_request_is_taken_when_it_has_been_accepted_and_read() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = listener.local_addr().unwrap();
        let mut stream = TcpStream::connect(server).unwrap();
        let client = stream.local_addr().unwrap();
        let taken = || Sockets::now().unwrap().have_taken(client, server);
        assert!(!taken(), "it waits to be accepted");
        let (mut accepted, _) = listener.accept().unwrap();
        stream.write_all(b"GET").unwrap();
        while accepted.peek(&mut [0; 8]).unwrap() < 3 {}
        assert!(!taken(), "it was not read");
        accepted.read_exact(&mut [0; 3]).unwrap();
        assert!(taken());
    }

    #[test]
    fn addresses_are_read_as_the_kernel_writes_them() {
        for (text, expected) in [
            ("0100007F:1F90", "127.0.0.1:8080"),
            ("0000000000000000FFFF00000100007F:0050", "127.0.0.1:80"),
            ("00000000000000000000000001000000:0050", "[::1]:80"),
        ] {
            assert_eq!(address(text), expected.parse().ok(), "{text}");
        }
    }
}
