//! How far the service is on its way out.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// What the service is at. There is no way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It asks for work.
    Running,
    /// It asks for none, and takes what comes from those who do not know yet.
    Window,
    /// What has been read is answered.
    Requests,
    /// What has been stored is told.
    Events,
    /// The database is left.
    Connections,
    /// It is only there for the last scrape.
    Over,
}

impl Phase {
    /// In this order.
    pub const ALL: [Self; 6] =
        [Self::Running, Self::Window, Self::Requests, Self::Events, Self::Connections, Self::Over];

    /// Those of the drain.
    pub const OF_THE_DRAIN: [Self; 4] = [Self::Window, Self::Requests, Self::Events, Self::Connections];
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Running => "running",
            Self::Window => "window",
            Self::Requests => "requests",
            Self::Events => "events",
            Self::Connections => "connections",
            Self::Over => "over",
        })
    }
}

/// The phase that it is. Clones share it.
///
/// It says what others should do, and changes nothing here: a service that is not ready still answers
/// whatever it is sent.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<[OnceLock<Instant>; Phase::ALL.len()]>);

impl Progress {
    /// The latest phase that was entered; at first, [`Phase::Running`].
    pub fn now(&self) -> Phase {
        let entered = |phase: &Phase| self.entered(*phase).is_some();
        Phase::ALL.into_iter().rfind(entered).unwrap_or(Phase::Running)
    }

    /// From now on it is this one.
    pub fn enter(&self, phase: Phase) {
        self.0[phase as usize].get_or_init(Instant::now);
    }

    /// How long a phase has taken, until now or until the next one was entered. Zero before it.
    pub fn took(&self, phase: Phase) -> Duration {
        let Some(entered) = self.entered(phase) else { return Duration::ZERO };
        let left = Phase::ALL.into_iter().skip(phase as usize + 1).find_map(|later| self.entered(later));
        left.unwrap_or_else(Instant::now) - entered
    }

    fn entered(&self, phase: Phase) -> Option<Instant> {
        self.0[phase as usize].get().copied()
    }
}
