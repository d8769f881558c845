//! Serves until the signal, then drains.

use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::drain::Drain;
use crate::in_flight::InFlight;
use crate::report::{Overrun, Report};

/// How long the head of a request may take. Without it, half a request holds the drain to its deadline.
/// hyper's clock also runs while a connection is idle, so this is the keep-alive time-out, too.
const HEAD_TIMEOUT: Duration = Duration::from_secs(2);

/// Prints the ready line and serves `router` on `listener` until `signal`. Then it drains: no new
/// connections, an answer for every request that has been read, and all of it within `budget` of the
/// signal. Those who wait for a call hear of it by `drain`.
///
/// Returns when the drain is over. What is in flight then, at the deadline, is abandoned.
pub async fn run(
    mut listener: TcpListener,
    router: Router,
    in_flight: InFlight,
    drain: Drain,
    signal: impl Future<Output = ()>,
    budget: Duration,
) -> Report {
    // Connections are taken from here on: the kernel keeps them until `accept`.
    let address = listener.local_addr().expect("a bound socket has an address");
    println!("listening on {address}");

    let draining = CancellationToken::new();
    let mut connections = JoinSet::new();
    let mut signal = pin!(signal);
    loop {
        tokio::select! {
            () = &mut signal => break,
            // Not the method of the same name: this one gets over errors, such as too many open files.
            (stream, _) = Listener::accept(&mut listener) => {
                connections.spawn(serve(stream, router.clone(), draining.clone()));
            }
            // A JoinSet keeps what has ended until somebody asks.
            Some(_) = connections.join_next() => {}
        }
    }

    // One point in time for all that follows: a duration would begin again at every wait.
    let begun = Instant::now();
    let deadline = begun + budget;
    drain.begin(budget);
    // A listener that is merely no longer asked goes on accepting, in the kernel.
    drop(listener);
    draining.cancel();
    let all = async { while connections.join_next().await.is_some() {} };
    let in_time = timeout_at(deadline, all).await;
    // Counted before `connections` is dropped: that aborts what it holds, and the count goes down.
    let outcome = in_time.map_err(|_| Overrun { abandoned: in_flight.now() });
    Report { outcome, duration: begun.elapsed() }
}

/// Serves one connection until it is closed or, once the server drains, has nothing in flight.
async fn serve(stream: TcpStream, router: Router, draining: CancellationToken) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = pin!(connection);
    tokio::select! {
        // In order: a request that has arrived is read before the connection hears of the drain.
        biased;
        _ = connection.as_mut() => return,
        () = draining.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    // An idle connection ends now, a busy one after its answer. How does not matter: a client that has
    // hung up is an error here, and no reason to stop.
    let _ = connection.await;
}
