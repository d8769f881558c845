//! The drain test on trial, with a service that it tries.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use drain_kit::{Exit, Moment, Outcome, Program, Running, Scenario, leaks, ms, program};
use tinyjson::JsonValue;

/// What each trial says, unless it says something else.
const LISTENS: [&str; 2] = ["--ready-line", "listening on"];
/// The path of the service that comes with the drill.
pub(crate) fn service() -> String {
    program!("service").to_string_lossy().into_owned()
}

/// A trial that has been started.
pub(crate) struct Tried<'a> {
    scenario: &'a Scenario,
    pub(crate) program: Running,
    pub(crate) begun: Moment,
    what: String,
    /// For how much of the window new connections are refused, where they are.
    refuses_for: Duration,
}

/// What it said in the end.
pub(crate) struct Said {
    pub(crate) verdict: String,
    pub(crate) fault: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) in_flight: f64,
    pub(crate) duration_ms: Option<f64>,
}

/// Tries one of the services that print where they listen.
#[track_caller]
pub(crate) fn tried<'a>(scenario: &'a Scenario, name: &str, options: &str) -> Tried<'a> {
    let program = Program::new(scenario, program!()).called(name);
    start(scenario, program, &LISTENS, options, &format!("{} {name}", service()))
}

/// Tries a service with these words as the whole command line. It is told to listen at this address.
#[track_caller]
pub(crate) fn tried_at<'a>(
    scenario: &'a Scenario,
    address: SocketAddr,
    options: &str,
    words: &str,
) -> Tried<'a> {
    let program = Program::new(scenario, program!()).env("LISTEN_ADDR", address.to_string());
    start(scenario, program.called(words), &[], options, &format!("{} {words}", service()))
}

#[track_caller]
pub(crate) fn start<'a>(
    scenario: &'a Scenario,
    program: Program<'a>,
    before: &[&str],
    options: &str,
    command: &str,
) -> Tried<'a> {
    let begun = Moment::now();
    let words = ["--json"].iter().chain(before).copied().chain(options.split_whitespace());
    let words = words.chain(["--"]).chain(command.split(' '));
    let program = words.fold(program, Program::arg).start();
    let name = command.rsplit('/').next().unwrap_or_default();
    let what = format!("{options} -- {name}").trim().to_owned();
    Tried { scenario, program, begun, what, refuses_for: ms(900) }
}

impl Tried<'_> {
    /// Says for how much of the window the service refuses new connections: who is late by that much cannot know.
    pub(crate) fn that_refuses_for(self, time: Duration) -> Self {
        Self { refuses_for: time, ..self }
    }

    /// Requires this verdict, or this fault, and the exit code that goes with it.
    #[track_caller]
    pub(crate) fn says(&self, wanted: &str) -> Said {
        let exit = self.program.exit();
        let (verdict, code) = match wanted {
            "drained" => ("drained", 0),
            "could_not_run" => ("could_not_run", 2),
            "proves_nothing" => ("proves_nothing", 3),
            _ => ("fault", 1),
        };
        let said = self.said(exit);
        let as_expected = said.word() == wanted && said.verdict == verdict;
        let expected = format!("{wanted}, exit code {code}, of `{}`", self.what);
        let observed = match &said.reason {
            Some(reason) => format!("{}, {exit}: {reason}", said.word()),
            None => format!("{}, {exit}", said.word()),
        };
        if !as_expected || exit.outcome != Outcome::Code(code) {
            self.differs((wanted, &said.word()), &said, &expected, &observed);
        }
        said
    }

    /// Requires that so many requests were in flight.
    #[track_caller]
    pub(crate) fn says_in_flight(&self, wanted: &str, in_flight: usize) {
        let said = self.says(wanted);
        if said.in_flight != in_flight as f64 {
            let expected = format!("{in_flight} in flight, of `{}`", self.what);
            self.differs((wanted, "fewer"), &said, &expected, &format!("{} in flight", said.in_flight));
        }
    }

    /// Not what was expected. Where that can come of a machine that is late, and it was as late as that takes, in the
    /// part of the trial in which it matters, nobody knows.
    #[track_caller]
    fn differs(&self, (wanted, word): (&str, &str), said: &Said, expected: &str, observed: &str) -> ! {
        let end = self.program.exit().at;
        let before_the_end = |time| self.begun.plus(end.since(self.begun).saturating_sub(time));
        // From the signal to the end it takes the drain, and a look for what is left.
        let drain = ms(said.duration_ms.unwrap_or(1e6) as u64) + ms(200);
        let signal = before_the_end(drain);
        let (late, from, to) = match (wanted, word) {
            ("could_not_run", _) => self.scenario.fail_at(end, expected, observed),
            // Requests were answered before the signal.
            (_, "proves_nothing" | "fewer") => (ms(500), before_the_end(drain + ms(1_000)), signal),
            // The service was late at its door, or the drain was over before anybody knocked.
            // Who serves in between is late at the door anyway.
            ("accepting", _) | (_, "accepting") => (ms(50), signal, end),
            ("refused_early", "drained") => (self.refuses_for, signal, end),
            (_, "refused_early") => (ms(30), signal, end),
            // When the service heard of the signal, it had answered what it would have cut off: it takes 700 ms for that,
            // of which the requests may have had 500 before the signal.
            (_, "drained") if !["drained", "proves_nothing"].contains(&wanted) => {
                (ms(200), signal, signal.plus(ms(500)))
            }
            (_, "process_left") => (ms(150), before_the_end(ms(500)), end),
            (_, "could_not_run" | "hung") => (ms(500), self.begun, end),
            _ => self.scenario.fail_at(end, expected, observed),
        };
        let lag = self.scenario.lag(from, to);
        if lag < late {
            self.scenario.fail_at(end, expected, observed);
        }
        self.scenario.unknown(format!(
            "machine too busy: {expected}; observed {observed}, but the machine itself was up to {} ms late",
            lag.as_millis()
        ))
    }

    /// The one line on its stdout.
    #[track_caller]
    fn said(&self, exit: Exit) -> Said {
        let lines: Vec<String> = self.program.stdout().into_iter().map(|(_, line)| line).collect();
        let parsed = match lines.as_slice() {
            [line] => line.parse::<JsonValue>().ok().and_then(|json| Said::read(&json)),
            _ => None,
        };
        parsed.unwrap_or_else(|| {
            let stderr =
                self.program.stderr().pop().map_or_else(String::new, |(_, line)| format!("; {line}"));
            let shown = if lines.is_empty() { "nothing".to_owned() } else { lines.join(" / ") };
            self.scenario.fail_at(
                exit.at,
                format!("one line of JSON on stdout, with the fields of the brief, of `{}`", self.what),
                format!("{shown}, {exit}{stderr}"),
            )
        })
    }

    /// Waits for a line of the service, which the program passes on to stderr.
    pub(crate) fn passes_on(&self, words: &str) -> Moment {
        let _waiting = self.scenario.waiting(format!("`{words}` of the service on stderr"));
        loop {
            let lines = self.program.stderr();
            if let Some((at, _)) = lines.iter().find(|(_, line)| line.contains(words)) {
                return *at;
            }
            if let Some(exit) = self.program.exited() {
                let expected = format!("`{words}`, a line of the service, on stderr");
                self.scenario.fail_at(exit.at, expected, format!("no such line, {exit}"));
            }
            thread::sleep(ms(2));
        }
    }

    /// Requires that it has ended so soon after its start.
    #[track_caller]
    pub(crate) fn takes_at_most(&self, limit: Duration) {
        self.program.exit_at_most(limit, self.begun);
    }

    #[track_caller]
    pub(crate) fn leaves_nothing(&self) {
        leaks::require_no_process_left(self.scenario, &self.program);
    }
}

impl Said {
    /// The name of the fault, else of the verdict.
    fn word(&self) -> String {
        self.fault.as_ref().unwrap_or(&self.verdict).clone()
    }

    fn read(json: &JsonValue) -> Option<Self> {
        let object: &std::collections::HashMap<String, JsonValue> = json.get()?;
        let text = |name: &str| match object.get(name)? {
            JsonValue::Null => Some(None),
            JsonValue::String(text) => Some(Some(text.clone())),
            _ => None,
        };
        let number = |name: &str| match object.get(name)? {
            JsonValue::Null => Some(None),
            JsonValue::Number(number) => Some(Some(*number)),
            _ => None,
        };
        Some(Self {
            verdict: text("verdict")??,
            fault: text("fault")?,
            reason: text("reason")?,
            in_flight: number("in_flight")??,
            duration_ms: number("duration_ms")?,
        })
    }
}
