//! Serves until the signal, then drains.

use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::in_flight::InFlight;
use crate::readiness::Shutdown;
use crate::report::{Overrun, Report};

/// The propagation window is the budget divided by this.
const WINDOW_SHARE: u32 = 10;
/// How long the head of a request may take, and how long a connection may be idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(2);

/// Prints the ready line and serves `router` on `listener` until `shutdown` says that the server leaves.
/// A tenth of `budget` later it closes the listener, and waits for what is in flight.
///
/// Returns when the drain is over. What is in flight then, at the deadline, is abandoned.
pub async fn run(
    listener: TcpListener,
    router: Router,
    shutdown: Shutdown,
    in_flight: InFlight,
    budget: Duration,
) -> Report {
    let address = listener.local_addr().expect("a bound socket has an address");
    println!("listening on {address}");

    let accepting = tokio::spawn(accept(listener, router, shutdown.clone()));
    shutdown.leaving.cancelled().await;

    let begun = Instant::now();
    sleep_until(begun + budget / WINDOW_SHARE).await;
    shutdown.closing.cancel();
    let connections = async {
        // The listener is closed when this task ends.
        if let Ok(connections) = accepting.await {
            connections.shutdown().await;
        }
    };
    let in_time = timeout_at(begun + budget, connections).await;
    let outcome = in_time.map_err(|_| Overrun { abandoned: in_flight.now() });
    Report { outcome, duration: begun.elapsed() }
}

/// Takes connections until the window is over, and returns what watches them.
async fn accept(mut listener: TcpListener, router: Router, shutdown: Shutdown) -> GracefulShutdown {
    let connections = GracefulShutdown::new();
    loop {
        tokio::select! {
            () = shutdown.closing.cancelled() => return connections,
            (stream, _) = Listener::accept(&mut listener) => {
                let connection = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(HEAD_TIMEOUT)
                    .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router.clone()));
                tokio::spawn(connections.watch(connection));
            }
        }
    }
}
