//! Writes down what is done.

use std::fs::File;
use std::io::{BufWriter, Write};

use tokio::select;
use tokio::sync::mpsc;

use crate::stoppable::Stoppable;

/// Starts the journal. What is sent to it stands in `file`, a line each, when it has been drained: lines are written when
/// there are enough of them, and at the end.
pub fn start(file: File) -> (mpsc::Sender<String>, Stoppable) {
    let (sender, mut lines) = mpsc::channel::<String>(64);
    let journal = Stoppable::start(async move |stop| {
        let mut file = BufWriter::new(file);
        loop {
            let line = select! {
                line = lines.recv() => line,
                () = stop.cancelled(), if !lines.is_closed() => {
                    // What has been sent is still received.
                    lines.close();
                    continue;
                }
            };
            let Some(line) = line else { break };
            writeln!(file, "{line}")?;
        }
        Ok(file.flush()?)
    });
    (sender, journal)
}
