//! An HTTP server that is shut down in two phases: for a while it refuses long work only, then it drains.
//!
//! # Layout, in reading order
//!
//! | file | what it holds |
//! | --- | --- |
//! | `main` | start-up in the right order, and the exit code |
//! | `config` | [`Config`]: what is read from the environment |
//! | `environment`, `budget` | how a variable is read, and what is said of a bad one |
//! | `signals` | [`Signals`]: SIGINT and SIGTERM |
//! | `shutdown` | the two phases, from the first signal on |
//! | `routes` | what the server answers |
//! | `metrics` | what a scraper is told |
//! | `server` | serves until the shutdown is over |
#![forbid(unsafe_code)]

mod budget;
mod config;
mod environment;
mod metrics;
mod routes;
mod server;
mod shutdown;
mod signals;

use std::process::ExitCode;
use std::sync::Arc;

use task_16::Jobs;
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

    let jobs = Arc::new(Jobs::new());
    let router = routes::router(&jobs, config.drain_budget);
    let ended = server::run(listener, router, shutdown::in_two_phases(&jobs, &mut signals, &config)).await;
    ended.exit_code()
}

async fn configure() -> Result<(Config, TcpListener), BadValue> {
    let config = Config::from_env()?;
    let listener = config.listen().await?;
    Ok((config, listener))
}
