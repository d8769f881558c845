//! Prints `running` every second until it is told to stop, then `draining`.
#![forbid(unsafe_code)]

use std::io;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

fn main() -> io::Result<()> {
    // The handlers are installed here, on this thread: the thread below only reads what they caught.
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let (caught, signal) = mpsc::channel();
    thread::spawn(move || {
        // Ends with the first signal; one that never comes ends with the process.
        if signals.forever().next().is_some() {
            let _ = caught.send(Instant::now());
        }
    });

    let mut tick = Instant::now();
    let begun = loop {
        match signal.recv_timeout(tick.saturating_duration_since(Instant::now())) {
            Ok(caught) => break caught,
            Err(RecvTimeoutError::Timeout) => println!("running"),
            Err(RecvTimeoutError::Disconnected) => return Err(io::Error::other("the signal thread is gone")),
        }
        tick += Duration::from_secs(1);
    };

    println!("draining");
    eprintln!("drain outcome=complete duration={:?} abandoned=0", begun.elapsed());
    Ok(())
}
