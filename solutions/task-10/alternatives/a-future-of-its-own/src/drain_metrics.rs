//! What is registered, and the drain that leaves its sample there.

use std::io::{self, Write};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use prometheus::core::Collector;
use prometheus::{Histogram, HistogramOpts, IntGauge, Opts, Registry, Result as Registered};
use tokio::task::coop::unconstrained;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::in_flight::Entered;
use crate::outcome::DrainError;

#[derive(Clone, Copy, PartialEq)]
enum Outcome {
    Complete,
    DeadlineExceeded,
    Failed,
}

impl Outcome {
    const ALL: [Self; 3] = [Self::Complete, Self::DeadlineExceeded, Self::Failed];

    fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::Failed => "failed",
        }
    }
}

/// The metrics of a pool: how long its drains took, and how much is in flight. Clones count together.
#[derive(Clone, Debug)]
pub struct DrainMetrics {
    /// In the order of `Outcome::ALL`.
    durations: Vec<Histogram>,
    in_flight: IntGauge,
}

impl DrainMetrics {
    /// Registers `drain_duration_seconds` and `work_in_flight` for this pool, whose drains take about `budget` at most.
    ///
    /// # Errors
    ///
    /// If `registry` has metrics of these names for this pool already. Then nothing has changed.
    pub fn register(registry: &Registry, pool: &str, budget: Duration) -> Registered<Self> {
        // Each half as long again as the one before: twelve steps from a fortieth to two budgets.
        let bounds = prometheus::exponential_buckets(budget.as_secs_f64() / 40.0, 1.5, 12)?;
        let histogram = |outcome: Outcome| {
            let options = HistogramOpts::new(
                "drain_duration_seconds",
                "Time from the beginning of a drain to its end.",
            )
            .const_label("pool", pool)
            .const_label("outcome", outcome.name())
            .buckets(bounds.clone());
            Histogram::with_opts(options)
        };
        let durations = Outcome::ALL.into_iter().map(histogram).collect::<Registered<Vec<_>>>()?;
        let in_flight = Opts::new("work_in_flight", "Work that is not done.").const_label("pool", pool);
        let in_flight = IntGauge::with_opts(in_flight)?;

        let all = durations.iter().map(|it| Box::new(it.clone()) as Box<dyn Collector>);
        let all = all.chain([Box::new(in_flight.clone()) as Box<dyn Collector>]);
        for (done, collector) in all.enumerate() {
            if let Err(error) = registry.register(collector) {
                for one in &durations[..done.min(durations.len())] {
                    registry.unregister(Box::new(one.clone()))?;
                }
                return Err(error);
            }
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
        let time_is_up = Box::pin(sleep_until(deadline));
        Drain { metrics: self, begun: Instant::now(), work: Some(Box::pin(work)), time_is_up }.await
    }
}

struct Drain<'a, F> {
    metrics: &'a DrainMetrics,
    begun: Instant,
    /// Nothing once the drain has its sample.
    work: Option<Pin<Box<F>>>,
    time_is_up: Pin<Box<Sleep>>,
}

impl<F> Drain<'_, F> {
    /// Returns what was abandoned.
    fn end(&mut self, outcome: Outcome) -> usize {
        let duration = self.begun.elapsed();
        let abandoned = if outcome == Outcome::Complete { 0 } else { self.metrics.in_flight() };
        for (it, histogram) in Outcome::ALL.into_iter().zip(&self.metrics.durations) {
            if it == outcome {
                histogram.observe(duration.as_secs_f64());
            }
        }
        let outcome = outcome.name();
        let _ = writeln!(io::stderr(), "drain outcome={outcome} duration={duration:?} abandoned={abandoned}");
        self.work = None;
        abandoned
    }
}

impl<E, F: Future<Output = Result<(), E>>> Future for Drain<'_, F> {
    type Output = Result<(), DrainError<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let work = this.work.as_mut().expect("a future that is ready is not polled again");
        if let Poll::Ready(ended) = work.as_mut().poll(cx) {
            this.end(if ended.is_ok() { Outcome::Complete } else { Outcome::Failed });
            return Poll::Ready(ended.map_err(DrainError::Failed));
        }
        // Also if the work has used up what tokio lets a task do without a pause.
        pin!(unconstrained(this.time_is_up.as_mut())).poll(cx).map(|()| {
            let abandoned = this.end(Outcome::DeadlineExceeded);
            Err(DrainError::DeadlineExceeded { abandoned })
        })
    }
}

impl<F> Drop for Drain<'_, F> {
    fn drop(&mut self) {
        if self.work.is_some() {
            self.end(Outcome::Failed);
        }
    }
}
