//! One call of the service that is asked, with an end.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::header::HOST;
use axum::http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use crate::drain::Drain;

/// An attempt that fails is made again, until there were so many.
pub const ATTEMPTS: usize = 3;
/// Before the next attempt.
pub const PAUSE: Duration = Duration::from_millis(500);

/// The service that is asked.
#[derive(Clone)]
pub struct Downstream {
    address: SocketAddr,
    timeout: Duration,
    drain: Drain,
}

/// What it has answered, to the last byte.
pub struct Answer {
    /// Whatever it is: an error is an answer, too.
    pub status: StatusCode,
    pub body: Bytes,
}

/// Why there is no answer.
#[derive(Clone, Copy)]
pub enum CallFailed {
    /// There is none yet, and the time is over.
    TimedOut,
    /// The last attempt has failed, and there is no other.
    Failed,
}

/// When a call must end: it may become sooner.
struct End<'a> {
    own: Instant,
    drain: &'a Drain,
}

impl End<'_> {
    fn now_known(&self) -> Instant {
        self.drain.calls_end().map_or(self.own, |drain| drain.min(self.own))
    }

    /// Does this, as long as there is time.
    async fn bounds<T, E>(&self, step: impl Future<Output = Result<T, E>>) -> Result<T, CallFailed> {
        let mut step = std::pin::pin!(step);
        let mut heard = self.drain.calls_end().is_some();
        loop {
            tokio::select! {
                result = timeout_at(self.now_known(), step.as_mut()) => {
                    return match result {
                        Ok(done) => done.map_err(|_| CallFailed::Failed),
                        Err(_) => Err(CallFailed::TimedOut),
                    };
                }
                () = self.drain.begun(), if !heard => heard = true,
            }
        }
    }
}

impl Downstream {
    /// A call may take `timeout`, and less if `drain` has begun.
    pub fn new(address: SocketAddr, timeout: Duration, drain: Drain) -> Self {
        Self { address, timeout, drain }
    }

    /// Asks for `path`.
    ///
    /// # Errors
    ///
    /// If there is no whole answer in time.
    pub async fn call(&self, path: &str) -> Result<Answer, CallFailed> {
        let end = End { own: Instant::now() + self.timeout, drain: &self.drain };
        let mut attempts = 1;
        loop {
            let now = Instant::now();
            if now >= end.now_known() {
                return Err(CallFailed::TimedOut);
            }
            match self.attempt(path, &end).await {
                Err(CallFailed::Failed) if attempts < ATTEMPTS => {
                    if Instant::now() + PAUSE >= end.now_known() {
                        return Err(CallFailed::Failed);
                    }
                    let pause = async {
                        tokio::time::sleep(PAUSE).await;
                        Ok::<(), io::Error>(())
                    };
                    end.bounds(pause).await?;
                    attempts += 1;
                }
                result => return result,
            }
        }
    }

    async fn attempt(&self, path: &str, end: &End<'_>) -> Result<Answer, CallFailed> {
        let stream = end.bounds(TcpStream::connect(self.address)).await?;
        let (mut sender, connection) = end.bounds(http1::handshake(TokioIo::new(stream))).await?;
        let request = Request::get(path).header(HOST, self.address.to_string()).body(Empty::<Bytes>::new());
        let exchange = async {
            let response = sender.send_request(request.map_err(|_| CallFailed::Failed)?).await;
            let (head, body) = response.map_err(|_| CallFailed::Failed)?.into_parts();
            let body = body.collect().await.map_err(|_| CallFailed::Failed)?.to_bytes();
            Ok::<_, CallFailed>(Answer { status: head.status, body })
        };
        // The connection works only while it is polled, and is closed when it is dropped, with this.
        let both = async {
            tokio::select! {
                answer = exchange => answer,
                Err(_) = connection => Err(CallFailed::Failed),
            }
        };
        end.bounds(both).await
    }
}
