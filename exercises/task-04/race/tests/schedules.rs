//! Race check for task 4: the deadline strikes at every point, under thousands of schedules.
//!
//! This is your pool, compiled a second time with stand-ins for tokio in which every await is a point
//! where the scheduler may let somebody else go on. A scenario tells its story in steps; when it
//! fails, you see the steps of the schedule in which it did.

#[cfg(feature = "solution")]
extern crate task_04_solution_race as task_04_race;

use core::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc; // Those of std are seen by the scheduler.

use drain_kit::Scenario;
use drain_race::{Calling, Drained, NEVER, Story, Words, explore, scripts};
use task_04_race::{DeadlineExceeded, Pool};
use tokio::task::{JoinHandle, yield_now};
use tokio::time::{Instant, clear_triggers, trigger_timeouts};
use tokio_util::sync::CancellationToken;

/// Done and abandoned are what was accepted, whenever the deadline strikes.
///
/// Why: from these two numbers somebody decides what has to be done again.
///
/// Limit: 90 s
#[test]
fn the_counts_add_up_whenever_the_deadline_strikes() {
    explore(&Scenario::new(), |story| async move {
        let trial = Trial::start(1, 2, &story);
        let producers =
            [trial.submit(1, Kind::Short), trial.submit(2, Kind::Heeds), trial.submit(3, Kind::Short)];
        let outcome = trial.drain().await.outcome;
        let accepted = accepted(producers).await;
        let (done, abandoned) = match outcome {
            Ok(task_04_race::Drained { done }) => (done, 0),
            Err(DeadlineExceeded { done, abandoned }) => (done, abandoned),
        };
        story.require(
            done + abandoned == accepted,
            format!("{accepted} accepted, and as many done and abandoned together"),
            format!("done: {done}, abandoned: {abandoned}"),
        );
        let undisturbed = trial.tally.undisturbed.load(Ordering::SeqCst);
        story.require(
            done <= undisturbed,
            format!("at most {undisturbed} done: the others did not end, or were cancelled before they did"),
            format!("done: {done}"),
        );
        story.require(outcome.is_ok() || abandoned > 0, "Ok, with nothing abandoned", format!("{outcome:?}"));
    });
}

/// A job that runs at the deadline sees the cancellation before it is cut off, whatever the schedule.
///
/// Why: its last words are where a job puts back what it has taken.
///
/// Limit: 90 s
#[test]
fn a_running_job_sees_the_cancellation_before_it_is_cut_off() {
    explore(&Scenario::new(), |story| async move {
        let trial = Trial::start(2, 1, &story);
        let producers = [trial.submit(1, Kind::Heeds), trial.submit(2, Kind::Heeds)];
        let Returned { outcome, begun, saw, .. } = trial.drain().await;
        story.require(
            saw == begun,
            format!("{begun} jobs begun, all of which see the cancellation"),
            format!("{saw} see it"),
        );
        let accepted = accepted(producers).await;
        let abandoned = outcome.err().map_or(0, |missed| missed.abandoned);
        story.require(
            abandoned == accepted,
            format!("{accepted} abandoned: no job can end before the deadline"),
            format!("abandoned: {abandoned}"),
        );
    });
}

/// When the drain has returned no job runs, and none begins, whenever the deadline strikes.
///
/// Why: what comes after the drain closes the database.
///
/// Limit: 90 s
#[test]
fn nothing_runs_after_the_drain() {
    explore(&Scenario::new(), |story| async move {
        let trial = Trial::start(2, 2, &story);
        let producers =
            [trial.submit(1, Kind::Endless), trial.submit(2, Kind::Short), trial.submit(3, Kind::Heeds)];
        let Returned { running, begun, .. } = trial.drain().await;
        story.require(
            running == 0,
            "no job running when the drain has returned",
            format!("{running} running"),
        );
        let late = accepted([trial.submit(9, Kind::Short)]).await;
        story.require(late == 0, "submit after the drain: Err(Closed)", "Ok: accepted");
        let _ = accepted(producers).await;
        for _ in 0..4 {
            yield_now().await;
        }
        let later = trial.tally.begun.load(Ordering::SeqCst);
        story.require(later == begun, format!("{begun} jobs begun"), format!("{later} jobs begun"));
    });
}

/// Producers that wait for a place, and a drain whose deadline strikes, never wait for each other.
///
/// Why: a shutdown that waits for its own callers is one that only SIGKILL ends.
///
/// Limit: 90 s
#[test]
fn a_drain_and_blocked_producers_all_return() {
    explore(&Scenario::new(), |story| async move {
        let trial = Trial::start(1, 1, &story);
        let producers = [1, 2, 3, 4].map(|number| trial.submit(number, Kind::Endless));
        yield_now().await;
        let _ = trial.drain().await;
        let _ = accepted(producers).await;
    });
}

/// A pool, and what became of its jobs.
struct Trial {
    pool: Arc<Pool>,
    tally: Arc<Tally>,
    story: Story,
}

/// How the drain returned, and what there was at that moment.
struct Returned {
    outcome: Result<task_04_race::Drained, DeadlineExceeded>,
    begun: usize,
    running: usize,
    saw: usize,
}

#[derive(Default)]
struct Tally {
    begun: AtomicUsize,
    running: AtomicUsize,
    saw: AtomicUsize,
    /// Jobs that came to their end, and whose token was not cancelled then.
    undisturbed: AtomicUsize,
}

#[derive(Clone, Copy)]
enum Kind {
    /// Ends by itself.
    Short,
    /// Ends when it sees the cancellation.
    Heeds,
    /// Never ends, and ignores its token.
    Endless,
}

impl Trial {
    fn start(workers: usize, queue: usize, story: &Story) -> Self {
        // The triggers of the schedule before this one are still there.
        clear_triggers();
        Self { pool: Arc::new(Pool::start(workers, queue)), tally: Arc::default(), story: story.clone() }
    }

    /// Hands in one job; the task says whether it was accepted.
    fn submit(&self, number: usize, kind: Kind) -> JoinHandle<bool> {
        let (pool, story, tally) = (self.pool.clone(), self.story.clone(), self.tally.clone());
        tokio::spawn(async move {
            let who = format!("submit {number}");
            story.step(&who, "is called");
            let job = {
                let story = story.clone();
                async move |token: CancellationToken| {
                    let job = Job::begin(number, story, tally);
                    match kind {
                        Kind::Short => yield_now().await,
                        Kind::Heeds => {
                            token.cancelled().await;
                            job.tally.saw.fetch_add(1, Ordering::SeqCst);
                            job.story.step(&job.name, "sees the cancellation");
                        }
                        Kind::Endless => std::future::pending().await,
                    }
                    if !token.is_cancelled() {
                        job.tally.undisturbed.fetch_add(1, Ordering::SeqCst);
                    }
                    job.story.step(&job.name, "comes to its end");
                }
            };
            let accepted = pool.submit(job).await.is_ok();
            story.step(&who, if accepted { "returned Ok: accepted" } else { "returned Err: refused" });
            accepted
        })
    }

    /// Drains, while somewhere else the deadline strikes.
    async fn drain(&self) -> Returned {
        let story = self.story.clone();
        let strike = tokio::spawn(async move {
            yield_now().await;
            story.step("deadline", "strikes");
            trigger_timeouts(|_| true);
        });
        self.story.step("drain", "is called");
        // It has come already for those who look at the clock themselves: it is the same clock for all, and
        // none may find that what has struck is still to come.
        let outcome = self.pool.drain(Instant::now()).await;
        // Nothing is awaited in between: this is the very moment of the return.
        let now = |count: &AtomicUsize| count.load(Ordering::SeqCst);
        let Tally { begun, running, saw, .. } = &*self.tally;
        let (begun, running, saw) = (now(begun), now(running), now(saw));
        self.story.step("drain", format!("returned {outcome:?}"));
        strike.await.expect("the deadline does not panic");
        Returned { outcome, begun, running, saw }
    }
}

struct Job {
    name: String,
    story: Story,
    tally: Arc<Tally>,
}

impl Job {
    fn begin(number: usize, story: Story, tally: Arc<Tally>) -> Self {
        let job = Self { name: format!("job {number}"), story, tally };
        job.tally.begun.fetch_add(1, Ordering::SeqCst);
        job.tally.running.fetch_add(1, Ordering::SeqCst);
        job.story.step(&job.name, "begins");
        job
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.tally.running.fetch_sub(1, Ordering::SeqCst);
        self.story.step(&self.name, "is dropped");
    }
}

/// How many of these were accepted.
async fn accepted<const N: usize>(producers: [JoinHandle<bool>; N]) -> usize {
    let mut accepted = 0;
    for producer in producers {
        accepted += usize::from(producer.await.expect("a producer does not panic"));
    }
    accepted
}

/// Whatever producers, jobs and drains do, and whoever goes on first, the pool keeps its promises.
///
/// Why: the other scenarios have their calls in an order that somebody thought of.
///
/// Limit: 90 s
#[test]
fn whatever_the_script_and_the_schedule() {
    scripts(&Scenario::new(), Words { strikes: true, callers: 1 }, |workers, queue| {
        Arc::new(Subject(Pool::start(workers, queue)))
    });
}

struct Subject(Pool);

impl drain_race::Pool for Subject {
    fn submit(self: Arc<Self>, job: Calling<()>) -> Calling<bool> {
        Box::pin(async move { self.0.submit(move |_: CancellationToken| job).await.is_ok() })
    }

    fn drain(self: Arc<Self>, strikes: bool) -> Calling<Drained> {
        Box::pin(async move {
            // The triggers of the schedule before this one are still there.
            clear_triggers();
            if strikes {
                tokio::spawn(async {
                    yield_now().await;
                    trigger_timeouts(|_| true);
                });
            }
            let deadline = if strikes { Instant::now() } else { Instant::now() + NEVER };
            match self.0.drain(deadline).await {
                Ok(task_04_race::Drained { done }) => {
                    Drained { complete: true, done: Some(done), left: Some(0) }
                }
                Err(DeadlineExceeded { done, abandoned }) => {
                    Drained { complete: false, done: Some(done), left: Some(abandoned) }
                }
            }
        })
    }
}
