//! A WebSocket server that says goodbye to everybody before it exits.
//!
//! # Layout, in reading order
//!
//! | file | what it holds |
//! | --- | --- |
//! | `main` | start-up in the right order, and the exit code |
//! | `config` | [`Config`]: what is read from the environment |
//! | `environment`, `budget` | how a variable is read, and what is said of a bad one |
//! | `signals` | [`Signals`]: SIGINT and SIGTERM |
//! | `routes` | what the server answers, and the upgrade |
//! | `echo` | one connection, from its upgrade to its close |
//! | `server` | serve until the signal, then drain |
//! | `report` | [`Report`](report::Report): how the drain went |
#![forbid(unsafe_code)]

mod budget;
mod config;
mod echo;
mod environment;
mod report;
mod routes;
mod server;
mod signals;

use std::process::ExitCode;

use tokio::net::TcpListener;

use crate::config::Config;
use crate::environment::BadValue;
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

    let router = routes::router();
    let report = server::run(listener, router, signals.recv(), config.drain_budget).await;
    eprintln!("{report}");
    report.exit_code()
}

async fn configure() -> Result<(Config, TcpListener), BadValue> {
    let config = Config::from_env()?;
    let listener = config.listen().await?;
    Ok((config, listener))
}
