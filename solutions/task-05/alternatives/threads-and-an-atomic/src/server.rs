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
use crate::phase::{Phase, State};
use crate::report::{Overrun, Report};
use crate::routes;

const LARGEST_HEAD: usize = 16 * 1024;
/// The propagation window is the budget divided by this.
const WINDOW_SHARE: u32 = 10;

/// Prints the ready line and serves until `signalled` can be read from. Then it goes through the phases:
/// a tenth of `budget` in [`Phase::Leaving`], the rest at most in [`Phase::Closing`].
pub fn run(listener: TcpListener, signalled: UnixStream, budget: Duration) -> io::Result<Report> {
    println!("listening on {}", listener.local_addr()?);

    let (state, in_flight) = (State::default(), InFlight::default());
    // Another thread may not take the connection away, but its client may have given up.
    listener.set_nonblocking(true)?;
    let mut begun = None;
    loop {
        let left = begun.map(|begun: Instant| (budget / WINDOW_SHARE).saturating_sub(begun.elapsed()));
        if left.is_some_and(|left| left.is_zero()) {
            break;
        }
        // Rounded up: a time-out of 0 ms would spin for the last one.
        let time_out = left.map_or(PollTimeout::NONE, |left| {
            PollTimeout::try_from(left.as_millis() + 1).unwrap_or(PollTimeout::MAX)
        });
        let mut ready = [
            PollFd::new(listener.as_fd(), PollFlags::POLLIN),
            PollFd::new(signalled.as_fd(), PollFlags::POLLIN),
        ];
        // Once the signal has come, its pipe stays readable: nobody looks at it again.
        let asked = if begun.is_some() { 1 } else { 2 };
        match poll(&mut ready[..asked], time_out) {
            Err(Errno::EINTR) => continue,
            other => other?,
        };
        if begun.is_none() && ready[1].any() == Some(true) {
            begun = Some(Instant::now());
            state.enter(Phase::Leaving);
        }
        let Ok((stream, _)) = listener.accept() else { continue };
        let (state, in_flight) = (state.clone(), in_flight.clone());
        thread::Builder::new().spawn(move || {
            let _ = serve(stream, &state, &in_flight);
        })?;
    }

    let begun = begun.unwrap_or_else(Instant::now);
    drop(listener);
    state.enter(Phase::Closing);
    let outcome = in_flight.wait(begun + budget).map_err(|abandoned| Overrun { abandoned });
    Ok(Report { outcome, duration: begun.elapsed() })
}

/// Serves one connection until it is closed, or has had an answer that said it would be.
fn serve(mut stream: TcpStream, state: &State, in_flight: &InFlight) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    let mut received = Vec::new();
    while state.phase() != Phase::Closing {
        // Wait without reading: what has been read must be in flight.
        if received.is_empty() && stream.peek(&mut [0])? == 0 {
            return Ok(());
        }
        let mut entered = in_flight.enter();
        let Some(path) = read_request(&mut stream, &mut received)? else { return Ok(()) };
        if answer(&mut stream, &path, &mut entered, state)? == Last::Yes {
            return Ok(());
        }
    }
    Ok(())
}

/// Whether an answer is the last one on its connection.
#[derive(PartialEq, Eq)]
enum Last {
    Yes,
    No,
}

fn answer(stream: &mut TcpStream, path: &str, entered: &mut Entered, state: &State) -> io::Result<Last> {
    entered.read();
    let (status, body) = routes::answer(path, state);
    // From the signal on, clients are asked to come back on another connection.
    let (connection, last) = match state.phase() {
        Phase::Serving => ("keep-alive", Last::No),
        _ => ("close", Last::Yes),
    };
    // One write, so that an answer is there as a whole or not at all.
    let length = body.len();
    let response =
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: {connection}\r\n\r\n{body}");
    stream.write_all(response.as_bytes())?;
    Ok(last)
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
