//! How far the service is on its way out.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

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
pub struct Progress(Arc<AtomicUsize>);

impl Progress {
    /// The phase that was entered last; at first, [`Phase::Running`].
    pub fn now(&self) -> Phase {
        Phase::ALL[self.0.load(Ordering::SeqCst)]
    }

    /// From now on it is this one.
    pub fn enter(&self, phase: Phase) {
        self.0.store(phase as usize, Ordering::SeqCst);
    }
}
