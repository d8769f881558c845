//! Prints `running` every second until it is told to stop, then `draining`.
#![forbid(unsafe_code)]

use std::io;
use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};
use tokio::time::interval;

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    // `signal` installs the handler when it is called. From here on a signal no longer kills the
    // process, so only now may it say that it is running.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut tick = interval(Duration::from_secs(1));

    loop {
        tokio::select! {
            // In order: if the signal and a tick are ready together, the signal wins.
            biased;
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
            _ = tick.tick() => println!("running"),
        }
    }

    let begun = Instant::now();
    println!("draining");
    eprintln!("drain outcome=complete duration={:?} abandoned=0", begun.elapsed());
    Ok(())
}
