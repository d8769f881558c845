//! The service as it was found. Its calls have a time-out and its drain waits for them, and still it overruns:
//! the time-out is longer than the drain may take, and begins anew when the head of an answer has come.
//!
//! It is kept to be seen: start it with a service behind it that does not answer, ask for `/quote/tea`, send
//! SIGTERM, and look at the clock.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use axum::Router;
use axum::body::Bytes;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http_body_util::{BodyExt as _, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use task_14::config::Config;
use task_14::environment::BadValue;
use task_14::signals::Signals;
use tokio::net::TcpListener;
use tokio::time::{Duration, timeout};

#[tokio::main]
async fn main() -> ExitCode {
    let (config, listener) = match configure().await {
        Ok(configured) => configured,
        Err(bad) => {
            eprintln!("{bad}");
            return ExitCode::from(2);
        }
    };
    let mut signals = Signals::install().expect("signals can be handled");
    println!("listening on {}", listener.local_addr().expect("a bound socket has an address"));

    let (downstream, time) = (config.downstream_addr, config.client_timeout);
    let quote = move |request: Request| async move {
        let uri = format!("http://{downstream}{}", request.uri().path());
        ask(&uri, time).await.unwrap_or_else(|status| status.into_response())
    };
    let router = Router::new().route("/fast", get(async || "fast\n")).route("/quote/{name}", get(quote));
    // It waits for all that is in flight. Nobody has told it for how long.
    let served =
        axum::serve(listener, router).with_graceful_shutdown(async move { signals.recv().await }).await;
    if served.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn configure() -> Result<(Config, TcpListener), BadValue> {
    let config = Config::from_env("30s")?;
    let listener = config.listen().await?;
    Ok((config, listener))
}

async fn ask(uri: &str, time: Duration) -> Result<Response, StatusCode> {
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let request = axum::http::Request::get(uri).body(Empty::new()).map_err(|_| StatusCode::BAD_REQUEST)?;
    let response = timeout(time, client.request(request)).await.map_err(|_| StatusCode::GATEWAY_TIMEOUT)?;
    let (head, body) = response.map_err(|_| StatusCode::BAD_GATEWAY)?.into_parts();
    let body = timeout(time, body.collect()).await.map_err(|_| StatusCode::GATEWAY_TIMEOUT)?;
    Ok((head.status, body.map_err(|_| StatusCode::BAD_GATEWAY)?.to_bytes()).into_response())
}
