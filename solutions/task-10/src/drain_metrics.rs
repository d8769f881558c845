//! What is registered, and the drain that leaves its sample there.

use std::io::{self, Write};
use std::pin::pin;
use std::time::Duration;

use prometheus::{HistogramOpts, HistogramVec, IntGauge, Opts, Registry, Result as Registered};
use tokio::time::{Instant, timeout_at};

use crate::in_flight::Entered;
use crate::outcome::DrainError;

const COMPLETE: &str = "complete";
const DEADLINE_EXCEEDED: &str = "deadline_exceeded";
const FAILED: &str = "failed";

/// The upper bounds of the buckets, in budgets. A drain that is cut off is a little longer than its budget.
const BOUNDS: [f64; 11] = [0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.5, 2.0];

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
        let durations = HistogramOpts::new("drain_duration_seconds", "How long drains took, by outcome.")
            .const_label("pool", pool)
            .buckets(BOUNDS.map(|bound| bound * budget.as_secs_f64()).to_vec());
        let durations = HistogramVec::new(durations, &["outcome"])?;
        // A series that begins with its first sample has not grown by it.
        for outcome in [COMPLETE, DEADLINE_EXCEEDED, FAILED] {
            durations.with_label_values(&[outcome]);
        }
        let in_flight = Opts::new("work_in_flight", "Work that has begun and has not ended.");
        let in_flight = IntGauge::with_opts(in_flight.const_label("pool", pool))?;

        registry.register(Box::new(durations.clone()))?;
        if let Err(error) = registry.register(Box::new(in_flight.clone())) {
            registry.unregister(Box::new(durations))?;
            return Err(error);
        }
        Ok(Self { durations, in_flight })
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
        let mut work = pin!(work);
        // After the work, and so dropped before it: what the work holds is still in flight.
        let mut measured = Measured { metrics: self, begun: Instant::now(), outcome: FAILED };
        // By reference, or it is dropped with the time-out, and nothing is in flight any more.
        match timeout_at(deadline, work.as_mut()).await {
            Ok(Ok(())) => {
                measured.outcome = COMPLETE;
                Ok(())
            }
            Ok(Err(error)) => Err(DrainError::Failed(error)),
            Err(_) => {
                measured.outcome = DEADLINE_EXCEEDED;
                Err(DrainError::DeadlineExceeded { abandoned: measured.abandoned() })
            }
        }
    }
}

/// A drain that has begun. Its end is where this is dropped, whatever the reason.
struct Measured<'a> {
    metrics: &'a DrainMetrics,
    begun: Instant,
    outcome: &'static str,
}

impl Measured<'_> {
    fn abandoned(&self) -> usize {
        if self.outcome == COMPLETE { 0 } else { self.metrics.in_flight() }
    }
}

impl Drop for Measured<'_> {
    fn drop(&mut self) {
        // Read once: the sample and the line are about the same drain.
        let duration = self.begun.elapsed();
        let (outcome, abandoned) = (self.outcome, self.abandoned());
        self.metrics.durations.with_label_values(&[outcome]).observe(duration.as_secs_f64());
        // Not `eprintln`, which may panic, and that here, in a panic, would be the end of the process.
        let _ = writeln!(io::stderr(), "drain outcome={outcome} duration={duration:?} abandoned={abandoned}");
    }
}
