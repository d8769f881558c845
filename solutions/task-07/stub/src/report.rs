//! How the drain of a group went.

use std::fmt;
use std::time::Duration;

/// What a component may fail with.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// What a group says of its drain, whatever its outcome.
#[derive(Debug)]
pub struct Report {
    /// What went wrong first, if anything did.
    pub failure: Option<Failure>,
    /// The components that were cut off at the deadline, in the order in which they were added.
    pub cut_off: Vec<String>,
    /// From the beginning of the drain to its end.
    pub duration: Duration,
}

/// A component that went wrong.
#[derive(Debug)]
pub struct Failure {
    /// Its name.
    pub component: String,
    /// What it did.
    pub cause: Cause,
}

/// What a component did wrong.
#[derive(Debug)]
pub enum Cause {
    /// It returned this error, before the drain or in it.
    Error(Error),
    /// It panicked, before the drain or in it.
    Panicked,
    /// It returned `Ok` before the drain, though nobody had asked it to end.
    Ended,
}

impl Report {
    /// Whether nothing went wrong, and all had drained by the deadline.
    pub fn is_complete(&self) -> bool {
        self.failure.is_none() && self.cut_off.is_empty()
    }
}

/// `drain outcome=deadline_exceeded duration=5.001s abandoned=1 cut_off=server`.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { failure, cut_off, duration } = self;
        let outcome = match (failure, cut_off.len()) {
            (Some(_), _) => "failed",
            (None, 0) => "complete",
            (None, _) => "deadline_exceeded",
        };
        write!(f, "drain outcome={outcome} duration={duration:?} abandoned={}", cut_off.len())?;
        if cut_off.is_empty() { Ok(()) } else { write!(f, " cut_off={}", cut_off.join(",")) }
    }
}

/// `heartbeat: no space left on device`.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { component, cause } = self;
        match cause {
            Cause::Error(error) => write!(f, "{component}: {error}"),
            Cause::Panicked => write!(f, "{component}: panicked"),
            Cause::Ended => write!(f, "{component}: ended, though nobody had asked it to"),
        }
    }
}
