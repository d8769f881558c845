//! HTTP/1.1 on the wire, in every awkward state.
//!
//! Written on plain sockets and not on a client library, because the tests need what a library hides:
//! a request of which half is sent, a connection on which nothing is sent, a reader that stops, and
//! the exact way in which a connection ended.

use std::fmt::{self, Display};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::libc::linger;
use nix::sys::socket::{setsockopt, sockopt};

use crate::socket::Sockets;
use crate::timeline::{Count, Millis, Moment, Span};
use crate::{Scenario, descriptors, ms};

/// A loopback connect that takes longer than this has not been answered.
const CONNECT_TIMEOUT: Duration = ms(500);
/// A program that has not read a request after this long is not going to.
const READ_PATIENCE: Duration = ms(5_000);
const LARGEST_RESPONSE: usize = 16 * 1024 * 1024;

/// One connection to the program under test, and what has been received on it.
pub struct Client {
    pub(crate) scenario: Scenario,
    pub(crate) name: String,
    pub(crate) stream: TcpStream,
    pub(crate) received: Vec<u8>,
    in_flight: Option<Span>,
    /// When the last response came, or its absence was known.
    pub(crate) settled: Moment,
    pub(crate) quiet: bool,
}

/// A complete response.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Header names in lower case, with their values.
    pub headers: Vec<(String, String)>,
    /// The body, decoded if it was chunked.
    pub body: Vec<u8>,
    /// When its last byte was read.
    pub at: Moment,
}

impl Response {
    /// Fails unless `Content-Length` says how long the body is.
    #[track_caller]
    pub fn require_content_length(&self, scenario: &Scenario) {
        let expected = self.body.len().to_string();
        let observed = self.header("content-length").unwrap_or("no such header");
        scenario.require(observed == expected, format!("Content-Length: {expected}"), observed);
    }

    /// The value of the header with this lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }
}

impl Display for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.status, Count(self.body.len(), "byte"))
    }
}

/// Why there is no complete response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Nobody listens there.
    Refused,
    /// There is no way to that address.
    Unreachable,
    /// The connect was not answered in time: the accept queue is full, or nobody accepts.
    NotAccepted,
    /// The connection was closed before the first byte of a response.
    Closed,
    /// The connection was reset before the first byte of a response.
    Reset,
    /// The response ended after this many bytes, before its end.
    Truncated(usize),
    /// Nothing more came for this long.
    TimedOut(Duration),
    /// What came is not HTTP/1.1.
    Malformed,
}

impl Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => f.write_str("connection refused"),
            Self::Unreachable => f.write_str("address not reachable"),
            Self::NotAccepted => f.write_str("connect not answered"),
            Self::Closed => f.write_str("connection closed without a response"),
            Self::Reset => f.write_str("connection reset without a response"),
            Self::Truncated(bytes) => write!(f, "response cut off after {}", Count(*bytes, "byte")),
            Self::TimedOut(time) => write!(f, "nothing for {}", Millis(*time)),
            Self::Malformed => f.write_str("a response that is not HTTP/1.1"),
        }
    }
}

/// `200, 5 bytes`, or how the connection ended instead.
pub fn shown(outcome: &Result<Response, Cut>) -> String {
    outcome.as_ref().map_or_else(ToString::to_string, ToString::to_string)
}

impl Client {
    /// Connects, and fails the scenario if the program does not take the connection.
    #[track_caller]
    pub fn connected(scenario: &Scenario, name: &str, address: SocketAddr) -> Self {
        Self::connect(scenario, name, address)
            .unwrap_or_else(|cut| scenario.fail(format!("{name}: connected"), cut))
    }

    /// Connects. `name` is the client's lane in the picture: `client 1`.
    ///
    /// # Errors
    ///
    /// [`Cut::Refused`] or [`Cut::Unreachable`], or [`Cut::NotAccepted`] after half a second. All are
    /// marked. What this machine does not grant us, such as one more descriptor, is no refusal: it ends the
    /// scenario without a verdict.
    pub fn connect(scenario: &Scenario, name: &str, address: SocketAddr) -> Result<Self, Cut> {
        let cut = match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
            Ok(stream) => {
                descriptors::require_room_beyond(scenario, &stream);
                let _ = stream.set_nodelay(true);
                return Ok(Self::over(scenario, name, stream));
            }
            Err(error) => match error.kind() {
                ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset => Cut::Refused,
                ErrorKind::TimedOut => Cut::NotAccepted,
                ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => Cut::Unreachable,
                _ => scenario.unknown(format!("{name} cannot connect to {address}: {error}")),
            },
        };
        scenario.timeline().mark(name, cut);
        Err(cut)
    }

    pub(crate) fn over(scenario: &Scenario, name: &str, stream: TcpStream) -> Self {
        Self {
            scenario: scenario.share(),
            name: name.to_owned(),
            stream,
            received: Vec::new(),
            in_flight: None,
            settled: Moment::now(),
            quiet: false,
        }
    }

    /// Records only what goes wrong from now on: for clients that send thousands of requests.
    pub fn quiet(mut self) -> Self {
        self.quiet = true;
        self
    }

    /// Closes the connection with a reset, as the end of a process with unread data does.
    pub fn reset(self) {
        self.make_the_close_a_reset();
    }

    pub(crate) fn make_the_close_a_reset(&self) {
        let _ = setsockopt(&self.stream, sockopt::Linger, &linger { l_onoff: 1, l_linger: 0 });
    }

    /// Sends `GET path` on this connection, which stays open for more. A failed write shows up when
    /// the response is read.
    pub fn send(&mut self, path: &str) -> Moment {
        self.in_flight =
            (!self.quiet).then(|| self.scenario.timeline().begin(&self.name, format!("GET {path}")));
        let began = self.in_flight.as_ref().map_or_else(Moment::now, Span::began);
        let _ = write!(self.stream, "GET {path} HTTP/1.1\r\nHost: drill\r\n\r\n");
        began
    }

    /// Sends bytes as they are: half a request, for instance.
    pub fn send_bytes(&mut self, bytes: &str) -> Moment {
        let shown: String = bytes.chars().take(24).collect();
        let mark = || self.scenario.timeline().mark(&self.name, format!("sends {shown:?}"));
        let at = if self.quiet { Moment::now() } else { mark() };
        let _ = self.stream.write_all(bytes.as_bytes());
        at
    }

    /// Waits until the program has read all that was sent to it: what it then has is in flight. Fails
    /// if it has not after five seconds.
    #[track_caller]
    pub fn wait_until_read(&self) {
        wait_until_all_read(std::slice::from_ref(self));
    }

    /// Waits until the machine has received all that was sent, whether the program reads it or not. If it has no room for
    /// that, the scenario ends without a verdict.
    #[track_caller]
    pub fn wait_until_received(&self) {
        let sockets = Sockets::open();
        let (Ok(ours), Ok(theirs)) = (self.stream.local_addr(), self.stream.peer_addr()) else { return };
        let from = Instant::now();
        while sockets.queues(ours, theirs).sending > 0 {
            if from.elapsed() > ms(1_000) {
                self.scenario.unknown("this machine has no room for what a socket has received");
            }
            thread::sleep(ms(1));
        }
    }

    /// Reads one response, waiting at most `patience` for each part of it.
    ///
    /// # Errors
    ///
    /// How the connection ended instead, see [`Cut`]. The outcome is marked either way.
    pub fn response(&mut self, patience: Duration) -> Result<Response, Cut> {
        let outcome = self.read_response(patience);
        let what = shown(&outcome);
        let at = match self.in_flight.take() {
            Some(span) => span.end(what),
            None if self.quiet && outcome.is_ok() => Moment::now(),
            None => self.scenario.timeline().mark(&self.name, what),
        };
        self.settled = at;
        // The same moment as in the picture, so that a bound that counts from here can name it.
        outcome.map(|response| Response { at, ..response })
    }

    /// `GET path`, and its response.
    ///
    /// # Errors
    ///
    /// See [`Client::response`].
    pub fn get(&mut self, path: &str, patience: Duration) -> Result<Response, Cut> {
        self.send(path);
        self.response(patience)
    }

    /// Sends `GET path`, waits until the program has read it, and leaves a thread to read the response.
    #[track_caller]
    pub fn request(mut self, path: &str, patience: Duration) -> Pending {
        let sent = self.send(path);
        self.wait_until_read();
        self.pending(sent, patience)
    }

    /// Leaves a thread to read the response to what was sent.
    pub(crate) fn pending(mut self, sent: Moment, patience: Duration) -> Pending {
        let name = self.name.clone();
        let scenario = self.scenario.share();
        let reader = self.scenario.share().spawn(move || {
            let outcome = self.response(patience);
            (self, outcome)
        });
        Pending { scenario, name, sent, reader }
    }

    /// When the last response came, or its absence was known.
    pub fn settled(&self) -> Moment {
        self.settled
    }

    /// Waits at most `patience` for the program to close this connection, and discards what it sends
    /// before.
    pub fn closed_within(&mut self, patience: Duration) -> bool {
        let scenario = self.scenario.share();
        let _waiting = scenario.waiting(format!("the connection of {} to be closed", self.name));
        let until = Instant::now() + patience;
        loop {
            match self.fill(until.saturating_duration_since(Instant::now())) {
                Ok(()) => self.received.clear(),
                Err(Cut::TimedOut(_)) => return false,
                Err(_) => {
                    self.scenario.timeline().mark(&self.name, "connection closed");
                    return true;
                }
            }
        }
    }

    fn read_response(&mut self, patience: Duration) -> Result<Response, Cut> {
        loop {
            if let Some((response, length)) = parse(&self.received)? {
                self.received.drain(..length);
                return Ok(response);
            }
            match self.fill(patience) {
                Ok(()) if self.received.len() <= LARGEST_RESPONSE => {}
                Ok(()) => return Err(Cut::Malformed),
                Err(Cut::Closed | Cut::Reset) if !self.received.is_empty() => {
                    return Err(Cut::Truncated(self.received.len()));
                }
                Err(cut) => return Err(cut),
            }
        }
    }

    pub(crate) fn fill(&mut self, patience: Duration) -> Result<(), Cut> {
        if patience.is_zero() {
            return Err(Cut::TimedOut(patience));
        }
        let _ = self.stream.set_read_timeout(Some(patience));
        let mut buffer = [0; 16 * 1024];
        match self.stream.read(&mut buffer) {
            Ok(0) => Err(Cut::Closed),
            Ok(count) => {
                self.received.extend_from_slice(&buffer[..count]);
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                Err(Cut::TimedOut(patience))
            }
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe
                ) =>
            {
                Err(Cut::Reset)
            }
            Err(error) => self.scenario.unknown(format!("{} cannot read: {error}", self.name)),
        }
    }
}

/// A request that is in flight, and its response once there is one.
pub struct Pending {
    scenario: Scenario,
    name: String,
    sent: Moment,
    reader: JoinHandle<(Client, Result<Response, Cut>)>,
}

impl Pending {
    /// When the request was sent.
    pub fn sent(&self) -> Moment {
        self.sent
    }

    /// Waits for the response, and gives the connection back for more.
    ///
    /// # Errors
    ///
    /// See [`Client::response`].
    pub fn outcome(self) -> (Client, Result<Response, Cut>) {
        let _waiting = self.scenario.waiting(format!("the response to {}", self.name));
        self.reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// Waits for the response and requires status 200.
    #[track_caller]
    pub fn answered(self) -> Response {
        let scenario = self.scenario.share();
        let expected = format!("{}: 200", self.name);
        let (client, outcome) = self.outcome();
        match outcome {
            Ok(response) if response.status == 200 => response,
            Ok(response) => scenario.fail_at(response.at, expected, response.status),
            Err(cut) => {
                let observed = format!("{cut}, {}", scenario.timeline().when(client.settled));
                scenario.fail_at(client.settled, expected, observed)
            }
        }
    }
}

/// The first complete response in `bytes` and its length, or nothing if it is not complete yet.
fn parse(bytes: &[u8]) -> Result<Option<(Response, usize)>, Cut> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Response::new(&mut headers);
    let Ok(status) = head.parse(bytes) else { return Err(Cut::Malformed) };
    let httparse::Status::Complete(head_length) = status else { return Ok(None) };
    let headers: Vec<(String, String)> = head
        .headers
        .iter()
        .map(|header| (header.name.to_lowercase(), String::from_utf8_lossy(header.value).into_owned()))
        .collect();
    let header =
        |name: &str| headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.trim());
    let rest = &bytes[head_length..];
    let body = if header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        dechunk(rest)?
    } else {
        let length =
            header("content-length").map_or(Some(0), |length| length.parse().ok()).ok_or(Cut::Malformed)?;
        rest.get(..length).map(|body| (body.to_vec(), length))
    };
    let status = head.code.unwrap_or_default();
    Ok(body
        .map(|(body, length)| (Response { status, headers, body, at: Moment::now() }, head_length + length)))
}

/// The body of a chunked response and its length on the wire, or nothing if it is not complete yet.
fn dechunk(bytes: &[u8]) -> Result<Option<(Vec<u8>, usize)>, Cut> {
    let mut body = Vec::new();
    let mut position = 0;
    loop {
        let (start, size) = match httparse::parse_chunk_size(&bytes[position..]) {
            Ok(httparse::Status::Complete((start, size))) => (position + start, size as usize),
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => return Err(Cut::Malformed),
        };
        let Some(chunk) = bytes.get(start..start + size) else { return Ok(None) };
        body.extend_from_slice(chunk);
        position = start + size + 2;
        if bytes.len() < position {
            return Ok(None);
        }
        if size == 0 {
            return Ok(Some((body, position)));
        }
    }
}

/// Waits until the program has read all that was sent on these connections.
#[track_caller]
pub(crate) fn wait_until_all_read(clients: &[Client]) {
    let Some(Client { scenario, name, .. }) = clients.first() else { return };
    let whose = match clients.len() {
        1 => format!("the request of {name}"),
        count => format!("all {count} requests"),
    };
    let _waiting = scenario.waiting(format!("the program to read {whose}"));
    let from = Moment::now();
    loop {
        let unread = unread(clients);
        if unread == 0 {
            return;
        }
        let now = Moment::now();
        if now > from.plus(READ_PATIENCE) {
            // Not a question of a busy machine: reading takes microseconds.
            let expected = format!("the program reads {whose} within {}", Millis(READ_PATIENCE));
            let observed = format!("{unread} of {} not read", clients.len());
            scenario.fail_at(now, expected, observed);
        }
        thread::sleep(ms(1));
    }
}

/// On how many of these connections something was sent that the other side has not read: it is still on
/// its way, or waits on the other side.
fn unread(clients: &[Client]) -> usize {
    let sockets = Sockets::open();
    let waits = |client: &&Client| {
        // A connection that is gone has no addresses any more: nothing will be read there.
        let (Ok(ours), Ok(theirs)) = (client.stream.local_addr(), client.stream.peer_addr()) else {
            return false;
        };
        sockets.queues(ours, theirs).sending > 0 || sockets.queues(theirs, ours).received > 0
    };
    clients.iter().filter(waits).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_is_complete_with_its_last_byte() {
        let whole = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
        for length in 0..whole.len() {
            assert!(parse(&whole[..length]).unwrap().is_none(), "{length} bytes");
        }
        let (response, length) = parse(whole).unwrap().unwrap();
        assert_eq!((response.status, response.body.as_slice(), length), (200, &b"ok"[..], whole.len()));
    }

    #[test]
    fn a_chunked_response_is_decoded() {
        let whole = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
        for length in 0..whole.len() {
            assert!(parse(&whole[..length]).unwrap().is_none(), "{length} bytes");
        }
        assert_eq!(parse(whole).unwrap().unwrap().0.body, b"ok");
    }

    #[test]
    fn something_else_is_malformed() {
        assert_eq!(parse(b"SSH-2.0-OpenSSH\r\n").unwrap_err(), Cut::Malformed);
    }
}
