//! The server under test: who asks it what, and what it must answer in which phase.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use drain_kit::{
    Client, Cut, Exposition, Moment, Outcome, Pending, Program, Response, Running, Scenario, Signal, ms,
    program, secs,
};

/// How long `/slow` takes.
pub(crate) const SLOW: Duration = secs(2);
/// How long a client waits for a response: longer than any drain here may take.
pub(crate) const PATIENCE: Duration = secs(6);
/// What takes no time must be answered within this.
pub(crate) const LIMIT: Duration = ms(500);

/// `DRAIN_BUDGET` and `QUIESCE_PERIOD`, as they are set, and how long the quiesce is then.
#[derive(Clone, Copy)]
pub(crate) struct Times {
    pub(crate) budget: &'static str,
    pub(crate) period: Option<&'static str>,
    pub(crate) quiesce: Duration,
}

/// There is time enough to ask, in both phases.
pub(crate) const LONG: Times = Times { budget: "10s", period: Some("1s"), quiesce: secs(1) };
/// With a `/slow` in flight, the drain is longer than the quiesce.
pub(crate) const SOON: Times = Times { budget: "10s", period: Some("500ms"), quiesce: ms(500) };

/// The program under test, and what a test asks of it.
pub(crate) struct Service<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) program: Running,
    pub(crate) address: SocketAddr,
    pub(crate) quiesce: Duration,
    /// The first signal, once it has been sent.
    signal: Option<Moment>,
    /// Until then the phase lasts at the least, whatever the program's clock says.
    until: Option<Moment>,
}

/// How somebody comes: on a connection that is open, or on a new one each time.
pub(crate) enum Caller {
    Open(Option<Client>),
    New,
}

impl<'a> Service<'a> {
    /// Starts the program, and waits until it says that it is ready.
    #[track_caller]
    pub(crate) fn start(scenario: &'a Scenario, times: Times) -> Self {
        Self::of(scenario, Program::new(scenario, program!()), times)
    }

    /// One of several, with a lane of its own in the picture.
    #[track_caller]
    pub(crate) fn start_called(scenario: &'a Scenario, times: Times, number: usize) -> Self {
        let program = Program::new(scenario, program!()).called(&format!("program {number}"));
        Self::of(scenario, program, times)
    }

    #[track_caller]
    fn of(scenario: &'a Scenario, program: Program<'a>, times: Times) -> Self {
        let program = program.env("DRAIN_BUDGET", times.budget);
        let program = times.period.into_iter().fold(program, |it, period| it.env("QUIESCE_PERIOD", period));
        let program = program.start();
        let address = program.address();
        Self { scenario, program, address, quiesce: times.quiesce, signal: None, until: None }
    }

    /// Sends a signal; the first one begins the quiesce. Returns when the first one was.
    pub(crate) fn signal(&mut self, signal: Signal) -> Moment {
        let at = self.program.signal(signal);
        if self.signal.is_none() {
            self.signal = Some(at);
            self.until = Some(at.plus(self.quiesce.saturating_sub(ms(50))));
        }
        self.first_signal()
    }

    pub(crate) fn first_signal(&self) -> Moment {
        self.signal.expect("a signal was sent")
    }

    /// From now on questions are about the drain, which lasts as long as this request is in flight.
    pub(crate) fn drains_while(&mut self, slow: &Pending) {
        self.until = Some(slow.sent().plus(SLOW));
    }

    /// Waits until so long after the first signal.
    pub(crate) fn wait(&self, after_the_signal: Duration) {
        self.first_signal().plus(after_the_signal).wait();
    }

    /// Sends a `/slow`, and returns when it has been accepted.
    #[track_caller]
    pub(crate) fn slow(&self, name: &str) -> Pending {
        let slow = Client::connected(self.scenario, name, self.address).request("/slow", PATIENCE);
        self.until_accepted(1);
        slow
    }

    /// Waits until so many `/slow` are counted. What the program has read is about to be; the count makes sure of it,
    /// and one that counts wrong is no reason to wait for long.
    pub(crate) fn until_accepted(&self, count: usize) {
        let patient_until = Moment::now().plus(ms(100));
        while Moment::now() < patient_until && self.long_in_flight() < Some(count as f64) {
            thread::sleep(ms(10));
        }
    }

    fn long_in_flight(&self) -> Option<f64> {
        let response =
            Client::connect(self.scenario, "scraper", self.address).ok()?.get("/metrics", LIMIT).ok()?;
        let metrics = Exposition::parse(&String::from_utf8_lossy(&response.body)).ok()?;
        metrics.value("work_in_flight", &[("work", "long")])
    }

    /// A caller whose connection has been used, and stays open.
    #[track_caller]
    pub(crate) fn caller(&self, name: &str, open: bool) -> Caller {
        if !open {
            return Caller::New;
        }
        let mut client = Client::connected(self.scenario, name, self.address);
        let asked = Moment::now();
        let outcome = client.get("/fast", LIMIT);
        self.judge(asked, "GET /fast, before the signal", outcome, 200);
        Caller::Open(Some(client))
    }

    /// Asks, and requires this status.
    #[track_caller]
    pub(crate) fn ask(&self, caller: &mut Caller, path: &str, status: u16) -> Response {
        let asked = Moment::now();
        let connect = || Client::connect(self.scenario, "client", self.address);
        let (how, client) = match caller {
            Caller::Open(open) => ("an open connection", open.take().map_or_else(connect, Ok)),
            Caller::New => ("a new connection", connect()),
        };
        let what = format!("GET {path} on {how}, {}", self.when(asked));
        let outcome = client.and_then(|mut client| {
            // Longer, to see whether it was late or not answered at all.
            let response = client.get(path, secs(2))?;
            let announced = response.header("connection").is_some_and(|it| it.eq_ignore_ascii_case("close"));
            if let Caller::Open(open) = caller {
                *open = (!announced).then_some(client);
            }
            Ok(response)
        });
        self.judge(asked, &what, outcome, status)
    }

    /// Asks on a new connection.
    #[track_caller]
    pub(crate) fn probe(&self, path: &str, status: u16) -> Response {
        self.ask(&mut Caller::New, path, status)
    }

    /// Requires this status, within the limit.
    #[track_caller]
    fn judge(&self, asked: Moment, what: &str, outcome: Result<Response, Cut>, status: u16) -> Response {
        let expected = format!("{what}: {status} within {} ms", LIMIT.as_millis());
        match outcome {
            Ok(response) if response.status == status && response.at <= asked.plus(LIMIT) => response,
            Ok(response) if response.status == status => {
                let observed = format!("{status} after {} ms", response.at.since(asked).as_millis());
                self.scenario.too_late(LIMIT, asked, response.at, &expected, &observed)
            }
            Err(cut @ (Cut::TimedOut(_) | Cut::NotAccepted)) => {
                self.scenario.too_late(LIMIT, asked, Moment::now(), &expected, &cut.to_string())
            }
            outcome => self.fail(asked, &expected, &self.shown(&outcome)),
        }
    }

    /// Fails: what was asked at this moment, before the phase was over, went wrong. If it is known only when the phase
    /// is over, the machine may have kept the program from it for the rest of the phase, or us from asking in time.
    #[track_caller]
    pub(crate) fn fail(&self, asked: Moment, expected: &str, observed: &str) -> ! {
        let known = Moment::now();
        let Some(end) = self.until.filter(|end| known >= *end) else {
            self.scenario.fail_at(known, expected, observed)
        };
        if asked >= end {
            let signal = self.first_signal();
            let observed = format!("{observed}; asked {}", self.when(asked));
            let expected = format!("{expected}; asked as long as the phase lasts");
            self.scenario.too_late(end.since(signal), signal, asked, &expected, &observed);
        }
        self.scenario.too_late(Duration::ZERO, asked, end, expected, observed)
    }

    /// The status, or how the connection ended instead, and when.
    pub(crate) fn shown(&self, outcome: &Result<Response, Cut>) -> String {
        match outcome {
            Ok(response) => response.status.to_string(),
            Err(cut) => format!("{cut}, {}", self.when(Moment::now())),
        }
    }

    pub(crate) fn when(&self, at: Moment) -> String {
        match self.signal.filter(|signal| at >= *signal) {
            Some(signal) => format!("{} ms after its first signal", at.since(signal).as_millis()),
            None => "before the signal".to_owned(),
        }
    }

    /// Asks `/ready` on new connections until its status is 503, and says when that was: the quiesce has begun.
    #[track_caller]
    pub(crate) fn quiesces(&self) -> Moment {
        let _waiting = self.scenario.waiting("503 from GET /ready");
        let signal = self.first_signal();
        loop {
            let asked = Moment::now();
            let what = format!("GET /ready on a new connection, {}", self.when(asked));
            let outcome = Client::connect(self.scenario, "probe", self.address)
                .and_then(|mut it| it.get("/ready", secs(2)));
            if !outcome.as_ref().is_ok_and(|response| response.status == 200) {
                break self.judge(asked, &what, outcome, 503).at;
            }
            // For longer than 100 ms, so that a busy machine does not excuse one that stays at 200.
            if asked > signal.plus(ms(400)) {
                let expected = "GET /ready on a new connection: 503, from 100 ms after the signal on";
                let observed = format!("200 to a probe that was sent {}", self.when(asked));
                self.scenario.too_late(ms(100), signal, asked, expected, &observed);
            }
            thread::sleep(ms(10));
        }
    }

    /// Requires a refusal: 503, and when to come again, at most so many seconds from now.
    #[track_caller]
    pub(crate) fn refused(&self, caller: &mut Caller, path: &str, budget: u64) {
        let asked = Moment::now();
        let response = self.ask(caller, path, 503);
        let said = response.header("retry-after");
        let seconds = said.and_then(|said| said.trim().parse::<u64>().ok());
        self.scenario.require(
            seconds.is_some_and(|seconds| (1..=budget).contains(&seconds)),
            format!("GET {path}, {}: 503 with Retry-After: 1 to {budget}", self.when(asked)),
            said.map_or("503 without Retry-After".to_owned(), |said| format!("Retry-After: {said}")),
        );
    }

    /// Requires a `/slow` that was accepted to be answered with 200, and says when that was.
    #[track_caller]
    pub(crate) fn answered(&self, slow: Pending) -> Moment {
        let sent = slow.sent();
        let response = slow.answered();
        self.scenario.at_least(SLOW, sent, response.at, "the response to GET /slow");
        response.at
    }

    /// Requires the exit, with code 0, when all is over that the server was waiting for at this moment.
    #[track_caller]
    pub(crate) fn exits_after(&self, over: Moment) {
        let exit = self.program.exit_at_most(secs(2), over);
        if exit.outcome != Outcome::Code(0) || exit.at.plus(ms(50)) < over {
            let expected = format!("exit code 0, {}", self.when(over));
            self.scenario.fail_at(exit.at, expected, format!("{exit}, {}", self.when(exit.at)));
        }
        self.scenario.at_most(ms(500), over, exit.at, "exit");
    }
}
