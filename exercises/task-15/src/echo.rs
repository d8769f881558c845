//! What a connection does: it answers each message with the same one.

use futures_util::{SinkExt as _, StreamExt as _};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

const LARGEST_MESSAGE: usize = 1 << 20;

/// Serves a connection until its client closes it.
///
/// If the future is dropped, the connection is cut.
pub async fn echo(upgraded: Upgraded) {
    // tungstenite's own buffer is 128 KiB for each connection, and most connections are silent.
    let config = WebSocketConfig::default()
        .read_buffer_size(1024)
        .write_buffer_size(0)
        .max_message_size(Some(LARGEST_MESSAGE))
        .max_frame_size(Some(LARGEST_MESSAGE));
    let mut socket =
        WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
    // Pings, and a close of the client's, tungstenite answers itself, when it is asked for what comes next.
    while let Some(Ok(received)) = socket.next().await {
        if let Message::Text(_) | Message::Binary(_) = received
            && socket.send(received).await.is_err()
        {
            return;
        }
    }
}
