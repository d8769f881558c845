//! Race check for task 12: the walks against each other, against registrations, and against callers that are dropped,
//! under thousands of schedules.
//!
//! This is your lifecycle, compiled a second time with stand-ins for tokio in which every await is a point where the
//! scheduler may let somebody else go on.

#[cfg(feature = "solution")]
extern crate task_12_solution_race as task_12_race;

use core::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc; // Those of std are seen by the scheduler.

use drain_kit::Scenario;
use drain_race::{NEVER, Story, explore};
use task_12_race::{Drainable, Lifecycle, Refused, Report, StartError, Step};
use tokio::task::{JoinHandle, yield_now};
use tokio::time::Instant;

/// Callers share one drain: each component is drained once, in reverse, and all get one report when it is over.
///
/// Why: between "has it begun?" and "now it has" there is room for a second caller.
///
/// Limit: 90 s
#[test]
fn callers_share_one_drain() {
    explore(&Scenario::new(), |story| async move {
        let trial = Trial::with(&story, 2);
        trial.start("start").await.expect("start does not panic");
        let callers: Vec<_> = (1..=3).map(|number| trial.drain(&format!("drain {number}"))).collect();
        let mut reports = Vec::new();
        for caller in callers {
            reports.push(caller.await.expect("a caller does not panic"));
        }
        let others = reports.iter().filter(|report| report.duration != reports[0].duration).count();
        story.require(others == 0, "one report for 3 callers", format!("{others} got another one"));
    });
}

/// Starts and a drain that meet: what is started is drained, nothing else is, and nothing is started after that.
///
/// Why: a component that becomes ready in the moment of the signal is started, and nobody knows of it.
///
/// Limit: 90 s
#[test]
fn what_is_started_is_drained_and_nothing_else() {
    explore(&Scenario::new(), |story| async move {
        let trial = Trial::with(&story, 2);
        let starts = [trial.start("start 1"), trial.start("start 2")];
        let late = {
            let trial = trial.clone();
            tokio::spawn(async move { trial.register(3) })
        };
        let drain = trial.drain("drain");
        drain.await.expect("a caller does not panic");
        for start in starts {
            start.await.expect("start does not panic");
        }
        late.await.expect("register does not panic");
        trial.require_closed().await;
    });
}

/// Two calls of `start` at the same time start nothing twice, and keep the order.
///
/// Why: two listeners on one port, or two consumers in one group.
///
/// Limit: 90 s
#[test]
fn two_starts_start_nothing_twice() {
    explore(&Scenario::new(), |story| async move {
        let trial = Trial::with(&story, 2);
        let starts = [trial.start("start 1"), trial.start("start 2")];
        trial.register(3);
        for start in starts {
            let started = start.await.expect("start does not panic");
            story.require(started, "Ok from start: no drain has begun", "an error");
        }
        trial.start("start 3").await.expect("start does not panic");
        let ready = trial.parts.count(READY);
        story.require(ready == 3, "3 components started", format!("{ready}"));
    });
}

/// Of two components that want one name, one gets it, and only that one is started.
///
/// Why: two components with one name, and the report says that it has failed.
///
/// Limit: 90 s
#[test]
fn one_name_is_for_one_component() {
    explore(&Scenario::new(), |story| async move {
        let trial = Trial::with(&story, 0);
        let both: Vec<_> = (1..=2)
            .map(|number| {
                let trial = trial.clone();
                tokio::spawn(async move { trial.register_as("contested", number) })
            })
            .collect();
        let mut taken = 0;
        for one in both {
            taken += usize::from(one.await.expect("register does not panic") == Ok(()));
        }
        story.require(taken == 1, "one of two registered", format!("{taken} registered"));
        trial.start("start").await.expect("start does not panic");
        let ready = trial.parts.count(READY);
        story.require(ready == 1, "one component started", format!("{ready} started"));
    });
}

/// A component that ends by itself in the middle of the start, and drains the service, is drained with those before it.
///
/// Why: a component that dies while others are still being started takes the service down, and main drains as well.
///
/// Limit: 90 s
#[test]
fn a_component_that_ends_by_itself_drains_the_service() {
    explore(&Scenario::new(), |story| async move {
        let trial = Trial::with(&story, 1);
        let ending = {
            let trial = trial.clone();
            Ending { part: trial.part(2), trial }
        };
        let registered = trial.lifecycle.register("part 2", ending);
        story.require(registered.is_ok(), "Ok from register", format!("{registered:?}"));
        trial.register(3);
        let start = trial.start("start");
        let main = trial.drain("drain of main");
        main.await.expect("a caller does not panic");
        start.await.expect("start does not panic");
        trial.require_closed().await;
    });
}

/// A caller that is dropped, at whatever moment, leaves nobody waiting: the others get the report.
///
/// Why: a call is dropped wherever it waits, and that is never where one has thought of it.
///
/// Limit: 90 s
#[test]
fn a_dropped_caller_leaves_nobody_waiting() {
    explore(&Scenario::new(), |story| async move {
        let trial = Trial::with(&story, 2);
        let start = trial.start("start");
        let dropped = trial.drain("dropped drain");
        let other = trial.drain("other drain");
        yield_now().await;
        dropped.abort();
        story.step("dropped drain", "is dropped");
        start.abort();
        story.step("start", "is dropped");
        other.await.expect("a caller does not panic");
        trial.drain("late drain").await.expect("a caller does not panic");
        trial.require_closed().await;
    });
}

const IDLE: usize = 0;
const STARTING: usize = 1;
const READY: usize = 2;
const DRAINING: usize = 3;
const OVER: usize = 4;

/// What has become of the components.
struct Parts {
    story: Story,
    states: [AtomicUsize; 3],
}

impl Parts {
    fn state(&self, number: usize) -> usize {
        self.states[number - 1].load(Ordering::SeqCst)
    }

    fn set(&self, number: usize, state: usize, what: &str) {
        self.states[number - 1].store(state, Ordering::SeqCst);
        self.story.step(&format!("part {number}"), what);
    }

    fn count(&self, state: usize) -> usize {
        (1..=3).filter(|number| self.state(*number) == state).count()
    }

    fn require(&self, holds: bool, expected: &str, observed: &str) {
        self.story.require(holds, expected, observed);
    }
}

struct Part {
    number: usize,
    parts: Arc<Parts>,
}

impl Drainable for Part {
    fn start(&self) -> Step<'_> {
        Box::pin(async {
            let parts = &self.parts;
            parts.require(
                parts.state(self.number) == IDLE,
                "each component started once",
                "it is started again",
            );
            parts.require(
                parts.count(STARTING) == 0,
                "one started after the other",
                "another one is being started",
            );
            let drained = parts.count(DRAINING) + parts.count(OVER);
            parts.require(drained == 0, "nothing started once the drain has begun", "it is started");
            parts.set(self.number, STARTING, "start");
            let cut = Cut(self);
            yield_now().await;
            std::mem::forget(cut);
            parts.set(self.number, READY, "ready");
            Ok(())
        })
    }

    fn drain(&self, _deadline: Instant) -> Step<'_> {
        Box::pin(async {
            let parts = &self.parts;
            parts.require(
                parts.state(self.number) == READY,
                "what is started drained, once",
                "it is not started",
            );
            let busy = parts.count(STARTING) + parts.count(DRAINING);
            parts.require(busy == 0, "one drained after the other", "another one is not over");
            let later = (self.number + 1..=3).any(|later| parts.state(later) == READY);
            parts.require(!later, "drained in reverse", "one that was started later is not drained");
            parts.set(self.number, DRAINING, "drain");
            yield_now().await;
            parts.set(self.number, OVER, "drained");
            Ok(())
        })
    }
}

/// A start that is cut off.
struct Cut<'a>(&'a Part);

impl Drop for Cut<'_> {
    fn drop(&mut self) {
        self.0.parts.set(self.0.number, IDLE, "start cut off");
    }
}

/// Drains the service as soon as it is started, from a task of its own.
struct Ending {
    part: Part,
    trial: Trial,
}

impl Drainable for Ending {
    fn start(&self) -> Step<'_> {
        Box::pin(async {
            self.part.start().await?;
            self.trial.drain("drain of part 2");
            Ok(())
        })
    }

    fn drain(&self, deadline: Instant) -> Step<'_> {
        self.part.drain(deadline)
    }
}

#[derive(Clone)]
struct Trial {
    story: Story,
    lifecycle: Arc<Lifecycle>,
    parts: Arc<Parts>,
}

impl Trial {
    /// A lifecycle with so many components.
    fn with(story: &Story, parts: usize) -> Self {
        let states = [const { AtomicUsize::new(IDLE) }; 3];
        let all = Arc::new(Parts { story: story.clone(), states });
        let trial = Self { story: story.clone(), lifecycle: Arc::new(Lifecycle::new()), parts: all };
        for number in 1..=parts {
            trial.register(number);
        }
        trial
    }

    fn part(&self, number: usize) -> Part {
        Part { number, parts: self.parts.clone() }
    }

    /// Registers a component, unless the drain has begun.
    fn register(&self, number: usize) {
        let name = format!("part {number}");
        let registered = self.register_as(&name, number);
        let holds = registered != Err(Refused::NameTaken);
        self.story.require(holds, format!("`{name}` registered: the name is free"), "NameTaken");
    }

    fn register_as(&self, name: &str, number: usize) -> Result<(), Refused> {
        let registered = self.lifecycle.register(name, self.part(number));
        self.story.step("register", format!("part {number} as `{name}`: {registered:?}"));
        registered
    }

    /// Calls `start`, and says whether it was `Ok`.
    fn start(&self, name: &str) -> JoinHandle<bool> {
        let (trial, name) = (self.clone(), name.to_owned());
        tokio::spawn(async move {
            trial.story.step(&name, "is called");
            let started = trial.lifecycle.start().await;
            trial.story.step(&name, if started.is_ok() { "returns Ok" } else { "returns the error" });
            let failed = matches!(started, Err(StartError::Component(_)));
            trial.story.require(!failed, "Ok, or Err(Draining): no component fails", format!("{started:?}"));
            started.is_ok()
        })
    }

    /// Calls `drain`, with a deadline that never comes. What is started is drained when it returns.
    fn drain(&self, name: &str) -> JoinHandle<Report> {
        let (trial, name) = (self.clone(), name.to_owned());
        tokio::spawn(async move {
            trial.story.step(&name, "is called");
            let report = trial.lifecycle.drain(Instant::now() + NEVER).await;
            trial.story.step(&name, "returns the report");
            let left = trial.parts.count(STARTING) + trial.parts.count(READY) + trial.parts.count(DRAINING);
            trial.story.require(left == 0, "all drained that are started", format!("{left} are not"));
            let failed = format!("{:?}", report.failures);
            trial.story.require(report.failures.is_empty(), "no failure", failed);
            report
        })
    }

    /// The drain is over: nothing is taken any more.
    async fn require_closed(&self) {
        let refused = self.register_as("late", 3);
        let holds = refused == Err(Refused::Draining);
        self.story.require(holds, "Err(Draining) from register", format!("{refused:?}"));
        let started = self.lifecycle.start().await;
        let holds = matches!(started, Err(StartError::Draining));
        self.story.require(holds, "Err(Draining) from start", format!("{started:?}"));
        let left = self.parts.count(STARTING) + self.parts.count(READY) + self.parts.count(DRAINING);
        self.story.require(left == 0, "all drained that are started", format!("{left} are not"));
    }
}
