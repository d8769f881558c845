//! What the server answers.

use std::thread;
use std::time::Duration;

const SLOW: Duration = Duration::from_secs(2);

/// The answer to a request for `path`: its status line and its body.
pub fn answer(path: &str) -> (&'static str, &'static str) {
    match path {
        "/fast" => ("200 OK", "fast\n"),
        "/slow" => {
            thread::sleep(SLOW);
            ("200 OK", "slow\n")
        }
        _ => ("404 Not Found", ""),
    }
}
