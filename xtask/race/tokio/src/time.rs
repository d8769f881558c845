//! `tokio::time`: shuttle's, in which a time-out strikes when the scenario says so, and a sleep is over at once.

use shuttle_tokio::time as shuttles;

pub use shuttle_tokio::time::*;

/// Strikes when the scenario says so.
pub fn timeout<F: IntoFuture>(after: Duration, future: F) -> Timeout<F::IntoFuture> {
    shuttles::timeout(after, future.into_future())
}

/// Strikes when the scenario says so.
pub fn timeout_at<F: IntoFuture>(deadline: Instant, future: F) -> Timeout<F::IntoFuture> {
    shuttles::timeout_at(deadline, future.into_future())
}
