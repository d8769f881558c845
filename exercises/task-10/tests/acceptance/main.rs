//! Acceptance tests for task 10.

#[cfg(feature = "solution")]
extern crate task_10_solution as task_10;

mod pool;
mod service;
mod text_format;

use std::future::{pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use drain_kit::{Client, Moment, Program, Scenario, Signal, ms, panic_unseen, secs, settled, shown};
use prometheus::{IntGauge, Opts, Registry};
use task_10::{DrainError, DrainMetrics};
use tokio::task::JoinSet;
use tokio::task::coop::consume_budget;
use tokio::time::{Instant, advance, sleep, timeout};

use crate::pool::{OUTCOMES, Pool, ends};
use crate::service::{SLOW, Service, program, samples};

/// The histogram, with each outcome, and the gauge are there from the beginning, with zero.
///
/// Why: a process has one drain. A series that begins with 1 has not grown, and no alert sees it.
#[tokio::test]
async fn all_is_there_from_the_beginning() {
    let scenario = Scenario::new();
    let pool = Pool::new(&scenario);
    pool.require_samples([0, 0, 0], "before any drain");
    pool.require_in_flight(0, "before any work");
    let scraped = pool.scrape();
    for (metric, kind) in [("drain_duration_seconds", "histogram"), ("work_in_flight", "gauge")] {
        let observed = scraped.kind(metric);
        scenario.require(
            observed == Some(kind),
            format!("# TYPE {metric} {kind}"),
            observed.unwrap_or("no such line"),
        );
    }
}

/// A drain leaves one sample, in seconds, under its outcome: complete, failed, or cut off at the deadline.
///
/// Why: if only those that end well are counted, the graph shows that all end well.
#[tokio::test(start_paused = true)]
async fn each_outcome_leaves_one_sample() {
    let scenario = Scenario::new();
    let pool = Pool::new(&scenario);
    let drained = pool.drain(ends::<&str>(ms(1_503), Ok(()))).await;
    scenario.require(drained == Ok(()), "Ok from the drain", format!("{drained:?}"));
    pool.require_samples([1, 0, 0], "after a complete drain");
    pool.require_sum("complete", ms(1_503));

    let drained = pool.drain(ends(ms(250), Err("the disk is full"))).await;
    let expected = Err(DrainError::Failed("the disk is full"));
    scenario.require(drained == expected, format!("{expected:?}"), format!("{drained:?}"));
    pool.require_samples([1, 0, 1], "after one that failed");
    pool.require_sum("failed", ms(250));

    let drained = pool.drain(pending::<Result<(), &str>>()).await;
    let expected = Err(DrainError::DeadlineExceeded { abandoned: 0 });
    scenario.require(drained == expected, format!("{expected:?}"), format!("{drained:?}"));
    pool.require_samples([1, 1, 1], "after one that was cut off");
    pool.require_sum("deadline_exceeded", secs(10));

    let drained = pool.drain(ends::<&str>(ms(500), Ok(()))).await;
    scenario.require(drained == Ok(()), "Ok from the drain", format!("{drained:?}"));
    pool.require_samples([2, 1, 1], "after a second complete one");
    pool.require_sum("complete", ms(2_003));
}

/// A drain that is dropped half-way leaves its sample, as failed; so does one whose work panics. One that was never polled
/// leaves none.
///
/// Why: it is dropped by the time-out around it, and that is the day on which you want to know how long it had taken.
#[tokio::test(start_paused = true)]
async fn a_drain_that_is_dropped_leaves_its_sample() {
    let scenario = Scenario::new();
    let pool = Pool::new(&scenario);
    let deadline = Instant::now() + secs(10);
    drop(pool.metrics.drain(deadline, pending::<Result<(), ()>>()));
    pool.require_samples([0, 0, 0], "after a drain that was never polled");

    let given_up = timeout(ms(700), pool.metrics.drain(deadline, pending::<Result<(), ()>>())).await;
    scenario.require(given_up.is_err(), "the drain to wait for its work", format!("{given_up:?}"));
    pool.require_samples([0, 0, 1], "after a drain that was dropped");
    pool.require_sum("failed", ms(700));

    let metrics = pool.metrics.clone();
    let panics = tokio::spawn(async move {
        let work = async {
            sleep(ms(300)).await;
            panic_unseen()
        };
        let _: Result<(), DrainError<()>> = metrics.drain(deadline, work).await;
    });
    let joined = scenario.wait_at_most(secs(60), "the drain to end", panics).await;
    scenario.require(joined.is_err(), "the panic of the work to go on", "none");
    pool.require_samples([0, 0, 2], "after a drain whose work has panicked");
    pool.require_sum("failed", secs(1));

    // Nobody looks at it when its deadline comes.
    let mut late = Box::pin(pool.metrics.drain(Instant::now() + ms(100), pending::<Result<(), ()>>()));
    let polled = poll_fn(|context| Poll::Ready(late.as_mut().poll(context))).await;
    scenario.require(polled.is_pending(), "the drain to wait for its work", format!("{polled:?}"));
    sleep(ms(300)).await;
    drop(late);
    pool.require_samples([0, 0, 3], "after a drain that was dropped later than at its deadline");
    pool.require_sum("failed", ms(1_300));
}

/// A drain whose work panics when it is cut off leaves one sample, and not two.
///
/// Why: a drain that counts twice makes of one bad night two.
#[tokio::test(start_paused = true)]
async fn a_panic_at_the_deadline_leaves_one_sample() {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            panic_unseen()
        }
    }
    let scenario = Scenario::new();
    let pool = Pool::new(&scenario);
    let metrics = pool.metrics.clone();
    let drain = tokio::spawn(async move {
        let work = async {
            let _panics = Panics;
            pending::<Result<(), ()>>().await
        };
        metrics.drain(Instant::now() + secs(1), work).await
    });
    let _ = scenario.wait_at_most(secs(60), "the drain to end", drain).await;
    let samples: Vec<f64> = OUTCOMES.iter().map(|outcome| pool.count(outcome)).collect();
    scenario.require(
        samples.iter().sum::<f64>() == 1.0,
        "one sample in all",
        format!("{samples:?} of {OUTCOMES:?}"),
    );
}

/// The drain ends at its deadline, and says how much was in flight then, also of what goes with the work; when it has
/// returned, the work has been dropped.
///
/// Why: who counts after the cut counts nothing, and a drain that abandoned nothing is not looked into.
#[tokio::test(start_paused = true)]
async fn what_is_abandoned_is_counted_at_the_deadline() {
    let scenario = Scenario::new();
    let pool = Pool::new(&scenario);
    let elsewhere = pool.metrics.enter();
    let held = [pool.metrics.enter(), pool.metrics.enter()];
    let mut jobs = JoinSet::new();
    for _ in 0..3 {
        let entered = pool.metrics.enter();
        jobs.spawn(async move {
            let _entered = entered;
            pending::<()>().await;
        });
    }
    settled().await;
    pool.require_in_flight(6, "with a drain before it");
    let work = async move {
        let _held = held;
        while jobs.join_next().await.is_some() {}
        Ok::<(), ()>(())
    };
    let begun = Instant::now();
    let drained = pool.drain(work).await;
    let took = begun.elapsed();
    let expected = Err(DrainError::DeadlineExceeded { abandoned: 6 });
    scenario.require(drained == expected, format!("{expected:?}"), format!("{drained:?}"));
    scenario.require(
        took >= secs(10) && took <= secs(10) + ms(10),
        "the drain to return at its deadline, 10 s after it began",
        format!("after {took:?}"),
    );
    settled().await;
    pool.require_in_flight(1, "when the drain has returned");
    drop(elsewhere);
    pool.require_in_flight(0, "when the last one has ended");
}

/// Work that ends at once is complete, also if the deadline has passed; work that does not is cut off at once.
///
/// Why: with nothing to do nothing was late. A budget that is used up is what the last component of a shutdown gets.
#[tokio::test(start_paused = true)]
async fn a_deadline_that_has_passed_is_for_what_does_not_end() {
    let scenario = Scenario::new();
    let pool = Pool::new(&scenario);
    let passed = Instant::now();
    sleep(secs(1)).await;
    for _ in 0..20 {
        let drained = pool.metrics.drain(passed, ready(Ok::<(), ()>(()))).await;
        scenario.require(drained == Ok(()), "Ok from work that ends at once", format!("{drained:?}"));
    }
    pool.require_samples([20, 0, 0], "after work that ends at once");
    let drained = pool.metrics.drain(passed, pending::<Result<(), ()>>());
    let drained = scenario.wait_at_most(ms(10), "the drain to return", drained).await;
    let expected = Err(DrainError::DeadlineExceeded { abandoned: 0 });
    scenario.require(drained == expected, format!("{expected:?}"), format!("{drained:?}"));
    pool.require_samples([20, 1, 0], "after work that does not end");
    pool.require_sum("deadline_exceeded", secs(0));
}

/// Work that never waits does not hide the deadline: `drain` returns, whether the deadline has passed or passes meanwhile.
///
/// Why: tokio gives a task 128 operations before it says "not yet" of everything, of the time too. Whoever asks for the time only after such work
/// never hears that it is over.
#[tokio::test(start_paused = true)]
async fn busy_work_does_not_hide_the_deadline() {
    // So much that it comes to its end if nobody stops it.
    const TURNS: usize = 100_000;
    let scenario = Scenario::new();
    let pool = Pool::new(&scenario);
    for left in [Duration::ZERO, ms(500)] {
        let work = async {
            for turn in 0..TURNS {
                if turn == TURNS / 2 {
                    advance(secs(1)).await;
                }
                consume_budget().await;
            }
            Ok::<(), ()>(())
        };
        let drained = pool.metrics.drain(Instant::now() + left, work).await;
        let expected = Err(DrainError::DeadlineExceeded { abandoned: 0 });
        scenario.require(drained == expected, format!("{expected:?}"), format!("{drained:?}"));
    }
    pool.require_samples([0, 2, 0], "after work that does not wait");
}

/// The buckets fit the budget: five bounds and more are less than it, and the largest is at least one and a half budgets.
///
/// Why: the default buckets end at ten seconds. What is longer lies in `+Inf`, and all that you know of it is that it was long.
#[test]
fn the_buckets_reach_beyond_the_budget() {
    let scenario = Scenario::new();
    for budget in [ms(2), ms(50), ms(250), secs(5), secs(30), secs(600)] {
        let pool = Pool::registered(&scenario, &Registry::new(), "http", budget);
        let scraped = pool.scrape();
        for outcome in OUTCOMES {
            let labels = [("outcome", outcome)];
            let buckets = scraped.samples("drain_duration_seconds_bucket", &labels);
            let bounds: Vec<f64> = buckets
                .filter_map(|bucket| bucket.label("le")?.parse().ok())
                .filter(|bound: &f64| bound.is_finite())
                .collect();
            let budget = budget.as_secs_f64();
            let below = bounds.iter().filter(|bound| **bound < budget).count();
            let largest = bounds.iter().copied().fold(0.0, f64::max);
            scenario.require(
                below >= 5 && largest >= 1.5 * budget * 0.999,
                format!("five bounds below a budget of {budget} s, and the largest at {} s", 1.5 * budget),
                format!("{bounds:?}"),
            );
        }
    }
}

/// What is in flight goes back to zero, whatever becomes of the work.
///
/// Why: a gauge that counts up once too often is wrong until the end of the process, and what waits for zero waits as long.
#[tokio::test(start_paused = true)]
async fn what_is_in_flight_goes_back_to_zero() {
    let scenario = Scenario::new();
    let pool = Pool::new(&scenario);
    let (first, second) = (pool.metrics.enter(), pool.metrics.clone().enter());
    pool.require_in_flight(2, "with two pieces of work");
    drop(first);
    pool.require_in_flight(1, "when one has ended");
    let elsewhere = thread::spawn(move || drop(second));
    scenario.require(elsewhere.join().is_ok(), "work that ends on another thread", "a panic");
    pool.require_in_flight(0, "when the other one has ended on another thread");

    let mut jobs = JoinSet::new();
    for panics in [true, false] {
        let metrics = pool.metrics.clone();
        jobs.spawn(async move {
            let _entered = metrics.enter();
            sleep(secs(1)).await;
            if panics {
                panic_unseen();
            }
            pending::<()>().await;
        });
    }
    settled().await;
    pool.require_in_flight(2, "with two jobs");
    let _ = jobs.join_next().await;
    pool.require_in_flight(1, "when one has panicked");
    jobs.shutdown().await;
    pool.require_in_flight(0, "when the other one is cancelled");
}

/// Pools share a registry, each under its name, and registries share a name; none counts for another, and the registry of
/// the process has none of them.
///
/// Why: what a library puts into the registry of the process meets there what another version of it has put there.
#[tokio::test(start_paused = true)]
async fn pools_do_not_collide() {
    let scenario = Scenario::new();
    let shared = Registry::new();
    let pools = [
        Pool::registered(&scenario, &shared, "http", secs(5)),
        Pool::registered(&scenario, &shared, "kafka", secs(30)),
        Pool::new(&scenario),
    ];
    let _entered = pools[0].metrics.enter();
    let drained = pools[0].drain(ends::<()>(ms(100), Ok(()))).await;
    scenario.require(drained.is_ok(), "Ok from the drain", format!("{drained:?}"));
    let drained = pools[1].drain(ends(ms(200), Err(()))).await;
    scenario.require(drained.is_err(), "an error from the drain", format!("{drained:?}"));
    for (pool, samples, in_flight) in
        [(&pools[0], [1, 0, 0], 1), (&pools[1], [0, 0, 1], 0), (&pools[2], [0, 0, 0], 0)]
    {
        pool.require_samples(samples, "after a drain of two of three pools");
        pool.require_in_flight(in_flight, "after a drain of two of three pools");
    }
    // However similar their names are.
    for name in ["a", "b", "pool-1", "pool-2", "pool-3", "pool-4", "pool-5", "1", "2", "3"] {
        Pool::registered(&scenario, &shared, name, secs(5));
    }
    let global: Vec<_> = prometheus::gather().iter().map(|family| family.name().to_owned()).collect();
    scenario.require(global.is_empty(), "nothing in the registry of the process", global.join(", "));
}

/// To register a pool twice is an error and no panic, and the first one goes on counting.
///
/// Why: a component that is started again registers again. That is no reason to lose the process, or what was counted.
#[tokio::test(start_paused = true)]
async fn a_pool_that_is_there_is_an_error() {
    let scenario = Scenario::new();
    let pool = Pool::new(&scenario);
    for budget in [secs(10), secs(20)] {
        let again = catch_unwind(AssertUnwindSafe(|| DrainMetrics::register(&pool.registry, "http", budget)));
        let observed = match again {
            Err(_) => "a panic",
            Ok(Ok(_)) => "Ok",
            Ok(Err(_)) => "an error",
        };
        scenario.require(
            observed == "an error",
            "an error from a second register of the same pool",
            observed,
        );
    }
    let _entered = pool.metrics.enter();
    let drained = pool.drain(ends::<()>(ms(100), Ok(()))).await;
    scenario.require(drained.is_ok(), "Ok from the drain", format!("{drained:?}"));
    pool.require_samples([1, 0, 0], "after a drain of the first one");
    pool.require_in_flight(1, "in the first one");
}

/// If one of the metrics cannot be registered, because somebody else has one of that name, none is.
///
/// Why: half of a pool in a registry is one that is scraped for ever, and that nobody counts in.
#[test]
fn an_error_registers_nothing() {
    let scenario = Scenario::new();
    for name in ["drain_duration_seconds", "work_in_flight"] {
        let registry = Registry::new();
        let theirs = IntGauge::with_opts(Opts::new(name, "Of somebody else.").const_label("pool", "http"));
        let theirs = theirs.expect("a gauge");
        registry.register(Box::new(theirs)).expect("the first of its name");
        let refused = DrainMetrics::register(&registry, "http", secs(5)).is_err();
        let there: Vec<_> = registry.gather().iter().map(|family| family.name().to_owned()).collect();
        scenario.require(
            refused && there == [name],
            format!("an error, and nothing in the registry but the {name} of somebody else"),
            format!("{}, and {there:?}", if refused { "an error" } else { "Ok" }),
        );
    }
}

/// `/metrics` answers during the whole drain, as `promtool check metrics` would have it, while new requests are refused, also if
/// somebody connects and asks nothing; and from the end of the drain on, for `LAST_SCRAPE`, it has the sample.
///
/// Why: the sample is in this process and nowhere else. If the listener goes first, it never was.
#[test]
fn metrics_answer_during_the_drain_and_after_it() {
    let scenario = Scenario::new();
    let mut service = Service::start(&scenario, "10s", "1s");
    let _silent = service.silent_scraper();
    let scraped = service.scrape();
    let all = samples(&scraped, "");
    scenario.require(all == 0.0, "no sample before a drain", all);
    let slow = service.slow("client");
    service.until_in_flight(1.0, ms(500), slow.sent());
    let earliest = slow.sent().plus(SLOW);
    let signal = service.signal(Some(&slow));
    let answered = service.drains_with(slow, signal);
    service.last_scrapes("complete", [earliest, answered], secs(1));
}

/// With nothing in flight, too, and an idle connection open, the metrics stay for `LAST_SCRAPE`, whatever it is, and no longer.
/// If it is not set, it is a fifth of the budget.
///
/// Why: most drains find nothing to do. If they leave at once, the graph has only those that did.
#[test]
fn the_metrics_stay_for_one_last_scrape() {
    let scenario = Scenario::new();
    for (number, (last_scrape, stays)) in
        (1..).zip([(Some("1s"), ms(1_000)), (Some("1600ms"), ms(1_600)), (None, ms(1_200))])
    {
        let program = program(&scenario).called(&format!("program {number}")).env("DRAIN_BUDGET", "6s");
        let program = last_scrape.into_iter().fold(program, |it, time| it.env("LAST_SCRAPE", time));
        let mut service = Service::of(&scenario, program);
        let mut idle = Client::connected(&scenario, "idle client", service.address);
        let outcome = idle.get("/fast", service::PATIENCE);
        scenario.require(outcome.is_ok(), "GET /fast: 200", shown(&outcome));
        service.scrape();
        let signal = service.signal(None);
        service.last_scrapes("complete", [signal, signal], stays);
        service.program.require_report("complete", 0);
    }
}

/// The time for the last scrape is inside the budget: the drain is cut off so much earlier, has its sample, and the program
/// exits at the end of the budget, with code 1.
///
/// Why: what comes after the budget is a kill. The drain that overran is then the one of which there is no sample.
#[test]
fn the_last_scrape_is_inside_the_budget() {
    let scenario = Scenario::new();
    let mut service = Service::start(&scenario, "2s", "1s");
    let slow = [service.slow("client 1"), service.slow("client 2")];
    service.until_in_flight(2.0, ms(500), slow[1].sent());
    let signal = service.signal(Some(&slow[0]));
    let cut = signal.plus(secs(1));
    service.last_scrapes("deadline_exceeded", [cut, cut], secs(1));
    service.program.exit_at_the_deadline(secs(2), signal);
    service.program.require_report("deadline_exceeded", 2);
    for request in slow {
        let (client, outcome) = request.outcome();
        scenario.require(outcome.is_err(), "a request that is cut off", "an answer");
        scenario.at_least(ms(950), signal, client.settled(), "the cut");
    }
}

/// A second signal changes nothing, in the drain and in the time for the last scrape.
///
/// Why: who is impatient at a terminal, and an orchestrator that asks twice, would take the sample along.
#[test]
fn a_second_signal_changes_nothing() {
    let scenario = Scenario::new();
    let mut service = Service::start(&scenario, "8s", "1500ms");
    let slow = service.slow("client");
    let earliest = slow.sent().plus(SLOW);
    service.signal(Some(&slow));
    Moment::now().plus(ms(200)).wait();
    service.program.signal(Signal::SIGTERM);
    service.program.signal(Signal::SIGINT);
    let answered = slow.answered().at;
    answered.plus(ms(100)).wait();
    service.program.signal(Signal::SIGINT);
    service.program.signal(Signal::SIGTERM);
    service.last_scrapes("complete", [earliest, answered], ms(1_500));
    service.program.require_report("complete", 0);
}

/// SIGINT means the same as SIGTERM, and a signal that comes while the first line is being written drains, too.
///
/// Why: a deploy that is rolled back stops processes that have just begun.
#[test]
fn a_signal_in_the_first_milliseconds_drains() {
    let scenario = Scenario::new();
    for (number, kind) in (1..).zip([Signal::SIGTERM, Signal::SIGINT]) {
        let program = program(&scenario)
            .called(&format!("program {number}"))
            .env("DRAIN_BUDGET", "5s")
            .env("LAST_SCRAPE", "200ms")
            .stdout_full()
            .start();
        program.blocked_in_write();
        let signal = program.signal(kind);
        program.read_on();
        program.exit_at_most(ms(200 + 1_000), signal);
        program.exit_with(0);
        program.require_report("complete", 0);
    }
}

/// Requests whose clients have hung up are not in flight any more, and the gauge goes back to zero.
///
/// Why: clients give up all the time. A gauge that keeps them shows a leak that there is not, or hides one.
#[test]
fn clients_that_hang_up_are_not_in_flight() {
    let scenario = Scenario::new();
    let service = Service::start(&scenario, "5s", "500ms");
    let mut sent = Moment::now();
    for number in 1..=3 {
        let mut client = Client::connected(&scenario, &format!("client {number}"), service.address);
        sent = client.send("/slow");
        client.wait_until_read();
        service.until_in_flight(1.0, ms(500), sent);
        drop(client);
        service.until_in_flight(0.0, SLOW + ms(500), sent);
    }
    service.until_in_flight(0.0, SLOW + ms(500), sent);
    service.signal(None);
    service.program.exit_with(0);
}

/// A variable with a bad value, and an address that is in use, is one line with its name, the value and what was expected,
/// and exit code 2.
///
/// Why: a last scrape that is as long as the budget is a drain that has no time.
///
/// Stub passes: the start of the server is finished.
#[test]
fn a_bad_value_is_told_in_one_line() {
    let scenario = Scenario::new();
    let taken = drain_kit::somebody_listens();
    let taken = taken.local_addr().expect("a bound socket has an address").to_string();
    for (variable, value) in [
        ("DRAIN_BUDGET", "soon"),
        ("DRAIN_BUDGET", ""),
        ("DRAIN_BUDGET", "0s"),
        ("LISTEN_ADDR", "localhost"),
        ("METRICS_ADDR", ""),
        ("METRICS_ADDR", "9100"),
        ("LAST_SCRAPE", ""),
        ("LAST_SCRAPE", "1"),
        ("LAST_SCRAPE", "0s"),
        ("LAST_SCRAPE", "-1s"),
        // As long as the budget, which is five seconds; and longer.
        ("LAST_SCRAPE", "5s"),
        ("LAST_SCRAPE", "1m"),
        ("LISTEN_ADDR", &taken),
        ("METRICS_ADDR", &taken),
    ] {
        program(&scenario).require_refused(variable, value);
    }
}

mod leaks {
    use super::*;

    use drain_kit::leaks::{Footprint, require_descriptors_at_most, require_no_process_left};

    /// A drain leaves no task, and nothing of its work, however it ends.
    ///
    /// Why: whoever called the drain closes the database next.
    #[tokio::test(start_paused = true)]
    async fn a_drain_leaves_nothing_behind() {
        let scenario = Scenario::new();
        let before = Footprint::now();
        let pool = Pool::new(&scenario);
        let held = Arc::new(());
        for round in 0..3 {
            let holds = held.clone();
            let work = async move {
                let _holds = holds;
                match round {
                    0 => pending().await,
                    1 => Err(()),
                    _ => Ok(()),
                }
            };
            let _ = pool.drain(work).await;
            let left = Arc::strong_count(&held) - 1;
            scenario.require(left == 0, "the work dropped when the drain has returned", "it is still there");
        }
        before.require_no_more(&scenario).await;
    }

    /// Scrapes leave no descriptor behind, and the server leaves no process.
    ///
    /// Why: a scraper comes every few seconds for as long as the server lives.
    #[test]
    fn scrapes_leave_nothing_behind() {
        let scenario = Scenario::new();
        let service = Service::start(&scenario, "5s", "500ms");
        service.scrape();
        let before = service.program.descriptors();
        for _ in 0..30 {
            service.scrape();
        }
        require_descriptors_at_most(&scenario, &service.program, before + 5);
        service.signal(None);
        service.program.exit_with(0);
        require_no_process_left(&scenario, &service.program);
    }
}

mod load {
    use super::*;

    use drain_kit::load::{in_flight, settle};

    /// Of many drains that end at once on several threads, each leaves one sample, and whoever scrapes meanwhile finds a
    /// histogram that adds up.
    ///
    /// Why: a process that serves many tenants drains many pools, and all of them on the same day.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn many_drains_leave_one_sample_each() {
        let scenario = Scenario::new();
        let pool = Pool::new(&scenario);
        let mut drains = JoinSet::new();
        for number in 0..300 {
            let metrics = pool.metrics.clone();
            drains.spawn(async move {
                let begun = Instant::now();
                let entered = metrics.enter();
                match number % 4 {
                    0 => drop(metrics.drain(begun + secs(10), ends::<()>(ms(5), Ok(()))).await),
                    1 => drop(metrics.drain(begun + ms(5), pending::<Result<(), ()>>()).await),
                    2 => drop(metrics.drain(begun + secs(10), ends(ms(5), Err(()))).await),
                    _ => {
                        let drain = metrics.drain(begun + secs(10), pending::<Result<(), ()>>());
                        let _ = timeout(ms(5), drain).await;
                    }
                }
                drop(entered);
            });
        }
        let all = async { while drains.join_next().await.is_some() {} };
        let scrapes = async {
            loop {
                pool.scrape();
                sleep(ms(1)).await;
            }
        };
        let both = async {
            tokio::select! {
                () = all => {}
                () = scrapes => {}
            }
        };
        scenario.wait_at_most(secs(20), "300 drains to end", both).await;
        pool.require_samples([75, 75, 150], "after 300 drains");
        pool.require_in_flight(0, "after 300 drains");
        scenario.note("300 samples of 300 drains");
    }

    /// Scrapes are answered beside two hundred `/slow`, before the signal and in the drain, and all two hundred are counted and
    /// answered, too.
    ///
    /// Why: what limits requests must not limit the one that tells you why.
    ///
    /// Limit: 20 s
    #[test]
    fn scrapes_are_answered_beside_two_hundred_requests() {
        let scenario = Scenario::new();
        let mut service = Service::start(&scenario, "10s", "1s");
        let pending = in_flight(&scenario, service.address, 200, "/slow", service::PATIENCE);
        let read = Moment::now();
        let (first, last) = (pending[0].sent(), pending[199].sent());
        service.until_in_flight(200.0, ms(500), read);
        let signal = service.signal(None);
        scenario.at_most(secs(1), first, signal, "the signal, with two hundred `/slow` in flight,");
        service.scrape();
        let ledger = settle(pending);
        let answered = Moment::now();
        scenario.require(ledger.answered == 200, "200 of 200 answered", &ledger);
        service.last_scrapes("complete", [last.plus(SLOW), answered], secs(1));
        scenario.note(ledger);
    }
}

mod report {
    use super::*;

    use drain_kit::{DrainReport, Running};

    /// Each drain reports itself once on stderr, whatever its outcome, with how long it took, to the microsecond of its sample,
    /// and with what was abandoned.
    ///
    /// Why: two clocks for one drain are two truths, and the first question of the morning after is which one to believe.
    #[test]
    fn each_drain_reports_its_sample() {
        let scenario = Scenario::new();
        let drains = [
            ("complete", ms(1_503), 0),
            ("failed", ms(250), 2),
            ("deadline_exceeded", secs(3), 2),
            ("failed", ms(700), 2),
            ("failed", ms(300), 2),
        ];
        let program = Program::alone(&scenario, || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .start_paused(true)
                .build()
                .expect("a runtime");
            // Its words on stdout, its line on stderr.
            println!();
            for (number, (outcome, ..)) in drains.into_iter().enumerate() {
                runtime.block_on(async {
                    let pool = Pool::new(&scenario);
                    let _entered = [pool.metrics.enter(), pool.metrics.enter()];
                    drain(pool.metrics.clone(), number).await;
                    println!("sample {}", pool.sum(outcome));
                });
            }
        });
        program.exit_with(0);
        let samples: Vec<f64> = program
            .stdout()
            .iter()
            .filter_map(|(_, line)| line.strip_prefix("sample ")?.parse().ok())
            .collect();
        let reports = reports(&program);
        scenario.require(
            reports.len() == drains.len() && samples.len() == drains.len(),
            "one line `drain outcome=...` on stderr for each of 5 drains, and one sample",
            format!("{} such lines, {} samples", reports.len(), samples.len()),
        );
        for ((report, sample), (outcome, duration, abandoned)) in reports.into_iter().zip(samples).zip(drains)
        {
            let took = report.duration;
            scenario.require(
                report.outcome == outcome
                    && report.abandoned == abandoned
                    && took >= duration
                    && took <= duration + ms(10),
                format!("outcome={outcome} duration={duration:?} abandoned={abandoned}"),
                format!("{report:?}"),
            );
            scenario.require(
                (took.as_secs_f64() - sample).abs() <= 1e-6,
                format!("a sample of {} s, the duration of the line", took.as_secs_f64()),
                sample,
            );
        }
    }

    /// Complete, failed, cut off, dropped, and with work that panics.
    async fn drain(metrics: DrainMetrics, number: usize) {
        let deadline = Instant::now() + secs(3);
        match number {
            0 => drop(metrics.drain(deadline, ends::<()>(ms(1_503), Ok(()))).await),
            1 => drop(metrics.drain(deadline, ends(ms(250), Err(()))).await),
            2 => drop(metrics.drain(deadline, pending::<Result<(), ()>>()).await),
            3 => drop(timeout(ms(700), metrics.drain(deadline, pending::<Result<(), ()>>())).await),
            _ => {
                let work = async {
                    sleep(ms(300)).await;
                    panic_unseen()
                };
                let panics = tokio::spawn(async move {
                    let _: Result<(), DrainError<()>> = metrics.drain(deadline, work).await;
                });
                let _ = panics.await;
            }
        }
    }

    fn reports(program: &Running) -> Vec<DrainReport> {
        let lines = program.stderr().into_iter().map(|(_, line)| line);
        let lines = lines.filter(|line| line.contains("drain outcome="));
        lines.filter_map(|line| DrainReport::parse(&line)).collect()
    }

    /// The server's sample is what its report says: the time from the signal to the end of the drain, without that for the last
    /// scrape.
    ///
    /// Why: a drain that is always a second longer than it was hides the one that was.
    #[test]
    fn the_sample_is_what_the_server_reports() {
        let scenario = Scenario::new();
        let service = Service::start(&scenario, "8s", "1s");
        let slow = service.slow("client");
        let sent = slow.sent();
        let signal = service.signal(Some(&slow));
        let answered = slow.answered().at;
        answered.plus(ms(400)).wait();
        let scraped = service.scrape();
        service.program.exit_with(0);
        let report = service.program.require_report("complete", 0);
        let least = SLOW.saturating_sub(signal.since(sent) + ms(50));
        let most = answered.since(signal) + ms(500);
        report.require_duration(&scenario, least, most);
        let sum = scraped.value("drain_duration_seconds_sum", &[]).unwrap_or(f64::NAN);
        scenario.require(
            (report.duration.as_secs_f64() - sum).abs() <= 1e-6,
            format!(
                "drain_duration_seconds_sum {}, the duration of the report",
                report.duration.as_secs_f64()
            ),
            sum,
        );
    }
}
