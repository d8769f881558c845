//! Acceptance tests for task 6.

#[cfg(feature = "solution")]
extern crate task_06_solution as task_06;

mod model;
mod race;
mod trial;

use std::future::{pending, poll_fn};
use std::pin::pin;
use std::process::exit;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use drain_kit::leaks::Footprint;
use drain_kit::{AT_ONCE, Moment, Program, Running, Scenario, ms, panic_unseen, secs, settled};
use task_06::{Outcome, Pool};
use tokio::time::{Instant, sleep, timeout};

use crate::race::race;
use crate::trial::{Trial, complete, missed};

/// A second call returns at once, with the outcome of the first, whatever its own deadline.
///
/// Why: the signal handler drains, the admin endpoint drains, and `main` drains on its way out. If the
/// second of them panics, a clean stop ends in a crash report.
#[tokio::test(start_paused = true)]
async fn a_second_call_returns_at_once_with_the_first_outcome() {
    let scenario = Scenario::new();
    let trial = Trial::start(&scenario, 2);
    trial.accept([secs(1); 4]).await;
    let first = trial.over(trial.call("first call", secs(60))).await;
    trial.require_outcome(&first, complete(secs(2)));
    sleep(secs(5)).await;
    for (name, limit) in [("second call", secs(60)), ("third call", Duration::ZERO)] {
        let again = trial.over(trial.call(name, limit)).await;
        trial.require_at(&again, again.called, "the call: the drain is over");
        trial.require_outcome(&again, first.outcome);
    }
}

/// A missed deadline stays the outcome, with the jobs that were not done then, also when they are done by
/// the time of the next call.
///
/// Why: one half of the service logs a clean stop and the other a failed one, about the same drain.
#[tokio::test(start_paused = true)]
async fn a_missed_deadline_stays_the_outcome() {
    let scenario = Scenario::new();
    let trial = Trial::start(&scenario, 2);
    trial.accept([ms(500), secs(2), secs(2)]).await;
    let first = trial.over(trial.call("first call", secs(1))).await;
    trial.require_outcome(&first, missed(2));
    sleep(secs(10)).await;
    let again = trial.over(trial.call("second call", secs(60))).await;
    trial.require_at(&again, again.called, "the call: the drain is over");
    trial.require_outcome(&again, first.outcome);
    trial.require_done(3);
}

/// The drain begins when the first call is first polled: one that is never polled begins nothing.
///
/// Why: a call is made in one line and awaited in another, or in a branch of a `select!` that is not taken.
/// A pool that has closed by then closes though nobody drains it.
#[tokio::test(start_paused = true)]
async fn a_call_that_is_not_polled_begins_nothing() {
    let scenario = Scenario::new();
    let trial = Trial::start(&scenario, 2);
    let unpolled = trial.pool.drain(Instant::now() + secs(60));
    settled().await;
    trial.add_hooks(1..=1).await;
    trial.accept([secs(1); 2]).await;
    drop(unpolled);
    sleep(ms(500)).await;
    let first = trial.over(trial.call("first call", secs(60))).await;
    trial.require_outcome(&first, complete(ms(500)));
    trial.require_hooks_called(&first, &[1]);
    let second = trial.over(trial.call("second call", secs(60))).await;
    trial.require_outcome(&second, first.outcome);
}

/// A first call whose deadline has come begins the drain like any other, and ends it at once.
///
/// Why: the one who drains last finds the budget spent by those before. If it only hears that it is too
/// late, nothing is closed, and nobody calls the hooks.
#[tokio::test(start_paused = true)]
async fn a_first_call_whose_deadline_has_come_begins_the_drain() {
    let scenario = Scenario::new();
    let trial = Trial::start(&scenario, 2);
    trial.add_hooks(1..=2).await;
    trial.accept([secs(2); 3]).await;
    settled().await;
    let first = trial.over(trial.call("first call", Duration::ZERO)).await;
    trial.require_at(&first, first.called, "its deadline, which has come");
    trial.require_outcome(&first, missed(3));
    trial.require_hooks_called(&first, &[1, 2]);
    trial.require_closed("after it").await;
    let second = trial.over(trial.call("second call", secs(60))).await;
    trial.require_at(&second, second.called, "the call: the drain is over");
    trial.require_outcome(&second, first.outcome);
}

/// A hundred concurrent callers share one drain and one outcome, and none returns before it is over, or waits for one that
/// nobody polls.
///
/// Why: whoever returns first goes on to stop what the others still need: the database, the process.
#[tokio::test(start_paused = true)]
async fn a_hundred_concurrent_callers_share_one_drain() {
    let scenario = Scenario::new();
    let trial = Trial::start(&scenario, 2);
    trial.accept([secs(1); 4]).await;
    let mut callers = trial.crowd(1..=50, secs(60));
    sleep(ms(10)).await;
    // In a branch of a `select!`, say, whose other branch is busy.
    let pool = trial.pool.clone();
    tokio::spawn(async move {
        let mut drain = pin!(pool.drain(Instant::now() + secs(60)));
        poll_fn(|context| {
            let _ = drain.as_mut().poll(context);
            Poll::Ready(())
        })
        .await;
        pending::<()>().await;
    });
    for number in 51..=100 {
        sleep(ms(10)).await;
        // Some of them have a longer deadline than the first, and some a shorter one.
        callers.extend(trial.crowd([number], secs(number as u64 - 40)));
    }
    for caller in callers {
        let returned = trial.over(caller).await;
        trial.require_jobs_done(&returned, 4);
        trial.require_at(&returned, trial.book.entries().last_end(), "the end of the last job");
        trial.require_outcome(&returned, complete(secs(2)));
    }
}

/// The hooks are called once, in their order, after the last job and before anybody returns.
///
/// Why: hooks close what the jobs need. Called too early they break the last orders; called twice they
/// free what somebody else has by then; called too late they are not called at all.
#[tokio::test(start_paused = true)]
async fn the_hooks_are_called_once_after_the_last_job() {
    let scenario = Scenario::new();
    let trial = Trial::start(&scenario, 2);
    trial.add_hooks(1..=3).await;
    trial.accept([secs(1); 4]).await;
    let mut callers = trial.crowd(1..=5, secs(60));
    sleep(ms(100)).await;
    callers.extend(trial.crowd([6], secs(60)));
    for caller in callers {
        let returned = trial.over(caller).await;
        trial.require_hooks_called(&returned, &[1, 2, 3]);
    }
    trial.over(trial.call("late call", secs(60))).await;
    trial.require_hooks(&[1, 2, 3], "after one more call");
    let jobs_before = trial.book.entries().jobs_done_before_hooks;
    scenario.require(
        jobs_before == Some(4),
        "4 jobs done when the first hook is called",
        format!("{} done", jobs_before.unwrap_or_default()),
    );
}

/// When the drain misses its deadline, the hooks are called then, before anybody returns.
///
/// Why: `main` returns right after `drain`. Whatever has not been called by then never is: the buffer
/// stays unwritten, the lease unreturned.
#[tokio::test(start_paused = true)]
async fn at_a_missed_deadline_the_hooks_are_called_before_anybody_returns() {
    let scenario = Scenario::new();
    let trial = Trial::start(&scenario, 2);
    trial.add_hooks(1..=2).await;
    trial.accept([secs(10); 3]).await;
    // The same moment for all, as when each of them has it from the signal. One stays longer.
    let mut callers = trial.crowd(1..=3, secs(1));
    callers.push(trial.call("patient caller", secs(60)));
    let begun = Moment::now();
    for caller in callers {
        let returned = trial.over(caller).await;
        trial.require_at(&returned, begun.plus(secs(1)), "the deadline of the drain");
        trial.require_hooks_called(&returned, &[1, 2]);
        trial.require_outcome(&returned, missed(3));
    }
    sleep(secs(30)).await;
    trial.require_hooks(&[1, 2], "when the jobs are done");
    trial.require_done(3);
}

/// A caller whose own deadline is earlier returns at its own, and the drain goes on for the others.
///
/// Why: the health check has two seconds, the drain has thirty. Neither may get the other's budget.
#[tokio::test(start_paused = true)]
async fn a_caller_with_an_earlier_deadline_leaves_alone() {
    let scenario = Scenario::new();
    let trial = Trial::start(&scenario, 2);
    trial.add_hooks(1..=1).await;
    // Two of them are done between the call and the deadline of the hurried caller.
    trial.accept([ms(500), ms(500), secs(2), secs(2)]).await;
    let first = trial.call("first caller", secs(60));
    sleep(ms(100)).await;
    for (name, limit) in [("hurried caller", secs(1)), ("late caller", Duration::ZERO)] {
        let early = trial.over(trial.call(name, limit)).await;
        trial.require_at(&early, early.called.plus(limit), "its own deadline");
        trial.require_outcome(&early, missed(2));
        trial.require_hooks_called(&early, &[]);
    }
    let first = trial.over(first).await;
    trial.require_at(&first, trial.book.entries().last_end(), "the end of the last job");
    trial.require_outcome(&first, complete(ms(2_500)));
    let again = trial.over(trial.call("next caller", secs(60))).await;
    trial.require_outcome(&again, first.outcome);
}

/// The drain has the deadline of its first caller: those who join it do not prolong it.
///
/// Why: a supervisor that asks every second until it is answered would keep the drain alive for ever.
#[tokio::test(start_paused = true)]
async fn those_who_join_the_drain_do_not_prolong_it() {
    let scenario = Scenario::new();
    let trial = Trial::start(&scenario, 2);
    trial.accept([secs(30); 3]).await;
    let mut callers = vec![trial.call("first caller", secs(1))];
    let begun = Moment::now();
    for number in 2..=5 {
        sleep(ms(200)).await;
        callers.extend(trial.crowd([number], secs(60)));
    }
    for caller in callers {
        let returned = trial.over(caller).await;
        trial.require_at(&returned, begun.plus(secs(1)), "the deadline of the first caller");
        trial.require_outcome(&returned, missed(3));
    }
}

/// A caller that is dropped does not abort the drain for the others, not even the first one.
///
/// Why: the request that asked for the drain is given up by its client, and takes the drain with it.
/// Everybody else waits for something that nobody does any more.
#[tokio::test(start_paused = true)]
async fn a_dropped_caller_does_not_abort_the_drain() {
    let scenario = Scenario::new();
    let trial = Trial::start(&scenario, 2);
    trial.add_hooks(1..=2).await;
    trial.accept([secs(1); 4]).await;
    let mut callers = vec![trial.call("first caller", secs(60))];
    for number in 2..=4 {
        sleep(ms(100)).await;
        callers.extend(trial.crowd([number], secs(60)));
    }
    let (stay, leave) = (callers.split_off(2), callers);
    for caller in leave {
        sleep(ms(100)).await;
        trial.give_up(caller).await;
    }
    for caller in stay {
        let returned = trial.over(caller).await;
        trial.require_at(&returned, trial.book.entries().last_end(), "the end of the last job");
        trial.require_hooks_called(&returned, &[1, 2]);
        trial.require_outcome(&returned, complete(secs(2)));
    }
}

/// A drain whose callers are all dropped goes on to its end, and its outcome is there for the next call.
///
/// Why: a drain that only goes on while somebody watches leaves a service that takes no work, does
/// none, and does not stop.
#[tokio::test(start_paused = true)]
async fn a_drain_whose_callers_are_all_dropped_goes_on() {
    let scenario = Scenario::new();
    for (limit, outcome) in [(secs(60), complete(secs(4))), (secs(1), missed(4))] {
        let trial = Trial::start(&scenario, 2);
        trial.add_hooks(1..=2).await;
        trial.accept([secs(2); 4]).await;
        let caller = trial.call("only caller", limit);
        sleep(ms(100)).await;
        trial.give_up(caller).await;
        sleep(limit.min(secs(4)) - ms(100) + AT_ONCE).await;
        trial.require_hooks(&[1, 2], "at the end of a drain whose caller was dropped");
        sleep(secs(5)).await;
        let next = trial.over(trial.call("next caller", secs(60))).await;
        trial.require_at(&next, next.called, "the call: the drain is over");
        trial.require_outcome(&next, outcome);
    }
}

/// Whoever calls after the first caller was dropped joins its drain, with what is left of its deadline.
///
/// Why: a client that gives up and tries again, over and over, would get a new budget each time.
#[tokio::test(start_paused = true)]
async fn a_caller_after_a_dropped_one_joins_its_drain() {
    let scenario = Scenario::new();
    let trial = Trial::start(&scenario, 2);
    trial.add_hooks(1..=2).await;
    trial.accept([secs(30); 3]).await;
    let first = trial.call("first caller", secs(1));
    let begun = Moment::now();
    sleep(ms(300)).await;
    trial.give_up(first).await;
    sleep(ms(300)).await;
    let second = trial.over(trial.call("second caller", secs(60))).await;
    trial.require_at(&second, begun.plus(secs(1)), "the deadline of the first caller");
    trial.require_hooks_called(&second, &[1, 2]);
    trial.require_outcome(&second, missed(3));
}

/// A hook that panics costs that one hook: the others are called, and everybody gets the outcome.
///
/// Why: things go wrong during a shutdown more than at any other time.
#[tokio::test(start_paused = true)]
async fn a_hook_that_panics_costs_that_one_hook() {
    let scenario = Scenario::new();
    let trial = Trial::start(&scenario, 2);
    trial.add_hooks(1..=1).await;
    trial.add_hook(|| panic_unseen()).await;
    trial.add_hooks(2..=2).await;
    trial.accept([secs(1); 2]).await;
    let mut callers = trial.crowd(1..=3, secs(60));
    sleep(ms(100)).await;
    callers.extend(trial.crowd([4], secs(30)));
    for caller in callers {
        let returned = trial.over(caller).await;
        trial.require_outcome(&returned, complete(secs(1)));
        trial.require_hooks_called(&returned, &[1, 2]);
    }
}

/// The pool stays closed: it takes no job and no hook, whatever its callers do.
///
/// Why: a pool that opens again when somebody gives up takes work that nobody will ever wait for.
#[tokio::test(start_paused = true)]
async fn the_pool_stays_closed() {
    let scenario = Scenario::new();
    let trial = Trial::start(&scenario, 2);
    trial.accept([secs(2); 3]).await;
    let first = trial.call("first caller", secs(60));
    let second = trial.call("second caller", secs(60));
    settled().await;
    trial.require_closed("while it drains").await;
    trial.give_up(first).await;
    trial.require_closed("when the first caller was dropped").await;
    trial.over(trial.call("hurried caller", ms(100))).await;
    trial.require_closed("when a caller left at its own deadline").await;
    let second = trial.over(second).await;
    trial.require_outcome(&second, complete(secs(4)));
    trial.require_closed("when the drain is over").await;
    trial.over(trial.call("third caller", secs(60))).await;
    trial.require_closed("after one more call").await;
    settled().await;
    trial.require_done(3);
    trial.require_hooks(&[], "when all hooks were refused");
}

/// A producer that waits and is not polled does not hold up the drain: it is over when the accepted jobs are.
///
/// Why: a `submit` in a branch of a `select!` may not be looked at for a while. It has submitted nothing yet.
///
/// Stub passes: it holds the pool of task 2, in which it is so.
#[tokio::test(start_paused = true)]
async fn a_producer_that_is_not_polled_does_not_hold_up_the_drain() {
    let scenario = Scenario::new();
    let pool = Pool::start(1, 1);
    for number in 1..=2 {
        let accepted = pool.submit(async { sleep(secs(1)).await });
        let accepted = scenario.wait_at_most(secs(1), format!("submit {number} to return"), accepted).await;
        scenario.require(accepted.is_ok(), format!("job {number} accepted"), format!("{accepted:?}"));
    }
    let mut asleep = pin!(pool.submit(async {}));
    let polled = poll_fn(|context| Poll::Ready(asleep.as_mut().poll(context))).await;
    scenario.require(polled.is_pending(), "submit 3 waits: the pool is full", format!("{polled:?}"));
    scenario.timeline().anchor("drain");
    let drained = pool.drain(Instant::now() + secs(60));
    let outcome = scenario.wait_at_most(secs(20), "the drain to return", drained).await;
    let expected = complete(secs(2));
    scenario.require(outcome == expected, format!("{expected:?}"), format!("{outcome:?}"));
}

/// Callers that race each other, producers, and callers that give up share one drain, one outcome, and its
/// hooks in their order.
///
/// Why: between "has it begun?" and "now it has" there is room for a second caller. On a machine with
/// many cores somebody is always in there.
///
/// Limit: 60 s
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn callers_that_race_each_other_share_one_drain() {
    let scenario = Scenario::new();
    for _ in 0..200 {
        race(&scenario, 8, 4).await;
    }
}

/// Whatever the order of calls, the pool does what the brief says, and all that task 2 promises.
///
/// Why: the other criteria have their calls in the order that somebody thought of. In production a
/// producer gives up in just that moment, a job panics, and a drain is dropped and never asked for again.
///
/// Limit: 30 s
///
/// Seed: script
#[test]
fn whatever_the_order_of_calls_the_pool_does_what_the_brief_says() {
    drain_model::check(&Scenario::new(), &model::Task6);
}

mod leaks {
    use super::*;

    /// When the drain is over and the last job done, no task is left, however many have called.
    ///
    /// Why: a task for each caller that waits for a deadline hours away keeps its memory until then.
    #[tokio::test(start_paused = true)]
    async fn no_task_is_left_after_many_callers() {
        let scenario = Scenario::new();
        let before = Footprint::now();
        let trial = Trial::start(&scenario, 2);
        trial.accept([secs(2); 4]).await;
        let mut callers = trial.crowd(1..=30, secs(3600));
        sleep(ms(100)).await;
        // These leave at their own deadline.
        callers.extend(trial.crowd(31..=60, secs(1)));
        for caller in callers {
            trial.over(caller).await;
        }
        trial.over(trial.call("late caller", secs(3600))).await;
        trial.require_done(4);
        before.require_no_more(&scenario).await;
    }

    /// When callers were dropped, no task is left either, once the last job is done.
    ///
    /// Why: what goes on for nobody must end as well. It is easily forgotten, for nobody waits for it.
    #[tokio::test(start_paused = true)]
    async fn no_task_is_left_after_dropped_callers() {
        let scenario = Scenario::new();
        let before = Footprint::now();
        let trials = [secs(3600), secs(1)].map(|limit| (Trial::start(&scenario, 2), limit));
        for (trial, limit) in &trials {
            trial.accept([secs(2); 4]).await;
            let callers = trial.crowd(1..=30, *limit);
            sleep(ms(100)).await;
            for caller in callers {
                trial.give_up(caller).await;
            }
            sleep(secs(10)).await;
            trial.require_done(4);
            // The outcome is there, for whoever asks.
            trial.over(trial.call("next caller", secs(3600))).await;
        }
        before.require_no_more(&scenario).await;
    }

    /// A job that is done leaves nothing behind, however it ended: after 20,000 jobs the pool is as small as
    /// before.
    ///
    /// Why: a pool that keeps something of every job grows for weeks. The kernel, which kills it in the
    /// end, does not drain it.
    ///
    /// Limit: 30 s
    ///
    /// Stub passes: its pool is that of task 2, finished; what is to be written is the drain.
    #[test]
    fn a_job_that_is_done_leaves_nothing_behind() {
        drain_model::leaves_nothing_behind(&Scenario::new(), &model::Task6);
    }
}

mod load {
    use super::*;

    /// A thousand callers, half of them dropped, share one drain of hundreds of jobs.
    ///
    /// Why: when a node goes down, every request on it asks for the same drain, and most give up.
    ///
    /// Limit: 30 s
    #[tokio::test(start_paused = true)]
    async fn a_thousand_callers_share_one_drain() {
        let scenario = Scenario::new();
        let trial = Trial::start(&scenario, 50);
        trial.add_hooks(1..=1).await;
        trial.accept([secs(1); 500]).await;
        let mut stay = Vec::new();
        for number in (1..=1_000).step_by(10) {
            let callers = trial.crowd(number..number + 10, secs(60));
            sleep(ms(20)).await;
            for (index, caller) in callers.into_iter().enumerate() {
                if index % 2 == 0 {
                    trial.give_up(caller).await;
                } else {
                    stay.push(caller);
                }
            }
        }
        for caller in stay {
            let returned = trial.over(caller).await;
            trial.require_jobs_done(&returned, 500);
            trial.require_hooks_called(&returned, &[1]);
            trial.require_outcome(&returned, complete(secs(10)));
        }
    }

    /// A hundred callers race 32 producers and each other: one drain, one outcome, no accepted job lost.
    ///
    /// Why: under load every gap between two steps is hit by somebody.
    ///
    /// Limit: 60 s
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn a_hundred_callers_race_busy_producers() {
        let scenario = Scenario::new();
        let mut accepted = 0;
        for _ in 0..20 {
            accepted += race(&scenario, 100, 32).await;
        }
        scenario.note(format!("{accepted} accepted jobs run, 20 drains of 100 callers each"));
    }
}

mod report {
    use super::*;

    /// The drain reports itself once on stderr, however often it is called.
    ///
    /// Why: alarms and dashboards count these lines. A hundred of them are a hundred drains.
    #[test]
    fn the_drain_reports_itself_once() {
        let scenario = Scenario::new();
        let before = async |pool: &Pool| {
            // The age of the pool is not the duration of its drain.
            sleep(ms(300)).await;
            for _ in 0..3 {
                let _ = pool.submit(sleep(ms(150))).await;
            }
        };
        let program = reported(&scenario, before, async |pool, begun| {
            let mut outcomes = together(pool, 20, begun + secs(30)).await;
            for _ in 0..3 {
                outcomes.push(pool.drain(begun + secs(30)).await);
            }
            outcomes
        });
        let report = program.require_report("complete", 0);
        // Two workers and three jobs of 150 ms, which begin at most a little before the drain.
        scenario.require(
            report.duration >= ms(150),
            "a duration of 150 ms at least: the last job begins 150 ms before the end",
            format!("duration={:?}", report.duration),
        );
        scenario.note(format!("drain complete in {:.1?}, 0 abandoned", report.duration));
    }

    /// The report is there when a caller gets the outcome.
    ///
    /// Why: `main` drains and ends. A line that is still to be written then never is.
    #[test]
    fn the_report_is_there_when_a_caller_gets_the_outcome() {
        let scenario = Scenario::new();
        let program = Program::alone(&scenario, || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let service = async {
                let pool = Pool::start(2, 3);
                let _ = pool.submit(sleep(ms(50))).await;
                let deadline = Instant::now() + secs(5);
                let _ = tokio::join!(pool.drain(deadline), pool.drain(deadline));
                // What is not done by now never is.
                exit(0)
            };
            runtime
                .expect("a runtime")
                .block_on(async { tokio::spawn(service).await.expect("two outcomes") });
        });
        program.exit_with(0);
        program.require_report("complete", 0);
    }

    /// A missed deadline is reported once, also when callers left before it, and when one was dropped.
    ///
    /// Why: the drain that went wrong is the one that is asked about, and the one whose callers are gone.
    #[test]
    fn a_missed_deadline_is_reported_once() {
        let scenario = Scenario::new();
        let before = async |pool: &Pool| {
            for _ in 0..5 {
                let _ = pool.submit(pending()).await;
            }
        };
        let program = reported(&scenario, before, async |pool, begun| {
            // Dropped after 50 ms, unless the machine halts so long that it has an outcome by then.
            let first = timeout(ms(50), pool.drain(begun + ms(500))).await;
            let hurried = pool.drain(begun + ms(100)).await;
            let mut outcomes = together(pool, 20, begun + secs(30)).await;
            outcomes.push(hurried);
            outcomes.push(pool.drain(begun).await);
            outcomes.extend(first.ok());
            outcomes
        });
        let report = program.require_report("deadline_exceeded", 5);
        // Much less than the deadline, because the machine may halt anything between two steps.
        scenario.require(
            report.duration >= ms(250),
            "a duration of about 500 ms, up to the deadline of the first caller",
            format!("duration={:?}", report.duration),
        );
    }

    /// Calls the drain that many times at once.
    async fn together(pool: &Arc<Pool>, callers: usize, deadline: Instant) -> Vec<Outcome> {
        let call = |_| {
            let pool = pool.clone();
            tokio::spawn(async move { pool.drain(deadline).await })
        };
        let mut outcomes = Vec::new();
        for caller in (0..callers).map(call).collect::<Vec<_>>() {
            outcomes.extend(caller.await);
        }
        outcomes
    }

    /// Runs `before` and then `drains` on a pool of two workers and three places in the queue, in a
    /// process of its own. Requires that at least 22 calls return, all with one outcome.
    fn reported(
        scenario: &Scenario,
        before: impl AsyncFnOnce(&Pool),
        drains: impl AsyncFnOnce(&Arc<Pool>, Instant) -> Vec<Outcome>,
    ) -> Running {
        let program = Program::alone(scenario, || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let pool = Arc::new(Pool::start(2, 3));
                before(&pool).await;
                let begun = Instant::now();
                let outcomes = drains(&pool, begun).await;
                let took = begun.elapsed();
                let same = outcomes.iter().filter(|outcome| **outcome == outcomes[0]).count();
                println!("\nresult {} {same} {}", outcomes.len(), took.as_nanos());
            });
        });
        let report = program.drain_report();
        let lines = program.stdout();
        let result = lines.iter().find_map(|(_, line)| line.strip_prefix("result "));
        let result: Vec<u64> =
            result.unwrap_or_default().split(' ').filter_map(|number| number.parse().ok()).collect();
        let [returned, same, took] = result[..] else {
            scenario.fail("calls that return", "the process ended in one of them")
        };
        scenario.require(
            returned >= 22 && same == returned,
            "at least 22 calls that return, all with the same outcome",
            format!("{returned} returned, {same} with the same outcome"),
        );
        let took = Duration::from_nanos(took);
        scenario.require(
            report.duration <= took,
            format!("a duration of at most {took:?}, the time from the first call to the end of the last"),
            format!("duration={:?}", report.duration),
        );
        program
    }
}
