//! The child: a server that answers what it has begun before it exits, and does not outlive its parent.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use task_17::config::Config;
use task_17::environment::BadValue;
use task_17::in_flight::InFlight;
use task_17::signals::Signals;
use task_17::{routes, server, tether};
use tokio::net::TcpListener;

fn main() -> ExitCode {
    if let Err(error) = tether::hold() {
        eprintln!("child: {error}");
        return ExitCode::FAILURE;
    }
    serve()
}

#[tokio::main]
async fn serve() -> ExitCode {
    let (config, listener) = match configure().await {
        Ok(configured) => configured,
        Err(bad) => {
            eprintln!("child: {bad}");
            return ExitCode::from(2);
        }
    };
    // Before the ready line, which `run` prints: from then on a signal must drain.
    let mut signals = match Signals::install() {
        Ok(signals) => signals,
        Err(error) => {
            eprintln!("child: cannot handle signals: {error}");
            return ExitCode::FAILURE;
        }
    };
    let in_flight = InFlight::default();
    let router = routes::router(&in_flight);
    let report = server::run(listener, router, in_flight, signals.recv(), config.drain_budget).await;
    // The drain reports itself once, and that is for the parent to do.
    let abandoned = report.outcome.map_or_else(|overrun| overrun.abandoned, |()| 0);
    eprintln!("child: stopped after {:?}, requests abandoned: {abandoned}", report.duration);
    report.exit_code()
}

async fn configure() -> Result<(Config, TcpListener), BadValue> {
    let config = Config::from_env()?;
    let listener = config.listen().await?;
    Ok((config, listener))
}
