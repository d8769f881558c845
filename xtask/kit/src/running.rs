//! A program that has been started: its lines, signals to it, and its exit.

use std::fmt::{self, Display};
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ChildStdin, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;

use crate::output::{self, Gate, Line, Output, Recorder};
use crate::report::DrainReport;
use crate::timeline::{Millis, Moment};
use crate::{Scenario, ms, proc};

/// A program under test that has been started. When its scenario ends it is killed, with all that
/// descends from it, whether the program itself still runs or not.
pub struct Running {
    pub(crate) name: String,
    pub(crate) lane: Option<String>,
    pub(crate) pid: u32,
    pub(crate) mark: String,
    pub(crate) output: Arc<Output>,
    pub(crate) scenario: Scenario,
    pub(crate) gate: Gate,
    pub(crate) signalled: AtomicBool,
    /// Open as long as this is.
    pub(crate) _stdin: Option<ChildStdin>,
}

impl Running {
    /// The process number.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Waits for the first line on standard output that reads `text`, and says when it came.
    ///
    /// Ends the scenario if the program exits without it.
    #[track_caller]
    pub fn line(&self, text: &str) -> Moment {
        self.line_that(&format!("`{text}`"), |line| line == text).at
    }

    /// Waits for the ready line `listening on 127.0.0.1:PORT`, and reads the address from it.
    #[track_caller]
    pub fn address(&self) -> SocketAddr {
        self.address_behind("listening on ")
    }

    /// Waits for the line in which a second listener says that it is ready, `metrics listening on
    /// 127.0.0.1:PORT`, and reads the address from it.
    #[track_caller]
    pub fn address_of(&self, listener: &str) -> SocketAddr {
        self.address_behind(&format!("{listener} listening on "))
    }

    #[track_caller]
    fn address_behind(&self, words: &str) -> SocketAddr {
        let expected = format!("`{words}127.0.0.1:PORT`");
        let line = self.line_that(&expected, |line| line.starts_with(words));
        let address = line.text[words.len()..].parse();
        address.unwrap_or_else(|_| {
            self.scenario.fail_at(line.at, format!("{expected} on stdout"), format!("`{}`", line.text))
        })
    }

    #[track_caller]
    fn line_that(&self, what: &str, matches: impl Fn(&str) -> bool) -> Line {
        self.lines_that(1, what, matches).remove(0)
    }

    #[track_caller]
    fn lines_that(&self, count: usize, what: &str, matches: impl Fn(&str) -> bool) -> Vec<Line> {
        let _waiting = self.scenario.waiting(format!("{what} on the stdout of {}", self.name));
        let mut printed = self.output.lock();
        loop {
            let found: Vec<&Line> =
                printed.stdout.iter().filter(|line| matches(&line.text)).take(count).collect();
            if found.len() == count {
                return found.into_iter().cloned().collect();
            }
            if let Some((at, observed)) = self.output.over(&printed) {
                let stderr = printed.last_words();
                drop(printed);
                self.scenario.fail_at(at, format!("{what} on stdout"), format!("{observed}{stderr}"));
            }
            printed = self.output.wait(printed);
        }
    }

    /// All lines that have come on standard output, with the moment of each.
    pub fn stdout(&self) -> Vec<(Moment, String)> {
        self.output.lock().stdout.iter().map(|line| (line.at, line.text.clone())).collect()
    }

    /// All lines that have come on standard error, with the moment of each.
    pub fn stderr(&self) -> Vec<(Moment, String)> {
        self.output.lock().stderr.iter().map(|line| (line.at, line.text.clone())).collect()
    }

    /// Waits until so many lines on standard output read `text`, and says when each came.
    ///
    /// Ends the scenario if the program exits without them.
    #[track_caller]
    pub fn lines(&self, count: usize, text: &str) -> Vec<Moment> {
        let lines = self.lines_that(count, &format!("{count} times `{text}`"), |line| line == text);
        lines.into_iter().map(|line| line.at).collect()
    }

    /// Waits for the first line on standard output that reads `text`, as [`Running::line`] does, and fails if
    /// it came before `moment`: what a signal brings about comes after it.
    #[track_caller]
    pub fn line_after(&self, moment: Moment, text: &str) -> Moment {
        let at = self.line(text);
        if at < moment {
            let expected = format!("`{text}` on stdout, not before it is asked for");
            self.scenario.fail_at(at, expected, format!("{} before that", Millis(moment.since(at))));
        }
        at
    }

    /// Requires that the program runs on for this long, without being told to stop.
    #[track_caller]
    pub fn runs_on_for(&self, time: Duration) {
        let until = Moment::now().plus(time);
        while Moment::now() < until {
            if let Some(exit) = self.exited() {
                self.scenario.fail_at(exit.at, format!("{} running until a signal comes", self.name), exit);
            }
            thread::sleep(ms(5));
        }
    }

    /// Sends a signal; the first one is the zero of the picture. Fails if there has been an exit before it:
    /// then whatever the program does is no answer to a signal.
    #[track_caller]
    pub fn signal(&self, signal: Signal) -> Moment {
        // Under the lock, so that the number cannot belong to somebody else by now.
        let output = self.output.lock();
        let first = !self.signalled.swap(true, Ordering::SeqCst);
        if let Some(exit) = output.exit.filter(|_| first) {
            drop(output);
            let expected = format!("{} running until it gets {}", self.name, signal.as_str());
            self.scenario.fail_at(exit.at, expected, format!("{exit} before that"));
        }
        let at = match &self.lane {
            None => self.scenario.timeline().anchor(signal.as_str()),
            Some(lane) => self.scenario.timeline().anchor_of(lane, signal.as_str()),
        };
        if output.exit.is_none() {
            let _ = kill(Pid::from_raw(self.pid.cast_signed()), signal);
        }
        at
    }

    /// Does this while the program stands still, with SIGSTOP: it finds all of it at once when it goes on.
    pub fn standing_still<T>(&self, body: impl FnOnce() -> T) -> T {
        let _waiting = self.scenario.waiting(format!("{} to stand still", self.name));
        let tell = |signal| kill(Pid::from_raw(self.pid.cast_signed()), signal);
        let _ = tell(Signal::SIGSTOP);
        while !proc::stands_still(self.pid) {
            thread::sleep(ms(1));
        }
        let done = body();
        let _ = tell(Signal::SIGCONT);
        done
    }

    /// Waits until the program has exited and its output has ended.
    pub fn exit(&self) -> Exit {
        let _waiting = self.scenario.waiting(format!("{} to exit", self.name));
        let mut output = self.output.lock();
        loop {
            if let Some(exit) = output.exit {
                drop(output);
                self.output.settle();
                return exit;
            }
            output = self.output.wait(output);
        }
    }

    /// How the program exited, if it has.
    pub fn exited(&self) -> Option<Exit> {
        self.output.lock().exit
    }

    /// Waits for the exit and requires this exit code.
    #[track_caller]
    pub fn exit_with(&self, code: i32) -> Exit {
        let exit = self.exit();
        if exit.outcome != Outcome::Code(code) {
            let stderr = self.output.lock().last_words();
            self.scenario.fail_at(exit.at, format!("exit code {code}"), format!("{exit}{stderr}"));
        }
        exit
    }

    /// Waits for the exit, which must come at most `limit` after `from`; a program that does not exit at
    /// all fails two seconds later, or, on a busy machine, once the machine cannot be the reason.
    #[track_caller]
    pub fn exit_at_most(&self, limit: Duration, from: Moment) -> Exit {
        const PATIENCE: Duration = ms(2_000);
        let waiting = self.scenario.waiting(format!("{} to exit", self.name));
        let exit = loop {
            let output = self.output.lock();
            if let Some(exit) = output.exit {
                break exit;
            }
            drop(self.output.wait(output));
            let now = Moment::now();
            if now > from.plus(limit + PATIENCE) && self.scenario.excuse(limit, from, now).is_none() {
                let expected = self.scenario.at_most_words("exit", limit, from);
                let observed = format!("still running {} after it", Millis(now.since(from)));
                self.scenario.fail_at(now, expected, observed);
            }
        };
        self.output.settle();
        drop(waiting);
        self.scenario.at_most(limit, from, exit.at, "exit");
        exit
    }

    /// Waits for the exit and reads the one line on standard error in which the drain reports itself.
    #[track_caller]
    pub fn drain_report(&self) -> DrainReport {
        let exit = self.exit();
        let printed = self.output.lock();
        let stderr = printed.last_words();
        let found: Vec<Line> =
            printed.stderr.iter().filter(|line| line.text.contains("drain outcome=")).cloned().collect();
        drop(printed);
        let expected = "one line `drain outcome=... duration=... abandoned=...` on stderr";
        let fail = |observed: String| self.scenario.fail_at(exit.at, expected, observed);
        match found.as_slice() {
            [line] => DrainReport::parse(&line.text).unwrap_or_else(|| fail(format!("`{}`", line.text))),
            [] => fail(format!("no such line, {exit}{stderr}")),
            lines => fail(format!("{} such lines", lines.len())),
        }
    }

    /// Waits for the exit, and requires that the drain has reported itself once, with this outcome and so
    /// much abandoned.
    #[track_caller]
    pub fn require_report(&self, outcome: &str, abandoned: u64) -> DrainReport {
        let report = self.drain_report();
        self.scenario.require(
            report.outcome == outcome && report.abandoned == abandoned,
            format!("outcome={outcome} abandoned={abandoned} on stderr"),
            format!("outcome={} abandoned={}", report.outcome, report.abandoned),
        );
        report
    }

    /// Requires that the program leaves at its deadline, `budget` after `signal`, with code 1: not more than
    /// 50 ms before it and 500 ms after it.
    #[track_caller]
    pub fn exit_at_the_deadline(&self, budget: Duration, signal: Moment) -> Exit {
        let exit = self.exit_at_most(budget + ms(2_000), signal);
        let took = exit.at.since(signal);
        if exit.outcome != Outcome::Code(1) || took + ms(50) < budget {
            self.scenario.fail_at(
                exit.at,
                format!("exit code 1, {budget:?} after the signal: at the deadline, with work in flight"),
                format!("{exit}, {took:.1?} after it"),
            );
        }
        self.scenario.at_most(budget + ms(500), signal, exit.at, "exit");
        exit
    }

    /// Waits until the program stands in its first write to a standard output that is full
    /// ([`Program::stdout_full`](crate::Program::stdout_full)), or has exited.
    pub fn blocked_in_write(&self) {
        let _waiting = self.scenario.waiting(format!("the first line of {}", self.name));
        while self.exited().is_none() && !output::stands_in_write(self.pid) {
            thread::sleep(ms(1));
        }
    }

    /// Fills a standard error that nobody reads ([`Program::stderr_unread`](crate::Program::stderr_unread)): the
    /// next write to it blocks until [`Running::read_on`].
    pub fn fill_stderr(&self) {
        output::fill_stderr(self.pid);
    }

    /// Begins to read what was full, or not read.
    pub fn read_on(&self) {
        self.gate.open();
    }

    /// How many threads the program has now.
    pub fn threads(&self) -> usize {
        proc::threads(self.pid)
    }

    /// How many file descriptors the program holds now.
    pub fn descriptors(&self) -> usize {
        proc::descriptors(self.pid)
    }

    /// The names of the child processes that the program has now.
    pub fn children(&self) -> Vec<String> {
        proc::tree(self.pid).into_iter().skip(1).map(proc::name).collect()
    }

    /// The names of the processes that descend from the program and run now, whoever their parent is
    /// by now: after the exit, those that it has left behind. A process that was started with an
    /// empty environment is not seen.
    pub fn descendants(&self) -> Vec<String> {
        let found = proc::with_environment(std::slice::from_ref(&self.mark));
        found.into_iter().filter(|pid| *pid != self.pid).map(proc::name).collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A reader that was never let on would keep the pipe, and so a blocked program, for ever.
        self.gate.open();
    }
}

/// How a program ended, and when.
#[derive(Clone, Copy, Debug)]
pub struct Exit {
    /// When the exit was seen.
    pub at: Moment,
    /// How it ended.
    pub outcome: Outcome,
}

impl Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.outcome.fmt(f)
    }
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It exited with this code.
    Code(i32),
    /// This signal killed it.
    Killed(Signal),
}

impl Outcome {
    fn of(status: ExitStatus) -> Self {
        let signal = status.signal().and_then(|number| Signal::try_from(number).ok());
        signal.map_or_else(|| Self::Code(status.code().unwrap_or(-1)), Self::Killed)
    }
}

impl Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Killed(signal) => write!(f, "killed by {}", signal.as_str()),
        }
    }
}

/// Waits for the exit on a thread of its own, so that the moment is exact.
pub(crate) fn watch(mut child: Child, output: &Arc<Output>, recorder: Recorder) {
    let output = output.clone();
    let scenario = recorder.scenario.share();
    scenario.spawn(move || {
        let exited = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
        // A stop of a traced thread is no exit: see `hold` and `calls`.
        while let Err(Errno::EINTR)
        | Ok(WaitStatus::Stopped(..) | WaitStatus::PtraceEvent(..) | WaitStatus::PtraceSyscall(_)) =
            waitid(Id::Pid(Pid::from_raw(child.id().cast_signed())), exited)
        {
            thread::sleep(ms(1));
        }
        let at = Moment::now();
        recorder.scenario.gone(child.id());
        let Ok(status) = child.wait() else { return };
        let exit = Exit { at, outcome: Outcome::of(status) };
        let what = match exit.outcome {
            Outcome::Code(code) => format!("code {code}"),
            Outcome::Killed(signal) => signal.to_string(),
        };
        recorder.record("exit", &what, at);
        output.exited(exit);
    });
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;
    use crate::Program;

    fn shell(scenario: &Scenario, script: &str) -> Running {
        Program::new(scenario, "/bin/sh").arg("-c").arg(script).start()
    }

    fn told(test: impl FnOnce()) -> String {
        *catch_unwind(AssertUnwindSafe(test)).unwrap_err().downcast().unwrap()
    }

    #[test]
    fn an_exit_is_told_though_a_child_holds_the_output() {
        let scenario = Scenario::new();
        let program = shell(&scenario, "sleep 60 & echo draining now; exit 3");
        let told = told(|| _ = program.line("draining"));
        assert!(told.contains("exit code 3 without it"), "{told}");
        assert!(told.contains("held open by sleep (process "), "{told}");
    }

    #[test]
    fn a_line_that_is_there_is_found_though_a_child_holds_the_output() {
        let scenario = Scenario::new();
        let program = shell(&scenario, "sleep 60 & echo draining");
        program.exit_with(0);
        program.line("draining");
    }

    #[test]
    fn a_program_that_ends_by_itself_has_not_heard_a_signal() {
        let scenario = Scenario::new();
        let program = shell(&scenario, "echo running; echo draining");
        program.line("draining");
        let told_of_running = told(|| program.runs_on_for(ms(5_000)));
        assert!(told_of_running.contains("exit code 0"), "{told_of_running}");
        let told_of_signal = told(|| _ = program.signal(Signal::SIGTERM));
        assert!(told_of_signal.contains("running until it gets SIGTERM"), "{told_of_signal}");
        let told_of_line = told(|| _ = program.line_after(Moment::now(), "draining"));
        assert!(told_of_line.contains("not before it is asked for"), "{told_of_line}");
    }

    #[test]
    fn a_second_listener_has_an_address_of_its_own() {
        let scenario = Scenario::new();
        let program =
            shell(&scenario, "echo metrics listening on 127.0.0.1:2; echo listening on 127.0.0.1:1; cat");
        assert_eq!(program.address().port(), 1);
        assert_eq!(program.address_of("metrics").port(), 2);
        let told = told(|| _ = program.address_of("admin"));
        assert!(told.contains("`admin listening on 127.0.0.1:PORT`"), "{told}");
    }
}
