//! What a response is, told from its bytes.

use std::fmt;

use httparse::{Status, parse_chunk_size};

use crate::record::End;

const LARGEST_HEAD: usize = 64 * 1024;

/// A complete response.
#[derive(Clone, Copy, Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The bytes of the body, without what frames them.
    pub length: usize,
    /// The bytes of all of it.
    pub size: usize,
    /// Whether its end is that of the connection.
    pub until_closed: bool,
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

/// What some bytes are.
pub type Read = Result<Response, Cut>;

/// The response that these bytes begin with; `None` as long as the connection is open and it may still become one.
pub fn read(bytes: &[u8], end: Option<End>) -> Option<Read> {
    let missing = |end| match end {
        End::Reset => Cut::Reset,
        End::Closed if bytes.is_empty() => Cut::Closed,
        End::Closed => Cut::Truncated,
    };
    match complete(bytes, end) {
        Ok(Some(response)) => Some(Ok(response)),
        Ok(None) => end.map(|end| Err(missing(end))),
        Err(cut) => Some(Err(cut)),
    }
}

fn complete(bytes: &[u8], end: Option<End>) -> Result<Option<Response>, Cut> {
    let mut begin = 0;
    loop {
        let Some(head) = head(&bytes[begin..])? else {
            let is_too_long = bytes.len() - begin > LARGEST_HEAD;
            return if is_too_long { Err(Cut::Malformed) } else { Ok(None) };
        };
        begin += head.size;
        // Such as 100 Continue: the response is still to come.
        if head.status >= 200 {
            return body(&bytes[begin..], &head, end).map(|body| {
                let until_closed = matches!(head.body, Body::UntilClosed);
                body.map(|(length, size)| Response {
                    status: head.status,
                    length,
                    size: begin + size,
                    until_closed,
                    stays_open: head.keep_alive && !until_closed,
                })
            });
        }
    }
}

struct Head {
    size: usize,
    status: u16,
    body: Body,
    keep_alive: bool,
}

/// How the end of the body is known.
enum Body {
    Length(usize),
    Chunked,
    UntilClosed,
}

fn head(bytes: &[u8]) -> Result<Option<Head>, Cut> {
    let mut headers = [httparse::EMPTY_HEADER; 128];
    let mut response = httparse::Response::new(&mut headers);
    let size = match response.parse(bytes) {
        Ok(Status::Complete(size)) => size,
        Ok(Status::Partial) => return Ok(None),
        Err(_) => return Err(Cut::Malformed),
    };
    let header = |name: &str| {
        let all = response.headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
        all.map(|header| String::from_utf8_lossy(header.value).trim().to_ascii_lowercase()).next_back()
    };
    let status = response.code.unwrap_or_default();
    let body = match (header("transfer-encoding"), header("content-length")) {
        _ if status < 200 || status == 204 || status == 304 => Body::Length(0),
        (Some(coding), _) if coding.ends_with("chunked") => Body::Chunked,
        (_, Some(length)) => Body::Length(length.parse().map_err(|_| Cut::Malformed)?),
        _ => Body::UntilClosed,
    };
    let connection = header("connection").unwrap_or_default();
    let keep_alive = match response.version {
        Some(1) => !connection.contains("close"),
        _ => connection.contains("keep-alive"),
    };
    Ok(Some(Head { size, status, body, keep_alive }))
}

/// How long the body is, without and with what frames it.
fn body(bytes: &[u8], head: &Head, end: Option<End>) -> Result<Option<(usize, usize)>, Cut> {
    match head.body {
        Body::Length(length) => Ok((bytes.len() >= length).then_some((length, length))),
        Body::Chunked => chunks(bytes),
        Body::UntilClosed => Ok((end == Some(End::Closed)).then_some((bytes.len(), bytes.len()))),
    }
}

fn chunks(bytes: &[u8]) -> Result<Option<(usize, usize)>, Cut> {
    let (mut length, mut at) = (0, 0);
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let Status::Complete((used, size)) = parse_chunk_size(rest).map_err(|_| Cut::Malformed)? else {
            return Ok(None);
        };
        at += used;
        if size == 0 {
            return Ok(trailers(&bytes[at..]).map(|size| (length, at + size)));
        }
        let size = usize::try_from(size).map_err(|_| Cut::Malformed)?;
        length += size;
        at = at.saturating_add(size).saturating_add(2);
    }
}

/// Lines up to an empty one.
fn trailers(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let end = bytes[at..].windows(2).position(|end| end == b"\r\n")?;
        at += end + 2;
        if end == 0 {
            return Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

    #[test]
    fn each_beginning_of_a_response_is_cut_off() {
        let whole = format!("{HEAD}5\r\nhello\r\n0\r\n\r\n");
        for end in 1..whole.len() {
            let cut = read(&whole.as_bytes()[..end], Some(End::Closed)).expect("it has ended");
            assert_eq!(cut.err(), Some(Cut::Truncated), "{end}");
            assert!(read(&whole.as_bytes()[..end], None).is_none(), "{end}: it may go on");
        }
        let response = read(whole.as_bytes(), None).and_then(Result::ok).expect("it is complete");
        assert_eq!((response.status, response.length, response.size), (200, 5, whole.len()));
    }

    #[test]
    fn nothing_is_no_beginning() {
        assert_eq!(read(b"", Some(End::Closed)).and_then(Result::err), Some(Cut::Closed));
        assert_eq!(read(b"", Some(End::Reset)).and_then(Result::err), Some(Cut::Reset));
    }
}
