//! The requests: in the rehearsal, and in flight at the signal.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};

use crate::http::{Cut, Read, Response};
use crate::options::Options;
use crate::record::Record;
use crate::sockets::Sockets;

/// A service that works on one request at a time never takes the others.
const PATIENCE: Duration = Duration::from_millis(500);
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// A connection, and all that has come on it. It stays open until it is dropped.
pub struct Connection {
    to_service: OwnedWriteHalf,
    record: Record,
    client: SocketAddr,
    server: SocketAddr,
    /// Where the answer to the latest request begins.
    from: usize,
}

impl Connection {
    /// Opens one, and begins to write down what comes.
    ///
    /// # Errors
    ///
    /// If it cannot be opened.
    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        let (client, server) = (stream.local_addr()?, stream.peer_addr()?);
        let (from_service, to_service) = stream.into_split();
        Ok(Self { to_service, record: Record::of(from_service), client, server, from: 0 })
    }

    /// Sends a request.
    ///
    /// # Errors
    ///
    /// If the connection does not take it.
    pub async fn send(&mut self, path: &str) -> io::Result<()> {
        self.from = self.record.received();
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.server);
        self.to_service.write_all(request.as_bytes()).await
    }

    /// Sends a request, and waits for its answer.
    ///
    /// # Errors
    ///
    /// What happened instead.
    pub async fn get(&mut self, path: &str) -> Result<Response, String> {
        self.send(path).await.map_err(|error| error.to_string())?;
        let (_, answer) = self.record.decided(self.from).await;
        answer.map_err(|cut: Cut| cut.to_string())
    }
}

/// A connection that has had its answer.
pub struct Rehearsed {
    path: String,
    connection: Connection,
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
    all.join_all().await.into_iter().collect()
}

async fn rehearse_one(path: String, address: SocketAddr) -> Result<Rehearsed, String> {
    let failed = |why: String| format!("GET {path}, in the rehearsal: {why}");
    let mut connection = Connection::open(address).await.map_err(|error| failed(error.to_string()))?;
    let answer = connection.get(&path).await.map_err(failed)?;
    if answer.status >= 400 {
        return Err(failed(format!("status {}", answer.status)));
    }
    Ok(Rehearsed { path, connection, answer })
}

/// A request of the load.
pub struct Request {
    /// What it asks for.
    pub path: String,
    /// The answer in the rehearsal.
    pub expected: Response,
    /// Whether the service has accepted and read it.
    pub taken: bool,
    connection: Connection,
}

impl Request {
    /// What the record says of it at this moment at the latest, and when that was decided.
    pub async fn answer(&mut self, until: Instant) -> Option<(Instant, Read)> {
        let from = self.connection.from;
        timeout_at(until, self.connection.record.decided(from)).await.ok()
    }

    fn is_over(&self) -> bool {
        self.connection.record.response(self.connection.from).is_some()
    }
}

/// Sends all requests once more, and returns when the service has taken them.
///
/// # Errors
///
/// If they cannot be sent.
pub async fn load(rehearsed: Vec<Rehearsed>, address: SocketAddr) -> Result<Vec<Request>, String> {
    let failed = |error: io::Error| format!("the load cannot be sent: {error}");
    let mut requests = Vec::new();
    for (number, Rehearsed { path, connection, answer }) in rehearsed.into_iter().enumerate() {
        let is_kept = number % 2 == 0 && answer.stays_open && connection.record.is_open();
        let kept = Some(connection).filter(|_| is_kept);
        let mut connection = match kept {
            Some(connection) => connection,
            None => Connection::open(address).await.map_err(failed)?,
        };
        connection.send(&path).await.map_err(failed)?;
        requests.push(Request { path, expected: answer, taken: false, connection });
    }
    let until = Instant::now() + PATIENCE;
    loop {
        let sockets = Sockets::now().map_err(|error| format!("the sockets cannot be looked at: {error}"))?;
        for Request { taken, connection, .. } in &mut requests {
            *taken = *taken || sockets.have_taken(connection.client, connection.server);
        }
        if requests.iter().all(|request| request.taken || request.is_over()) || Instant::now() > until {
            return Ok(requests);
        }
        sleep(LOOK_AGAIN).await;
    }
}
