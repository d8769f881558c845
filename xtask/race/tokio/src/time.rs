//! `tokio::time`: a time that is not modelled.
//!
//! A sleep is over at once, unless it lasts for years. A time-out strikes where the scenario wants it to
//! ([`trigger_timeouts`]), and when nobody else can go on: those who wait for it would wait for ever. Where a
//! scenario is about time, it is [`modelled`]: then a sleep, too, is over when nobody else can go on.

mod idle;
mod modelled;
mod sleep;

use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use shuttle_tokio::time as shuttles;

use error::Elapsed;
use idle::Idle;

pub use idle::clock;
pub use modelled::{Modelled, modelled};
pub use shuttle_tokio::time::*;
pub use sleep::{Interval, Sleep, interval, interval_at, sleep, sleep_until};

/// A deadline further away than this does not come.
const NEVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);

pin_project! {
    /// A future with a deadline.
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Timeout<F> {
        #[pin]
        triggered: shuttles::Timeout<F>,
        idle: Option<Idle>,
    }
}

/// Strikes when the scenario says so, or when nobody can go on.
pub fn timeout<F: IntoFuture>(after: Duration, future: F) -> Timeout<F::IntoFuture> {
    let triggered = shuttles::timeout(after, future.into_future());
    Timeout { triggered, idle: (after < NEVER).then(|| Idle::after(after)) }
}

/// Strikes when the scenario says so, or when nobody can go on.
pub fn timeout_at<F: IntoFuture>(deadline: Instant, future: F) -> Timeout<F::IntoFuture> {
    timeout(deadline.saturating_duration_since(Instant::now()), future)
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(outcome) = this.triggered.poll(context) {
            return Poll::Ready(outcome);
        }
        match this.idle {
            Some(idle) => Pin::new(idle).poll(context).map(|()| Err(Elapsed::new())),
            None => Poll::Pending,
        }
    }
}
