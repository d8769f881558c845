//! A Kafka consumer.
//!
//! # Layout, in reading order
//!
//! | file | what it holds |
//! | --- | --- |
//! | `main` | start-up in the right order, and the exit code |
//! | `config` | [`Config`]: what is read from the environment |
//! | `environment`, `budget` | how a variable is read, and what is said of a bad one |
//! | `signals` | [`Signals`]: SIGINT and SIGTERM |
//! | `process` | [`Processor`]: what is done with a message |
//! | `topic` | whether there is a topic to consume |
//! | `consumer` | consume until the signal, then drain |
//! | `complaints` | [`Complaints`](complaints::Complaints): what Kafka complains of |
//! | `report` | [`Report`](report::Report): how the drain went |
#![forbid(unsafe_code)]

mod budget;
mod complaints;
mod config;
mod consumer;
mod environment;
mod process;
mod report;
mod signals;
mod topic;

use std::process::ExitCode;

use crate::config::Config;
use crate::environment::BadValue;
use crate::process::Processor;
use crate::signals::Signals;

#[tokio::main]
async fn main() -> ExitCode {
    let (config, processor) = match configure() {
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
    let ended = tokio::select! {
        ended = consumer::run(&config, processor, signals.recv()) => ended,
        () = topic::missing(&config) => {
            eprintln!("{}", config.bad_topic());
            return ExitCode::from(2);
        }
    };
    match ended {
        Ok(report) => {
            eprintln!("{report}");
            report.exit_code()
        }
        Err(error) => {
            eprintln!("cannot consume {}: {error}", config.topic);
            ExitCode::FAILURE
        }
    }
}

fn configure() -> Result<(Config, Processor), BadValue> {
    let config = Config::from_env()?;
    let processor = Processor::open(&config.ledger).map_err(|error| config.bad_ledger(&error))?;
    Ok((config, processor))
}
