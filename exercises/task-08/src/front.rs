//! The HTTP server.

use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::serve::Listener;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::stoppable::Stoppable;

/// How long it takes to check an order.
const CHECKS: Duration = Duration::from_millis(300);
const SLOW: Duration = Duration::from_secs(2);
/// How long the head of a request may take.
const HEAD_TIMEOUT: Duration = Duration::from_secs(2);

/// Starts the server. Drained, it refuses new connections, and answers what it has read.
pub fn start(mut listener: TcpListener, orders: mpsc::Sender<String>) -> Stoppable {
    let router = Router::new()
        .route("/orders/{name}", post(order))
        .route("/fast", get(async || "fast\n"))
        .route("/slow", get(slow))
        .with_state(orders);
    Stoppable::start(async move |stop| {
        // Dropped with this future, so a front that is cut off leaves no connection behind.
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                (stream, _) = Listener::accept(&mut listener) => {
                    connections.spawn(serve(stream, router.clone(), stop.clone()));
                }
                Some(_) = connections.join_next() => {}
            }
        }
        drop(listener);
        while connections.join_next().await.is_some() {}
        Ok(())
    })
}

/// Serves one connection until it is closed or, once the server drains, has nothing in flight.
async fn serve(stream: TcpStream, router: Router, stop: CancellationToken) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = pin!(connection);
    tokio::select! {
        // In order: a request that has arrived is read before the connection hears of the drain.
        biased;
        _ = connection.as_mut() => return,
        () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

/// Accepted means handed over: from then on the order is the workers'.
async fn order(
    Path(name): Path<String>,
    State(orders): State<mpsc::Sender<String>>,
) -> (StatusCode, &'static str) {
    sleep(CHECKS).await;
    match orders.try_send(name) {
        Ok(()) => (StatusCode::ACCEPTED, "accepted\n"),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "no room\n"),
    }
}

async fn slow() -> &'static str {
    sleep(SLOW).await;
    "slow\n"
}
