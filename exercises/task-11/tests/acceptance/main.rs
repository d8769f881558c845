//! Acceptance tests for task 11.

#[cfg(feature = "solution")]
extern crate task_11_solution as task_11;

mod baton;
mod book;
mod model;
mod trial;

use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use drain_kit::leaks::Footprint;
use drain_kit::{Moment, Program, Scenario, ms, panic_unseen, secs};
use task_11::{Guard, InFlight, Kind, OwnedGuard};
use tokio::runtime::Builder;
use tokio::task::yield_now;
use tokio::time::{Instant, timeout};

use crate::trial::{EXACT, FAR, Trial};

/// An idle service is complete 200 ms after the first poll of the call: not at once, not later, and however long it has
/// been idle before.
///
/// Why: the load balancer goes on sending for a moment after it was told. Who looks once and sees nothing leaves
/// between two requests.
#[tokio::test(start_paused = true)]
async fn an_idle_service_is_complete_after_the_window() {
    let scenario = Scenario::new();
    let trial = Trial::new(&scenario);
    let fresh = trial.call("first caller", FAR).await;
    trial.idle_at(fresh, 200).await;

    trial.comes_and_goes("request");
    trial.at(5_000).await;
    let again = trial.call("second caller", FAR).await;
    trial.idle_at(again, 5_200).await;

    // A future that nobody polls begins nothing.
    let unpolled = trial.in_flight.wait_idle(Instant::now() + FAR);
    trial.at(6_000).await;
    let polled = Instant::now();
    let idle = scenario.wait_at_most(secs(10), "the call to return", unpolled).await;
    let took = polled.elapsed();
    let exact = |time: Duration| ms(200) <= time && time <= ms(200) + EXACT;
    scenario.require(exact(took), "Ok 200 ms after the first poll of the call", format!("after {took:?}"));
    let holds = idle.is_ok_and(|idle| exact(idle.duration));
    scenario.require(holds, "Ok, with a duration of 200 ms: from the first poll", format!("{idle:?}"));
}

/// It waits for all that is in flight, and 200 ms more.
///
/// Why: the slowest request is the one whose user has waited longest.
#[tokio::test(start_paused = true)]
async fn it_waits_for_what_is_in_flight_and_then_the_window() {
    let scenario = Scenario::new();
    let trial = Trial::new(&scenario);
    let slow = trial.enter("slow request");
    let fast = trial.enter("fast request");
    let caller = trial.call("caller", FAR).await;
    trial.at(100).await;
    drop(fast);
    trial.at(1_000).await;
    drop(slow);
    trial.idle_at(caller, 1_200).await;
}

/// An arrival breaks the window, at its beginning, in its middle and just before its end; the next begins when
/// it is gone.
///
/// Why: who still comes has an old address, and will come again. That is what the window is for.
#[tokio::test(start_paused = true)]
async fn an_arrival_breaks_the_window() {
    let scenario = Scenario::new();
    let trial = Trial::new(&scenario);
    let caller = trial.call("caller", FAR).await;
    trial.at(199).await;
    let first = trial.enter("request 1");
    trial.at(300).await;
    drop(first);
    // The window is from 300 to 500, wherever others ended.
    trial.at(301).await;
    let second = trial.enter("request 2");
    trial.at(450).await;
    drop(second);
    trial.at(550).await;
    // In flight when the window would have ended, and long after that.
    let third = trial.enter("request 3");
    trial.at(2_000).await;
    trial.still_waits(&caller, "request 3 is in flight").await;
    drop(third);
    trial.idle_at(caller, 2_200).await;
}

/// One that comes and goes before anybody can look breaks the window as well, and be it the 65,536th.
///
/// Why: a cached answer takes microseconds. A service that answers thousands of those a second looks idle to whoever
/// looks now and then.
#[tokio::test(start_paused = true)]
async fn one_that_comes_and_goes_between_two_looks_is_not_missed() {
    let scenario = Scenario::new();
    let trial = Trial::new(&scenario);
    let caller = trial.call("caller", FAR).await;
    for time in [150, 300, 499, 500, 650] {
        trial.at(time).await;
        trial.comes_and_goes("request");
    }
    trial.idle_at(caller, 850).await;
    for many in [2, 256, 65_536] {
        let trial = Trial::new(&scenario);
        let caller = trial.call("caller", FAR).await;
        trial.at(150).await;
        for _ in 0..many {
            drop(trial.in_flight.enter(Kind::Work));
        }
        trial.mark("requests", &format!("{many} come and go"));
        trial.idle_at(caller, 350).await;
    }
}

/// Where one begins before the other ends, nothing is idle in between, for as long as it goes on.
///
/// Why: under load there is always somebody, and never the same.
#[tokio::test(start_paused = true)]
async fn work_that_overlaps_leaves_no_window() {
    let scenario = Scenario::new();
    let trial = Trial::new(&scenario);
    let mut before = trial.enter("request 0");
    let caller = trial.call("caller", FAR).await;
    for number in 1..=20 {
        trial.at(number * 150).await;
        let next = trial.enter(&format!("request {number}"));
        drop(before);
        before = next;
        trial.require_count(1, "when one has taken over from the other");
    }
    trial.still_waits(&caller, "the last request is in flight").await;
    drop(before);
    trial.idle_at(caller, 3_200).await;
}

/// A guard is given back whatever ends the work: a panic, a task that is aborted, a future that is dropped before or
/// after its first poll.
///
/// Why: clients hang up, and handlers panic. A counter that is not given back once is never zero again, and each
/// stop from then on is a kill.
#[tokio::test(start_paused = true)]
async fn guards_survive_panics_and_cancellation() {
    let scenario = Scenario::new();
    let trial = Trial::new(&scenario);
    let caller = trial.call("caller", FAR).await;
    let guard = |kind| trial.in_flight.enter_owned(kind);

    for kind in [Kind::Work, Kind::Probe] {
        let owned = guard(kind);
        let panicked = tokio::spawn(async move {
            let _guard = owned;
            panic_unseen()
        });
        let shared = trial.in_flight.clone();
        let borrowed = tokio::spawn(async move {
            let _guard = shared.enter(kind);
            panic_unseen()
        });
        let owned = guard(kind);
        let aborted = tokio::spawn(async move {
            let _guard = owned;
            pending::<()>().await;
        });
        let shared = trial.in_flight.clone();
        let dropped = async move {
            let _guard = shared.enter(kind);
            pending::<()>().await;
        };
        let owned = guard(kind);
        let unpolled = async move { drop(owned) };
        let _ = timeout(ms(1), dropped).await;
        aborted.abort();
        drop(unpolled);
        let _ = catch_unwind(AssertUnwindSafe(|| {
            let _guard = trial.in_flight.enter(kind);
            panic_unseen()
        }));
        let _: (Result<(), _>, Result<(), _>, _) = (panicked.await, borrowed.await, aborted.await);
        trial.require_count(0, "when all have panicked or were cancelled");
    }
    trial.mark("requests", "have panicked, or were cancelled");
    trial.at(50).await;
    trial.comes_and_goes("request");
    trial.idle_at(caller, 250).await;
}

/// A guard counts until it is dropped, in whatever task that is.
///
/// Why: a request is read in one task, answered in a second, and its body ends in a third.
#[tokio::test(start_paused = true)]
async fn guards_can_be_moved() {
    fn can_be_moved<T: Send + Sync + 'static>() {}
    can_be_moved::<InFlight>();
    can_be_moved::<Guard<'static>>();
    can_be_moved::<OwnedGuard>();

    let scenario = Scenario::new();
    let trial = Trial::new(&scenario);
    let caller = trial.call("caller", FAR).await;
    let mut begun = trial.enter("request");
    for number in 1..=3 {
        let moved = tokio::spawn(async move {
            tokio::time::sleep(ms(300)).await;
            begun
        });
        begun = scenario.returned(secs(10), "the task to return the guard", moved).await;
        trial.require_count(1, &format!("when the guard has come back from task {number}"));
    }
    trial.still_waits(&caller, "the guard is alive").await;
    tokio::spawn(async move { drop(begun) });
    trial.idle_at(caller, 1_100).await;
}

/// Work may begin and end on threads without a runtime, and end on another one than it has begun on: it is counted, and
/// those who wait are woken.
///
/// Why: what computes for long, or calls a library in C, has threads of its own.
#[tokio::test]
async fn work_may_begin_and_end_on_plain_threads() {
    let scenario = Scenario::new();
    let in_flight = Arc::new(InFlight::new());
    let here = in_flight.enter_owned(Kind::Work);
    let caller = {
        let (in_flight, deadline) = (in_flight.clone(), Instant::now() + secs(8));
        tokio::spawn(async move { in_flight.wait_idle(deadline).await })
    };
    yield_now().await;
    let there = {
        let in_flight = in_flight.clone();
        std::thread::spawn(move || {
            let there = in_flight.enter_owned(Kind::Work);
            drop(here);
            drop(in_flight.enter(Kind::Work));
            there
        })
    };
    let there = there.join().expect("work can begin and end on a plain thread");
    let count = in_flight.count();
    scenario.require(count == 1, "1 in flight: what has begun on a plain thread", format!("{count}"));
    tokio::time::sleep(ms(300)).await;
    scenario.require(!caller.is_finished(), "a call that waits: something is in flight", "it has returned");
    let before = Moment::now();
    std::thread::spawn(move || drop(there)).join().expect("work can end on a plain thread");
    let after = Moment::now();
    let idle = scenario.returned(secs(9), "the call to return", caller).await;
    let returned = Moment::now();
    scenario.require(idle.is_ok(), "Ok(Idle)", format!("{idle:?}"));
    scenario.at_least(ms(200), before, returned, "the return");
    scenario.at_most(ms(700), after, returned, "the return");
}

/// Probes are no work: they are not counted, hold up nobody, and restart no window; nor do they take anything away from
/// what is counted.
///
/// Why: the probes come every second until the process is gone. A service that waits for a break between them waits
/// up to its deadline, at every deploy.
#[tokio::test(start_paused = true)]
async fn probes_are_no_work() {
    let scenario = Scenario::new();
    let trial = Trial::new(&scenario);
    let held = trial.in_flight.enter(Kind::Probe);
    let caller = trial.call("caller", FAR).await;
    trial.at(50).await;
    drop(trial.in_flight.enter(Kind::Probe));
    trial.at(150).await;
    drop(trial.in_flight.enter_owned(Kind::Probe));
    trial.mark("probe", "comes and goes");
    let owned = trial.in_flight.enter_owned(Kind::Probe);
    trial.require_count(0, "with two probes");
    trial.idle_at(caller, 200).await;

    let trial = Trial::new(&scenario);
    let work = trial.enter("request");
    let caller = trial.call("caller", FAR).await;
    drop((held, owned));
    drop(trial.in_flight.enter(Kind::Probe));
    drop(trial.in_flight.enter_owned(Kind::Probe));
    trial.require_count(1, "when probes have come and gone, and one request is there");
    trial.at(1_000).await;
    trial.still_waits(&caller, "a request is in flight").await;
    drop(work);
    trial.idle_at(caller, 1_200).await;
}

/// `count` is what is in flight: both kinds of guard, while somebody waits and when nobody does.
///
/// Why: it is the gauge on the dashboard, and the number in the report.
#[tokio::test(start_paused = true)]
async fn the_count_is_what_is_in_flight() {
    const MANY: usize = (1 << 16) + 1;
    let scenario = Scenario::new();
    let trial = Trial::new(&scenario);
    trial.require_count(0, "at first");
    let in_flight = trial.in_flight.clone();
    for waits in [false, true] {
        let caller = if waits { Some(trial.call("caller", FAR).await) } else { None };
        let borrowed: Vec<_> = (0..100).map(|_| in_flight.enter(Kind::Work)).collect();
        let mut owned: Vec<_> = (0..1_000).map(|_| in_flight.enter_owned(Kind::Work)).collect();
        trial.require_count(1_100, "with 1,100 guards");
        drop(borrowed);
        trial.require_count(1_000, "with 1,000 guards");
        owned.truncate(1);
        trial.require_count(1, "with one guard");
        drop(owned);
        trial.require_count(0, "when all guards were dropped");
        let many: Vec<_> = (0..MANY).map(|_| in_flight.enter_owned(Kind::Work)).collect();
        trial.require_count(MANY, "with as many guards as 16 bits count, and one more");
        drop(many);
        if let Some(caller) = caller {
            trial.idle_at(caller, 200).await;
        }
    }
}

/// At the deadline the call returns the error, with the number of what is in flight, which may be zero; a window that
/// ends in that very moment is over.
///
/// Why: one request that hangs must not hang the stop. And who reads "0 in flight" beside a missed deadline knows that
/// only the last moment was missing.
#[tokio::test(start_paused = true)]
async fn the_deadline_bounds_the_wait() {
    let scenario = Scenario::new();
    let trial = Trial::new(&scenario);
    let stuck: Vec<_> = (1..=3).map(|number| trial.enter(&format!("request {number}"))).collect();
    let caller = trial.call("caller", secs(1)).await;
    trial.late_at(caller, 1_000, 3).await;
    let again = trial.call("second caller", ms(500)).await;
    trial.at(1_450).await;
    drop(stuck);
    // Nothing is in flight, but not for long.
    trial.late_at(again, 1_500, 0).await;

    for (limit, idle) in [(199, false), (200, true), (201, true)] {
        let trial = Trial::new(&scenario);
        let caller = trial.call(&format!("caller with {limit} ms"), ms(limit)).await;
        if idle {
            trial.idle_at(caller, 200).await
        } else {
            trial.late_at(caller, limit, 0).await
        }
        // The same, when the window has been broken.
        let trial = Trial::new(&scenario);
        let caller = trial.call(&format!("caller with {} ms", 700 + limit), ms(700 + limit)).await;
        trial.at(100).await;
        let work = trial.enter("request");
        trial.at(700).await;
        drop(work);
        if idle { trial.idle_at(caller, 900).await } else { trial.late_at(caller, 700 + limit, 0).await }
    }
}

/// With a deadline that has passed the call returns at once, always with the error.
///
/// Why: the budget was spent by those before. That nothing was in flight when somebody looked is no proof that nobody
/// comes any more.
#[tokio::test(start_paused = true)]
async fn a_deadline_that_has_passed_returns_at_once() {
    let scenario = Scenario::new();
    for early in [0, 1, 200, 5_000] {
        let trial = Trial::new(&scenario);
        trial.at(10_000).await;
        let passed = Instant::now() - ms(early);
        let caller = trial.call_until("caller of an idle service", passed).await;
        trial.late_at(caller, 10_000, 0).await;
        let _work = [trial.enter("request 1"), trial.enter("request 2")];
        let caller = trial.call_until("caller of a busy service", passed).await;
        trial.late_at(caller, 10_000, 2).await;
    }
}

/// A call that goes on in another task after its first poll is woken there.
///
/// Why: a future is polled once by a `select!` and then handed to a task, and whoever keeps the first waker tells somebody
/// who has gone.
#[tokio::test(start_paused = true)]
async fn a_call_is_woken_where_it_was_polled_last() {
    let scenario = Scenario::new();
    let in_flight = Arc::new(InFlight::new());
    for works in [true, false] {
        let work = works.then(|| in_flight.enter_owned(Kind::Work));
        let waiter = in_flight.clone();
        let begun = Instant::now();
        let mut call = Box::pin(async move { waiter.wait_idle(begun + secs(5)).await });
        let polled = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        scenario.require(polled.is_pending(), "a call that waits for its window", format!("{polled:?}"));
        let elsewhere = tokio::spawn(call);
        tokio::time::sleep(ms(100)).await;
        drop(work);
        let over = begun + if works { ms(300) } else { ms(200) };
        let outcome = scenario.wait_at_most(secs(60), "the call to return", elsewhere).await;
        let late = Instant::now().saturating_duration_since(over);
        scenario.require(
            outcome.as_ref().is_ok_and(Result::is_ok) && late <= EXACT,
            format!("idle after {:?}", over - begun),
            format!("{outcome:?}, {late:?} later"),
        );
    }
}

/// Many may wait, each with a beginning and a deadline of its own.
///
/// Why: the signal handler waits, the deploy's hook asks, and a test waits beside them.
#[tokio::test(start_paused = true)]
async fn each_of_many_waits_for_itself() {
    let scenario = Scenario::new();
    let trial = Trial::new(&scenario);
    let first = trial.call("caller 1", FAR).await;
    trial.at(50).await;
    let second = trial.call("caller 2", FAR).await;
    let short = trial.call("short caller", ms(100)).await;
    trial.at(199).await;
    let third = trial.call("caller 3", FAR).await;
    trial.late_at(short, 150, 0).await;
    trial.idle_at(first, 200).await;
    trial.idle_at(second, 250).await;
    trial.at(300).await;
    let work = trial.enter("request");
    let early = trial.call("early caller", ms(100)).await;
    let late = trial.call("late caller", ms(700)).await;
    trial.at(350).await;
    trial.comes_and_goes("another request");
    trial.at(900).await;
    drop(work);
    let newcomer = trial.call("newcomer", FAR).await;
    trial.late_at(early, 400, 1).await;
    trial.late_at(late, 1_000, 0).await;
    trial.idle_at(third, 1_100).await;
    trial.idle_at(newcomer, 1_100).await;
}

/// A call that is dropped, or kept and never polled again, changes nothing for the others.
///
/// Why: a `select!` drops what has lost, and a future in a list waits for its turn. If the wake-up went to one of those, the
/// others wait for ever.
#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_or_kept_holds_up_nobody() {
    let scenario = Scenario::new();
    let trial = Trial::new(&scenario);
    let work = trial.enter("request");
    let mut callers = Vec::new();
    for number in 1..=6 {
        callers.push(trial.call(&format!("caller {number}"), FAR).await);
    }
    let mut kept = pin!(trial.in_flight.wait_idle(Instant::now() + FAR));
    let poll = kept.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    scenario.require(poll.is_pending(), "a call that waits", "it has returned");
    let last = trial.call("last caller", FAR).await;
    trial.at(100).await;
    let stays = callers.split_off(3);
    for caller in callers {
        trial.give_up(caller).await;
    }
    trial.at(300).await;
    drop(work);
    // In the window, too: one is dropped that had been woken already.
    trial.at(400).await;
    for (number, caller) in stays.into_iter().enumerate() {
        if number == 0 {
            trial.comes_and_goes("another request");
            trial.give_up(caller).await;
        } else {
            trial.idle_at(caller, 600).await;
        }
    }
    trial.idle_at(last, 600).await;
}

/// The counter goes on counting when a call has returned, and the next call waits for a window of its own.
///
/// Why: a deploy is taken back, and the service goes on. What was idle once is not idle for ever.
#[tokio::test(start_paused = true)]
async fn nothing_is_over_when_a_call_has_returned() {
    let scenario = Scenario::new();
    let trial = Trial::new(&scenario);
    let caller = trial.call("caller", FAR).await;
    trial.idle_at(caller, 200).await;
    let again = trial.call("second caller", FAR).await;
    trial.at(300).await;
    let work = trial.enter("request");
    trial.require_count(1, "after a call has returned");
    trial.at(1_000).await;
    let short = trial.call("third caller", ms(100)).await;
    trial.late_at(short, 1_100, 1).await;
    trial.still_waits(&again, "a request is in flight").await;
    drop(work);
    trial.idle_at(again, 1_300).await;
    let last = trial.call("last caller", FAR).await;
    trial.idle_at(last, 1_500).await;
}

/// A call that waits sleeps: it is not woken while nobody comes or goes.
///
/// Why: whoever looks a thousand times a second whether it is over takes the processor from those for whom it waits.
#[tokio::test(start_paused = true)]
async fn a_call_that_waits_sleeps() {
    struct Alarm(AtomicUsize);
    impl Wake for Alarm {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    let scenario = Scenario::new();
    let trial = Trial::new(&scenario);
    let work = trial.enter("request");
    let alarm = Arc::new(Alarm(AtomicUsize::new(1)));
    let waker = Waker::from(alarm.clone());
    let mut call = pin!(trial.in_flight.wait_idle(Instant::now() + FAR));
    let mut work = Some(work);
    let (mut polls, mut over) = (0, false);
    for step in 0..600 {
        if alarm.0.swap(0, Ordering::SeqCst) > 0 {
            polls += 1;
            over = call.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
        }
        if over {
            break;
        }
        tokio::time::sleep(ms(100)).await;
        if step == 500 {
            work = None;
        }
    }
    drop(work);
    scenario.require(
        over,
        "a call that returns when the request has ended and the window is over",
        "it waits",
    );
    let observed = format!("it has been woken {polls} times");
    scenario.require(polls <= 10, "a call that is woken by what happens: at most 10 times", observed);
}

/// The deadline is kept, too, when there is always somebody who comes and goes.
///
/// Why: a busy service is the one that must not be waited for without an end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_deadline_is_kept_when_all_are_busy() {
    let scenario = Scenario::new();
    let in_flight = Arc::new(InFlight::new());
    let busy: Vec<_> = (0..4)
        .map(|_| {
            let in_flight = in_flight.clone();
            tokio::spawn(async move {
                loop {
                    for _ in 0..100 {
                        drop(in_flight.enter(Kind::Work));
                    }
                    yield_now().await;
                }
            })
        })
        .collect();
    let begun = Moment::now();
    let deadline = Instant::now() + ms(500);
    let caller = {
        let in_flight = in_flight.clone();
        tokio::spawn(async move { in_flight.wait_idle(deadline).await })
    };
    let result = scenario.returned(secs(8), "the call to return", caller).await;
    let ended = Moment::now();
    busy.iter().for_each(tokio::task::JoinHandle::abort);
    scenario.require(
        result.is_err(),
        "Err(DeadlineExceeded): somebody comes all the time",
        format!("{result:?}"),
    );
    scenario.at_least(ms(500), begun, ended, "the return");
    scenario.at_most(secs(2), begun, ended, "the return");
}

/// Whatever the order in which work and calls begin and end, each call returns in its moment, with what it is to
/// return.
///
/// Why: the other criteria have their steps in the order that somebody thought of.
///
/// Limit: 30 s
///
/// Seed: script
#[test]
fn whatever_the_order_each_call_returns_in_its_moment() {
    model::check(&Scenario::new());
}

mod leaks {
    use super::*;

    /// Nothing is left of a call that has returned or was dropped: no task, and nobody who would be woken.
    ///
    /// Why: a health check that waits for idleness for a second, again and again, while one request hangs for days.
    #[tokio::test(start_paused = true)]
    async fn nothing_is_left_of_a_call() {
        struct Sleeper;
        impl Wake for Sleeper {
            fn wake(self: Arc<Self>) {}
        }

        let scenario = Scenario::new();
        let before = Footprint::now();
        let trial = Trial::new(&scenario);
        let sleeper = Arc::new(Sleeper);
        let work = trial.enter("request");
        for busy in [Some(work), None] {
            for _ in 0..100 {
                let waker = Waker::from(sleeper.clone());
                let mut call = Box::pin(trial.in_flight.wait_idle(Instant::now() + FAR));
                let poll = call.as_mut().poll(&mut Context::from_waker(&waker));
                scenario.require(poll.is_pending(), "a call that waits", "it has returned");
            }
            let waker = Waker::from(sleeper.clone());
            let deadline = Instant::now() + if busy.is_some() { ms(100) } else { FAR };
            let mut call = Box::pin(trial.in_flight.wait_idle(deadline));
            while call.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
                tokio::time::sleep(ms(50)).await;
            }
            drop((call, waker));
            // What was left to be done by others has been done by now.
            yield_now().await;
            let left = Arc::strong_count(&sleeper) - 1;
            let observed = format!("{left} would be woken");
            scenario.require(left == 0, "nobody who would be woken for a call that is over", observed);
        }
        let short = trial.call("short caller", ms(100)).await;
        let idle = trial.call("caller", FAR).await;
        let dropped = trial.call("dropped caller", FAR).await;
        trial.give_up(dropped).await;
        trial.returned(short).await;
        trial.returned(idle).await;
        before.require_no_more(&scenario).await;
    }
}

mod load {
    use super::*;
    use crate::baton::{Course, run};

    /// A thousand callers, some of whom give up, get what they are due in the moment in which they are due it.
    ///
    /// Why: at the end of a deploy everybody asks at the same time.
    ///
    /// Limit: 30 s
    #[tokio::test(start_paused = true)]
    async fn a_thousand_callers_return_in_their_moment() {
        let scenario = Scenario::new();
        let trial = Trial::new(&scenario);
        let mut work = Some(trial.enter("request"));
        let (mut stay, mut leave, mut short) = (Vec::new(), Vec::new(), Vec::new());
        for number in 0..1_000 {
            let name = format!("caller {number}");
            match number % 3 {
                0 => stay.push(trial.call(&name, FAR).await),
                1 => leave.push(trial.call(&name, FAR).await),
                _ => short.push(trial.call(&name, ms(700)).await),
            }
        }
        trial.at(500).await;
        for caller in leave {
            trial.give_up(caller).await;
        }
        for number in 0..10_000 {
            if number == 5_000 {
                work = None;
            }
            drop(trial.in_flight.enter(Kind::Work));
        }
        drop(work);
        trial.at(600).await;
        trial.comes_and_goes("request");
        for caller in short {
            trial.late_at(caller, 700, 0).await;
        }
        for caller in stay {
            trial.idle_at(caller, 800).await;
        }
    }

    /// Work that is handed over from thread to thread, and is never over in between, is never taken for idle; nothing
    /// is miscounted, and the wait ends when the work does.
    ///
    /// Why: to look at one number after the other is to look at different moments.
    ///
    /// Limit: 60 s
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn work_that_goes_from_thread_to_thread_is_never_idle() {
        let scenario = Scenario::new();
        let Course { handed_over, idle_too_early } = run(&scenario, 8, secs(2)).await;
        scenario.require(
            idle_too_early == 0,
            "DeadlineExceeded from each call: something is in flight all the time",
            format!("{idle_too_early} were told that the service is idle"),
        );
        scenario.note(format!("{handed_over} times handed over, never idle"));
    }
}

mod report {
    use super::*;

    /// Both results are shown as one line, with the outcome, the time from the first poll, and what is in flight.
    ///
    /// Why: the line is what you look for the morning after, and what dashboards are made of.
    #[tokio::test(start_paused = true)]
    async fn the_results_are_shown_as_a_report() {
        let scenario = Scenario::new();
        let trial = Trial::new(&scenario);
        trial.at(3_000).await;
        let caller = trial.call("caller", FAR).await;
        trial.at(3_150).await;
        trial.comes_and_goes("request");
        trial.shown_as(caller, "complete", ms(350), 0).await;
        let work: Vec<_> = (1..=3).map(|number| trial.enter(&format!("request {number}"))).collect();
        let caller = trial.call("caller", secs(1)).await;
        trial.shown_as(caller, "deadline_exceeded", secs(1), 3).await;
        drop(work);
        let caller = trial.call("caller", ms(100)).await;
        trial.shown_as(caller, "deadline_exceeded", ms(100), 0).await;
    }

    /// The library itself prints nothing: whoever waits reports it, and so once.
    ///
    /// Why: three callers are one drain, and alarms count the lines.
    #[test]
    fn the_library_prints_nothing() {
        let scenario = Scenario::new();
        let program = Program::alone(&scenario, || {
            let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
            runtime.expect("a runtime").block_on(async {
                let in_flight = InFlight::new();
                let far = Instant::now() + FAR;
                let (one, other) = tokio::join!(in_flight.wait_idle(far), in_flight.wait_idle(far));
                let _work = in_flight.enter(Kind::Work);
                let late = in_flight.wait_idle(Instant::now() + ms(100)).await;
                let returned = one.is_ok() && other.is_ok() && late.is_err();
                if let (Ok(idle), true) = (one, returned) {
                    eprintln!("{idle}");
                }
            });
        });
        program.exit_with(0);
        let report = program.require_report("complete", 0);
        scenario.note(format!("drain complete in {:.1?}, 0 abandoned", report.duration));
    }
}
