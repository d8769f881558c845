//! Serves until the signal, then drains.

use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::in_flight::InFlight;
use crate::readiness::{Phase, closing};
use crate::report::{Overrun, Report};

/// The propagation window is the budget divided by this.
const WINDOW_SHARE: u32 = 10;

/// Prints the ready line and serves `router` on `listener` until `signal`. Then it goes through the
/// phases: a tenth of `budget` in [`Phase::Leaving`], the rest at most in [`Phase::Closing`].
///
/// Returns when the drain is over. What is in flight then, at the deadline, is abandoned.
pub async fn run(
    listener: TcpListener,
    router: Router,
    phase: watch::Sender<Phase>,
    in_flight: InFlight,
    signal: impl Future<Output = ()>,
    budget: Duration,
) -> Report {
    let address = listener.local_addr().expect("a bound socket has an address");
    println!("listening on {address}");

    let server = axum::serve(listener, router).with_graceful_shutdown(closing(phase.subscribe()));
    let serving = tokio::spawn(server.into_future());
    signal.await;

    let begun = Instant::now();
    phase.send_replace(Phase::Leaving);
    sleep_until(begun + budget / WINDOW_SHARE).await;
    phase.send_replace(Phase::Closing);
    let in_time = timeout_at(begun + budget, serving).await;
    let outcome = match in_time {
        Ok(_) => Ok(()),
        Err(_) => Err(Overrun { abandoned: in_flight.now() }),
    };
    Report { outcome, duration: begun.elapsed() }
}
