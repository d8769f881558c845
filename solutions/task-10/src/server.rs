//! Serves until the signal, then drains, and stays for one last scrape.

use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use task_10_solution::{DrainError, DrainMetrics};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::config::Config;

/// How long the head of a request may take. Without it, half a request holds the drain to its deadline.
const HEAD_TIMEOUT: Duration = Duration::from_secs(2);

/// Prints the ready line and serves `router` on `listener` until `signal`. Then it drains: no new connections, and an answer
/// for every request that has been read. The last part of the budget is for scrapers: so much earlier the drain must be
/// over, and so long this stays after its end.
pub async fn run(
    mut listener: TcpListener,
    router: Router,
    metrics: DrainMetrics,
    signal: impl Future<Output = ()>,
    config: Config,
) -> Result<(), DrainError<Infallible>> {
    let address = listener.local_addr().expect("a bound socket has an address");
    println!("listening on {address}");

    let draining = CancellationToken::new();
    let mut connections = JoinSet::new();
    let mut signal = pin!(signal);
    loop {
        tokio::select! {
            () = &mut signal => break,
            // Not the method of the same name: this one gets over errors, such as too many open files.
            (stream, _) = Listener::accept(&mut listener) => {
                connections.spawn(serve(stream, router.clone(), draining.clone()));
            }
            // A JoinSet keeps what has ended until somebody asks.
            Some(_) = connections.join_next() => {}
        }
    }

    let deadline = Instant::now() + config.drain_budget - config.last_scrape;
    drop(listener);
    draining.cancel();
    // It takes the connections along: they are cut off when the drain drops this.
    let answered = async move {
        while connections.join_next().await.is_some() {}
        Ok(())
    };
    let outcome = metrics.drain(deadline, answered).await;
    // The sample is in this process and nowhere else, until somebody has fetched it.
    sleep(config.last_scrape).await;
    outcome
}

/// Serves one connection until it is closed or, once the server drains, has nothing in flight.
async fn serve(stream: TcpStream, router: Router, draining: CancellationToken) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = pin!(connection);
    tokio::select! {
        // In order: a request that has arrived is read before the connection hears of the drain.
        biased;
        _ = connection.as_mut() => return,
        () = draining.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}
