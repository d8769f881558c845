//! What a connection does: it answers each message with the same one, until it is to close.

use std::pin::pin;
use std::time::Duration;

use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::task::coop::{consume_budget, unconstrained};
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use crate::connections::Connection;

/// How long after the signal messages that have been received are still answered: for a client that never stops.
const LAST_WORDS: Duration = Duration::from_millis(200);
const LARGEST_MESSAGE: usize = 1 << 20;

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// Serves a connection until it is closed.
///
/// If the future is dropped, the connection is cut.
// In this order: the socket is dropped first, so that a connection which has left the registry is closed.
pub async fn echo(connection: Connection, upgraded: Upgraded) {
    // tungstenite's own buffer is 128 KiB for each connection, and most connections are silent.
    let config = WebSocketConfig::default()
        .read_buffer_size(1024)
        .write_buffer_size(0)
        .max_message_size(Some(LARGEST_MESSAGE))
        .max_frame_size(Some(LARGEST_MESSAGE));
    let mut socket =
        WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
    if let Some(draining) = converse(&connection, &mut socket).await {
        let _ = timeout_at(draining + LAST_WORDS, answer_what_is_there(&mut socket)).await;
        close(&mut socket).await;
    }
}

/// Answers messages until the client closes, or until the connection is to close: then it says since when.
async fn converse(connection: &Connection, socket: &mut Socket) -> Option<Instant> {
    let mut draining = pin!(connection.draining());
    loop {
        // Pings, and a close of the client's, tungstenite answers itself, when it is asked for what comes next.
        tokio::select! {
            received = socket.next() => answer(socket, received?.ok()?).await?,
            draining = &mut draining => return Some(draining),
        }
    }
}

/// Answers the messages that have been received and not read.
async fn answer_what_is_there(socket: &mut Socket) -> Option<()> {
    // Unconstrained: otherwise tokio says now and then that nothing is there, so that others have their turn.
    while let Some(received) = unconstrained(socket.next()).now_or_never() {
        answer(socket, received?.ok()?).await?;
        // They have it here. Without an end to its turn, this would not see its time-out either.
        consume_budget().await;
    }
    Some(())
}

async fn answer(socket: &mut Socket, received: Message) -> Option<()> {
    match received {
        message @ (Message::Text(_) | Message::Binary(_)) => socket.send(message).await.ok(),
        _ => Some(()),
    }
}

/// Sends the close frame, and waits for the client's.
async fn close(socket: &mut Socket) {
    let frame = CloseFrame { code: CloseCode::Away, reason: "draining".into() };
    // Flushed first: a pong that tungstenite still owes would go out behind the close frame.
    if socket.flush().await.is_ok() && socket.send(Message::Close(Some(frame))).await.is_ok() {
        // What was under way when the client got ours is read, too: to close with something unread is a reset,
        // which takes our frame along.
        while let Some(Ok(_)) = socket.next().await {}
    }
}
