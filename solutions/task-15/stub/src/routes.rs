//! What the server answers.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;

use crate::echo::echo;

/// `/fast` answers at once; `/ws` becomes a WebSocket.
pub fn router() -> Router {
    Router::new().route("/fast", get(async || "fast\n")).route("/ws", get(upgrade))
}

async fn upgrade(request: Request) -> Response {
    let Ok(switching_protocols) = create_response_with_body(&request, Body::empty) else {
        return (StatusCode::BAD_REQUEST, "a WebSocket begins here\n").into_response();
    };
    // hyper hands the connection over when it has sent the answer. Nobody knows of this task.
    tokio::spawn(async move {
        if let Ok(upgraded) = hyper::upgrade::on(request).await {
            echo(upgraded).await;
        }
    });
    switching_protocols
}
