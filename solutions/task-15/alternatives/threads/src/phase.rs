//! A moment that any number of threads can wait for, beside their sockets.

use std::io;
use std::net::TcpStream;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, PoisonError};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// The moment. `poll` sees it as a stream that can be read from: its other end is closed.
pub struct Phase {
    stream: UnixStream,
    other_end: Mutex<Option<UnixStream>>,
}

impl Phase {
    pub fn new() -> io::Result<Self> {
        let (stream, other_end) = UnixStream::pair()?;
        Ok(Self { stream, other_end: Mutex::new(Some(other_end)) })
    }

    /// The moment has come.
    pub fn begin(&self) {
        *self.other_end.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Waits until the socket has something, or this moment has come. Whether the socket has.
    pub fn or_readable(&self, socket: &TcpStream, at_most: PollTimeout) -> io::Result<bool> {
        let mut ready = [
            PollFd::new(socket.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.stream.as_fd(), PollFlags::POLLIN),
        ];
        retry(&mut ready, at_most)?;
        Ok(ready[0].any() == Some(true))
    }
}

/// Waits until these events come to the socket.
pub fn wait_for(socket: &TcpStream, events: PollFlags) -> io::Result<()> {
    retry(&mut [PollFd::new(socket.as_fd(), events)], PollTimeout::NONE)
}

pub fn retry(ready: &mut [PollFd<'_>], at_most: PollTimeout) -> io::Result<()> {
    loop {
        match poll(ready, at_most) {
            Err(Errno::EINTR) => {}
            other => return Ok(other.map(drop)?),
        }
    }
}
