//! What the server answers.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::downstream::{CallFailed, Downstream};
use crate::in_flight::{self, InFlight};

/// `/fast` answers at once, `/quote/...` what `downstream` answers; every request is counted in `in_flight`.
pub fn router(in_flight: &InFlight, downstream: Downstream) -> Router {
    Router::new()
        .route("/fast", get(async || "fast\n"))
        .route("/quote/{name}", get(quote))
        .layer(from_fn_with_state(in_flight.clone(), in_flight::count))
        .with_state(downstream)
}

async fn quote(State(downstream): State<Downstream>, request: Request) -> Response {
    match downstream.call(request.uri().path()).await {
        Ok(answer) => (answer.status, answer.body).into_response(),
        Err(CallFailed::TimedOut) => (StatusCode::GATEWAY_TIMEOUT, "no answer in time\n").into_response(),
        Err(CallFailed::Failed) => (StatusCode::BAD_GATEWAY, "no answer\n").into_response(),
    }
}
