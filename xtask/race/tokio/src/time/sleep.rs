//! Sleeps and ticks: over at once, or in their moment where time is modelled.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use shuttle_tokio::time as shuttles;

use super::idle::Idle;
use super::modelled::is_modelled;
use super::{Duration, Instant, MissedTickBehavior, NEVER};
use crate::visible::point;

pin_project! {
    /// Waits for a moment.
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Sleep {
        #[pin]
        at_once: shuttles::Sleep,
        idle: Option<Idle>,
    }
}

/// Waits for so long.
pub fn sleep(duration: Duration) -> Sleep {
    let at_once = shuttles::sleep(duration);
    Sleep { idle: idle_until(at_once.deadline()), at_once }
}

/// Waits for this moment.
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep { at_once: shuttles::sleep_until(deadline), idle: idle_until(deadline) }
}

fn idle_until(deadline: Instant) -> Option<Idle> {
    let after = deadline.saturating_duration_since(Instant::now());
    (is_modelled() && !after.is_zero() && after < NEVER).then(|| Idle::after(after))
}

#[allow(missing_docs)]
impl Sleep {
    pub fn deadline(&self) -> Instant {
        self.at_once.deadline()
    }

    pub fn is_elapsed(&self) -> bool {
        self.at_once.is_elapsed()
    }

    pub fn reset(self: Pin<&mut Self>, deadline: Instant) {
        let this = self.project();
        this.at_once.reset(deadline);
        *this.idle = idle_until(deadline);
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        match this.idle {
            Some(idle) => {
                point();
                Pin::new(idle).poll(context)
            }
            None => this.at_once.poll(context),
        }
    }
}

/// Ticks again and again.
pub struct Interval {
    at_once: shuttles::Interval,
    next: Option<Pin<Box<Sleep>>>,
}

/// The first tick comes at once.
pub fn interval(period: Duration) -> Interval {
    interval_at(Instant::now(), period)
}

/// The first tick comes then.
pub fn interval_at(start: Instant, period: Duration) -> Interval {
    let next = is_modelled().then(|| Box::pin(sleep_until(start)));
    Interval { at_once: shuttles::interval_at(start, period), next }
}

#[allow(missing_docs)]
impl Interval {
    pub async fn tick(&mut self) -> Instant {
        match self.next {
            Some(_) => poll_fn(|context| self.poll_tick(context)).await,
            None => self.at_once.tick().await,
        }
    }

    pub fn poll_tick(&mut self, context: &mut Context<'_>) -> Poll<Instant> {
        let period = self.period();
        let Some(next) = &mut self.next else { return self.at_once.poll_tick(context) };
        ready!(next.as_mut().poll(context));
        let tick = next.deadline();
        next.as_mut().reset(tick + period);
        Poll::Ready(tick)
    }

    pub fn reset(&mut self) {
        let period = self.period();
        if let Some(next) = &mut self.next {
            next.as_mut().reset(Instant::now() + period);
        }
        self.at_once.reset();
    }

    pub fn period(&self) -> Duration {
        self.at_once.period()
    }

    pub fn missed_tick_behavior(&self) -> MissedTickBehavior {
        self.at_once.missed_tick_behavior()
    }

    pub fn set_missed_tick_behavior(&mut self, behavior: MissedTickBehavior) {
        self.at_once.set_missed_tick_behavior(behavior);
    }
}
