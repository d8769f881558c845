//! The service on trial: who asks it, and what it must answer when.

use std::net::SocketAddr;
use std::time::Duration;

use drain_kit::{
    Client, Cut, Moment, Pending, Program, Response, Running, Scenario, ms, program, secs, shown,
};

use crate::downstream::Downstream;

/// How long a client waits for each part of a response: longer than any call here may take.
pub(crate) const PATIENCE: Duration = secs(8);
/// How much later than at its end a call may be answered.
pub(crate) const LATE: Duration = ms(300);

/// So often the machine may be given the chance to be in time.
pub(crate) const TRIES: u32 = 6;

/// In every way in which a service that has been reached can hang.
pub(crate) const HANGS: [&str; 4] = ["silent", "half-a-head", "half-a-body", "trickle"];

pub(crate) struct Service<'a> {
    scenario: &'a Scenario,
    pub(crate) program: Running,
    pub(crate) address: SocketAddr,
}

impl<'a> Service<'a> {
    /// With this `CLIENT_TIMEOUT` and this `DRAIN_BUDGET`.
    pub(crate) fn start(scenario: &'a Scenario, asks: SocketAddr, timeout: &str, budget: &str) -> Self {
        Self::start_called(scenario, "program", asks, timeout, budget)
    }

    pub(crate) fn start_called(
        scenario: &'a Scenario,
        lane: &str,
        asks: SocketAddr,
        timeout: &str,
        budget: &str,
    ) -> Self {
        let program = Program::new(scenario, program!())
            .called(lane)
            .env("DOWNSTREAM_ADDR", asks.to_string())
            .env("CLIENT_TIMEOUT", timeout)
            .env("DRAIN_BUDGET", budget)
            .start();
        let address = program.address();
        Self { scenario, program, address }
    }

    /// A call that is in flight.
    #[track_caller]
    pub(crate) fn ask(&self, name: &str) -> Call<'a> {
        let client = Client::connected(self.scenario, name, self.address);
        let pending = client.request(&format!("/quote/{name}"), PATIENCE);
        Call { scenario: self.scenario, name: name.to_owned(), pending }
    }

    /// The exit comes at most 500 ms after this, with code 0, and nothing was abandoned.
    #[track_caller]
    pub(crate) fn complete(&self, last: Moment) {
        // The code first: a drain that ran into its deadline is wrong however busy the machine is.
        self.program.exit_at_most(secs(10), last);
        let exit = self.program.exit_with(0);
        self.scenario.at_most(ms(500), last, exit.at, "exit");
        self.program.require_report("complete", 0);
    }
}

pub(crate) struct Call<'a> {
    scenario: &'a Scenario,
    name: String,
    pending: Pending,
}

impl Call<'_> {
    pub(crate) fn sent(&self) -> Moment {
        self.pending.sent()
    }

    pub(crate) fn outcome(self) -> Result<Response, Cut> {
        self.pending.outcome().1
    }

    /// Requires an answer with this status.
    #[track_caller]
    pub(crate) fn answered_with(self, status: u16) -> Response {
        let (client, outcome) = self.pending.outcome();
        require(self.scenario, &self.name, client.settled(), outcome, status)
    }

    /// Requires a 502 as soon as its only attempt has failed, so shortly before this time has passed that none is left for
    /// another attempt. `None` if a machine that is late has let the attempt end after it, and it is not the last try.
    #[track_caller]
    pub(crate) fn given_up_before(
        self,
        time: Duration,
        from: Moment,
        downstream: &Downstream,
        number: u32,
    ) -> Option<Response> {
        let (scenario, name) = (self.scenario, self.name.clone());
        let (client, outcome) = self.pending.outcome();
        downstream.require_asked(scenario, &name, 1);
        let failed = downstream.asked(&name)[0].closed.unwrap_or(client.settled());
        if number < TRIES && scenario.too_busy(time - ms(50), from, failed) {
            return None;
        }
        scenario.at_most(time - ms(50), from, failed, "the end of the attempt");
        let waited = client.settled().since(failed) > ms(50);
        if waited && outcome.as_ref().is_ok_and(|response| response.status == 504) {
            // A machine that is late may have let the call end before it could be told.
            let expected = format!("GET /quote/{name}: 502, when its attempt has failed");
            scenario.too_late(ms(50), failed, client.settled(), &expected, &shown(&outcome));
        }
        let response = require(scenario, &name, client.settled(), outcome, 502);
        scenario.at_most(LATE, failed, response.at, "the 502");
        Some(response)
    }

    /// Requires an answer with this status, not more than 50 ms before and 300 ms after so much time has passed.
    #[track_caller]
    pub(crate) fn answered_after(self, time: Duration, from: Moment, status: u16) -> Response {
        let (scenario, name) = (self.scenario, self.name.clone());
        let response = self.answered_with(status);
        let what = format!("the {status} for {name}");
        scenario.at_least(time - ms(50), from, response.at, &what);
        scenario.at_most(time + LATE, from, response.at, what);
        response
    }
}

/// Requires an answer with this status.
#[track_caller]
pub(crate) fn require(
    scenario: &Scenario,
    name: &str,
    settled: Moment,
    outcome: Result<Response, Cut>,
    status: u16,
) -> Response {
    match outcome {
        Ok(response) if response.status == status => response,
        other => scenario.fail_at(settled, format!("GET /quote/{name}: {status}"), shown(&other)),
    }
}
