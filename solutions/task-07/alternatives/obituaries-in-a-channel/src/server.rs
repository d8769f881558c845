//! Serves until the drain begins, and drains: with what axum has for that.

use std::io;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::readiness::Readiness;

/// Prints the ready line and serves `router` on `listener` until `draining` is cancelled and the `window`
/// after that is over; then it answers what it has read.
///
/// # Errors
///
/// If the listener has no address.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    readiness: Readiness,
    draining: CancellationToken,
    window: Duration,
) -> io::Result<()> {
    println!("listening on {}", listener.local_addr()?);
    let window_is_over = async move {
        draining.cancelled().await;
        readiness.withdraw();
        sleep(window).await;
    };
    axum::serve(listener, router).with_graceful_shutdown(window_is_over).await
}
