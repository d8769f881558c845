//! A service as most are: a framework and its graceful shutdown.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;

use crate::{Called, connection, listen, say_ready};

pub(crate) fn serve() {
    let listener = listen(&Called { name: "hyper".to_owned(), argument: None });
    Runtime::new().expect("a runtime").block_on(async {
        let mut terminate = signal(SignalKind::terminate()).expect("signals can be handled");
        listener.set_nonblocking(true).expect("a listener");
        let listener = TcpListener::from_std(listener).expect("a listener");
        say_ready(listener.local_addr().expect("an address"));
        let router = Router::new()
            .route("/fast", get(async || "fast\n"))
            .route("/ready", get(async || "ready\n"))
            .route("/slow", get(async || after(connection::SLOW).await))
            .route("/long", get(async || after(connection::LONG).await));
        let served = axum::serve(listener, router).with_graceful_shutdown(async move {
            let _ = terminate.recv().await;
        });
        served.await.expect("it serves");
    });
}

async fn after(time: Duration) -> &'static str {
    sleep(time).await;
    "the answer\n"
}
