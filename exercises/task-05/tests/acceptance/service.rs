//! The program under test as a service: who asks it what, and what it must answer.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use drain_kit::{
    Client, Cut, Moment, Outcome, Program, Response, Running, Scenario, Signal, ms, program, secs,
};

/// How long `/slow` takes.
pub(crate) const SLOW: Duration = secs(2);
/// How long a client waits for a response: longer than any drain here may take.
pub(crate) const PATIENCE: Duration = secs(6);
/// A probe that takes longer has failed. With more, a server that stands still for a while goes unseen.
pub(crate) const PROBE_LIMIT: Duration = ms(500);
/// How long a probe is watched beyond that, to see whether it was late or not answered at all.
pub(crate) const PROBE_PATIENCE: Duration = secs(2);

/// A value of `DRAIN_BUDGET`, and the window that goes with it.
#[derive(Clone, Copy)]
pub(crate) struct Budget {
    pub(crate) text: &'static str,
    pub(crate) window: Duration,
}

pub(crate) const DEFAULT: Budget = Budget { text: "5s", window: ms(500) };
/// For what is asked in the window: there is time enough to ask.
pub(crate) const LONG: Budget = Budget { text: "10s", window: secs(1) };
pub(crate) const LONGER: Budget = Budget { text: "20s", window: secs(2) };
/// Not of whole seconds.
pub(crate) const UNEVEN: Budget = Budget { text: "18900ms", window: ms(1_890) };
/// The window is longer than any that was written into a program.
pub(crate) const HOUR: Budget = Budget { text: "1h", window: secs(360) };
/// For requests that begin in the window and must not end in time: `/slow` takes 2 s.
pub(crate) const SHORT: Budget = Budget { text: "1.9s", window: ms(190) };
pub(crate) const SHORT_DEADLINE: Duration = ms(1_900);

/// The program under test, and what a test asks of it.
pub(crate) struct Service<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) program: Running,
    pub(crate) address: SocketAddr,
    pub(crate) window: Duration,
    one_of_several: bool,
    /// The first signal, once it has been sent.
    signal: Option<Moment>,
}

impl<'a> Service<'a> {
    /// Starts the program with this budget, and waits until it says that it is ready.
    #[track_caller]
    pub(crate) fn start(scenario: &'a Scenario, budget: Budget) -> Self {
        Self::of(scenario, Program::new(scenario, program!()), budget, false)
    }

    /// One of several, with a lane of its own in the picture.
    #[track_caller]
    pub(crate) fn start_called(scenario: &'a Scenario, budget: Budget, lane: &str) -> Self {
        Self::of(scenario, Program::new(scenario, program!()).called(lane), budget, true)
    }

    #[track_caller]
    fn of(scenario: &'a Scenario, program: Program<'a>, budget: Budget, one_of_several: bool) -> Self {
        let Budget { text, window } = budget;
        let program = if text == DEFAULT.text { program } else { program.env("DRAIN_BUDGET", text) };
        let program = program.start();
        let address = program.address();
        let service = Self { scenario, program, address, window, one_of_several, signal: None };
        service.require_ready();
        service
    }

    /// Who sends work asks first whether it is wanted.
    #[track_caller]
    pub(crate) fn require_ready(&self) {
        let asked = Moment::now();
        let what = "GET /ready, from the ready line on";
        match self.probe_once("/ready") {
            Err(cut @ (Cut::Closed | Cut::Reset)) => {
                let at = Moment::now();
                // What the program says of it may still be on its way.
                thread::sleep(ms(100));
                let said = self.program.stderr().into_iter().map(|(_, line)| line);
                let said: Vec<String> =
                    said.filter(|line| !line.is_empty() && !line.starts_with("note:")).collect();
                let observed = format!("{cut}; stderr: {}", said.join(" / "));
                self.scenario.fail_at(at, format!("{what}: 200"), observed);
            }
            outcome => self.judge(asked, what, outcome, 200),
        };
    }

    pub(crate) fn signal(&mut self, signal: Signal) -> Moment {
        let at = self.program.signal(signal);
        *self.signal.get_or_insert(at)
    }

    /// Until then the window lasts at the least, whatever the program's clock says.
    pub(crate) fn window_end(&self) -> Moment {
        self.signal.expect("a signal was sent").plus(self.window - ms(50))
    }

    #[track_caller]
    pub(crate) fn connect(&self, number: usize) -> Client {
        let name = format!("client {number}");
        let asked = Moment::now();
        match Client::connect(self.scenario, &name, self.address) {
            Ok(client) => client,
            Err(cut) => self.fail(asked, &format!("{name}: connected"), &cut.to_string()),
        }
    }

    /// A connection that has been used and stays open.
    #[track_caller]
    pub(crate) fn open(&self, number: usize) -> Client {
        let mut client = self.connect(number);
        self.ask(&mut client, "/fast", 200);
        client
    }

    /// Asks on a connection that is there already.
    #[track_caller]
    pub(crate) fn ask(&self, client: &mut Client, path: &str, status: u16) -> Response {
        let asked = Moment::now();
        let what = format!("GET {path} on an open connection, {}", self.when(asked));
        self.judge(asked, &what, client.get(path, PROBE_PATIENCE), status)
    }

    /// Asks as a probe does: on a new connection.
    #[track_caller]
    pub(crate) fn probe(&self, path: &str, status: u16) -> Response {
        let asked = Moment::now();
        let what = format!("GET {path} on a new connection, {}", self.when(asked));
        self.judge(asked, &what, self.probe_once(path), status)
    }

    pub(crate) fn probe_once(&self, path: &str) -> Result<Response, Cut> {
        Client::connect(self.scenario, "probe", self.address)?.get(path, PROBE_PATIENCE)
    }

    /// Requires this status, within the time-out of a probe.
    #[track_caller]
    pub(crate) fn judge(
        &self,
        asked: Moment,
        what: &str,
        outcome: Result<Response, Cut>,
        status: u16,
    ) -> Response {
        let now = Moment::now();
        let expected = format!("{what}: {status} within {} ms", PROBE_LIMIT.as_millis());
        match outcome {
            Ok(response) if response.status == status && response.at <= asked.plus(PROBE_LIMIT) => response,
            Ok(response) if response.status == status => {
                let observed = format!("{status} after {} ms", response.at.since(asked).as_millis());
                self.scenario.too_late(PROBE_LIMIT, asked, response.at, &expected, &observed)
            }
            Err(cut @ (Cut::TimedOut(_) | Cut::NotAccepted)) => {
                self.scenario.too_late(PROBE_LIMIT, asked, now, &expected, &cut.to_string())
            }
            outcome => self.fail(asked, &expected, &self.shown(&outcome)),
        }
    }

    /// Fails: what was asked at this moment, before the window was over, went wrong. If it is known only
    /// when the window is over, the machine may have kept the program from it for the rest of the window, or
    /// us from asking in time; then nobody knows.
    #[track_caller]
    pub(crate) fn fail(&self, asked: Moment, expected: &str, observed: &str) -> ! {
        self.fail_known(asked, Moment::now(), expected, observed)
    }

    #[track_caller]
    pub(crate) fn fail_known(&self, asked: Moment, known: Moment, expected: &str, observed: &str) -> ! {
        let Some(signal) = self.signal.filter(|_| known >= self.window_end()) else {
            self.scenario.fail_at(known, expected, observed)
        };
        let end = self.window_end();
        if asked >= end {
            let expected = format!("{expected}; asked in the window");
            let observed = format!("{observed}; asked {}", self.when(asked));
            self.scenario.too_late(end.since(signal), signal, asked, &expected, &observed);
        }
        self.scenario.too_late(Duration::ZERO, asked, end, expected, observed)
    }

    /// Requires that `/slow` requests, of which the oldest was sent at this moment, are in flight now, and will
    /// be for a while. If not, the scenario has not come about.
    #[track_caller]
    pub(crate) fn require_in_flight(&self, oldest: Moment, still_for: Duration) {
        let what = "this moment, with every `/slow` in flight,";
        self.scenario.at_most(SLOW - still_for, oldest, Moment::now(), what);
    }

    /// The status, or how the connection ended instead, and when.
    pub(crate) fn shown(&self, outcome: &Result<Response, Cut>) -> String {
        match outcome {
            Ok(response) => response.status.to_string(),
            Err(cut) => format!("{cut}, {}", self.when(Moment::now())),
        }
    }

    /// `3 ms after SIGTERM`; of several programs, after this one's signal.
    pub(crate) fn when(&self, at: Moment) -> String {
        match self.signal.filter(|signal| at >= *signal) {
            Some(signal) if self.one_of_several => {
                format!("{} ms after its SIGTERM", at.since(signal).as_millis())
            }
            _ => self.scenario.timeline().when(at),
        }
    }

    /// Waits until so long after the signal.
    pub(crate) fn wait(&self, after_the_signal: Duration) {
        self.signal.expect("a signal was sent").plus(after_the_signal).wait();
    }

    /// Asks `/ready` on new connections until the answer is 503, and says when that was. Whoever asks
    /// 100 ms after the signal or later must get it.
    #[track_caller]
    pub(crate) fn first_503(&self) -> Moment {
        let _waiting = self.scenario.waiting("503 from GET /ready");
        let signal = self.signal.expect("a signal was sent");
        let mut last_200 = signal;
        loop {
            let asked = Moment::now();
            let what = format!("GET /ready on a new connection, {}", self.when(asked));
            let answer = match self.probe_once("/ready") {
                Ok(response) if response.status == 200 => {
                    last_200 = asked;
                    None
                }
                outcome => Some(self.judge(asked, &what, outcome, 503)),
            };
            // Asked for longer than 100 ms, so that a busy machine does not excuse one that stays at 200.
            let asked_long_enough = if answer.is_some() { ms(100) } else { self.window * 3 / 4 };
            if last_200 > signal.plus(asked_long_enough) {
                let expected = "GET /ready on a new connection: 503, from 100 ms after the signal on";
                let observed = format!("200 to a probe that was sent {}", self.when(last_200));
                self.scenario.too_late(ms(100), signal, last_200, expected, &observed);
            }
            if let Some(response) = answer {
                return response.at;
            }
            thread::sleep(ms(10));
        }
    }

    /// Sends `GET /slow` on each connection while the window of the short budget lasts, and says when.
    #[track_caller]
    pub(crate) fn slow_in_short_window(&self, open: &mut [Client]) -> Moment {
        for client in open {
            client.send("/slow");
        }
        let sent = Moment::now();
        // The program has some time left to read them.
        let limit = self.window - ms(90);
        let signal = self.signal.expect("a signal was sent");
        self.scenario.at_most(limit, signal, sent, "all requests sent, in the window");
        sent
    }

    /// Requires that new connections are refused 300 ms after the window, which is over at this moment.
    #[track_caller]
    pub(crate) fn require_refused(&self, window_is_over: Moment) {
        let _waiting = self.scenario.waiting("new connections to be refused");
        window_is_over.wait();
        let mut accepted = None;
        // For longer than 300 ms, so that a busy machine does not excuse one that goes on listening.
        while Moment::now() < window_is_over.plus(ms(1_200)) {
            let asked = Moment::now();
            let connected = Client::connect(self.scenario, "client 2", self.address);
            if connected.is_err_and(|cut| cut == Cut::Refused) {
                break;
            }
            accepted = Some(asked);
            thread::sleep(ms(20));
        }
        if let Some(at) = accepted.filter(|at| *at > window_is_over.plus(ms(300))) {
            let expected = "new connections refused, from 300 ms after the end of the window on";
            let observed = format!("accepted {}", self.when(at));
            self.scenario.timeline().mark("client 2", "connected until then");
            self.scenario.too_late(ms(300), window_is_over, at, expected, &observed);
        }
    }

    /// With nothing in flight the program exits when the window is over, with code 0.
    #[track_caller]
    pub(crate) fn exit_with_the_window(&self) {
        let signal = self.signal.expect("a signal was sent");
        let exit = self.program.exit_at_most(self.window + secs(2), signal);
        if exit.outcome != Outcome::Code(0) || exit.at < self.window_end() {
            let expected =
                format!("exit code 0, {:?} after the signal, when the window is over", self.window);
            self.scenario.fail_at(exit.at, expected, format!("{exit}, {}", self.when(exit.at)));
        }
        self.scenario.at_most(self.window + ms(500), signal, exit.at, "exit");
    }

    /// With a request in flight, sent at this moment in the window of the short budget, the program exits
    /// at the deadline, with code 1. Says when.
    #[track_caller]
    pub(crate) fn exit_at_the_deadline(&self, sent: Moment) -> Moment {
        let signal = self.signal.expect("a signal was sent");
        let exit = self.program.exit_at_most(SHORT_DEADLINE + secs(2), signal);
        if exit.outcome != Outcome::Code(1) || exit.at.since(signal) + ms(50) < SHORT_DEADLINE {
            let expected = format!(
                "exit code 1, {SHORT_DEADLINE:?} after the signal, when the budget is over: a request is in flight"
            );
            let observed = format!("{exit}, {}", self.when(exit.at));
            // A program that stood still from the deadline on until it had an answer has one to send.
            let (deadline, since) = (signal.plus(SHORT_DEADLINE), exit.at.since(answerable(sent)));
            if exit.at >= answerable(sent) && self.scenario.too_busy(since, deadline, exit.at) {
                self.scenario.too_late(since, deadline, exit.at, &expected, &observed);
            }
            self.fail(sent, &expected, &observed);
        }
        self.scenario.at_most(SHORT_DEADLINE + ms(500), signal, exit.at, "exit");
        exit.at
    }
}

/// When the answer is ready to a `/slow` that was sent at this moment.
pub(crate) fn answerable(sent: Moment) -> Moment {
    sent.plus(SLOW)
}
