//! Serves until the drain begins, and drains.

use std::io;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::readiness::Readiness;

/// How long the head of a request may take. Without it, half a request holds the drain to its deadline.
/// hyper's clock also runs while a connection is idle, so this is the keep-alive time-out, too.
const HEAD_TIMEOUT: Duration = Duration::from_secs(2);

/// Prints the ready line and serves `router` on `listener` until `draining` is cancelled. Then it drains:
///
/// 1. it withdraws `readiness`, and serves as before for the time of the `window`, so that whoever sends
///    work here can see that and stop;
/// 2. no new connections, and an answer for every request that has been read.
///
/// Returns when the drain is over, however long that takes: who cannot wait drops this, and with it the
/// connections.
///
/// # Errors
///
/// If the listener has no address.
pub async fn serve(
    mut listener: TcpListener,
    router: Router,
    readiness: Readiness,
    draining: CancellationToken,
    window: Duration,
) -> io::Result<()> {
    // Connections are taken from here on: the kernel keeps them until `accept`.
    println!("listening on {}", listener.local_addr()?);

    let closing = CancellationToken::new();
    let mut connections = JoinSet::new();
    let window_is_over = async {
        draining.cancelled().await;
        readiness.withdraw();
        sleep(window).await;
    };
    let mut window_is_over = pin!(window_is_over);
    // One loop before the drain and in the window: clients must see no difference.
    loop {
        tokio::select! {
            () = &mut window_is_over => break,
            // Not the method of the same name: this one gets over errors, such as too many open files.
            (stream, _) = Listener::accept(&mut listener) => {
                connections.spawn(connection(stream, router.clone(), closing.clone()));
            }
            // A JoinSet keeps what has ended until somebody asks.
            Some(_) = connections.join_next() => {}
        }
    }

    // A listener that is merely no longer asked goes on accepting, in the kernel.
    drop(listener);
    closing.cancel();
    while connections.join_next().await.is_some() {}
    Ok(())
}

/// Serves one connection until it is closed or, once the server is `closing`, has nothing in flight.
async fn connection(stream: TcpStream, router: Router, closing: CancellationToken) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = pin!(connection);
    tokio::select! {
        // In order: a request that has arrived is read before the connection hears of the drain.
        biased;
        _ = connection.as_mut() => return,
        () = closing.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    // An idle connection ends now, a busy one after its answer. How does not matter: a client that has
    // hung up is an error here, and no reason to stop.
    let _ = connection.await;
}
