//! Catches the signals, and forgets to leave.
#![forbid(unsafe_code)]

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let _interrupt = signal(SignalKind::interrupt())?;
    let _terminate = signal(SignalKind::terminate())?;
    loop {
        println!("running");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
