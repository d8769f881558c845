//! Serves until the signal, then drains.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::in_flight::{Entered, InFlight};
use crate::report::{Overrun, Report};
use crate::routes;

const LARGEST_HEAD: usize = 16 * 1024;

/// Prints the ready line and serves until `signalled` can be read from. Then it drains: no new
/// connections, an answer for every request that has been read, and all of it within `budget`.
pub fn run(listener: TcpListener, signalled: UnixStream, budget: Duration) -> io::Result<Report> {
    println!("listening on {}", listener.local_addr()?);

    let in_flight = InFlight::default();
    // Another thread may not take the connection away, but its client may have given up.
    listener.set_nonblocking(true)?;
    loop {
        let mut ready = [
            PollFd::new(signalled.as_fd(), PollFlags::POLLIN),
            PollFd::new(listener.as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut ready, PollTimeout::NONE) {
            Err(Errno::EINTR) => continue,
            other => other?,
        };
        if ready[0].any() == Some(true) {
            break;
        }
        let Ok((stream, _)) = listener.accept() else { continue };
        let in_flight = in_flight.clone();
        thread::Builder::new().spawn(move || {
            let _ = serve(stream, &in_flight);
        })?;
    }

    let begun = Instant::now();
    drop(listener);
    in_flight.drain();
    let outcome = in_flight.wait(begun + budget).map_err(|abandoned| Overrun { abandoned });
    Ok(Report { outcome, duration: begun.elapsed() })
}

/// Serves one connection until it is closed or the server drains.
fn serve(mut stream: TcpStream, in_flight: &InFlight) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    let mut received = Vec::new();
    while !in_flight.draining() {
        // Wait without reading: what has been read must be in flight.
        if received.is_empty() && stream.peek(&mut [0])? == 0 {
            return Ok(());
        }
        let mut entered = in_flight.enter();
        let Some(path) = read_request(&mut stream, &mut received)? else { return Ok(()) };
        answer(&mut stream, &path, &mut entered, in_flight)?;
    }
    Ok(())
}

fn answer(stream: &mut TcpStream, path: &str, entered: &mut Entered, in_flight: &InFlight) -> io::Result<()> {
    entered.read();
    let (status, body) = routes::answer(path);
    let connection = if in_flight.draining() { "close" } else { "keep-alive" };
    // One write, so that an answer is there as a whole or not at all.
    let length = body.len();
    let response =
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: {connection}\r\n\r\n{body}");
    stream.write_all(response.as_bytes())
}

/// The path of the next request, or nothing if the client sends something else, or no more.
fn read_request(stream: &mut TcpStream, received: &mut Vec<u8>) -> io::Result<Option<String>> {
    loop {
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut request = httparse::Request::new(&mut headers);
        match request.parse(received) {
            Ok(httparse::Status::Complete(length)) => {
                let path = request.path.unwrap_or_default().to_owned();
                received.drain(..length);
                return Ok(Some(path));
            }
            Ok(httparse::Status::Partial) if received.len() < LARGEST_HEAD => {}
            _ => return Ok(None),
        }
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer)? {
            0 => return Ok(None),
            count => received.extend_from_slice(&buffer[..count]),
        }
    }
}
