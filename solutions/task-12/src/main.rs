//! An example with three components: an intake of orders, a clerk who writes them down, and the ledger.
//!
//! ```console
//! $ cargo run -p task-12-solution &
//! listening on 127.0.0.1:8080
//! $ echo "two lemons" | nc -N 127.0.0.1 8080
//! ok
//! $ kill %1
//! drain outcome=complete duration=96.6µs abandoned=0
//! ```
//!
//! # Layout, in reading order
//!
//! | file | what it holds |
//! | --- | --- |
//! | `main` | the components in their order, the signal, and the exit code |
//! | `ledger`, `clerk`, `intake` | the components |
//! | `config`, `environment`, `budget` | what is read from the environment, and what is said of a bad value |
//! | `signals` | [`Signals`]: SIGINT and SIGTERM |
#![forbid(unsafe_code)]

mod budget;
mod clerk;
mod config;
mod environment;
mod intake;
mod ledger;
mod signals;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use task_12_solution::Lifecycle;
use tokio::time::Instant;

use crate::clerk::Clerk;
use crate::config::Config;
use crate::environment::BadValue;
use crate::intake::Intake;
use crate::ledger::Ledger;
use crate::signals::Signals;

#[tokio::main]
async fn main() -> ExitCode {
    // Before anything is started: from then on a signal must drain.
    let signals = match Signals::install() {
        Ok(signals) => signals,
        Err(error) => {
            eprintln!("cannot handle signals: {error}");
            return ExitCode::FAILURE;
        }
    };
    let config = match Config::from_env() {
        Ok(config) => config,
        Err(bad) => return refuse(&bad),
    };
    match configure(&config).await {
        Ok((lifecycle, address)) => run(lifecycle, address, signals, config.drain_budget).await,
        Err(bad) => refuse(&bad),
    }
}

fn refuse(bad: &BadValue) -> ExitCode {
    eprintln!("{bad}");
    ExitCode::from(2)
}

/// Registers the components, each after those that it needs.
async fn configure(config: &Config) -> Result<(Lifecycle, SocketAddr), BadValue> {
    let listener = config.listen().await?;
    let address = listener.local_addr().expect("a bound socket has an address");
    let ledger = Arc::new(Ledger::new(config.open_ledger()?));
    let clerk = Arc::new(Clerk::new(ledger.clone()));
    let intake = Intake::new(listener, clerk.clone());

    let lifecycle = Lifecycle::new();
    let registered = lifecycle
        .register("ledger", ledger)
        .and_then(|()| lifecycle.register("clerk", clerk))
        .and_then(|()| lifecycle.register("intake", intake));
    registered.expect("three names, and no drain yet");
    Ok((lifecycle, address))
}

/// Starts the components, prints the ready line, and drains at the signal, which may come in the middle of the
/// start.
async fn run(lifecycle: Lifecycle, address: SocketAddr, mut signals: Signals, budget: Duration) -> ExitCode {
    let started = tokio::select! {
        started = lifecycle.start() => started,
        () = signals.recv() => return drain(&lifecycle, budget).await,
    };
    if let Err(error) = started {
        eprintln!("{error}");
        drain(&lifecycle, budget).await;
        return ExitCode::FAILURE;
    }
    println!("listening on {address}");
    signals.recv().await;
    drain(&lifecycle, budget).await
}

/// Says on stderr how it went. Success, if nothing went wrong.
async fn drain(lifecycle: &Lifecycle, budget: Duration) -> ExitCode {
    let report = lifecycle.drain(Instant::now() + budget).await;
    for failure in &report.failures {
        eprintln!("{failure}");
    }
    eprintln!("{report}");
    if report.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
