//! Whether the drain has begun, and how long calls have then.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// The budget divided by this is kept for the answers to those who wait for a call.
const RESERVED_SHARE: u32 = 10;

/// Ends the calls that are in flight when the drain has used nine tenths of its budget. Clones know the same.
#[derive(Clone, Debug, Default)]
pub struct Drain {
    calls_end: watch::Sender<Option<Instant>>,
    over: CancellationToken,
}

impl Drain {
    /// The drain begins now. It may take so long.
    pub fn begin(&self, budget: Duration) {
        let end = Instant::now() + budget - budget / RESERVED_SHARE;
        self.calls_end.send_replace(Some(end));
        let over = self.over.clone();
        tokio::spawn(async move {
            sleep_until(end).await;
            over.cancel();
        });
    }

    /// When all calls must have ended: `None` as long as the drain has not begun.
    pub fn calls_end(&self) -> Option<Instant> {
        *self.calls_end.borrow()
    }

    /// Waits until calls must have ended.
    pub async fn calls_are_over(&self) {
        self.over.cancelled().await;
    }
}
