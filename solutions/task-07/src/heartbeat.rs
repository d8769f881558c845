//! A line in a file, again and again: whoever watches the file sees that the program is alive.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::interval;
use tokio_util::sync::CancellationToken;

/// Appends `alive` to the file every `tick`, at once for the first time, and `stopped` once `draining` is
/// cancelled.
///
/// # Errors
///
/// If a line cannot be written.
pub async fn beat(file: PathBuf, tick: Duration, draining: CancellationToken) -> io::Result<()> {
    let mut tick = interval(tick);
    while draining.run_until_cancelled(tick.tick()).await.is_some() {
        append(&file, "alive\n")?;
    }
    append(&file, "stopped\n")
}

/// Opens the file anew for each line, so that it is missed as soon as it cannot be written any more. These
/// few bytes are written on the spot; a slow disk would hold up a thread of the runtime.
fn append(file: &Path, line: &str) -> io::Result<()> {
    let written = open(file).and_then(|mut file| file.write_all(line.as_bytes()));
    written.map_err(|error| io::Error::new(error.kind(), format!("cannot write {file:?}: {error}")))
}

/// Opens the file, and makes it if there is none.
///
/// # Errors
///
/// If it is no file that can be written.
pub fn open(file: &Path) -> io::Result<File> {
    File::options().create(true).append(true).open(file)
}
