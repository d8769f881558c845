//! Acceptance tests for task 7.

#[cfg(feature = "solution")]
extern crate task_07_solution as task_07;

mod model;
mod service;
mod trial;

use std::time::Duration;

use drain_kit::{Moment, Scenario, Signal, ms, secs, settled};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::service::{Heart, PATIENCE, SLOW, Service};
use crate::trial::{Book, DEAF, How, Trial, Wrong, drains, ends, fails_in_the_drain};

/// A group runs until it is asked to stop. Then every component hears of it at once, and not before.
///
/// Why: a component that is told late goes on taking work that it has no time for.
#[tokio::test(start_paused = true)]
async fn a_group_runs_until_it_is_asked_to_stop() {
    let scenario = Scenario::new();
    let trial = Trial::of(&scenario, &[drains(secs(1)), drains(Duration::ZERO), drains(secs(2))]);
    let ran = trial.run(Some(secs(600)), secs(30)).await;
    ran.require_asked(&["a", "b", "c"]);
    ran.require_drained(&[("a", secs(1)), ("b", Duration::ZERO), ("c", secs(2))]);
    ran.require_failure(None);
    ran.require_cut_off(&[]);
    // As soon as it runs: a signal that came while the program started.
    let ran =
        Trial::of(&scenario, &[drains(secs(1)), drains(secs(2))]).run(Some(Duration::ZERO), secs(30)).await;
    ran.require_took(secs(2), "when the slowest component has ended");
    ran.require_drained(&[("a", secs(1)), ("b", secs(2))]);
    ran.require_failure(None);
}

/// A component that cancels its own token tells nobody else to drain; and one that ends after that has still ended unasked.
///
/// Why: a token is handy for what a component starts itself. Whoever uses it for that must not stop the whole service.
#[tokio::test(start_paused = true)]
async fn a_component_that_cancels_its_own_token_disturbs_no_other() {
    let scenario = Scenario::new();
    let mut trial = Trial::new(&scenario);
    trial.group.add("own", async |token: CancellationToken| {
        token.cancel();
        sleep(secs(8)).await;
        Ok(())
    });
    trial.add("other", drains(secs(1)));
    let ran = trial.run(Some(secs(5)), secs(30)).await;
    ran.require_asked(&["other"]);
    ran.require_took(secs(3), "when the one that has cancelled its token has ended");
    ran.require_failure(None);

    let mut trial = Trial::new(&scenario);
    trial.group.add("own", async |token: CancellationToken| {
        token.cancel();
        sleep(secs(2)).await;
        Ok(())
    });
    trial.add("other", drains(secs(1)));
    let ran = trial.run(Some(secs(60)), secs(30)).await;
    ran.require_failure(Some(("own", Wrong::Ended)));
}

/// All components drain at the same time: the drain takes as long as the slowest, and not as long as all of
/// them together.
///
/// Why: the budget is what somebody else has patience for. Spent on one after the other, it is over before
/// the last has begun.
#[tokio::test(start_paused = true)]
async fn a_drain_takes_as_long_as_its_slowest_component() {
    let scenario = Scenario::new();
    let times = [secs(3), secs(9), secs(6), secs(8)];
    let trial = Trial::of(&scenario, &times.map(drains));
    let ran = trial.run(Some(secs(5)), secs(10)).await;
    ran.require_drained(&[("a", secs(3)), ("b", secs(9)), ("c", secs(6)), ("d", secs(8))]);
    ran.require_took(secs(9), "when the slowest component has ended");
    ran.require_failure(None);
    ran.require_cut_off(&[]);
}

/// A component that returns an error before the drain makes the others drain; they are not cut off, and the
/// error is in the report.
///
/// Why: the others have work in their hands, for people who have nothing to do with the one that failed.
#[tokio::test(start_paused = true)]
async fn an_error_makes_the_others_drain() {
    let scenario = Scenario::new();
    for place in 0..3 {
        let mut plans = [drains(secs(2)); 3];
        plans[place] = ends(secs(7), How::Error);
        let failed = ["a", "b", "c"][place];
        let others: Vec<&str> = ["a", "b", "c"].into_iter().filter(|name| *name != failed).collect();
        let ran = Trial::of(&scenario, &plans).run(None, secs(30)).await;
        ran.require_asked(&others);
        ran.require_drained(&[(others[0], secs(2)), (others[1], secs(2))]);
        ran.require_took(secs(2), "when the others have drained");
        ran.require_failure(Some((failed, Wrong::Error)));
        ran.require_cut_off(&[]);
    }
    // As soon as it begins, which may be before the group runs.
    let trial = Trial::of(&scenario, &[drains(secs(2)), ends(Duration::ZERO, How::Error)]);
    settled().await;
    let ran = trial.run(None, secs(30)).await;
    ran.require_drained(&[("a", secs(2))]);
    ran.require_took(secs(2), "when the other has drained");
    ran.require_failure(Some(("b", Wrong::Error)));
}

/// A component that panics before the drain makes the others drain, and is named.
///
/// Why: a panic in a task stays in that task, and nobody hears of it. The service runs on without one of its
/// parts, and looks well.
#[tokio::test(start_paused = true)]
async fn a_panic_makes_the_others_drain() {
    let scenario = Scenario::new();
    let trial = Trial::of(&scenario, &[drains(secs(2)), ends(secs(7), How::Panic), drains(secs(3))]);
    let ran = trial.run(None, secs(30)).await;
    ran.require_asked(&["a", "c"]);
    ran.require_drained(&[("a", secs(2)), ("c", secs(3))]);
    ran.require_took(secs(3), "when the others have drained");
    ran.require_failure(Some(("b", Wrong::Panicked)));
    ran.require_cut_off(&[]);
}

/// A component that ends though nobody asked it to makes the others drain, and is named, also if it returns `Ok`.
///
/// Why: a consumer whose loop has come to its end consumes nothing. `Ok` says only that it does not know why.
#[tokio::test(start_paused = true)]
async fn a_component_that_ends_unasked_makes_the_others_drain() {
    let scenario = Scenario::new();
    let trial = Trial::of(&scenario, &[ends(secs(7), How::Well), drains(secs(2)), drains(secs(3))]);
    let ran = trial.run(Some(secs(60)), secs(30)).await;
    ran.require_asked(&["b", "c"]);
    ran.require_drained(&[("b", secs(2)), ("c", secs(3))]);
    ran.require_took(secs(3), "when the others have drained");
    ran.require_failure(Some(("a", Wrong::Ended)));
    ran.require_cut_off(&[]);
}

/// The failure in the report is the first one, and not one that came later, by itself or because of the first.
///
/// Why: whoever is called at night reads one line. If it names a consequence, the search begins at the wrong end.
#[tokio::test(start_paused = true)]
async fn the_first_failure_is_the_one_in_the_report() {
    let scenario = Scenario::new();
    // In each, what comes first stands last, first and in the middle.
    let later = [fails_in_the_drain(secs(1), How::Error), fails_in_the_drain(Duration::ZERO, How::Panic)];
    for (first, wrong) in
        [(How::Error, Wrong::Error), (How::Panic, Wrong::Panicked), (How::Well, Wrong::Ended)]
    {
        for place in 0..3 {
            let mut plans = later.to_vec();
            plans.insert(place, ends(secs(5), first));
            let ran = Trial::of(&scenario, &plans).run(None, secs(30)).await;
            ran.require_failure(Some((["a", "b", "c"][place], wrong)));
            ran.require_took(secs(1), "when the last has failed");
        }
    }
    let in_the_drain =
        [fails_in_the_drain(secs(3), How::Error), fails_in_the_drain(secs(2), How::Panic), drains(secs(4))];
    let ran = Trial::of(&scenario, &in_the_drain).run(Some(secs(5)), secs(30)).await;
    ran.require_failure(Some(("b", Wrong::Panicked)));
}

/// A component that fails in the drain does not disturb the others, and is in the report.
///
/// Why: the flush that fails at the end is the one that loses data. An exit code 0 says that none is lost.
#[tokio::test(start_paused = true)]
async fn a_failure_in_the_drain_is_reported_and_disturbs_nobody() {
    let scenario = Scenario::new();
    for (how, wrong) in [(How::Error, Wrong::Error), (How::Panic, Wrong::Panicked)] {
        let trial =
            Trial::of(&scenario, &[drains(secs(4)), fails_in_the_drain(secs(1), how), drains(secs(2))]);
        let ran = trial.run(Some(secs(5)), secs(30)).await;
        ran.require_drained(&[("a", secs(4)), ("c", secs(2))]);
        ran.require_took(secs(4), "when the others have drained");
        ran.require_failure(Some(("b", wrong)));
        ran.require_cut_off(&[]);
    }
}

/// At the deadline whoever is left is cut off, and named, in the order in which they were added; nobody else is.
///
/// Why: behind each name stands work that was lost. A name too many sends somebody to look for nothing, and one
/// too few leaves it lost.
#[tokio::test(start_paused = true)]
async fn at_the_deadline_what_is_left_is_cut_off_and_named() {
    let scenario = Scenario::new();
    let plans =
        [DEAF, drains(secs(4)), drains(secs(60)), drains(Duration::ZERO), ends(secs(3600), How::Error)];
    let ran = Trial::of(&scenario, &plans).run(Some(secs(9)), secs(5)).await;
    ran.require_took(secs(5), "at the deadline");
    ran.require_cut_off(&["a", "c", "e"]);
    ran.require_drained(&[("b", secs(4)), ("d", Duration::ZERO)]);
    ran.require_failure(None);
}

/// Who ends by itself just before the deadline is not cut off, and if it ends with an error, that is reported.
///
/// Why: "it was slow" and "it has failed" are different messages, for different people.
#[tokio::test(start_paused = true)]
async fn who_ends_just_before_the_deadline_is_not_cut_off() {
    let scenario = Scenario::new();
    let plans = [drains(ms(4_980)), DEAF, fails_in_the_drain(ms(4_980), How::Error)];
    let ran = Trial::of(&scenario, &plans).run(Some(secs(9)), secs(5)).await;
    ran.require_took(secs(5), "at the deadline");
    ran.require_cut_off(&["b"]);
    ran.require_failure(Some(("c", Wrong::Error)));
}

/// There is one deadline, counted from what began the drain: a failure or `stop`. What comes later renews nothing.
///
/// Why: a group whose parts fail one after the other would drain for ever, a budget for each.
#[tokio::test(start_paused = true)]
async fn there_is_one_deadline_counted_from_what_began_the_drain() {
    let scenario = Scenario::new();
    let plans = [ends(secs(9), How::Error), fails_in_the_drain(secs(3), How::Error), DEAF, drains(secs(2))];
    let ran = Trial::of(&scenario, &plans).run(Some(secs(11)), secs(5)).await;
    ran.require_took(secs(5), "at the deadline, counted from the failure of a");
    ran.require_failure(Some(("a", Wrong::Error)));
    ran.require_cut_off(&["c"]);
    ran.require_drained(&[("d", secs(2))]);
    let ran = Trial::of(&scenario, &[ends(secs(4), How::Panic), DEAF]).run(Some(secs(2)), secs(5)).await;
    ran.require_took(secs(5), "at the deadline, counted from `stop`");
    ran.require_failure(Some(("a", Wrong::Panicked)));
    ran.require_cut_off(&["b"]);
}

/// A group without components runs until it is asked to stop, and has nothing to drain.
///
/// Why: all parts of a service can be switched off by its configuration. That is no reason to end, or to hang.
#[tokio::test(start_paused = true)]
async fn a_group_without_components_runs_until_it_is_asked_to_stop() {
    let scenario = Scenario::new();
    let ran = Trial::new(&scenario).run(Some(secs(5)), secs(5)).await;
    let took = ran.at.since(ran.begun);
    scenario.require(
        ran.book.entries().has_begun() && took < ms(10),
        "run returns when `stop` is ready",
        if ran.book.entries().has_begun() { format!("{took:?} after it") } else { "before it".to_owned() },
    );
    ran.require_failure(None);
    ran.require_cut_off(&[]);
}

/// Whatever components do, and whenever, the group does what the brief says.
///
/// Why: the other criteria have their components fail in an order that somebody thought of.
///
/// Limit: 30 s
///
/// Seed: script
#[test]
fn whatever_the_components_do_the_group_does_what_the_brief_says() {
    model::check(&Scenario::new());
}

/// The heartbeat writes `alive` at once and every tick, behind what is in its file, and `stopped` as its last line.
///
/// Why: whoever watches the file must know "it was stopped" from "it has died".
#[test]
fn the_heartbeat_writes_a_line_every_tick_and_stopped_at_the_end() {
    let scenario = Scenario::new();
    let heart = Heart::new("before\n");
    let started = Moment::now();
    let program = Service::program(&scenario, &heart, "5s", "200ms").start();
    let address = program.address();
    let ready = Moment::now();
    let service = Service { scenario: &scenario, program, address, heart };
    let alive = |lines: &[String]| lines.iter().filter(|line| *line == "alive").count();
    let count = |least: usize| move |lines: &[String]| alive(lines) >= least;
    service.wait_for_line(ready.plus(secs(2)), count(1));
    scenario.at_most(ms(500), ready, Moment::now(), "the first line of the heartbeat");
    service.wait_for_line(ready.plus(secs(4)), count(6));
    let sixth = Moment::now();
    scenario.at_least(secs(1), started, sixth, "the sixth line of the heartbeat");
    scenario.at_most(ms(1_500), ready, sixth, "the sixth line of the heartbeat");
    service.signal(Signal::SIGTERM);
    service.program.exit_with(0);
    service.require_stopped_once();
    let lines = service.heart.lines();
    let others = lines[1..lines.len() - 1].iter().filter(|line| *line != "alive").count();
    scenario.require(
        lines[0] == "before" && others == 0,
        "`before`, which was there, and then `alive` again and again",
        lines.join(" / "),
    );
}

/// On SIGTERM both components drain at the same time: `stopped` is written at once, and a `/slow` in flight gets
/// its full response; then the program exits with code 0.
///
/// Why: a heartbeat that goes on until the server is done says "alive" of a service that takes no more work.
#[test]
fn both_components_drain_at_the_same_time() {
    let scenario = Scenario::new();
    let service = Service::start(&scenario, "5s", "1s");
    let in_flight = service.connect(1).request("/slow", PATIENCE);
    let sent = in_flight.sent();
    let signal = service.signal(Signal::SIGTERM);
    service.require_in_flight(sent, secs(1));
    service.drains_within(ms(450), signal);
    service.stopped_within_500_ms(signal);
    let response = in_flight.answered();
    scenario.at_least(SLOW, sent, response.at, "the response to GET /slow");
    service.program.exit_at_most(secs(2), response.at);
    let exit = service.program.exit_with(0);
    scenario.at_most(ms(500), response.at, exit.at, "exit");
    service.require_stopped_once();
}

/// When the heartbeat cannot write its line, the server drains: `/ready` says 503 for the window, new requests are
/// answered in it, and after it new connections are refused; a `/slow` in flight gets its full response. Then the
/// program exits with code 1.
///
/// Why: a full disk under a log file is no reason to hang up on two hundred users.
#[test]
fn when_the_heartbeat_fails_the_server_drains() {
    let scenario = Scenario::new();
    let service = Service::start(&scenario, "10s", "200ms");
    let in_flight = service.connect(1).request("/slow", PATIENCE);
    let sent = in_flight.sent();
    let gone = service.heart.take_away(&scenario);
    let drains = service.drains_within(ms(700), gone);
    // The window lasts for a second, and began after the folder was gone.
    for later in [100, 350, 600] {
        drains.plus(ms(later)).wait();
        service.ask_in_the_window("/fast", 200, ms(950), gone);
        service.ask_in_the_window("/ready", 503, ms(950), gone);
    }
    drains.plus(ms(1_350)).wait();
    service.require_refused(sent);
    let response = in_flight.answered();
    scenario.at_least(SLOW, sent, response.at, "the response to GET /slow");
    service.program.exit_at_most(secs(2), response.at.max(drains.plus(secs(1))));
    let exit = service.program.exit_with(1);
    scenario.at_most(ms(500), response.at.max(drains.plus(secs(1))), exit.at, "exit");
}

/// A heartbeat that cannot write its last line is a failure, too: the server drains all the same, and the program
/// exits with code 1.
///
/// Why: who sees no `stopped` takes the service for dead. An exit code 0 says that all is well.
#[test]
fn a_failure_in_the_drain_cuts_nobody_off() {
    let scenario = Scenario::new();
    let service = Service::start(&scenario, "5s", "1h");
    let in_flight = service.connect(1).request("/slow", PATIENCE);
    let sent = in_flight.sent();
    // The first line is written before that.
    service.wait_for_line(Moment::now().plus(secs(3)), |lines| !lines.is_empty());
    service.heart.take_away(&scenario);
    service.signal(Signal::SIGTERM);
    service.require_in_flight(sent, ms(500));
    let response = in_flight.answered();
    scenario.at_least(SLOW, sent, response.at, "the response to GET /slow");
    service.program.exit_with(1);
    service.require_report("failed", None);
    service.require_failure_named("heartbeat");
}

/// With a request in flight the program leaves at the deadline, with code 1.
///
/// Why: whoever sent the signal waits for one budget, and then sends SIGKILL.
#[test]
fn the_program_leaves_at_the_deadline() {
    let scenario = Scenario::new();
    let service = Service::start(&scenario, "1s", "1s");
    let in_flight = service.connect(1).request("/slow", PATIENCE);
    let sent = in_flight.sent();
    let signal = service.signal(Signal::SIGTERM);
    service.require_in_flight(sent, ms(1_500));
    service.stopped_within_500_ms(signal);
    let exit = service.exit_at_the_deadline(secs(1), signal, sent);
    scenario.at_most(ms(1_500), signal, exit.at, "exit");
    service.require_stopped_once();
}

/// SIGINT means the same as SIGTERM, and a second signal changes nothing: what is in flight is answered.
///
/// Why: people press Ctrl-C twice, and supervisors repeat themselves.
#[test]
fn sigint_means_the_same_and_a_second_signal_changes_nothing() {
    let scenario = Scenario::new();
    let service = Service::start(&scenario, "5s", "1s");
    let in_flight = service.connect(1).request("/slow", PATIENCE);
    let sent = in_flight.sent();
    let signal = service.signal(Signal::SIGINT);
    service.require_in_flight(sent, secs(1));
    service.stopped_within_500_ms(signal);
    for (later, again) in [(300, Signal::SIGTERM), (900, Signal::SIGINT), (1_500, Signal::SIGTERM)] {
        signal.plus(ms(later)).wait();
        service.signal(again);
        service.require_in_flight(sent, Duration::ZERO);
    }
    let response = in_flight.answered();
    scenario.at_least(SLOW, sent, response.at, "the response to GET /slow");
    service.program.exit_with(0);
    service.require_stopped_once();
    service.require_report("complete", None);
}

/// A signal that arrives while the ready line is being written drains; it does not kill.
///
/// Why: an orchestrator may change its mind while your program starts. A handler that is installed late is a
/// window in which every stop is a crash.
#[test]
fn a_signal_in_the_first_milliseconds_drains() {
    let scenario = Scenario::new();
    let heart = Heart::new("");
    let program = Service::program(&scenario, &heart, "5s", "1s").stdout_full().start();
    program.blocked_in_write();
    let signal = program.signal(Signal::SIGTERM);
    program.read_on();
    program.exit_at_most(secs(2), signal);
    program.exit_with(0);
    program.require_report("complete", 0);
}

/// A variable that cannot be used is named in one line on stderr, and the program exits with code 2; so is a file that
/// cannot be opened.
///
/// Why: a heartbeat that finds out at its first line that it has no file takes a service down that has just been
/// declared well.
///
/// Stub passes: what is read from the environment is finished.
#[test]
fn a_bad_value_is_named_and_ends_the_program() {
    let scenario = Scenario::new();
    let heart = Heart::new("");
    let taken = drain_kit::somebody_listens();
    let taken = taken.local_addr().expect("a bound socket has an address").to_string();
    let folder = heart.folder().to_string_lossy().into_owned();
    let nowhere = heart.folder().join("no such folder/heartbeat").to_string_lossy().into_owned();
    let bad = [
        ("LISTEN_ADDR", "nowhere"),
        ("LISTEN_ADDR", taken.as_str()),
        ("DRAIN_BUDGET", ""),
        ("DRAIN_BUDGET", "12000000000000000000s"),
        ("HEARTBEAT_FILE", ""),
        ("HEARTBEAT_FILE", folder.as_str()),
        ("HEARTBEAT_FILE", nowhere.as_str()),
        ("HEARTBEAT_TICK", ""),
        ("HEARTBEAT_TICK", "5"),
        ("HEARTBEAT_TICK", "0s"),
        ("HEARTBEAT_TICK", "soon"),
    ];
    for (variable, value) in bad {
        Service::program(&scenario, &heart, "5s", "1s").require_refused(variable, value);
    }
}

mod leaks {
    use super::*;

    use drain_kit::leaks::{self, Footprint};

    /// When `run` has returned no component goes on, and no task of the group is left, however it ended.
    ///
    /// Why: `main` returns after it. What goes on then is stopped in the middle of a write.
    #[tokio::test(start_paused = true)]
    async fn no_task_is_left_when_run_has_returned() {
        let scenario = Scenario::new();
        let before = Footprint::now();
        let well = vec![drains(secs(1)), drains(secs(2))];
        let failed = vec![drains(secs(1)), ends(secs(1), How::Error), ends(secs(1), How::Panic)];
        let late = vec![DEAF, drains(secs(60)), ends(secs(2), How::Well), DEAF];
        for plans in [well, failed, late] {
            let ran = Trial::of(&scenario, &plans).run(Some(secs(3)), secs(5)).await;
            let alive = ran.book.alive();
            scenario.require(alive == 0, "no component left when run returns", format!("{alive} left"));
            before.require_no_more(&scenario).await;
        }
    }

    /// A group whose `run` is dropped, or that never ran, leaves no component behind.
    ///
    /// Why: a test that times out, a `select!` that takes another branch: what was in the group must not go on without
    /// anybody who could stop it.
    ///
    /// Stub passes: its components are in a `JoinSet`, which drops them.
    #[tokio::test(start_paused = true)]
    async fn no_task_is_left_when_the_group_is_dropped() {
        let scenario = Scenario::new();
        let before = Footprint::now();
        let plans = [DEAF, drains(secs(60)), drains(secs(1))];
        let never_ran = Trial::of(&scenario, &plans);
        settled().await;
        let (book, Trial { group, .. }) = (never_ran.book.clone(), never_ran);
        drop(group);
        require_nobody(&scenario, &book, "a group that never ran is dropped").await;
        // Dropped before the drain, and in it.
        for stop in [None, Some(secs(1))] {
            let trial = Trial::of(&scenario, &plans);
            let book = trial.book.clone();
            let _ = timeout(ms(1_500), trial.run(stop, secs(60))).await;
            require_nobody(&scenario, &book, "the future of run is dropped").await;
        }
        before.require_no_more(&scenario).await;
    }

    async fn require_nobody(scenario: &Scenario, book: &Book, when: &str) {
        settled().await;
        let alive = book.alive();
        scenario.require(alive == 0, format!("no component left when {when}"), format!("{alive} left"));
    }

    /// The heartbeat leaves no descriptor behind, however many lines it writes.
    ///
    /// Why: a descriptor a second is all that a process has, in a quarter of an hour.
    #[test]
    fn the_heartbeat_leaves_no_descriptor() {
        let scenario = Scenario::new();
        let service = Service::start(&scenario, "5s", "5ms");
        let lines = |least: usize| move |lines: &[String]| lines.len() >= least;
        service.wait_for_line(Moment::now().plus(secs(3)), lines(5));
        let before = service.program.descriptors();
        let from = Moment::now();
        let written = service.wait_for_line(from.plus(secs(5)), lines(200)).len();
        scenario.at_most(secs(4), from, Moment::now(), format!("{written} lines of 200, one every 5 ms,"));
        leaks::require_descriptors_at_most(&scenario, &service.program, before + 5);
        service.signal(Signal::SIGTERM);
        service.program.exit_with(0);
    }
}

mod load {
    use super::*;

    use drain_kit::load;

    /// A thousand components drain at the same time, some fail, and some are cut off: each of those is named.
    ///
    /// Why: a group that is quick for two components and slow for many is what somebody finds out in production.
    ///
    /// Limit: 30 s
    #[tokio::test(start_paused = true)]
    async fn a_thousand_components_drain_at_the_same_time() {
        let scenario = Scenario::new();
        let mut trial = Trial::new(&scenario);
        let name = |number: u64| format!("component {number}");
        for number in 0..1_000 {
            let plan = match number % 10 {
                7 => DEAF,
                3 => fails_in_the_drain(secs(2) + ms(number), How::Error),
                _ => drains(secs(1)),
            };
            trial.add(&name(number), plan);
        }
        let ran = trial.run(Some(secs(1)), secs(5)).await;
        ran.require_took(secs(5), "at the deadline");
        ran.require_failure(Some(("component 3", Wrong::Error)));
        let deaf: Vec<String> = (0..1_000).filter(|number| number % 10 == 7).map(name).collect();
        scenario.require(
            ran.report.cut_off == deaf,
            "100 components cut off: those that do not listen, in the order in which they were added",
            format!("{} cut off: {:?}...", ran.report.cut_off.len(), ran.report.cut_off.first()),
        );
    }

    /// Two hundred `/slow` in flight are answered when the heartbeat fails.
    ///
    /// Why: that is what the whole drill is for. They have not even heard of the heartbeat.
    ///
    /// Limit: 20 s
    #[test]
    fn two_hundred_requests_are_answered_when_the_heartbeat_fails() {
        let scenario = Scenario::new();
        let service = Service::start(&scenario, "10s", "100ms");
        let in_flight = load::in_flight(&scenario, service.address, 200, "/slow", PATIENCE);
        let oldest = in_flight[0].sent();
        let gone = service.heart.take_away(&scenario);
        service.require_in_flight(oldest, ms(100));
        service.drains_within(ms(600), gone);
        let ledger = load::settle(in_flight);
        scenario.require(ledger.answered == 200, "200 of 200 answered", &ledger);
        service.program.exit_with(1);
        scenario.note(ledger);
    }
}

mod report {
    use super::*;

    /// The drain reports itself once on stderr: complete, how long it took, and nothing abandoned.
    ///
    /// Why: the line is what you look for the morning after a deploy that went wrong.
    #[test]
    fn the_drain_reports_itself_once() {
        let scenario = Scenario::new();
        let service = Service::start(&scenario, "5s", "1s");
        let in_flight = service.connect(1).request("/slow", PATIENCE);
        let sent = in_flight.sent();
        let signal = service.signal(Signal::SIGTERM);
        service.require_in_flight(sent, ms(600));
        let answered = in_flight.answered().at;
        let exit = service.program.exit_with(0);
        let duration = service.require_report("complete", None);
        let (least, most) = (answered.since(signal).saturating_sub(ms(50)), exit.at.since(signal));
        scenario.require(
            duration >= least && duration <= most,
            format!("a duration of {least:.1?} to {most:.1?}: from the signal to the end of the drain"),
            format!("duration={duration:?}"),
        );
        scenario.note(format!("drain complete in {duration:.1?}, 0 abandoned"));
    }

    /// A component that was cut off at the deadline is named in the report, and counted.
    ///
    /// Why: "deadline exceeded" is no fact to act on. "The server was cut off" is one.
    #[test]
    fn a_component_that_was_cut_off_is_named() {
        let scenario = Scenario::new();
        let service = Service::start(&scenario, "1s", "1s");
        let in_flight = service.connect(1).request("/slow", PATIENCE);
        let sent = in_flight.sent();
        let signal = service.signal(Signal::SIGTERM);
        service.require_in_flight(sent, ms(1_500));
        service.exit_at_the_deadline(secs(1), signal, sent);
        service.require_report("deadline_exceeded", Some("server"));
    }

    /// A failure is one line on stderr that begins with the name of the component, beside the report, which names whom
    /// the deadline cut off.
    ///
    /// Why: the two lines answer the two questions of the morning after: what began it, and what was lost.
    #[test]
    fn a_failure_is_named_beside_the_report() {
        let scenario = Scenario::new();
        let service = Service::start(&scenario, "1s", "100ms");
        let in_flight = service.connect(1).request("/slow", PATIENCE);
        let sent = in_flight.sent();
        let gone = service.heart.take_away(&scenario);
        service.require_in_flight(sent, ms(1_500));
        // It is noticed by the next line, a tenth of a second later at the most.
        let exit = service.exit_at_the_deadline(secs(1), gone, sent);
        scenario.at_most(ms(1_600), gone, exit.at, "exit");
        service.require_failure_named("heartbeat");
        service.require_report("failed", Some("server"));
    }
}
