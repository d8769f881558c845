//! Serves until the signal, then drains.

use std::io;
use std::net::TcpListener;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout};

use crate::connections::Connections;
use crate::report::{Overrun, Report};
use crate::{http, phase};

/// How often the drain looks whether anybody is left, in milliseconds.
const LOOK: u8 = 5;

/// Prints the ready line and serves until `signalled` can be read from. Then all WebSockets are closed, within `budget`.
pub fn run(listener: TcpListener, signalled: UnixStream, budget: Duration) -> io::Result<Report> {
    println!("listening on {}", listener.local_addr()?);

    let connections = Connections::new()?;
    // Its client may have given up by the time of the accept.
    listener.set_nonblocking(true)?;
    let mut begun = None;
    loop {
        if begun.is_some_and(|begun: Instant| connections.websockets() == 0 || begun.elapsed() >= budget) {
            break;
        }
        let mut ready = [
            PollFd::new(listener.as_fd(), PollFlags::POLLIN),
            PollFd::new(signalled.as_fd(), PollFlags::POLLIN),
        ];
        // Once the signal has come, its pipe stays readable: nobody looks at it again.
        let (asked, at_most) = match begun {
            None => (2, PollTimeout::NONE),
            Some(_) => (1, PollTimeout::from(LOOK)),
        };
        phase::retry(&mut ready[..asked], at_most)?;
        if begun.is_none() && ready[1].any() == Some(true) {
            let now = Instant::now();
            begun = Some(now);
            connections.drain(now);
        }
        let Ok((stream, _)) = listener.accept() else { continue };
        stream.set_nonblocking(false)?;
        let connection = connections.accepted();
        thread::Builder::new().stack_size(128 * 1024).spawn(move || http::serve(stream, connection))?;
    }

    let begun = begun.unwrap_or_else(Instant::now);
    let outcome = match connections.websockets() {
        0 => Ok(()),
        abandoned => Err(Overrun { abandoned }),
    };
    drop(listener);
    connections.close(begun + budget);
    Ok(Report { outcome, duration: begun.elapsed() })
}
