//! What the server answers.

use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::get;
use task_10::DrainMetrics;
use tokio::time::sleep;

const SLOW: Duration = Duration::from_secs(2);

/// `/fast` answers at once, `/slow` after two seconds; every request is counted.
pub fn router(metrics: &DrainMetrics) -> Router {
    Router::new()
        .route("/fast", get(async || "fast\n"))
        .route("/slow", get(slow))
        .layer(from_fn_with_state(metrics.clone(), count))
}

async fn slow() -> &'static str {
    sleep(SLOW).await;
    "slow\n"
}

/// Counts a request until its handler has answered, or its client has hung up.
async fn count(State(metrics): State<DrainMetrics>, request: Request, next: Next) -> Response {
    let _entered = metrics.enter();
    next.run(request).await
}
