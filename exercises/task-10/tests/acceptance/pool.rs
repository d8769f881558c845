//! A pool that is measured, and what a scraper would read of it.

use std::future::Future;
use std::time::Duration;

use drain_kit::{Exposition, Scenario, secs};
use prometheus::{Registry, TextEncoder};
use task_10::{DrainError, DrainMetrics};
use tokio::time::{Instant, sleep};

pub(crate) const OUTCOMES: [&str; 3] = ["complete", "deadline_exceeded", "failed"];

pub(crate) struct Pool<'a> {
    scenario: &'a Scenario,
    name: &'static str,
    pub(crate) registry: Registry,
    pub(crate) metrics: DrainMetrics,
}

impl<'a> Pool<'a> {
    /// In a registry of its own.
    pub(crate) fn new(scenario: &'a Scenario) -> Self {
        Self::registered(scenario, &Registry::new(), "http", secs(10))
    }

    #[track_caller]
    pub(crate) fn registered(
        scenario: &'a Scenario,
        registry: &Registry,
        name: &'static str,
        budget: Duration,
    ) -> Self {
        let metrics = DrainMetrics::register(registry, name, budget).unwrap_or_else(|error| {
            let expected =
                format!("Ok from register, of the pool {name} for the first time in this registry");
            scenario.fail(expected, error)
        });
        Self { scenario, name, registry: registry.clone(), metrics }
    }

    /// Drains for at most ten seconds of the paused clock.
    pub(crate) async fn drain<E>(
        &self,
        work: impl Future<Output = Result<(), E>>,
    ) -> Result<(), DrainError<E>> {
        let drained = self.metrics.drain(Instant::now() + secs(10), work);
        self.scenario.wait_at_most(secs(60), "the drain to return", drained).await
    }

    #[track_caller]
    pub(crate) fn scrape(&self) -> Exposition {
        let text = TextEncoder::new().encode_to_string(&self.registry.gather());
        let read = text.map_err(|error| error.to_string()).and_then(|text| Exposition::parse(&text));
        read.unwrap_or_else(|wrong| self.scenario.fail("metrics in the text format", wrong))
    }

    /// Requires so many samples of each outcome.
    #[track_caller]
    pub(crate) fn require_samples(&self, expected: [u64; 3], when: &str) {
        let scraped = self.scrape();
        let count = |outcome| {
            let labels = [("pool", self.name), ("outcome", outcome)];
            scraped.value("drain_duration_seconds_count", &labels)
        };
        self.scenario.require(
            OUTCOMES.map(count) == expected.map(|count| Some(count as f64)),
            format!("{when}: samples of {}: {}", self.name, shown(expected.map(|it| Some(it as f64)))),
            shown(OUTCOMES.map(count)),
        );
    }

    /// Requires that the samples of this outcome add up to this time, or up to 10 ms more, in seconds.
    #[track_caller]
    pub(crate) fn require_sum(&self, outcome: &str, expected: Duration) {
        let sum = self.sum(outcome);
        let (least, most) = (expected.as_secs_f64() - 1e-6, expected.as_secs_f64() + 0.01);
        self.scenario.require(
            (least..=most).contains(&sum),
            format!("drain_duration_seconds_sum{{outcome=\"{outcome}\"}} {}", expected.as_secs_f64()),
            sum,
        );
    }

    pub(crate) fn count(&self, outcome: &str) -> f64 {
        let labels = [("pool", self.name), ("outcome", outcome)];
        self.scrape().value("drain_duration_seconds_count", &labels).unwrap_or(f64::NAN)
    }

    pub(crate) fn sum(&self, outcome: &str) -> f64 {
        let labels = [("pool", self.name), ("outcome", outcome)];
        self.scrape().value("drain_duration_seconds_sum", &labels).unwrap_or(f64::NAN)
    }

    /// Requires so much in flight, for who asks the gauge and for who asks the pool.
    #[track_caller]
    pub(crate) fn require_in_flight(&self, expected: usize, when: &str) {
        let gauge = self.scrape().value("work_in_flight", &[("pool", self.name)]);
        let told = self.metrics.in_flight();
        self.scenario.require(
            gauge == Some(expected as f64) && told == expected,
            format!("{when}: {expected} in flight in {}", self.name),
            format!("work_in_flight {gauge:?}, in_flight() {told}"),
        );
    }
}

fn shown(counts: [Option<f64>; 3]) -> String {
    let word = |count: Option<f64>| count.map_or("none".to_owned(), |count| count.to_string());
    let each = OUTCOMES.iter().zip(counts).map(|(outcome, count)| format!("{outcome} {}", word(count)));
    each.collect::<Vec<_>>().join(", ")
}

/// Work of a drain that takes so long, and ends so.
pub(crate) async fn ends<E>(after: Duration, how: Result<(), E>) -> Result<(), E> {
    sleep(after).await;
    how
}
