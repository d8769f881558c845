//! Race check for task 7: failures against `stop`, against each other and against the deadline, under thousands of
//! schedules.
//!
//! This is your group, compiled a second time with stand-ins for tokio in which every await is a point where the
//! scheduler may let somebody else go on.

#[cfg(feature = "solution")]
extern crate task_07_solution_race as task_07_race;

use core::sync::atomic::{AtomicUsize, Ordering};
use std::future::pending;
use std::sync::Arc; // Those of std are seen by the scheduler.
use std::time::Duration;

use drain_kit::{Scenario, panic_unseen};
use drain_race::{NEVER, Story, explore};
use task_07_race::{Cause, Group, Report};
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::{clear_triggers, trigger_timeouts};

/// An error that comes while the group is asked to stop is in the report, and the others drain.
///
/// Why: the last write fails just as the deploy begins. If the signal wins, the loss is reported as a clean stop.
///
/// Limit: 90 s
#[test]
fn an_error_against_stop_is_reported() {
    explore(&Scenario::new(), |story| async move {
        let mut trial = Trial::new(&story);
        trial.add("a", Act::Drains);
        trial.add("b", Act::Fails);
        let report = trial.run(Stop::Comes, NEVER).await;
        require(&story, "b failed", named(&report));
        require(&story, "cut off: []", &format!("cut off: {:?}", report.cut_off));
        require(&story, "2 components came to their end", &trial.ended());
    });
}

/// Of two failures the first is in the report: who fails because it is asked to drain, fails later.
///
/// Why: it may be the quicker one to be noticed. Whoever reads its name looks in the wrong place.
///
/// Limit: 90 s
#[test]
fn a_consequence_is_not_taken_for_the_cause() {
    explore(&Scenario::new(), |story| async move {
        let mut trial = Trial::new(&story);
        trial.add("a", Act::FailsInTheDrain);
        trial.add("b", Act::Fails);
        trial.add("c", Act::FailsInTheDrain);
        let report = trial.run(Stop::Never, NEVER).await;
        require(&story, "b failed", named(&report));
        require(&story, "3 components came to their end", &trial.ended());
    });
}

/// Two components fail at once: one of them is in the report, and those who are left drain.
///
/// Why: what breaks one component, a full disk, breaks its neighbour in the same moment.
///
/// Limit: 90 s
#[test]
fn two_failures_at_once_let_the_others_drain() {
    explore(&Scenario::new(), |story| async move {
        let mut trial = Trial::new(&story);
        trial.add("a", Act::Fails);
        trial.add("b", Act::Drains);
        trial.add("c", Act::Panics);
        let report = trial.run(Stop::Never, NEVER).await;
        let one = named(&report);
        story.require(["a failed", "c panicked"].contains(&one), "a failed, or c panicked", one);
        require(&story, "cut off: []", &format!("cut off: {:?}", report.cut_off));
        require(&story, "3 components came to their end", &trial.ended());
    });
}

/// Who ends because it was asked to has not failed, however quickly it ends.
///
/// Why: an exit code 1 after a clean stop is an alarm for nothing, and the next one is not believed.
///
/// Limit: 90 s
#[test]
fn who_ends_because_it_was_asked_has_not_failed() {
    explore(&Scenario::new(), |story| async move {
        let mut trial = Trial::new(&story);
        trial.add("a", Act::EndsWhenAsked);
        trial.add("b", Act::Drains);
        trial.add("c", Act::EndsWhenAsked);
        let report = trial.run(Stop::Comes, NEVER).await;
        require(&story, "nobody failed", named(&report));
        require(&story, "3 components came to their end", &trial.ended());
    });
}

/// A component that fails in its last poll, as the deadline strikes, has failed or was cut off: what it did decides,
/// and never both.
///
/// Why: the error of the last moment is the one that says why it took so long.
///
/// Limit: 90 s
#[test]
fn an_error_in_the_last_poll_is_reported() {
    explore(&Scenario::new(), |story| async move {
        let mut trial = Trial::new(&story);
        trial.add("a", Act::FailsInTheDrain);
        trial.add("b", Act::Deaf);
        let report = trial.run(Stop::Strikes, Duration::ZERO).await;
        let ended = trial.ended.load(Ordering::SeqCst);
        let (failed, cut_off) = match ended {
            0 => ("nobody failed", vec!["a", "b"]),
            _ => ("a failed", vec!["b"]),
        };
        require(&story, failed, named(&report));
        require(&story, &format!("cut off: {cut_off:?}"), &format!("cut off: {:?}", report.cut_off));
    });
}

/// When `run` has returned no component goes on, whenever the deadline strikes.
///
/// Why: to cut off is to tell, and somebody has to wait until it has happened. What comes after `run` closes the
/// database.
///
/// Limit: 90 s
#[test]
fn nothing_goes_on_when_run_has_returned() {
    explore(&Scenario::new(), |story| async move {
        let mut trial = Trial::new(&story);
        trial.add("a", Act::Drains);
        trial.add("b", Act::Deaf);
        trial.add("c", Act::FailsInTheDrain);
        trial.run(Stop::Strikes, Duration::ZERO).await;
        let alive = trial.alive.load(Ordering::SeqCst);
        story.require(alive == 0, "no component left when run has returned", format!("{alive} left"));
    });
}

/// What a component does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Act {
    /// Fails by itself.
    Fails,
    /// Panics by itself.
    Panics,
    /// Drains for a while when it is asked.
    Drains,
    /// Ends at once when it is asked.
    EndsWhenAsked,
    /// Fails when it is asked.
    FailsInTheDrain,
    /// Never ends.
    Deaf,
}

/// What the group hears from outside.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stop {
    Never,
    Comes,
    /// It comes, and then the deadline strikes.
    Strikes,
}

/// A group, and what became of its components.
struct Trial {
    story: Story,
    group: Group,
    ended: Arc<AtomicUsize>,
    alive: Arc<AtomicUsize>,
}

impl Trial {
    fn new(story: &Story) -> Self {
        // The triggers of the schedule before this one are still there.
        clear_triggers();
        Self { story: story.clone(), group: Group::new(), ended: Arc::default(), alive: Arc::default() }
    }

    fn add(&mut self, name: &'static str, act: Act) {
        let (story, ended, alive) = (self.story.clone(), self.ended.clone(), self.alive.clone());
        self.group.add(name, move |token| async move {
            let _present = Present::begin(name, &story, &alive);
            match act {
                Act::Fails | Act::Panics => yield_now().await,
                Act::Deaf => pending().await,
                _ => {
                    token.cancelled().await;
                    story.step(name, "is asked to drain");
                }
            }
            if act == Act::Drains {
                yield_now().await;
            }
            // From here on it is not dropped any more: this is its last poll.
            ended.fetch_add(1, Ordering::SeqCst);
            match act {
                Act::Fails | Act::FailsInTheDrain => {
                    story.step(name, "fails");
                    Err("its disk is full".into())
                }
                Act::Panics => {
                    story.step(name, "panics");
                    panic_unseen()
                }
                _ => {
                    story.step(name, "ends well");
                    Ok(())
                }
            }
        });
    }

    /// Runs the group. What it returns is looked at in the very moment of the return.
    async fn run(&mut self, stop: Stop, budget: Duration) -> Report {
        let (ready, asked) = oneshot::channel();
        let story = self.story.clone();
        let outside = tokio::spawn(async move {
            if stop == Stop::Never {
                return pending().await;
            }
            yield_now().await;
            story.step("stop", "is ready");
            let _ = ready.send(());
            if stop == Stop::Strikes {
                yield_now().await;
                story.step("deadline", "strikes");
                trigger_timeouts(|_| true);
            }
        });
        let group = std::mem::take(&mut self.group);
        let report = group.run(async { _ = asked.await }, budget).await;
        self.story.step("run", format!("returns: {}, cut off: {:?}", named(&report), report.cut_off));
        outside.abort();
        report
    }

    fn ended(&self) -> String {
        format!("{} components came to their end", self.ended.load(Ordering::SeqCst))
    }
}

/// A component that is there.
struct Present {
    name: &'static str,
    story: Story,
    alive: Arc<AtomicUsize>,
}

impl Present {
    fn begin(name: &'static str, story: &Story, alive: &Arc<AtomicUsize>) -> Self {
        alive.fetch_add(1, Ordering::SeqCst);
        Self { name, story: story.clone(), alive: alive.clone() }
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        self.alive.fetch_sub(1, Ordering::SeqCst);
        self.story.step(self.name, "is gone");
    }
}

/// Who failed, and how.
fn named(report: &Report) -> &'static str {
    let Some(failure) = &report.failure else { return "nobody failed" };
    match (failure.component.as_str(), &failure.cause) {
        ("a", Cause::Error(_)) => "a failed",
        ("b", Cause::Error(_)) => "b failed",
        ("c", Cause::Error(_)) => "c failed",
        ("c", Cause::Panicked) => "c panicked",
        (_, Cause::Panicked) => "somebody else panicked",
        (_, Cause::Ended) => "somebody ended unasked",
        _ => "somebody who is not in the group failed",
    }
}

fn require(story: &Story, expected: &str, observed: &str) {
    story.require(observed == expected, expected, observed);
}
