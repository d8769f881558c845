//! What a connection does: it answers each message with the same one, until it is to close.

use std::io::{self, ErrorKind};
use std::net::TcpStream;
use std::time::Duration;

use nix::poll::{PollFlags, PollTimeout};
use tungstenite::protocol::frame::CloseFrame;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Error, Message, WebSocket};

use crate::connections::Connection;
use crate::phase;

/// How long after the signal messages that have been received are still answered: for a client that never stops.
const LAST_WORDS: Duration = Duration::from_millis(200);
const LARGEST_MESSAGE: usize = 1 << 20;

/// Serves a connection until it is closed. `received` is what came behind the upgrade.
// In this order: the socket is dropped first, so that a connection which has left the registry is closed.
pub fn echo(connection: Connection, stream: TcpStream, received: Vec<u8>) -> io::Result<()> {
    stream.set_nonblocking(true)?;
    let config = WebSocketConfig::default()
        .read_buffer_size(1024)
        .write_buffer_size(0)
        .max_message_size(Some(LARGEST_MESSAGE))
        .max_frame_size(Some(LARGEST_MESSAGE));
    let mut socket = WebSocket::from_partially_read(stream, received, Role::Server, Some(config));
    loop {
        // Asked each time, and not only when nothing is there: a client may never stop.
        if connection.draining().is_some_and(|since| since.elapsed() > LAST_WORDS) {
            break;
        }
        match socket.read() {
            Ok(message @ (Message::Text(_) | Message::Binary(_))) => {
                let sent = socket.write(message);
                finish(&mut socket, sent)?;
            }
            Ok(_) => {}
            Err(error) if would_block(&error) => {
                // In this order: what has arrived before the drain is read first.
                let draining = connection.draining().is_some();
                if draining && !connection.end().or_readable(socket.get_ref(), PollTimeout::ZERO)? {
                    break;
                }
                if !draining {
                    connection.end().or_readable(socket.get_ref(), PollTimeout::NONE)?;
                }
            }
            Err(_) => return Ok(()),
        }
    }
    close(&mut socket)
}

/// Sends the close frame, and waits for the client's.
fn close(socket: &mut WebSocket<TcpStream>) -> io::Result<()> {
    // A pong that is still owed would go out behind the close frame.
    let owed = socket.flush();
    finish(socket, owed)?;
    let sent = socket.close(Some(CloseFrame { code: CloseCode::Away, reason: "draining".into() }));
    finish(socket, sent)?;
    loop {
        match socket.read() {
            Ok(_) => {}
            Err(error) if would_block(&error) => phase::wait_for(socket.get_ref(), PollFlags::POLLIN)?,
            Err(_) => return Ok(()),
        }
    }
}

/// Waits until all is written.
fn finish(socket: &mut WebSocket<TcpStream>, mut written: Result<(), Error>) -> io::Result<()> {
    loop {
        match written {
            Ok(()) => return Ok(()),
            Err(error) if would_block(&error) => phase::wait_for(socket.get_ref(), PollFlags::POLLOUT)?,
            Err(error) => return Err(io::Error::other(error)),
        }
        written = socket.flush();
    }
}

fn would_block(error: &Error) -> bool {
    matches!(error, Error::Io(error) if error.kind() == ErrorKind::WouldBlock)
}
