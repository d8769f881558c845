//! Race check for task 11: work that comes and goes, and those who wait, under thousands of schedules.
//!
//! This is your counter, compiled a second time with stand-ins for tokio in which every await and every atomic is a
//! point where the scheduler may let somebody else go on. Time goes on when nobody else can.

#[cfg(feature = "solution")]
extern crate task_11_solution_race as task_11_race;

use core::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc; // Those of std are seen by the scheduler.
use std::time::Duration;

use drain_kit::Scenario;
use drain_race::{NEVER, Story, explore_in_time};
use task_11_race::{InFlight, Kind, OwnedGuard, QUIET};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, yield_now};
use tokio::time::{Instant, sleep};

/// Whoever waits is woken by the last who leaves, whoever that is.
///
/// Why: between the look at the counter and the beginning of the wait there is room for the last request to end.
///
/// Limit: 90 s
#[test]
fn the_last_who_leaves_wakes_those_who_wait() {
    explore_in_time(&Scenario::new(), |story| async move {
        let trial = Trial::new(&story);
        let work = [trial.work("work 1"), trial.work("work 2")];
        let call = trial.call("call", NEVER);
        for work in work {
            work.await.expect("work does not panic");
        }
        trial.all_idle([call]).await;
    });
}

/// Where one begins before the other ends, no call is told that the service is idle, on whatever thread they are.
///
/// Why: whoever looks at one number after the other adds up two different moments.
///
/// Limit: 90 s
#[test]
fn work_that_overlaps_is_never_idle() {
    explore_in_time(&Scenario::new(), |story| async move {
        let trial = Trial::new(&story);
        let busy = Arc::new(AtomicBool::new(true));
        let first = trial.enter("work 1");
        let calls = [trial.call_while("call 1", &busy), trial.call_while("call 2", &busy)];
        let (second, third) = (oneshot::channel(), oneshot::channel());
        let relay =
            [trial.take_over("work 2", second.1, Some(third.0)), trial.take_over("work 3", third.1, None)];
        yield_now().await;
        let _ = second.0.send(first);
        let mut last = None;
        for runner in relay {
            last = runner.await.expect("work does not panic").or(last);
        }
        sleep(3 * QUIET).await;
        busy.store(false, Ordering::SeqCst);
        story.step("work 3", "ends");
        drop(last);
        trial.all_idle(calls).await;
    });
}

/// One that comes and goes in the window breaks it, wherever those who wait are just then.
///
/// Why: who still comes will come again.
///
/// Limit: 90 s
#[test]
fn one_that_comes_and_goes_breaks_the_window() {
    explore_in_time(&Scenario::new(), |story| async move {
        let trial = Trial::new(&story);
        let begun = Instant::now();
        let calls = [trial.call("call 1", NEVER), trial.call("call 2", NEVER)];
        sleep(QUIET / 2).await;
        let work = [trial.work("work 1"), trial.work("work 2")];
        for work in work {
            work.await.expect("work does not panic");
        }
        for call in calls {
            call.await.expect("a call does not panic");
            let (took, least) = (begun.elapsed(), QUIET * 3 / 2);
            let observed = format!("it has returned {} ms after it", took.as_millis());
            story.require(
                took >= least,
                "a window after the last work, 300 ms after the first call",
                observed,
            );
        }
    });
}

/// Work that begins in the very moment in which a call looks, and ends within its window, breaks the window.
///
/// Why: whoever is counted in two steps has come already, and is not there yet.
///
/// Limit: 90 s
#[test]
fn work_that_begins_while_somebody_looks_breaks_the_window() {
    explore_in_time(&Scenario::new(), |story| async move {
        let trial = Trial::new(&story);
        let begun = Instant::now();
        let call = trial.call("call", NEVER);
        let work = trial.work_for("work", QUIET / 2);
        work.await.expect("work does not panic");
        call.await.expect("a call does not panic");
        let took = begun.elapsed();
        let observed = format!("it has returned {} ms after it", took.as_millis());
        let expected = "a window after the work, 300 ms after the call and the work began";
        story.require(took >= QUIET * 3 / 2, expected, observed);
    });
}

/// A call that is dropped, in whatever moment, leaves the others to be woken.
///
/// Why: the wake-up was on its way to the one who has just left.
///
/// Limit: 90 s
#[test]
fn a_dropped_call_takes_no_wake_up_with_it() {
    explore_in_time(&Scenario::new(), |story| async move {
        let trial = Trial::new(&story);
        let first = trial.enter("work 1");
        let dropped = [trial.call("dropped call 1", NEVER), trial.call("dropped call 2", NEVER)];
        let stays = [trial.call("call 1", NEVER), trial.call("call 2", NEVER)];
        let work = trial.work("work 2");
        yield_now().await;
        drop(first);
        story.step("work 1", "ends");
        for dropped in dropped {
            dropped.abort();
            story.step("dropped call", "is dropped");
            yield_now().await;
        }
        work.await.expect("work does not panic");
        trial.all_idle(stays).await;
    });
}

/// A deadline that comes between arrivals and departures is the deadline of one call, and no other waits for it.
///
/// Why: the one who leaves first turns off the light for the others.
///
/// Limit: 90 s
#[test]
fn a_call_that_leaves_at_its_deadline_leaves_the_others() {
    explore_in_time(&Scenario::new(), |story| async move {
        let trial = Trial::new(&story);
        let work = trial.enter("work 1");
        let short = [trial.call("short call 1", QUIET / 2), trial.call("short call 2", QUIET / 2)];
        let long = [trial.call("call 1", NEVER), trial.call("call 2", NEVER)];
        sleep(QUIET / 2).await;
        let other = trial.work("work 2");
        drop(work);
        story.step("work 1", "ends");
        other.await.expect("work does not panic");
        for short in short {
            let idle = short.await.expect("a call does not panic");
            story.require(!idle, "Err(DeadlineExceeded) from a short call", "Ok");
        }
        trial.all_idle(long).await;
    });
}

/// Nothing is miscounted, however arrivals, departures and looks meet: what is held is counted, and in the end nothing is.
///
/// Why: one that is counted twice is never idle again; one that is counted out twice hides somebody who is there.
///
/// Limit: 90 s
#[test]
fn nothing_is_miscounted() {
    explore_in_time(&Scenario::new(), |story| async move {
        let trial = Trial::new(&story);
        let held = trial.enter("work 0");
        let moved = ["work 1", "work 2"].map(|name| {
            let (story, guard) = (story.clone(), trial.enter(name));
            tokio::spawn(async move {
                drop(guard);
                story.step(name, "ends in another task");
            })
        });
        let work = [trial.work("work 3"), trial.work("work 4")];
        for _ in 0..3 {
            let count = trial.in_flight.count();
            story.step("count", format!("is {count}"));
            let holds = (1..=5).contains(&count);
            story.require(holds, "between 1 and 5: work 0 is in flight", format!("{count}"));
            yield_now().await;
        }
        for moved in moved {
            moved.await.expect("a guard that is dropped does not panic");
        }
        for work in work {
            work.await.expect("work does not panic");
        }
        let count = trial.in_flight.count();
        story.require(count == 1, "1 in flight: work 0", format!("{count}"));
        drop(held);
        let count = trial.in_flight.count();
        story.require(count == 0, "0 in flight", format!("{count}"));
    });
}

#[derive(Clone)]
struct Trial {
    story: Story,
    in_flight: Arc<InFlight>,
}

impl Trial {
    fn new(story: &Story) -> Self {
        Self { story: story.clone(), in_flight: Arc::new(InFlight::new()) }
    }

    fn enter(&self, name: &str) -> OwnedGuard {
        let guard = self.in_flight.enter_owned(Kind::Work);
        self.story.step(name, "begins");
        guard
    }

    /// A task that works for a moment.
    fn work(&self, name: &str) -> JoinHandle<()> {
        let (trial, name) = (self.clone(), name.to_owned());
        tokio::spawn(async move {
            let guard = trial.in_flight.enter(Kind::Work);
            trial.story.step(&name, "begins");
            yield_now().await;
            trial.story.step(&name, "ends");
            drop(guard);
        })
    }

    /// A task that works for so long.
    fn work_for(&self, name: &str, time: Duration) -> JoinHandle<()> {
        let (trial, name) = (self.clone(), name.to_owned());
        tokio::spawn(async move {
            let guard = trial.in_flight.enter(Kind::Work);
            trial.story.step(&name, "begins");
            sleep(time).await;
            trial.story.step(&name, "ends");
            drop(guard);
        })
    }

    /// A task that begins its own work when it gets a guard, hands that on, or keeps it, and then ends what it got.
    fn take_over(
        &self,
        name: &str,
        from: oneshot::Receiver<OwnedGuard>,
        to: Option<oneshot::Sender<OwnedGuard>>,
    ) -> JoinHandle<Option<OwnedGuard>> {
        let (trial, name) = (self.clone(), name.to_owned());
        tokio::spawn(async move {
            let got = from.await.expect("it is handed on");
            let own = trial.enter(&name);
            // It may be over by the time the one before it is.
            let kept = match to {
                Some(to) => to.send(own).err(),
                None => Some(own),
            };
            drop(got);
            trial.story.step(&name, "has taken over");
            kept
        })
    }

    /// Calls `wait_idle`, and says whether it was `Ok`.
    fn call(&self, name: &str, limit: Duration) -> JoinHandle<bool> {
        self.call_and(name, limit, |_| {})
    }

    /// The same. It may not be `Ok` as long as something is in flight.
    fn call_while(&self, name: &str, busy: &Arc<AtomicBool>) -> JoinHandle<bool> {
        let busy = busy.clone();
        self.call_and(name, NEVER, move |story| {
            let busy = busy.load(Ordering::SeqCst);
            story.require(!busy, "it waits: something is in flight all the time", "it has returned");
        })
    }

    fn call_and(
        &self,
        name: &str,
        limit: Duration,
        and: impl Fn(&Story) + Send + 'static,
    ) -> JoinHandle<bool> {
        let (trial, name) = (self.clone(), name.to_owned());
        tokio::spawn(async move {
            trial.story.step(&name, "waits");
            let idle = trial.in_flight.wait_idle(Instant::now() + limit).await.is_ok();
            trial.story.step(&name, if idle { "returns Ok" } else { "returns the error" });
            and(&trial.story);
            idle
        })
    }

    async fn all_idle<const N: usize>(&self, calls: [JoinHandle<bool>; N]) {
        for call in calls {
            let idle = call.await.expect("a call does not panic");
            self.story.require(idle, "Ok(Idle) from each call: all work has ended", "the error");
        }
    }
}
