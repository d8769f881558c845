//! A service that takes orders, and is drained in the order in which its parts need each other.
//!
//! # Layout, in reading order
//!
//! | file | what it holds |
//! | --- | --- |
//! | `main` | start-up from the bottom, the order of the drain, and the exit code |
//! | `config` | [`Config`]: what is read from the environment |
//! | `environment`, `budget` | how a variable is read, and what is said of a bad one |
//! | `signals` | [`Signals`]: SIGINT and SIGTERM |
//! | `stoppable` | [`Stoppable`](stoppable::Stoppable): a task that is told to stop, and waited for |
//! | `journal` | writes down what is done |
//! | `workers` | works on orders, one after the other |
//! | `front` | the HTTP server |
#![forbid(unsafe_code)]

mod budget;
mod config;
mod environment;
mod front;
mod journal;
mod signals;
mod stoppable;
mod workers;

use std::fs::File;
use std::process::ExitCode;

use task_08::{Component, DrainOrder, Outcome};
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::config::Config;
use crate::environment::BadValue;
use crate::signals::Signals;

#[tokio::main]
async fn main() -> ExitCode {
    let (config, listener, file) = match configure().await {
        Ok(configured) => configured,
        Err(bad) => {
            eprintln!("{bad}");
            return ExitCode::from(2);
        }
    };
    // Before the ready line: from then on a signal must drain.
    let mut signals = match Signals::install() {
        Ok(signals) => signals,
        Err(error) => {
            eprintln!("cannot handle signals: {error}");
            return ExitCode::FAILURE;
        }
    };

    let address = listener.local_addr().expect("a bound socket has an address");
    let (lines, journal) = journal::start(file);
    let (orders, workers) = workers::start(lines);
    let front = front::start(listener, orders);
    let order = DrainOrder::new([
        Component::new("front", |_| front.drain()).needs("workers"),
        Component::new("workers", |_| workers.drain()).needs("journal"),
        Component::new("journal", |_| journal.drain()),
    ])
    .expect("all of them are there, and none of them needs the front");
    eprint!("{order}");
    println!("listening on {address}");

    signals.recv().await;
    let ended = order.drain(Instant::now() + config.drain_budget).await;
    let complete = ended.iter().all(|ended| ended.outcome == Outcome::Complete);
    if complete { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn configure() -> Result<(Config, TcpListener, File), BadValue> {
    let config = Config::from_env()?;
    let file = config.open_journal()?;
    let listener = config.listen().await?;
    Ok((config, listener, file))
}
