//! Acceptance tests for task 12.

#[cfg(feature = "solution")]
extern crate task_12_solution as task_12;

mod book;
mod model;
mod parts;
mod race;
mod shop;
mod trial;

use std::future::ready;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::Duration;

use drain_kit::leaks::Footprint;
use drain_kit::{AT_ONCE, Moment, Scenario, Signal, ms, secs, settled};
use task_12::{Drainable, Lifecycle, Refused, Step};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use crate::parts::{Does, Event, Witness};
use crate::shop::{Customer, Ledger, has_opened, require_refused, require_silence, require_told, shop};
use crate::trial::{Trial, Went, shown};

use Does::{FailsAfter, Hangs, Nothing, PanicsAfter, PanicsWhenCalled, PanicsWhenCutOff, Takes};

/// Components are started in the order of their registration, each when the one before it is ready.
///
/// Why: a server that is started before its database answers its first users with errors.
#[tokio::test(start_paused = true)]
async fn components_are_started_one_after_the_other() {
    let scenario = Scenario::new();
    let trial = Trial::new(&scenario);
    for (name, start) in [("c", Takes(secs(2))), ("a", Nothing), ("b", Takes(secs(1)))] {
        trial.register(name, start, Nothing);
    }
    let begun = Moment::now();
    trial.start_all().await;
    trial.require_log(&["c: start", "c: ready", "a: start", "a: ready", "b: start", "b: ready"]);
    trial.require_when("b: start", begun.plus(secs(2)), "the end of the start of a");
    scenario.require(
        Moment::now().since(begun) <= secs(3) + AT_ONCE,
        "start returns when the last one is ready, after 3 s",
        format!("after {} ms", Moment::now().since(begun).as_millis()),
    );
}

/// Components are drained in reverse, each when the one before it is done, and each is called with the deadline.
///
/// Why: whoever is drained first still writes to those who are drained last. The other way round, its last orders
/// meet a closed database.
#[tokio::test(start_paused = true)]
async fn components_are_drained_in_reverse_one_after_the_other() {
    let scenario = Scenario::new();
    let trial = Trial::new(&scenario);
    for (name, drain) in [("c", Nothing), ("a", Takes(secs(2))), ("b", Takes(secs(1)))] {
        trial.register(name, Nothing, drain);
    }
    trial.start_all().await;
    let (begun, deadline) = (Moment::now(), Instant::now() + secs(60));
    let returned = trial.drain(secs(60)).await;
    let started = ["c: start", "c: ready", "a: start", "a: ready", "b: start", "b: ready"];
    let drained = ["b: drain", "b: drained", "a: drain", "a: drained", "c: drain", "c: drained"];
    trial.require_log(&[started, drained].concat());
    trial.require_when("a: drain", begun.plus(secs(1)), "the end of the drain of b");
    trial.require_at(&returned, begun.plus(secs(3)), "the end of the last drain");
    trial.require_failures(&returned, &[]);
    for (name, given) in trial.log.deadlines() {
        scenario.require(
            given == deadline,
            format!("{name} called with the deadline of the drain"),
            format!("with one that is {:?} off", given.max(deadline) - given.min(deadline)),
        );
    }
}

/// A start that fails or panics is named, nothing after it is started, and those before it are drained, but not it.
///
/// Why: what was never opened cannot be closed; and what was opened before it has to be, or its lease is held
/// until it runs out.
#[tokio::test(start_paused = true)]
async fn those_before_a_failed_start_are_drained() {
    let scenario = Scenario::new();
    let failing = [
        (FailsAfter(secs(1)), Went::Failed, "bad: start failed"),
        (FailsAfter(Duration::ZERO), Went::Failed, "bad: start failed"),
        (PanicsAfter(secs(1)), Went::Panicked, "bad: start panicked"),
        (PanicsWhenCalled, Went::Panicked, "bad: start panicked"),
    ];
    for (does, went, entry) in failing {
        let trial = Trial::new(&scenario);
        for (name, start) in [("a", Nothing), ("b", Takes(secs(1))), ("bad", does), ("d", Nothing)] {
            trial.register(name, start, Nothing);
        }
        let started = trial.started(trial.start()).await;
        trial.require_not_started(&started, "bad", went);
        let starts = ["a: start", "a: ready", "b: start", "b: ready", "bad: start", entry];
        settled().await;
        trial.require_log(&starts);
        let returned = trial.drain(secs(60)).await;
        let drains = ["b: drain", "b: drained", "a: drain", "a: drained"];
        trial.require_log(&[&starts[..], &drains].concat());
        trial.require_failures(&returned, &[]);
    }
}

/// A second `start` goes on with the first component that is not started, and starts nothing again.
///
/// Why: a start is tried again when the database is back. Whatever is started twice then listens twice, and is
/// stopped once.
#[tokio::test(start_paused = true)]
async fn a_second_start_goes_on_where_the_first_has_stopped() {
    let scenario = Scenario::new();
    let trial = Trial::new(&scenario);
    trial.register("a", Nothing, Nothing);
    trial.register("bad", FailsAfter(secs(1)), Nothing);
    for _ in 0..2 {
        let started = trial.started(trial.start()).await;
        trial.require_not_started(&started, "bad", Went::Failed);
    }
    let failed = ["bad: start", "bad: start failed"];
    trial.require_log(&[&["a: start", "a: ready"][..], &failed, &failed].concat());

    let trial = Trial::new(&scenario);
    trial.register("a", Takes(secs(1)), Nothing);
    // Two at the same time, and then one that finds a newcomer.
    let (first, second) = (trial.start(), trial.start());
    for start in [first, second] {
        let started = trial.started(start).await;
        scenario.require(started.is_ok(), "Ok from both calls of start", shown(&started));
    }
    trial.register("b", Takes(secs(1)), Nothing);
    trial.start_all().await;
    trial.start_all().await;
    trial.require_log(&["a: start", "a: ready", "b: start", "b: ready"]);
}

/// A component may be registered while others are being started, by one of them too, and is started by the call that
/// is under way.
///
/// Why: a component that finds out in its start what it needs brings it along. If the registry is locked while it
/// starts, the service hangs before it has begun.
#[tokio::test(start_paused = true)]
async fn a_component_may_register_others_while_it_starts() {
    let scenario = Scenario::new();
    let trial = Trial::new(&scenario);
    let child = trial.part("child", Nothing, Nothing);
    trial.add("parent", Parent { lifecycle: trial.lifecycle.clone(), child: Mutex::new(Some(child)) });
    trial.register("slow", Takes(secs(1)), Nothing);
    let start = trial.start();
    sleep(ms(500)).await;
    trial.register("late", Nothing, Nothing);
    let started = trial.started(start).await;
    scenario.require(started.is_ok(), "Ok from start", shown(&started));
    let starts = ["slow: start", "slow: ready", "child: start", "child: ready", "late: start", "late: ready"];
    trial.require_log(&starts);
}

/// Registers another component when it is started: when `start` is called, and not only when its future is polled.
struct Parent {
    lifecycle: Arc<Lifecycle>,
    child: Mutex<Option<parts::Part>>,
}

impl Drainable for Parent {
    fn start(&self) -> Step<'_> {
        let child = self.child.lock().expect("nobody panics").take();
        let registered = child.map(|child| self.lifecycle.register("child", child));
        Box::pin(async move { Ok(registered.unwrap_or(Ok(()))?) })
    }

    fn drain(&self, _deadline: Instant) -> Step<'_> {
        Box::pin(ready(Ok(())))
    }
}

/// A call of `start` that is dropped changes nothing: the components are started all the same.
///
/// Why: a `select!` drops what has lost. If the start dies with it, somebody has to know how far it was.
#[tokio::test(start_paused = true)]
async fn a_start_that_is_dropped_goes_on() {
    let scenario = Scenario::new();
    let trial = Trial::new(&scenario);
    trial.register("a", Takes(secs(1)), Nothing);
    trial.register("b", Takes(secs(1)), Nothing);
    let start = trial.start();
    sleep(ms(500)).await;
    start.abort();
    sleep(secs(3)).await;
    trial.require_log(&["a: start", "a: ready", "b: start", "b: ready"]);
    trial.drain(secs(60)).await;
    trial.require_when("b: drain", Moment::now(), "the beginning of the drain");
}

/// Only what was started is drained: nothing before the first start, and nobody who came after the last.
///
/// Why: to stop what does not run is an error, a panic or a wait for somebody who is not there.
#[tokio::test(start_paused = true)]
async fn only_what_was_started_is_drained() {
    let scenario = Scenario::new();
    let trial = Trial::new(&scenario);
    let empty = Trial::new(&scenario);
    empty.start_all().await;
    trial.register("a", Nothing, Nothing);
    for trial in [&trial, &empty] {
        let returned = trial.drain(secs(60)).await;
        trial.require_at(&returned, returned.called, "the call: nothing was started");
        trial.require_failures(&returned, &[]);
        trial.require_log(&[]);
    }
    let trial = Trial::new(&scenario);
    trial.register("a", Nothing, Nothing);
    trial.start_all().await;
    trial.register("b", Nothing, Nothing);
    let returned = trial.drain(secs(60)).await;
    trial.require_failures(&returned, &[]);
    trial.require_log(&["a: start", "a: ready", "a: drain", "a: drained"]);
}

/// A component that fails or panics in its drain does not stop the walk, and all of them are named.
///
/// Why: the mailer cannot send its last mail, and so the database is not closed? And of three things that went
/// wrong the log names one.
#[tokio::test(start_paused = true)]
async fn a_component_that_fails_or_panics_does_not_stop_the_walk() {
    let scenario = Scenario::new();
    let trial = Trial::new(&scenario);
    let drains = [
        ("a", Nothing),
        ("b", FailsAfter(secs(1))),
        ("c", PanicsWhenCalled),
        ("d", Takes(secs(1))),
        ("e", PanicsAfter(secs(1))),
        ("f", FailsAfter(Duration::ZERO)),
    ];
    for (name, drain) in drains {
        trial.register(name, Nothing, drain);
    }
    trial.start_all().await;
    let returned = trial.drain(secs(60)).await;
    let expected = [("f", Went::Failed), ("e", Went::Panicked), ("c", Went::Panicked), ("b", Went::Failed)];
    trial.require_failures(&returned, &expected);
    trial.require_at(&returned, returned.called.plus(secs(3)), "the end of the last drain");
    let log = trial.log.shown();
    scenario.require(
        log.iter().any(|entry| entry == "d: drained") && log.last().is_some_and(|last| last == "a: drained"),
        "all drained, a as the last one",
        log.join(", "),
    );
}

/// A component that hangs is cut off at the deadline, and those that are left are called all the same.
///
/// Why: one peer that does not answer, and the grace period is spent. What can still be done without waiting, a
/// line, a flush, a lock to be given back, is done by nobody if nobody is asked.
#[tokio::test(start_paused = true)]
async fn those_after_a_component_that_hangs_are_called_at_the_deadline() {
    let scenario = Scenario::new();
    let trial = Trial::new(&scenario);
    let drains = [("a", Nothing), ("b", Takes(ms(1))), ("c", Nothing), ("d", Hangs), ("e", Takes(ms(500)))];
    for (name, drain) in drains {
        trial.register(name, Nothing, drain);
    }
    trial.start_all().await;
    let starts = trial.log.shown();
    let returned = trial.drain(secs(1)).await;
    let deadline = returned.called.plus(secs(1));
    trial.require_at(&returned, deadline, "the deadline");
    let drains = [
        ["e: drain", "e: drain waits", "e: drained", "d: drain", "d: drain waits", "d: drain cut off"],
        ["c: drain", "c: drained", "b: drain", "b: drain waits", "b: drain cut off", "a: drain"],
    ];
    let mut log: Vec<&str> = starts.iter().map(String::as_str).collect();
    log.extend(drains.concat());
    log.push("a: drained");
    trial.require_log(&log);
    trial.require_when("d: drain cut off", deadline, "the deadline");
    trial.require_failures(&returned, &[("d", Went::CutOff), ("b", Went::CutOff)]);
}

/// There is one deadline for all: a slow component leaves less time to those after it, and nobody begins it anew.
///
/// Why: thirty seconds for each of five components is two and a half minutes. The orchestrator has counted to
/// thirty once, and kills.
#[tokio::test(start_paused = true)]
async fn one_deadline_is_for_all_components() {
    let scenario = Scenario::new();
    let trial = Trial::new(&scenario);
    for name in ["a", "b", "c"] {
        trial.register(name, Nothing, Takes(ms(700)));
    }
    trial.start_all().await;
    let returned = trial.drain(secs(1)).await;
    trial.require_at(&returned, returned.called.plus(secs(1)), "the deadline");
    trial.require_when("c: drained", returned.called.plus(ms(700)), "the end of its drain");
    trial.require_failures(&returned, &[("b", Went::CutOff), ("a", Went::CutOff)]);
}

/// Also when the deadline is over before the drain begins, each component is called and gets as far as it can.
///
/// Why: the budget was spent by those before. A drain that then only says "too late" leaves the ledger open.
#[tokio::test(start_paused = true)]
async fn a_deadline_that_is_over_still_calls_each_component() {
    let scenario = Scenario::new();
    for early in [Duration::ZERO, secs(5)] {
        let trial = Trial::new(&scenario);
        trial.register("a", Nothing, Nothing);
        trial.register("b", Nothing, Takes(secs(1)));
        trial.register("c", Nothing, FailsAfter(Duration::ZERO));
        sleep(secs(10)).await;
        trial.start_all().await;
        let over = Instant::now() - early;
        let begun = Moment::now();
        scenario.timeline().anchor("drain");
        let drain = trial.lifecycle.drain(over);
        let report = scenario.wait_at_most(secs(60), "drain to return", drain).await;
        scenario.require(
            Moment::now().since(begun) <= AT_ONCE,
            "drain returns at once: its deadline is over",
            format!("{} ms later", Moment::now().since(begun).as_millis()),
        );
        let log = trial.log.shown().split_off(6).join(", ");
        let holds =
            log.contains("c: drain,") && log.contains("b: drain waits") && log.ends_with("a: drained");
        scenario.require(holds, "c, b and a drained, as far as they get without waiting", log);
        let names: Vec<&str> = report.failures.iter().map(|failure| failure.component.as_str()).collect();
        scenario.require(
            names.contains(&"b") && !names.contains(&"a"),
            "b cut off, a drained",
            names.join(", "),
        );
    }
}

/// With no time left each component gets as far as it can without waiting, however many were called before it.
///
/// Why: tokio gives a task 128 operations before it says "not yet" of everything. If all components share them, one in the middle is cut off,
/// with nothing that it had to wait for.
#[tokio::test(start_paused = true)]
async fn what_those_before_have_done_takes_nothing_from_the_next() {
    const COMPONENTS: usize = 100;
    let scenario = Scenario::new();
    let trial = Trial::new(&scenario);
    let (desk, _room) = mpsc::channel(3 * COMPONENTS);
    for number in 1..=COMPONENTS {
        let desk = desk.clone();
        trial.add(&format!("component {number}"), move |_deadline: Instant| {
            let desk = desk.clone();
            async move {
                for _ in 0..3 {
                    desk.send(number).await?;
                }
                Ok(())
            }
        });
    }
    trial.start_all().await;
    let returned = trial.drain(Duration::ZERO).await;
    let failed: Vec<String> = returned.report.failures.iter().map(ToString::to_string).collect();
    scenario.require(
        failed.is_empty(),
        format!(
            "{COMPONENTS} components drained: each sends three messages, and there is room for all of them"
        ),
        failed.join(", "),
    );
}

/// A destructor that panics when its component is cut off does not stop the walk, in a start or in a drain.
///
/// Why: what is cut off is in the middle of something, and its destructors have never been run there.
#[tokio::test(start_paused = true)]
async fn a_destructor_that_panics_does_not_stop_the_walk() {
    let scenario = Scenario::new();
    let trial = Trial::new(&scenario);
    trial.register("a", Nothing, Nothing);
    trial.register("b", Nothing, PanicsWhenCutOff);
    trial.register("c", Nothing, Nothing);
    trial.start_all().await;
    trial.register("d", PanicsWhenCutOff, Nothing);
    let start = trial.start();
    settled().await;
    let returned = trial.drain(secs(1)).await;
    trial.require_at(&returned, returned.called.plus(secs(1)), "the deadline");
    trial.require_failures(&returned, &[("b", Went::CutOffOrPanicked)]);
    let log = trial.log.shown();
    scenario.require(
        log.last().is_some_and(|last| last == "a: drained"),
        "a drained, after b was cut off",
        log.join(", "),
    );
    // Whether it says `Draining` or that `d` has panicked: it returns.
    let started = trial.started(start).await;
    scenario.require(started.is_err(), "an error from start", shown(&started));
}

/// A drain that comes in the middle of the start cuts the start off, starts nothing more, and drains what was started.
///
/// Why: a deploy that is rolled back stops services that are not up yet. A signal that is only heard after the
/// start waits for a database that will never answer.
#[tokio::test(start_paused = true)]
async fn a_drain_in_the_middle_of_the_start_drains_what_was_started() {
    let scenario = Scenario::new();
    let trial = Trial::new(&scenario);
    for (name, start) in [("a", Nothing), ("b", Takes(secs(1))), ("c", Hangs), ("d", Nothing)] {
        trial.register(name, start, Takes(secs(1)));
    }
    let (start, second) = (trial.start(), trial.start());
    sleep(secs(5)).await;
    let caller = trial.call("caller", secs(60));
    let begun = Moment::now();
    for start in [start, second] {
        let started = trial.started(start).await;
        trial.require_draining(&started, "when the drain has begun");
        let late = Moment::now().since(begun);
        scenario.require(late <= AT_ONCE, "it returns at once", format!("{} ms later", late.as_millis()));
    }
    let returned = trial.over(caller).await;
    trial.require_at(&returned, begun.plus(secs(2)), "the end of the last drain");
    let starts = ["a: start", "a: ready", "b: start", "b: ready", "c: start", "c: start cut off"];
    let drains = ["b: drain", "b: drained", "a: drain", "a: drained"];
    trial.require_log(&[&starts[..], &drains].concat());
    trial.require_when("b: drain", begun, "the beginning of the drain");
    trial.require_failures(&returned, &[]);
}

/// A call of `start` that is kept and not polled any more does not hold up the drain.
///
/// Why: `select! { _ = &mut start => .., () = signal => .. }`, and `start` is still there when the drain is called. If
/// it holds a lock, nobody will ever give it back.
#[tokio::test(start_paused = true)]
async fn a_start_that_nobody_polls_any_more_holds_nobody_up() {
    let scenario = Scenario::new();
    let trial = Trial::new(&scenario);
    trial.register("a", Nothing, Nothing);
    trial.register("b", Hangs, Nothing);
    let lifecycle = trial.lifecycle.clone();
    let mut start = pin!(lifecycle.start());
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..3 {
        let _ = start.as_mut().poll(&mut context);
        settled().await;
    }
    let returned = trial.drain(secs(5)).await;
    trial.require_at(&returned, returned.called, "the call: `a` is drained at once");
    trial.require_log(&["a: start", "a: ready", "b: start", "b: start cut off", "a: drain", "a: drained"]);
    let second = trial.started(trial.start()).await;
    trial.require_draining(&second, "after the drain");
}

/// From the first poll of `drain` on, `register` and `start` are refused, for ever; before it they are not.
///
/// Why: whoever is taken by a registry that is on its way out is started by nobody, or is started and never stopped.
#[tokio::test(start_paused = true)]
async fn nothing_is_taken_once_the_drain_has_begun() {
    let scenario = Scenario::new();
    let trial = Trial::new(&scenario);
    trial.register("a", Nothing, Takes(secs(1)));
    let unpolled = trial.lifecycle.drain(Instant::now() + secs(60));
    settled().await;
    trial.register("b", Nothing, Nothing);
    trial.start_all().await;
    drop(unpolled);
    trial.require_log(&["a: start", "a: ready", "b: start", "b: ready"]);

    trial.register("never started", Nothing, Nothing);
    let caller = trial.call("caller", secs(60));
    settled().await;
    for when in ["while it drains", "after the drain"] {
        trial.require_refused("c", Refused::Draining, when);
        trial.require_refused("a", Refused::Draining, when);
        let called = Moment::now();
        let started = trial.started(trial.start()).await;
        trial.require_draining(&started, when);
        let late = Moment::now().since(called);
        scenario.require(late <= AT_ONCE, "it returns at once", format!("{} ms later", late.as_millis()));
        sleep(secs(2)).await;
    }
    trial.over(caller).await;
    let log = trial.log.shown().split_off(4).join(", ");
    let drained = "b: drain, b: drained, a: drain, a: drain waits, a: drained";
    scenario.require(log == drained, drained, log);
}

/// A name that is taken is refused, and changes nothing for the one who has it.
///
/// Why: of two components with one name, which one was it that failed?
#[tokio::test(start_paused = true)]
async fn a_name_that_is_taken_is_refused() {
    let scenario = Scenario::new();
    let trial = Trial::new(&scenario);
    trial.register("a", Nothing, Nothing);
    trial.register("b", Nothing, FailsAfter(secs(1)));
    trial.require_refused("a", Refused::NameTaken, "again");
    trial.start_all().await;
    trial.require_refused("b", Refused::NameTaken, "again, after the start");
    trial.register("A", Nothing, Nothing);
    trial.start_all().await;
    let returned = trial.drain(secs(60)).await;
    trial.require_failures(&returned, &[("b", Went::Failed)]);
    let starts = ["a: start", "a: ready", "b: start", "b: ready", "A: start", "A: ready"];
    let drains = ["A: drain", "A: drained", "b: drain", "b: drain failed", "a: drain", "a: drained"];
    trial.require_log(&[starts, drains].concat());
}

/// All callers get the report of one drain when it is over, whatever their own deadline; later ones at once.
///
/// Why: the signal handler drains, and so does `main` on its way out. Whoever is told too early goes on to stop
/// what the others still need: the process.
#[tokio::test(start_paused = true)]
async fn all_callers_get_the_report_of_one_drain() {
    let scenario = Scenario::new();
    let trial = Trial::new(&scenario);
    trial.register("a", Nothing, FailsAfter(secs(1)));
    trial.register("b", Nothing, Hangs);
    trial.start_all().await;
    let mut callers = vec![trial.call("first caller", secs(5))];
    settled().await;
    // Neither of them is the first.
    callers.push(trial.call("hurried caller", secs(1)));
    callers.push(trial.call("patient caller", secs(60)));
    let begun = Moment::now();
    let mut durations = Vec::new();
    for caller in callers {
        let returned = trial.over(caller).await;
        trial.require_at(&returned, begun.plus(secs(5) - ms(1)), "the deadline of the first caller");
        trial.require_failures(&returned, &[("b", Went::CutOff), ("a", Went::CutOff)]);
        durations.push(returned.report.duration);
    }
    sleep(secs(5)).await;
    let late = trial.drain(secs(60)).await;
    trial.require_at(&late, late.called, "the call: the drain is over");
    trial.require_failures(&late, &[("b", Went::CutOff), ("a", Went::CutOff)]);
    durations.push(late.report.duration);
    scenario.require(
        durations.iter().all(|duration| *duration == durations[0]),
        "one report, with one duration",
        format!("{durations:?}"),
    );
    scenario.require(trial.log.deadlines().len() == 2, "each drained once", trial.log.shown().join(", "));
}

/// A call of `drain` that is dropped changes nothing, also if it is the first, or all of them are.
///
/// Why: the request that asked for the drain is given up by its client, and takes the drain with it.
#[tokio::test(start_paused = true)]
async fn a_drain_whose_callers_are_dropped_goes_on() {
    let scenario = Scenario::new();
    for stays in [true, false] {
        let trial = Trial::new(&scenario);
        for name in ["a", "b", "c"] {
            trial.register(name, Nothing, Takes(secs(1)));
        }
        trial.start_all().await;
        let first = trial.call("first caller", secs(60));
        settled().await;
        let second = trial.call("second caller", secs(60));
        sleep(ms(500)).await;
        let begun = Moment::now();
        trial.give_up(first).await;
        if stays {
            let returned = trial.over(second).await;
            trial.require_at(&returned, begun.plus(ms(2_499)), "the end of the last drain");
        } else {
            sleep(ms(100)).await;
            trial.give_up(second).await;
            sleep(secs(3)).await;
        }
        let log = trial.log.shown();
        scenario.require(
            log.last().is_some_and(|last| last == "a: drained") && trial.log.deadlines().len() == 3,
            "c, b and a drained, each once",
            log.join(", "),
        );
        let next = trial.drain(Duration::ZERO).await;
        trial.require_at(&next, next.called, "the call: the drain is over");
        trial.require_failures(&next, &[]);
    }
}

/// A closure is a component, and so is what is in an `Arc`, also as a trait object: each is started and drained.
///
/// Why: what others use is shared, and shared is an `Arc`. One that only passes on the drain closes what was never
/// opened.
#[tokio::test(start_paused = true)]
async fn closures_and_shared_components_are_components() {
    let scenario = Scenario::new();
    let trial = Trial::new(&scenario);
    let shared = Arc::new(trial.part("shared", Takes(secs(1)), Takes(secs(1))));
    let object: Arc<dyn Drainable> = Arc::new(trial.part("object", FailsAfter(secs(1)), Nothing));
    let log = trial.log.clone();
    trial.add("shared", shared.clone());
    trial.add("closure", move |deadline: Instant| {
        log.saw("closure", Event::Drain(deadline));
        let log = log.clone();
        async move {
            sleep(secs(1)).await;
            log.saw("closure", Event::DrainFailed);
            Err(parts::Part::error_of("closure").into())
        }
    });
    trial.add("object", object);
    let started = trial.started(trial.start()).await;
    trial.require_not_started(&started, "object", Went::Failed);
    let deadline = Instant::now() + secs(60);
    let returned = trial.drain(secs(60)).await;
    let starts = ["shared: start", "shared: ready", "object: start", "object: start failed"];
    let drains = ["closure: drain", "closure: drain failed", "shared: drain", "shared: drained"];
    trial.require_log(&[starts, drains].concat());
    trial.require_failures(&returned, &[("closure", Went::Failed)]);
    let given = trial.log.deadlines();
    scenario.require(
        given.iter().all(|(_, given)| *given == deadline),
        "both called with the deadline",
        format!("{given:?}"),
    );
    let both: [Arc<dyn Drainable>; 2] = [shared.clone(), Arc::new(shared)];
    for component in both {
        let drained =
            scenario.wait_at_most(secs(5), "a shared component to drain", component.drain(deadline));
        scenario.require(drained.await.is_ok(), "Ok from a shared component, shared once more", "an error");
    }
}

/// Registrations, starts and drains that race each other on several threads keep the order, and start and drain
/// nothing twice.
///
/// Why: on a machine with many cores somebody is always between two steps.
///
/// Limit: 60 s
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn walks_that_race_each_other_keep_the_order() {
    let scenario = Scenario::new();
    for _ in 0..200 {
        race::race(&scenario, 6, 4).await;
    }
}

/// Whatever the order of calls, and whatever components do, the lifecycle does what the brief says.
///
/// Why: the other criteria have their calls in the order that somebody thought of. In production a start fails in
/// just that moment, a drain is dropped, and the second signal comes before the first is over.
///
/// Limit: 30 s
///
/// Seed: script
#[test]
fn whatever_the_order_of_calls_the_lifecycle_does_what_the_brief_says() {
    model::check(&Scenario::new());
}

/// The example drains on both signals: orders that have come are answered, the ledger is closed last, and the exit
/// code is 0.
///
/// Why: it is what the capstone does, and every service that you will write.
#[test]
fn the_example_drains_on_both_signals() {
    let scenario = Scenario::new();
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let ledger = Ledger::with("");
        let program = shop(&scenario, ledger.path()).start();
        let mut customer = Customer::connect(&scenario, program.address());
        customer.send("two lemons\nan onion\na fig\n");
        customer.require(&scenario, "ok");
        program.signal(signal);
        customer.require(&scenario, "ok");
        let answered = customer.require(&scenario, "ok");
        let exit = program.exit_with(0);
        scenario.at_most(ms(500), answered, exit.at, "exit");
        ledger.require(&scenario, "two lemons\nan onion\na fig\nclosed\n");
    }
}

/// Half an order is waited for up to the deadline; then the program leaves with code 1, says that it was the intake,
/// and has closed the ledger all the same.
///
/// Why: one customer who has gone to lunch in the middle of a line. The others have their orders in a ledger that
/// somebody has to close.
#[test]
fn the_example_leaves_at_its_deadline_and_closes_the_ledger() {
    let scenario = Scenario::new();
    let ledger = Ledger::with("");
    let program = shop(&scenario, ledger.path()).env("DRAIN_BUDGET", "1500ms").start();
    let address = program.address();
    let mut customer = Customer::connect(&scenario, address);
    customer.send("two lemons\nan on");
    customer.require(&scenario, "ok");
    // The age of the program is not part of its budget.
    program.runs_on_for(ms(300));
    let signal = program.signal(Signal::SIGTERM);
    require_refused(&scenario, &program, address, signal);
    program.signal(Signal::SIGTERM);
    program.exit_at_the_deadline(ms(1_500), signal);
    ledger.require(&scenario, "two lemons\nclosed\n");
    require_told(&scenario, &program, "intake: ");
    let report = program.drain_report();
    // Whether the clerk sees in time that there are no more orders is up to the threads.
    scenario.require(
        report.outcome == "deadline_exceeded" && (1..=2).contains(&report.abandoned),
        "outcome=deadline_exceeded abandoned=1 on stderr, or 2 with the clerk",
        format!("outcome={} abandoned={}", report.outcome, report.abandoned),
    );
    report.require_duration(&scenario, ms(1_450), ms(2_500));
}

/// A signal in the middle of the start ends the example within 500 ms, with code 0: nothing is printed on stdout, and
/// the ledger, which was never its own, is not touched.
///
/// Why: the new instance waits for the old one, and the deploy is called off. If nobody hears that, it waits for the
/// kill.
#[test]
fn a_signal_in_the_middle_of_the_start_ends_the_example() {
    let scenario = Scenario::new();
    let ledger = Ledger::with("of another instance\n");
    let lock = ledger.open();
    lock.lock().expect("nobody else has it");
    let program = shop(&scenario, ledger.path()).start();
    has_opened(&scenario, &program, &ledger);
    program.runs_on_for(ms(100));
    let signal = program.signal(Signal::SIGTERM);
    program.exit_at_most(ms(500), signal);
    program.exit_with(0);
    require_silence(&scenario, &program);
    ledger.require(&scenario, "of another instance\n");
    program.require_report("complete", 0);
}

/// A component that cannot be started ends the example with code 1 and a line that names it.
///
/// Why: an instance that goes on without its ledger says `listening`, and gets the traffic.
#[test]
fn a_component_that_cannot_be_started_ends_the_example() {
    let scenario = Scenario::new();
    let ledger = Ledger::with("two lemons\nan on");
    let program = shop(&scenario, ledger.path()).start();
    program.exit_with(1);
    require_silence(&scenario, &program);
    let told = program.stderr().into_iter().any(|(_, line)| line.contains("ledger"));
    scenario.require(told, "a line on stderr that names the ledger", "none");
    ledger.require(&scenario, "two lemons\nan on");
    program.require_report("complete", 0);
}

/// A disk that is full makes the drain of the ledger fail: the example says so, and exits with code 1.
///
/// Why: exit code 0 says that everything is written down.
#[test]
fn a_ledger_that_cannot_be_closed_is_reported() {
    let scenario = Scenario::new();
    let program = shop(&scenario, "/dev/full").start();
    let mut customer = Customer::connect(&scenario, program.address());
    customer.send("two lemons\n");
    customer.require(&scenario, "failed");
    program.signal(Signal::SIGTERM);
    program.exit_with(1);
    require_told(&scenario, &program, "ledger: ");
    program.require_report("failed", 0);
}

/// A value that cannot be used, or an address that is in use, ends the example at the start with code 2 and one line.
///
/// Why: a budget of `5` that is read as a default is found out at the first deploy that takes longer.
///
/// Limit: 20 s
///
/// Stub passes: it is read by the part of the example that is there.
#[test]
fn a_value_that_cannot_be_used_is_refused() {
    let scenario = Scenario::new();
    let taken = drain_kit::somebody_listens();
    let address = taken.local_addr().expect("it is bound").to_string();
    let ledger = Ledger::with("");
    let bad = [
        ("LISTEN_ADDR", ""),
        ("LISTEN_ADDR", "8080"),
        ("LISTEN_ADDR", &address),
        ("LEDGER", ""),
        ("LEDGER", "/nowhere/ledger.txt"),
        ("DRAIN_BUDGET", "5"),
        ("DRAIN_BUDGET", "0s"),
    ];
    for (variable, value) in bad {
        shop(&scenario, ledger.path()).require_refused(variable, value);
    }
    ledger.require(&scenario, "");
}

mod leaks {
    use super::*;

    /// When the drain is over, no task is left, however it went and whoever was dropped.
    ///
    /// Why: what goes on after the end writes to connections that are closed.
    #[tokio::test(start_paused = true)]
    async fn no_task_is_left_after_a_drain() {
        let scenario = Scenario::new();
        let before = Footprint::now();
        let mut all = Vec::new();
        for (drain, limit) in
            [(Takes(secs(1)), secs(3_600)), (Hangs, secs(1)), (PanicsAfter(secs(1)), secs(3_600))]
        {
            let trial = Trial::new(&scenario);
            trial.register("a", Nothing, drain);
            trial.start_all().await;
            trial.register("b", Hangs, Nothing);
            let (start, dropped) = (trial.start(), trial.start());
            settled().await;
            dropped.abort();
            let first = trial.call("first caller", limit);
            settled().await;
            let second = trial.call("second caller", secs(3_600));
            settled().await;
            trial.give_up(first).await;
            trial.over(second).await;
            let started = trial.started(start).await;
            trial.require_draining(&started, "when the drain has begun");
            all.push(trial);
        }
        let tasks = Handle::current().metrics().num_alive_tasks();
        scenario.require(tasks == 0, "no task left", format!("{tasks} left"));
        // Under plain `cargo test` the program of another criterion has its pipes in this process.
        if scenario.has_process_of_its_own() {
            before.require_no_more(&scenario).await;
        }
        drop(all);
    }
}

mod load {
    use super::*;

    /// A thousand components, a tenth of which fail, are drained in reverse, for a thousand callers, half of whom give
    /// up.
    ///
    /// Why: a registry that looks through all its components for each of them is slow when it is full.
    ///
    /// Limit: 30 s
    #[tokio::test(start_paused = true)]
    async fn a_thousand_components_are_drained_for_a_thousand_callers() {
        let scenario = Scenario::new();
        let trial = Trial::new(&scenario);
        for number in 0..1_000 {
            let drain = if number % 10 == 0 { FailsAfter(ms(1)) } else { Takes(ms(1)) };
            trial.register(&format!("part {number}"), Takes(ms(1)), drain);
        }
        trial.start_all().await;
        let callers: Vec<_> =
            (1..=1_000).map(|number| trial.call(&format!("caller {number}"), secs(60))).collect();
        sleep(ms(100)).await;
        let failing: Vec<String> =
            (0..1_000).rev().step_by(10).map(|number| format!("part {}", number - 9)).collect();
        let expected: Vec<(&str, Went)> = failing.iter().map(|name| (name.as_str(), Went::Failed)).collect();
        let mut stay = Vec::new();
        for (number, caller) in callers.into_iter().enumerate() {
            if number % 2 == 0 {
                trial.give_up(caller).await;
            } else {
                stay.push(caller);
            }
        }
        for caller in stay {
            let returned = trial.over(caller).await;
            trial.require_failures(&returned, &expected);
        }
        let drained = trial.log.deadlines().len();
        scenario.require(drained == 1_000, "1000 components drained, each once", format!("{drained}"));
    }
}

mod report {
    use super::*;

    /// The report is shown as one line, with the outcome, the time from the first call to the end, and how many
    /// components were cut off.
    ///
    /// Why: the line is what you look for the morning after, and what dashboards are made of.
    #[tokio::test(start_paused = true)]
    async fn the_report_is_shown_in_one_line() {
        let scenario = Scenario::new();
        let drains: [(&[Does], &str, Duration, u64); 5] = [
            (&[], "complete", Duration::ZERO, 0),
            (&[Takes(secs(1)), Takes(secs(1))], "complete", secs(2), 0),
            (&[Takes(secs(1)), FailsAfter(secs(1))], "failed", secs(2), 0),
            (&[PanicsAfter(secs(2)), Nothing], "failed", secs(2), 0),
            (&[Nothing, Hangs, Takes(secs(3)), Hangs, FailsAfter(secs(1))], "deadline_exceeded", secs(5), 3),
        ];
        for (drains, outcome, duration, abandoned) in drains {
            let trial = Trial::new(&scenario);
            for (number, drain) in drains.iter().enumerate() {
                trial.register(&format!("part {number}"), Nothing, *drain);
            }
            trial.start_all().await;
            // The age of the lifecycle is not the duration of its drain.
            sleep(secs(7)).await;
            let returned = trial.drain(secs(5)).await;
            trial.require_line(&returned, outcome, duration, abandoned);
        }
    }

    /// The example writes its report to stderr, once.
    ///
    /// Why: alarms count these lines. None at all is a drain that nobody knows of.
    #[test]
    fn the_example_reports_its_drain_once() {
        let scenario = Scenario::new();
        let ledger = Ledger::with("");
        let program = shop(&scenario, ledger.path()).start();
        program.address();
        program.signal(Signal::SIGTERM);
        program.exit_with(0);
        let report = program.require_report("complete", 0);
        scenario.note(format!("drain complete in {:.1?}, 0 abandoned", report.duration));
    }
}
