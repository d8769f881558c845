//! An order processing service that loses nothing.
//!
//! An order is acknowledged when it and its event are in PostgreSQL, in one transaction. All else follows
//! from that: whatever ends when, what was acknowledged is there, and is told to Kafka.
//!
//! # Layout, in reading order
//!
//! | file | what it holds |
//! | --- | --- |
//! | `main` | start-up in the right order, and the exit code |
//! | `config` | [`Config`]: what is read from the environment |
//! | `environment`, `budget` | how a variable is read, and what is said of a bad one |
//! | `signals` | [`Signals`]: SIGINT and SIGTERM |
//! | `order` | [`NewOrder`](order::NewOrder), [`Order`](order::Order): what is ordered |
//! | `store` | [`Store`]: orders and the outbox in PostgreSQL; when an order is accepted |
//! | `routes` | what the service answers |
//! | `phase`, `in_flight` | [`Progress`]: how far it is on its way out; how much it is at |
//! | `metrics`, `scrape` | [`Metrics`]: what is measured, and who is told |
//! | `server` | [`Server`]: HTTP connections, until they are drained |
//! | `relay` | [`Relay`]: from the outbox to Kafka |
//! | `backlog` | [`Backlog`]: how many events are in the outbox |
//! | `shutdown` | the order of the drain |
//! | `steps` | [`Steps`](steps::Steps): one deadline for all of it, and a share for each |
//! | `report` | [`Report`](report::Report): how the drain went |
#![forbid(unsafe_code)]
#![expect(dead_code, reason = "you will use it: remove this line then")]

mod backlog;
mod budget;
mod config;
mod environment;
mod in_flight;
mod metrics;
mod order;
mod phase;
mod relay;
mod report;
mod routes;
mod scrape;
mod server;
mod shutdown;
mod signals;
mod steps;
mod store;

use std::process::ExitCode;

use tokio::net::TcpListener;
use tokio::time::sleep;

use crate::backlog::Backlog;
use crate::config::Config;
use crate::environment::BadValue;
use crate::in_flight::InFlight;
use crate::metrics::Metrics;
use crate::phase::Progress;
use crate::relay::{Bell, Relay};
use crate::routes::Desk;
use crate::server::Server;
use crate::shutdown::Service;
use crate::signals::Signals;
use crate::store::Store;

fn main() -> ExitCode {
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(run());
    // Not by dropping it: that waits for what blocks, such as a look-up of a name, and has no bound.
    runtime.shutdown_background();
    code
}

async fn run() -> ExitCode {
    let (config, listener, for_scrapers) = match configure().await {
        Ok(configured) => configured,
        Err(bad) => {
            eprintln!("{bad}");
            return ExitCode::from(2);
        }
    };
    // Before anything that takes time: from then on a signal must drain.
    let mut signals = match Signals::install() {
        Ok(signals) => signals,
        Err(error) => {
            eprintln!("cannot handle signals: {error}");
            return ExitCode::FAILURE;
        }
    };
    let (progress, in_flight) = (Progress::default(), InFlight::default());
    let metrics = Metrics::register(config.drain_budget, progress.clone(), in_flight.clone())
        .expect("each name is one, and there once");
    scrape::start(for_scrapers, metrics.clone());
    let service = tokio::select! {
        service = start(&config, listener, progress, in_flight, &metrics) => service,
        // Nothing has been accepted yet.
        () = signals.recv() => return ExitCode::SUCCESS,
    };
    let service = match service {
        Ok(service) => service,
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::FAILURE;
        }
    };
    println!("listening on {}", service.server.address);
    signals.recv().await;
    let report = shutdown::drain(service, config.drain_budget, config.last_scrape).await;
    eprintln!("{report}");
    metrics.drained(&report);
    sleep(config.last_scrape).await;
    report.exit_code()
}

async fn configure() -> Result<(Config, TcpListener, TcpListener), BadValue> {
    let config = Config::from_env()?;
    let (listener, for_scrapers) = config.listen().await?;
    Ok((config, listener, for_scrapers))
}

/// In the reverse order of the drain: who is needed first.
async fn start(
    config: &Config,
    listener: TcpListener,
    progress: Progress,
    in_flight: InFlight,
    metrics: &Metrics,
) -> Result<Service, String> {
    let store = Store::connect(config.database.clone()).await;
    let store = store.map_err(|error| format!("cannot use the database at DATABASE_URL: {error}"))?;
    let producer = relay::producer(&config.kafka).map_err(|error| format!("cannot use Kafka: {error}"))?;
    let bell = Bell::default();
    let relay = Relay::start(store.clone(), producer, config.topic.clone(), bell.clone());
    let backlog = Backlog::watch(store.clone(), metrics.outbox());
    let desk = Desk { store: store.clone(), bell, progress: progress.clone() };
    let server = Server::start(listener, routes::router(desk, &in_flight));
    Ok(Service { progress, server, in_flight, relay, backlog, store })
}
