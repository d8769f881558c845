//! The counter, its guards, and the wait.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

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
    state: watch::Sender<State>,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    arrivals: u64,
    departures: u64,
}

impl InFlight {
    /// Nothing is in flight.
    pub fn new() -> Self {
        Self::default()
    }

    /// A piece of work begins; it ends when the guard is dropped.
    pub fn enter(&self, kind: Kind) -> Guard<'_> {
        Guard { in_flight: self, counts: self.arrive(kind) }
    }

    /// The same, with a guard that borrows nothing: it can be moved to another task.
    pub fn enter_owned(self: &Arc<Self>, kind: Kind) -> OwnedGuard {
        OwnedGuard { counts: self.arrive(kind), in_flight: self.clone() }
    }

    /// How much work is in flight.
    pub fn count(&self) -> usize {
        self.state.borrow().in_flight()
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
        let begun = Instant::now();
        let idle = timeout_at(deadline, self.idle()).await;
        let duration = begun.elapsed();
        idle.map(|()| Idle { duration }).map_err(|_| DeadlineExceeded { duration, in_flight: self.count() })
    }

    async fn idle(&self) {
        let mut state = self.state.subscribe();
        loop {
            let idle = state.borrow_and_update().in_flight() == 0;
            // Each arrival and each departure is a change, also if it is taken back by the time somebody looks.
            let limit = if idle { QUIET } else { Duration::MAX };
            if timeout(limit, state.changed()).await.is_err() {
                return;
            }
        }
    }

    fn arrive(&self, kind: Kind) -> bool {
        let counts = kind == Kind::Work;
        if counts {
            self.state.send_modify(|state| state.arrivals += 1);
        }
        counts
    }

    fn depart(&self) {
        self.state.send_modify(|state| state.departures += 1);
    }
}

impl State {
    fn in_flight(self) -> usize {
        usize::try_from(self.arrivals - self.departures).expect("no more than there is memory for")
    }
}

/// One piece of work. Dropped, it is over.
#[must_use = "dropped at once, it counts for nothing"]
#[derive(Debug)]
pub struct Guard<'a> {
    in_flight: &'a InFlight,
    counts: bool,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if self.counts {
            self.in_flight.depart();
        }
    }
}

/// One piece of work that can be moved to another task. Dropped, it is over.
#[must_use = "dropped at once, it counts for nothing"]
#[derive(Debug)]
pub struct OwnedGuard {
    in_flight: Arc<InFlight>,
    counts: bool,
}

impl Drop for OwnedGuard {
    fn drop(&mut self) {
        if self.counts {
            self.in_flight.depart();
        }
    }
}
