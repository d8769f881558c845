//! What a scraper is told.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use prometheus::{Registry, TEXT_FORMAT, TextEncoder};
use tokio::net::TcpListener;

/// How long a scraper may take for its question, and for each part of it.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long its head may be.
const MOST: usize = 8 * 1024;

/// Prints `metrics listening on ADDRESS`, and answers `/metrics` there in threads of its own, until the process ends.
pub fn start(listener: TcpListener, registry: Registry) {
    let address = listener.local_addr().expect("a bound socket has an address");
    let listener = listener.into_std().expect("a listener that nobody waits for");
    listener.set_nonblocking(false).expect("a socket that can block");
    println!("metrics listening on {address}");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let registry = registry.clone();
            thread::spawn(move || answer(stream, &registry));
        }
    });
}

fn answer(mut stream: TcpStream, registry: &Registry) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let (mut head, mut part) = (Vec::new(), [0; 1024]);
    while !head.windows(4).any(|it| it == b"\r\n\r\n") {
        let read = stream.read(&mut part)?;
        if read == 0 || head.len() > MOST {
            return Ok(());
        }
        head.extend_from_slice(&part[..read]);
    }
    let (status, body) = if head.starts_with(b"GET /metrics ") {
        match TextEncoder::new().encode_to_string(&registry.gather()) {
            Ok(text) => ("200 OK", text),
            Err(error) => ("500 Internal Server Error", error.to_string()),
        }
    } else {
        ("404 Not Found", String::new())
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: {TEXT_FORMAT}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}
