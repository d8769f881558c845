//! What the server answers.

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;

use crate::connections::Connections;
use crate::echo::echo;

/// `/fast` answers at once; `/ws` becomes a WebSocket, which is in `connections` from then on.
pub fn router(connections: Connections) -> Router {
    Router::new().route("/fast", get(async || "fast\n")).route("/ws", get(upgrade)).with_state(connections)
}

async fn upgrade(State(connections): State<Connections>, request: Request) -> Response {
    let Ok(switching_protocols) = create_response_with_body(&request, Body::empty) else {
        return (StatusCode::BAD_REQUEST, "a WebSocket begins here\n").into_response();
    };
    // Before the answer, and not when the upgrade is done: a drain that begins in between must know of it.
    let Some(connection) = connections.register() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "draining\n").into_response();
    };
    tokio::spawn(async move {
        if let Ok(upgraded) = hyper::upgrade::on(request).await {
            echo(connection, upgraded).await;
        }
    });
    switching_protocols
}
