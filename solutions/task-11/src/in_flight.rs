//! The counter, its guards, and the wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::yield_now;
use tokio::time::{Instant, timeout_at};

use crate::lines::{Lines, Seen};
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
    lines: Lines,
    /// Somebody waits, and has not been told of a departure since he has looked.
    armed: AtomicBool,
    departure: Notify,
}

/// A time in which nothing was in flight so far.
struct Window {
    seen: Seen,
    end: Instant,
}

impl InFlight {
    /// Nothing is in flight.
    pub fn new() -> Self {
        Self::default()
    }

    /// A piece of work begins; it ends when the guard is dropped.
    #[inline]
    pub fn enter(&self, kind: Kind) -> Guard<'_> {
        Guard { in_flight: self, line: self.arrive(kind) }
    }

    /// The same, with a guard that borrows nothing: it can be moved to another task.
    #[inline]
    pub fn enter_owned(self: &Arc<Self>, kind: Kind) -> OwnedGuard {
        OwnedGuard { line: self.arrive(kind), in_flight: self.clone() }
    }

    /// How much work is in flight.
    pub fn count(&self) -> usize {
        self.lines.look().in_flight()
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
        // Polls the wait first, and so it is idle if both come at the same time.
        let idle = timeout_at(deadline, self.idle()).await;
        let duration = begun.elapsed();
        idle.map(|()| Idle { duration }).map_err(|_| DeadlineExceeded { duration, in_flight: self.count() })
    }

    async fn idle(&self) {
        let mut window: Option<Window> = None;
        loop {
            // First the ear, then the flag, then the look: whoever leaves after the look sees the flag, and is heard.
            let departure = self.departure.notified();
            self.armed.store(true, SeqCst);
            let seen = self.lines.look();
            let begins = || (seen.in_flight() == 0).then(|| Window { seen, end: Instant::now() + QUIET });
            window = window.filter(|window| window.seen == seen).or_else(begins);
            match &window {
                Some(Window { seen, end }) => {
                    let over = timeout_at(*end, departure).await.is_err();
                    if over && self.lines.look() == *seen {
                        return;
                    }
                }
                None => departure.await,
            }
            // Under load somebody leaves all the time. Others get their turn, and the deadline too.
            yield_now().await;
        }
    }

    /// Where it is counted, if it is.
    #[inline]
    fn arrive(&self, kind: Kind) -> Option<usize> {
        (kind == Kind::Work).then(|| self.lines.enter())
    }

    #[inline]
    fn depart(&self, line: Option<usize>) {
        if let Some(line) = line
            && self.lines.leave(line)
            && self.armed.load(SeqCst)
        {
            self.tell();
        }
    }

    /// Tells those who wait, once for each time they ask.
    #[cold]
    fn tell(&self) {
        if self.armed.swap(false, SeqCst) {
            self.departure.notify_waiters();
        }
    }
}

/// One piece of work. Dropped, it is over.
#[must_use = "dropped at once, it counts for nothing"]
#[derive(Debug)]
pub struct Guard<'a> {
    in_flight: &'a InFlight,
    line: Option<usize>,
}

impl Drop for Guard<'_> {
    #[inline]
    fn drop(&mut self) {
        self.in_flight.depart(self.line);
    }
}

/// One piece of work that can be moved to another task. Dropped, it is over.
#[must_use = "dropped at once, it counts for nothing"]
#[derive(Debug)]
pub struct OwnedGuard {
    in_flight: Arc<InFlight>,
    line: Option<usize>,
}

impl Drop for OwnedGuard {
    #[inline]
    fn drop(&mut self) {
        self.in_flight.depart(self.line);
    }
}
