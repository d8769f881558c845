//! Serves until the shutdown is over.

use std::future::IntoFuture;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use crate::shutdown::Ended;

/// At the deadline, answers that are ready are still written.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// Prints the ready line, and serves `router` on `listener` until `shutdown` is over.
pub async fn run(listener: TcpListener, router: Router, shutdown: impl Future<Output = Ended>) -> Ended {
    let address = listener.local_addr().expect("a bound socket has an address");
    println!("listening on {address}");

    let (close, closing) = oneshot::channel::<()>();
    let served = axum::serve(listener, router).with_graceful_shutdown(async { drop(closing.await) });
    let served = tokio::spawn(served.into_future());
    let ended = shutdown.await;
    drop(close);
    tokio::select! {
        _ = served => {}
        () = sleep_until(ended.deadline.max(Instant::now() + LAST_WORDS)) => {}
    }
    ended
}
