//! One deadline for a drain of several steps, of which none can eat up another's time.

use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

use crate::phase::{Phase, Progress};

/// How the time that is left is shared out, and how the steps went so far.
pub struct Steps {
    began: Instant,
    deadline: Instant,
    /// Of the steps that are still to come, together.
    weight: u32,
    in_time: bool,
    progress: Progress,
}

/// How one step went.
struct Step {
    phase: Phase,
    outcome: &'static str,
    duration: Duration,
}

impl Steps {
    /// The drain begins now, and has so long; its steps have these weights, together.
    pub fn begin(budget: Duration, weight: u32, progress: Progress) -> Self {
        let began = Instant::now();
        Self { began, deadline: began + budget, weight, in_time: true, progress }
    }

    /// Does one step, which is a phase, in its share of the time that is left: what an earlier one has not used is
    /// there for all that follow. Says how it went. `None` if it was not done in time; then it is dropped.
    pub async fn step<T>(&mut self, phase: Phase, weight: u32, work: impl Future<Output = T>) -> Option<T> {
        let _ = (phase, weight, work);
        todo!(
            "enter the phase, do the work within its share of the time that is left, say on stderr how it went"
        )
    }

    /// From the beginning until now.
    pub fn duration(&self) -> Duration {
        self.began.elapsed()
    }

    /// Whether every step was done within its share.
    pub fn all_in_time(&self) -> bool {
        self.in_time
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { phase, outcome, duration } = self;
        write!(f, "drain step={phase} ends outcome={outcome} duration={duration:.3?}")
    }
}
