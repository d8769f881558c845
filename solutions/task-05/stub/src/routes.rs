//! What the server answers.

use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use tokio::time::sleep;

use crate::in_flight::{self, InFlight};

const SLOW: Duration = Duration::from_secs(2);

/// `/fast` answers at once, `/slow` after two seconds; every request is counted in `in_flight`.
///
/// The probes are `/ready` and `/healthz`.
pub fn router(in_flight: &InFlight) -> Router {
    Router::new()
        .route("/fast", get(async || "fast\n"))
        .route("/slow", get(slow))
        .layer(from_fn_with_state(in_flight.clone(), in_flight::count))
        // After the layer: whatever limits or counts work must not hold up the probes.
        .route("/ready", get(ready))
        .route("/healthz", get(healthz))
}

async fn slow() -> &'static str {
    sleep(SLOW).await;
    "slow\n"
}

async fn ready() -> StatusCode {
    todo!("answer 200, and 503 from the signal on; in server.rs, keep the window open")
}

async fn healthz() -> StatusCode {
    todo!("answer 200 as long as the process can answer")
}
