//! Race check for task 2: submit against drain, under thousands of schedules.
//!
//! This is your pool, compiled a second time with stand-ins for tokio in which every await is a point
//! where the scheduler may let somebody else go on. A scenario tells its story in steps; when it
//! fails, you see the steps of the schedule in which it did.

#[cfg(feature = "solution")]
extern crate task_02_solution_race as task_02_race;

use core::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc; // Those of std are seen by the scheduler.

use drain_kit::Scenario;
use drain_race::{Calling, Drained, NEVER, Story, Words, explore, scripts};
use task_02_race::Pool;
use tokio::time::Instant;

/// A job that submit accepted has run when the drain returns Ok, whatever the schedule.
///
/// Why: the producer has told its customer that the order is taken. Nobody will hand it in again.
///
/// Limit: 60 s
#[test]
fn an_accepted_job_has_run_when_the_drain_is_over() {
    explore(&Scenario::new(), |story| async move {
        let pool = Arc::new(Pool::start(1, 1));
        let ran = Arc::new(AtomicUsize::new(0));
        let producers: Vec<_> = (1..=2)
            .map(|number| tokio::spawn(submit(number, pool.clone(), ran.clone(), story.clone())))
            .collect();
        drain(&pool, &story).await;
        let mut accepted = 0;
        for producer in producers {
            accepted += usize::from(producer.await.expect("a producer does not panic"));
        }
        let ran = ran.load(Ordering::SeqCst);
        let expected = format!("{accepted} accepted, {accepted} run");
        story.require(ran == accepted, expected, format!("{accepted} accepted, {ran} run"));
    });
}

/// Producers that wait for a place in a full queue and a drain never wait for each other.
///
/// Why: a shutdown that waits for its own callers is one that only SIGKILL ends.
///
/// Limit: 60 s
#[test]
fn a_drain_and_blocked_producers_all_return() {
    explore(&Scenario::new(), |story| async move {
        let pool = Arc::new(Pool::start(1, 1));
        let ran = Arc::new(AtomicUsize::new(0));
        let producers: Vec<_> = (1..=4)
            .map(|number| tokio::spawn(submit(number, pool.clone(), ran.clone(), story.clone())))
            .collect();
        tokio::task::yield_now().await;
        drain(&pool, &story).await;
        for producer in producers {
            producer.await.expect("a producer does not panic");
        }
    });
}

/// After the drain has returned nothing is accepted, and nothing runs any more.
///
/// Why: what comes after the drain (closing the database, say) relies on there being no more work.
///
/// Limit: 60 s
#[test]
fn nothing_runs_after_the_drain() {
    explore(&Scenario::new(), |story| async move {
        let pool = Arc::new(Pool::start(2, 2));
        let ran = Arc::new(AtomicUsize::new(0));
        let producers: Vec<_> = (1..=3)
            .map(|number| tokio::spawn(submit(number, pool.clone(), ran.clone(), story.clone())))
            .collect();
        drain(&pool, &story).await;
        let at_the_end = ran.load(Ordering::SeqCst);
        let late = submit(9, pool.clone(), ran.clone(), story.clone()).await;
        story.require(!late, "submit after the drain: Err(Closed)", "Ok: accepted");
        for producer in producers {
            producer.await.expect("a producer does not panic");
        }
        for _ in 0..4 {
            tokio::task::yield_now().await;
        }
        let later = ran.load(Ordering::SeqCst);
        story.require(later == at_the_end, format!("{at_the_end} jobs run"), format!("{later} jobs run"));
    });
}

/// Hands in one job, and says whether it was accepted.
async fn submit(number: usize, pool: Arc<Pool>, ran: Arc<AtomicUsize>, story: Story) -> bool {
    let who = format!("submit {number}");
    let job = {
        let (story, who) = (story.clone(), format!("job {number}"));
        async move {
            story.step(&who, "begins");
            tokio::task::yield_now().await;
            ran.fetch_add(1, Ordering::SeqCst);
            story.step(&who, "is done");
        }
    };
    story.step(&who, "is called");
    let accepted = pool.submit(job).await.is_ok();
    story.step(&who, if accepted { "returned Ok: accepted" } else { "returned Err: refused" });
    accepted
}

/// Drains with a deadline that never comes.
async fn drain(pool: &Pool, story: &Story) {
    story.step("drain", "is called");
    let outcome = pool.drain(Instant::now() + NEVER).await;
    story.step("drain", if outcome.is_ok() { "returned Ok" } else { "returned its deadline" });
}

/// Whatever producers, jobs and drains do, and whoever goes on first, the pool keeps its promises.
///
/// Why: the other scenarios have their calls in an order that somebody thought of.
///
/// Limit: 90 s
#[test]
fn whatever_the_script_and_the_schedule() {
    scripts(&Scenario::new(), Words { strikes: false, callers: 1 }, |workers, queue| {
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
