//! An HTTP server that says how its drain went to whoever scrapes it, before it exits.
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
//! | `scrape` | what a scraper is told |
//! | `server` | serve until the signal, drain, and stay for one last scrape |
#![forbid(unsafe_code)]

mod budget;
mod config;
mod environment;
mod routes;
mod scrape;
mod server;
mod signals;

use std::process::ExitCode;

use prometheus::Registry;
use task_10_solution::DrainMetrics;
use tokio::net::TcpListener;

use crate::config::Config;
use crate::environment::BadValue;
use crate::signals::Signals;

#[tokio::main]
async fn main() -> ExitCode {
    let (config, listener, for_scrapers) = match configure().await {
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

    // Not the registry of the whole process: what is in there is for libraries to decide.
    let registry = Registry::new();
    let metrics = match DrainMetrics::register(&registry, "http", config.drain_budget) {
        Ok(metrics) => metrics,
        Err(error) => {
            eprintln!("cannot register the metrics: {error}");
            return ExitCode::FAILURE;
        }
    };
    scrape::start(for_scrapers, registry);
    let router = routes::router(&metrics);
    match server::run(listener, router, metrics, signals.recv(), config).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

async fn configure() -> Result<(Config, TcpListener, TcpListener), BadValue> {
    let config = Config::from_env()?;
    let (listener, for_scrapers) = config.listen().await?;
    Ok((config, listener, for_scrapers))
}
