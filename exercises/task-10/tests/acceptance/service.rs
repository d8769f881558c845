//! The server on trial, who scrapes it, and how long it must stay for that.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use drain_kit::{
    Client, Cut, Exit, Exposition, Moment, Outcome, Pending, Program, Response, Running, Scenario, Signal,
    ms, program, secs, shown,
};

use crate::text_format;

/// How long `/slow` takes.
pub(crate) const SLOW: Duration = secs(2);
/// How long a client waits for a response: longer than any drain here may take.
pub(crate) const PATIENCE: Duration = secs(8);
/// What takes no time must be answered within this.
const LIMIT: Duration = ms(500);
/// From so long after the end of the drain on its sample is there, and from so long after its beginning on the door is closed.
const KNOWN: Duration = ms(300);
/// So much later it is judged in any case, so that a busy machine does not excuse what stays wrong.
const PLAIN: Duration = ms(400);

pub(crate) struct Service<'a> {
    scenario: &'a Scenario,
    pub(crate) program: Running,
    pub(crate) address: SocketAddr,
    scrapers: SocketAddr,
    /// Until then scrapers are answered at the least.
    until: Option<Moment>,
}

impl<'a> Service<'a> {
    /// With these `DRAIN_BUDGET` and `LAST_SCRAPE`.
    #[track_caller]
    pub(crate) fn start(scenario: &'a Scenario, budget: &str, last_scrape: &str) -> Self {
        let program = program(scenario).env("DRAIN_BUDGET", budget).env("LAST_SCRAPE", last_scrape);
        Self::of(scenario, program)
    }

    /// Starts this one, and waits until it says that it is ready.
    #[track_caller]
    pub(crate) fn of(scenario: &'a Scenario, program: Program<'a>) -> Self {
        let program = program.start();
        let address = program.address();
        // It comes before the ready line, so it is there.
        let said = program.stdout().iter().any(|(_, line)| line.starts_with("metrics listening on "));
        scenario.require(said, "`metrics listening on 127.0.0.1:PORT` before the ready line", "no such line");
        let scrapers = program.address_of("metrics");
        Self { scenario, program, address, scrapers, until: None }
    }

    /// A `/slow` that is in flight.
    #[track_caller]
    pub(crate) fn slow(&self, name: &str) -> Pending {
        Client::connected(self.scenario, name, self.address).request("/slow", PATIENCE)
    }

    /// A scraper that has connected, and asks nothing.
    pub(crate) fn silent_scraper(&self) -> Client {
        Client::connected(self.scenario, "silent scraper", self.scrapers)
    }

    /// Sends a signal, with this in flight, if anything.
    #[track_caller]
    pub(crate) fn signal(&self, in_flight: Option<&Pending>) -> Moment {
        let signal = self.program.signal(Signal::SIGTERM);
        if let Some(slow) = in_flight {
            self.scenario.at_most(ms(700), slow.sent(), signal, "the signal, with `/slow` in flight");
        }
        signal
    }

    /// Asks on a new connection; the answer must be an exposition, and come within the limit.
    #[track_caller]
    pub(crate) fn scrape(&self) -> Exposition {
        self.scraped().1
    }

    #[track_caller]
    fn scraped(&self) -> (Moment, Exposition) {
        let asked = Moment::now();
        let outcome = Client::connect(self.scenario, "scraper", self.scrapers)
            .and_then(|mut it| it.get("/metrics", secs(2)));
        let expected = format!("GET /metrics on a new connection: 200 within {} ms", LIMIT.as_millis());
        match outcome {
            Ok(response) if response.status == 200 && response.at <= asked.plus(LIMIT) => {
                (response.at, self.read(&response))
            }
            Ok(Response { status: 200, at, .. }) => {
                self.scenario.too_late(LIMIT, asked, at, &expected, "200, and later")
            }
            Err(cut @ (Cut::TimedOut(_) | Cut::NotAccepted)) => {
                self.scenario.too_late(LIMIT, asked, Moment::now(), &expected, &cut.to_string())
            }
            other => self.fail(asked, &expected, &shown(&other)),
        }
    }

    /// Fails; unless it is known only when it may be so, and then the machine may have kept us from asking in time.
    #[track_caller]
    fn fail(&self, asked: Moment, expected: &str, observed: &str) -> ! {
        let known = Moment::now();
        match self.until.filter(|until| known >= *until) {
            Some(until) => {
                self.scenario.too_late(Duration::ZERO, asked.min(until), known, expected, observed)
            }
            None => self.scenario.fail_at(known, expected, observed),
        }
    }

    #[track_caller]
    fn read(&self, response: &Response) -> Exposition {
        let kind = response.header("content-type").unwrap_or("no such header");
        let mut words = kind.split(';').map(str::trim);
        self.scenario.require(
            words.next() == Some("text/plain") && words.any(|word| word == "version=0.0.4"),
            "Content-Type: text/plain; version=0.0.4",
            kind,
        );
        let text = String::from_utf8_lossy(&response.body);
        let read = text_format::check(&text).and_then(|()| Exposition::parse(&text));
        read.unwrap_or_else(|wrong| {
            self.scenario.fail("metrics as `promtool check metrics` wants them", wrong)
        })
    }

    /// Scrapes until so many are in flight; at most so long after this.
    #[track_caller]
    pub(crate) fn until_in_flight(&self, count: f64, limit: Duration, from: Moment) {
        loop {
            let (at, scraped) = self.scraped();
            let observed = scraped.value("work_in_flight", &[]);
            if observed == Some(count) {
                return;
            }
            let excused = self.scenario.too_busy(limit, from, at) && at < from.plus(limit + secs(4));
            if at > from.plus(limit + ms(500)) && !excused {
                let observed = format!("work_in_flight {observed:?}");
                self.scenario.too_late(limit, from, at, &format!("work_in_flight {count}"), &observed);
            }
            thread::sleep(ms(20));
        }
    }

    /// Scrapes during the whole drain, on new connections: one is in flight, and there is no sample yet. Returns when it is
    /// answered.
    #[track_caller]
    pub(crate) fn drains_with(&self, slow: Pending, begun: Moment) -> Moment {
        let sent = slow.sent();
        let answer = sent.plus(SLOW);
        while Moment::now().plus(ms(50)) < answer {
            let (at, scraped) = self.scraped();
            if at < answer {
                let (count, in_flight) = (samples(&scraped, ""), scraped.value("work_in_flight", &[]));
                self.scenario.require(
                    count == 0.0 && in_flight == Some(1.0),
                    "no sample, and work_in_flight 1, as long as `/slow` is in flight",
                    format!("{count} samples, work_in_flight {in_flight:?}"),
                );
            }
            self.refuses(begun);
            thread::sleep(ms(50));
        }
        let response = slow.answered();
        self.scenario.at_least(SLOW, sent, response.at, "the response to GET /slow");
        response.at
    }

    /// Scrapes for as long as the program must stay: the sample of the drain, which ended between these two moments, is
    /// there, and nothing is in flight. Then it must exit: with code 0 if the drain is complete.
    #[track_caller]
    pub(crate) fn last_scrapes(&mut self, outcome: &str, ended: [Moment; 2], last_scrape: Duration) -> Exit {
        let [earliest, over] = ended;
        let until = earliest.plus(last_scrape.saturating_sub(ms(50)));
        self.until = Some(until);
        let mut seen = 0;
        while Moment::now().plus(ms(30)) < until {
            let asked = Moment::now();
            let (_, scraped) = self.scraped();
            let (all, these) = (samples(&scraped, ""), samples(&scraped, outcome));
            let in_flight = scraped.value("work_in_flight", &[]);
            let holds = all == 1.0 && these == 1.0 && in_flight == Some(0.0);
            if !holds && self.judged(over, asked) {
                let expected =
                    format!("one sample, which is {outcome}, and work_in_flight 0, until the exit");
                let observed = format!("{all} samples, {these} {outcome}, work_in_flight {in_flight:?}");
                self.scenario.too_late(KNOWN, over, asked, &expected, &observed);
            }
            seen += usize::from(holds);
            self.refuses(over);
            thread::sleep(ms(50));
        }
        if seen == 0 {
            let expected = format!("a scrape with the sample of the drain, {outcome}, before the exit");
            self.fail(over, &expected, "none");
        }
        let exit = self.program.exit_at_most(last_scrape + secs(2), over);
        let code = i32::from(outcome != "complete");
        if exit.outcome != Outcome::Code(code) || exit.at < until {
            let expected = format!("exit code {code}, when the time for the last scrape is over");
            let observed = format!("{exit}, {} ms after the drain", exit.at.since(over).as_millis());
            self.scenario.fail_at(exit.at, expected, observed);
        }
        self.scenario.at_most(last_scrape + ms(500), over, exit.at, "exit");
        exit
    }

    /// Whether what was asked at this moment must be known.
    fn judged(&self, since: Moment, asked: Moment) -> bool {
        let excused = self.scenario.too_busy(KNOWN, since, asked) && asked < since.plus(KNOWN + PLAIN);
        asked > since.plus(KNOWN) && !excused
    }

    /// New connections are refused, a moment after this.
    #[track_caller]
    fn refuses(&self, since: Moment) {
        let asked = Moment::now();
        if !self.judged(since, asked) {
            return;
        }
        let outcome = Client::connect(self.scenario, "late client", self.address);
        if !matches!(outcome, Err(Cut::Refused)) {
            let expected = "new connections refused, from 300 ms after the beginning of the drain on";
            self.scenario.too_late(KNOWN, since, asked, expected, "connected");
        }
    }
}

/// With any free ports.
pub(crate) fn program(scenario: &Scenario) -> Program<'_> {
    Program::new(scenario, program!()).env("METRICS_ADDR", "127.0.0.1:0")
}

/// How many samples there are of this outcome, or of all.
pub(crate) fn samples(scraped: &Exposition, outcome: &str) -> f64 {
    let labels = [("outcome", outcome)];
    let labels: &[(&str, &str)] = if outcome.is_empty() { &[] } else { &labels };
    scraped.value("drain_duration_seconds_count", labels).unwrap_or(0.0)
}
