//! New connections during the drain.

use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use crate::http::{receive, send};
use crate::options::Options;

const EVERY: Duration = Duration::from_millis(50);
/// A service may close its door a little later than ours does.
const GRACE: Duration = Duration::from_millis(500);

/// Clients that come during the drain. They end by themselves, or with the process.
pub struct Probes {
    in_the_window: Receiver<Option<String>>,
    after_it: Receiver<String>,
}

/// Begins to send them, from the signal on.
pub fn probe(options: &Options, address: SocketAddr, signal: Instant) -> Probes {
    let path = options.ready.as_deref().unwrap_or(options.path_of(0)).to_owned();
    let over = signal + options.window;
    let (tell, in_the_window) = mpsc::channel();
    thread::spawn(move || tell.send(visits(address, &path, signal, over)));
    let (tell, after_it) = mpsc::channel();
    thread::spawn(move || tell.send(knock(address, signal, over + GRACE)));
    Probes { in_the_window, after_it }
}

impl Probes {
    /// Who was not answered in the window, and who was let in after it. What is not known at this moment never
    /// will be.
    pub fn seen(&self, until: Instant) -> (Option<String>, Option<String>) {
        let left = until.saturating_duration_since(Instant::now());
        let refused = self
            .in_the_window
            .recv_timeout(left)
            .unwrap_or_else(|_| Some("a new connection was not answered".to_owned()));
        (refused, self.after_it.try_recv().ok())
    }
}

/// Asks on new connections until shortly before the end of the window: who comes in its last moment may be in
/// the queue when the door is closed. Returns why one was not answered.
fn visits(address: SocketAddr, path: &str, signal: Instant, over: Instant) -> Option<String> {
    let mut visits = Vec::new();
    let mut at = signal;
    while Instant::now() + EVERY <= over {
        let (path, after) = (path.to_owned(), signal.elapsed().as_millis());
        visits.push(thread::spawn(move || {
            let why = visit(address, &path).err()?;
            Some(format!("GET {path} on a new connection, {after} ms after the signal: {why}"))
        }));
        at += EVERY;
        thread::sleep(at.saturating_duration_since(Instant::now()));
    }
    visits.into_iter().filter_map(|visit| visit.join().ok().flatten()).next()
}

fn visit(address: SocketAddr, path: &str) -> Result<(), String> {
    let mut stream = TcpStream::connect(address).map_err(|error| error.to_string())?;
    send(&mut stream, path).map_err(|error| error.to_string())?;
    receive(&mut stream).map(drop).map_err(|cut| cut.to_string())
}

/// Connects again and again, and returns when it is let in.
fn knock(address: SocketAddr, signal: Instant, from: Instant) -> String {
    thread::sleep(from.saturating_duration_since(Instant::now()));
    loop {
        let after = signal.elapsed().as_millis();
        // A queue that is full answers nothing.
        if TcpStream::connect_timeout(&address, EVERY).is_ok() {
            return format!("a new connection was taken {after} ms after the signal");
        }
        thread::sleep(EVERY);
    }
}
