//! The two steps of leaving.

use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::CONNECTION;
use axum::middleware::Next;
use axum::response::Response;
use tokio_util::sync::CancellationToken;

/// What has been decided so far. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    /// No more work, please: cancelled at the signal.
    pub leaving: CancellationToken,
    /// No new connections: cancelled when the window is over.
    pub closing: CancellationToken,
}

/// Middleware that asks clients to come back on another connection, which the load balancer will by
/// then open to another server.
pub async fn send_away(State(shutdown): State<Shutdown>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if shutdown.leaving.is_cancelled() {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
