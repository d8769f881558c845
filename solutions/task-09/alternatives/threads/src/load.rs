//! The requests: in the rehearsal, and in flight at the signal.

use std::io::{self, ErrorKind, Read as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use crate::http::{Cut, Response, receive, send};
use crate::options::Options;
use crate::sockets::Sockets;

/// A service that works on one request at a time never takes the others.
const PATIENCE: Duration = Duration::from_millis(500);
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// A connection that has had its answer.
pub struct Rehearsed {
    path: String,
    stream: TcpStream,
    answer: Response,
}

/// Requests everything once, on all connections at the same time.
///
/// # Errors
///
/// What was not answered as it should be.
pub fn rehearse(options: &Options, address: SocketAddr) -> Result<Vec<Rehearsed>, String> {
    let begin = |connection| {
        let path = options.path_of(connection).to_owned();
        thread::Builder::new().spawn(move || rehearse_one(path, address))
    };
    let all: Vec<_> = (0..options.connections).map(begin).collect();
    let end = |thread: io::Result<thread::JoinHandle<_>>| {
        let thread = thread.map_err(|error| error.to_string())?;
        thread.join().unwrap_or_else(|_| Err("a client has panicked".to_owned()))
    };
    all.into_iter().map(end).collect()
}

fn rehearse_one(path: String, address: SocketAddr) -> Result<Rehearsed, String> {
    let failed = |why: String| format!("GET {path}, in the rehearsal: {why}");
    let mut stream = TcpStream::connect(address).map_err(|error| failed(error.to_string()))?;
    send(&mut stream, &path).map_err(|error| failed(error.to_string()))?;
    let answer = receive(&mut stream).map_err(|cut| failed(cut.to_string()))?;
    if answer.status >= 400 {
        return Err(failed(format!("status {}", answer.status)));
    }
    Ok(Rehearsed { path, stream, answer })
}

/// A request of the load.
pub struct Request {
    /// What it asks for.
    pub path: String,
    /// The answer in the rehearsal.
    pub expected: Response,
    /// Whether the service has accepted and read it.
    pub taken: bool,
    client: SocketAddr,
    server: SocketAddr,
    answer: Receiver<Answer>,
    /// What has come out of the channel.
    known: Option<Answer>,
}

/// What has become of a request.
pub struct Answer {
    /// When it was known.
    pub at: Instant,
    /// The response, or how it ended instead.
    pub response: Result<Response, Cut>,
    /// Open until the service closes it: a client that hangs up helps a service that waits for that.
    _stream: TcpStream,
}

impl Request {
    /// Waits for the answer, until this moment.
    pub fn answer(&mut self, until: Instant) -> Option<&Answer> {
        if self.known.is_none() {
            let left = until.saturating_duration_since(Instant::now());
            self.known = self.answer.recv_timeout(left).ok();
        }
        self.known.as_ref()
    }
}

/// Sends all requests once more, and returns when the service has taken them.
///
/// # Errors
///
/// If they cannot be sent.
pub fn load(rehearsed: Vec<Rehearsed>, address: SocketAddr) -> Result<Vec<Request>, String> {
    let mut requests = Vec::new();
    for (number, Rehearsed { path, stream, answer }) in rehearsed.into_iter().enumerate() {
        let kept = Some(stream).filter(|stream| number % 2 == 0 && answer.stays_open && is_open(stream));
        let request = request(path, kept, answer, address);
        requests.push(request.map_err(|error| format!("the load cannot be sent: {error}"))?);
    }
    let until = Instant::now() + PATIENCE;
    loop {
        let sockets = Sockets::now().map_err(|error| format!("the sockets cannot be looked at: {error}"))?;
        for request in &mut requests {
            request.taken = request.taken || sockets.have_taken(request.client, request.server);
        }
        let now = Instant::now();
        if now > until || requests.iter_mut().all(|request| request.taken || request.answer(now).is_some()) {
            return Ok(requests);
        }
        thread::sleep(LOOK_AGAIN);
    }
}

fn request(
    path: String,
    kept: Option<TcpStream>,
    expected: Response,
    address: SocketAddr,
) -> io::Result<Request> {
    let mut stream = match kept {
        Some(stream) => stream,
        None => TcpStream::connect(address)?,
    };
    let (client, server) = (stream.local_addr()?, stream.peer_addr()?);
    send(&mut stream, &path)?;
    let (tell, answer) = mpsc::channel();
    thread::Builder::new().spawn(move || {
        let response = receive(&mut stream);
        tell.send(Answer { at: Instant::now(), response, _stream: stream })
    })?;
    Ok(Request { path, expected, taken: false, client, server, answer, known: None })
}

/// Nothing is to be read on a connection that is idle; if it was closed, its end is.
fn is_open(mut stream: &TcpStream) -> bool {
    let nothing = stream.set_nonblocking(true).is_ok()
        && matches!(stream.read(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock);
    nothing && stream.set_nonblocking(false).is_ok()
}
