//! Acceptance tests for task 14.

mod downstream;
mod service;

use std::thread;

use drain_kit::{Client, Cut, Moment, Program, Scenario, Signal, ms, program, secs, shown};

use crate::downstream::{Downstream, LARGE, NotThere, Refusing};
use crate::service::*;

/// With a time-out that is longer than the budget, the service as it was overruns: half a second after the end of its
/// budget it still waits for a service that hangs.
///
/// Why: a bug that one has seen is one that one believes in. This one is in most services that ask others, and is seen
/// only on bad days.
///
/// Stub passes: the service as it was is given, and stays as it is.
#[test]
fn the_service_as_it_was_overruns() {
    let scenario = Scenario::new();
    let downstream = Downstream::start();
    let program = Program::new(&scenario, program!("as-it-was"))
        .env("DOWNSTREAM_ADDR", downstream.address.to_string())
        .env("CLIENT_TIMEOUT", "10s")
        .env("DRAIN_BUDGET", "1s")
        .start();
    let client = Client::connected(&scenario, "client", program.address());
    let _in_flight = client.request("/quote/silent", PATIENCE);
    let signal = program.signal(Signal::SIGTERM);
    program.runs_on_for(ms(1_500));
    scenario.at_least(ms(1_500), signal, Moment::now(), "a look at the program, which still runs,");
}

/// An answer that comes in time is passed on whole, whatever its status and its size, and is asked for once.
///
/// Why: whoever bounds calls for the sake of the drain must not disturb those that are well. An error is an answer, too:
/// to ask again is to do twice what may have been done.
#[test]
fn an_answer_in_time_is_passed_on_whole() {
    let scenario = Scenario::new();
    let downstream = Downstream::start();
    let service = Service::start(&scenario, downstream.address, "2s", "5s");
    let large = "x".repeat(LARGE);
    let answers = [
        ("tea", 200, "tea"),
        ("large", 200, large.as_str()),
        ("chunked", 200, "half half"),
        ("error", 500, "broken"),
        ("missing", 404, "no such thing"),
        ("coffee-after-1400", 200, "coffee"),
        ("late-body-after-700", 200, "halfhalf"),
    ];
    let calls = answers.map(|(name, status, body)| (service.ask(name), status, body, name));
    for (call, status, body, name) in calls {
        let response = call.answered_with(status);
        scenario.require(
            response.body == body.as_bytes(),
            format!("the body of {name}, {} bytes", body.len()),
            format!("{} bytes", response.body.len()),
        );
        downstream.require_asked(&scenario, name, 1);
    }
}

/// When the time-out is over, the request is answered with 504, in whatever way the other service hangs: nobody accepts
/// the connection, nothing comes, half of a head, half of a body, or a byte every now and then.
///
/// Why: a time-out for each step begins anew with each step, and one for each read with each byte. A service in trouble
/// does not fall silent, it becomes slow, and then such a time-out never strikes.
#[test]
fn the_time_out_is_for_the_whole_call_however_the_other_service_hangs() {
    let scenario = Scenario::new();
    let (downstream, not_there) = (Downstream::start(), NotThere::new(&scenario));
    let service = Service::start(&scenario, downstream.address, "1s", "5s");
    let unaccepted = Service::start_called(&scenario, "program 2", not_there.address, "1s", "5s");
    let mut calls = vec![unaccepted.ask("tea")];
    calls.extend(HANGS.iter().chain(&["late-body-after-700"]).map(|name| service.ask(name)));
    for call in calls {
        let sent = call.sent();
        call.answered_after(secs(1), sent, 504);
    }
    for name in HANGS {
        downstream.require_asked(&scenario, name, 1);
    }
}

/// Attempts that fail, and the pauses after them, are part of the call and of its one time-out.
///
/// Why: three attempts with a time-out of their own are a call that takes three times as long as everybody believes.
#[test]
fn attempts_and_pauses_are_part_of_the_time_out() {
    let scenario = Scenario::new();
    let downstream = Downstream::start();
    let service = Service::start(&scenario, downstream.address, "2s", "5s");
    // The second attempt begins after 1.4 s, and would fail after 2.3 s.
    let call = service.ask("closes-after-900");
    let sent = call.sent();
    call.answered_after(secs(2), sent, 504);
    downstream.require_asked(&scenario, "closes-after-900", 2);
}

/// An attempt that fails is made again 500 ms later, until there were three; after the third the answer is 502.
///
/// Why: in a deploy the other service has restarts, too. A connection that is refused by one instance is taken by the
/// next; but whoever tries for ever is what keeps it from coming up.
#[test]
fn what_fails_is_tried_three_times() {
    let scenario = Scenario::new();
    let (downstream, refusing) = (Downstream::start(), Refusing::new());
    let service = Service::start(&scenario, downstream.address, "4s", "5s");
    let refused = Service::start_called(&scenario, "program 2", refusing.address, "4s", "5s");
    let calls = [("closes-1", 200, 2), ("closes-2", 200, 3), ("closes", 502, 3), ("cut", 502, 3)];
    let calls = calls.map(|(name, status, times)| (service.ask(name), name, status, times));
    let call = refused.ask("tea");
    let sent = call.sent();
    // Refused at once, and two pauses.
    call.answered_after(secs(1), sent, 502);
    for (call, name, status, times) in calls {
        let sent = call.sent();
        let response = call.answered_with(status);
        scenario.at_most(secs(1) + LATE, sent, response.at, format!("the {status} for {name}"));
        downstream.require_asked(&scenario, name, times);
        for [one, next] in downstream.asked(name).array_windows() {
            let failed = one.closed.expect("there was another one after it");
            scenario.at_least(ms(500), failed, next.at, format!("the next attempt for {name}"));
        }
    }
}

/// No attempt is begun for which the time-out leaves no time: if the pause would not end before it, the answer is 502 at
/// once.
///
/// Why: an attempt that cannot end in time is work for a service in trouble, and nobody will read its answer. And whoever
/// waits for it can do something better as soon as they know.
#[test]
fn no_attempt_is_begun_that_has_no_time_left() {
    let scenario = Scenario::new();
    (1..=TRIES).find_map(|number| {
        let downstream = Downstream::start();
        let name = format!("program {number}");
        let service = Service::start_called(&scenario, &name, downstream.address, "1500ms", "5s");
        let call = service.ask("closes-after-1250");
        let sent = call.sent();
        call.given_up_before(ms(1_500), sent, &downstream, number)
    });
}

/// A call that is in flight at the signal has nine tenths of the budget from then on, also if half of its answer has come,
/// or what is left of its time-out if that is less. Then it is answered with 504, and the drain is complete.
///
/// Why: what was a good time-out for a service that runs is too long for one that is to stop. And an answer that is
/// written in the last moment reaches nobody: SIGKILL is faster.
///
/// Limit: 30 s
#[test]
fn from_the_signal_on_calls_have_nine_tenths_of_the_budget() {
    let scenario = Scenario::new();
    let downstream = Downstream::start();
    // Without the drain it would be 590 ms later.
    let service = Service::start(&scenario, downstream.address, "5990ms", "6s");
    let sooner = Service::start_called(&scenario, "program 2", downstream.address, "1s", "6s");
    let calls = HANGS.map(|name| service.ask(name));
    let own = sooner.ask("late-body-after-700");
    downstream.wait_until_asked(&scenario, &HANGS);
    let signal = service.program.signal(Signal::SIGTERM);
    sooner.program.signal(Signal::SIGTERM);
    let first = calls[0].sent();
    scenario.at_most(ms(200), first, signal, "the signal, with calls in flight that have just begun,");
    let sent = own.sent();
    let last = own.answered_after(secs(1), sent, 504);
    sooner.complete(last.at);
    let answers = calls.map(|call| call.answered_after(ms(5_400), signal, 504).at);
    service.complete(answers.into_iter().max().expect("there are some"));
}

/// In the drain, too, no attempt is begun for which no time is left.
///
/// Why: the time that was left when the call began is not what is left now.
///
/// Limit: 45 s
#[test]
fn in_the_drain_no_attempt_is_begun_that_has_no_time_left() {
    let scenario = Scenario::new();
    (1..=TRIES).find_map(|number| {
        let downstream = Downstream::start();
        let name = format!("program {number}");
        let service = Service::start_called(&scenario, &name, downstream.address, "5990ms", "6s");
        let call = service.ask("closes-after-5150");
        let signal = service.program.signal(Signal::SIGTERM);
        scenario.at_most(
            ms(200),
            call.sent(),
            signal,
            "the signal, with a call in flight that has just begun,",
        );
        let response = call.given_up_before(ms(5_400), signal, &downstream, number)?;
        service.complete(response.at);
        Some(())
    });
}

/// A drain does not overrun because of a call, in whatever way the other service hangs: each request is answered with 504,
/// and the exit code is 0.
///
/// Why: one service that hangs must not make of every deploy of all who ask it one that is killed.
#[test]
fn a_drain_is_complete_however_the_other_service_hangs() {
    let scenario = Scenario::new();
    let (downstream, not_there) = (Downstream::start(), NotThere::new(&scenario));
    let service = Service::start(&scenario, downstream.address, "1900ms", "2s");
    let unaccepted = Service::start_called(&scenario, "program 2", not_there.address, "1900ms", "2s");
    for (service, names) in [(&service, &HANGS[..]), (&unaccepted, &["tea"])] {
        let calls: Vec<_> = names.iter().map(|name| service.ask(name)).collect();
        let first = calls[0].sent();
        let signal = service.program.signal(Signal::SIGTERM);
        let mut last = signal;
        for call in calls {
            last = last.max(call.answered_with(504).at);
        }
        // Its time-out, or nine tenths of the budget: whatever is over first.
        let end = signal.plus(ms(1_800)).min(first.plus(ms(1_900)));
        scenario.at_most(LATE + ms(100), end, last, "the last 504");
        service.complete(last);
    }
}

/// A call that begins only in the drain, with a request of which half had come before the signal, ends in time as well, by its
/// own time-out or with nine tenths of the budget; if it is begun at all.
///
/// Why: its own time-out begins when the drain has been going on for a while. It may end after it, and it may end long before.
#[test]
fn a_call_that_begins_in_the_drain_ends_in_time() {
    let scenario = Scenario::new();
    let downstream = Downstream::start();
    for (number, timeout, budget, rest, limit) in
        [(1, "1900ms", "2s", ms(700), ms(1_800)), (2, "800ms", "5s", ms(400), ms(1_200))]
    {
        let name = format!("program {number}");
        let service = Service::start_called(&scenario, &name, downstream.address, timeout, budget);
        // It keeps the drain going.
        let other = service.ask("silent");
        let mut client = Client::connected(&scenario, &format!("client {number}"), service.address);
        client.send_bytes("GET /quote/half-a-body HTTP/1.1\r\nHost: dri");
        client.wait_until_read();
        let signal = service.program.signal(Signal::SIGTERM);
        signal.plus(rest).wait();
        let sent = client.send_bytes("lls\r\n\r\n");
        match client.response(PATIENCE) {
            // The connection was closed before the request was whole.
            Err(Cut::Closed | Cut::Reset) => {}
            Ok(response) if response.status == 504 => {
                scenario.at_most(limit - rest + LATE, sent, response.at, "the 504");
            }
            outcome => scenario.fail_at(client.settled(), "504, or a closed connection", shown(&outcome)),
        }
        other.answered_with(504);
        service.program.exit_with(0);
        service.program.require_report("complete", 0);
    }
}

/// In the drain, too, an answer that comes in time is passed on, and what fails is tried again. SIGINT means the same, and a
/// second signal changes nothing.
///
/// Why: a drain is there to finish what can be finished. To give up all calls at the signal would be over sooner, and
/// worse for everybody.
#[test]
fn in_the_drain_an_answer_in_time_is_passed_on() {
    let scenario = Scenario::new();
    let downstream = Downstream::start();
    let service = Service::start(&scenario, downstream.address, "3900ms", "4s");
    // Nearly as late as can be; and three attempts, the last of which begins 2.4 s after the signal.
    let calls = ["coffee-after-3300", "closes-2-after-700"].map(|name| service.ask(name));
    let first = calls[0].sent();
    let signal = service.program.signal(Signal::SIGINT);
    scenario.at_most(ms(250), first, signal, "the signal, with both calls in flight,");
    signal.plus(ms(100)).wait();
    service.program.signal(Signal::SIGTERM);
    let last = calls.map(|call| call.answered_with(200).at).into_iter().max().expect("there are two");
    downstream.require_asked(&scenario, "coffee-after-3300", 1);
    downstream.require_asked(&scenario, "closes-2-after-700", 3);
    service.complete(last);
}

/// With nothing in flight the drain is over at once, also after calls that have hung.
///
/// Why: what a call leaves behind must not be what the drain waits for.
#[test]
fn with_nothing_in_flight_the_drain_is_over_at_once() {
    let scenario = Scenario::new();
    let downstream = Downstream::start();
    let service = Service::start(&scenario, downstream.address, "500ms", "10s");
    let calls: Vec<_> = HANGS.iter().chain(&["tea"]).map(|name| (service.ask(name), *name)).collect();
    for (call, name) in calls {
        call.answered_with(if name == "tea" { 200 } else { 504 });
    }
    let signal = service.program.signal(Signal::SIGTERM);
    service.complete(signal);
}

/// A time-out that is not less than the budget is refused at the start, with one line and code 2, also if one of the two is the
/// default. One that is less is taken.
///
/// Why: a configuration that cannot hold is found out either by whoever starts the service, or on the day on which it
/// matters.
#[test]
fn a_time_out_that_is_not_less_than_the_budget_is_refused() {
    let scenario = Scenario::new();
    let start = |lane: &str| Program::new(&scenario, program!()).called(lane);
    for (timeout, budget) in [("3s", "3s"), ("4s", "3s"), ("50s", "49s")] {
        let program = start(&format!("{timeout} of {budget}")).env("DRAIN_BUDGET", budget);
        program.require_refused("CLIENT_TIMEOUT", timeout);
        let program = start(&format!("{budget} for {timeout}")).env("CLIENT_TIMEOUT", timeout);
        program.require_refused("DRAIN_BUDGET", budget);
    }
    start("the default budget").require_refused("CLIENT_TIMEOUT", "25s");
    start("the default time-out").require_refused("DRAIN_BUDGET", "20s");
    for (timeout, budget) in [("2999ms", "3s"), ("24s", "25s")] {
        let program = start(timeout).env("CLIENT_TIMEOUT", timeout).env("DRAIN_BUDGET", budget).start();
        program.address();
        program.signal(Signal::SIGTERM);
        program.exit_with(0);
    }
    let defaults = start("the defaults").start();
    defaults.address();
    defaults.signal(Signal::SIGTERM);
    defaults.exit_with(0);
}

/// A value that cannot be used is named in one line on stderr, and the program exits with code 2; so is an address that is
/// in use.
///
/// Why: a service that starts with something else than what it was told is found out at the first call that hangs.
#[test]
fn a_bad_value_is_named_and_ends_the_program() {
    let scenario = Scenario::new();
    let taken = drain_kit::somebody_listens();
    let address = taken.local_addr().expect("a bound socket has an address").to_string();
    let values: [(&str, &[&str]); 4] = [
        ("DOWNSTREAM_ADDR", &["", "localhost", "127.0.0.1", "127.0.0.1:70000", "http://127.0.0.1:80"]),
        ("CLIENT_TIMEOUT", &["", "soon", "5", "0s", "-1s", "12000000000000000000s"]),
        ("DRAIN_BUDGET", &["", "7x", "0s"]),
        ("LISTEN_ADDR", &["", "8080"]),
    ];
    for (variable, values) in values {
        for value in values {
            Program::new(&scenario, program!()).require_refused(variable, value);
        }
    }
    Program::new(&scenario, program!()).require_refused("LISTEN_ADDR", &address);
}

mod leaks {
    use super::*;

    use drain_kit::leaks;

    /// A call that has ended leaves no connection behind, whether it was answered, given up or failed.
    ///
    /// Why: a call that goes on after its time-out costs a connection here and one there. A service that hangs for an hour
    /// takes along all who ask it.
    #[test]
    fn a_call_that_has_ended_leaves_no_connection() {
        let scenario = Scenario::new();
        let downstream = Downstream::start();
        let service = Service::start(&scenario, downstream.address, "300ms", "5s");
        let names: Vec<&str> = HANGS.into_iter().chain(["tea", "closes", "error", "chunked"]).collect();
        let round = || {
            let calls: Vec<_> = names.iter().map(|name| service.ask(name)).collect();
            for call in calls {
                drop(call.outcome());
            }
            downstream.require_all_closed(&scenario, Moment::now());
        };
        round();
        let before = service.program.descriptors();
        (0..5).for_each(|_| round());
        leaks::require_descriptors_at_most(&scenario, &service.program, before + 5);
    }

    /// A call whose client has hung up is given up, too.
    ///
    /// Why: nobody will read its answer. Whoever asks again when it takes too long has two calls in flight then, and then
    /// three.
    #[test]
    fn a_call_whose_client_has_hung_up_leaves_no_connection() {
        let scenario = Scenario::new();
        let downstream = Downstream::start();
        let service = Service::start(&scenario, downstream.address, "9s", "10s");
        let mut clients = Vec::new();
        for name in HANGS {
            let mut client = Client::connected(&scenario, name, service.address);
            client.send(&format!("/quote/{name}"));
            clients.push(client);
        }
        downstream.wait_until_asked(&scenario, &HANGS);
        drop(clients);
        downstream.require_all_closed(&scenario, scenario.timeline().mark("clients", "hang up"));
    }
}

mod load {
    use super::*;

    /// Two hundred calls that hang at the signal are all answered with 504, side by side, and the drain is complete; `/fast`
    /// is answered at once beside them.
    ///
    /// Why: a service that hangs does so for everybody at once. If the calls end one after the other, or have to wait for
    /// each other to begin, the last of them is beyond the budget.
    ///
    /// Limit: 30 s
    #[test]
    fn two_hundred_calls_that_hang_end_with_the_drain() {
        let scenario = Scenario::new();
        let downstream = Downstream::start();
        let service = Service::start(&scenario, downstream.address, "4900ms", "5s");
        let in_flight =
            drain_kit::load::in_flight(&scenario, service.address, 200, "/quote/silent", PATIENCE);
        let mut client = Client::connected(&scenario, "client", service.address);
        let sent = client.send("/fast");
        let outcome = client.response(PATIENCE);
        let fast = require(&scenario, "fast", client.settled(), outcome, 200);
        scenario.at_most(ms(500), sent, fast.at, "the answer to /fast");
        let (first, read) = (in_flight[0].sent(), Moment::now());
        let all_asked = || downstream.asked("silent").len() == 200;
        while !all_asked() && Moment::now().since(read) < secs(2) {
            thread::sleep(ms(5));
        }
        if !all_asked() {
            let observed = format!("{} of them", downstream.asked("silent").len());
            scenario.too_late(ms(500), read, Moment::now(), "all 200 calls made, side by side", &observed);
        }
        let signal = service.program.signal(Signal::SIGTERM);
        scenario.at_most(secs(4), first, signal, "the signal, with all calls in flight,");
        let mut last = signal;
        for pending in in_flight {
            let (client, outcome) = pending.outcome();
            last = last.max(require(&scenario, "silent", client.settled(), outcome, 504).at);
        }
        scenario.at_most(ms(4_500) + LATE, signal, last, "the last 504");
        service.complete(last);
        scenario.note("200 of 200 answered with 504");
    }
}

mod report {
    use super::*;

    /// The drain reports itself once: complete, how long it took from the signal on, nothing abandoned.
    ///
    /// Why: a drain that ends well because it has given something up in time is still one that ends well, and the line says
    /// how near it was.
    #[test]
    fn the_drain_reports_itself_once() {
        let scenario = Scenario::new();
        let downstream = Downstream::start();
        let service = Service::start(&scenario, downstream.address, "1900ms", "2s");
        let call = service.ask("silent");
        let signal = service.program.signal(Signal::SIGTERM);
        scenario.at_most(ms(500), call.sent(), signal, "the signal, with a call in flight,");
        let sent = call.sent();
        call.answered_with(504);
        let exit = service.program.exit_with(0);
        let report = service.program.require_report("complete", 0);
        let least = ms(1_750).saturating_sub(signal.since(sent));
        report.require_duration(&scenario, least, exit.at.since(signal) + ms(100));
        scenario.note(format!("drain complete in {:.1?}, 0 abandoned", report.duration));
    }
}
