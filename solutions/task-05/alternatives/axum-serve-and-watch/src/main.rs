//! An HTTP server that asks for no more work, waits until that is known, answers what it has begun, and
//! exits.
//!
//! # Layout, in reading order
//!
//! | file | what it holds |
//! | --- | --- |
//! | `main` | start-up in the right order, and the exit code |
//! | `config` | [`Config`]: what is read from the environment |
//! | `environment`, `budget` | how a variable is read, and what is said of a bad one |
//! | `signals` | [`Signals`]: SIGINT and SIGTERM |
//! | `routes` | what the server answers |
//! | `readiness` | [`Phase`]: how far the shutdown is |
//! | `in_flight` | [`InFlight`]: how many requests are being answered |
//! | `server` | serve until the window after the signal is over, then drain |
//! | `report` | [`Report`](report::Report): how the drain went |
#![forbid(unsafe_code)]

mod budget;
mod config;
mod environment;
mod in_flight;
mod readiness;
mod report;
mod routes;
mod server;
mod signals;

use std::process::ExitCode;

use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::config::Config;
use crate::environment::BadValue;
use crate::in_flight::InFlight;
use crate::readiness::Phase;
use crate::signals::Signals;

#[tokio::main]
async fn main() -> ExitCode {
    let (config, listener) = match configure().await {
        Ok(configured) => configured,
        Err(bad) => {
            eprintln!("{bad}");
            return ExitCode::from(2);
        }
    };
    // Before the ready line, which `run` prints: from then on a signal must drain.
    let mut signals = match Signals::install() {
        Ok(signals) => signals,
        Err(error) => {
            eprintln!("cannot handle signals: {error}");
            return ExitCode::FAILURE;
        }
    };

    let in_flight = InFlight::default();
    let (phase, follower) = watch::channel(Phase::Serving);
    let router = routes::router(&in_flight, follower);
    let budget = config.drain_budget;
    let report = server::run(listener, router, phase, in_flight, signals.recv(), budget).await;
    eprintln!("{report}");
    report.exit_code()
}

async fn configure() -> Result<(Config, TcpListener), BadValue> {
    let config = Config::from_env()?;
    let listener = config.listen().await?;
    Ok((config, listener))
}
