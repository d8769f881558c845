//! How a drain went.

use std::fmt;
use std::time::Duration;

use crate::failure::{Cause, Failure};

/// What a drain says of itself. Shown as `drain outcome=complete duration=1.5s abandoned=0`.
#[derive(Clone, Debug)]
pub struct Report {
    /// From the beginning of the drain to its end.
    pub duration: Duration,
    /// What went wrong, in the order in which the components were drained. Empty if all went well.
    pub failures: Vec<Failure>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cut_off = |failure: &&Failure| matches!(failure.cause, Cause::DeadlineExceeded);
        let abandoned = self.failures.iter().filter(cut_off).count();
        let outcome = match self.failures.len() {
            0 => "complete",
            _ if abandoned > 0 => "deadline_exceeded",
            _ => "failed",
        };
        write!(f, "drain outcome={outcome} duration={:?} abandoned={abandoned}", self.duration)
    }
}
