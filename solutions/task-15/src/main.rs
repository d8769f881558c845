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
//! | `connections` | [`Connections`]: the registry |
//! | `echo` | one connection, from its upgrade to its close |
//! | `server` | serve until the signal, then drain |
//! | `report` | [`Report`](report::Report): how the drain went |
#![forbid(unsafe_code)]

mod budget;
mod config;
mod connections;
mod echo;
mod environment;
mod report;
mod routes;
mod server;
mod signals;

use std::io;
use std::process::ExitCode;

use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use crate::config::Config;
use crate::connections::Connections;
use crate::environment::BadValue;
use crate::signals::Signals;

fn main() -> ExitCode {
    match runtime() {
        Ok(runtime) => runtime.block_on(serve()),
        Err(error) => {
            eprintln!("cannot start the runtime: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What `#[tokio::main]` makes, but for one thing.
fn runtime() -> io::Result<Runtime> {
    // A drain wakes all connections at once: more than the queue of a worker holds, and the rest waits in the one that
    // they share. A worker that looks there only now and then reads the answers of some before the others have their
    // close frame.
    Builder::new_multi_thread().global_queue_interval(1).enable_all().build()
}

async fn serve() -> ExitCode {
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

    let connections = Connections::default();
    let router = routes::router(connections.clone());
    let report = server::run(listener, router, connections, signals.recv(), config.drain_budget).await;
    eprintln!("{report}");
    report.exit_code()
}

async fn configure() -> Result<(Config, TcpListener), BadValue> {
    let config = Config::from_env()?;
    let listener = config.listen().await?;
    Ok((config, listener))
}
