//! How a request is sent, and what has become of it.

use std::fmt;
use std::io;

use httparse::{Status, parse_chunk_size};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const LARGEST_HEAD: usize = 64 * 1024;

/// A complete response.
#[derive(Clone, Copy, Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The bytes of the body, however they were framed.
    pub length: u64,
    /// Whether the connection may be used again.
    pub stays_open: bool,
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

/// Sends a request for this path.
///
/// # Errors
///
/// If the connection does not take it.
pub async fn send(stream: &mut TcpStream, path: &str) -> io::Result<()> {
    let host = stream.peer_addr()?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).await
}

/// Reads a response to its last byte.
///
/// # Errors
///
/// How it ended instead.
pub async fn receive(stream: &mut TcpStream) -> Result<Response, Cut> {
    let mut received = Received { stream, bytes: Vec::new() };
    let head = loop {
        match head(&received.bytes)? {
            // Such as 100 Continue: the response is still to come.
            Some((used, head)) if head.status < 200 => drop(received.bytes.drain(..used)),
            Some((used, head)) => {
                received.bytes.drain(..used);
                break head;
            }
            None if received.bytes.len() > LARGEST_HEAD => return Err(Cut::Malformed),
            None => {
                let is_first = received.bytes.is_empty();
                if !received.more().await? {
                    return Err(if is_first { Cut::Closed } else { Cut::Truncated });
                }
            }
        }
    };
    let length = match head.body {
        Body::Length(length) => received.skip(length).await?,
        Body::Chunked => received.skip_chunks().await?,
        Body::UntilClosed => received.skip_all().await?,
    };
    let stays_open = head.keep_alive && !matches!(head.body, Body::UntilClosed);
    Ok(Response { status: head.status, length, stays_open })
}

struct Head {
    status: u16,
    body: Body,
    keep_alive: bool,
}

/// How the end of the body is known.
enum Body {
    Length(u64),
    Chunked,
    UntilClosed,
}

/// The head, and how long it is; `None` if there is more to come.
fn head(bytes: &[u8]) -> Result<Option<(usize, Head)>, Cut> {
    let mut headers = [httparse::EMPTY_HEADER; 128];
    let mut response = httparse::Response::new(&mut headers);
    let used = match response.parse(bytes) {
        Ok(Status::Complete(used)) => used,
        Ok(Status::Partial) => return Ok(None),
        Err(_) => return Err(Cut::Malformed),
    };
    let status = response.code.unwrap_or_default();
    let mut body = Body::UntilClosed;
    let mut keep_alive = response.version == Some(1);
    for header in response.headers.iter() {
        let value = String::from_utf8_lossy(header.value).to_ascii_lowercase();
        match header.name.to_ascii_lowercase().as_str() {
            "transfer-encoding" if value.trim().ends_with("chunked") => body = Body::Chunked,
            "content-length" if !matches!(body, Body::Chunked) => {
                body = Body::Length(value.trim().parse().map_err(|_| Cut::Malformed)?);
            }
            "connection" => {
                keep_alive = !value.contains("close") && (keep_alive || value.contains("keep-alive"))
            }
            _ => {}
        }
    }
    if status < 200 || status == 204 || status == 304 {
        body = Body::Length(0);
    }
    Ok(Some((used, Head { status, body, keep_alive })))
}

/// What has come and is not used yet. Bodies are counted and not kept.
struct Received<'a> {
    stream: &'a mut TcpStream,
    bytes: Vec<u8>,
}

impl Received<'_> {
    /// Reads more. False if there is no more.
    async fn more(&mut self) -> Result<bool, Cut> {
        // Whatever the error is called: the end of the response was not seen, and it is not a clean close.
        self.stream.read_buf(&mut self.bytes).await.map(|count| count > 0).map_err(|_| Cut::Reset)
    }

    async fn more_of_it(&mut self) -> Result<(), Cut> {
        if self.more().await? { Ok(()) } else { Err(Cut::Truncated) }
    }

    async fn skip(&mut self, length: u64) -> Result<u64, Cut> {
        let mut left = length;
        loop {
            let here = left.min(self.bytes.len() as u64);
            self.bytes.drain(..here as usize);
            left -= here;
            if left == 0 {
                return Ok(length);
            }
            self.more_of_it().await?;
        }
    }

    async fn skip_all(&mut self) -> Result<u64, Cut> {
        let mut length = 0;
        loop {
            length += self.bytes.len() as u64;
            self.bytes.clear();
            if !self.more().await? {
                return Ok(length);
            }
        }
    }

    async fn skip_chunks(&mut self) -> Result<u64, Cut> {
        let mut length = 0;
        loop {
            let (used, size) = loop {
                match parse_chunk_size(&self.bytes).map_err(|_| Cut::Malformed)? {
                    Status::Complete(chunk) => break chunk,
                    Status::Partial => self.more_of_it().await?,
                }
            };
            self.bytes.drain(..used);
            if size == 0 {
                return self.skip_trailers().await.map(|()| length);
            }
            length += self.skip(size).await?;
            self.skip(2).await?;
        }
    }

    /// Lines up to an empty one.
    async fn skip_trailers(&mut self) -> Result<(), Cut> {
        loop {
            match self.bytes.windows(2).position(|end| end == b"\r\n") {
                Some(0) => return self.skip(2).await.map(drop),
                Some(end) => drop(self.bytes.drain(..end + 2)),
                None if self.bytes.len() > LARGEST_HEAD => return Err(Cut::Malformed),
                None => self.more_of_it().await?,
            }
        }
    }
}
