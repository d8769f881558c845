//! The program under test as a service: who asks it what, and what it must answer.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use drain_kit::{Client, Cut, Moment, Program, Response, Running, Scenario, ms, program, secs, shown};

/// How long a drain may take unless `DRAIN_BUDGET` says otherwise.
pub(crate) const BOUND: Duration = secs(5);
/// How long `/slow` takes.
pub(crate) const SLOW: Duration = secs(2);
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
    Client::connected(scenario, &format!("client {number}"), address)
}

/// Requires that `/slow` requests, of which the oldest was sent at this moment, were in flight at the signal,
/// and would be for so long after it.
///
/// If not, the scenario has not come about: because the program took its time to read them, which is wrong, or
/// because the machine did, and then nobody knows.
#[track_caller]
pub(crate) fn require_in_flight(scenario: &Scenario, oldest: Moment, signal: Moment, still_for: Duration) {
    scenario.at_most(SLOW - still_for, oldest, signal, "the signal, with every `/slow` in flight");
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

/// Connects until that is refused, and says when.
#[track_caller]
pub(crate) fn first_refused(scenario: &Scenario, address: SocketAddr, signal: Moment) -> Moment {
    let _waiting = scenario.waiting("new connections to be refused");
    loop {
        let connected = Client::connect(scenario, "new client", address);
        let now = Moment::now();
        match connected {
            Err(Cut::Refused) => return now,
            _ if now < signal.plus(ms(1_500)) => thread::sleep(ms(20)),
            other => {
                let observed = other.map_or_else(|cut| cut.to_string(), |_| "accepted".to_owned());
                let expected = "new connections refused, from 300 ms after the signal on";
                let observed = format!("{observed}, {}", scenario.timeline().when(now));
                scenario.too_late(ms(300), signal, now, expected, &observed)
            }
        }
    }
}

#[track_caller]
pub(crate) fn require_200(scenario: &Scenario, outcome: Result<Response, Cut>) -> Response {
    match outcome {
        Ok(response) if response.status == 200 => response,
        other => scenario.fail("200", shown(&other)),
    }
}

/// The exit comes at most 500 ms after `last`, with code 0.
#[track_caller]
pub(crate) fn require_clean_exit(scenario: &Scenario, program: &Running, last: Moment) {
    // The code first: a drain that ran into its bound is wrong however busy the machine is.
    program.exit_at_most(BOUND + ms(500), last);
    let exit = program.exit_with(0);
    scenario.at_most(ms(500), last, exit.at, "exit");
}
