//! The counter, its guards, and the wait.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::outcome::{DeadlineExceeded, Idle};

/// How long nothing may have been in flight.
pub const QUIET: Duration = Duration::from_millis(200);

/// Who comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Somebody who wants something: to be waited for.
    Work,
    /// Somebody who only looks whether the service is there. Not counted.
    Probe,
}

/// Counts the work in flight.
///
/// Share it among tasks in an [`Arc`].
#[derive(Debug, Default)]
pub struct InFlight {
    // TODO: what is in flight, and what those who wait have to know.
}

impl InFlight {
    /// Nothing is in flight.
    pub fn new() -> Self {
        Self::default()
    }

    /// A piece of work begins; it ends when the guard is dropped.
    pub fn enter(&self, kind: Kind) -> Guard<'_> {
        todo!("count {kind:?} in, if it counts, until the guard is dropped")
    }

    /// The same, with a guard that borrows nothing: it can be moved to another task.
    pub fn enter_owned(self: &Arc<Self>, kind: Kind) -> OwnedGuard {
        todo!("count {kind:?} in, if it counts, until the guard is dropped")
    }

    /// How much work is in flight.
    pub fn count(&self) -> usize {
        todo!("how much work is in flight")
    }

    /// Waits until nothing has been in flight for [`QUIET`] without a break, counted from the first poll.
    ///
    /// Any number of calls may wait. Dropped, this changes nothing, and nothing of it is left.
    ///
    /// # Errors
    ///
    /// [`DeadlineExceeded`] at `deadline`, or at once if that has passed. A window that ends in the very moment of the
    /// deadline is over.
    pub async fn wait_idle(&self, deadline: Instant) -> Result<Idle, DeadlineExceeded> {
        todo!("wait until nothing has been in flight for {QUIET:?}, or until {deadline:?}")
    }
}

/// One piece of work. Dropped, it is over.
#[must_use = "dropped at once, it counts for nothing"]
#[derive(Debug)]
pub struct Guard<'a> {
    // TODO: where it is counted.
    _in_flight: &'a InFlight,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        todo!("count it out, if it was counted in, and tell those who wait if they have to know")
    }
}

/// One piece of work that can be moved to another task. Dropped, it is over.
#[must_use = "dropped at once, it counts for nothing"]
#[derive(Debug)]
pub struct OwnedGuard {
    // TODO: where it is counted.
    _in_flight: Arc<InFlight>,
}

impl Drop for OwnedGuard {
    fn drop(&mut self) {
        todo!("count it out, if it was counted in, and tell those who wait if they have to know")
    }
}
