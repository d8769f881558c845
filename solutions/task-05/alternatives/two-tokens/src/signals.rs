//! SIGINT and SIGTERM.

use std::io;
use std::thread;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tokio_util::sync::CancellationToken;

/// Cancels `leaving` at the first of the two signals that ask for a drain. From here on neither kills
/// the process, and a second one is ignored.
///
/// # Errors
///
/// If the operating system refuses.
pub fn cancel(leaving: CancellationToken) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    // Detached: it ends with the process.
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for _ in signals.forever() {
            leaving.cancel();
        }
    })?;
    Ok(())
}
