//! Serves until the signal, then drains.

use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;

use crate::in_flight::InFlight;
use crate::report::Report;

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
    let _ = (listener, router, signal, in_flight.now());
    todo!(
        "print the ready line and serve until the signal; then drain within {budget:?}, and report how \
         it went"
    )
}
