//! A heartbeat and an HTTP server in one process. If one of them ends, both drain.
//!
//! # Layout, in reading order
//!
//! | file | what it holds |
//! | --- | --- |
//! | `main` | start-up in the right order, the group, and the exit code |
//! | `config` | [`Config`]: what is read from the environment |
//! | `environment`, `budget` | how a variable is read, and what is said of a bad one |
//! | `signals` | [`Signals`]: SIGINT and SIGTERM |
//! | `heartbeat` | one component: a line in a file, again and again |
//! | `server` | the other: serve, and drain |
//! | `routes` | what the server answers |
//! | `readiness` | [`Readiness`]: whether the server asks for new work |
//!
//! What runs the two of them is the library of this package.
#![forbid(unsafe_code)]

mod budget;
mod config;
mod environment;
mod heartbeat;
mod readiness;
mod routes;
mod server;
mod signals;

use std::process::ExitCode;

use task_07_solution::Group;
use tokio::net::TcpListener;

use crate::config::Config;
use crate::environment::BadValue;
use crate::readiness::Readiness;
use crate::signals::Signals;

/// The propagation window of the server is the budget divided by this.
const WINDOW_SHARE: u32 = 10;

#[tokio::main]
async fn main() -> ExitCode {
    let (config, listener) = match configure().await {
        Ok(configured) => configured,
        Err(bad) => {
            eprintln!("{bad}");
            return ExitCode::from(2);
        }
    };
    // Before the ready line, which `serve` prints: from then on a signal must drain.
    let mut signals = match Signals::install() {
        Ok(signals) => signals,
        Err(error) => {
            eprintln!("cannot handle signals: {error}");
            return ExitCode::FAILURE;
        }
    };

    let Config { drain_budget: budget, heartbeat_file: file, heartbeat_tick: tick, .. } = config;
    let mut group = Group::new();
    group.add("heartbeat", move |draining| async move { Ok(heartbeat::beat(file, tick, draining).await?) });
    group.add("server", move |draining| async move {
        let readiness = Readiness::ready();
        let router = routes::router(&readiness);
        Ok(server::serve(listener, router, readiness, draining, budget / WINDOW_SHARE).await?)
    });
    let report = group.run(signals.recv(), budget).await;
    if let Some(failure) = &report.failure {
        eprintln!("{failure}");
    }
    eprintln!("{report}");
    if report.is_complete() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn configure() -> Result<(Config, TcpListener), BadValue> {
    let config = Config::from_env()?;
    let listener = config.listen().await?;
    Ok((config, listener))
}
