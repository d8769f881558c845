//! The counter, its guards, and the wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};

use crate::outcome::{DeadlineExceeded, Idle};

/// One arrival, and one more in flight.
const ARRIVAL: u64 = 1 << 32 | 1;

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
    /// The upper half counts arrivals, the lower half what is in flight.
    state: AtomicU64,
    waiting: AtomicUsize,
    zero: Notify,
}

/// One who waits. Also one who is dropped.
struct Waiting<'a>(&'a InFlight);

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
        self.state.load(SeqCst) as u32 as usize
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
        let _waiting = Waiting::new(self);
        loop {
            let zero = self.zero.notified();
            let seen = self.state.load(SeqCst);
            let idle = seen as u32 == 0;
            let end = Instant::now() + QUIET;
            let over = tokio::select! {
                biased;
                () = sleep_until(end), if idle && end <= deadline => true,
                () = sleep_until(deadline) => {
                    return Err(DeadlineExceeded { duration: begun.elapsed(), in_flight: self.count() });
                }
                () = zero => false,
            };
            if over && self.state.load(SeqCst) == seen {
                return Ok(Idle { duration: begun.elapsed() });
            }
            yield_now().await;
        }
    }

    fn arrive(&self, kind: Kind) -> bool {
        let counts = kind == Kind::Work;
        if counts {
            self.state.fetch_add(ARRIVAL, SeqCst);
        }
        counts
    }

    fn depart(&self) {
        if self.state.fetch_sub(1, SeqCst) as u32 == 1 && self.waiting.load(SeqCst) > 0 {
            self.zero.notify_waiters();
        }
    }
}

impl<'a> Waiting<'a> {
    fn new(in_flight: &'a InFlight) -> Self {
        in_flight.waiting.fetch_add(1, SeqCst);
        Self(in_flight)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, SeqCst);
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
