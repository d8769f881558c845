//! Serves until the signal, then drains.

use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::connections::Connections;
use crate::report::{Overrun, Report};

/// How long the head of a request may take, and how long a connection may be idle between two.
const HEAD_TIMEOUT: Duration = Duration::from_secs(2);

/// Prints the ready line and serves `router` on `listener` until `signal`. Then it drains: all of `connections` are
/// closed, no other is let in, and all of it within `budget` of the signal.
///
/// Returns when the drain is over. Connections that are left then, at the deadline, are abandoned: whoever ends the
/// runtime cuts them.
pub async fn run(
    mut listener: TcpListener,
    router: Router,
    connections: Connections,
    signal: impl Future<Output = ()>,
    budget: Duration,
) -> Report {
    // Connections are taken from here on: the kernel keeps them until `accept`.
    let address = listener.local_addr().expect("a bound socket has an address");
    println!("listening on {address}");

    let drained = async {
        signal.await;
        let begun = Instant::now();
        let _ = timeout_at(begun + budget, connections.drain()).await;
        begun
    };
    let mut drained = pin!(drained);
    let closing = CancellationToken::new();
    // What was upgraded is not in here any more: hyper's part of it is over.
    let mut requests = JoinSet::new();
    // One loop before the signal and in the drain: whoever comes then is told that they are not wanted.
    let begun = loop {
        tokio::select! {
            begun = &mut drained => break begun,
            // Not the method of the same name: this one gets over errors, such as too many open files.
            (stream, _) = Listener::accept(&mut listener) => {
                requests.spawn(serve(stream, router.clone(), closing.clone()));
            }
            // A JoinSet keeps what has ended until somebody asks.
            Some(_) = requests.join_next() => {}
        }
    };

    let outcome = match connections.open() {
        0 => Ok(()),
        abandoned => Err(Overrun { abandoned }),
    };
    drop(listener);
    closing.cancel();
    // A 503 may still be on its way.
    let all = async { while requests.join_next().await.is_some() {} };
    let _ = timeout_at(begun + budget, all).await;
    Report { outcome, duration: begun.elapsed() }
}

/// Serves one connection until it is closed or upgraded or, at the end of the drain, has nothing in flight.
async fn serve(stream: TcpStream, router: Router, closing: CancellationToken) {
    // Otherwise the kernel holds back a small frame until the client has acknowledged the one before: 40 ms.
    let _ = stream.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .with_upgrades();
    let mut connection = pin!(connection);
    tokio::select! {
        // In order: a request that has arrived is read before the connection hears of the end.
        biased;
        _ = connection.as_mut() => return,
        () = closing.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}
