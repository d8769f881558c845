//! Serves until the shutdown is over.

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

use crate::shutdown::Ended;

/// How long the head of a request may take.
const HEAD_TIMEOUT: Duration = Duration::from_secs(2);
/// At the deadline, answers that are ready are still written. It takes no time, except to who does not read.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// Prints the ready line, and serves `router` on `listener` until `shutdown` is over: in both of its phases, too, because
/// a refusal is an answer, and probes are never refused. Then it closes its connections, each after its answer.
pub async fn run(mut listener: TcpListener, router: Router, shutdown: impl Future<Output = Ended>) -> Ended {
    let address = listener.local_addr().expect("a bound socket has an address");
    println!("listening on {address}");

    let closing = CancellationToken::new();
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    let ended = loop {
        tokio::select! {
            ended = &mut shutdown => break ended,
            // Not the method of the same name: this one gets over errors, such as too many open files.
            (stream, _) = Listener::accept(&mut listener) => {
                connections.spawn(serve(stream, router.clone(), closing.clone()));
            }
            // A JoinSet keeps what has ended until somebody asks.
            Some(_) = connections.join_next() => {}
        }
    };

    drop(listener);
    closing.cancel();
    let all = async { while connections.join_next().await.is_some() {} };
    let _ = timeout_at(ended.deadline.max(Instant::now() + LAST_WORDS), all).await;
    ended
}

/// Serves one connection until it is closed or, once the server closes, has nothing to answer.
async fn serve(stream: TcpStream, router: Router, closing: CancellationToken) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = pin!(connection);
    tokio::select! {
        // In order: a request that has arrived is read before the connection hears of the end.
        biased;
        _ = connection.as_mut() => return,
        () = closing.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}
