//! One deadline for a drain of several steps, of which none can eat up another's time.

use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

/// How the time that is left is shared out, and how the steps went so far.
pub struct Steps {
    began: Instant,
    deadline: Instant,
    /// Of the steps that are still to come, together.
    weight: u32,
    in_time: bool,
}

/// How one step went.
struct Step {
    name: &'static str,
    outcome: &'static str,
    duration: Duration,
}

impl Steps {
    /// The drain begins now, and has so long; its steps have these weights, together.
    pub fn begin(budget: Duration, weight: u32) -> Self {
        let began = Instant::now();
        Self { began, deadline: began + budget, weight, in_time: true }
    }

    /// Does one step, in its share of the time that is left: what an earlier one has not used is there for all
    /// that follow. Says how it went. `None` if it was not done in time; then it is dropped.
    pub async fn step<T>(
        &mut self,
        name: &'static str,
        weight: u32,
        work: impl Future<Output = T>,
    ) -> Option<T> {
        let _ = (name, weight, work);
        todo!("do the work within its share of the time that is left, and say on stderr how it went")
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
        let Self { name, outcome, duration } = self;
        write!(f, "drain step={name} ends outcome={outcome} duration={duration:.3?}")
    }
}
