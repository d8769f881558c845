//! SIGINT and SIGTERM.

use std::io;
use std::os::unix::net::UnixStream;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::pipe;

/// A stream that can be read from once one of the two signals that ask for a drain has come. From here
/// on neither kills the process.
pub fn install() -> io::Result<UnixStream> {
    let (signalled, handler) = UnixStream::pair()?;
    pipe::register(SIGINT, handler.try_clone()?)?;
    pipe::register(SIGTERM, handler)?;
    Ok(signalled)
}
