//! New connections during the drain.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use crate::load::Connection;
use crate::options::Options;

const EVERY: Duration = Duration::from_millis(50);
/// A service may close its door a little later than ours does.
const GRACE: Duration = Duration::from_millis(500);

/// Clients that come during the drain.
pub struct Probes {
    in_the_window: JoinHandle<Option<String>>,
    after_it: JoinHandle<String>,
}

/// Begins to send them, from the signal on.
pub fn probe(options: &Options, address: SocketAddr, signal: Instant) -> Probes {
    let path = options.ready.as_deref().unwrap_or(options.path_of(0)).to_owned();
    let over = signal + options.window;
    Probes {
        in_the_window: tokio::spawn(visits(address, path, signal, over)),
        after_it: tokio::spawn(knock(address, signal, over + GRACE)),
    }
}

impl Probes {
    /// Who was not answered in the window, and who was let in after it. What is not known at this moment never
    /// will be.
    pub async fn seen(mut self, until: Instant) -> (Option<String>, Option<String>) {
        let refused = match timeout_at(until, &mut self.in_the_window).await {
            Ok(refused) => refused.ok().flatten(),
            Err(_) => Some("a new connection was not answered".to_owned()),
        };
        let let_in = if self.after_it.is_finished() { (&mut self.after_it).await.ok() } else { None };
        (refused, let_in)
    }
}

impl Drop for Probes {
    fn drop(&mut self) {
        self.in_the_window.abort();
        self.after_it.abort();
    }
}

/// Asks on new connections until shortly before the end of the window: who comes in its last moment may be in
/// the queue when the door is closed. Returns why one was not answered.
async fn visits(address: SocketAddr, path: String, signal: Instant, over: Instant) -> Option<String> {
    let mut visits = JoinSet::new();
    let mut at = signal;
    // Asked of the clock: this task may be late itself.
    while Instant::now() + EVERY <= over {
        let (path, after) = (path.clone(), signal.elapsed().as_millis());
        visits.spawn(async move {
            let why = visit(address, &path).await.err()?;
            Some(format!("GET {path} on a new connection, {after} ms after the signal: {why}"))
        });
        at += EVERY;
        sleep_until(at).await;
    }
    visits.join_all().await.into_iter().flatten().next()
}

async fn visit(address: SocketAddr, path: &str) -> Result<(), String> {
    let mut connection = Connection::open(address).await.map_err(|error| error.to_string())?;
    connection.get(path).await.map(drop)
}

/// Connects again and again, and returns when it is let in.
async fn knock(address: SocketAddr, signal: Instant, from: Instant) -> String {
    sleep_until(from).await;
    loop {
        let after = signal.elapsed().as_millis();
        // A queue that is full answers nothing.
        if let Ok(Ok(_)) = timeout(EVERY, TcpStream::connect(address)).await {
            return format!("a new connection was taken {after} ms after the signal");
        }
        sleep(EVERY).await;
    }
}
