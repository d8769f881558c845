//! A program under test: its lines, signals to it, its exit and what it says of its drain.

use std::fmt::{self, Display};
use std::fs;
use std::io::{PipeWriter, Read, Write as _};
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;

use crate::scenario::Stage;
use crate::timeline::{Millis, Moment, Role};
use crate::{Scenario, ms, proc};

/// A program that floods its output is read to the end, but only this much of it is kept.
const MOST_LINES: usize = 20_000;
const LONGEST_LINE: usize = 4_096;
/// Only the first lines of a stream appear in the timeline.
const MOST_LINES_SHOWN: usize = 100;

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
    pub fn new(scenario: &'a Scenario, path: &str) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let mark = format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let mut command = Command::new(path);
        command.env("LISTEN_ADDR", "127.0.0.1:0").env("RUST_BACKTRACE", "0").env("DRAIN_PROGRAM", &mark);
        for variable in ["DRAIN_EVENTS", "DRAIN_BUDGET"] {
            command.env_remove(variable);
        }
        let name = path.rsplit('/').next().unwrap_or(path).to_owned();
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
        if std::env::var_os("DRAIN_ALONE").is_some() {
            body();
            std::process::exit(0);
        }
        let test = std::env::current_exe().expect("the path of the test binary");
        let program = Self::new(scenario, &test.to_string_lossy()).env("DRAIN_ALONE", "1");
        program.arg(scenario.test_name()).arg("--exact").arg("--nocapture").start()
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

    /// Starts the program.
    ///
    /// # Panics
    ///
    /// If it cannot be started at all; that is an error of the set-up, not of the submission.
    pub fn start(mut self) -> Running {
        let (reader, mut writer) = std::io::pipe().expect("a pipe");
        let filled = if self.stdout_full { fill(&mut writer) } else { 0 };
        self.command.stdin(if self.stdin_open { Stdio::piped() } else { Stdio::null() });
        self.command.stdout(writer).stderr(Stdio::piped());
        let stage = self.scenario.stage().clone();
        let mut child =
            self.command.spawn().unwrap_or_else(|error| panic!("cannot start {}: {error}", self.name));
        drop(self.command); // It holds our copy of the pipe's writing end.

        let pid = child.id();
        stage.started(pid, self.mark.clone());
        let stdin = child.stdin.take();
        let stderr = child.stderr.take().expect("stderr is piped");
        let state = Arc::new(State::default());
        let gate = Gate::default();
        if !self.stdout_full {
            gate.open();
        }
        let lane = self.lane;
        read(Stream::Stdout, reader, filled, gate.clone(), &state, Recorder::new(&stage, &lane));
        read(Stream::Stderr, stderr, 0, Gate::opened(), &state, Recorder::new(&stage, &lane));
        watch(child, &state, Recorder::new(&stage, &lane));
        Running { name: self.name, lane, pid, mark: self.mark, state, stage, gate, _stdin: stdin }
    }
}

/// A program under test that has been started. When its scenario ends it is killed, with all that
/// descends from it, whether the program itself still runs or not.
pub struct Running {
    name: String,
    lane: Option<String>,
    pid: u32,
    mark: String,
    state: Arc<State>,
    stage: Arc<Stage>,
    gate: Gate,
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
        let expected = "`listening on 127.0.0.1:PORT`";
        let line = self.line_that(expected, |line| line.starts_with("listening on "));
        let address = line.text.trim_start_matches("listening on ").parse();
        address
            .unwrap_or_else(|_| self.stage.fail(format!("{expected} on stdout"), format!("`{}`", line.text)))
    }

    #[track_caller]
    fn line_that(&self, what: &str, matches: impl Fn(&str) -> bool) -> Line {
        // An exit closes stdout too, a moment before it is seen.
        const PATIENCE: Duration = ms(500);
        let _waiting = self.stage.waiting(format!("{what} on the stdout of {}", self.name));
        let mut output = self.state.lock();
        loop {
            if let Some(line) = output.stdout.iter().find(|line| matches(&line.text)) {
                return line.clone();
            }
            let stdout_closed = output.stdout_closed.filter(|at| Moment::now().since(*at) > PATIENCE);
            if let (None, Some(at)) = (output.exit, stdout_closed) {
                let stderr = last_words(&output.stderr);
                drop(output);
                let observed = format!("stdout closed without it, and the program ran on{stderr}");
                self.stage.fail_at(at, format!("{what} on stdout"), observed);
            }
            if let (Some(exit), 2) = (output.exit, output.closed) {
                let stderr = last_words(&output.stderr);
                drop(output);
                self.stage.fail_at(
                    exit.at,
                    format!("{what} on stdout"),
                    format!("{exit} without it{stderr}"),
                );
            }
            output = self.state.wait(output);
        }
    }

    /// All lines that have come on standard output, with the moment of each.
    pub fn stdout(&self) -> Vec<(Moment, String)> {
        self.state.lock().stdout.iter().map(|line| (line.at, line.text.clone())).collect()
    }

    /// All lines that have come on standard error, with the moment of each.
    pub fn stderr(&self) -> Vec<(Moment, String)> {
        self.state.lock().stderr.iter().map(|line| (line.at, line.text.clone())).collect()
    }

    /// Sends a signal; the first one is the zero of the picture.
    pub fn signal(&self, signal: Signal) -> Moment {
        // Under the lock, so that the number cannot belong to somebody else by now.
        let output = self.state.lock();
        let at = match &self.lane {
            None => self.stage.timeline().anchor(signal.as_str()),
            Some(lane) => self.stage.timeline().anchor_of(lane, signal.as_str()),
        };
        if output.exit.is_none() {
            let _ = kill(Pid::from_raw(self.pid.cast_signed()), signal);
        }
        at
    }

    /// Waits until the program has exited and its output has ended.
    pub fn exit(&self) -> Exit {
        let _waiting = self.stage.waiting(format!("{} to exit", self.name));
        let mut output = self.state.lock();
        loop {
            if let Some(exit) = output.exit {
                drop(output);
                self.settle();
                return exit;
            }
            output = self.state.wait(output);
        }
    }

    /// How the program exited, if it has.
    pub fn exited(&self) -> Option<Exit> {
        self.state.lock().exit
    }

    /// Output of a program that has exited ends at once, unless a child of it holds the pipes.
    fn settle(&self) {
        let patience = Instant::now() + ms(500);
        let mut output = self.state.lock();
        while output.closed < 2 && Instant::now() < patience {
            output = self.state.wait(output);
        }
    }

    /// Waits for the exit and requires this exit code.
    #[track_caller]
    pub fn exit_with(&self, code: i32) -> Exit {
        let exit = self.exit();
        if exit.outcome != Outcome::Code(code) {
            let stderr = last_words(&self.state.lock().stderr);
            self.stage.fail_at(exit.at, format!("exit code {code}"), format!("{exit}{stderr}"));
        }
        exit
    }

    /// Waits for the exit, which must come at most `limit` after `from`; a program that does not exit at
    /// all fails two seconds later, or, on a busy machine, once the machine cannot be the reason.
    #[track_caller]
    pub fn exit_at_most(&self, limit: Duration, from: Moment) -> Exit {
        const PATIENCE: Duration = ms(2_000);
        let waiting = self.stage.waiting(format!("{} to exit", self.name));
        let exit = loop {
            let output = self.state.lock();
            if let Some(exit) = output.exit {
                break exit;
            }
            drop(self.state.wait(output));
            let now = Moment::now();
            if now > from.plus(limit + PATIENCE) && self.stage.excuse(limit, from, now).is_none() {
                let expected = self.stage.at_most_words("exit", limit, from);
                let observed = format!("still running {} after it", Millis(now.since(from)));
                self.stage.fail_at(now, expected, observed);
            }
        };
        self.settle();
        drop(waiting);
        self.stage.at_most(limit, from, exit.at, "exit");
        exit
    }

    /// Waits for the exit and reads the one line on standard error in which the drain reports itself.
    #[track_caller]
    pub fn drain_report(&self) -> DrainReport {
        let exit = self.exit();
        let stderr = self.state.lock().stderr.clone();
        let found: Vec<&Line> = stderr.iter().filter(|line| line.text.contains("drain outcome=")).collect();
        let expected = "one line `drain outcome=... duration=... abandoned=...` on stderr";
        let fail = |observed: String| self.stage.fail_at(exit.at, expected, observed);
        match found.as_slice() {
            [line] => DrainReport::parse(&line.text).unwrap_or_else(|| fail(format!("`{}`", line.text))),
            [] => fail(format!("no such line, {exit}{}", last_words(&stderr))),
            lines => fail(format!("{} such lines", lines.len())),
        }
    }

    /// Waits until the program stands in its first write to a standard output that is full
    /// ([`Program::stdout_full`]), or has exited.
    pub fn blocked_in_write(&self) {
        let _waiting = self.stage.waiting(format!("the first line of {}", self.name));
        while self.exited().is_none() && !stands_in_write(self.pid) {
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

/// What a drain said of itself: `drain outcome=complete duration=1.503s abandoned=0`.
#[derive(Clone, Debug, PartialEq)]
pub struct DrainReport {
    /// `complete`, `deadline_exceeded` or `failed`.
    pub outcome: String,
    /// From the signal to the end of the drain.
    pub duration: Duration,
    /// How many pieces of work were cut off.
    pub abandoned: u64,
}

impl DrainReport {
    /// Reads the line; `None` if it is not as the brief has it.
    pub fn parse(line: &str) -> Option<Self> {
        let field = |name: &str| {
            let (_, rest) = line.split_once(&format!("{name}="))?;
            Some(rest.split_whitespace().next()?.trim_matches(['"', ',', '}', ']']))
        };
        Some(Self {
            outcome: field("outcome")?.to_owned(),
            duration: duration(field("duration")?)?,
            abandoned: field("abandoned")?.parse().ok()?,
        })
    }
}

/// Reads `1.503s`, `250ms`, `12.5µs`, `40ns`, `2m`.
fn duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(digits);
    let seconds = match unit {
        "m" => 60.0,
        "s" => 1.0,
        "ms" => 1e-3,
        "µs" | "us" => 1e-6,
        "ns" => 1e-9,
        _ => return None,
    };
    Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()
}

#[derive(Clone, Copy)]
enum Stream {
    Stdout,
    Stderr,
}

#[derive(Clone)]
struct Line {
    at: Moment,
    text: String,
}

#[derive(Default)]
struct Output {
    stdout: Vec<Line>,
    stderr: Vec<Line>,
    /// How many of the two streams have ended.
    closed: usize,
    stdout_closed: Option<Moment>,
    exit: Option<Exit>,
}

#[derive(Default)]
struct State {
    output: Mutex<Output>,
    changed: Condvar,
}

impl State {
    fn lock(&self) -> MutexGuard<'_, Output> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, output: MutexGuard<'a, Output>) -> MutexGuard<'a, Output> {
        self.changed.wait_timeout(output, ms(100)).unwrap_or_else(PoisonError::into_inner).0
    }

    fn change(&self, change: impl FnOnce(&mut Output)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }
}

/// Holds the reader of a full pipe back until the test has done what it wants to do first.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    fn opened() -> Self {
        let gate = Self::default();
        gate.open();
        gate
    }

    fn open(&self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.1.notify_all();
    }

    fn pass(&self) {
        let open = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.0.1.wait_while(open, |open| !*open).unwrap_or_else(PoisonError::into_inner));
    }
}

/// Puts what a program does into the picture: in one lane for each stream, or all in the program's own.
struct Recorder {
    stage: Arc<Stage>,
    lane: Option<String>,
}

impl Recorder {
    fn new(stage: &Arc<Stage>, lane: &Option<String>) -> Self {
        Self { stage: stage.clone(), lane: lane.clone() }
    }

    fn record(&self, source: &str, what: &str, at: Moment) {
        let timeline = self.stage.timeline();
        match &self.lane {
            None => timeline.record(source, what.to_owned(), Role::Point, at),
            Some(lane) => timeline.record(lane, format!("{source} {what}"), Role::Point, at),
        };
    }
}

/// Reads a stream to its end on a thread of its own; `skip` bytes were put there by the test.
fn read(
    stream: Stream,
    mut source: impl Read + Send + 'static,
    mut skip: usize,
    gate: Gate,
    state: &Arc<State>,
    recorder: Recorder,
) {
    let state = state.clone();
    let stage = recorder.stage.clone();
    stage.spawn(move || {
        gate.pass();
        let mut line = Vec::new();
        let mut buffer = [0; 16 * 1024];
        while let Ok(count @ 1..) = source.read(&mut buffer) {
            let at = Moment::now();
            let skipped = skip.min(count);
            skip -= skipped;
            for &byte in &buffer[skipped..count] {
                if byte == b'\n' {
                    keep(stream, &mut line, at, &state, &recorder);
                } else if line.len() < LONGEST_LINE {
                    line.push(byte);
                }
            }
        }
        if !line.is_empty() {
            keep(stream, &mut line, Moment::now(), &state, &recorder);
        }
        state.change(|output| {
            output.closed += 1;
            if matches!(stream, Stream::Stdout) {
                output.stdout_closed = Some(Moment::now());
            }
        });
    });
}

fn keep(stream: Stream, line: &mut Vec<u8>, at: Moment, state: &State, recorder: &Recorder) {
    let text = plain(&String::from_utf8_lossy(line)).trim_end().to_owned();
    line.clear();
    state.change(|output| {
        // What is read after the exit was written before it.
        let at = output.exit.map_or(at, |exit| at.min(exit.at));
        let (lines, source) = match stream {
            Stream::Stdout => (&mut output.stdout, "stdout"),
            Stream::Stderr => (&mut output.stderr, "stderr"),
        };
        let noise = text.is_empty() || text.starts_with("note: run with `RUST_BACKTRACE");
        if lines.len() < MOST_LINES_SHOWN && !noise {
            recorder.record(source, &text, at);
        }
        if lines.len() < MOST_LINES {
            lines.push(Line { at, text });
        }
    });
}

/// A line without colours and other commands to a terminal: it is compared, and shown to somebody.
fn plain(line: &str) -> String {
    let mut plain = String::new();
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        if letter == '\u{1b}' {
            letters.by_ref().find(char::is_ascii_alphabetic);
        } else if letter == '\t' || !letter.is_control() {
            plain.push(letter);
        }
    }
    plain
}

/// Waits for the exit on a thread of its own, so that the moment is exact.
fn watch(mut child: Child, state: &Arc<State>, recorder: Recorder) {
    let state = state.clone();
    let stage = recorder.stage.clone();
    stage.spawn(move || {
        let exited = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
        while let Err(Errno::EINTR) = waitid(Id::Pid(Pid::from_raw(child.id().cast_signed())), exited) {}
        let at = Moment::now();
        recorder.stage.gone(child.id());
        let Ok(status) = child.wait() else { return };
        let exit = Exit { at, outcome: Outcome::of(status) };
        let what = match exit.outcome {
            Outcome::Code(code) => format!("code {code}"),
            Outcome::Killed(signal) => signal.to_string(),
        };
        recorder.record("exit", &what, at);
        state.change(|output| output.exit = Some(exit));
    });
}

/// `; stderr: thread 'main' panicked at …`, for a message about a program that ended too early.
fn last_words(stderr: &[Line]) -> String {
    let said = stderr.iter().map(|line| line.text.as_str());
    let words: Vec<&str> =
        said.filter(|line| !line.is_empty() && !line.starts_with("note: run with")).collect();
    let from = words.len().saturating_sub(3);
    if words.is_empty() { String::new() } else { format!("; stderr: {}", words[from..].join(" / ")) }
}

/// Fills a pipe to the brim, and says with how many bytes.
fn fill(writer: &mut PipeWriter) -> usize {
    let flags = OFlag::from_bits_truncate(fcntl(&*writer, FcntlArg::F_GETFL).expect("the flags of a pipe"));
    fcntl(&*writer, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK)).expect("a pipe can be non-blocking");
    let mut filled = 0;
    for chunk in [4096, 1] {
        while let Ok(count) = writer.write(&vec![b'\n'; chunk]) {
            filled += count;
        }
    }
    fcntl(&*writer, FcntlArg::F_SETFL(flags)).expect("a pipe can be blocking");
    filled
}

/// Whether a thread of the process stands in `write(1, …)`.
fn stands_in_write(pid: u32) -> bool {
    const WRITE: &str = if cfg!(target_arch = "aarch64") { "64 0x1 " } else { "1 0x1 " };
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return false };
    let calls = threads.flatten().filter_map(|thread| fs::read_to_string(thread.path().join("syscall")).ok());
    calls.into_iter().any(|call| call.starts_with(WRITE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secs;

    #[test]
    fn reads_a_report_whatever_a_logger_puts_around_it() {
        let line = "2026-01-01T00:00:00Z  INFO app: drain outcome=complete duration=1.503s abandoned=0";
        let expected = DrainReport { outcome: "complete".to_owned(), duration: ms(1503), abandoned: 0 };
        assert_eq!(DrainReport::parse(line), Some(expected));
        assert_eq!(DrainReport::parse("drain outcome=complete duration=soon abandoned=0"), None);
    }

    #[test]
    fn colours_are_no_part_of_a_line() {
        let line =
            "\u{1b}[2m2026\u{1b}[0m \u{1b}[32m INFO\u{1b}[0m drain \u{1b}[3moutcome\u{1b}[0m=complete\r\u{7}";
        assert_eq!(plain(line), "2026  INFO drain outcome=complete");
    }

    #[test]
    fn reads_durations_as_rust_prints_them() {
        for time in [Duration::from_nanos(40), Duration::from_micros(12), ms(250), ms(1_503), secs(75)] {
            assert_eq!(duration(&format!("{time:?}")), Some(time));
        }
    }
}
