//! How a wait has ended. Both are shown as the report of a drain.

use std::error::Error;
use std::fmt;
use std::time::Duration;

/// Nothing has been in flight for as long as it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Idle {
    /// From the first poll of the call to its return.
    pub duration: Duration,
}

impl fmt::Display for Idle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "drain outcome=complete duration={:?} abandoned=0", self.duration)
    }
}

/// The deadline came before the service was idle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeadlineExceeded {
    /// From the first poll of the call to its return.
    pub duration: Duration,
    /// How many pieces of work were in flight then. None, if there was one not long before.
    pub in_flight: usize,
}

impl fmt::Display for DeadlineExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { duration, in_flight } = self;
        write!(f, "drain outcome=deadline_exceeded duration={duration:?} abandoned={in_flight}")
    }
}

impl Error for DeadlineExceeded {}
