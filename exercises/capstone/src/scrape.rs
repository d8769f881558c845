//! What a scraper is told, at an address of its own: the one of the orders is closed when the last scrape comes.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus::TEXT_FORMAT;
use tokio::net::TcpListener;

use crate::metrics::Metrics;

/// Prints `metrics listening on ADDRESS`, and answers `/metrics` there in a task of its own, until the process ends.
pub fn start(listener: TcpListener, metrics: Metrics) {
    let address = listener.local_addr().expect("a bound socket has an address");
    println!("metrics listening on {address}");
    let router = Router::new().route("/metrics", get(expose)).with_state(metrics);
    tokio::spawn(async { axum::serve(listener, router).await });
}

async fn expose(State(metrics): State<Metrics>) -> Response {
    match metrics.expose() {
        Ok(text) => ([(CONTENT_TYPE, TEXT_FORMAT)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}
