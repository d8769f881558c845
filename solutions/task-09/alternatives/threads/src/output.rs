//! What the service prints.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::process::ChildStdout;
use std::sync::mpsc::{self, Receiver};
use std::thread;

/// Passes on to stderr all that the service prints, as long as it prints: a pipe that nobody reads is full
/// at some time, and then the service stands still. Tells of the first line that contains `ready`, and of the
/// address behind that.
pub fn pass_on(stdout: ChildStdout, ready: Option<String>) -> Receiver<Option<SocketAddr>> {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        let mut tell = Some(tell);
        for line in BufReader::new(stdout).split(b'\n').map_while(Result::ok) {
            let text = String::from_utf8_lossy(&line);
            let found = ready.as_deref().and_then(|ready| text.split_once(ready));
            if let Some((_, rest)) = found
                && let Some(tell) = tell.take()
            {
                let _ = tell.send(address(rest));
            }
            let _ = io::stderr().write_all(&[&line, &b"\n"[..]].concat());
        }
    });
    told
}

fn address(text: &str) -> Option<SocketAddr> {
    text.split_whitespace().next()?.parse().ok()
}
