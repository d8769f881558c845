//! WebSockets on the wire, in every awkward state.
//!
//! As [`Client`] is: frames are written here and read here, so that half of one can be sent, a close frame can be
//! left without an answer, and the way in which the connection ended is seen.

use std::fmt::{self, Display};
use std::io::{ErrorKind, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::AsRawFd as _;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, SockFlag, SockProtocol, SockType, SockaddrIn, setsockopt, socket, sockopt,
};

use crate::timeline::{Count, Moment};
use crate::{Client, Cut, Response, Scenario, descriptors, ms, shown};

/// The key of RFC 6455, section 1.3, and what a server makes of it.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
/// What every client's frame is masked with.
const MASK: [u8; 4] = [0x5a, 0xa5, 0x0f, 0xf1];

/// One frame, or a message that came in several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A message of text. It is not looked at whether it is UTF-8.
    Text(Vec<u8>),
    /// A message of bytes.
    Binary(Vec<u8>),
    /// Asks for a pong with the same bytes.
    Ping(Vec<u8>),
    /// Answers a ping.
    Pong(Vec<u8>),
    /// The last frame, with a code if it has one, and a reason.
    Close(Option<u16>, String),
}

impl Frame {
    /// A message of text.
    pub fn text(text: &str) -> Self {
        Self::Text(text.as_bytes().to_vec())
    }

    /// A close frame without a reason.
    pub fn close(code: u16) -> Self {
        Self::Close(Some(code), String::new())
    }

    /// The frame as a client sends it.
    pub fn bytes(&self) -> Vec<u8> {
        let (opcode, payload) = match self {
            Self::Text(payload) => (0x1, payload.clone()),
            Self::Binary(payload) => (0x2, payload.clone()),
            Self::Close(code, reason) => (0x8, close_payload(*code, reason)),
            Self::Ping(payload) => (0x9, payload.clone()),
            Self::Pong(payload) => (0xa, payload.clone()),
        };
        fragment(opcode, true, &payload)
    }

    /// A message in two frames.
    pub fn in_two(&self) -> Vec<u8> {
        let (Self::Text(payload) | Self::Binary(payload)) = self else { return self.bytes() };
        let opcode = if matches!(self, Self::Text(_)) { 0x1 } else { 0x2 };
        let (begin, end) = payload.split_at(payload.len() / 2);
        [fragment(opcode, false, begin), fragment(0x0, true, end)].concat()
    }
}

impl Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(payload) => write!(f, "text, {}", Count(payload.len(), "byte")),
            Self::Binary(payload) => write!(f, "binary, {}", Count(payload.len(), "byte")),
            Self::Ping(payload) => write!(f, "ping, {}", Count(payload.len(), "byte")),
            Self::Pong(payload) => write!(f, "pong, {}", Count(payload.len(), "byte")),
            Self::Close(Some(code), reason) => write!(f, "close {code} {reason:?}"),
            Self::Close(None, _) => f.write_str("close without a code"),
        }
    }
}

/// What a request for an upgrade came to instead.
#[derive(Debug)]
pub struct NotUpgraded {
    /// Another answer, or how the connection ended.
    pub outcome: Result<Response, Cut>,
    /// When that was known.
    pub at: Moment,
}

/// One connection that has been upgraded.
pub struct WebSocket {
    client: Client,
    /// What the other side did not take: it comes before what is sent next.
    unsent: Vec<u8>,
    sender: Option<JoinHandle<()>>,
}

impl WebSocket {
    /// Connects and upgrades, and fails the scenario if that does not come about.
    #[track_caller]
    pub fn connected(scenario: &Scenario, name: &str, address: SocketAddr) -> Self {
        Self::on(Client::connected(scenario, name, address))
    }

    /// Connects and upgrades, on a connection with segments of 536 bytes. With those of the loopback, of 64 KiB, the kernel of the other side
    /// lets nothing in until all is read: whoever sends without a pause is then read with pauses.
    #[track_caller]
    pub fn in_small_segments(scenario: &Scenario, name: &str, address: SocketAddr) -> Self {
        let SocketAddr::V4(address) = address else { scenario.unknown("an address that is not of IPv4") };
        let connect = || {
            let socket =
                socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, SockProtocol::Tcp)?;
            setsockopt(&socket, sockopt::TcpMaxSeg, &536)?;
            nix::sys::socket::connect(socket.as_raw_fd(), &SockaddrIn::from(address))?;
            Ok::<_, Errno>(TcpStream::from(socket))
        };
        match connect() {
            Ok(stream) => Self::on(Client::over(scenario, name, stream)),
            Err(Errno::ECONNREFUSED) => scenario.fail(format!("{name}: connected"), Cut::Refused),
            Err(error) => scenario.unknown(format!("{name} cannot connect in small segments: {error}")),
        }
    }

    /// Upgrades an open connection, and fails the scenario if that does not come about.
    #[track_caller]
    pub fn on(mut client: Client) -> Self {
        let (scenario, name) = (client.scenario.share(), client.name.clone());
        Self::ask(&mut client);
        Self::answered(client, ms(5_000)).unwrap_or_else(|NotUpgraded { outcome, at }| {
            let expected = format!("{name}: the upgrade of /ws answered with 101");
            scenario.fail_at(at, expected, shown(&outcome))
        })
    }

    /// Opens so many connections, which are quiet, and sees to it that there are descriptors enough.
    #[track_caller]
    pub fn many(scenario: &Scenario, address: SocketAddr, count: usize) -> Vec<Self> {
        descriptors::make_room(scenario, count);
        let connect = |number| Client::connected(scenario, &format!("client {number}"), address).quiet();
        (1..=count).map(|number| Self::on(connect(number))).collect()
    }

    /// Sends a request for an upgrade.
    pub fn ask(client: &mut Client) -> Moment {
        client.send_bytes(&Self::request())
    }

    /// A request for an upgrade, to be sent in parts.
    pub fn request() -> String {
        format!(
            "GET /ws HTTP/1.1\r\nHost: drill\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
        )
    }

    /// Waits for the answer to a request for an upgrade.
    ///
    /// # Errors
    ///
    /// If it is not a 101. One without the right `Sec-WebSocket-Accept` fails the scenario.
    pub fn answered(mut client: Client, patience: Duration) -> Result<Self, NotUpgraded> {
        match client.response(patience) {
            Ok(response) if response.status == 101 => {
                let accept = response.header("sec-websocket-accept").unwrap_or("no such header");
                let expected = format!("Sec-WebSocket-Accept: {ACCEPT}");
                client.scenario.require(accept == ACCEPT, expected, accept);
                Ok(Self { client, unsent: Vec::new(), sender: None })
            }
            outcome => Err(NotUpgraded { outcome, at: client.settled }),
        }
    }

    /// Records only what goes wrong from now on: for clients that send thousands of messages.
    #[must_use]
    pub fn quiet(mut self) -> Self {
        self.client = self.client.quiet();
        self
    }

    /// Its lane in the picture.
    pub fn name(&self) -> &str {
        &self.client.name
    }

    /// Sends a frame. A failed write shows up when the next frame is read.
    pub fn send(&mut self, frame: &Frame) -> Moment {
        self.send_bytes(&frame.bytes(), frame)
    }

    /// Sends bytes as they are: half a frame, for instance. `what` is for the picture.
    pub fn send_bytes(&mut self, bytes: &[u8], what: impl Display) -> Moment {
        let at = self.mark(format!("sends {what}"));
        let _ = self.client.stream.set_write_timeout(None);
        let unsent = std::mem::take(&mut self.unsent);
        let _ = self.client.stream.write_all(&unsent).and_then(|()| self.client.stream.write_all(bytes));
        at
    }

    /// Sends a frame again and again, without reading anything, until the other side has taken nothing for 200 ms; says how many
    /// it has begun to take.
    pub fn send_until_stuck(&mut self, frame: &Frame) -> usize {
        self.mark(format!("sends {frame} again and again, and reads nothing"));
        let _ = self.client.stream.set_write_timeout(Some(ms(200)));
        let bytes = frame.bytes();
        for count in 1.. {
            let mut rest = bytes.as_slice();
            while !rest.is_empty() {
                match self.client.stream.write(rest) {
                    Ok(taken) => rest = &rest[taken..],
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(_) => {
                        self.unsent = rest.to_vec();
                        return count;
                    }
                }
            }
        }
        unreachable!("a socket's buffer is finite")
    }

    /// Sends a frame again and again, on a thread, without a pause and without an end: until [`WebSocket::reset`].
    pub fn keep_sending(&mut self, frame: &Frame) {
        self.mark(format!("sends {frame} again and again, without a pause"));
        let Ok(mut stream) = self.client.stream.try_clone() else {
            self.client.scenario.unknown("this machine grants no descriptor")
        };
        let bytes = frame.bytes().repeat(10_000);
        let send = move || while stream.write_all(&bytes).is_ok() {};
        self.sender = Some(self.client.scenario.spawn(send));
    }

    /// Waits until the program has read all that was sent to it.
    #[track_caller]
    pub fn wait_until_read(&self) {
        self.client.wait_until_read();
    }

    /// Waits until the machine has received all that was sent, whether the program reads it or not. If it has no room for
    /// that, the scenario ends without a verdict.
    #[track_caller]
    pub fn wait_until_received(&self) {
        self.client.wait_until_received();
    }

    /// Reads one frame, or a message that comes in several, waiting at most `patience` for all of it.
    ///
    /// # Errors
    ///
    /// How the connection ended instead. [`Cut::Malformed`] is something that a server must not send.
    pub fn receive(&mut self, patience: Duration) -> Result<Frame, Cut> {
        let outcome = self.read(patience);
        let at = match &outcome {
            Ok(frame) => self.mark(frame),
            Err(Cut::TimedOut(_)) => Moment::now(),
            Err(cut) => self.client.scenario.timeline().mark(&self.client.name, ended(cut)),
        };
        self.client.settled = at;
        outcome
    }

    /// When the last frame came, or its absence was known.
    pub fn settled(&self) -> Moment {
        self.client.settled
    }

    /// Closes the TCP connection with a reset, as the end of a process with unread data does.
    pub fn reset(self) {
        self.mark("is gone, with a reset");
        self.client.make_the_close_a_reset();
        if let Some(sender) = self.sender {
            let _ = self.client.stream.shutdown(Shutdown::Both);
            let _ = sender.join();
        }
    }

    fn mark(&self, what: impl Display) -> Moment {
        if self.client.quiet {
            return Moment::now();
        }
        self.client.scenario.timeline().mark(&self.client.name, what)
    }

    fn read(&mut self, patience: Duration) -> Result<Frame, Cut> {
        let until = Instant::now() + patience;
        let mut message: Option<(u8, Vec<u8>)> = None;
        loop {
            let Some(Raw { opcode, last, payload, length }) = parse(&self.client.received)? else {
                match self.client.fill(until.saturating_duration_since(Instant::now())) {
                    Ok(()) => continue,
                    Err(Cut::TimedOut(_)) => return Err(Cut::TimedOut(patience)),
                    Err(_) if !self.client.received.is_empty() => {
                        return Err(Cut::Truncated(self.client.received.len()));
                    }
                    Err(cut) => return Err(cut),
                }
            };
            self.client.received.drain(..length);
            match (opcode, message.take()) {
                (0x8..=0xa, None) if last => return control(opcode, payload),
                (0x1 | 0x2, None) if last => return Ok(data(opcode, payload)),
                (0x1 | 0x2, None) => message = Some((opcode, payload)),
                (0x0, Some((opcode, begin))) if last => return Ok(data(opcode, [begin, payload].concat())),
                (0x0, Some((opcode, begin))) => message = Some((opcode, [begin, payload].concat())),
                _ => return Err(Cut::Malformed),
            }
        }
    }
}

fn ended(cut: &Cut) -> String {
    match cut {
        Cut::Closed => "connection closed".to_owned(),
        Cut::Reset => "connection reset".to_owned(),
        Cut::Truncated(bytes) => format!("connection ended within a frame, after {}", Count(*bytes, "byte")),
        Cut::Malformed => "something that a server must not send".to_owned(),
        cut => cut.to_string(),
    }
}

fn data(opcode: u8, payload: Vec<u8>) -> Frame {
    if opcode == 0x1 { Frame::Text(payload) } else { Frame::Binary(payload) }
}

fn control(opcode: u8, payload: Vec<u8>) -> Result<Frame, Cut> {
    match (opcode, payload.as_slice()) {
        (0x9, _) => Ok(Frame::Ping(payload)),
        (0xa, _) => Ok(Frame::Pong(payload)),
        (_, []) => Ok(Frame::Close(None, String::new())),
        (_, [high, low, reason @ ..]) => {
            let reason = String::from_utf8(reason.to_vec()).map_err(|_| Cut::Malformed)?;
            Ok(Frame::Close(Some(u16::from_be_bytes([*high, *low])), reason))
        }
        _ => Err(Cut::Malformed),
    }
}

fn close_payload(code: Option<u16>, reason: &str) -> Vec<u8> {
    code.map_or_else(Vec::new, |code| [code.to_be_bytes().as_slice(), reason.as_bytes()].concat())
}

fn fragment(opcode: u8, last: bool, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![u8::from(last) << 7 | opcode];
    match payload.len() {
        length @ ..126 => bytes.push(0x80 | length as u8),
        length @ ..0x1_0000 => {
            bytes.push(0x80 | 126);
            bytes.extend((length as u16).to_be_bytes());
        }
        length => {
            bytes.push(0x80 | 127);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes.extend(MASK);
    bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

#[derive(Debug, PartialEq, Eq)]
struct Raw {
    opcode: u8,
    /// Of its message.
    last: bool,
    payload: Vec<u8>,
    /// On the wire.
    length: usize,
}

/// The first frame that a server has sent, or nothing if it is not complete yet.
fn parse(bytes: &[u8]) -> Result<Option<Raw>, Cut> {
    let [first, second, rest @ ..] = bytes else { return Ok(None) };
    let (opcode, last, length) = (first & 0x0f, first & 0x80 != 0, second & 0x7f);
    // No reserved bits, no mask; a control frame is short and whole.
    if first & 0x70 != 0 || second & 0x80 != 0 || opcode & 0x8 != 0 && (length > 125 || !last) {
        return Err(Cut::Malformed);
    }
    let (length, extended) = match length {
        126 => match rest.first_chunk() {
            Some(length) => (u16::from_be_bytes(*length).into(), 2),
            None => return Ok(None),
        },
        127 => match rest.first_chunk() {
            Some(length) => (u64::from_be_bytes(*length) as usize, 8),
            None => return Ok(None),
        },
        length => (length.into(), 0),
    };
    let payload = rest.get(extended..).and_then(|rest| rest.get(..length));
    let raw = |payload: &[u8]| Raw { opcode, last, payload: payload.to_vec(), length: 2 + extended + length };
    Ok(payload.map(raw))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a server would send it.
    fn unmasked(opcode: u8, last: bool, payload: &[u8]) -> Vec<u8> {
        let masked = fragment(opcode, last, payload);
        let head = masked.len() - payload.len() - MASK.len();
        let mut bytes = [&masked[..head], payload].concat();
        bytes[1] &= 0x7f;
        bytes
    }

    #[test]
    fn a_frame_is_complete_with_its_last_byte() {
        for length in [0, 5, 125, 126, 0xffff, 0x1_0000] {
            let payload = vec![7; length];
            let whole = unmasked(0x2, true, &payload);
            for length in
                [0, 1, 2, whole.len() / 2, whole.len() - 1].into_iter().filter(|part| *part < whole.len())
            {
                assert_eq!(parse(&whole[..length]), Ok(None), "{length} of {} bytes", whole.len());
            }
            assert_eq!(
                parse(&whole),
                Ok(Some(Raw { opcode: 0x2, last: true, payload, length: whole.len() }))
            );
        }
    }

    #[test]
    fn what_a_server_must_not_send_is_malformed() {
        assert_eq!(parse(&Frame::text("masked").bytes()), Err(Cut::Malformed));
        assert_eq!(parse(&[0xc1, 0x00]), Err(Cut::Malformed), "a reserved bit");
        assert_eq!(parse(&unmasked(0x9, true, &[0; 126])), Err(Cut::Malformed), "a long ping");
        assert_eq!(control(0x8, vec![3]), Err(Cut::Malformed), "half a code");
    }

    #[test]
    fn a_close_frame_has_its_code_and_reason() {
        let payload = close_payload(Some(1001), "draining");
        assert_eq!(control(0x8, payload), Ok(Frame::Close(Some(1001), "draining".to_owned())));
    }

    #[test]
    fn a_client_masks_what_it_sends() {
        // The example of RFC 6455, section 5.7, with another mask.
        let bytes = Frame::text("Hello").bytes();
        assert_eq!((bytes[0], bytes[1], &bytes[2..6]), (0x81, 0x85, &MASK[..]));
        let payload: Vec<u8> =
            bytes[6..].iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
        assert_eq!(payload, b"Hello");
    }
}
