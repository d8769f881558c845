//! Acceptance tests for task 8.

#[cfg(feature = "solution")]
extern crate task_08_solution as task_08;

mod model;
mod service;
mod trial;

use std::future::{Ready, pending};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use drain_kit::{Moment, Program, Scenario, Signal, ms, panic_unseen, program, secs, settled};
use task_08::{BadOrder, Component, DrainOrder, Ended, Outcome};
use tokio::time::{Instant, sleep};

use crate::service::{Service, require_component_lines};
use crate::trial::{Does, Trial, failed, word};

/// A component begins to drain when the last of those that need it has ended: at once, and not before.
///
/// Why: whoever is stopped before those who need it takes their work away from under them.
#[tokio::test(start_paused = true)]
async fn a_component_begins_when_the_last_of_those_that_need_it_has_ended() {
    let scenario = Scenario::new();
    let trial = Trial::new(&scenario);
    let order =
        trial.chain(&[("a", Does::Ends(ms(300))), ("b", Does::Ends(ms(200))), ("c", Does::Ends(ms(100)))]);
    let drained = trial.drain(&order, secs(10)).await;
    for (name, at) in [("a", 0), ("b", 300), ("c", 500)] {
        trial.require_begins(&drained, name, ms(at));
    }
    trial.require_returned(&drained, ms(600));

    // Needed by two, one of which takes longer, and by one that only begins later.
    let trial = Trial::new(&scenario);
    let order = trial.order([
        trial.component("store", Does::Ends(ms(100))),
        trial.component("short", Does::Ends(ms(100))).needs("store").needs("late"),
        trial.component("long", Does::Ends(ms(400))).needs("store"),
        trial.component("late", Does::Ends(ms(500))).needs("store"),
    ]);
    let drained = trial.drain(&order, secs(10)).await;
    for (name, at) in [("short", 0), ("long", 0), ("late", 100), ("store", 600)] {
        trial.require_begins(&drained, name, ms(at));
    }
    trial.require_returned(&drained, ms(700));
}

/// Components of which none needs the other do not wait for each other.
///
/// Why: ten parts of a second each are ten seconds, one after the other. The grace period is thirty.
#[tokio::test(start_paused = true)]
async fn components_that_do_not_need_each_other_drain_at_the_same_time() {
    let scenario = Scenario::new();
    let trial = Trial::new(&scenario);
    // Two chains beside each other: what is slow in one does not hold up the other.
    let order = trial.order([
        trial.component("slow", Does::Ends(secs(2))).needs("below slow"),
        trial.component("below slow", Does::Ends(ms(100))),
        trial.component("quick", Does::Ends(ms(100))).needs("below quick"),
        trial.component("below quick", Does::Ends(ms(100))),
        trial.component("alone", Does::Ends(ms(500))),
    ]);
    let drained = trial.drain(&order, secs(10)).await;
    for (name, at) in [("slow", 0), ("quick", 0), ("alone", 0), ("below quick", 100), ("below slow", 2_000)] {
        trial.require_begins(&drained, name, ms(at));
    }
    trial.require_returned(&drained, ms(2_100));
}

/// A component that fails or panics, wherever, does not keep those that it needs from their drain.
///
/// Why: on the day on which the front fails there is something to be written down.
#[tokio::test(start_paused = true)]
async fn a_component_that_fails_does_not_keep_others_from_their_drain() {
    let scenario = Scenario::new();
    for (does, after, outcome) in [
        (Does::Fails(ms(100)), 100, failed()),
        (Does::Fails(ms(0)), 0, failed()),
        (Does::Panics(ms(100)), 100, failed()),
        (Does::Panics(ms(0)), 0, failed()),
        (Does::PanicsWhenCalled, 0, failed()),
        (Does::PanicsWhenDropped, 1_000, failed()),
        (Does::Hangs, 1_000, Outcome::CutOff),
    ] {
        let trial = Trial::new(&scenario);
        let order = trial.order([
            trial.component("front", does).needs("store"),
            trial.component("store", Does::Ends(ms(100))),
            trial.component("other", Does::Ends(ms(50))),
        ]);
        let drained = trial.drain(&order, secs(2)).await;
        trial.require_begins(&drained, "store", ms(after));
        trial.require_returned(&drained, ms(after + 100));
        let expected = [("front", outcome), ("store", Outcome::Complete), ("other", Outcome::Complete)];
        trial.require_outcomes(&drained, &expected);
    }
}

/// A component has its share of the time: what is left, divided by the length of the longest chain that begins with
/// it. When that is over it is cut off.
///
/// Why: what is drained last is what flushes to disk. If the first one may use all the time, the last one has
/// none.
#[tokio::test(start_paused = true)]
async fn a_component_is_cut_off_when_its_share_is_over() {
    let scenario = Scenario::new();
    let trial = Trial::new(&scenario);
    let order = trial.chain(&[("a", Does::Hangs), ("b", Does::Hangs), ("c", Does::Hangs)]);
    let drained = trial.drain(&order, secs(3)).await;
    for (name, at) in [("a", 0), ("b", 1), ("c", 2)] {
        trial.require_begins(&drained, name, secs(at));
        trial.require_over(&drained, name, secs(at + 1));
    }
    trial.require_returned(&drained, secs(3));
    let cut_off = ["a", "b", "c"].map(|name| (name, Outcome::CutOff));
    trial.require_outcomes(&drained, &cut_off);

    // The longest chain counts, and not how many there are: of two chains the time is the same.
    let trial = Trial::new(&scenario);
    let order = trial.order([
        trial.component("store", Does::Ends(ms(100))),
        trial.component("short", Does::Hangs).needs("store"),
        // By the short way it is two, whichever way stands first.
        trial.component("long", Does::Hangs).needs("store").needs("middle").needs("store"),
        trial.component("middle", Does::Hangs).needs("store"),
        trial.component("alone", Does::Hangs),
    ]);
    let drained = trial.drain(&order, secs(6)).await;
    for (name, begin, over) in [("long", 0, 2), ("short", 0, 3), ("alone", 0, 6), ("middle", 2, 4)] {
        trial.require_begins(&drained, name, secs(begin));
        trial.require_over(&drained, name, secs(over));
    }
    trial.require_begins(&drained, "store", secs(4));
}

/// Time that a component does not use is there for those that come later.
///
/// Why: mostly the front is done in a moment, and the workers could use the rest.
#[tokio::test(start_paused = true)]
async fn time_that_is_not_used_is_there_for_the_others() {
    let scenario = Scenario::new();
    let trial = Trial::new(&scenario);
    let order = trial.chain(&[("a", Does::Ends(ms(200))), ("b", Does::Ends(ms(2_300))), ("c", Does::Hangs)]);
    let drained = trial.drain(&order, secs(5)).await;
    trial.require_outcomes(
        &drained,
        &[("a", Outcome::Complete), ("b", Outcome::Complete), ("c", Outcome::CutOff)],
    );
    trial.require_over(&drained, "c", secs(5));
}

/// A component is told when its share is over.
///
/// Why: whoever knows how much time there is can do the most important thing first.
#[tokio::test(start_paused = true)]
async fn a_component_is_told_when_its_share_is_over() {
    let scenario = Scenario::new();
    let trial = Trial::new(&scenario);
    let order = trial.chain(&[("a", Does::Ends(ms(400))), ("b", Does::Hangs), ("c", Does::Ends(ms(0)))]);
    let drained = trial.drain(&order, secs(3)).await;
    for (name, due) in [("a", 1_000), ("b", 1_700), ("c", 3_000)] {
        trial.require_at(
            &drained,
            trial.book.entry(name).due,
            ms(due),
            &format!("{name} is told that its share ends"),
        );
    }

    // A share need not be a whole number of milliseconds.
    let trial = Trial::new(&scenario);
    let order = trial.chain(&[("a", Does::Hangs), ("b", Does::Hangs), ("c", Does::Hangs)]);
    let drained = trial.drain(&order, ms(10)).await;
    let due = trial.book.entry("a").due;
    trial.require_at(&drained, due, Duration::from_micros(3_333), "a is told that its share ends");
}

/// With no time left, each component is still begun, in its turn, and gets as far as it gets without waiting.
///
/// Why: a flush of three lines does not wait for anything. It is done in no time, if anybody calls it.
#[tokio::test(start_paused = true)]
async fn with_no_time_left_each_component_still_has_its_turn() {
    let scenario = Scenario::new();
    for early in [secs(0), secs(60)] {
        let trial = Trial::new(&scenario);
        let order = trial.chain(&[("a", Does::Hangs), ("b", Does::Ends(ms(0))), ("c", Does::Fails(ms(0)))]);
        sleep(secs(120)).await;
        let drained = trial.drain_until(&order, Instant::now() - early).await;
        for name in ["a", "b", "c"] {
            trial.require_begins(&drained, name, secs(0));
        }
        trial.require_returned(&drained, secs(0));
        let expected = [("a", Outcome::CutOff), ("b", Outcome::Complete), ("c", failed())];
        trial.require_outcomes(&drained, &expected);
    }

    // However many they are, no time is none.
    let trial = Trial::new(&scenario);
    let names: Vec<String> = (1..=50).map(|number| format!("c{number}")).collect();
    let chain: Vec<_> = names.iter().map(|name| (name.as_str(), Does::Hangs)).collect();
    let order = trial.chain(&chain);
    let drained = trial.drain_until(&order, Instant::now()).await;
    trial.require_begins(&drained, "c50", secs(0));
    trial.require_returned(&drained, secs(0));
}

/// The drain returns an entry for each component: in the order in which they ended, how, and how long it took.
///
/// Why: the morning after, somebody has to find out which of nine parts it was.
#[tokio::test(start_paused = true)]
async fn the_drain_returns_how_each_component_ended() {
    let scenario = Scenario::new();
    let trial = Trial::new(&scenario);
    let order = trial.order([
        trial.component("last", Does::Ends(ms(250))),
        trial.component("slow", Does::Hangs).needs("last"),
        trial.component("bad", Does::Fails(ms(300))).needs("last"),
        trial.component("quick", Does::Ends(ms(20))),
    ]);
    let drained = trial.drain(&order, secs(2)).await;
    let expected = [
        ("quick", Outcome::Complete, 20),
        ("bad", failed(), 300),
        ("slow", Outcome::CutOff, 1_000),
        ("last", Outcome::Complete, 250),
    ];
    let names: Vec<&str> = drained.ended.iter().map(|ended| ended.name.as_str()).collect();
    scenario.require(
        names == expected.each_ref().map(|(name, ..)| *name),
        "quick, bad, slow, last",
        names.join(", "),
    );
    for (Ended { name, outcome, duration }, (_, expected, took)) in drained.ended.iter().zip(&expected) {
        let observed = format!("{name} {} after {} ms", word(outcome), duration.as_millis());
        let near = duration.abs_diff(ms(*took)) <= ms(10);
        let expected = format!("{name} {} after {took} ms", word(expected));
        let same = expected.split(" after").next() == observed.split(" after").next();
        scenario.require(near && same, expected, observed);
    }
    let why = drained.ended.iter().find_map(|ended| match &ended.outcome {
        Outcome::Failed(why) => Some(why.as_str()),
        _ => None,
    });
    scenario.require(
        why.is_some_and(|why| why.contains("no space left")),
        "Failed(..) with the error in it: no space left",
        format!("{why:?}"),
    );
}

/// All callers get the entries of one drain when it is over, and a call that is dropped changes nothing.
///
/// Why: the signal handler drains, and `main` on its way out. If the second drain returns at once, the process is
/// gone before the first is over.
#[tokio::test(start_paused = true)]
async fn there_is_one_drain_for_all_callers() {
    let scenario = Scenario::new();
    let trial = Trial::new(&scenario);
    let order = Arc::new(trial.chain(&[("a", Does::Ends(ms(100))), ("b", Does::Ends(ms(100)))]));
    let call = |budget: Duration| {
        let order = order.clone();
        tokio::spawn(async move {
            let ended = order.drain(Instant::now() + budget).await;
            (ended, Moment::now())
        })
    };
    let begun = scenario.timeline().anchor("drain");
    let first = call(secs(10));
    settled().await;
    first.abort();
    // Their deadlines are later and earlier than that of the first, which is dropped.
    let calls = [call(secs(20)), call(ms(10)), call(secs(0))];
    let mut all = Vec::new();
    for waiting in calls {
        let (ended, at) = scenario.returned(secs(60), "the drain to return to every caller", waiting).await;
        let since = at.since(begun);
        scenario.require(
            since >= ms(200) && since <= ms(210),
            "the drain returns to every caller at 200 ms, when it is over",
            format!("at {} ms", since.as_millis()),
        );
        all.push(ended);
    }
    let again = scenario
        .wait_at_most(ms(10), "the drain to return to who comes late", order.drain(Instant::now()))
        .await;
    all.push(again);
    let names = |ended: &[Ended]| ended.iter().map(|ended| ended.name.clone()).collect::<Vec<_>>().join(", ");
    for ended in &all {
        scenario.require(
            *ended == all[0] && ended.len() == 2,
            "the same entries for all: a, b",
            names(ended),
        );
    }
    for name in ["a", "b"] {
        let begins = trial.book.entry(name).begins.len();
        scenario.require(begins == 1, format!("{name} begins once"), format!("{begins} times"));
    }
}

/// Components that need each other in a circle have no order: the names along it are told.
///
/// Why: a circle that is found at start-up is a line in the log of the deploy. Found by the drain, it is a hang.
#[tokio::test]
async fn a_circle_is_refused_and_told() {
    let scenario = Scenario::new();
    for (needs, circle) in [
        (vec![("a", "a")], 1),
        (vec![("a", "b"), ("b", "a")], 2),
        (vec![("a", "b"), ("b", "c"), ("c", "d"), ("d", "b"), ("d", "e")], 3),
        // What hangs on a circle, on either side, is not on it.
        (vec![("x", "b"), ("b", "c"), ("c", "b"), ("c", "y"), ("y", "z"), ("b", "z")], 2),
        // Nor is it if it stands before it, and can be drained no more than the circle.
        (vec![("y", "z"), ("z", "y"), ("z", "b"), ("b", "a")], 2),
    ] {
        let trial = Trial::new(&scenario);
        let mut names: Vec<&str> = needs.iter().flat_map(|(a, b)| [*a, *b]).collect();
        names.sort_unstable();
        names.dedup();
        let component = |name: &&str| {
            let needed = needs.iter().filter(|(who, _)| who == name);
            needed.fold(trial.component(name, Does::Ends(ms(0))), |component, (_, needs)| {
                component.needs(needs)
            })
        };
        let expected =
            format!("Cycle, with the {} of its {circle}", if circle == 1 { "name" } else { "names" });
        match DrainOrder::new(names.iter().map(component)) {
            Err(BadOrder::Cycle(told)) => {
                let steps = told.windows(2).all(|pair| needs.contains(&(pair[0].as_str(), pair[1].as_str())));
                let closed = told.len() == circle + 1 && told.first() == told.last();
                scenario.require(
                    steps && closed,
                    expected,
                    format!("Cycle({told:?}) where the needs are {needs:?}"),
                );
            }
            other => scenario.fail(expected, shortly(&other)),
        }
        scenario.require(trial.book.entries().is_empty(), "no component called", "one was");
    }
    let harmless = Trial::new(&scenario);
    // A diamond has two ways, and no circle; and who is named twice is needed once.
    harmless.order([
        harmless.component("a", Does::Ends(ms(0))).needs("b").needs("c").needs("b"),
        harmless.component("b", Does::Ends(ms(0))).needs("d"),
        harmless.component("c", Does::Ends(ms(0))).needs("d"),
        harmless.component("d", Does::Ends(ms(0))),
    ]);
}

/// A name that nobody has, and one that two have, are refused and told.
///
/// Why: a typo in a name is a component that is never waited for.
#[tokio::test]
async fn unknown_and_ambiguous_names_are_refused_and_told() {
    let scenario = Scenario::new();
    let trial = Trial::new(&scenario);
    let component = |name: &str| trial.component(name, Does::Ends(ms(0)));
    let twice = DrainOrder::new([component("a").needs("b"), component("b"), component("a")]);
    scenario.require(
        matches!(&twice, Err(BadOrder::Twice(name)) if name == "a"),
        "Twice(\"a\")",
        shortly(&twice),
    );
    let unknown = DrainOrder::new([component("a").needs("b").needs("B"), component("b")]);
    scenario.require(
        matches!(&unknown, Err(BadOrder::Unknown { component, needs }) if component == "a" && needs == "B"),
        "Unknown { component: \"a\", needs: \"B\" }",
        shortly(&unknown),
    );
    scenario.require(trial.book.entries().is_empty(), "no component called", "one was");
}

/// To need a component twice is to need it once, and nothing to drain is drained at once.
///
/// Why: who counts a need twice waits for an end that does not come.
#[tokio::test(start_paused = true)]
async fn needing_twice_is_needing_once() {
    let scenario = Scenario::new();
    let trial = Trial::new(&scenario);
    let order = trial.order([
        trial.component("b", Does::Ends(ms(100))),
        trial.component("a", Does::Ends(ms(100))).needs("b").needs("b"),
    ]);
    let drained = trial.drain(&order, secs(2)).await;
    trial.require_begins(&drained, "b", ms(100));
    trial.require_returned(&drained, ms(200));
    let trial = Trial::new(&scenario);
    let drained = trial.drain(&trial.order([]), secs(2)).await;
    trial.require_returned(&drained, ms(0));
    scenario.require(drained.ended.is_empty(), "no entry", format!("{} entries", drained.ended.len()));
}

/// Whatever the components need and do, each begins and ends when the brief says so.
///
/// Why: the other criteria have the orders that somebody thought of.
///
/// Limit: 30 s
///
/// Seed: script
#[test]
fn whatever_they_need_and_do_each_begins_and_ends_in_its_time() {
    model::check(&Scenario::new());
}

/// Orders that were answered with 202 stand in the journal after the exit, each once, whenever the signal came.
///
/// Why: 202 is a promise. The person has closed the page.
#[test]
fn accepted_orders_are_written_down() {
    let scenario = Scenario::new();
    let mut service = Service::start(&scenario, "5s");
    // Handed over and waiting; and still being checked when the signal comes.
    let waiting = service.order_many("waiting", 6);
    service.accepted(waiting);
    let checked = service.order_many("checked", 6);
    let signal = service.signal(Signal::SIGTERM);
    service.require_in_checks(&checked);
    service.accepted(checked);
    service.program.exit_at_most(secs(4), signal);
    service.program.exit_with(0);
    service.require_journal();
    let complete = ["front", "workers", "journal"].map(|name| (name, "complete"));
    require_component_lines(&service, &complete);
    service.program.require_report("complete", 0);
}

/// With a `/slow` that takes longer than the share of the front, the front is cut off in its time, and the orders are
/// written down all the same.
///
/// Why: one slow client must not cost the orders of all the others.
#[test]
fn a_slow_request_does_not_cost_the_orders() {
    let scenario = Scenario::new();
    let mut service = Service::start(&scenario, "3s");
    let slow = service.client("slow").request("/slow", secs(6));
    let orders = service.order_many("order", 4);
    service.accepted(orders);
    let signal = service.signal(Signal::SIGINT);
    scenario.at_most(
        ms(900),
        slow.sent(),
        signal,
        "the signal, with `/slow` in flight for longer than the share,",
    );
    let exit = service.program.exit_at_most(ms(3_000 + 500), signal);
    scenario.at_least(ms(950), signal, exit.at, "the exit: the share of the front is 1 s");
    service.program.exit_with(1);
    service.require_journal();
    require_component_lines(
        &service,
        &[("front", "cut_off"), ("workers", "complete"), ("journal", "complete")],
    );
    service.program.require_report("deadline_exceeded", 1);
}

/// If the journal cannot be written, its end says why, and the exit code is 1.
///
/// Why: a disk is full when it matters. A drain that keeps it to itself is told from a good one by nobody.
#[test]
fn a_journal_that_cannot_be_written_is_a_failed_drain() {
    let scenario = Scenario::new();
    let mut service = Service::start_with(&scenario, "5s", "/dev/full");
    let orders = service.order_many("order", 1);
    service.accepted(orders);
    let signal = service.signal(Signal::SIGTERM);
    service.program.exit_at_most(secs(4), signal);
    service.program.exit_with(1);
    require_component_lines(
        &service,
        &[("front", "complete"), ("workers", "complete"), ("journal", "failed")],
    );
    let said =
        service.program.stderr().iter().any(|(_, line)| {
            line.contains("component=journal") && line.to_lowercase().contains("no space left")
        });
    scenario.require(
        said,
        "the end of `journal` with the error in it: No space left on device",
        "no such line",
    );
    service.program.require_report("failed", 0);
}

/// With nothing to do the service exits at once, with code 0, also if a second signal comes.
///
/// Why: a stop that takes its whole budget each time makes a deploy of a hundred instances take an hour.
#[test]
fn an_idle_service_exits_at_once() {
    let scenario = Scenario::new();
    let mut service = Service::start(&scenario, "5s");
    let signal = service.signal(Signal::SIGTERM);
    service.program.exit_at_most(ms(500), signal);
    service.program.exit_with(0);
    let mut service = Service::start(&scenario, "5s");
    let orders = service.order_many("order", 4);
    service.accepted(orders);
    service.signal(Signal::SIGTERM);
    service.signal(Signal::SIGINT);
    service.program.exit_with(0);
    service.require_journal();
}

/// A variable with a bad value is one line with its name, the value and what was expected, and exit code 2.
///
/// Why: a service that cannot write its journal should say so at the deploy, and not at the first order.
///
/// Stub passes: the start of the service is finished.
#[test]
fn a_bad_value_is_told_in_one_line() {
    let scenario = Scenario::new();
    for (variable, value) in [
        ("DRAIN_BUDGET", "soon"),
        ("DRAIN_BUDGET", ""),
        ("LISTEN_ADDR", "localhost"),
        ("JOURNAL", "/proc/no/such/folder/journal"),
        ("JOURNAL", ""),
    ] {
        Program::new(&scenario, program!()).env(variable, value).require_refused(variable, value);
    }
}

mod leaks {
    use super::*;
    use drain_kit::leaks::{Footprint, require_no_process_left};

    /// When the drain has returned, no component is left, nor a task, nor anything that they held.
    ///
    /// Why: whoever called the drain closes the database next.
    #[tokio::test(start_paused = true)]
    async fn nothing_is_left_when_the_drain_has_returned() {
        let scenario = Scenario::new();
        let before = Footprint::now();
        let held = Arc::new(());
        let holding = |name: &str| {
            let held = held.clone();
            Component::new(name, async move |_| {
                let _held = held;
                pending::<anyhow::Result<()>>().await
            })
        };
        let order = DrainOrder::new([holding("a").needs("b"), holding("b"), holding("c").needs("b")]);
        let order = order.expect("there is an order");
        let _ = scenario
            .wait_at_most(secs(60), "the drain to return", order.drain(Instant::now() + secs(2)))
            .await;
        let left = Arc::strong_count(&held) - 1;
        scenario.require(
            left == 0,
            "everything dropped that the components held",
            format!("{left} still hold it"),
        );
        before.require_no_more(&scenario).await;
    }

    /// Components of an order that is never drained are dropped with it, and not called.
    ///
    /// Why: an order is built at start-up, and a start-up can fail.
    #[tokio::test(start_paused = true)]
    async fn an_order_that_is_never_drained_is_dropped() {
        let scenario = Scenario::new();
        let before = Footprint::now();
        let held = Arc::new(());
        let called = Arc::new(AtomicUsize::new(0));
        for bad in [false, true] {
            let (held, called) = (held.clone(), called.clone());
            let component = Component::new("a", async move |_| {
                let _held = held;
                called.fetch_add(1, Ordering::SeqCst);
                Ok(())
            });
            drop(DrainOrder::new([if bad { component.needs("a") } else { component }]));
        }
        settled().await;
        let left = Arc::strong_count(&held) - 1;
        scenario.require(left == 0, "the components dropped", format!("{left} left"));
        let called = called.load(Ordering::SeqCst);
        scenario.require(called == 0, "no component called", format!("{called} called"));
        before.require_no_more(&scenario).await;
    }

    /// The service leaves no process behind.
    ///
    /// Why: it would hold the port that the next one wants.
    #[test]
    fn the_service_leaves_no_process() {
        let scenario = Scenario::new();
        let mut service = Service::start(&scenario, "5s");
        let orders = service.order_many("order", 2);
        service.accepted(orders);
        service.signal(Signal::SIGTERM);
        service.program.exit_with(0);
        require_no_process_left(&scenario, &service.program);
    }
}

mod load {
    use super::*;

    /// A thousand components in twenty layers are each drained once, after all that need them.
    ///
    /// Why: with a thousand, a second look at each for each is a million; and two that end at the same moment are
    /// the rule.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn a_thousand_components_are_drained_in_their_order() {
        const LAYERS: usize = 20;
        const WIDE: usize = 50;
        let scenario = Scenario::new();
        // How many have ended in each layer.
        let ended: Arc<Vec<AtomicUsize>> = Arc::new((0..LAYERS).map(|_| AtomicUsize::new(0)).collect());
        let early = Arc::new(AtomicUsize::new(0));
        let component = |number: usize| {
            let (layer, ended, early) = (number / WIDE, ended.clone(), early.clone());
            let component = Component::new(&format!("component {number}"), async move |_| {
                if layer > 0 && ended[layer - 1].load(Ordering::SeqCst) < WIDE {
                    early.fetch_add(1, Ordering::SeqCst);
                }
                tokio::task::yield_now().await;
                ended[layer].fetch_add(1, Ordering::SeqCst);
                Ok(())
            });
            let below = (layer + 1) * WIDE..((layer + 2) * WIDE).min(LAYERS * WIDE);
            below.fold(component, |component, needed| component.needs(&format!("component {needed}")))
        };
        let order = match DrainOrder::new((0..LAYERS * WIDE).map(component)) {
            Ok(order) => order,
            Err(bad) => scenario.fail("an order of a thousand components", format!("{bad}")),
        };
        scenario.timeline().anchor("drain");
        let all = scenario.wait("the drain to return", order.drain(Instant::now() + secs(60))).await;
        let complete = all.iter().filter(|ended| ended.outcome == Outcome::Complete).count();
        let run: usize = ended.iter().map(|layer| layer.load(Ordering::SeqCst)).sum();
        scenario.require(
            complete == LAYERS * WIDE && all.len() == complete && run == complete,
            "1000 entries, all complete, and each component run once",
            format!("{} entries, {complete} complete, {run} runs", all.len()),
        );
        let early = early.load(Ordering::SeqCst);
        scenario.require(
            early == 0,
            "none begins before all that need it have ended",
            format!("{early} did"),
        );
    }
}

mod report {
    use super::*;

    /// Each component has a line when it begins and one when it ends, and then the drain reports itself, once.
    ///
    /// Why: the log is the proof of the order, and the only one that there is in production.
    #[test]
    fn the_log_shows_the_order() {
        let scenario = Scenario::new();
        let program = Program::alone(&scenario, || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .start_paused(true)
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                let hangs = async |_| pending::<anyhow::Result<()>>().await;
                let order = DrainOrder::new([
                    Component::new("a", hangs).needs("b"),
                    Component::new("b", async |_| Err(anyhow::anyhow!("no space left"))).needs("c"),
                    Component::new("c", async |_| {
                        sleep(ms(250)).await;
                        Ok(())
                    }),
                    Component::new("d", panics_when_called).needs("a"),
                ]);
                let order = order.expect("there is an order");
                let deadline = Instant::now() + secs(3);
                let _ = tokio::join!(order.drain(deadline), order.drain(deadline));
                let _ = order.drain(deadline).await;
            });
        });
        program.exit_with(0);
        let ends = [("d", "failed"), ("a", "cut_off"), ("b", "failed"), ("c", "complete")];
        service::require_lines(&scenario, &program, &ends);
        let report = program.require_report("deadline_exceeded", 1);
        report.require_duration(&scenario, ms(1_250), ms(1_270));
        let lines = program.stderr();
        for expected in [
            "component=a event=begin share=1s",
            "component=b event=begin share=1s",
            "component=c event=begin share=2s",
        ] {
            let there = lines.iter().any(|(_, line)| line.contains(expected));
            scenario.require(there, format!("a line with `{expected}`"), "no such line");
        }
    }

    /// The service shows its order as a tree before it is ready: what is needed stands below, further to the right.
    ///
    /// Why: whoever reads the log of a start sees at once what the drain is going to do.
    #[test]
    fn the_service_shows_its_order_before_it_is_ready() {
        let scenario = Scenario::new();
        let service = Service::start(&scenario, "5s");
        service.require_tree();
    }
}

fn panics_when_called(_: Instant) -> Ready<anyhow::Result<()>> {
    panic_unseen()
}

fn shortly(order: &Result<DrainOrder, BadOrder>) -> String {
    match order {
        Ok(_) => "an order".to_owned(),
        Err(bad) => format!("{bad:?}"),
    }
}
