//! Race check for task 6: callers of the drain against each other, against the last job, against a
//! hook that is being added, and against a caller that is dropped, under thousands of schedules.
//!
//! This is your pool, compiled a second time with stand-ins for tokio in which every await is a point
//! where the scheduler may let somebody else go on.

#[cfg(feature = "solution")]
extern crate task_06_solution_race as task_06_race;

use core::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc; // Those of std are seen by the scheduler.

use drain_kit::Scenario;
use drain_race::{Calling, Drained, NEVER, Story, Words, explore, scripts};
use task_06_race::{Outcome, Pool};
use tokio::task::{JoinHandle, yield_now};
use tokio::time::Instant;

/// All callers get the outcome of one drain, and its hook has been called by then, whatever the schedule.
///
/// Why: between "has it begun?" and "now it has" there is room for a second caller.
///
/// Limit: 60 s
#[test]
fn callers_share_one_drain() {
    explore(&Scenario::new(), |story| async move {
        let trial = Trial::new(story);
        trial.add_hook("hook").await;
        let callers: Vec<_> = (1..=3).map(|number| trial.call(&format!("caller {number}"))).collect();
        let mut outcomes = Vec::new();
        for caller in callers {
            let (outcome, hooks) = caller.await.expect("a caller does not panic");
            trial.story.require(
                hooks == 1,
                "the hook called once when drain returns",
                format!("called {hooks} times"),
            );
            outcomes.push(outcome);
        }
        let others = outcomes.iter().filter(|outcome| **outcome != outcomes[0]).count();
        trial.story.require(others == 0, "one outcome for 3 callers", format!("{others} got another one"));
    });
}

/// A job that submit accepted has run when the drain returns, to whichever caller.
///
/// Why: whoever returns first goes on to close what the last job still needs.
///
/// Limit: 60 s
#[test]
fn accepted_jobs_have_run_when_the_drain_is_over() {
    explore(&Scenario::new(), |story| async move {
        let trial = Trial::new(story);
        let ran = Arc::new(AtomicUsize::new(0));
        let producers: Vec<_> = (1..=2).map(|number| trial.submit(number, &ran)).collect();
        let callers: Vec<_> = (1..=2)
            .map(|number| {
                let (caller, ran) = (trial.call(&format!("caller {number}")), ran.clone());
                tokio::spawn(async move {
                    let (_outcome, _) = caller.await.expect("a caller does not panic");
                    ran.load(Ordering::SeqCst)
                })
            })
            .collect();
        let mut accepted = 0;
        for producer in producers {
            accepted += usize::from(producer.await.expect("a producer does not panic"));
        }
        for caller in callers {
            let ran = caller.await.expect("a caller does not panic");
            let expected = format!("{accepted} accepted, {accepted} run");
            trial.story.require(ran == accepted, expected, format!("{accepted} accepted, {ran} run"));
        }
    });
}

/// A hook that on_drain accepted while the drain began is called before the drain returns.
///
/// Why: a component that was told "accepted" relies on being closed.
///
/// Limit: 60 s
#[test]
fn an_accepted_hook_is_called() {
    explore(&Scenario::new(), |story| async move {
        let trial = Trial::new(story);
        let callers: Vec<_> = (1..=2).map(|number| trial.call(&format!("caller {number}"))).collect();
        let adding: Vec<_> = (1..=2)
            .map(|number| {
                let trial = trial.clone();
                tokio::spawn(async move { trial.add_hook(&format!("hook {number}")).await })
            })
            .collect();
        let mut called = 0;
        for caller in callers {
            let (_outcome, hooks) = caller.await.expect("a caller does not panic");
            called = hooks;
        }
        let mut accepted = 0;
        for hook in adding {
            accepted += usize::from(hook.await.expect("on_drain does not panic"));
        }
        let expected = format!("{accepted} hooks accepted, {accepted} called when drain returns");
        trial.story.require(called == accepted, expected, format!("{accepted} accepted, {called} called"));
    });
}

/// A caller that is dropped, at whatever moment, leaves nobody waiting: the others get the outcome.
///
/// Why: a call is dropped wherever it waits, and that is never where one has thought of it.
///
/// Limit: 60 s
#[test]
fn a_dropped_caller_leaves_nobody_waiting() {
    explore(&Scenario::new(), |story| async move {
        let trial = Trial::new(story);
        let adding = {
            let trial = trial.clone();
            tokio::spawn(async move { trial.add_hook("hook").await })
        };
        let dropped = trial.call("dropped caller");
        let other = trial.call("other caller");
        yield_now().await;
        dropped.abort();
        trial.story.step("dropped caller", "is dropped");
        let accepted = adding.await.expect("on_drain does not panic");
        let (outcome, _) = other.await.expect("a caller does not panic");
        let again = trial.call("next caller").await.expect("a caller does not panic").0;
        trial.story.require(
            again == outcome,
            "the same outcome for the next caller",
            "another one, of a drain of its own",
        );
        let called = trial.hooks.load(Ordering::SeqCst);
        let expected = format!("{} hooks accepted and called", usize::from(accepted));
        trial.story.require(called == usize::from(accepted), expected, format!("{called} called"));
    });
}

/// A pool of one worker, and how many of its hooks have been called.
#[derive(Clone)]
struct Trial {
    story: Story,
    pool: Arc<Pool>,
    hooks: Arc<AtomicUsize>,
}

impl Trial {
    fn new(story: Story) -> Self {
        Self { story, pool: Arc::new(Pool::start(1, 1)), hooks: Arc::default() }
    }

    /// Adds a hook, and says whether it was accepted.
    async fn add_hook(&self, name: &str) -> bool {
        let (story, hooks, hook) = (self.story.clone(), self.hooks.clone(), name.to_owned());
        let added = self.pool.on_drain(move || {
            hooks.fetch_add(1, Ordering::SeqCst);
            story.step(&hook, "is called");
        });
        let accepted = added.await.is_ok();
        self.story.step("on_drain", format!("{name} {}", if accepted { "accepted" } else { "refused" }));
        accepted
    }

    /// Calls `drain` with a deadline that never comes. Returns its outcome, and how many hooks had been
    /// called by then.
    fn call(&self, name: &str) -> JoinHandle<(Outcome, usize)> {
        let (trial, name) = (self.clone(), name.to_owned());
        tokio::spawn(async move {
            trial.story.step(&name, "calls drain");
            let outcome = trial.pool.drain(Instant::now() + NEVER).await;
            let hooks = trial.hooks.load(Ordering::SeqCst);
            trial.story.step(&name, if outcome.is_ok() { "gets Ok" } else { "gets a missed deadline" });
            (outcome, hooks)
        })
    }

    /// Hands in one job, and says whether it was accepted.
    fn submit(&self, number: usize, ran: &Arc<AtomicUsize>) -> JoinHandle<bool> {
        let (trial, ran) = (self.clone(), ran.clone());
        tokio::spawn(async move {
            let story = trial.story.clone();
            let job = async move {
                yield_now().await;
                ran.fetch_add(1, Ordering::SeqCst);
                story.step(&format!("job {number}"), "is done");
            };
            let accepted = trial.pool.submit(job).await.is_ok();
            let outcome = if accepted { "returned Ok: accepted" } else { "returned Err: refused" };
            trial.story.step(&format!("submit {number}"), outcome);
            accepted
        })
    }
}

/// Whatever producers, jobs and drains do, and whoever goes on first, the pool keeps its promises.
///
/// Why: the other scenarios have their calls in an order that somebody thought of.
///
/// Limit: 90 s
#[test]
fn whatever_the_script_and_the_schedule() {
    scripts(&Scenario::new(), Words { strikes: false, callers: 3 }, |workers, queue| {
        Arc::new(Subject(Pool::start(workers, queue)))
    });
}

struct Subject(Pool);

impl drain_race::Pool for Subject {
    fn submit(self: Arc<Self>, job: Calling<()>) -> Calling<bool> {
        Box::pin(async move { self.0.submit(job).await.is_ok() })
    }

    fn drain(self: Arc<Self>, _strikes: bool) -> Calling<Drained> {
        Box::pin(async move {
            let complete = self.0.drain(Instant::now() + NEVER).await.is_ok();
            Drained { complete, done: None, left: None }
        })
    }
}
