//! What work there is, and which of it is accepted when.

use std::error::Error;
use std::fmt;

/// What is asked of us, by how long it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Done in a moment: accepted until the drain.
    Short,
    /// Takes so long that a drain would have to wait for it: accepted until the quiesce.
    Long,
}

/// How far the shutdown is. There is no way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// There is none: all work is accepted.
    Running,
    /// Short work is accepted, long work is not.
    Quiescing,
    /// No work is accepted; also when the drain is over.
    Draining,
}

impl Phase {
    /// All of them, in their order.
    pub const ALL: [Self; 3] = [Self::Running, Self::Quiescing, Self::Draining];
}

/// `running`, `quiescing`, `draining`.
impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Running => "running",
            Self::Quiescing => "quiescing",
            Self::Draining => "draining",
        })
    }
}

/// Why work is not accepted. Another instance may take it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is long, and the shutdown has begun.
    Quiescing,
    /// The drain has begun.
    Draining,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Quiescing => "no long work any more: the shutdown has begun",
            Self::Draining => "no work any more: the drain has begun",
        })
    }
}

impl Error for Refused {}
