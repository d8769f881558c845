//! Acceptance tests for task 3.

mod service;

use std::net::TcpListener;
use std::thread;

use drain_kit::{Client, Pending, Program, Scenario, Signal, ms, program, secs};

use crate::service::*;

/// `/fast` answers at once, also while others wait for `/slow`; any other path is answered with 404.
///
/// Why: a server that works on one request at a time has nothing in flight worth draining.
#[test]
fn fast_answers_at_once_beside_slow() {
    let scenario = Scenario::new();
    let (_program, address) = serve(&scenario);
    scenario.require(address.ip().is_loopback(), "listening on 127.0.0.1 only, as LISTEN_ADDR says", address);
    let slow = connect(&scenario, 1, address).request("/slow", PATIENCE);
    let mut client = connect(&scenario, 2, address);
    let sent = client.send("/fast");
    let response = require_200(&scenario, client.response(PATIENCE));
    scenario.require(
        response.at.since(slow.sent()) < secs(2),
        "GET /fast answered before GET /slow, which began before it",
        "answered after it",
    );
    scenario.at_most(ms(500), sent, response.at, "the response to GET /fast");
    require_content_length(&scenario, &response);
    let elsewhere = client.get("/nowhere", PATIENCE);
    scenario.require(
        elsewhere.as_ref().is_ok_and(|response| response.status == 404),
        "GET /nowhere: 404",
        shown(&elsewhere),
    );
}

/// A `/slow` that began 0.5 s before SIGTERM gets its full response.
///
/// Why: behind each request in flight waits a person. What a deploy cuts off is an order of which
/// nobody knows whether it was taken.
///
/// Limit: 15 s
#[test]
fn a_request_in_flight_gets_its_full_response() {
    let scenario = Scenario::new();
    let (program, address) = serve(&scenario);
    let undisturbed = connect(&scenario, 1, address).request("/slow", PATIENCE);
    let begun = undisturbed.sent();
    wait_until(begun.plus(ms(1_500)));
    let in_flight = connect(&scenario, 2, address).request("/slow", PATIENCE);
    // The first one is answered after 2 s; the second is 0.5 s old then.
    let undisturbed = undisturbed.answered();
    program.signal(Signal::SIGTERM);
    let sent = in_flight.sent();
    // The client keeps its connection open: the program may not wait for it to go.
    let (_client, response) = in_flight.outcome();
    let response = require_200(&scenario, response);
    require_two_seconds(&scenario, begun, &undisturbed);
    require_two_seconds(&scenario, sent, &response);
    require_content_length(&scenario, &response);
    scenario.require(
        response.body == undisturbed.body,
        format!("the body that comes without a signal, {:?}", String::from_utf8_lossy(&undisturbed.body)),
        format!("{:?}", String::from_utf8_lossy(&response.body)),
    );
    require_clean_exit(&scenario, &program, response.at);
}

/// SIGINT means the same: a `/slow` in flight gets its response, then the program exits with code 0.
///
/// Why: Ctrl-C is how you try a drain out. If it takes another path than SIGTERM, nobody has ever
/// tried the path that production takes.
#[test]
fn sigint_drains_too() {
    let scenario = Scenario::new();
    let (program, address) = serve(&scenario);
    let in_flight = connect(&scenario, 1, address).request("/slow", PATIENCE);
    program.signal(Signal::SIGINT);
    let response = in_flight.answered();
    require_clean_exit(&scenario, &program, response.at);
}

/// From 300 ms after the signal on, new connections are refused, as long as the drain lasts.
///
/// Why: a connection that is accepted and never served costs its client a time-out. One that is
/// refused goes to the next server at once.
#[test]
fn new_connections_are_refused_during_the_drain() {
    let scenario = Scenario::new();
    let (program, address) = serve(&scenario);
    let in_flight = connect(&scenario, 1, address).request("/slow", PATIENCE);
    let signal = program.signal(Signal::SIGTERM);
    let refused = first_refused(&scenario, address, signal);
    scenario.at_most(ms(300), signal, refused, "new connections refused");
    for later in [600, 900, 1_200, 1_500] {
        wait_until(signal.plus(ms(later)));
        let connected = Client::connect(&scenario, "client 2", address);
        scenario.require(
            connected.is_err(),
            "new connections refused until the exit",
            format!("accepted again {later} ms after SIGTERM"),
        );
    }
    in_flight.answered();
    program.exit_with(0);
}

/// With nothing in flight the drain is over at once: the program exits within 500 ms, with code 0, also
/// if its stdin is open.
///
/// Why: a drain that always takes its full time makes every deploy and every scale-down slow, and then
/// somebody turns it off.
#[test]
fn with_nothing_in_flight_the_drain_is_over_at_once() {
    let scenario = Scenario::new();
    let program = Program::new(&scenario, program!()).stdin_open().start();
    let address = program.address();
    require_200(&scenario, connect(&scenario, 1, address).get("/fast", PATIENCE));
    let signal = program.signal(Signal::SIGTERM);
    require_clean_exit(&scenario, &program, signal);
}

/// An idle keep-alive connection, and one on which nothing was ever sent, do not hold the drain.
///
/// Why: every browser and every load balancer keeps connections open in reserve. A drain that waits for
/// them always runs into its bound.
#[test]
fn idle_and_silent_connections_do_not_hold_the_drain() {
    let scenario = Scenario::new();
    let (program, address) = serve(&scenario);
    let _open = idle_and_silent(&scenario, address);
    let signal = program.signal(Signal::SIGTERM);
    require_clean_exit(&scenario, &program, signal);
}

/// Half a request does not hold the drain beyond the bound, and is not counted as abandoned.
///
/// Why: a phone in a tunnel sends half of a request and then nothing for minutes. One such client
/// must not decide how long your deploy takes.
#[test]
fn half_a_request_does_not_hold_the_drain_beyond_the_bound() {
    let scenario = Scenario::new();
    let (program, address) = serve_within(&scenario, "700ms");
    let _half = half_a_request(&scenario, 1, address);
    let signal = program.signal(Signal::SIGTERM);
    program.exit_at_most(ms(1_200), signal);
    // It may be waited for, so either outcome is right, with the exit code that goes with it.
    let report = program.drain_report();
    program.exit_with(if report.outcome == "complete" { 0 } else { 1 });
    scenario.require(report.abandoned == 0, "abandoned=0", format!("abandoned={}", report.abandoned));
}

/// A request that outlives the bound does not keep the process alive: it exits at the bound, with code 1.
///
/// Why: after the bound comes SIGKILL. A program that leaves by itself can still say what it lost.
#[test]
fn a_request_that_outlives_the_bound_does_not_keep_the_process_alive() {
    let scenario = Scenario::new();
    let (program, address) = serve_within(&scenario, "300ms");
    let _in_flight = connect(&scenario, 1, address).request("/slow", PATIENCE);
    let signal = program.signal(Signal::SIGTERM);
    require_exit_at_bound(&scenario, &program, signal, ms(300));
}

/// The bound begins with the signal, however long the program has been up.
///
/// Why: a deadline that is computed at start-up has passed long before the first deploy. In every test
/// of a few seconds it looks right; in production nothing is ever drained.
#[test]
fn the_bound_begins_with_the_signal() {
    let scenario = Scenario::new();
    let (program, address) = serve_within(&scenario, "700ms");
    // Up for longer than the bound: that is what is being tested.
    thread::sleep(ms(800));
    let _in_flight = connect(&scenario, 1, address).request("/slow", PATIENCE);
    let signal = program.signal(Signal::SIGTERM);
    require_exit_at_bound(&scenario, &program, signal, ms(700));
}

/// The bound is one deadline for everything: neither an answer nor a second signal renews it.
///
/// Why: whoever sends the signal has one clock. A bound that begins again with each request adds up to
/// more than was promised, and then SIGKILL cuts off what was still in flight.
#[test]
fn the_bound_is_one_deadline_for_everything() {
    let scenario = Scenario::new();
    let (program, address) = serve_within(&scenario, "1.4s");
    let early = connect(&scenario, 1, address).request("/slow", PATIENCE);
    wait_until(early.sent().plus(ms(1_100)));
    let _late = connect(&scenario, 2, address).request("/slow", PATIENCE);
    let signal = program.signal(Signal::SIGTERM);
    early.answered();
    program.signal(Signal::SIGTERM);
    require_exit_at_bound(&scenario, &program, signal, ms(1_400));
}

/// A second signal changes nothing: what is in flight is still answered, and the exit code is 0.
///
/// Why: people press Ctrl-C twice, and supervisors repeat themselves. Neither wants to lose a request.
#[test]
fn a_second_signal_changes_nothing() {
    let scenario = Scenario::new();
    let (program, address) = serve_within(&scenario, "1m");
    let in_flight = connect(&scenario, 1, address).request("/slow", PATIENCE);
    let signal = program.signal(Signal::SIGTERM);
    first_refused(&scenario, address, signal);
    program.signal(Signal::SIGTERM);
    program.signal(Signal::SIGINT);
    in_flight.answered();
    program.exit_with(0);
}

/// A signal that arrives while the ready line is being written drains; it does not kill.
///
/// Why: an orchestrator may change its mind while your program starts. A handler that is installed
/// late is a window in which every stop is a crash.
#[test]
fn a_signal_in_the_first_milliseconds_drains() {
    let scenario = Scenario::new();
    let program = Program::new(&scenario, program!()).stdout_full().start();
    program.blocked_in_write();
    let signal = program.signal(Signal::SIGTERM);
    program.read_on();
    program.exit_at_most(secs(2), signal);
    program.exit_with(0);
    let report = program.drain_report();
    scenario.require(report.outcome == "complete", "outcome=complete", format!("outcome={}", report.outcome));
}

/// A `LISTEN_ADDR` or `DRAIN_BUDGET` that cannot be used is named in one line on stderr, and the program
/// exits with code 2.
///
/// Why: a typo in a manifest that falls back to a default in silence is found months later, in the
/// first drain that needed the value.
#[test]
fn a_bad_value_is_named_and_ends_the_program() {
    let scenario = Scenario::new();
    for good in ["250ms", "1.5s", "1m"] {
        let (_program, address) = serve_within(&scenario, good);
        require_200(&scenario, connect(&scenario, 1, address).get("/fast", PATIENCE));
    }
    let addresses = ["nowhere", "127.0.0.1", "127.0.0.1:99999"].map(|value| ("LISTEN_ADDR", value));
    let budgets = ["soon", "5", "7x", "0s", "-1s"].map(|value| ("DRAIN_BUDGET", value));
    for (variable, value) in addresses.into_iter().chain(budgets) {
        require_refusal(&scenario, variable, value);
    }
}

/// An address that is in use is named in one line on stderr, and the program exits with code 2.
///
/// Why: during a deploy the old instance may still hold the port. `Address already in use` without the
/// address sends people looking in the wrong place.
#[test]
fn an_address_in_use_is_named_and_ends_the_program() {
    let scenario = Scenario::new();
    let (_program, address) = serve(&scenario);
    require_200(&scenario, connect(&scenario, 1, address).get("/fast", PATIENCE));
    let holder = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let taken = holder.local_addr().expect("the address of a listener");
    require_refusal(&scenario, "LISTEN_ADDR", &taken.to_string());
}

mod leaks {
    use super::*;

    use std::ops::RangeInclusive;

    use drain_kit::leaks;

    /// The program starts no other process, before the signal or after it.
    ///
    /// Why: an orphan keeps ports, files and memory, and the next start finds them taken.
    #[test]
    fn no_process_is_left() {
        let scenario = Scenario::new();
        let (program, address) = serve_within(&scenario, "700ms");
        let _in_flight = connect(&scenario, 1, address).request("/slow", PATIENCE);
        require_no_child(&scenario, &program, "before the signal");
        let signal = program.signal(Signal::SIGTERM);
        first_refused(&scenario, address, signal);
        require_no_child(&scenario, &program, "during the drain");
        program.exit_at_most(BOUND, signal);
        leaks::require_no_process_left(&scenario, &program);
    }

    /// A connection that its client has closed is closed on the server's side, too: no descriptor is kept.
    ///
    /// Why: a server that remembers every connection it ever had runs out of descriptors after days, and
    /// then refuses everybody.
    #[test]
    fn a_connection_that_has_ended_leaves_no_descriptor() {
        let scenario = Scenario::new();
        let (program, address) = serve(&scenario);
        let serve_clients = |numbers: RangeInclusive<usize>| {
            for number in numbers {
                require_200(&scenario, connect(&scenario, number, address).get("/fast", PATIENCE));
            }
        };
        // A runtime may open some for itself when there is something to do.
        serve_clients(1..=10);
        let before = program.descriptors();
        serve_clients(11..=60);
        leaks::require_descriptors_at_most(&scenario, &program, before + 5);
    }
}

mod load {
    use super::*;

    use drain_kit::load::{self, Ledger, Load};

    /// Two hundred `/slow` in flight are all answered, and nothing is abandoned.
    ///
    /// Why: one request in flight is the easy case. A deploy at noon finds hundreds.
    ///
    /// Limit: 20 s
    #[test]
    fn two_hundred_requests_in_flight_are_all_answered() {
        let scenario = Scenario::new();
        let (program, address) = serve(&scenario);
        let in_flight = load::in_flight(&scenario, address, 200, "/slow", PATIENCE);
        let first = in_flight[0].sent();
        let signal = program.signal(Signal::SIGTERM);
        if signal.since(first) > ms(1_900) {
            scenario.unknown("machine too busy: the first requests were answered before the last were sent");
        }
        let ledger = load::settle(in_flight);
        scenario.require(ledger.answered == 200, "200 of 200 answered", &ledger);
        program.exit_with(0);
        require_report(&scenario, &program, "complete", 0);
        scenario.note(ledger);
    }

    /// Clients that go on sending on their open connections do not hold the drain, and none of their
    /// requests is cut off: it is answered, or finds the connection closed.
    ///
    /// Why: a busy load balancer always has the next request ready. A drain that waits for a pause in it
    /// never ends.
    #[test]
    fn busy_connections_do_not_hold_the_drain() {
        let scenario = Scenario::new();
        let (program, address) = serve(&scenario);
        let load = Load::start(&scenario, address, 8, "/fast", PATIENCE);
        let in_flight = connect(&scenario, 100, address).request("/slow", PATIENCE);
        wait_until(in_flight.sent().plus(ms(500)));
        program.signal(Signal::SIGTERM);
        let response = in_flight.answered();
        require_clean_exit(&scenario, &program, response.at);
        let ledger = load.stop();
        let Ledger { answered, lost, duplicated, wrong_status, .. } = ledger;
        scenario.require(
            answered > 0 && lost + duplicated + wrong_status == 0,
            "each request answered with 200, refused, or its connection closed before the first byte",
            &ledger,
        );
        scenario.note(ledger);
    }
}

mod report {
    use super::*;

    /// The drain reports itself once on stderr: complete, how long it took from the signal on, nothing
    /// abandoned.
    ///
    /// Why: the line is what you look for the morning after a deploy that went wrong.
    #[test]
    fn the_drain_reports_itself_once() {
        let scenario = Scenario::new();
        let (program, address) = serve(&scenario);
        let in_flight = connect(&scenario, 1, address).request("/slow", PATIENCE);
        let sent = in_flight.sent();
        wait_until(sent.plus(ms(500)));
        let signal = program.signal(Signal::SIGTERM);
        in_flight.answered();
        let exit = program.exit_with(0);
        let report = require_report(&scenario, &program, "complete", 0);
        // The answer came 2 s after the request; the signal may have taken a while to be heard.
        let least = secs(2).saturating_sub(signal.since(sent) + ms(500));
        require_duration(&scenario, report.duration, least, exit.at.since(signal));
        scenario.note(format!("drain complete in {:.1?}, 0 abandoned", report.duration));
    }

    /// An overrun is reported, too: the deadline was exceeded, and how many requests were cut off.
    /// Connections on which no request was in flight are not counted.
    ///
    /// Why: "three requests were lost" is a fact to act on. "Shutdown timed out" is not, and a number
    /// that counts idle connections is believed by nobody.
    #[test]
    fn an_overrun_reports_what_it_abandoned() {
        let scenario = Scenario::new();
        let (program, address) = serve_within(&scenario, "700ms");
        let _open = idle_and_silent(&scenario, address);
        let _half = half_a_request(&scenario, 4, address);
        let _in_flight: Vec<Pending> =
            (5..=7).map(|number| connect(&scenario, number, address).request("/slow", PATIENCE)).collect();
        let signal = program.signal(Signal::SIGTERM);
        require_exit_at_bound(&scenario, &program, signal, ms(700));
        let report = require_report(&scenario, &program, "deadline_exceeded", 3);
        require_duration(&scenario, report.duration, ms(650), program.exit().at.since(signal));
    }

    /// A request whose client hung up long ago is not counted as abandoned.
    ///
    /// Why: clients hang up all day. A counter that forgets to go down then makes every drain wait for
    /// nobody, and report losses that were none.
    #[test]
    fn a_client_that_hung_up_is_not_counted() {
        let scenario = Scenario::new();
        let (program, address) = serve_within(&scenario, "700ms");
        let mut hangs_up = connect(&scenario, 1, address);
        let sent = hangs_up.send("/slow");
        hangs_up.wait_until_read();
        let patient = connect(&scenario, 2, address).request("/slow", PATIENCE);
        // In the middle of the answer, not while the request is being read.
        wait_until(sent.plus(ms(500)));
        drop(hangs_up);
        scenario.timeline().mark("client 1", "hangs up");
        // Once this one is answered, the handler of the first is over as well, cancelled or not.
        patient.answered();
        let _in_flight = connect(&scenario, 3, address).request("/slow", PATIENCE);
        let signal = program.signal(Signal::SIGTERM);
        program.exit_at_most(BOUND, signal);
        require_report(&scenario, &program, "deadline_exceeded", 1);
    }
}
