//! Acceptance tests for task 5.

mod alone;
mod crowd;
mod service;

use std::thread;
use std::time::Duration;

use drain_kit::{Client, Cut, Moment, Program, Scenario, Signal, ms, program, secs};

use crate::alone::callers;
use crate::crowd::Crowd;
use crate::service::*;

/// Before the signal, `/ready` and `/healthz` answer 200, from the ready line on and also while requests
/// are in flight.
///
/// Why: a server that says it is not ready gets no users. If it says so when it is merely busy, the
/// others get its share, and then they are the busy ones.
#[test]
fn ready_and_healthz_answer_200_before_the_signal() {
    let scenario = Scenario::new();
    let service = Service::start(&scenario, LONG);
    let mut open = service.open(1);
    let in_flight = service.connect(2).request("/slow", PATIENCE);
    for path in ["/ready", "/healthz"] {
        let response = service.probe(path, 200);
        response.require_content_length(&scenario);
        service.ask(&mut open, path, 200);
    }
    service.require_in_flight(in_flight.sent(), Duration::ZERO);
}

/// `/ready` answers 503 from 100 ms after the signal on, before the exit, on new connections, and on open ones as
/// long as the window lasts. Who still gets an answer after it gets no other.
///
/// Why: readiness is the only way to tell a load balancer "no more, please". Whatever else the server
/// does first, users are sent to it in the meantime.
#[test]
fn ready_answers_503_after_the_signal() {
    let scenario = Scenario::new();
    let mut service = Service::start(&scenario, LONGER);
    let mut open = service.open(1);
    service.signal(Signal::SIGTERM);
    service.first_503();
    service.ask(&mut open, "/ready", 503);
    for mut caller in callers(&scenario, true) {
        caller.ask("/ready", 503);
    }
    // The other half comes after the window: then it is answered, or its connection is closed.
    let mut service = Service::start_called(&scenario, DEFAULT, "program 4");
    let mut late = service.connect(4);
    let in_flight = service.connect(5).request("/slow", PATIENCE);
    service.signal(Signal::SIGTERM);
    late.send_bytes("GET /ready HTTP/1.1\r\nHost: dri");
    service.wait(DEFAULT.window + ms(300));
    late.send_bytes("ll\r\n\r\n");
    let outcome = late.response(PROBE_PATIENCE);
    let right = !matches!(&outcome, Ok(response) if response.status != 503);
    scenario.require(right, "the late half of GET /ready: 503, or closed", service.shown(&outcome));
    in_flight.answered();
}

/// New connections still reach `/ready`, and get the 503, as long as the propagation window lasts: at its
/// beginning, in its middle and just before its end, also if nothing else is there to do.
///
/// Why: a load balancer asks every few seconds, each time on a new connection. Until it has seen the
/// 503, it goes on sending users, and a listener that has closed turns them away with an error.
#[test]
fn new_connections_get_the_503_in_the_window() {
    let scenario = Scenario::new();
    // Each asked once, and one asked again and again.
    for mut caller in callers(&scenario, false) {
        caller.ask("/ready", 503);
    }
    let mut service = Service::start_called(&scenario, LONG, "program 4");
    service.signal(Signal::SIGTERM);
    for later in [110, 300, 500, 700, 850] {
        service.wait(ms(later));
        service.probe("/ready", 503);
    }
}

/// A `/slow` in flight at the signal gets its full response, long after the window; then the program
/// exits with code 0.
///
/// Why: behind each request in flight waits a person. The window is there so that no more of them
/// come, not to spend the time that those who are here already need.
///
/// Limit: 15 s
#[test]
fn a_request_in_flight_gets_its_full_response() {
    let scenario = Scenario::new();
    let mut service = Service::start(&scenario, DEFAULT);
    let in_flight = service.connect(1).request("/slow", PATIENCE);
    let signal = service.signal(Signal::SIGTERM);
    let sent = in_flight.sent();
    service.require_in_flight(sent, DEFAULT.window);
    let response = in_flight.answered();
    scenario.at_least(SLOW, sent, response.at, "the response to GET /slow");
    // The code first: a drain that ran into its deadline is wrong however busy the machine is.
    service.program.exit_at_most(secs(5), response.at);
    let exit = service.program.exit_with(0);
    scenario.at_most(ms(500), response.at.max(signal.plus(DEFAULT.window)), exit.at, "exit");
}

/// Requests that begin in the window are answered, at its beginning and just before its end, on new and on open
/// connections, also if that takes longer than the window and nothing else is in flight.
///
/// Why: in the window users still arrive, because nobody has heard of the 503 yet. To answer them with
/// an error, or to close their connections, is the outage that the window is there to prevent.
///
/// Limit: 20 s
#[test]
fn requests_that_begin_in_the_window_are_answered() {
    let scenario = Scenario::new();
    for open in [false, true] {
        for mut caller in callers(&scenario, open) {
            caller.ask("/fast", 200);
        }
    }
    for open in [false, true] {
        let mut callers = callers(&scenario, open);
        let sent: Vec<(Client, Moment)> = callers.iter_mut().map(|caller| caller.send("/slow")).collect();
        for (caller, (mut client, sent)) in callers.into_iter().zip(sent) {
            match client.response(PATIENCE) {
                Ok(response) if response.status == 200 => {
                    scenario.at_least(SLOW, sent, response.at, "the response to GET /slow");
                }
                outcome => {
                    let expected = format!("GET /slow, sent {}: 200", caller.service.when(sent));
                    let observed = caller.service.shown(&outcome);
                    caller.service.fail_known(sent, client.settled(), &expected, &observed);
                }
            }
            caller.service.program.exit_with(0);
        }
    }
}

/// `/healthz` still answers 200 in the window, on open and on new connections, until its end.
///
/// Why: "do not send me work" and "restart me" are different messages. An orchestrator that reads the
/// second one kills the server in the middle of its drain.
#[test]
fn healthz_stays_200_in_the_window() {
    let scenario = Scenario::new();
    for open in [false, true] {
        for mut caller in callers(&scenario, open) {
            caller.ask("/healthz", 200);
        }
    }
}

/// With nothing in flight the window is kept too, and nothing else: with the default budget the program
/// exits 500 ms after the signal, with code 0, also if idle connections are open, whether they were opened before
/// the signal or in the window, and used or not.
///
/// Why: that nobody is here now does not mean that nobody is on the way. A quiet server gets its next
/// user just as a busy one does: through a load balancer that has not heard yet. It keeps a connection
/// or two for them, and closes none by itself.
#[test]
fn the_window_is_kept_with_nothing_in_flight() {
    let scenario = Scenario::new();
    let mut service = Service::start(&scenario, DEFAULT);
    let _before = [service.open(1), service.connect(2)];
    service.signal(Signal::SIGTERM);
    let _in_the_window = [service.open(3), service.connect(4)];
    service.exit_with_the_window();
}

/// The window is a tenth of the budget: with a budget of 18.9 s the program exits 1.89 s after the signal, and with one of
/// an hour it has not closed its door after 5.5 s.
///
/// Why: how fast load balancers hear of the 503 is a matter of the place that the server runs in, and so
/// is the budget. A window that is fixed in the code fits one of all these places.
#[test]
fn the_window_is_a_tenth_of_the_budget() {
    let scenario = Scenario::new();
    let mut patient = Service::start_called(&scenario, HOUR, "program 2");
    patient.signal(Signal::SIGTERM);
    let mut service = Service::start_called(&scenario, UNEVEN, "program 1");
    service.signal(Signal::SIGTERM);
    service.exit_with_the_window();
    patient.wait(ms(5_500));
    patient.probe("/ready", 503);
}

/// From 300 ms after the end of the window on, new connections are refused, as long as the drain lasts.
///
/// Why: a server that goes on taking new work never becomes empty. Its drain ends at the deadline, with
/// work cut off that another server could have done.
#[test]
fn new_connections_are_refused_when_the_window_is_over() {
    let scenario = Scenario::new();
    let mut service = Service::start(&scenario, DEFAULT);
    let in_flight = service.connect(1).request("/slow", PATIENCE);
    service.signal(Signal::SIGTERM);
    let noticed = service.first_503();
    service.require_refused(noticed.plus(DEFAULT.window));
    for later in [1_100, 1_400, 1_850] {
        service.wait(ms(later));
        let cut = Client::connect(&scenario, "client 2", service.address).err();
        scenario.require(
            cut == Some(Cut::Refused),
            format!("new connections refused until the exit, also {later} ms after SIGTERM"),
            cut.map_or_else(|| "accepted again".to_owned(), |cut| cut.to_string()),
        );
        service.require_in_flight(in_flight.sent(), Duration::ZERO);
    }
    in_flight.answered();
    service.program.exit_with(0);
}

/// The window is part of the budget: there is one deadline, counted from the signal, and a request that
/// would be answered later is cut off.
///
/// Why: whoever sent the signal waits for one budget, and then sends SIGKILL. A drain that begins to
/// count when its window is over is killed when it believes that it has time left.
#[test]
fn the_window_counts_against_the_budget() {
    let scenario = Scenario::new();
    let mut service = Service::start(&scenario, SHORT);
    let mut open = [service.open(1)];
    service.signal(Signal::SIGTERM);
    let noticed = service.first_503();
    // Its answer is ready 2 s from now or later: 100 ms or more after the deadline.
    let sent = service.slow_in_short_window(&mut open);
    let outcome = open[0].response(PATIENCE);
    if let Some(response) = outcome.ok().filter(|response| response.status == 200) {
        let expected =
            format!("GET /slow cut off {SHORT_DEADLINE:?} after the signal, when the budget is over");
        let observed = format!("answered with 200, {}", service.when(response.at));
        let deadline = noticed.plus(SHORT_DEADLINE);
        scenario.too_late(response.at.since(answerable(sent)), deadline, response.at, &expected, &observed);
    }
    service.exit_at_the_deadline(sent);
}

/// A `DRAIN_BUDGET` that cannot be used is named in one line on stderr, and the program exits with code 2. One that
/// can be used drains, however short or long it is.
///
/// Why: a window is a tenth of it, and a deadline is made of it, at the signal. Whatever goes wrong with that goes
/// wrong then, with everything in flight.
#[test]
fn a_bad_value_is_named_and_ends_the_program() {
    let scenario = Scenario::new();
    // For a longer one the window would be waited for.
    for good in ["500us", "250ms", "1s 500ms"] {
        let program = Program::new(&scenario, program!()).called(good).env("DRAIN_BUDGET", good).start();
        program.address();
        program.signal(Signal::SIGTERM);
        let outcome = program.drain_report().outcome;
        program.exit_with(if outcome == "complete" { 0 } else { 1 });
    }
    let long = Program::new(&scenario, program!()).called("100years").env("DRAIN_BUDGET", "100years").start();
    long.address();
    long.signal(Signal::SIGTERM);
    long.runs_on_for(ms(300));
    // The last two are more than a number holds, and more than a clock does.
    for bad in ["", " ", "soon", "5", "7x", "0s", "-1s", "99999999999999999999s", "12000000000000000000s"] {
        Program::new(&scenario, program!()).require_refused("DRAIN_BUDGET", bad);
    }
}

/// A second signal in the window changes nothing: the window is neither cut short nor begun again, and
/// requests are still answered.
///
/// Why: people press Ctrl-C twice, and supervisors repeat themselves. Neither of them wants users to be
/// turned away.
///
/// Limit: 15 s
#[test]
fn a_second_signal_changes_nothing() {
    let scenario = Scenario::new();
    let mut service = Service::start(&scenario, LONGER);
    let signal = service.signal(Signal::SIGTERM);
    service.first_503();
    service.signal(Signal::SIGTERM);
    for (later, again) in [(500, Signal::SIGINT), (1_000, Signal::SIGTERM), (1_850, Signal::SIGINT)] {
        service.wait(ms(later));
        service.probe("/ready", 503);
        service.probe("/fast", 200);
        service.signal(again);
    }
    // Again and again: a window that each signal renews is then longer than a busy machine explains.
    while service.program.exited().is_none() && Moment::now() < signal.plus(secs(6)) {
        service.signal(Signal::SIGINT);
        thread::sleep(ms(500));
    }
    service.exit_with_the_window();
}

/// A second signal after the window changes nothing either: what is in flight gets its full response.
///
/// Why: whoever asks again wants to know whether the first signal has been heard. Those whose requests are
/// cut off for that have asked for nothing.
///
/// Limit: 15 s
#[test]
fn a_second_signal_after_the_window_changes_nothing() {
    let scenario = Scenario::new();
    let mut service = Service::start(&scenario, DEFAULT);
    let in_flight = service.connect(1).request("/slow", PATIENCE);
    service.signal(Signal::SIGTERM);
    for (later, again) in [(900, Signal::SIGTERM), (1_200, Signal::SIGINT), (1_700, Signal::SIGTERM)] {
        service.wait(ms(later));
        service.signal(again);
        service.require_in_flight(in_flight.sent(), Duration::ZERO);
    }
    let sent = in_flight.sent();
    scenario.at_least(SLOW, sent, in_flight.answered().at, "the response to GET /slow");
    service.program.exit_with(0);
}

/// SIGINT means the same: 503 on new connections for as long as the window lasts, and exit code 0.
///
/// Why: Ctrl-C is how you try a drain out. If it takes another path than SIGTERM, nobody has ever tried
/// the path that production takes.
#[test]
fn sigint_means_the_same() {
    let scenario = Scenario::new();
    let mut service = Service::start(&scenario, LONG);
    service.signal(Signal::SIGINT);
    service.wait(ms(100));
    service.first_503();
    for later in [500, 850] {
        service.wait(ms(later));
        service.probe("/ready", 503);
    }
    service.exit_with_the_window();
}

mod leaks {
    use super::*;

    use drain_kit::leaks;

    /// Probes leave nothing behind: their connections are closed on the server's side, too.
    ///
    /// Why: three balancers that ask once a second are a quarter of a million probes a day. Whatever one
    /// of them leaves behind, the server runs out of it.
    #[test]
    fn probes_leave_no_connection() {
        let scenario = Scenario::new();
        let service = Service::start(&scenario, LONG);
        let before = service.program.descriptors();
        for _ in 0..25 {
            service.probe("/ready", 200);
            service.probe("/healthz", 200);
        }
        leaks::require_descriptors_at_most(&scenario, &service.program, before + 5);
    }
}

mod load {
    use super::*;

    use drain_kit::load::{self, Load};

    /// Probes are answered within 500 ms beside two hundred `/slow` in flight, before the signal and in
    /// the window; and all two hundred are answered, too.
    ///
    /// Why: a probe that times out counts as a failed one. A server whose probes wait behind its work is
    /// taken out, or killed, just when there is most to do.
    ///
    /// Limit: 20 s
    #[test]
    fn probes_are_answered_beside_two_hundred_requests() {
        let scenario = Scenario::new();
        let mut service = Service::start(&scenario, LONG);
        let in_flight = load::in_flight(&scenario, service.address, 200, "/slow", PATIENCE);
        service.probe("/ready", 200);
        service.probe("/healthz", 200);
        let first = in_flight[0].sent();
        service.signal(Signal::SIGTERM);
        service.require_in_flight(first, LONG.window);
        service.first_503();
        service.probe("/healthz", 200);
        service.wait(ms(850));
        service.probe("/ready", 503);
        service.probe("/healthz", 200);
        service.require_in_flight(first, Duration::ZERO);
        let ledger = load::settle(in_flight);
        scenario.require(ledger.answered == 200, "200 of 200 answered", &ledger);
        service.program.exit_with(0);
        scenario.note(ledger);
    }

    /// Whenever a client comes, before the window or in it, on a new connection or an open one, it is answered as
    /// the window promises; after the window it is answered or turned away before the first byte.
    ///
    /// Why: users come at any moment. What holds when the window begins, and no longer when it ends, is what
    /// somebody meets at each deploy.
    ///
    /// Limit: 20 s
    #[test]
    fn clients_at_any_moment_of_the_drain() {
        let scenario = Scenario::new();
        let mut service = Service::start(&scenario, LONG);
        let crowd = Crowd::send(&service);
        crowd.signal_at().wait();
        let signal = service.signal(Signal::SIGTERM);
        let last = crowd.judge(&service, signal).max(signal.plus(LONG.window));
        service.program.exit_at_most(secs(10), last);
        let exit = service.program.exit_with(0);
        scenario.at_most(ms(500), last, exit.at, "exit");
        service.program.require_report("complete", 0);
    }

    /// Clients that send one request after the other notice nothing of the window: each request is
    /// answered with 200.
    ///
    /// Why: that is what the whole drill is for. A deploy at noon that nobody notices needs no night
    /// shift.
    #[test]
    fn busy_clients_do_not_notice_the_window() {
        let scenario = Scenario::new();
        let mut service = Service::start(&scenario, LONGER);
        let load = Load::start(&scenario, service.address, 8, "/fast", PATIENCE);
        thread::sleep(ms(100));
        let signal = service.signal(Signal::SIGTERM);
        service.wait(ms(1_800));
        let ledger = load.stop();
        // Announced with `Connection: close`, a close is no surprise, and is not counted.
        let noticed =
            ledger.answered == 0 || ledger.answered < ledger.sent || ledger.refused + ledger.closed > 0;
        if noticed {
            let stopped = Moment::now();
            scenario.at_most(LONGER.window - ms(50), signal, stopped, "all clients stopped, in the window,");
            let expected = "each request answered with 200, none refused, no connection closed unannounced";
            scenario.fail(expected, &ledger);
        }
        scenario.note(ledger);
    }
}

mod report {
    use super::*;

    /// The drain reports itself once on stderr: complete, how long it took from the signal on, the window
    /// included, and nothing abandoned.
    ///
    /// Why: the line is what you look for the morning after a deploy that went wrong. If its duration
    /// leaves out the window, it does not add up with what the orchestrator has measured.
    #[test]
    fn the_drain_reports_itself_once() {
        let scenario = Scenario::new();
        let mut service = Service::start(&scenario, DEFAULT);
        let signal = service.signal(Signal::SIGTERM);
        let exit = service.program.exit_with(0);
        let report = service.program.require_report("complete", 0);
        report.require_duration(&scenario, ms(450), exit.at.since(signal));
        scenario.note(format!("drain complete in {:.1?}, 0 abandoned", report.duration));
    }

    /// An overrun is reported, too: the deadline was exceeded, and how many requests were cut off, those
    /// that began in the window included.
    ///
    /// Why: "three requests were lost" is a fact to act on. A count that was taken at the signal leaves
    /// out the users who came last, and they were lost all the same.
    #[test]
    fn an_overrun_reports_what_it_abandoned() {
        let scenario = Scenario::new();
        let mut service = Service::start(&scenario, SHORT);
        let _idle = service.open(1);
        let mut open = [2, 3, 4].map(|number| service.open(number));
        let signal = service.signal(Signal::SIGTERM);
        service.first_503();
        let sent = service.slow_in_short_window(&mut open);
        let exit = service.exit_at_the_deadline(sent);
        let report = service.program.drain_report();
        let (outcome, abandoned) = (&report.outcome, report.abandoned);
        let expected = "outcome=deadline_exceeded abandoned=3 on stderr";
        let observed = format!("outcome={outcome} abandoned={abandoned}");
        // It has waited until the deadline, so it knew of one at the least.
        scenario.require(outcome == "deadline_exceeded" && abandoned > 0, expected, &observed);
        if abandoned != 3 {
            service.fail(sent, expected, &observed);
        }
        report.require_duration(&scenario, SHORT_DEADLINE - ms(50), exit.since(signal));
    }
}
