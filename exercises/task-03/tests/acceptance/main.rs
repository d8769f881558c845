//! Acceptance tests for task 3.

mod crowd;
mod service;

use std::ffi::OsStr;
use std::net::IpAddr;
use std::os::unix::ffi::OsStrExt as _;
use std::thread;
use std::time::Duration;

use drain_kit::{Client, Cut, Moment, Pending, Program, Running, Scenario, Signal, ms, program, secs, shown};

use crate::crowd::Crowd;
use crate::service::*;

/// `/fast` answers at once, also while others wait for `/slow` or have sent nothing yet; any other path is answered
/// with 404. The ready line has the address that the program really has.
///
/// Why: a server that works on one request at a time has nothing in flight worth draining.
#[test]
fn fast_answers_at_once_beside_slow() {
    let scenario = Scenario::new();
    let program = Program::new(&scenario, program!()).env("LISTEN_ADDR", "127.0.0.2:0").start();
    let address = program.address();
    let expected = "listening on 127.0.0.2 and nowhere else, as LISTEN_ADDR says";
    scenario.require(address.ip() == IpAddr::from([127, 0, 0, 2]), expected, address);
    let slow = connect(&scenario, 1, address).request("/slow", PATIENCE);
    // Many of them: what each costs the others adds up.
    let _silent: Vec<Client> = (3..=32).map(|number| connect(&scenario, number, address)).collect();
    let mut client = connect(&scenario, 2, address);
    let sent = client.send("/fast");
    let response = require_200(&scenario, client.response(PATIENCE));
    scenario.at_most(ms(500), sent, response.at, "the response to GET /fast");
    scenario.at_most(SLOW, slow.sent(), response.at, "the response to GET /fast");
    response.require_content_length(&scenario);
    let elsewhere = client.get("/nowhere", PATIENCE);
    scenario.require(
        elsewhere.as_ref().is_ok_and(|response| response.status == 404),
        "GET /nowhere: 404",
        shown(&elsewhere),
    );
    let begun = slow.sent();
    scenario.at_least(SLOW, begun, slow.answered().at, "the response to GET /slow");
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
    begun.plus(ms(1_500)).wait();
    let in_flight = connect(&scenario, 2, address).request("/slow", PATIENCE);
    // The first one is answered after 2 s; the second is 0.5 s old then.
    let undisturbed = undisturbed.answered();
    let signal = program.signal(Signal::SIGTERM);
    let sent = in_flight.sent();
    require_in_flight(&scenario, sent, signal, Duration::ZERO);
    // The client keeps its connection open: the program may not wait for it to go.
    let (_client, response) = in_flight.outcome();
    let response = require_200(&scenario, response);
    scenario.at_least(SLOW, begun, undisturbed.at, "the response to GET /slow");
    scenario.at_least(SLOW, sent, response.at, "the response to GET /slow");
    response.require_content_length(&scenario);
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
    let (sent, signal) = (in_flight.sent(), program.signal(Signal::SIGINT));
    require_in_flight(&scenario, sent, signal, Duration::ZERO);
    let response = in_flight.answered();
    scenario.at_least(SLOW, sent, response.at, "the response to GET /slow");
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
    // From its beginning to just before its end: `/slow` holds the drain for 2 s.
    for later in [600, 900, 1_200, 1_500, 1_850] {
        signal.plus(ms(later)).wait();
        let asked = Moment::now();
        let cut = Client::connect(&scenario, "client 2", address).err();
        scenario.require(
            cut == Some(Cut::Refused),
            format!("new connections refused until the exit, also {later} ms after SIGTERM"),
            cut.map_or_else(|| "accepted again".to_owned(), |cut| cut.to_string()),
        );
        require_in_flight(&scenario, in_flight.sent(), asked, Duration::ZERO);
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

/// Half a request does not hold the drain beyond the bound, also if others were answered in the drain, and is not
/// counted as abandoned.
///
/// Why: a phone in a tunnel sends half of a request and then nothing for minutes. One such client
/// must not decide how long your deploy takes.
#[test]
fn half_a_request_does_not_hold_the_drain_beyond_the_bound() {
    let scenario = Scenario::new();
    let exits_within_its_bound = |program: &Running, bound, signal| {
        program.exit_at_most(bound + ms(500), signal);
        // It may be waited for, so either outcome is right, with the exit code that goes with it.
        let report = program.drain_report();
        program.exit_with(if report.outcome == "complete" { 0 } else { 1 });
        scenario.require(report.abandoned == 0, "abandoned=0", format!("abandoned={}", report.abandoned));
    };
    let (program, address) = serve_within(&scenario, "700ms");
    let _half = half_a_request(&scenario, 1, address);
    exits_within_its_bound(&program, ms(700), program.signal(Signal::SIGTERM));

    let program = Program::new(&scenario, program!()).called("program 2").env("DRAIN_BUDGET", "3s").start();
    let address = program.address();
    let _half = half_a_request(&scenario, 2, address);
    let in_flight = connect(&scenario, 3, address).request("/slow", PATIENCE);
    let signal = program.signal(Signal::SIGTERM);
    require_in_flight(&scenario, in_flight.sent(), signal, SLOW - ms(300));
    in_flight.answered();
    exits_within_its_bound(&program, secs(3), signal);
}

/// A request that outlives the bound does not keep the process alive: it exits at the bound, with code 1.
///
/// Why: after the bound comes SIGKILL. A program that leaves by itself can still say what it lost.
#[test]
fn a_request_that_outlives_the_bound_does_not_keep_the_process_alive() {
    let scenario = Scenario::new();
    let (program, address) = serve_within(&scenario, "300ms");
    let in_flight = connect(&scenario, 1, address).request("/slow", PATIENCE);
    let signal = program.signal(Signal::SIGTERM);
    require_in_flight(&scenario, in_flight.sent(), signal, ms(300 + 600));
    program.exit_at_the_deadline(ms(300), signal);
}

/// A request in flight gets its full response whenever that is due before the bound: at once, after a second, or
/// just before it. Nothing else is in flight then.
///
/// Why: those who were served first are not the only ones who wait. A drain that gives up early, or waits for one
/// request and forgets the next, looks right as long as nobody is late.
///
/// Limit: 15 s
#[test]
fn what_is_in_flight_is_answered_up_to_the_bound() {
    const BUDGET: Duration = ms(2_300);
    let scenario = Scenario::new();
    let serve = |number| {
        let program = Program::new(&scenario, program!()).called(&format!("program {number}"));
        let program = program.env("DRAIN_BUDGET", "2300ms").start();
        let in_flight = connect(&scenario, number, program.address()).request("/slow", PATIENCE);
        (program, in_flight)
    };
    let served: Vec<(Running, Pending)> = (1..=3).map(serve).collect();
    let signals = [ms(1_900), ms(1_000), ms(50)].into_iter().zip(served);
    let signalled = signals.map(|(left, (program, in_flight))| {
        in_flight.sent().plus(SLOW - left).wait();
        let signal = program.signal(Signal::SIGTERM);
        require_in_flight(&scenario, in_flight.sent(), signal, Duration::ZERO);
        (program, in_flight, signal)
    });
    for (program, in_flight, signal) in signalled.collect::<Vec<_>>() {
        let (sent, deadline) = (in_flight.sent(), signal.plus(BUDGET));
        let (client, outcome) = in_flight.outcome();
        match outcome {
            Ok(response) if response.status == 200 => {
                scenario.at_least(SLOW, sent, response.at, "the response to GET /slow");
            }
            other if client.settled() < deadline => {
                scenario.fail_at(client.settled(), "the response to GET /slow: 200", shown(&other))
            }
            // At the deadline, and so only if the answer was late.
            other => {
                scenario.too_late(SLOW, sent, deadline, "the response to GET /slow: 200", &shown(&other))
            }
        }
        program.exit_with(0);
        program.require_report("complete", 0);
    }
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
    let in_flight = connect(&scenario, 1, address).request("/slow", PATIENCE);
    let signal = program.signal(Signal::SIGTERM);
    require_in_flight(&scenario, in_flight.sent(), signal, ms(700 + 600));
    program.exit_at_the_deadline(ms(700), signal);
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
    early.sent().plus(ms(1_100)).wait();
    let late = connect(&scenario, 2, address).request("/slow", PATIENCE);
    let signal = program.signal(Signal::SIGTERM);
    // The early answer comes in the drain, well before its bound; the late one would come well after it.
    require_in_flight(&scenario, early.sent(), signal, ms(100));
    require_in_flight(&scenario, late.sent(), signal, ms(1_400 + 200));
    early.answered();
    let again = program.signal(Signal::SIGTERM);
    scenario.at_most(ms(1_300), signal, again, "the second SIGTERM, before the bound");
    program.exit_at_the_deadline(ms(1_400), signal);
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
    for again in [Signal::SIGTERM, Signal::SIGINT] {
        let again = program.signal(again);
        require_in_flight(&scenario, in_flight.sent(), again, Duration::ZERO);
    }
    let sent = in_flight.sent();
    scenario.at_least(SLOW, sent, in_flight.answered().at, "the response to GET /slow");
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
    program.require_report("complete", 0);
}

/// A `LISTEN_ADDR` or `DRAIN_BUDGET` that cannot be used is named in one line on stderr, and the program
/// exits with code 2.
///
/// Why: a typo in a manifest that falls back to a default in silence is found months later, in the
/// first drain that needed the value.
#[test]
fn a_bad_value_is_named_and_ends_the_program() {
    let scenario = Scenario::new();
    for good in ["250ms", "1.5s", "1m", "500us", "1h 30m", "100years"] {
        let program = Program::new(&scenario, program!()).called(good).env("DRAIN_BUDGET", good).start();
        require_200(&scenario, connect(&scenario, 1, program.address()).get("/fast", PATIENCE));
        // A deadline is made of it at the signal. The shortest have passed by then, and that is reported.
        program.signal(Signal::SIGTERM);
        let outcome = program.drain_report().outcome;
        program.exit_with(if outcome == "complete" { 0 } else { 1 });
    }
    let addresses = ["", "nowhere", "127.0.0.1", "127.0.0.1:99999"].map(|value| ("LISTEN_ADDR", value));
    // The last two are more than a number holds, and more than a clock does.
    let budgets = ["", " ", "soon", "5", "7x", "0s", "-1s", "99999999999999999999s", "12000000000000000000s"];
    for (variable, value) in addresses.into_iter().chain(budgets.map(|value| ("DRAIN_BUDGET", value))) {
        Program::new(&scenario, program!()).require_refused(variable, value);
    }
    for variable in ["LISTEN_ADDR", "DRAIN_BUDGET"] {
        Program::new(&scenario, program!()).require_refused(variable, OsStr::from_bytes(b"latin-1: \xe4"));
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
    let holder = drain_kit::somebody_listens();
    let taken = holder.local_addr().expect("the address of a listener");
    Program::new(&scenario, program!()).require_refused("LISTEN_ADDR", taken.to_string());
}

mod leaks {
    use super::*;

    use drain_kit::leaks;

    /// The program starts no other process, before the signal or after it.
    ///
    /// Why: an orphan keeps ports, files and memory, and the next start finds them taken.
    #[test]
    fn no_process_is_left() {
        let scenario = Scenario::new();
        let (program, address) = serve_within(&scenario, "700ms");
        let in_flight = connect(&scenario, 1, address).request("/slow", PATIENCE);
        leaks::require_no_child(&scenario, &program, "before the signal");
        let signal = program.signal(Signal::SIGTERM);
        require_in_flight(&scenario, in_flight.sent(), signal, ms(700));
        first_refused(&scenario, address, signal);
        leaks::require_no_child(&scenario, &program, "during the drain");
        scenario.at_most(ms(650), signal, Moment::now(), "a look at the child processes, during the drain");
        program.exit_at_most(BOUND, signal);
        leaks::require_no_process_left(&scenario, &program);
    }

    /// A connection that its client has closed is closed on the server's side, too, wherever in a request that was: no
    /// descriptor is kept.
    ///
    /// Why: a server that remembers every connection it ever had runs out of descriptors after days, and
    /// then refuses everybody.
    #[test]
    fn a_connection_that_has_ended_leaves_no_descriptor() {
        let scenario = Scenario::new();
        let (program, address) = serve(&scenario);
        // A runtime may open some for itself when there is something to do.
        for number in 1..=10 {
            require_200(&scenario, connect(&scenario, number, address).get("/fast", PATIENCE));
        }
        let before = program.descriptors();
        for number in 11..=60 {
            if number % 3 == 0 {
                half_a_request(&scenario, number, address);
                continue;
            }
            let mut client = connect(&scenario, number, address);
            if number % 3 == 1 {
                client.send("/slow");
                client.wait_until_read();
            } else {
                require_200(&scenario, client.get("/fast", PATIENCE));
            }
        }
        // Whoever has hung up may be worked for to the end.
        thread::sleep(SLOW);
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
        let mut in_flight = Vec::new();
        for _ in 0..4 {
            // Side by side: the program does not wait for some of them before it reads the others.
            let more = load::in_flight(&scenario, address, 50, "/slow", PATIENCE);
            let what = format!("50 more `/slow` read, beside {}", in_flight.len());
            scenario.at_most(ms(500), more[0].sent(), Moment::now(), what);
            in_flight.extend(more);
        }
        let first = in_flight[0].sent();
        let signal = program.signal(Signal::SIGTERM);
        require_in_flight(&scenario, first, signal, ms(100));
        let ledger = load::settle(in_flight);
        scenario.require(ledger.answered == 200, "200 of 200 answered", &ledger);
        program.exit_with(0);
        program.require_report("complete", 0);
        scenario.note(ledger);
    }

    /// Fifty answers that fall due in the same moment all arrive, also if one of them is slow to be written.
    ///
    /// Why: a handler that has returned has answered nobody yet. Who exits then cuts off the last bytes, on the days
    /// when the machine is busy.
    ///
    /// Limit: 20 s
    #[test]
    fn the_exit_waits_for_the_last_byte() {
        let scenario = Scenario::new();
        let (program, address) = serve_within(&scenario, "20s");
        let in_flight = load::in_flight(&scenario, address, 50, "/slow", PATIENCE);
        let first = in_flight[0].sent();
        let signal = program.signal(Signal::SIGTERM);
        first_refused(&scenario, address, signal);
        // It stands while they fall due.
        let due = Moment::now().plus(SLOW);
        let hold = program.hold_before_an_answer(due);
        require_in_flight(&scenario, first, Moment::now(), ms(100));
        due.plus(secs(1)).wait();
        drop(hold);
        let ledger = load::settle(in_flight);
        scenario.require(ledger.answered == 50, "50 of 50 answered", &ledger);
        program.exit_with(0);
        program.require_report("complete", 0);
    }

    /// Whenever a client comes, in the drain or before it, on a new connection or an open one, it gets the full
    /// response, or is turned away before the first byte. Those who were in flight get theirs.
    ///
    /// Why: users come at any moment. What holds at the signal, and no longer a second after it, is what somebody
    /// meets at each deploy.
    ///
    /// Limit: 20 s
    #[test]
    fn clients_at_any_moment_of_the_drain() {
        let scenario = Scenario::new();
        let (program, address) = serve(&scenario);
        let crowd = Crowd::send(&scenario, address);
        crowd.signal_at().wait();
        let signal = program.signal(Signal::SIGTERM);
        let last = crowd.judge(&scenario, signal);
        require_clean_exit(&scenario, &program, last);
        program.require_report("complete", 0);
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
        let mut late = connect(&scenario, 101, address);
        late.send_bytes("GET /fast HTTP/1.1\r\nHost: dri");
        let in_flight = connect(&scenario, 100, address).request("/slow", PATIENCE);
        in_flight.sent().plus(ms(500)).wait();
        let (sent, signal) = (in_flight.sent(), program.signal(Signal::SIGTERM));
        require_in_flight(&scenario, sent, signal, ms(1_000));
        first_refused(&scenario, address, signal);
        late.send_bytes("ll\r\n\r\n");
        match late.response(PATIENCE) {
            Err(Cut::Closed | Cut::Reset) => {}
            outcome => drop(require_200(&scenario, outcome)),
        }
        let response = in_flight.answered();
        require_clean_exit(&scenario, &program, response.at);
        let ledger = load.stop();
        let Ledger { answered, refused, closed, lost, duplicated, wrong_status, .. } = ledger;
        if refused + closed == 0 {
            // Each of them asks again at once, and the drain lasts for a second at the least.
            let expected = "8 clients that ask again in the drain";
            scenario.too_late(ms(500), signal, response.at, expected, "none of them does");
        }
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
        sent.plus(ms(500)).wait();
        let signal = program.signal(Signal::SIGTERM);
        require_in_flight(&scenario, sent, signal, ms(1_000));
        in_flight.answered();
        let exit = program.exit_with(0);
        let report = program.require_report("complete", 0);
        // The answer came 2 s after the request; the signal may have taken a while to be heard. The duration
        // may have been rounded: 1.5s.
        let least = SLOW.saturating_sub(signal.since(sent) + ms(500));
        report.require_duration(&scenario, least, exit.at.since(signal) + ms(100));
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
        let in_flight: Vec<Pending> =
            (5..=7).map(|number| connect(&scenario, number, address).request("/slow", PATIENCE)).collect();
        let signal = program.signal(Signal::SIGTERM);
        require_in_flight(&scenario, in_flight[0].sent(), signal, ms(700 + 600));
        let exit = program.exit_at_the_deadline(ms(700), signal);
        let report = program.require_report("deadline_exceeded", 3);
        report.require_duration(&scenario, ms(650), exit.at.since(signal) + ms(100));
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
        sent.plus(ms(500)).wait();
        drop(hangs_up);
        let hung_up = scenario.timeline().mark("client 1", "hangs up");
        require_in_flight(&scenario, sent, hung_up, Duration::ZERO);
        // Once this one is answered, the handler of the first is over as well, cancelled or not.
        patient.answered();
        let in_flight = connect(&scenario, 3, address).request("/slow", PATIENCE);
        let signal = program.signal(Signal::SIGTERM);
        require_in_flight(&scenario, in_flight.sent(), signal, ms(700 + 600));
        program.exit_at_most(BOUND, signal);
        program.require_report("deadline_exceeded", 1);
    }
}
