//! Looks for the signal once a second.
#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{sleep, timeout};

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    loop {
        println!("running");
        sleep(Duration::from_secs(1)).await;
        let asked = async { tokio::select! { _ = interrupt.recv() => (), _ = terminate.recv() => () } };
        if timeout(Duration::from_millis(1), asked).await.is_ok() {
            break;
        }
    }
    let begun = Instant::now();
    println!("draining");
    sleep(Duration::from_millis(50)).await;
    eprintln!("drain outcome=complete duration={:?} abandoned=0", begun.elapsed());
    Ok(())
}
