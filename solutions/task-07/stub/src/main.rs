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

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

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
    let readiness = Readiness::ready();
    let router = routes::router(&readiness);
    let draining = CancellationToken::new();
    // TODO: another first attempt, without a group. What becomes of the server's clients when the
    // heartbeat fails?
    let outcome = tokio::try_join!(
        heartbeat::beat(file, tick, draining.clone()),
        server::serve(listener, router, readiness, draining.clone(), budget / WINDOW_SHARE),
        async {
            signals.recv().await;
            draining.cancel();
            Ok(())
        },
    );
    todo!(
        "run the heartbeat and the server in a group, within {budget:?}, and say on stderr how it went; the first \
         attempt got {outcome:?}"
    )
}

async fn configure() -> Result<(Config, TcpListener), BadValue> {
    let config = Config::from_env()?;
    let listener = config.listen().await?;
    Ok((config, listener))
}
