//! What the server answers.

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::time::sleep;

use crate::readiness::Readiness;

const SLOW: Duration = Duration::from_secs(2);

/// `/fast` answers at once, `/slow` after two seconds.
///
/// The probes are `/ready`, which answers what `readiness` says, and `/healthz`, which answers 200.
pub fn router(readiness: &Readiness) -> Router {
    Router::new()
        .route("/fast", get(async || "fast\n"))
        .route("/slow", get(slow))
        .route("/ready", get(ready))
        .route("/healthz", get(async || "alive\n"))
        .with_state(readiness.clone())
}

async fn slow() -> &'static str {
    sleep(SLOW).await;
    "slow\n"
}

async fn ready(State(readiness): State<Readiness>) -> (StatusCode, &'static str) {
    if readiness.is_ready() {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
    }
}
