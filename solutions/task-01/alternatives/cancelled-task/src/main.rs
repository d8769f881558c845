//! Prints `running` every second until it is told to stop, then `draining`.
#![forbid(unsafe_code)]

use std::io;
use std::time::{Duration, Instant};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::interval;
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> io::Result<()> {
    // Both handlers are installed before the ticker can print; `wait_for_signal` only waits.
    let interrupt = signal(SignalKind::interrupt())?;
    let terminate = signal(SignalKind::terminate())?;
    let stop = CancellationToken::new();
    let ticker = tokio::spawn(tick(stop.clone()));

    wait_for_signal(interrupt, terminate).await;
    let begun = Instant::now();
    stop.cancel();
    // Joined before `draining`: the ticker may be in the middle of a line.
    ticker.await?;
    println!("draining");
    eprintln!("drain outcome=complete duration={:?} abandoned=0", begun.elapsed());
    Ok(())
}

async fn wait_for_signal(mut interrupt: Signal, mut terminate: Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

async fn tick(stop: CancellationToken) {
    let mut tick = interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            _ = tick.tick() => println!("running"),
        }
    }
}
