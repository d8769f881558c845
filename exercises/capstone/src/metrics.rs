//! What is measured.

use std::time::Duration;

use prometheus::{GaugeVec, HistogramOpts, HistogramVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder};

use crate::in_flight::InFlight;
use crate::phase::{Phase, Progress};
use crate::report::Report;

const COMPLETE: &str = "complete";
const DEADLINE_EXCEEDED: &str = "deadline_exceeded";
/// The bounds of the buckets, in budgets.
const BUCKETS: [f64; 7] = [0.05, 0.1, 0.2, 0.4, 0.7, 1.0, 1.5];

/// Clones count together.
#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    phase: IntGaugeVec,
    phases: GaugeVec,
    in_flight: IntGauge,
    outbox: IntGauge,
    drains: HistogramVec,
    progress: Progress,
    requests: InFlight,
}

impl Metrics {
    /// Of a service with this progress and these requests.
    ///
    /// # Errors
    ///
    /// If a name is no name, or there twice.
    pub fn register(budget: Duration, progress: Progress, requests: InFlight) -> prometheus::Result<Self> {
        let phase = Opts::new("shutdown_phase", "1 for the phase that it is");
        let phases = Opts::new("drain_phase_seconds", "How long a phase of the drain has taken so far");
        let in_flight = Opts::new("orders_in_flight", "Requests for orders that were read and not answered");
        let outbox = Opts::new("outbox_events", "Events of all instances that Kafka has not confirmed");
        let drains = HistogramOpts::new("drain_duration_seconds", "From the signal to the end of the drain")
            .buckets(BUCKETS.map(|bound| bound * budget.as_secs_f64()).to_vec());
        let metrics = Self {
            registry: Registry::new(),
            phase: IntGaugeVec::new(phase, &["phase"])?,
            phases: GaugeVec::new(phases, &["phase"])?,
            in_flight: IntGauge::with_opts(in_flight)?,
            outbox: IntGauge::with_opts(outbox)?,
            drains: HistogramVec::new(drains, &["outcome"])?,
            progress,
            requests,
        };
        // From the beginning: of a series that begins with 1 nobody can tell that it has grown.
        for outcome in [COMPLETE, DEADLINE_EXCEEDED] {
            metrics.drains.with_label_values(&[outcome]);
        }
        metrics.registry.register(Box::new(metrics.phase.clone()))?;
        metrics.registry.register(Box::new(metrics.phases.clone()))?;
        metrics.registry.register(Box::new(metrics.in_flight.clone()))?;
        metrics.registry.register(Box::new(metrics.outbox.clone()))?;
        metrics.registry.register(Box::new(metrics.drains.clone()))?;
        Ok(metrics)
    }

    /// For whoever knows how many events are in the outbox.
    pub fn outbox(&self) -> IntGauge {
        self.outbox.clone()
    }

    /// The drain is over, and this is how it went.
    pub fn drained(&self, report: &Report) {
        let outcome = if report.outcome.is_ok() { COMPLETE } else { DEADLINE_EXCEEDED };
        self.drains.with_label_values(&[outcome]).observe(report.duration.as_secs_f64());
        // In this order: whoever sees that it is over sees how it went.
        self.progress.enter(Phase::Over);
    }

    /// In Prometheus' text format.
    ///
    /// # Errors
    ///
    /// If the metrics cannot be written in it.
    pub fn expose(&self) -> prometheus::Result<String> {
        let now = self.progress.now();
        for phase in Phase::ALL {
            self.phase.with_label_values(&[&phase.to_string()]).set(i64::from(phase == now));
        }
        for phase in Phase::OF_THE_DRAIN {
            self.phases.with_label_values(&[&phase.to_string()]).set(self.progress.took(phase).as_secs_f64());
        }
        self.in_flight.set(i64::try_from(self.requests.now()).unwrap_or(i64::MAX));
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}
