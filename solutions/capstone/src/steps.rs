//! One deadline for a drain of several steps, of which none can eat up another's time.

use std::fmt;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

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
        self.progress.enter(phase);
        let began = Instant::now();
        let left = self.deadline.saturating_duration_since(began);
        let share = left * weight / self.weight.max(weight);
        self.weight = self.weight.saturating_sub(weight);
        eprintln!("drain step={phase} begins share={share:.3?}");
        let done = timeout_at(began + share, work).await.ok();
        self.in_time &= done.is_some();
        let outcome = if done.is_some() { "complete" } else { "deadline_exceeded" };
        eprintln!("{}", Step { phase, outcome, duration: began.elapsed() });
        done
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

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_step_that_hangs_leaves_the_others_their_share() {
        let mut steps = Steps::begin(Duration::from_secs(10), 10, Progress::default());
        assert_eq!(steps.step(Phase::Requests, 6, pending::<()>()).await, None);
        assert_eq!(steps.duration(), Duration::from_secs(6));
        assert_eq!(steps.step(Phase::Events, 3, async { 7 }).await, Some(7));
        assert_eq!(steps.step(Phase::Connections, 1, pending::<()>()).await, None);
        assert_eq!(steps.duration(), Duration::from_secs(10), "what the second has not used is the third's");
        assert!(!steps.all_in_time());
    }
}
