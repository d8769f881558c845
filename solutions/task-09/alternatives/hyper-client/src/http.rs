//! A connection of hyper's, and what has become of a request on it.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;

use axum::body::Body;
use hyper::Request;
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::counted::{Count, Counted};

/// A complete response.
#[derive(Clone, Copy, Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The bytes of the body, however they were framed.
    pub length: u64,
}

/// Why there is no complete response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The connection was closed before the first byte.
    Closed,
    /// The connection was reset, whenever.
    Reset,
    /// The connection was closed before the end of the response.
    Truncated,
    /// What came is no HTTP.
    Malformed,
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "connection closed without a response",
            Self::Reset => "connection reset",
            Self::Truncated => "the response ends before its end",
            Self::Malformed => "what came is no HTTP",
        })
    }
}

/// A connection. It stays open until it is dropped, or the service closes it.
pub struct Connection {
    /// Our end.
    pub client: SocketAddr,
    /// The service's.
    pub server: SocketAddr,
    requests: SendRequest<Body>,
    count: Count,
}

impl Connection {
    /// Opens one.
    ///
    /// # Errors
    ///
    /// If it cannot be opened.
    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        let (client, server) = (stream.local_addr()?, stream.peer_addr()?);
        let (stream, count) = Counted::new(stream);
        let (requests, connection) = handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        // It ends when the other half is dropped.
        tokio::spawn(connection);
        Ok(Self { client, server, requests, count })
    }

    /// Whether another request may be sent on it.
    pub async fn stays_open(&mut self) -> bool {
        self.requests.ready().await.is_ok()
    }

    /// Sends a request, and reads its response to the last byte.
    ///
    /// # Errors
    ///
    /// How it ended instead.
    pub async fn get(&mut self, path: &str) -> Result<Response, Cut> {
        let before = self.count.bytes();
        let request = Request::get(path).header("host", self.server.to_string()).body(Body::empty());
        let request = request.map_err(|_| Cut::Malformed)?;
        let response = match self.requests.send_request(request).await {
            Ok(response) => response,
            Err(error) => return Err(self.cut(&error, before)),
        };
        let status = response.status().as_u16();
        match length(response.into_body()).await {
            Ok(length) => Ok(Response { status, length }),
            Err(error) => Err(self.cut(&error, before)),
        }
    }

    fn cut(&self, error: &hyper::Error, before: usize) -> Cut {
        match () {
            () if self.count.is_broken() => Cut::Reset,
            () if error.is_parse() => Cut::Malformed,
            () if self.count.bytes() == before => Cut::Closed,
            () => Cut::Truncated,
        }
    }
}

/// How long the body is.
async fn length(mut body: Incoming) -> Result<u64, hyper::Error> {
    let mut length = 0;
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        length += frame?.data_ref().map_or(0, |data| data.len() as u64);
    }
    Ok(length)
}
