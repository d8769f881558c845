//! How long the head of a request may take.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};
use tokio_util::sync::CancellationToken;

/// hyper has one clock for two things: a head that does not end, and a connection that is idle between
/// two requests. A long time-out lets half a request hold the drain; a short one closes connections that
/// clients are about to use again. This timer is patient while the server runs, and not once it drains.
pub struct HeadTimer {
    draining: CancellationToken,
}

impl HeadTimer {
    /// While the server runs.
    pub const PATIENCE: Duration = Duration::from_secs(30);
    /// Once it drains.
    const GRACE: Duration = Duration::from_millis(250);

    /// A timer for one connection.
    pub fn new(draining: CancellationToken) -> Self {
        Self { draining }
    }
}

impl Timer for HeadTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(Instant::now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        let draining = self.draining.clone();
        Box::pin(HeadSleep(Box::pin(async move {
            let grace = async {
                draining.cancelled().await;
                tokio::time::sleep(Self::GRACE).await;
            };
            tokio::select! {
                () = tokio::time::sleep_until(deadline.into()) => {}
                () = grace => {}
            }
        })))
    }
}

struct HeadSleep(Pin<Box<dyn Future<Output = ()> + Send + Sync>>);

impl Future for HeadSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(context)
    }
}

impl Sleep for HeadSleep {}
