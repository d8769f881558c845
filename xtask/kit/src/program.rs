//! A program under test: its lines, signals to it, its exit and what it says of its drain.

use std::fmt::{self, Display};
use std::io;
use std::net::SocketAddr;
use std::os::unix::process::{ExitStatusExt as _, parent_id};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;

use crate::output::{self, Gate, Line, Output, Recorder, Stream};
use crate::report::DrainReport;
use crate::timeline::{Millis, Moment};
use crate::{Scenario, descriptors, ms, proc, signals};

/// Set for a process that is one test once more, to the number of the test's own: the process number of
/// its parent, so that nobody has it by inheritance.
const ALONE: &str = "DRAIN_ALONE";

/// A program under test, not started yet.
///
/// It gets an environment without the runner's variables, `LISTEN_ADDR=127.0.0.1:0` unless the test
/// says otherwise (the port is read from its ready line), and a mark in `DRAIN_PROGRAM`, by which
/// processes that it leaves behind are found.
pub struct Program<'a> {
    scenario: &'a Scenario,
    command: Command,
    name: String,
    lane: Option<String>,
    mark: String,
    stdin_open: bool,
    stdout_full: bool,
}

impl<'a> Program<'a> {
    /// The program at `path`, usually [`program!()`](crate::program!).
    pub fn new(scenario: &'a Scenario, path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let mark = format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let mut command = Command::new(path);
        command.env("LISTEN_ADDR", "127.0.0.1:0").env("RUST_BACKTRACE", "0").env("DRAIN_PROGRAM", &mark);
        for variable in ["DRAIN_EVENTS", "DRAIN_BUDGET", ALONE] {
            command.env_remove(variable);
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mark = format!("DRAIN_PROGRAM={mark}");
        Self { scenario, command, name, lane: None, mark, stdin_open: false, stdout_full: false }
    }

    /// This very test in a process of its own, to see what a library prints on stderr: there `body`
    /// runs and the process exits with code 0; here the process is returned. The first thing that a
    /// test calls after [`Scenario::new`].
    ///
    /// The test is a plain `#[test]`, and `body` builds its own runtime: it must not run inside another.
    ///
    /// ```no_run
    /// # use drain_kit::{Program, Scenario};
    /// # let scenario = Scenario::new();
    /// let program = Program::alone(&scenario, || {
    ///     let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    ///     runtime.expect("a runtime").block_on(async {
    ///         // Start what is under test, and drain it.
    ///     });
    /// });
    /// program.exit_with(0);
    /// let report = program.drain_report();
    /// ```
    pub fn alone(scenario: &'a Scenario, body: impl FnOnce()) -> Running {
        if std::env::var(ALONE).is_ok_and(|parent| parent == parent_id().to_string()) {
            body();
            std::process::exit(0);
        }
        let test = std::env::current_exe().expect("the path of the test binary");
        let program = Self::new(scenario, test).env(ALONE, &std::process::id().to_string());
        program.arg(scenario.test_name()).arg("--exact").arg("--nocapture").start()
    }

    /// A library's drain in a process of its own, see [`Program::alone`]: `drain` begins it and ends it, in
    /// a runtime with so many threads, and returns how long it took. Returns the process, and that.
    ///
    /// A drain that hangs fails the scenario: so it is told from one that is silent.
    #[track_caller]
    pub fn measured(
        scenario: &'a Scenario,
        threads: usize,
        drain: impl AsyncFnOnce() -> Duration,
    ) -> (Running, Duration) {
        const PATIENCE: Duration = ms(7_000);
        let program = Self::alone(scenario, || {
            let mut runtime = match threads {
                1 => tokio::runtime::Builder::new_current_thread(),
                _ => tokio::runtime::Builder::new_multi_thread(),
            };
            let runtime = runtime.worker_threads(threads).enable_all().build().expect("a runtime");
            let measured = async { println!("\nmeasured {}", drain().await.as_nanos()) };
            let _ = runtime.block_on(async { tokio::time::timeout(PATIENCE, measured).await });
        });
        let exit = program.exit();
        let lines = program.stdout();
        let measured = lines.iter().find_map(|(_, line)| line.strip_prefix("measured ")?.parse().ok());
        if measured.is_none() && exit.outcome == Outcome::Code(0) {
            scenario
                .fail("a drain that returns", format!("it had not, {} after the start", Millis(PATIENCE)));
        }
        (program, Duration::from_nanos(measured.unwrap_or_default()))
    }

    /// Gives the program a lane of its own in the picture, `program 3`: where a test starts several,
    /// a failure then shows the one that failed, with its own signal as zero.
    pub fn called(mut self, lane: &str) -> Self {
        self.lane = Some(lane.to_owned());
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Adds an argument.
    pub fn arg(mut self, argument: &str) -> Self {
        self.command.arg(argument);
        self
    }

    /// Keeps standard input open and silent, as a terminal does. Without this it is `/dev/null`.
    pub fn stdin_open(mut self) -> Self {
        self.stdin_open = true;
        self
    }

    /// Gives the program a standard output that is already full: its first write blocks until
    /// [`Running::read_on`]. So a signal can be sent before the program gets past that write.
    pub fn stdout_full(mut self) -> Self {
        self.stdout_full = true;
        self
    }

    /// Starts the program, as a shell would: no signal blocked or ignored, and no more open files than the
    /// test itself was given.
    ///
    /// # Panics
    ///
    /// If it cannot be started at all; that is an error of the set-up, not of the submission.
    #[track_caller]
    pub fn start(mut self) -> Running {
        let scenario = self.scenario.share();
        let (stdout, mut to_stdout) = io::pipe().unwrap_or_else(|error| self.cannot_start(&error));
        let (stderr, to_stderr) = io::pipe().unwrap_or_else(|error| self.cannot_start(&error));
        descriptors::require_room_beyond(&scenario, &to_stderr);
        let filled = if self.stdout_full { output::fill(&mut to_stdout) } else { 0 };
        self.command.stdin(if self.stdin_open { Stdio::piped() } else { Stdio::null() });
        self.command.stdout(to_stdout).stderr(to_stderr);
        let spawned = signals::with_none_blocked(|| descriptors::as_given(|| self.command.spawn()));
        let mut child = spawned.unwrap_or_else(|error| self.cannot_start(&error));
        drop(self.command); // It holds our copies of the pipes' writing ends.

        let pid = child.id();
        scenario.started(pid, self.mark.clone());
        let stdin = child.stdin.take();
        let output = Output::new(stdout, stderr);
        let gate = if self.stdout_full { Gate::default() } else { Gate::opened() };
        let lane = self.lane;
        output.read(Stream::Stdout, filled, gate.clone(), Recorder::new(&scenario, &lane));
        output.read(Stream::Stderr, 0, Gate::opened(), Recorder::new(&scenario, &lane));
        watch(child, &output, Recorder::new(&scenario, &lane));
        Running {
            name: self.name,
            lane,
            pid,
            mark: self.mark,
            output,
            scenario,
            gate,
            signalled: AtomicBool::new(false),
            _stdin: stdin,
        }
    }
}

impl Program<'_> {
    /// Requires that the program, started with this value of a variable, refuses it: one line on standard
    /// error that names both, nothing on standard output, exit code 2.
    #[track_caller]
    pub fn require_refused(self, variable: &str, value: &str) {
        let scenario = self.scenario;
        scenario.timeline().mark("start", format!("{variable}={value}"));
        let program = self.env(variable, value).start();
        let _waiting = scenario.waiting(format!("the program to refuse {variable}={value}"));
        let require_silence = || {
            let printed =
                program.output.lock().stdout.iter().map(|line| line.text.clone()).collect::<Vec<_>>();
            let expected = format!("{variable}={value}: exit code 2, and nothing on stdout");
            scenario.require(printed.is_empty(), expected, format!("`{}`", printed.join(" / ")));
        };
        while program.exited().is_none() {
            require_silence();
            thread::sleep(ms(2));
        }
        program.exit_with(2);
        require_silence();
        let told = program.stderr().into_iter().map(|(_, line)| line).filter(|line| !line.is_empty());
        let told: Vec<String> = told.collect();
        scenario.require(
            told.len() == 1 && told[0].contains(variable) && told[0].contains(value),
            format!("one line on stderr that names {variable} and `{value}`"),
            if told.is_empty() { "nothing".to_owned() } else { told.join(" / ") },
        );
    }

    #[track_caller]
    fn cannot_start(&self, error: &io::Error) -> ! {
        let what = format!("cannot start {}: {error}", self.name);
        match error.raw_os_error().map(Errno::from_raw) {
            Some(Errno::ENOENT | Errno::EACCES | Errno::ENOEXEC) => panic!("{what}"),
            // What the machine does not grant.
            _ => self.scenario.unknown(what),
        }
    }
}

/// A program under test that has been started. When its scenario ends it is killed, with all that
/// descends from it, whether the program itself still runs or not.
pub struct Running {
    name: String,
    lane: Option<String>,
    pid: u32,
    mark: String,
    output: Arc<Output>,
    scenario: Scenario,
    gate: Gate,
    signalled: AtomicBool,
    _stdin: Option<ChildStdin>,
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
        let _waiting = self.scenario.waiting(format!("{what} on the stdout of {}", self.name));
        let mut printed = self.output.lock();
        loop {
            if let Some(line) = printed.stdout.iter().find(|line| matches(&line.text)) {
                return line.clone();
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
    /// ([`Program::stdout_full`]), or has exited.
    pub fn blocked_in_write(&self) {
        let _waiting = self.scenario.waiting(format!("the first line of {}", self.name));
        while self.exited().is_none() && !output::stands_in_write(self.pid) {
            thread::sleep(ms(1));
        }
    }

    /// Begins to read a standard output that was full.
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
fn watch(mut child: Child, output: &Arc<Output>, recorder: Recorder) {
    let output = output.clone();
    let scenario = recorder.scenario.share();
    scenario.spawn(move || {
        let exited = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
        while let Err(Errno::EINTR) = waitid(Id::Pid(Pid::from_raw(child.id().cast_signed())), exited) {}
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

/// The path of a binary of the crate under test. For [`program!`](crate::program!), which knows what cargo
/// said when it compiled the test; that gets lost where `rustc` is started through a shell that drops
/// variables with a hyphen in their name. Then it is what cargo or the runner say now, or lies where cargo
/// puts binaries.
#[doc(hidden)]
pub fn program_at(name: &str, compiled: Option<&str>) -> PathBuf {
    if let Some(path) = compiled {
        return path.into();
    }
    if let Some(path) = std::env::var_os(format!("CARGO_BIN_EXE_{name}")) {
        return path.into();
    }
    let test = std::env::current_exe().expect("the path of the test binary");
    let target = test.parent().and_then(Path::parent).expect("a test binary lies in target/debug/deps");
    target.join(name)
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

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

    #[test]
    fn a_program_is_found_where_cargo_puts_it() {
        assert_eq!(program_at("task-01", Some("/target/debug/task-01")), Path::new("/target/debug/task-01"));
        let test = std::env::current_exe().unwrap();
        let beside = test.ancestors().nth(2).unwrap().join("task-01");
        assert_eq!(program_at("task-01", None), beside);
    }
}
