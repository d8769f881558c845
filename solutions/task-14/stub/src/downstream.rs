//! One call of the service that is asked, with an end.

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::drain::Drain;

/// An attempt that fails is made again, until there were so many.
pub const ATTEMPTS: usize = 3;
/// Before the next attempt.
pub const PAUSE: Duration = Duration::from_millis(500);

/// The service that is asked.
#[derive(Clone)]
pub struct Downstream {
    client: Client<HttpConnector, Empty<Bytes>>,
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
pub enum CallFailed {
    /// There is none yet, and the time is over.
    TimedOut,
    /// The last attempt has failed, and there is no other.
    Failed,
}

impl Downstream {
    /// A call may take `timeout`, and less if `drain` has begun.
    pub fn new(address: SocketAddr, timeout: Duration, drain: Drain) -> Self {
        // A connection that is kept may have died unseen; each attempt has its own.
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http();
        Self { client, address, timeout, drain }
    }

    /// Asks for `path`. Everything counts: connecting, waiting, reading the body, other attempts and the
    /// pauses before them.
    ///
    /// # Errors
    ///
    /// If there is no whole answer in time.
    ///
    /// # Cancellation
    ///
    /// The call is given up, and its connection is closed.
    pub async fn call(&self, path: &str) -> Result<Answer, CallFailed> {
        todo!(
            "ask for {path}, up to {ATTEMPTS} times with {PAUSE:?} between, all of it within {:?}, or until the calls of {:?} end",
            self.timeout,
            self.drain
        )
    }

    /// Asks once. Nothing bounds it.
    ///
    /// # Errors
    ///
    /// If the connection is refused, or ends before the answer does.
    pub async fn attempt(&self, path: &str) -> Result<Answer, Box<dyn Error + Send + Sync>> {
        let request = Request::get(format!("http://{}{path}", self.address)).body(Empty::new())?;
        let response = self.client.request(request).await?;
        let status = response.status();
        // Passed on only when it is whole: then one that never ends is still a 504, and nothing is cut.
        let body = response.into_body().collect().await?.to_bytes();
        Ok(Answer { status, body })
    }
}
