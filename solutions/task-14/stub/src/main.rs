//! Asks another service, and drains within its budget whatever that one does.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use task_14::config::Config;
use task_14::downstream::Downstream;
use task_14::drain::Drain;
use task_14::environment::BadValue;
use task_14::in_flight::InFlight;
use task_14::signals::Signals;
use task_14::{routes, server};
use tokio::net::TcpListener;

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

    let (in_flight, drain) = (InFlight::default(), Drain::default());
    let downstream = Downstream::new(config.downstream_addr, config.client_timeout, drain.clone());
    let router = routes::router(&in_flight, downstream);
    let report = server::run(listener, router, in_flight, drain, signals.recv(), config.drain_budget).await;
    eprintln!("{report}");
    report.exit_code()
}

async fn configure() -> Result<(Config, TcpListener), BadValue> {
    let config = Config::from_env("20s")?;
    config.require_time_for_a_call()?;
    let listener = config.listen().await?;
    Ok((config, listener))
}
