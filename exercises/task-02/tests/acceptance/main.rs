//! Acceptance tests for task 2.

#[cfg(feature = "solution")]
extern crate task_02_solution as task_02;

mod jobs;
mod model;
mod race;
mod trial;

use std::future::{pending, poll_fn};
use std::task::Poll;

use drain_kit::leaks::Footprint;
use drain_kit::{Moment, Scenario, ms, secs, settled};
use tokio::time::sleep;

use crate::jobs::{lasts, panics};
use crate::race::Race;
use crate::trial::{Trial, at_once, drained_alone};

/// `workers + queue` jobs are accepted at once, the next one when a job is done.
///
/// Why: the bound is what keeps a burst from filling the memory, and what tells producers to slow down.
#[tokio::test(start_paused = true)]
async fn submit_waits_while_the_pool_is_full() {
    let scenario = Scenario::new();
    let trial = Trial::start(&scenario, 2, 3);
    trial.accept(1..=5).await;
    let producers = trial.producers(6..=7);
    // However long it takes: nobody has said that a producer is impatient.
    sleep(secs(3_600)).await;
    let waiting = producers.iter().filter(|producer| !producer.is_finished()).count();
    scenario.require(
        waiting == 2,
        "2 running jobs, 3 queued, and 2 producers that wait",
        format!("{waiting} producers wait"),
    );
    trial.jobs.let_go(1);
    settled().await;
    let waiting = producers.iter().filter(|producer| !producer.is_finished()).count();
    scenario.require(
        waiting == 1,
        "one more job accepted when one is done",
        format!("{} more accepted", 2 - waiting),
    );
}

/// A producer that gives up while it waits has submitted nothing.
///
/// Why: whoever gives up after a time-out tells the customer that it failed. If the order is carried out
/// all the same, the second try makes it two.
#[tokio::test(start_paused = true)]
async fn a_producer_that_gives_up_has_submitted_nothing() {
    let scenario = Scenario::new();
    let trial = Trial::start(&scenario, 1, 1);
    trial.accept(1..=2).await;
    for producer in trial.producers(3..=5) {
        settled().await;
        producer.abort();
        let accepted = producer.await.is_ok();
        scenario.require(!accepted, "a producer that waits for a place", "submit returned");
    }
    trial.jobs.let_all_go();
    settled().await;
    let started = trial.jobs.book().runs.len();
    scenario.require(
        started == 2,
        "the 2 accepted jobs run, and none of those that were given up",
        format!("{started} jobs run"),
    );
    // All places must be free again.
    trial.jobs.hold();
    trial.accept(6..=7).await;
}

/// As many jobs run at once as there are workers, no two of them in one task.
///
/// Why: a pool that is narrower than it says takes that much longer for everything, its drain included.
#[tokio::test(start_paused = true)]
async fn as_many_jobs_run_at_once_as_there_are_workers() {
    let scenario = Scenario::new();
    for workers in [3, 1] {
        let trial = Trial::start(&scenario, workers, 4);
        trial.accept(1..=workers).await;
        settled().await;
        let (running, _) = trial.jobs.running();
        scenario.require(
            running == workers,
            format!("{workers} jobs accepted, and all {workers} running"),
            format!("{running} running"),
        );
        trial.accept(workers + 1..=workers + 4).await;
        // Not only the first ones: a free worker takes the next job.
        for done in [0, 1, 3] {
            settled().await;
            let (running, tasks) = trial.jobs.running();
            scenario.require(
                running >= workers,
                format!("{workers} jobs running at once after {done} were done"),
                format!("{running} running"),
            );
            scenario.require(
                tasks >= workers,
                format!("{workers} jobs running, no two of them in one task"),
                format!("{running} running, tasks: {tasks}"),
            );
            trial.jobs.let_go(if done == 0 { 1 } else { 2 });
        }
    }
}

/// Never more jobs run at once than there are workers, also during the drain.
///
/// Why: the number of workers protects something that cannot take more, such as a database. A drain is
/// no excuse for running it over.
#[tokio::test(start_paused = true)]
async fn never_more_jobs_run_at_once_than_there_are_workers() {
    let scenario = Scenario::new();
    let trial = Trial::start(&scenario, 2, 4);
    let require = |when: &str| {
        let most = trial.jobs.book().most_running;
        scenario.require(most <= 2, format!("at most 2 jobs at once {when}"), format!("{most} at once"));
    };
    trial.accept(1..=6).await;
    settled().await;
    require("while the queue is full");
    trial.jobs.let_go(1);
    settled().await;
    require("when a worker takes the next job");
    let drain = trial.drain(secs(60));
    settled().await;
    require("when the drain has begun");
    trial.jobs.let_go(1);
    settled().await;
    require("during the drain");
    trial.jobs.let_all_go();
    trial.drained(drain).await;
    require("until the drain is over");
    trial.require_done(1..=6);
}

/// A job that panics costs that one job: no worker, and no place.
///
/// Why: one bad order in a thousand would stop a pool of eight workers within the hour.
#[tokio::test(start_paused = true)]
async fn a_panicking_job_costs_no_worker_and_no_place() {
    let scenario = Scenario::new();
    let trial = Trial::start(&scenario, 2, 3);
    for number in 1..=10 {
        trial.accept_job(number, panics()).await;
        settled().await;
        let started = trial.jobs.book().runs.len();
        scenario.require(
            started == number,
            format!("job {number} begun: all jobs before it have panicked, the pool is idle"),
            "it waits for a worker",
        );
    }
    trial.accept(11..=15).await;
    settled().await;
    let running = trial.jobs.book().running;
    scenario.require(
        running == 2,
        "2 jobs running at once after 10 have panicked",
        format!("{running} running"),
    );
    trial.jobs.let_all_go();
    trial.drained(trial.drain(secs(60))).await;
    trial.require_done(11..=15);
}

/// Every job accepted before the drain has been run, exactly once, when the drain is complete.
///
/// Why: the producer was told that its order is in good hands. Nobody will submit it again.
#[tokio::test(start_paused = true)]
async fn every_accepted_job_is_run_before_the_drain_is_complete() {
    let scenario = Scenario::new();
    for workers in [1, 2] {
        let trial = Trial::start(&scenario, workers, 6 - workers);
        trial.accept(1..=6).await;
        let drain = trial.drain(secs(60));
        for left in (1..=6).rev() {
            // Nine seconds a job, 54 s in all: the deadline is at 60 s, and not earlier.
            sleep(secs(9)).await;
            trial.require_draining(&drain, left);
            trial.jobs.let_go(1);
        }
        trial.drained(drain).await;
        trial.require_done(1..=6);
    }
}

/// Accepted jobs are run, refused ones are not, while many producers race the drain.
///
/// Why: producers do not stop for a deploy. A job that slips in between the last look and the closing
/// is lost in silence, a few of them in every deploy.
///
/// Limit: 60 s
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn accepted_is_run_and_refused_is_not_while_producers_race_the_drain() {
    let scenario = Scenario::new();
    for round in 0..60 {
        let race = Race {
            producers: 8,
            workers: 1 + round % 4,
            queue: 1 + round % 7,
            drain_after: 5 * round,
            full: false,
        };
        race.run(&scenario).await;
    }
}

/// Once the drain has begun, `submit` returns `Err(Closed)` at once.
///
/// Why: whoever hears "no" can go elsewhere. Work that is still taken in makes a drain that never ends.
#[tokio::test(start_paused = true)]
async fn submit_is_refused_once_the_drain_has_begun() {
    let scenario = Scenario::new();
    let trial = Trial::start(&scenario, 1, 4);
    trial.accept(1..=2).await;
    let drain = trial.drain(secs(60));
    settled().await;
    trial.require_draining(&drain, 2);
    trial.refused(3, "during the drain, with room in the queue").await;
    trial.jobs.let_all_go();
    trial.drained(drain).await;
    trial.refused(4, "after the drain").await;
    settled().await;
    trial.require_done(1..=2);
}

/// Producers that wait because the pool is full are released with `Err(Closed)` when the drain begins.
///
/// Why: a producer that hangs in `submit` is a request that hangs, and it cannot drain either.
#[tokio::test(start_paused = true)]
async fn waiting_producers_are_released_when_the_drain_begins() {
    let scenario = Scenario::new();
    let trial = Trial::start(&scenario, 1, 2);
    trial.accept(1..=3).await;
    let producers = trial.waiting_producers(4..=6).await;
    let drain = trial.drain(secs(60));
    trial.released(producers).await;
    trial.jobs.let_all_go();
    trial.drained(drain).await;
    trial.require_done(1..=3);
}

/// Producers that wait do not hold up the drain: it keeps its deadline, though no worker is ever free.
///
/// Why: a drain that waits behind a stuck producer has no deadline at all. It ends with a kill.
#[tokio::test(start_paused = true)]
async fn waiting_producers_do_not_hold_up_the_drain() {
    let scenario = Scenario::new();
    let trial = Trial::start(&scenario, 2, 1);
    trial.accept(1..=3).await;
    let producers = trial.waiting_producers(4..=6).await;
    trial.missed(trial.drain(secs(1)), secs(1)).await;
    for producer in producers {
        producer.abort();
    }
}

/// A producer that waits and is not polled does not hold up the drain: it is over when the accepted jobs are.
///
/// Why: a `submit` in a branch of a `select!` may not be looked at for a while. What it holds in the meantime, the drain
/// must not wait for.
#[tokio::test(start_paused = true)]
async fn a_producer_that_is_not_polled_does_not_hold_up_the_drain() {
    let scenario = Scenario::new();
    let trial = Trial::start(&scenario, 1, 2);
    trial.accept(1..=3).await;
    let mut asleep = Box::pin(trial.pool.submit(async {}));
    let polled = poll_fn(|context| Poll::Ready(asleep.as_mut().poll(context))).await;
    scenario.require(polled.is_pending(), "submit 4 waits: the pool is full", format!("{polled:?}"));
    let drain = trial.drain(secs(60));
    trial.jobs.let_all_go();
    trial.drained(drain).await;
    trial.require_done(1..=3);
    drop(asleep);
}

/// An idle pool drains at once, also one that has worked before.
///
/// Why: most drains are of this kind. A fixed pause in each of them is what makes a deploy take an hour.
#[tokio::test(start_paused = true)]
async fn an_idle_pool_drains_at_once() {
    let scenario = Scenario::new();
    let busy = Trial::start(&scenario, 1, 1);
    busy.accept(1..=2).await;

    let unused = Trial::start(&scenario, 3, 3);
    settled().await;
    let begun = Moment::now();
    unused.drained(unused.drain(secs(60))).await;
    at_once(&scenario, begun, "drain of a pool that had no job");

    let idle = Trial::start(&scenario, 2, 3);
    idle.jobs.let_all_go();
    idle.accept(11..=20).await;
    settled().await;
    idle.require_done(11..=20);
    let begun = Moment::now();
    idle.drained(idle.drain(secs(60))).await;
    at_once(&scenario, begun, "drain of a pool whose jobs were all done");
}

/// The drain returns as soon as the last job is done.
///
/// Why: whatever the drain sleeps too long is taken from the budget of those who drain after it.
#[tokio::test(start_paused = true)]
async fn the_drain_returns_as_soon_as_the_last_job_is_done() {
    let scenario = Scenario::new();
    let trial = Trial::start(&scenario, 2, 4);
    let lengths = [37, 137, 237, 337, 437, 537];
    for (number, length) in (1..).zip(lengths) {
        trial.accept_job(number, lasts(ms(length))).await;
    }
    trial.drained(trial.drain(secs(60))).await;
    let Some(last) = trial.jobs.book().last_end else {
        scenario.fail("6 jobs run before the drain is complete", "no job has ended")
    };
    at_once(&scenario, last, "drain complete");
    trial.require_done(1..=6);
}

/// A job that panics during the drain does not break it, and does not hold it up.
///
/// Why: things go wrong during a shutdown more than at any other time.
#[tokio::test(start_paused = true)]
async fn a_job_that_panics_does_not_break_the_drain() {
    let scenario = Scenario::new();
    let trial = Trial::start(&scenario, 1, 4);
    for number in [1, 3, 5] {
        trial.accept_job(number, trial.jobs.panics_at_the_gate()).await;
        if number < 5 {
            trial.accept([number + 1]).await;
        }
    }
    let drain = trial.drain(secs(60));
    settled().await;
    let begun = Moment::now();
    trial.jobs.let_all_go();
    trial.drained(drain).await;
    at_once(&scenario, begun, "drain complete after the last job has panicked");
    let begun = trial.jobs.book().runs.len();
    scenario.require(begun == 5, "5 jobs begun, of which 3 panic", format!("{begun} begun"));
    trial.require_done([2, 4]);
}

/// If a job is left, the drain returns `Err(DeadlineExceeded)` at the deadline.
///
/// Why: somebody has a clock that kills. Only a drain that returns in time can still say what was left.
#[tokio::test(start_paused = true)]
async fn the_drain_returns_at_its_deadline() {
    let scenario = Scenario::new();
    for (running, queued) in [(1, 0), (2, 3)] {
        let trial = Trial::start(&scenario, 2, 3);
        trial.accept(1..=running + queued).await;
        trial.missed(trial.drain(secs(1)), secs(1)).await;
    }
}

/// Jobs that are done during the drain do not renew its deadline.
///
/// Why: a budget that starts again with every job is no budget: a long queue keeps it alive for ever.
#[tokio::test(start_paused = true)]
async fn jobs_that_are_done_do_not_renew_the_deadline() {
    let scenario = Scenario::new();
    let trial = Trial::start(&scenario, 2, 10);
    for number in 1..=12 {
        // Two workers, half a job apart: one of them is done every 300 ms.
        let length = if number == 1 { ms(300) } else { ms(600) };
        trial.accept_job(number, lasts(length)).await;
    }
    trial.missed(trial.drain(secs(1)), secs(1)).await;
    let done = trial.jobs.book().ends.len();
    scenario.require(done > 0, "jobs done during the drain", "none");
}

/// What is left at the deadline goes on and is finished, once; nothing new is taken.
///
/// Why: a job that is cut off half-way is neither done nor undone. Whoever cuts must know how to.
#[tokio::test(start_paused = true)]
async fn what_is_left_at_the_deadline_goes_on() {
    let scenario = Scenario::new();
    let trial = Trial::start(&scenario, 2, 3);
    trial.accept(1..=5).await;
    trial.missed(trial.drain(secs(1)), secs(1)).await;
    trial.refused(6, "after a drain that missed its deadline").await;
    trial.jobs.let_all_go();
    settled().await;
    trial.require_done(1..=5);
    let most = trial.jobs.book().most_running;
    scenario.require(most == 2, "2 jobs at once, also after the deadline", format!("{most} at once"));
}

/// Whatever the order of calls, the pool does what the brief says.
///
/// Why: the other criteria have their calls in the order that somebody thought of. In production a
/// producer gives up in just that moment, a job panics, and a drain is dropped and never asked for again.
///
/// Limit: 30 s
///
/// Seed: script
#[test]
fn whatever_the_order_of_calls_the_pool_does_what_the_brief_says() {
    drain_model::check(&Scenario::new(), &model::Task2);
}

mod leaks {
    use super::*;

    /// When the drain is complete, no task of the pool is left, even while the pool still exists.
    ///
    /// Why: a task that waits for jobs that cannot come keeps its memory and connections for ever.
    #[tokio::test(start_paused = true)]
    async fn no_task_is_left_when_the_drain_is_complete() {
        let scenario = Scenario::new();
        let before = Footprint::now();
        let trial = Trial::start(&scenario, 4, 4);
        trial.accept(1..=7).await;
        trial.accept_job(8, panics()).await;
        let producers = trial.waiting_producers(9..=12).await;
        let drain = trial.drain(secs(60));
        trial.jobs.let_all_go();
        trial.drained(drain).await;
        for producer in producers {
            let _ = trial.returned("submit to return", producer).await;
        }
        before.require_no_more(&scenario).await;
    }

    /// After a missed deadline, no task is left once the last job is done.
    ///
    /// Why: a service that drains one pool after the other, for ever, must not grow with each of them.
    #[tokio::test(start_paused = true)]
    async fn no_task_is_left_once_the_work_of_a_missed_deadline_is_done() {
        let scenario = Scenario::new();
        let before = Footprint::now();
        let trial = Trial::start(&scenario, 2, 3);
        trial.accept(1..=5).await;
        trial.missed(trial.drain(secs(1)), secs(1)).await;
        trial.jobs.let_all_go();
        settled().await;
        trial.require_done(1..=5);
        before.require_no_more(&scenario).await;
    }

    /// A job that is done leaves nothing behind, however it ended: after 20,000 jobs the pool is as small as
    /// before.
    ///
    /// Why: a pool that keeps something of every job grows for weeks. The kernel, which kills it in the
    /// end, does not drain it.
    ///
    /// Limit: 30 s
    #[test]
    fn a_job_that_is_done_leaves_nothing_behind() {
        drain_model::leaves_nothing_behind(&Scenario::new(), &model::Task2);
    }
}

mod load {
    use super::*;

    /// Accepted jobs are run and refused ones are not, with 64 producers and thousands of jobs.
    ///
    /// Why: under load every gap between two steps is hit by somebody.
    ///
    /// Limit: 60 s
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn nothing_is_lost_and_nothing_is_run_twice_under_load() {
        let scenario = Scenario::new();
        let race = Race { producers: 64, workers: 8, queue: 32, drain_after: 10_000, full: true };
        let accepted = race.run(&scenario).await;
        scenario.note(format!("{accepted} accepted jobs run once, 64 producers refused"));
    }

    /// A thousand producers that wait are released at once, and the drain completes.
    ///
    /// Why: when everything is stuck, everybody waits. That is when the stop comes.
    #[tokio::test(start_paused = true)]
    async fn a_thousand_waiting_producers_are_released() {
        let scenario = Scenario::new();
        let trial = Trial::start(&scenario, 4, 16);
        trial.accept(1..=20).await;
        let producers = trial.waiting_producers(21..=1_020).await;
        let drain = trial.drain(secs(60));
        trial.released(producers).await;
        trial.jobs.let_all_go();
        trial.drained(drain).await;
        trial.require_done(1..=20);
    }
}

mod report {
    use super::*;

    /// A complete drain reports itself once on stderr: how long it took, nothing abandoned.
    ///
    /// Why: the line is what you look for the morning after a deploy that went wrong.
    ///
    /// Limit: 20 s
    #[test]
    fn a_complete_drain_reports_itself_once() {
        let scenario = Scenario::new();
        let (program, measured) = drained_alone(&scenario, secs(5), async |pool| {
            // The age of the pool is not the duration of its drain.
            sleep(ms(300)).await;
            let _ = pool.submit(panics()).await;
            for _ in 0..3 {
                let _ = pool.submit(lasts(ms(150))).await;
            }
        });
        let report = program.require_report("complete", 0);
        // Two workers and three jobs of 150 ms, which begin at most a little before the drain.
        report.require_duration(&scenario, ms(150), measured + ms(10));
        scenario.note(format!("drain complete in {:.1?}, 0 abandoned", report.duration));
    }

    /// A missed deadline is reported once, with the number of accepted jobs that are not done.
    ///
    /// Why: a drain that only reports its successes is silent on the one day when it is asked.
    ///
    /// Limit: 20 s
    #[test]
    fn a_missed_deadline_is_reported_with_what_was_abandoned() {
        let scenario = Scenario::new();
        let (program, measured) = drained_alone(&scenario, ms(500), async |pool| {
            let _ = pool.submit(lasts(ms(1))).await;
            let _ = pool.submit(panics()).await;
            sleep(ms(20)).await;
            for _ in 0..5 {
                let _ = pool.submit(pending()).await;
            }
            // These wait when the drain begins: they were never accepted.
            for _ in 0..2 {
                let pool = pool.clone();
                tokio::spawn(async move { pool.submit(pending()).await });
            }
            sleep(ms(20)).await;
        });
        let report = program.require_report("deadline_exceeded", 5);
        // Much less than the deadline, because the machine may halt anything between two steps.
        report.require_duration(&scenario, ms(250), measured + ms(10));
    }
}
