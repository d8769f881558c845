//! What a connection does: it answers each message with the same one, until it is to close.

use std::pin::pin;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use futures_util::{FutureExt as _, SinkExt as _};
use tokio::task::coop::{consume_budget, unconstrained};
use tokio::time::{Instant, timeout_at};

use crate::connections::Connection;

/// How long after the signal messages that have been received are still answered: for a client that never stops.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// Serves a connection until it is closed.
///
/// If the future is dropped, the connection is cut.
// In this order: the socket is dropped first, so that a connection which has left the registry is closed.
pub async fn echo(connection: Connection, mut socket: WebSocket) {
    if let Some(draining) = converse(&connection, &mut socket).await {
        let _ = timeout_at(draining + LAST_WORDS, answer_what_is_there(&mut socket)).await;
        close(&mut socket).await;
    }
}

/// Answers messages until the client closes, or until the connection is to close: then it says since when.
async fn converse(connection: &Connection, socket: &mut WebSocket) -> Option<Instant> {
    let mut draining = pin!(connection.draining());
    loop {
        // Pings, and a close of the client's, axum answers itself, when it is asked for what comes next.
        tokio::select! {
            received = socket.recv() => answer(socket, received?.ok()?).await?,
            draining = &mut draining => return Some(draining),
        }
    }
}

/// Answers the messages that have been received and not read.
async fn answer_what_is_there(socket: &mut WebSocket) -> Option<()> {
    // Unconstrained: otherwise tokio says now and then that nothing is there, so that others have their turn.
    while let Some(received) = unconstrained(socket.recv()).now_or_never() {
        answer(socket, received?.ok()?).await?;
        // They have it here. Without an end to its turn, this would not see its time-out either.
        consume_budget().await;
    }
    Some(())
}

async fn answer(socket: &mut WebSocket, received: Message) -> Option<()> {
    match received {
        message @ (Message::Text(_) | Message::Binary(_)) => socket.send(message).await.ok(),
        _ => Some(()),
    }
}

/// Sends the close frame, and waits for the client's.
async fn close(socket: &mut WebSocket) {
    let frame = CloseFrame { code: close_code::AWAY, reason: "draining".into() };
    // Flushed first: a pong that is still owed would go out behind the close frame.
    if socket.flush().await.is_ok() && socket.send(Message::Close(Some(frame))).await.is_ok() {
        // What was under way when the client got ours is read, too: to close with something unread is a reset,
        // which takes our frame along.
        while let Some(Ok(_)) = socket.recv().await {}
    }
}
