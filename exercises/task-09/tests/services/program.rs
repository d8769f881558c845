//! Services to try a drain test on: healthy ones of different build, and the same with a fault.
//!
//! `task-09-service NAME` listens on `LISTEN_ADDR` (default `127.0.0.1:8080`) and prints `listening on ADDRESS`. It
//! answers `/fast` at once, `/slow` after 700 ms, `/long` after 1.6 s, `/nothing` after 700 ms with 204, and `/ready`:
//! with 503 once it drains.
#![forbid(unsafe_code)]

mod connection;
mod hyper;
mod threads;
mod unusual;

use std::env;
use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::process::exit;
use std::thread;
use std::time::Duration;

/// Those that do what they should.
const HEALTHY: &[(&str, &str)] = &[
    ("threads", "a thread for each connection"),
    ("hyper", "axum and hyper, on tokio"),
    ("chunked", "the bodies come in chunks"),
    ("closes", "each connection is closed after its answer"),
    ("until-closed", "so is this, and the end of the body is the end of the connection"),
    ("clock", "no two bodies are the same"),
    ("no-content", "204, without a body"),
    ("silent", "prints nothing"),
    ("noisy", "prints more than a pipe holds, before and after the signal"),
    ("garbled", "so does this, and some of it is no text"),
    ("slow-start", "is up after 700 ms, and says so before"),
    ("window", "takes new connections until a second after the signal"),
    ("master", "has a worker, which listens, and tells it to drain; a signal to the worker itself ends that"),
    ("exits-143", "the exit code is 128 and the number of the signal"),
    ("quit", "drains on SIGQUIT; SIGTERM and SIGINT end it at once"),
    ("slow-to-accept", "takes a connection each 60 ms at most"),
    (
        "one-at-a-time",
        "takes the next connection when the one before it is closed, which it does after an answer",
    ),
    ("lingers", "leaves a process behind that ends by itself 50 ms later"),
    ("shares", "does not mind if others listen at the same address"),
];

/// Those that do not.
const FAULTY: &[(&str, &str)] = &[
    ("dies", "hears no signal, which therefore kills it"),
    ("aborts", "drains, and then crashes"),
    ("deaf", "ignores the signal"),
    ("deaf-master", "ignores it, and has a worker, which listens"),
    ("hangs", "drains, and does not exit"),
    ("stalls", "answers nothing from the signal on, and does not exit"),
    ("waits", "drains, and waits until its clients have closed their connections"),
    ("drops", "closes the connections of requests in flight"),
    ("drops-one", "closes one of them"),
    ("drops-new", "closes those on which it has answered nothing yet"),
    ("drops-keep-alive", "closes those on which it has answered before"),
    ("resets", "resets connections"),
    ("resets-in-the-body", "resets them in the middle of a body"),
    ("truncates", "ends a response in the middle of its body"),
    ("truncates-the-head", "ends it in the middle of its head"),
    ("truncates-chunks", "leaves out the last chunk"),
    (
        "truncates-and-drops-new",
        "so does this, and drops the connections on which it has answered nothing yet",
    ),
    ("truncates-and-drops-keep-alive", "the same, with those on which it has answered before"),
    ("server-error", "answers with 503 what is in flight"),
    ("not-found", "answers with 404 what is in flight"),
    ("empties", "answers it with 200 and no body"),
    ("empties-chunks", "the same, where there were chunks before"),
    ("babbles", "answers it with what is no HTTP"),
    ("empty-at-once", "answers everything with 200 and no body, at once"),
    ("refuses-early", "refuses new connections 300 ms after the signal, where a second was promised"),
    ("refuses-a-little-early", "refuses them 700 ms after it"),
    ("cuts-early", "takes connections in this second, and answers none"),
    ("accepts", "goes on taking and answering new connections"),
    ("kernel-accepts", "keeps its listener, and does not look at it any more"),
    ("exit-code", "exits with 3"),
    ("leaks", "leaves a process behind"),
    ("leaks-a-session", "leaves one that has gone into a session of its own"),
    ("drops-and-leaks", "has several faults, of which requests that are dropped is the first"),
    ("exits", "exits with 0 without being asked"),
    ("exits-in-the-load", "exits with 0 when the seventh slow request comes"),
    ("breaks-in-the-load", "answers nothing from then on"),
    ("never-up", "does not listen"),
    ("mute", "listens, and answers nothing"),
    ("never-ready", "listens, and answers /ready with 503"),
    ("stays", "goes on without a port if it is in use"),
    ("lies", "says that it listens at the address that is its argument, and does not"),
];

/// What it is called, and what comes after that.
struct Called {
    name: String,
    argument: Option<String>,
}

impl Called {
    fn is(&self, names: &[&str]) -> bool {
        names.contains(&self.name.as_str())
    }
}

fn main() {
    let mut arguments = env::args().skip(1);
    let called = Called { name: arguments.next().unwrap_or_default(), argument: arguments.next() };
    if !HEALTHY.iter().chain(FAULTY).any(|(name, _)| *name == called.name) {
        eprintln!("task-09-service NAME\n\nhealthy");
        HEALTHY.iter().for_each(|(name, what)| eprintln!("  {name:<20} {what}"));
        eprintln!("\nfaulty");
        FAULTY.iter().for_each(|(name, what)| eprintln!("  {name:<20} {what}"));
        exit(2);
    }
    match called.name.as_str() {
        "hyper" => hyper::serve(),
        "master" => unusual::master("quit"),
        "deaf-master" => unusual::master("deaf"),
        "never-up" => asleep(),
        "lies" => unusual::lies(&called.argument.unwrap_or_default()),
        _ => threads::serve(called),
    }
}

/// Binds the address.
fn listen(called: &Called) -> TcpListener {
    if called.is(&["slow-start"]) {
        say("listening soon");
        thread::sleep(Duration::from_millis(700));
    }
    let address = env::var("LISTEN_ADDR").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
    let bound = match address.parse() {
        Ok(address) if called.is(&["shares"]) => unusual::shared(address),
        _ => TcpListener::bind(&address),
    };
    match bound {
        Ok(listener) => listener,
        Err(_) if called.is(&["stays"]) => asleep(),
        Err(error) => {
            eprintln!("{address}: {error}");
            exit(1)
        }
    }
}

fn say_ready(address: SocketAddr) {
    say(&format!("listening on {address}"));
}

/// A service does not care whether somebody reads what it prints.
fn say(line: &str) {
    say_bytes(line.as_bytes());
}

fn say_bytes(line: &[u8]) {
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(&[line, b"\n"].concat());
    let _ = stdout.flush();
}

fn asleep() -> ! {
    loop {
        thread::sleep(Duration::from_secs(60));
    }
}
