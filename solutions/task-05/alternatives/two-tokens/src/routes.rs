//! What the server answers.

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use tokio::time::sleep;

use crate::in_flight::{self, InFlight};
use crate::readiness::{Shutdown, send_away};

const SLOW: Duration = Duration::from_secs(2);

/// `/fast` answers at once, `/slow` after two seconds; every request is counted in `in_flight`.
///
/// The probes are `/ready`, which answers 503 from the signal on, and `/healthz`, which answers 200.
pub fn router(in_flight: &InFlight, shutdown: &Shutdown) -> Router {
    Router::new()
        .route("/fast", get(async || "fast\n"))
        .route("/slow", get(slow))
        .layer(from_fn_with_state(in_flight.clone(), in_flight::count))
        // After the layer: whatever limits or counts work must not hold up the probes.
        .route("/ready", get(ready))
        .route("/healthz", get(async || "alive\n"))
        .layer(from_fn_with_state(shutdown.clone(), send_away))
        .with_state(shutdown.clone())
}

async fn slow() -> &'static str {
    sleep(SLOW).await;
    "slow\n"
}

async fn ready(State(shutdown): State<Shutdown>) -> (StatusCode, &'static str) {
    if shutdown.leaving.is_cancelled() {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
    } else {
        (StatusCode::OK, "ready\n")
    }
}
