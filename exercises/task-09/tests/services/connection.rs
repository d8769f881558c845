//! One connection: requests are read, and answered as the service does it.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::fd::AsFd as _;
use std::process::exit;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, SystemTime};

use nix::libc::linger;
use nix::sys::socket::{setsockopt, sockopt::Linger};

use crate::asleep;
use crate::threads::Service;

pub(crate) const SLOW: Duration = Duration::from_millis(700);
pub(crate) const LONG: Duration = Duration::from_millis(1_600);

/// With four connections this many slow requests are a rehearsal, and a half of the load.
const MANY: usize = 6;

/// Those of which a response in flight ends too soon.
const TRUNCATING: &[&str] = &[
    "truncates",
    "truncates-the-head",
    "truncates-chunks",
    "truncates-and-drops-new",
    "truncates-and-drops-keep-alive",
    "resets-in-the-body",
];

/// What is sent.
struct Answer {
    status: &'static str,
    body: String,
    /// The last bytes of it that are kept back.
    missing: usize,
}

/// Serves requests until the connection is closed. Returns `None` when it is.
pub(crate) fn serve(service: &Service, number: usize, stream: &mut TcpStream) -> Option<()> {
    loop {
        let path = read_request(stream)?;
        service.has_read(number);
        let time = match path.as_str() {
            _ if service.is(&["empty-at-once"]) => Duration::ZERO,
            _ if service.is(&["mute"]) => Duration::from_secs(60),
            "/slow" | "/nothing" => SLOW,
            "/long" => LONG,
            _ => Duration::ZERO,
        };
        if !time.is_zero() && service.asked.fetch_add(1, Ordering::SeqCst) >= MANY {
            match service.is(&["exits-in-the-load"]) {
                true => exit(0),
                false if service.is(&["breaks-in-the-load"]) => return None,
                false => {}
            }
        }
        let came_in_the_drain = service.is_draining();
        if came_in_the_drain && service.is(&["cuts-early"]) {
            return None;
        }
        thread::sleep(time);
        let in_flight = service.is_draining() && !came_in_the_drain;
        if in_flight && service.is(&["stalls"]) {
            asleep();
        }
        if in_flight && service.is(&["resets"]) {
            reset(stream);
            return None;
        }
        let answer = answer(service, &path, in_flight);
        let bytes = answer.bytes(service, in_flight);
        stream.write_all(&bytes).ok()?;
        service.answered(number);
        if in_flight && service.is(&["resets-in-the-body"]) {
            // What was sent is to arrive before that: a reset takes with it what still waits.
            thread::sleep(Duration::from_millis(50));
            reset(stream);
            return None;
        }
        if answer.missing > 0 || service.is(&["closes", "until-closed", "one-at-a-time"]) {
            return None;
        }
    }
}

/// Makes the close that follows a reset.
fn reset(stream: &TcpStream) {
    let _ = setsockopt(&stream.as_fd(), Linger, &linger { l_onoff: 1, l_linger: 0 });
}

/// The path of the next request.
fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0; 1024];
        let count = stream.read(&mut byte).ok().filter(|count| *count > 0)?;
        head.extend_from_slice(&byte[..count]);
    }
    String::from_utf8_lossy(&head).split(' ').nth(1).map(str::to_owned)
}

fn answer(service: &Service, path: &str, in_flight: bool) -> Answer {
    let full = |status, body: &str| Answer { status, body: body.to_owned(), missing: 0 };
    let known = ["/fast", "/slow", "/long", "/nothing", "/ready", "/"].contains(&path);
    match path {
        _ if service.is(&["empty-at-once"]) => full("200 OK", ""),
        _ if in_flight && service.is(&["server-error"]) => full("503 Service Unavailable", "draining\n"),
        _ if in_flight && service.is(&["not-found"]) => full("404 Not Found", "gone\n"),
        _ if in_flight && service.is(&["empties", "empties-chunks"]) => full("200 OK", ""),
        _ if in_flight && service.is(TRUNCATING) => Answer { missing: 5, ..full("200 OK", "the answer\n") },
        "/ready" if service.is_draining() || service.is(&["never-ready"]) => {
            full("503 Service Unavailable", "draining\n")
        }
        _ if !known => full("404 Not Found", "no such path\n"),
        _ if path == "/nothing" || service.is(&["no-content"]) => full("204 No Content", ""),
        _ if service.is(&["clock"]) => {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            full("200 OK", &format!("it is {}\n", ".".repeat(now.subsec_nanos() as usize % 100 + 1)))
        }
        _ => full("200 OK", "the answer\n"),
    }
}

impl Answer {
    fn bytes(&self, service: &Service, in_flight: bool) -> Vec<u8> {
        let Self { status, body, missing } = self;
        if in_flight && service.is(&["babbles"]) {
            return b"sorry, we are closing\r\n\r\n".to_vec();
        }
        let mut text = format!("HTTP/1.1 {status}\r\nContent-Type: text/plain\r\n");
        let chunked = service.is(&["chunked", "empties-chunks", "truncates-chunks"]);
        if service.is(&["closes", "until-closed", "one-at-a-time"]) {
            text += "Connection: close\r\n";
        }
        match () {
            () if chunked => text += "Transfer-Encoding: chunked\r\n\r\n",
            () if body.is_empty() && status.starts_with("204") || service.is(&["until-closed"]) => {
                text += "\r\n"
            }
            () => {
                let _ = write!(text, "Content-Length: {}\r\n\r\n", body.len());
            }
        }
        if *missing > 0 && service.is(&["truncates-the-head"]) {
            text.truncate(30);
            return text.into_bytes();
        }
        if chunked {
            let (first, second) = body.split_at(body.len() / 2);
            for chunk in [first, second].into_iter().filter(|chunk| !chunk.is_empty()) {
                let _ = write!(text, "{:x}\r\n{chunk}\r\n", chunk.len());
            }
            text += "0\r\n\r\n";
        } else {
            text += body;
        }
        text.truncate(text.len() - missing);
        text.into_bytes()
    }
}
