//! Whether the drain has begun, and how long calls have then.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The budget divided by this is kept for the answers to those who wait for a call.
const RESERVED_SHARE: u32 = 10;

/// Tells those who wait for another service that the drain has begun. Clones know the same.
#[derive(Clone, Debug, Default)]
pub struct Drain {
    calls_end: Arc<OnceLock<Instant>>,
    begun: CancellationToken,
}

impl Drain {
    /// The drain begins now. It may take so long.
    pub fn begin(&self, budget: Duration) {
        let _ = self.calls_end.set(Instant::now() + budget - budget / RESERVED_SHARE);
        self.begun.cancel();
    }

    /// When all calls must have ended: `None` as long as the drain has not begun.
    pub fn calls_end(&self) -> Option<Instant> {
        self.calls_end.get().copied()
    }

    /// Waits until the drain has begun. From then on [`calls_end`](Self::calls_end) is known.
    ///
    /// Cancel safe.
    pub async fn begun(&self) {
        self.begun.cancelled().await;
    }
}
