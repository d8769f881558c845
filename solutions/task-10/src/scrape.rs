//! What a scraper is told.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus::{Registry, TEXT_FORMAT, TextEncoder};
use tokio::net::TcpListener;

/// Prints `metrics listening on ADDRESS`, and answers `/metrics` there in a task of its own, until the process ends.
pub fn start(listener: TcpListener, registry: Registry) {
    let address = listener.local_addr().expect("a bound socket has an address");
    println!("metrics listening on {address}");
    let router = Router::new().route("/metrics", get(expose)).with_state(registry);
    tokio::spawn(async { axum::serve(listener, router).await });
}

/// The metrics of the registry in Prometheus' text format.
async fn expose(State(registry): State<Registry>) -> Response {
    match TextEncoder::new().encode_to_string(&registry.gather()) {
        Ok(text) => ([(CONTENT_TYPE, TEXT_FORMAT)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}
