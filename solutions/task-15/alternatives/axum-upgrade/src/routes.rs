//! What the server answers.

use axum::Router;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::connections::Connections;
use crate::echo::echo;

const LARGEST_MESSAGE: usize = 1 << 20;

/// `/fast` answers at once; `/ws` becomes a WebSocket, which is in `connections` from then on.
pub fn router(connections: Connections) -> Router {
    Router::new().route("/fast", get(async || "fast\n")).route("/ws", get(upgrade)).with_state(connections)
}

async fn upgrade(State(connections): State<Connections>, upgrade: WebSocketUpgrade) -> Response {
    // Not in the closure: that runs when the client has its answer.
    let Some(connection) = connections.register() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "draining\n").into_response();
    };
    upgrade
        .read_buffer_size(1024)
        .write_buffer_size(0)
        .max_message_size(LARGEST_MESSAGE)
        .max_frame_size(LARGEST_MESSAGE)
        .on_upgrade(|socket| echo(connection, socket))
}
