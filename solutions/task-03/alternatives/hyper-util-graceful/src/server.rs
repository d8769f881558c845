//! Serves until the signal, then drains.

use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::time::{Instant, timeout_at};

use crate::in_flight::InFlight;
use crate::report::{Overrun, Report};

/// How long the head of a request may take, and how long a connection may be idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(2);

/// Prints the ready line and serves `router` on `listener` until `signal`. Then it drains: no new
/// connections, an answer for every request that has been read, and all of it within `budget` of the
/// signal.
///
/// Returns when the drain is over. What is in flight then, at the deadline, is abandoned.
pub async fn run(
    mut listener: TcpListener,
    router: Router,
    in_flight: InFlight,
    signal: impl Future<Output = ()>,
    budget: Duration,
) -> Report {
    let address = listener.local_addr().expect("a bound socket has an address");
    println!("listening on {address}");

    let graceful = GracefulShutdown::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    let mut signal = pin!(signal);
    loop {
        let (stream, _) = tokio::select! {
            () = &mut signal => break,
            accepted = Listener::accept(&mut listener) => accepted,
        };
        let service = TowerToHyperService::new(router.clone());
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            let _ = connection.await;
        });
    }

    let begun = Instant::now();
    drop(listener);
    let in_time = timeout_at(begun + budget, graceful.shutdown()).await;
    let outcome = in_time.map_err(|_| Overrun { abandoned: in_flight.now() });
    Report { outcome, duration: begun.elapsed() }
}
