//! Acceptance tests for task 5.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use drain_kit::{
    Client, Cut, DrainReport, Moment, Outcome, Program, Response, Running, Scenario, Signal, ms, program,
    secs,
};

/// How long a client waits for a response: longer than any drain here may take.
const PATIENCE: Duration = secs(6);
/// A probe that takes longer has failed. With more, a server that stands still for a while goes unseen.
const PROBE_LIMIT: Duration = ms(500);
/// How long a probe is watched beyond that, to see whether it was late or not answered at all.
const PROBE_PATIENCE: Duration = secs(2);

/// A value of `DRAIN_BUDGET`, and the window that goes with it.
#[derive(Clone, Copy)]
struct Budget {
    text: &'static str,
    window: Duration,
}

const DEFAULT: Budget = Budget { text: "5s", window: ms(500) };
/// For what is asked in the window: there is time enough to ask.
const LONG: Budget = Budget { text: "10s", window: secs(1) };
const LONGER: Budget = Budget { text: "20s", window: secs(2) };
/// For requests that begin in the window and must not end in time: `/slow` takes 2 s.
const SHORT: Budget = Budget { text: "1.9s", window: ms(190) };
const SHORT_DEADLINE: Duration = ms(1_900);

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
    let _in_flight = service.connect(2).request("/slow", PATIENCE);
    for path in ["/ready", "/healthz"] {
        let response = service.probe(path, 200);
        let length = response.header("content-length").unwrap_or("no such header");
        scenario.require(
            length == response.body.len().to_string(),
            format!("GET {path}: Content-Length: {}", response.body.len()),
            length,
        );
        service.ask(&mut open, path, 200);
    }
}

/// `/ready` answers 503 from 100 ms after the signal on, before the exit, on open and on new connections.
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
}

/// New connections still reach `/ready`, and get the 503, as long as the propagation window lasts.
///
/// Why: a load balancer asks every few seconds, each time on a new connection. Until it has seen the
/// 503, it goes on sending users, and a listener that has closed turns them away with an error.
#[test]
fn new_connections_get_the_503_in_the_window() {
    let scenario = Scenario::new();
    let mut service = Service::start(&scenario, LONG);
    let _in_flight = service.connect(1).request("/slow", PATIENCE);
    let signal = service.signal(Signal::SIGTERM);
    wait_until(signal.plus(ms(100)));
    service.first_503();
    for later in [300, 500, 700] {
        wait_until(signal.plus(ms(later)));
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
    let response = in_flight.answered();
    require_two_seconds(&scenario, sent, &response);
    // The code first: a drain that ran into its deadline is wrong however busy the machine is.
    service.program.exit_at_most(secs(5), response.at);
    let exit = service.program.exit_with(0);
    scenario.at_most(ms(500), response.at.max(signal.plus(DEFAULT.window)), exit.at, "exit");
}

/// Requests that begin in the window are answered, on new and on open connections, also if that takes
/// longer than the window.
///
/// Why: in the window users still arrive, because nobody has heard of the 503 yet. To answer them with
/// an error, or to close their connections, is the outage that the window is there to prevent.
///
/// Limit: 15 s
#[test]
fn requests_that_begin_in_the_window_are_answered() {
    let scenario = Scenario::new();
    let mut service = Service::start(&scenario, LONG);
    let mut open = service.open(1);
    let mut slow_on_open = service.open(2);
    service.signal(Signal::SIGTERM);
    service.first_503();
    service.ask(&mut open, "/fast", 200);
    service.probe("/fast", 200);
    let mut slow_on_new = service.connect(3);
    let sent = [slow_on_open.send("/slow"), slow_on_new.send("/slow")];
    for (mut client, sent) in [slow_on_open, slow_on_new].into_iter().zip(sent) {
        match client.response(PATIENCE) {
            Ok(response) if response.status == 200 => require_two_seconds(&scenario, sent, &response),
            outcome => {
                let expected = format!("GET /slow, sent {}: 200", when(&scenario, sent));
                service.fail(sent, &expected, &shown(&scenario, &outcome));
            }
        }
    }
    service.program.exit_with(0);
}

/// `/healthz` still answers 200 in the window, on open and on new connections.
///
/// Why: "do not send me work" and "restart me" are different messages. An orchestrator that reads the
/// second one kills the server in the middle of its drain.
#[test]
fn healthz_stays_200_in_the_window() {
    let scenario = Scenario::new();
    let mut service = Service::start(&scenario, LONG);
    let mut open = service.open(1);
    let signal = service.signal(Signal::SIGTERM);
    service.first_503();
    service.ask(&mut open, "/healthz", 200);
    for later in [100, 300, 500] {
        wait_until(signal.plus(ms(later)));
        service.probe("/healthz", 200);
    }
}

/// With nothing in flight the window is kept too, and nothing else: with the default budget the program
/// exits 500 ms after the signal, with code 0, also if an idle connection is open.
///
/// Why: that nobody is here now does not mean that nobody is on the way. A quiet server gets its next
/// user just as a busy one does: through a load balancer that has not heard yet. It keeps a connection
/// or two for them, and closes none by itself.
#[test]
fn the_window_is_kept_with_nothing_in_flight() {
    let scenario = Scenario::new();
    let mut service = Service::start(&scenario, DEFAULT);
    let _idle = service.open(1);
    service.signal(Signal::SIGTERM);
    service.exit_with_the_window();
}

/// The window is a tenth of the budget: with a budget of 20 s the program exits 2 s after the signal.
///
/// Why: how fast load balancers hear of the 503 is a matter of the place that the server runs in, and so
/// is the budget. A window that is fixed in the code fits one of all these places.
#[test]
fn the_window_is_a_tenth_of_the_budget() {
    let scenario = Scenario::new();
    let mut service = Service::start(&scenario, LONGER);
    service.signal(Signal::SIGTERM);
    service.exit_with_the_window();
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
    let signal = service.signal(Signal::SIGTERM);
    let noticed = service.first_503();
    service.require_refused(noticed.plus(DEFAULT.window));
    for later in [1_100, 1_400] {
        wait_until(signal.plus(ms(later)));
        let connected = Client::connect(&scenario, "client 2", service.address);
        scenario.require(
            connected.is_err(),
            "new connections refused until the exit",
            format!("accepted again {later} ms after SIGTERM"),
        );
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
        let observed = format!("answered with 200, {}", when(&scenario, response.at));
        let deadline = noticed.plus(SHORT_DEADLINE);
        scenario.too_late(response.at.since(answerable(sent)), deadline, response.at, &expected, &observed);
    }
    service.exit_at_the_deadline(sent);
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
    wait_until(signal.plus(ms(500)));
    service.probe("/ready", 503);
    service.signal(Signal::SIGINT);
    wait_until(signal.plus(ms(1_000)));
    service.probe("/ready", 503);
    service.probe("/fast", 200);
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
    let signal = service.signal(Signal::SIGTERM);
    for (later, again) in [(900, Signal::SIGTERM), (1_200, Signal::SIGINT)] {
        wait_until(signal.plus(ms(later)));
        service.signal(again);
    }
    in_flight.answered();
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
    let signal = service.signal(Signal::SIGINT);
    wait_until(signal.plus(ms(100)));
    service.first_503();
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
        let signal = service.signal(Signal::SIGTERM);
        if signal.since(first) > ms(1_500) {
            scenario.unknown("machine too busy: the first requests were answered before the last were sent");
        }
        service.first_503();
        service.probe("/healthz", 200);
        let ledger = load::settle(in_flight);
        scenario.require(ledger.answered == 200, "200 of 200 answered", &ledger);
        service.program.exit_with(0);
        scenario.note(ledger);
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
        wait_until(signal.plus(ms(500)));
        let ledger = load.stop();
        if ledger.refused > 0 && Moment::now() > service.window_end() {
            scenario.unknown("machine too busy: the clients were stopped when the window was over");
        }
        // A server may close a connection once its response has said so, with `Connection: close`.
        scenario.require(
            ledger.answered > 0 && ledger.answered == ledger.sent && ledger.refused == 0,
            "each request answered with 200, none refused",
            &ledger,
        );
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
        let report = service.program.drain_report();
        let (outcome, abandoned) = (&report.outcome, report.abandoned);
        scenario.require(
            outcome == "complete" && abandoned == 0,
            "outcome=complete abandoned=0 on stderr",
            format!("outcome={outcome} abandoned={abandoned}"),
        );
        require_duration(&scenario, &report, ms(450), exit.at.since(signal));
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
        require_duration(&scenario, &report, SHORT_DEADLINE - ms(50), exit.since(signal));
    }
}

/// The program under test, and what a test asks of it.
struct Service<'a> {
    scenario: &'a Scenario,
    program: Running,
    address: SocketAddr,
    window: Duration,
    /// The first signal, once it has been sent.
    signal: Option<Moment>,
}

impl<'a> Service<'a> {
    /// Starts the program with this budget, and waits until it says that it is ready.
    #[track_caller]
    fn start(scenario: &'a Scenario, budget: Budget) -> Self {
        let program = Program::new(scenario, program!());
        let Budget { text, window } = budget;
        let program = if text == DEFAULT.text { program } else { program.env("DRAIN_BUDGET", text) };
        let program = program.start();
        let address = program.address();
        let service = Self { scenario, program, address, window, signal: None };
        service.require_ready();
        service
    }

    /// Who sends work asks first whether it is wanted.
    #[track_caller]
    fn require_ready(&self) {
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

    fn signal(&mut self, signal: Signal) -> Moment {
        let at = self.program.signal(signal);
        *self.signal.get_or_insert(at)
    }

    /// Until then the window lasts at the least, whatever the program's clock says.
    fn window_end(&self) -> Moment {
        self.signal.expect("a signal was sent").plus(self.window - ms(50))
    }

    #[track_caller]
    fn connect(&self, number: usize) -> Client {
        let name = format!("client {number}");
        let asked = Moment::now();
        match Client::connect(self.scenario, &name, self.address) {
            Ok(client) => client,
            Err(cut) => self.fail(asked, &format!("{name}: connected"), &cut.to_string()),
        }
    }

    /// A connection that has been used and stays open.
    #[track_caller]
    fn open(&self, number: usize) -> Client {
        let mut client = self.connect(number);
        self.ask(&mut client, "/fast", 200);
        client
    }

    /// Asks on a connection that is there already.
    #[track_caller]
    fn ask(&self, client: &mut Client, path: &str, status: u16) -> Response {
        let asked = Moment::now();
        let what = format!("GET {path} on an open connection, {}", when(self.scenario, asked));
        self.judge(asked, &what, client.get(path, PROBE_PATIENCE), status)
    }

    /// Asks as a probe does: on a new connection.
    #[track_caller]
    fn probe(&self, path: &str, status: u16) -> Response {
        let asked = Moment::now();
        let what = format!("GET {path} on a new connection, {}", when(self.scenario, asked));
        self.judge(asked, &what, self.probe_once(path), status)
    }

    fn probe_once(&self, path: &str) -> Result<Response, Cut> {
        Client::connect(self.scenario, "probe", self.address)?.get(path, PROBE_PATIENCE)
    }

    /// Requires this status, within the time-out of a probe.
    #[track_caller]
    fn judge(&self, asked: Moment, what: &str, outcome: Result<Response, Cut>, status: u16) -> Response {
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
            outcome => self.fail(asked, &expected, &shown(self.scenario, &outcome)),
        }
    }

    /// Fails: what was asked at this moment went wrong. If it was asked when the window was over, or the
    /// machine may have kept the program from it for the rest of the window, nobody knows.
    #[track_caller]
    fn fail(&self, asked: Moment, expected: &str, observed: &str) -> ! {
        let now = Moment::now();
        if self.signal.is_none() || now < self.window_end() {
            self.scenario.fail_at(now, expected, observed);
        }
        let end = self.window_end();
        if asked >= end {
            self.scenario.unknown(format!("machine too busy: {expected}; asked when the window was over"));
        }
        self.scenario.too_late(Duration::ZERO, asked, end, expected, observed)
    }

    /// Asks `/ready` on new connections until the answer is 503, and says when that was. Whoever asks
    /// 100 ms after the signal or later must get it.
    #[track_caller]
    fn first_503(&self) -> Moment {
        let _waiting = self.scenario.waiting("503 from GET /ready");
        let signal = self.signal.expect("a signal was sent");
        let mut last_200 = signal;
        loop {
            let asked = Moment::now();
            let what = format!("GET /ready on a new connection, {}", when(self.scenario, asked));
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
                let observed = format!("200 to a probe that was sent {}", when(self.scenario, last_200));
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
    fn slow_in_short_window(&self, open: &mut [Client]) -> Moment {
        for client in open {
            client.send("/slow");
        }
        let sent = Moment::now();
        // The program has some time left to read them.
        if sent.plus(ms(40)) > self.window_end() {
            self.scenario.unknown("machine too busy: the requests were sent too late in the window");
        }
        sent
    }

    /// Requires that new connections are refused 300 ms after the window, which is over at this moment.
    #[track_caller]
    fn require_refused(&self, window_is_over: Moment) {
        let _waiting = self.scenario.waiting("new connections to be refused");
        wait_until(window_is_over);
        let mut accepted = None;
        // For longer than 300 ms, so that a busy machine does not excuse one that goes on listening.
        while Moment::now() < window_is_over.plus(ms(1_200)) {
            let asked = Moment::now();
            if Client::connect(self.scenario, "client 2", self.address).is_err() {
                break;
            }
            accepted = Some(asked);
            thread::sleep(ms(20));
        }
        if let Some(at) = accepted.filter(|at| *at > window_is_over.plus(ms(300))) {
            let expected = "new connections refused, from 300 ms after the end of the window on";
            let observed = format!("accepted {}", when(self.scenario, at));
            self.scenario.timeline().mark("client 2", "connected until then");
            self.scenario.too_late(ms(300), window_is_over, at, expected, &observed);
        }
    }

    /// With nothing in flight the program exits when the window is over, with code 0.
    #[track_caller]
    fn exit_with_the_window(&self) {
        let signal = self.signal.expect("a signal was sent");
        let exit = self.program.exit_at_most(self.window + secs(2), signal);
        if exit.outcome != Outcome::Code(0) || exit.at < self.window_end() {
            let expected =
                format!("exit code 0, {:?} after the signal, when the window is over", self.window);
            self.scenario.fail_at(exit.at, expected, format!("{exit}, {}", when(self.scenario, exit.at)));
        }
        self.scenario.at_most(self.window + ms(500), signal, exit.at, "exit");
    }

    /// With a request in flight, sent at this moment in the window of the short budget, the program exits
    /// at the deadline, with code 1. Says when.
    #[track_caller]
    fn exit_at_the_deadline(&self, sent: Moment) -> Moment {
        let signal = self.signal.expect("a signal was sent");
        let exit = self.program.exit_at_most(SHORT_DEADLINE + secs(2), signal);
        if exit.outcome != Outcome::Code(1) || exit.at.since(signal) + ms(50) < SHORT_DEADLINE {
            let expected = format!(
                "exit code 1, {SHORT_DEADLINE:?} after the signal, when the budget is over: a request is in flight"
            );
            let observed = format!("{exit}, {}", when(self.scenario, exit.at));
            // A program that stood still from the deadline on until it had an answer has one to send.
            let (deadline, since) = (signal.plus(SHORT_DEADLINE), exit.at.since(answerable(sent)));
            if self.scenario.too_busy(since, deadline, exit.at) {
                self.scenario.too_late(since, deadline, exit.at, &expected, &observed);
            }
            self.fail(sent, &expected, &observed);
        }
        self.scenario.at_most(SHORT_DEADLINE + ms(500), signal, exit.at, "exit");
        exit.at
    }
}

/// When the answer is ready to a `/slow` that was sent at this moment.
fn answerable(sent: Moment) -> Moment {
    sent.plus(secs(2))
}

#[track_caller]
fn require_two_seconds(scenario: &Scenario, sent: Moment, response: &Response) {
    let took = response.at.since(sent);
    scenario.require(took >= ms(1_950), "GET /slow answered after 2 s", format!("after {took:.1?}"));
}

#[track_caller]
fn require_duration(scenario: &Scenario, report: &DrainReport, least: Duration, most: Duration) {
    let reported = report.duration;
    scenario.require(
        reported >= least && reported <= most,
        format!("a duration of {least:?} to {most:.1?}, from the signal to the end of the drain"),
        format!("duration={reported:?}"),
    );
}

/// The status, or how the connection ended instead, and when.
fn shown(scenario: &Scenario, outcome: &Result<Response, Cut>) -> String {
    match outcome {
        Ok(response) => response.status.to_string(),
        Err(cut) => format!("{cut}, {}", when(scenario, Moment::now())),
    }
}

fn when(scenario: &Scenario, at: Moment) -> String {
    scenario.timeline().when(at)
}

fn wait_until(moment: Moment) {
    thread::sleep(moment.since(Moment::now()));
}
