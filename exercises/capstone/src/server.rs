//! HTTP connections, until they are drained.

use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinError, JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

/// How long the head of a request may take. Without it, half a request holds the drain to its deadline.
const HEAD_TIMEOUT: Duration = Duration::from_secs(2);

/// The server, at work in a task of its own.
pub struct Server {
    pub address: SocketAddr,
    task: JoinHandle<()>,
    draining: CancellationToken,
}

impl Server {
    /// Begins to serve `router` on `listener`.
    pub fn start(listener: TcpListener, router: Router) -> Self {
        let address = listener.local_addr().expect("a bound socket has an address");
        let draining = CancellationToken::new();
        Self { address, task: tokio::spawn(serve(listener, router, draining.clone())), draining }
    }

    /// No new connections, and an answer for each request that has been read. Returns when all
    /// connections are closed; a client that does not read can keep one open, so call it with a bound.
    ///
    /// # Errors
    ///
    /// If the server has panicked.
    ///
    /// # Cancellation
    ///
    /// The server goes on until it is dropped.
    pub async fn drain(&mut self) -> Result<(), JoinError> {
        self.draining.cancel();
        (&mut self.task).await
    }
}

impl Drop for Server {
    /// What is in flight is cut off.
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut listener: TcpListener, router: Router, draining: CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = draining.cancelled() => break,
            // Not the method of the same name: this one gets over errors, such as too many open files.
            (stream, _) = Listener::accept(&mut listener) => {
                connections.spawn(connection(stream, router.clone(), draining.clone()));
            }
            // A JoinSet keeps what has ended until somebody asks.
            Some(_) = connections.join_next() => {}
        }
    }
    // A listener that is merely no longer asked goes on accepting, in the kernel.
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Serves one connection until it is closed or, once the server drains, has nothing in flight.
async fn connection(stream: TcpStream, router: Router, draining: CancellationToken) {
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
