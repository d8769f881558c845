//! How it ended.

use std::fmt;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitCode, ExitStatus};
use std::time::Duration;

/// How it ended with the child.
pub enum Ending {
    /// Nobody had asked it to.
    Unasked(ExitStatus),
    /// It was told to drain.
    Drained(Drained),
}

/// How the drain went.
pub struct Drained {
    /// How the child ended.
    pub status: ExitStatus,
    /// Whether it ended before the deadline, and so by itself.
    pub in_time: bool,
    /// From the signal to the end of the drain.
    pub duration: Duration,
}

impl Ending {
    /// The child's own, as a shell has it: 128 and the number of the signal, if one has ended it. 1 if that would be
    /// zero and all is not well.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Unasked(status) => ExitCode::from(code(*status).max(1)),
            Self::Drained(drained) if drained.in_time => ExitCode::from(code(drained.status)),
            Self::Drained(_) => ExitCode::FAILURE,
        }
    }
}

fn code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Drained { status, in_time, duration } = match self {
            Self::Unasked(status) => return write!(f, "the child has ended, and nobody had asked: {status}"),
            Self::Drained(drained) => drained,
        };
        let (outcome, abandoned) = match (in_time, status.success()) {
            (true, true) => ("complete", 0),
            (true, false) => ("failed", 0),
            (false, _) => ("deadline_exceeded", 1),
        };
        write!(f, "drain outcome={outcome} duration={duration:?} abandoned={abandoned}")
    }
}
