//! How a drain went.

use std::error::Error;
use std::fmt;
use std::time::Duration;

/// The deadline of the drain came before the end of the last job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeadlineExceeded {
    /// The jobs that were cut off. At least one.
    pub abandoned: usize,
}

impl fmt::Display for DeadlineExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the drain's deadline came before the last job had ended: {} were cut off", self.abandoned)
    }
}

impl Error for DeadlineExceeded {}

/// Writes the line that a drain leaves behind: `duration` from the beginning of the quiesce to the end, `quiesce` of that
/// before the drain.
pub(crate) fn report(outcome: Result<(), DeadlineExceeded>, duration: Duration, quiesce: Duration) {
    let (outcome, abandoned) = match outcome {
        Ok(()) => ("complete", 0),
        Err(DeadlineExceeded { abandoned }) => ("deadline_exceeded", abandoned),
    };
    eprintln!("drain outcome={outcome} duration={duration:?} quiesce={quiesce:?} abandoned={abandoned}");
}
