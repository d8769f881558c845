//! What is asked before a connection is a WebSocket.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;

use nix::poll::PollTimeout;
use tungstenite::handshake::derive_accept_key;

use crate::connections::Connection;
use crate::echo;

const LARGEST_HEAD: usize = 16 * 1024;
/// How long a connection may be idle, and how long a read may take, in milliseconds.
const IDLE: u16 = 2_000;

struct Request {
    path: String,
    /// The client's key, if it is an upgrade.
    key: Option<String>,
}

/// Serves one connection until it is closed.
pub fn serve(mut stream: TcpStream, mut connection: Connection) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut received = Vec::new();
    loop {
        let Some(Request { path, key }) = read_request(&mut stream, &mut received, &connection)? else {
            return Ok(());
        };
        let (status, body) = match (path.as_str(), key) {
            ("/fast", _) => ("200 OK", "fast\n"),
            ("/ws", None) => ("400 Bad Request", "a WebSocket begins here\n"),
            ("/ws", Some(key)) if connection.upgrade() => {
                let accept = derive_accept_key(key.as_bytes());
                let head = format!(
                    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
                );
                stream.write_all(head.as_bytes())?;
                return echo::echo(connection, stream, received);
            }
            ("/ws", Some(_)) => ("503 Service Unavailable", "draining\n"),
            _ => ("404 Not Found", ""),
        };
        let length = body.len();
        stream
            .write_all(format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}").as_bytes())?;
    }
}

/// The next request, or nothing if the client sends something else, or no more, or the connection is to end.
fn read_request(
    stream: &mut TcpStream,
    received: &mut Vec<u8>,
    connection: &Connection,
) -> io::Result<Option<Request>> {
    loop {
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut request = httparse::Request::new(&mut headers);
        match request.parse(received) {
            Ok(httparse::Status::Complete(length)) => {
                let path = request.path.unwrap_or_default().to_owned();
                let header = |name: &str| {
                    let found =
                        request.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
                    std::str::from_utf8(found.value).ok()
                };
                let upgrades = header("upgrade").is_some_and(|to| to.eq_ignore_ascii_case("websocket"))
                    && header("sec-websocket-version") == Some("13");
                let key = header("sec-websocket-key").filter(|_| upgrades).map(str::to_owned);
                received.drain(..length);
                return Ok(Some(Request { path, key }));
            }
            Ok(httparse::Status::Partial) if received.len() < LARGEST_HEAD => {}
            _ => return Ok(None),
        }
        // What has arrived is answered, also when all are to end: nothing must be there.
        if !connection.end().or_readable(stream, PollTimeout::from(IDLE))? {
            return Ok(None);
        }
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer)? {
            0 => return Ok(None),
            count => received.extend_from_slice(&buffer[..count]),
        }
    }
}
