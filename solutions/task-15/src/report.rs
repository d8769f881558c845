//! How the drain went.

use std::fmt;
use std::process::ExitCode;
use std::time::Duration;

/// What a drain says of itself, whatever its outcome.
pub struct Report {
    /// Whether every connection was closed by the deadline.
    pub outcome: Result<(), Overrun>,
    /// From the signal to the end of the drain.
    pub duration: Duration,
}

/// The deadline came first.
#[derive(Clone, Copy, Debug)]
pub struct Overrun {
    /// How many connections were cut off.
    pub abandoned: usize,
}

impl Report {
    /// 0 if all went well, else 1.
    pub fn exit_code(&self) -> ExitCode {
        if self.outcome.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (outcome, abandoned) = match self.outcome {
            Ok(()) => ("complete", 0),
            Err(Overrun { abandoned }) => ("deadline_exceeded", abandoned),
        };
        write!(f, "drain outcome={outcome} duration={:?} abandoned={abandoned}", self.duration)
    }
}
