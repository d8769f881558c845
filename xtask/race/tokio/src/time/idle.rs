//! What strikes when nobody can go on.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::task::yield_now;

use super::clear_triggers;
use super::modelled::advance;

thread_local! {
    static TIMERS: RefCell<Timers> = const { RefCell::new(Timers::new()) };
}

struct Timers {
    /// In the order in which they strike. The number tells apart those of the same moment.
    waiting: BTreeMap<(Duration, u64), Waker>,
    /// How late it is: what has struck last.
    now: Duration,
    numbers: u64,
    clock: Option<Waker>,
}

impl Timers {
    const fn new() -> Self {
        Self { waiting: BTreeMap::new(), now: Duration::ZERO, numbers: 0, clock: None }
    }

    fn strike_next(&mut self) -> Poll<()> {
        let Some(((moment, _), waker)) = self.waiting.pop_first() else { return Poll::Pending };
        // Not earlier than it is: it may have been waiting to be polled.
        let later = moment.saturating_sub(self.now);
        advance(later);
        self.now += later;
        waker.wake();
        Poll::Ready(())
    }
}

/// Begins a schedule: no trigger and no timer is left of the one before. The task of this future must be
/// run only when no other can go on. Each time it lets the next time-out strike.
pub fn clock() -> impl Future<Output = ()> {
    clear_triggers();
    TIMERS.with_borrow_mut(|timers| *timers = Timers { numbers: timers.numbers, ..Timers::new() });
    async {
        loop {
            poll_fn(|context| {
                TIMERS.with_borrow_mut(|timers| {
                    timers.clock = Some(context.waker().clone());
                    timers.strike_next()
                })
            })
            .await;
            yield_now().await;
        }
    }
}

/// A moment that comes when nobody can go on, and no earlier one is to come.
pub(super) struct Idle {
    key: (Duration, u64),
    begun: bool,
}

impl Idle {
    pub(super) fn after(after: Duration) -> Self {
        TIMERS.with_borrow_mut(|timers| {
            timers.numbers += 1;
            Self { key: (timers.now + after, timers.numbers), begun: false }
        })
    }
}

impl Future for Idle {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        TIMERS.with_borrow_mut(|timers| {
            if self.begun && !timers.waiting.contains_key(&self.key) {
                return Poll::Ready(());
            }
            self.begun = true;
            timers.waiting.insert(self.key, context.waker().clone());
            if let Some(clock) = timers.clock.take() {
                clock.wake();
            }
            Poll::Pending
        })
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        TIMERS.with_borrow_mut(|timers| timers.waiting.remove(&self.key));
    }
}
