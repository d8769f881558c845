//! The program under test: a server that is asked, and a heartbeat whose file is read.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use drain_kit::{
    Client, Cut, Exit, Moment, Outcome, Program, Running, Scenario, Signal, ms, program, secs, shown,
};

/// How long `/slow` takes.
pub(crate) const SLOW: Duration = secs(2);
/// How long a client waits for a response: longer than any drain here may take.
pub(crate) const PATIENCE: Duration = secs(6);

/// A folder with the file of a heartbeat in it.
pub(crate) struct Heart {
    folder: PathBuf,
}

impl Heart {
    /// A new folder. What the file holds before the program starts stays in it.
    pub(crate) fn new(before: &str) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("drain-heart-{}-{number}", std::process::id()));
        let heart = Self { folder };
        heart.remove();
        fs::create_dir_all(&heart.folder).expect("a folder below the temporary one");
        if !before.is_empty() {
            fs::write(heart.file(), before).expect("a file in our own folder");
        }
        heart
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.join("heartbeat")
    }

    /// Its lines; those that are written, whole.
    pub(crate) fn lines(&self) -> Vec<String> {
        let text = fs::read_to_string(self.file()).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Takes the folder away, with the file in it, in one step: the next line cannot be written.
    pub(crate) fn take_away(&self, scenario: &Scenario) -> Moment {
        fs::rename(&self.folder, self.elsewhere()).expect("a folder of our own");
        scenario.timeline().anchor("the folder is gone")
    }

    fn elsewhere(&self) -> PathBuf {
        self.folder.with_extension("gone")
    }

    fn remove(&self) {
        for folder in [&self.folder, &self.elsewhere()] {
            let _ = fs::remove_dir_all(folder);
        }
    }
}

impl Drop for Heart {
    fn drop(&mut self) {
        self.remove();
    }
}

/// The program under test, and what a test asks of it.
pub(crate) struct Service<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) program: Running,
    pub(crate) address: SocketAddr,
    pub(crate) heart: Heart,
}

impl<'a> Service<'a> {
    /// Starts the program with this budget and this tick, and waits until it is ready.
    #[track_caller]
    pub(crate) fn start(scenario: &'a Scenario, budget: &str, tick: &str) -> Self {
        let heart = Heart::new("");
        let program = Self::program(scenario, &heart, budget, tick).start();
        let address = program.address();
        Self { scenario, program, address, heart }
    }

    pub(crate) fn program(scenario: &'a Scenario, heart: &Heart, budget: &str, tick: &str) -> Program<'a> {
        let file = heart.file();
        let program = Program::new(scenario, program!()).env("DRAIN_BUDGET", budget);
        program.env("HEARTBEAT_TICK", tick).env("HEARTBEAT_FILE", file)
    }

    pub(crate) fn signal(&self, signal: Signal) -> Moment {
        self.program.signal(signal)
    }

    pub(crate) fn connect(&self, number: usize) -> Client {
        Client::connected(self.scenario, &format!("client {number}"), self.address)
    }

    /// Asks on a new connection while the window of the server lasts, and requires this status. The window
    /// lasts for so long, at the least, from what began the drain on.
    #[track_caller]
    pub(crate) fn ask_in_the_window(&self, path: &str, status: u16, window: Duration, from: Moment) {
        let asked = Moment::now();
        let outcome = Client::connect(self.scenario, "probe", self.address)
            .and_then(|mut client| client.get(path, PATIENCE));
        if outcome.as_ref().is_ok_and(|response| response.status == status) {
            return;
        }
        let expected =
            format!("GET {path} on a new connection, {}: {status}", self.scenario.timeline().when(asked));
        self.fail_before(window, from, &expected, &shown(&outcome));
    }

    /// Fails; or is unknown, if by now it is too late for what was to be seen, and the machine may have made it so.
    #[track_caller]
    fn fail_before(&self, limit: Duration, from: Moment, expected: &str, observed: &str) -> ! {
        let now = Moment::now();
        if now > from.plus(limit) {
            self.scenario.too_late(limit, from, now, expected, observed);
        }
        self.scenario.fail_at(now, expected, observed)
    }

    /// Asks `/ready` on new connections until it says 503: the server drains. That has to be so within
    /// `limit` of what began the drain. Says when it was seen.
    #[track_caller]
    pub(crate) fn drains_within(&self, limit: Duration, from: Moment) -> Moment {
        let _waiting = self.scenario.waiting("503 from GET /ready");
        let expected = format!("GET /ready: 503 within {limit:?}, when the drain has begun");
        // Asked for longer than that, so that a busy machine does not excuse one that never drains.
        let give_up = from.plus(limit * 2 + secs(1));
        loop {
            let asked = Moment::now();
            let outcome = Client::connect(self.scenario, "probe", self.address)
                .and_then(|mut client| client.get("/ready", PATIENCE));
            match outcome.as_ref().map(|response| response.status) {
                Ok(503) => {
                    self.scenario.at_most(limit, from, asked, "503 from GET /ready");
                    return Moment::now();
                }
                Ok(200) if asked < give_up => thread::sleep(ms(10)),
                Ok(200) => self.scenario.too_late(limit, from, asked, &expected, "200"),
                _ => self.fail_before(limit, from, &expected, &shown(&outcome)),
            }
        }
    }

    /// Requires that a new connection is refused now, with a `/slow` in flight that was sent at this moment.
    #[track_caller]
    pub(crate) fn require_refused(&self, sent: Moment) {
        let asked = Moment::now();
        let cut = Client::connect(self.scenario, "client 2", self.address).err();
        self.scenario.require(
            cut == Some(Cut::Refused),
            format!(
                "new connections refused when the window is over, {}",
                self.scenario.timeline().when(asked)
            ),
            cut.map_or_else(|| "accepted".to_owned(), |cut| cut.to_string()),
        );
        self.require_in_flight(sent, Duration::ZERO);
    }

    /// Waits for `stopped` in the file, which has to be there within 500 ms of this moment.
    #[track_caller]
    pub(crate) fn stopped_within_500_ms(&self, from: Moment) {
        let _waiting = self.scenario.waiting("`stopped` in the file of the heartbeat");
        let lines = self
            .wait_for_line(from.plus(secs(3)), |lines| lines.last().is_some_and(|line| line == "stopped"));
        let seen = Moment::now();
        self.scenario.timeline().mark("heartbeat", format!("`{}`", lines.last().map_or("", String::as_str)));
        self.scenario.at_most(ms(500), from, seen, "`stopped` in the file of the heartbeat");
        self.require_stopped_once();
    }

    /// Requires that `stopped` is the last line, and the only one of its kind.
    #[track_caller]
    pub(crate) fn require_stopped_once(&self) {
        let lines = self.heart.lines();
        let stopped = lines.iter().filter(|line| *line == "stopped").count();
        self.scenario.require(
            stopped == 1 && lines.last().is_some_and(|line| line == "stopped"),
            "`stopped` in the file once, as its last line",
            format!("{stopped} times, and the last line is `{}`", lines.last().map_or("", String::as_str)),
        );
    }

    /// Waits until the lines of the file are as wanted, or until then.
    pub(crate) fn wait_for_line(&self, until: Moment, wanted: impl Fn(&[String]) -> bool) -> Vec<String> {
        loop {
            let lines = self.heart.lines();
            if wanted(&lines) || Moment::now() > until {
                return lines;
            }
            thread::sleep(ms(2));
        }
    }

    /// Requires that a `/slow` that was sent at this moment is in flight now, and for so long from now on.
    #[track_caller]
    pub(crate) fn require_in_flight(&self, sent: Moment, still_for: Duration) {
        self.scenario.at_most(SLOW - still_for, sent, Moment::now(), "this moment, with `/slow` in flight,");
    }

    /// With a `/slow` in flight that was sent at this moment the program leaves a budget after what began the drain,
    /// with code 1.
    #[track_caller]
    pub(crate) fn exit_at_the_deadline(&self, budget: Duration, begun: Moment, sent: Moment) -> Exit {
        let exit = self.program.exit_at_most(budget + secs(2), begun);
        let (deadline, took) = (begun.plus(budget), exit.at.since(begun));
        if exit.outcome != Outcome::Code(1) || took + ms(50) < budget {
            let expected = format!(
                "exit code 1, {budget:?} after the drain began: at the deadline, with `/slow` in flight"
            );
            let observed = format!("{exit}, {took:.1?} after it");
            // A program that stood still from the deadline on until it had an answer has one to send.
            let (answerable, since) = (sent.plus(SLOW), exit.at.since(sent.plus(SLOW)));
            if exit.at >= answerable && self.scenario.too_busy(since, deadline, exit.at) {
                self.scenario.too_late(since, deadline, exit.at, &expected, &observed);
            }
            self.scenario.fail_at(exit.at, expected, observed);
        }
        exit
    }

    /// Requires that stderr names the failure of this component, in one line, and no other; after the exit.
    #[track_caller]
    pub(crate) fn require_failure_named(&self, component: &str) {
        let said: Vec<String> = self.program.stderr().into_iter().map(|(_, line)| line).collect();
        let is_failure = |line: &&String| line.starts_with("heartbeat: ") || line.starts_with("server: ");
        let named: Vec<&str> = said.iter().filter(is_failure).map(String::as_str).collect();
        self.scenario.require(
            named.len() == 1 && named[0].starts_with(&format!("{component}: ")),
            format!("one line on stderr that begins with `{component}: `, and none of another failure"),
            if named.is_empty() { said.join(" / ") } else { named.join(" / ") },
        );
    }

    /// Requires this report: what it says, and who was cut off.
    #[track_caller]
    pub(crate) fn require_report(&self, outcome: &str, cut_off: Option<&str>) -> Duration {
        let report = self.program.require_report(outcome, cut_off.iter().count() as u64);
        let line = self.program.stderr().into_iter().map(|(_, line)| line);
        let line = line.filter(|line| line.contains("drain outcome=")).collect::<String>();
        let named = line.split_once("cut_off=").map(|(_, names)| names.trim_end());
        self.scenario.require(
            named == cut_off,
            cut_off.map_or("no cut_off= in the report".to_owned(), |names| {
                format!("cut_off={names} at the end of the report")
            }),
            format!("`{line}`"),
        );
        report.duration
    }
}
