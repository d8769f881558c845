//! The program under test as a service: who asks it what, and what it must answer.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use drain_kit::{
    Client, Cut, DrainReport, Moment, Outcome, Program, Response, Running, Scenario, ms, program, secs,
};

/// How long a drain may take unless `DRAIN_BUDGET` says otherwise.
pub(crate) const BOUND: Duration = secs(5);
/// How long a client waits for a response: longer than any drain here may take.
pub(crate) const PATIENCE: Duration = secs(6);

pub(crate) fn serve(scenario: &Scenario) -> (Running, SocketAddr) {
    let program = Program::new(scenario, program!()).start();
    let address = program.address();
    (program, address)
}

pub(crate) fn serve_within(scenario: &Scenario, budget: &str) -> (Running, SocketAddr) {
    let program = Program::new(scenario, program!()).env("DRAIN_BUDGET", budget).start();
    let address = program.address();
    (program, address)
}

#[track_caller]
pub(crate) fn connect(scenario: &Scenario, number: usize, address: SocketAddr) -> Client {
    let name = format!("client {number}");
    match Client::connect(scenario, &name, address) {
        Ok(client) => client,
        Err(cut) => scenario.fail(format!("{name}: connected before the signal"), cut),
    }
}

/// An idle keep-alive connection and a silent one, both accepted: after them a third has been served.
#[track_caller]
pub(crate) fn idle_and_silent(scenario: &Scenario, address: SocketAddr) -> [Client; 2] {
    let mut idle = connect(scenario, 1, address);
    require_200(scenario, idle.get("/fast", PATIENCE));
    let silent = connect(scenario, 2, address);
    scenario.timeline().mark("client 2", "connected, sends nothing");
    require_200(scenario, connect(scenario, 3, address).get("/fast", PATIENCE));
    [idle, silent]
}

#[track_caller]
pub(crate) fn half_a_request(scenario: &Scenario, number: usize, address: SocketAddr) -> Client {
    let mut client = connect(scenario, number, address);
    client.send_bytes("GET /slow HTTP/1.1\r\nHost: dri");
    client.wait_until_read();
    client
}

/// Connects until that fails, and says when.
#[track_caller]
pub(crate) fn first_refused(scenario: &Scenario, address: SocketAddr, signal: Moment) -> Moment {
    let _waiting = scenario.waiting("new connections to be refused");
    while Moment::now() < signal.plus(ms(1_500)) {
        if Client::connect(scenario, "new client", address).is_err() {
            return Moment::now();
        }
        thread::sleep(ms(20));
    }
    scenario.timeline().mark("new client", "connected");
    scenario.fail("new connections refused from 300 ms after the signal on", "accepted 1500 ms after it")
}

#[track_caller]
pub(crate) fn require_200(scenario: &Scenario, outcome: Result<Response, Cut>) -> Response {
    match outcome {
        Ok(response) if response.status == 200 => response,
        other => scenario.fail("200", shown(&other)),
    }
}

#[track_caller]
pub(crate) fn require_two_seconds(scenario: &Scenario, sent: Moment, response: &Response) {
    let took = response.at.since(sent);
    scenario.require(took >= ms(1_950), "GET /slow answered after 2 s", format!("after {took:.1?}"));
}

#[track_caller]
pub(crate) fn require_content_length(scenario: &Scenario, response: &Response) {
    let expected = response.body.len().to_string();
    let observed = response.header("content-length").unwrap_or("no such header");
    scenario.require(observed == expected, format!("Content-Length: {expected}"), observed);
}

/// The drain has reported itself once, with this outcome and this number of requests cut off.
#[track_caller]
pub(crate) fn require_report(
    scenario: &Scenario,
    program: &Running,
    outcome: &str,
    abandoned: u64,
) -> DrainReport {
    let report = program.drain_report();
    scenario.require(
        report.outcome == outcome && report.abandoned == abandoned,
        format!("outcome={outcome} abandoned={abandoned} on stderr"),
        format!("outcome={} abandoned={}", report.outcome, report.abandoned),
    );
    report
}

/// The exit comes at most 500 ms after `last`, with code 0.
#[track_caller]
pub(crate) fn require_clean_exit(scenario: &Scenario, program: &Running, last: Moment) {
    // The code first: a drain that ran into its bound is wrong however busy the machine is.
    program.exit_at_most(BOUND + ms(500), last);
    let exit = program.exit_with(0);
    scenario.at_most(ms(500), last, exit.at, "exit");
}

/// The exit comes at the bound, with code 1: not more than 50 ms before it and 500 ms after it.
#[track_caller]
pub(crate) fn require_exit_at_bound(scenario: &Scenario, program: &Running, signal: Moment, bound: Duration) {
    let exit = program.exit_at_most(bound + secs(2), signal);
    let took = exit.at.since(signal);
    if exit.outcome != Outcome::Code(1) || took + ms(50) < bound {
        scenario.fail_at(
            exit.at,
            format!("exit code 1, {bound:?} after the signal: at the bound, with a request in flight"),
            format!("{exit}, {took:.1?} after it"),
        );
    }
    scenario.at_most(bound + ms(500), signal, exit.at, "exit");
}

#[track_caller]
pub(crate) fn require_duration(scenario: &Scenario, reported: Duration, least: Duration, most: Duration) {
    scenario.require(
        // It may have been rounded: 1.5s.
        reported >= least && reported <= most + ms(100),
        format!("a duration of {least:?} to {most:.1?}, from the signal to the end of the drain"),
        format!("duration={reported:?}"),
    );
}

#[track_caller]
pub(crate) fn require_no_child(scenario: &Scenario, program: &Running, when: &str) {
    let children = program.children();
    scenario.require(
        children.is_empty(),
        format!("no child process {when}"),
        format!("child processes: {}", children.join(", ")),
    );
}

/// With this value the program says so in one line and exits with code 2.
#[track_caller]
pub(crate) fn require_refusal(scenario: &Scenario, variable: &str, value: &str) {
    scenario.timeline().mark("start", format!("{variable}={value}"));
    let program = Program::new(scenario, program!()).env(variable, value).start();
    let _waiting = scenario.waiting(format!("the program to refuse {variable}={value}"));
    while program.exited().is_none() {
        require_nothing_on_stdout(scenario, &program, variable, value);
        thread::sleep(ms(2));
    }
    program.exit_with(2);
    require_nothing_on_stdout(scenario, &program, variable, value);
    let told = texts(program.stderr());
    let expected = format!("one line on stderr that names {variable} and {value}");
    scenario.require(
        told.len() == 1 && told[0].contains(variable) && told[0].contains(value),
        expected,
        if told.is_empty() { "nothing".to_owned() } else { told.join(" / ") },
    );
}

#[track_caller]
pub(crate) fn require_nothing_on_stdout(scenario: &Scenario, program: &Running, variable: &str, value: &str) {
    let printed = texts(program.stdout());
    let expected = format!("{variable}={value}: exit code 2, and nothing on stdout");
    scenario.require(printed.is_empty(), expected, printed.join(" / "));
}

pub(crate) fn texts(lines: Vec<(Moment, String)>) -> Vec<String> {
    lines.into_iter().map(|(_, line)| line).filter(|line| !line.is_empty()).collect()
}

pub(crate) fn shown(outcome: &Result<Response, Cut>) -> String {
    outcome.as_ref().map_or_else(ToString::to_string, ToString::to_string)
}

pub(crate) fn wait_until(moment: Moment) {
    thread::sleep(moment.since(Moment::now()));
}
