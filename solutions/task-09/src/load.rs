//! The requests: in the rehearsal, and in flight at the signal.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep};

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
pub async fn rehearse(options: &Options, address: SocketAddr) -> Result<Vec<Rehearsed>, String> {
    let mut all = JoinSet::new();
    for connection in 0..options.connections {
        all.spawn(rehearse_one(options.path_of(connection).to_owned(), address));
    }
    let mut rehearsed = Vec::new();
    // The first that fails ends it: the others may wait for as long as it is there.
    while let Some(one) = all.join_next().await {
        rehearsed.push(one.map_err(|error| error.to_string())??);
    }
    Ok(rehearsed)
}

async fn rehearse_one(path: String, address: SocketAddr) -> Result<Rehearsed, String> {
    let failed = |why: String| format!("GET {path}, in the rehearsal: {why}");
    let mut stream = TcpStream::connect(address).await.map_err(|error| failed(error.to_string()))?;
    send(&mut stream, &path).await.map_err(|error| failed(error.to_string()))?;
    let answer = receive(&mut stream).await.map_err(|cut| failed(cut.to_string()))?;
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
    answer: JoinHandle<Answer>,
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
    /// Whether there is an answer by now.
    pub fn is_over(&self) -> bool {
        self.answer.is_finished()
    }

    /// Waits for the answer, until this moment.
    ///
    /// Not cancel safe: the answer is lost.
    pub async fn answer(&mut self, until: Instant) -> Option<Answer> {
        tokio::time::timeout_at(until, &mut self.answer).await.ok()?.ok()
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.answer.abort();
    }
}

/// Sends all requests once more, and returns when the service has taken them.
///
/// # Errors
///
/// If they cannot be sent.
pub async fn load(rehearsed: Vec<Rehearsed>, address: SocketAddr) -> Result<Vec<Request>, String> {
    let mut requests = Vec::new();
    for (number, Rehearsed { path, stream, answer }) in rehearsed.into_iter().enumerate() {
        let kept = Some(stream).filter(|stream| number % 2 == 0 && answer.stays_open && is_open(stream));
        let request = request(path, kept, answer, address).await;
        requests.push(request.map_err(|error| format!("the load cannot be sent: {error}"))?);
    }
    let until = Instant::now() + PATIENCE;
    loop {
        let sockets = Sockets::now().map_err(|error| format!("the sockets cannot be looked at: {error}"))?;
        for request in &mut requests {
            request.taken = request.taken || sockets.have_taken(request.client, request.server);
        }
        if requests.iter().all(|request| request.taken || request.is_over()) || Instant::now() > until {
            return Ok(requests);
        }
        sleep(LOOK_AGAIN).await;
    }
}

async fn request(
    path: String,
    kept: Option<TcpStream>,
    expected: Response,
    address: SocketAddr,
) -> io::Result<Request> {
    let mut stream = match kept {
        Some(stream) => stream,
        None => TcpStream::connect(address).await?,
    };
    let (client, server) = (stream.local_addr()?, stream.peer_addr()?);
    send(&mut stream, &path).await?;
    let answer = tokio::spawn(async move {
        let response = receive(&mut stream).await;
        Answer { at: Instant::now(), response, _stream: stream }
    });
    Ok(Request { path, expected, taken: false, client, server, answer })
}

/// Nothing is to be read on a connection that is idle; if it was closed, its end is.
fn is_open(stream: &TcpStream) -> bool {
    matches!(stream.try_read(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock)
}
