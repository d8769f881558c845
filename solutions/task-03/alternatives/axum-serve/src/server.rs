//! Serves until the signal, then drains.

use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::in_flight::InFlight;
use crate::report::{Overrun, Report};

/// Prints the ready line and serves `router` on `listener` until `signal`. Then it drains: no new
/// connections, an answer for every request that has been read, and all of it within `budget` of the
/// signal.
///
/// Returns when the drain is over. What is in flight then, at the deadline, is abandoned.
pub async fn run(
    listener: TcpListener,
    router: Router,
    in_flight: InFlight,
    signal: impl Future<Output = ()>,
    budget: Duration,
) -> Report {
    let address = listener.local_addr().expect("a bound socket has an address");
    println!("listening on {address}");

    let draining = CancellationToken::new();
    let server = axum::serve(listener, router).with_graceful_shutdown(draining.clone().cancelled_owned());
    // A task of its own, so that it serves while this one waits for the signal.
    let serving = tokio::spawn(server.into_future());
    signal.await;

    // Not a time-out around the whole server: the bound begins with the signal.
    let begun = Instant::now();
    draining.cancel();
    let outcome = match timeout_at(begun + budget, serving).await {
        Ok(_) => Ok(()),
        Err(_) => Err(Overrun { abandoned: in_flight.now() }),
    };
    Report { outcome, duration: begun.elapsed() }
}
