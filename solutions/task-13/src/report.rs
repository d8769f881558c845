//! How the drain went.

use std::fmt;
use std::process::ExitCode;
use std::time::Duration;

/// What a drain says of itself, whatever its outcome.
pub struct Report {
    /// How it ended.
    pub outcome: Outcome,
    /// From the signal to the end of the drain.
    pub duration: Duration,
    /// How many messages were being processed, and were cut off.
    pub abandoned: usize,
}

/// How a drain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All that had been begun was processed and committed, and the group has been left.
    Complete,
    /// The time was over before that.
    DeadlineExceeded,
    /// Kafka has refused what was to be committed.
    Failed,
}

impl Report {
    /// 0 if all went well, else 1.
    pub fn exit_code(&self) -> ExitCode {
        if self.outcome == Outcome::Complete { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { outcome, duration, abandoned } = self;
        let outcome = match outcome {
            Outcome::Complete => "complete",
            Outcome::DeadlineExceeded => "deadline_exceeded",
            Outcome::Failed => "failed",
        };
        write!(f, "drain outcome={outcome} duration={duration:?} abandoned={abandoned}")
    }
}
