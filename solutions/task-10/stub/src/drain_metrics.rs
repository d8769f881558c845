//! What is registered, and the drain that leaves its sample there.

use std::time::Duration;

use prometheus::{HistogramVec, IntGauge, Registry, Result as Registered};
use tokio::time::Instant;

use crate::in_flight::Entered;
use crate::outcome::DrainError;

/// The metrics of a pool: how long its drains took, and how much is in flight. Clones count together.
#[derive(Clone, Debug)]
pub struct DrainMetrics {
    durations: HistogramVec,
    in_flight: IntGauge,
}

impl DrainMetrics {
    /// Registers `drain_duration_seconds` and `work_in_flight` for this pool, whose drains take about `budget` at most.
    ///
    /// # Errors
    ///
    /// If `registry` has metrics of these names for this pool already. Then nothing has changed.
    pub fn register(registry: &Registry, pool: &str, budget: Duration) -> Registered<Self> {
        todo!(
            "register the histogram and the gauge of {pool} with {registry:?}, with buckets beyond {budget:?}"
        )
    }

    /// Counts a piece of work as in flight, until what is returned is dropped.
    pub fn enter(&self) -> Entered {
        Entered::new(&self.in_flight)
    }

    /// How much is in flight now.
    pub fn in_flight(&self) -> usize {
        usize::try_from(self.in_flight.get()).unwrap_or(0)
    }

    /// Drives `work`, which is the drain, to its end or until the deadline, and drops it. Leaves one sample and one line on
    /// stderr. The drain begins when this is first polled.
    ///
    /// Not cancel safe: if this is dropped, or if the work panics, the drain has ended, and has failed.
    ///
    /// # Errors
    ///
    /// If the deadline comes first, or the work fails.
    pub async fn drain<E>(
        &self,
        deadline: Instant,
        work: impl Future<Output = Result<(), E>>,
    ) -> Result<(), DrainError<E>> {
        let _work = work;
        todo!(
            "drive the work until {deadline:?}, and leave one sample in {:?} whatever comes of it",
            self.durations
        )
    }
}
