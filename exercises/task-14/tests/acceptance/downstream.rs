//! The service that is asked. What it does is in the name that it is asked for.

use std::collections::HashMap;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use drain_kit::{Moment, Scenario, ms, secs};
use socket2::{Domain, Socket, Type};

/// The body of `large`.
pub(crate) const LARGE: usize = 300_000;

/// A service that knows how to hang. It listens as long as the test runs.
pub(crate) struct Downstream {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<HashMap<String, Vec<Asked>>>>,
}

/// One connection on which it was asked for something.
#[derive(Clone, Copy)]
pub(crate) struct Asked {
    /// When the request was read.
    pub(crate) at: Moment,
    /// Just before it was closed on this side, or when it was seen closed on the other.
    pub(crate) closed: Option<Moment>,
}

impl Downstream {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let asked = Arc::<Mutex<HashMap<String, Vec<Asked>>>>::default();
        let all = asked.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let asked = all.clone();
                thread::spawn(move || serve(stream, &asked));
            }
        });
        Self { address, asked }
    }

    /// The connections on which it was asked for this, in their order.
    pub(crate) fn asked(&self, name: &str) -> Vec<Asked> {
        self.asked.lock().unwrap().get(name).cloned().unwrap_or_default()
    }

    /// Requires that all connections on which it was asked are closed soon.
    #[track_caller]
    pub(crate) fn require_all_closed(&self, scenario: &Scenario, ended: Moment) {
        let open =
            || self.asked.lock().unwrap().values().flatten().filter(|asked| asked.closed.is_none()).count();
        while open() > 0 && Moment::now().since(ended) < secs(2) {
            thread::sleep(ms(5));
        }
        if open() > 0 {
            let (expected, observed) =
                ("the connections of calls that have ended closed", format!("{} open", open()));
            scenario.too_late(ms(500), ended, Moment::now(), expected, &observed);
        }
    }

    /// Waits until it was asked for all of these, which must be soon.
    #[track_caller]
    pub(crate) fn wait_until_asked(&self, scenario: &Scenario, names: &[&str]) {
        let begun = Moment::now();
        while names.iter().any(|name| self.asked(name).is_empty()) && Moment::now().since(begun) < secs(2) {
            thread::sleep(ms(1));
        }
        scenario.at_most(secs(1), begun, Moment::now(), "calls, which are made at once");
    }

    /// Requires that it was asked so often for this.
    #[track_caller]
    pub(crate) fn require_asked(&self, scenario: &Scenario, name: &str, times: usize) {
        let asked = self.asked(name).len();
        scenario.require(
            asked == times,
            format!("/quote/{name} asked for {times} times"),
            format!("{asked} times"),
        );
    }
}

fn serve(mut stream: TcpStream, all: &Mutex<HashMap<String, Vec<Asked>>>) {
    let Some(name) = name(&mut stream) else { return };
    let number = {
        let mut all = all.lock().unwrap();
        let asked = all.entry(name.clone()).or_default();
        asked.push(Asked { at: Moment::now(), closed: None });
        asked.len()
    };
    act(&mut stream, &name, number);
    // Before it is dropped: then who is on the other side cannot have seen it earlier.
    all.lock().unwrap().get_mut(&name).expect("it was asked for")[number - 1].closed = Some(Moment::now());
}

/// What is asked for: `GET /quote/NAME`.
fn name(stream: &mut TcpStream) -> Option<String> {
    let mut received = Vec::new();
    let mut buffer = [0; 4096];
    while !received.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut buffer) {
            Ok(count @ 1..) => received.extend_from_slice(&buffer[..count]),
            _ => return None,
        }
    }
    let head = String::from_utf8_lossy(&received);
    head.strip_prefix("GET /quote/")?.split(' ').next().map(str::to_owned)
}

/// Does what the name says, with the request of this number, counted from 1.
fn act(stream: &mut TcpStream, name: &str, number: usize) {
    let (what, after) = match name.rsplit_once("-after-") {
        Some((what, after)) => (what, ms(after.parse().expect("a number of milliseconds"))),
        None => (name, Duration::ZERO),
    };
    if is_closed_within(stream, after) {
        return;
    }
    let mut say = |text: &str| stream.write_all(text.as_bytes()).is_ok();
    match what {
        "silent" => {}
        "half-a-head" => drop(say("HTTP/1.1 200 OK\r\nContent-Le")),
        "half-a-body" => drop(say("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhalf")),
        "late-body" => {
            say("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf");
            // A time-out that begins anew with the head has time left then.
            if !is_closed_within(stream, ms(700)) {
                let _ = stream.write_all(b"half");
            }
        }
        "trickle" => {
            say("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
            while stream.write_all(b".").is_ok() && !is_closed_within(stream, ms(100)) {}
        }
        "closes" => return,
        "closes-1" | "closes-2" if number <= what[7..].parse().expect("a number") => return,
        "cut" => {
            say("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhalf");
            return;
        }
        "large" => drop(answer(stream, "200 OK", &"x".repeat(LARGE))),
        "chunked" => {
            say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhalf \r\n");
            if !is_closed_within(stream, ms(100)) {
                let _ = stream.write_all(b"4\r\nhalf\r\n0\r\n\r\n");
            }
        }
        "error" => drop(answer(stream, "500 Internal Server Error", "broken")),
        "missing" => drop(answer(stream, "404 Not Found", "no such thing")),
        _ => drop(answer(stream, "200 OK", what)),
    }
    // Whoever was asked does not close first.
    while !is_closed_within(stream, ms(1_000)) {}
}

fn answer(stream: &mut TcpStream, status: &str, body: &str) -> bool {
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all((head + body).as_bytes()).is_ok()
}

/// Waits so long, and not longer than until the other side closes.
fn is_closed_within(stream: &mut TcpStream, time: Duration) -> bool {
    let until = Moment::now().plus(time);
    loop {
        let left = until.since(Moment::now());
        if left.is_zero() {
            return false;
        }
        // Not all at once: the kernel rounds up the time-out of a socket, one of five seconds by a quarter of a second.
        let _ = stream.set_read_timeout(Some(left.min(ms(100))));
        match stream.read(&mut [0; 64]) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => return true,
        }
    }
}

/// An address at which nobody accepts: no connection comes about, and none is refused.
pub(crate) struct NotThere {
    pub(crate) address: SocketAddr,
    _listener: Socket,
    _first: TcpStream,
}

impl NotThere {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let (listener, address) = bound();
        // One connection may wait to be accepted, and this is it.
        listener.listen(0).expect("a bound socket can listen");
        let first = TcpStream::connect(address).expect("the first connection comes about");
        let second = TcpStream::connect_timeout(&address, ms(200)).map_err(|error| error.kind());
        if second.as_ref().err() != Some(&ErrorKind::TimedOut) {
            scenario.unknown(format!("a backlog that is full lets connections through here: {second:?}"));
        }
        Self { address, _listener: listener, _first: first }
    }
}

/// An address that is refused, and that nobody else gets.
pub(crate) struct Refusing {
    pub(crate) address: SocketAddr,
    _socket: Socket,
}

impl Refusing {
    pub(crate) fn new() -> Self {
        let (socket, address) = bound();
        Self { address, _socket: socket }
    }
}

/// A socket that has an address and does not listen.
fn bound() -> (Socket, SocketAddr) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("the machine grants a socket");
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a free port");
    let address = socket.local_addr().expect("a bound socket has an address");
    (socket, address.as_socket().expect("an address of the internet"))
}
