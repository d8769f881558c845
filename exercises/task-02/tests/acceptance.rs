//! Acceptance tests for task 2.

#[cfg(feature = "solution")]
extern crate task_02_solution as task_02;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::future::pending;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use drain_kit::leaks::Footprint;
use drain_kit::{DrainReport, Moment, Outcome, Program, Scenario, Span, Timeline, ms, secs};
use task_02::{Closed, DeadlineExceeded, Pool};
use tokio::sync::{Notify, Semaphore};
use tokio::task::{self, JoinHandle};
use tokio::time::{Instant, sleep, timeout};

#[path = "acceptance/model.rs"]
mod model;

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

/// As many jobs run at once as there are workers, each in a task of its own.
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
                format!("{workers} jobs running, each in a task of its own"),
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
            scenario.require(
                !drain.is_finished(),
                format!("a drain that waits for {left} accepted jobs"),
                "a drain that has returned",
            );
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
    let producers = trial.producers(4..=6);
    settled().await;
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
    let producers = trial.producers(4..=6);
    settled().await;
    trial.missed(trial.drain(secs(1)), secs(1)).await;
    for producer in producers {
        producer.abort();
    }
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
        let producers = trial.producers(9..=12);
        settled().await;
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
        let producers = trial.producers(21..=1_020);
        settled().await;
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
        let (report, measured) = reported(&scenario, secs(5), async |pool| {
            // The age of the pool is not the duration of its drain.
            sleep(ms(300)).await;
            let _ = pool.submit(panics()).await;
            for _ in 0..3 {
                let _ = pool.submit(lasts(ms(150))).await;
            }
        });
        require_report(&scenario, &report, "complete", 0);
        // Two workers and three jobs of 150 ms, which begin at most a little before the drain.
        scenario.require(
            report.duration >= ms(150) && report.duration <= measured + ms(10),
            format!("a duration of about {measured:?}, as measured around the drain"),
            format!("duration={:?}", report.duration),
        );
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
        let (report, measured) = reported(&scenario, ms(500), async |pool| {
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
        require_report(&scenario, &report, "deadline_exceeded", 5);
        // Much less than the deadline, because the machine may halt anything between two steps.
        scenario.require(
            report.duration >= ms(250) && report.duration <= measured + ms(10),
            format!("a duration of about {measured:?}, as measured around the drain"),
            format!("duration={:?}", report.duration),
        );
    }

    /// A pool that takes longer than this, with jobs of less than a second, hangs.
    const PATIENCE: Duration = secs(10);

    /// Runs `before` and then the drain of a pool of two workers and three places in the queue, in a
    /// process of its own. Returns the report, and how long the drain took seen from outside.
    fn reported(
        scenario: &Scenario,
        limit: Duration,
        before: impl AsyncFnOnce(Arc<Pool>),
    ) -> (DrainReport, Duration) {
        let program = Program::alone(scenario, || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let drained = async {
                let pool = Arc::new(Pool::start(2, 3));
                before(pool.clone()).await;
                let begun = Instant::now();
                let _ = pool.drain(begun + limit).await;
                println!("\nmeasured {}", begun.elapsed().as_nanos());
            };
            // A drain that hangs shall be told from one that is silent.
            let _ = runtime.expect("a runtime").block_on(async { timeout(PATIENCE, drained).await });
        });
        let exit = program.exit();
        let lines = program.stdout();
        let measured = lines.iter().find_map(|(_, line)| line.strip_prefix("measured ")?.parse().ok());
        if measured.is_none() && exit.outcome == Outcome::Code(0) {
            let limit = limit.as_millis();
            scenario.fail(
                format!("the drain to return, with a deadline of {limit} ms"),
                format!("it had not, {} s after the start", PATIENCE.as_secs()),
            );
        }
        let report = program.drain_report();
        let measured = measured.unwrap_or_default();
        (report, Duration::from_nanos(measured))
    }

    fn require_report(scenario: &Scenario, report: &DrainReport, outcome: &str, abandoned: u64) {
        scenario.require(
            report.outcome == outcome,
            format!("outcome={outcome}"),
            format!("outcome={}", report.outcome),
        );
        scenario.require(
            report.abandoned == abandoned,
            format!("abandoned={abandoned}"),
            format!("abandoned={}", report.abandoned),
        );
    }
}

/// "At once", on a clock that stands still while any task has something to do.
const AT_ONCE: Duration = ms(10);

/// What a race may take in real time. It takes milliseconds, but the machine may be busy.
const RACE: Duration = secs(15);

/// Returns when every task has gone as far as it can: only then does the paused clock move.
async fn settled() {
    sleep(ms(1)).await;
}

fn at_once(scenario: &Scenario, from: Moment, what: &str) {
    let took = Moment::now().since(from);
    scenario.require(
        took <= AT_ONCE,
        format!("{what} at once, at most {} ms later", AT_ONCE.as_millis()),
        format!("{} ms later", took.as_millis()),
    );
}

/// A job that takes this long, from when it begins on.
async fn lasts(time: Duration) {
    sleep(time).await;
}

/// A job that panics. Without the panic hook, so that nothing is printed that looks like a failure.
async fn panics() {
    resume_unwind(Box::new("a job that panics"));
}

/// A pool, its jobs, and the scenario that says what must become of them.
struct Trial<'a> {
    scenario: &'a Scenario,
    pool: Arc<Pool>,
    jobs: Jobs,
}

impl<'a> Trial<'a> {
    fn start(scenario: &'a Scenario, workers: usize, queue: usize) -> Self {
        let jobs = Jobs::new(scenario.timeline().clone());
        Self { scenario, pool: Arc::new(Pool::start(workers, queue)), jobs }
    }

    /// Submits jobs that are held at the gate, and requires that each is accepted.
    async fn accept(&self, numbers: impl IntoIterator<Item = usize>) {
        for number in numbers {
            self.accept_job(number, self.jobs.gate()).await;
        }
    }

    async fn accept_job(&self, number: usize, job: impl Future<Output = ()> + Send + 'static) {
        let submit = self.pool.submit(self.jobs.job(number, job));
        let what = format!("submit to accept job {number}, for which there is room,");
        if let Err(Closed) = self.scenario.wait_at_most(secs(1), what, submit).await {
            self.scenario.fail(format!("job {number} accepted: no drain has begun"), "Err(Closed)");
        }
    }

    /// Requires that a job is refused at once.
    async fn refused(&self, number: usize, when: &str) {
        let submit = self.pool.submit(self.jobs.job(number, self.jobs.gate()));
        let what = format!("submit to return {when}");
        if let Ok(()) = self.scenario.wait_at_most(AT_ONCE, what, submit).await {
            self.scenario.fail(format!("Err(Closed) from submit {when}"), "Ok(()): accepted");
        }
    }

    /// Producers that submit one job each, in tasks of their own.
    fn producers(&self, numbers: impl IntoIterator<Item = usize>) -> Vec<Producer> {
        let producer = |number| {
            let (pool, jobs) = (self.pool.clone(), self.jobs.clone());
            tokio::spawn(async move {
                let lane = format!("producer {number}");
                let submit = jobs.0.timeline.begin(&lane, "submit");
                let outcome = pool.submit(jobs.job(number, jobs.gate())).await;
                submit.end(if outcome.is_ok() { "Ok(())" } else { "Err(Closed)" });
                outcome
            })
        };
        numbers.into_iter().map(producer).collect()
    }

    /// Requires that producers who waited when the drain began are refused at once.
    async fn released(&self, producers: Vec<Producer>) {
        sleep(AT_ONCE).await;
        let all = producers.len();
        let waiting = producers.iter().filter(|producer| !producer.is_finished()).count();
        self.scenario.require(
            waiting == 0,
            format!("Err(Closed) for {all} producers that wait, at once when the drain begins"),
            format!("{waiting} of {all} still wait"),
        );
        let mut accepted = 0;
        for producer in producers {
            accepted += usize::from(self.returned("submit to return", producer).await.is_ok());
        }
        self.scenario.require(
            accepted == 0,
            format!("Err(Closed) for {all} producers that wait when the drain begins"),
            format!("Ok(()), accepted, for {accepted} of them"),
        );
    }

    /// Begins a drain with this much time until its deadline, in a task of its own.
    fn drain(&self, limit: Duration) -> JoinHandle<Result<(), DeadlineExceeded>> {
        let (pool, timeline) = (self.pool.clone(), self.jobs.0.timeline.clone());
        let deadline = Instant::now() + limit;
        tokio::spawn(async move {
            timeline.anchor("drain");
            let outcome = pool.drain(deadline).await;
            timeline.mark("drain", if outcome.is_ok() { "Ok(())" } else { "Err(DeadlineExceeded)" });
            outcome
        })
    }

    /// Requires that the drain completes.
    async fn drained(&self, drain: JoinHandle<Result<(), DeadlineExceeded>>) {
        if let Err(DeadlineExceeded) =
            self.returned("the drain, whose jobs can all be done, to return", drain).await
        {
            self.scenario.fail("Ok(()) from the drain: all jobs can be done", "Err(DeadlineExceeded)");
        }
    }

    /// Requires that the drain, begun just now, misses its deadline, and says so in time.
    async fn missed(&self, drain: JoinHandle<Result<(), DeadlineExceeded>>, limit: Duration) {
        let begun = Moment::now();
        let what = format!("the drain, whose deadline is at {} ms, to return", limit.as_millis());
        let outcome = returned(self.scenario, limit + AT_ONCE, &what, drain).await;
        let took = Moment::now().since(begun).as_millis();
        let expected = format!("Err(DeadlineExceeded) at {} ms: jobs are left", limit.as_millis());
        self.scenario.require(outcome.is_err(), &expected, format!("Ok(()) at {took} ms"));
        let in_time = took >= limit.as_millis();
        self.scenario.require(in_time, &expected, format!("Err(DeadlineExceeded) at {took} ms"));
    }

    /// Requires that these jobs have been run to their end, once, and no others.
    fn require_done(&self, numbers: impl IntoIterator<Item = usize>) {
        let book = self.jobs.book();
        let expected: Vec<usize> = numbers.into_iter().collect();
        let missing = list(expected.iter().filter(|number| !book.ends.contains(number)));
        let twice = list(book.runs.iter().filter(|(_, runs)| **runs > 1).map(|(number, _)| number));
        let others = list(book.ends.iter().filter(|number| !expected.contains(number)));
        drop(book);
        let jobs = format!("jobs {} run to their end, each once", list(&expected));
        for (wrong, what) in
            [(missing, "not done"), (twice, "begun more than once"), (others, "done, and never accepted")]
        {
            self.scenario.require(wrong.is_empty(), &jobs, format!("{what}: jobs {wrong}"));
        }
    }

    /// Waits for a task, which may neither hang nor panic.
    async fn returned<T>(&self, what: &str, task: JoinHandle<T>) -> T {
        returned(self.scenario, secs(20), what, task).await
    }
}

type Producer = JoinHandle<Result<(), Closed>>;

async fn returned<T>(scenario: &Scenario, limit: Duration, what: &str, task: JoinHandle<T>) -> T {
    match scenario.wait_at_most(limit, what, task).await {
        Ok(value) => value,
        Err(error) => scenario.fail(what, format!("it did not: {error}")),
    }
}

/// `1, 2, 3`, and no more than the first ten.
fn list<'a>(numbers: impl IntoIterator<Item = &'a usize>) -> String {
    const MOST: usize = 10;
    let numbers: Vec<String> = numbers.into_iter().map(ToString::to_string).collect();
    match numbers.len().saturating_sub(MOST) {
        0 => numbers.join(", "),
        more => format!("{} and {more} more", numbers[..MOST].join(", ")),
    }
}

/// Jobs that enter their beginning and their end in a book, and that a gate can hold in between.
#[derive(Clone)]
struct Jobs(Arc<Ward>);

struct Ward {
    timeline: Timeline,
    gate: Semaphore,
    book: Mutex<Book>,
}

/// What became of the jobs.
#[derive(Default)]
struct Book {
    /// How often each job has begun.
    runs: BTreeMap<usize, usize>,
    /// The jobs that have come to their end.
    ends: BTreeSet<usize>,
    last_end: Option<Moment>,
    running: usize,
    most_running: usize,
    /// The tasks in which jobs are running now.
    tasks: HashSet<task::Id>,
}

impl Jobs {
    fn new(timeline: Timeline) -> Self {
        Self(Arc::new(Ward { timeline, gate: Semaphore::new(0), book: Mutex::default() }))
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        lock(&self.0.book)
    }

    /// How many jobs are running now, and in how many tasks.
    fn running(&self) -> (usize, usize) {
        let book = self.book();
        (book.running, book.tasks.len())
    }

    /// A job that does `what`, entered in the book.
    fn job(
        &self,
        number: usize,
        what: impl Future<Output = ()> + Send + 'static,
    ) -> impl Future<Output = ()> + Send + 'static {
        let jobs = self.clone();
        async move {
            let running = RunningJob::enter(&jobs, number);
            what.await;
            running.end();
        }
    }

    /// Waits until the gate lets one more pass.
    fn gate(&self) -> impl Future<Output = ()> + Send + 'static {
        let jobs = self.clone();
        async move { jobs.0.gate.acquire().await.expect("the gate is never taken down").forget() }
    }

    /// Panics when the gate lets it pass.
    fn panics_at_the_gate(&self) -> impl Future<Output = ()> + Send + 'static {
        let gate = self.gate();
        async {
            gate.await;
            panics().await;
        }
    }

    fn let_go(&self, count: usize) {
        self.0.gate.add_permits(count);
    }

    fn let_all_go(&self) {
        self.let_go(10_000);
    }

    /// Holds jobs again after [`Jobs::let_all_go`].
    fn hold(&self) {
        self.0.gate.forget_permits(usize::MAX);
    }
}

/// A job between its beginning and its end; dropped without [`RunningJob::end`], it was cut off.
struct RunningJob<'a> {
    jobs: &'a Jobs,
    number: usize,
    task: Option<task::Id>,
    span: Option<Span>,
}

impl<'a> RunningJob<'a> {
    fn enter(jobs: &'a Jobs, number: usize) -> Self {
        let span = jobs.0.timeline.begin(&format!("job {number}"), "begins");
        let task = task::try_id();
        let mut book = jobs.book();
        *book.runs.entry(number).or_default() += 1;
        book.running += 1;
        book.most_running = book.most_running.max(book.running);
        book.tasks.extend(task);
        drop(book);
        Self { jobs, number, task, span: Some(span) }
    }

    fn end(mut self) {
        let end = self.span.take().map(|span| span.end("ends"));
        let mut book = self.jobs.book();
        book.ends.insert(self.number);
        book.last_end = book.last_end.max(end);
    }
}

impl Drop for RunningJob<'_> {
    fn drop(&mut self) {
        if let Some(span) = self.span.take() {
            span.end(if std::thread::panicking() { "panics" } else { "cut off" });
        }
        let mut book = self.jobs.book();
        book.running -= 1;
        if let Some(task) = self.task {
            book.tasks.remove(&task);
        }
    }
}

/// Producers that submit until they are refused, and a drain that begins while they do.
struct Race {
    producers: usize,
    workers: usize,
    queue: usize,
    /// The drain begins when this many jobs have begun.
    drain_after: usize,
    /// From then on jobs are held until the drain begins, and it begins when the pool is full.
    full: bool,
}

#[derive(Default)]
struct Course {
    /// For each producer the numbers of its jobs that were run, in the order in which they ended.
    runs: Vec<Mutex<Vec<usize>>>,
    accepted: AtomicUsize,
    begun: AtomicUsize,
    all_runs: AtomicUsize,
    running: AtomicUsize,
    most_running: AtomicUsize,
    drain_after: usize,
    reached: Notify,
    gate: Gate,
    /// The drain has returned.
    over: AtomicBool,
}

impl Course {
    /// Returns when this many jobs are accepted and not done.
    async fn unfinished(&self, count: usize) {
        let accepted = || self.accepted.load(Ordering::SeqCst);
        while accepted().saturating_sub(self.all_runs.load(Ordering::SeqCst)) < count {
            sleep(ms(1)).await;
        }
    }
}

/// Holds jobs until it is opened.
struct Gate(Semaphore);

impl Default for Gate {
    fn default() -> Self {
        Self(Semaphore::new(0))
    }
}

impl Gate {
    fn open(&self) {
        self.0.close();
    }

    async fn pass(&self) {
        // An error means that the gate is open.
        let _ = self.0.acquire().await;
    }
}

impl Race {
    /// Runs the race, and says how many jobs were accepted.
    async fn run(&self, scenario: &Scenario) -> usize {
        let Self { producers, workers, queue, drain_after, full } = *self;
        let round = format!(
            "{producers} producers, {workers} workers, queue {queue}, drain after {drain_after} jobs"
        );
        let fail = |expected: &str, observed: &str| -> ! {
            scenario.fail(expected, format!("{observed} ({round})"))
        };
        let runs = (0..producers).map(|_| Mutex::default()).collect();
        let course = Arc::new(Course { runs, drain_after, ..Course::default() });
        if !full {
            course.gate.open();
        }
        let pool = Arc::new(Pool::start(workers, queue));
        let produce = |producer| tokio::spawn(produce(pool.clone(), course.clone(), producer));
        let produced: Vec<_> = (0..producers).map(produce).collect();
        if drain_after > 0 {
            let reached = course.reached.notified();
            scenario.wait_at_most(RACE, format!("{drain_after} jobs to begin"), reached).await;
        }
        if full {
            let what = format!("{workers} jobs to run and {queue} to wait");
            scenario.wait_at_most(RACE, what, course.unfinished(workers + queue)).await;
        }
        let drain = {
            let (pool, course) = (pool.clone(), course.clone());
            let drain = async move { pool.drain(Instant::now() + RACE).await };
            // In this order: the drain has begun when the gate opens.
            tokio::spawn(async move { tokio::join!(drain, async { course.gate.open() }).0 })
        };
        let outcome = returned(scenario, RACE + AT_ONCE, "the drain to return", drain).await;
        // Judged is what had been run when the drain returned, not what may still come.
        let runs: Vec<Vec<usize>> = course.runs.iter().map(|runs| lock(runs).clone()).collect();
        course.over.store(true, Ordering::SeqCst);
        if let Err(DeadlineExceeded) = outcome {
            fail("Ok(()) from the drain: no job takes long", "Err(DeadlineExceeded)");
        }

        let mut accepted = 0;
        for (mut runs, producer) in runs.into_iter().zip(produced) {
            let Some(jobs) = returned(scenario, RACE, "submit to return", producer).await else {
                fail("Err(Closed) for every producer", "Ok(()), accepted, after the drain was over")
            };
            accepted += jobs;
            let begun = runs.len();
            runs.sort_unstable();
            runs.dedup();
            if runs.len() < begun {
                fail("each job run once", &format!("{} run once more", begun - runs.len()));
            }
            // Its jobs are numbered 0, 1, 2, ...: those below `jobs` were accepted, the last one was refused.
            if runs.len() < jobs {
                let lost = format!("{} of {jobs} of one producer were not run", jobs - runs.len());
                fail("all accepted jobs run when the drain is complete", &lost);
            }
        }
        let all = course.all_runs.load(Ordering::SeqCst);
        if all != accepted {
            fail("no refused job run", &format!("{accepted} jobs accepted, {all} run"));
        }
        let most = course.most_running.load(Ordering::SeqCst);
        if most > workers {
            fail(&format!("at most {workers} jobs at once"), &format!("{most} at once"));
        }
        accepted
    }
}

/// Submits until it is refused, and says how many jobs were accepted; `None` if it is never refused.
async fn produce(pool: Arc<Pool>, course: Arc<Course>, producer: usize) -> Option<usize> {
    for number in 0.. {
        let mine = course.clone();
        let job = async move {
            let running = mine.running.fetch_add(1, Ordering::SeqCst) + 1;
            mine.most_running.fetch_max(running, Ordering::SeqCst);
            let begun = mine.begun.fetch_add(1, Ordering::SeqCst) + 1;
            if begun == mine.drain_after {
                mine.reached.notify_one();
            }
            if begun >= mine.drain_after {
                mine.gate.pass().await;
            }
            if number % 3 == 0 {
                task::yield_now().await;
            }
            lock(&mine.runs[producer]).push(number);
            mine.all_runs.fetch_add(1, Ordering::SeqCst);
            mine.running.fetch_sub(1, Ordering::SeqCst);
        };
        let over = course.over.load(Ordering::SeqCst);
        if let Err(Closed) = pool.submit(job).await {
            return Some(number);
        }
        course.accepted.fetch_add(1, Ordering::SeqCst);
        if over {
            break;
        }
    }
    None
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
