//! What the server answers.

use std::thread;
use std::time::Duration;

use crate::phase::{Phase, State};

const SLOW: Duration = Duration::from_secs(2);

/// The answer to a request for `path`: its status line and its body.
pub fn answer(path: &str, state: &State) -> (&'static str, &'static str) {
    match path {
        "/fast" => ("200 OK", "fast\n"),
        "/slow" => {
            thread::sleep(SLOW);
            ("200 OK", "slow\n")
        }
        "/ready" if state.phase() == Phase::Serving => ("200 OK", "ready\n"),
        "/ready" => ("503 Service Unavailable", "not ready\n"),
        "/healthz" => ("200 OK", "alive\n"),
        _ => ("404 Not Found", ""),
    }
}
