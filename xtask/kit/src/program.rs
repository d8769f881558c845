//! A program under test, and how it is started.

use std::ffi::OsStr;
use std::io;
use std::net::TcpListener;
use std::os::fd::AsRawFd as _;
use std::os::unix::process::parent_id;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use drain_record::{Entry, Failed};
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockProtocol, SockType, SockaddrIn, bind, setsockopt, socket, sockopt,
};

use crate::output::{self, Gate, Output, Recorder, Stream};
use crate::running::{self, Outcome, Running};
use crate::timeline::Millis;
use crate::{Scenario, descriptors, ms, signals, wire};

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
    pub(crate) command: Command,
    name: String,
    lane: Option<String>,
    mark: String,
    pub(crate) stdin_open: bool,
    /// Bytes that standard output takes before it is full, if it is not read at first.
    stdout_takes: Option<usize>,
    stderr_unread: bool,
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
        Self {
            scenario,
            command,
            name,
            lane: None,
            mark,
            stdin_open: false,
            stdout_takes: None,
            stderr_unread: false,
        }
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
        let program = Self::new(scenario, test).env(ALONE, std::process::id().to_string());
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
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
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
        self.stdout_takes = Some(0);
        self
    }

    /// Gives the program a standard output that is full once it has taken this line: the write after it
    /// blocks until [`Running::read_on`].
    pub fn stdout_full_after(mut self, line: &str) -> Self {
        self.stdout_takes = Some(line.len() + 1);
        self
    }

    /// Leaves standard error unread until [`Running::read_on`]: there is room for what a program says at its start,
    /// and [`Running::fill_stderr`] leaves none.
    pub fn stderr_unread(mut self) -> Self {
        self.stderr_unread = true;
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
        let filled = self.stdout_takes.map_or(0, |takes| output::fill(&mut to_stdout, takes));
        self.command.stdin(if self.stdin_open { Stdio::piped() } else { Stdio::null() });
        self.command.stdout(to_stdout).stderr(to_stderr);
        let spawned = signals::with_none_blocked(|| descriptors::as_given(|| self.command.spawn()));
        let mut child = spawned.unwrap_or_else(|error| self.cannot_start(&error));
        drop(self.command); // It holds our copies of the pipes' writing ends.

        let pid = child.id();
        scenario.started(pid, self.mark.clone());
        let stdin = child.stdin.take();
        let output = Output::new(stdout, stderr);
        let gate = Gate::default();
        let held_back = |is: bool| if is { gate.clone() } else { Gate::opened() };
        let lane = self.lane;
        output.read(
            Stream::Stdout,
            filled,
            held_back(self.stdout_takes.is_some()),
            Recorder::new(&scenario, &lane),
        );
        output.read(Stream::Stderr, 0, held_back(self.stderr_unread), Recorder::new(&scenario, &lane));
        running::watch(child, &output, Recorder::new(&scenario, &lane));
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

/// Somebody who listens at a free port of this machine, and would share it with whoever asks the kernel for that
/// (`SO_REUSEPORT`). Who does so does not see that the address is in use.
///
/// # Panics
///
/// If there is no free port, or no descriptor.
pub fn somebody_listens() -> TcpListener {
    let listen = || {
        let socket =
            socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, SockProtocol::Tcp)?;
        setsockopt(&socket, sockopt::ReusePort, &true)?;
        bind(socket.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, 0))?;
        nix::sys::socket::listen(&socket, Backlog::new(8)?)?;
        Ok::<_, Errno>(TcpListener::from(socket))
    };
    listen().expect("a free port")
}

impl Program<'_> {
    /// Requires that the program, started with this value of a variable, refuses it: one line on standard
    /// error that names both, nothing on standard output, exit code 2. Of a value that is not Unicode, the line need
    /// only show what comes before that.
    #[track_caller]
    pub fn require_refused(self, variable: &str, value: impl AsRef<OsStr>) {
        let scenario = self.scenario;
        let value = value.as_ref();
        let program = self.env(variable, value);
        let value = value.to_string_lossy();
        let value = value.split(char::REPLACEMENT_CHARACTER).next().unwrap_or_default();
        scenario.timeline().mark("start", format!("{variable}={value}"));
        let program = program.start();
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

/// The path of a binary of the crate under test. For [`program!`](crate::program!), which knows what cargo
/// said when it compiled the test; that gets lost where `rustc` is started through a shell that drops
/// variables with a hyphen in their name. Then it is what cargo or the runner say now, or lies where cargo
/// puts binaries.
///
/// # Panics
///
/// And so fails the criterion, if a runner listens that has built no such program.
#[doc(hidden)]
pub fn program_at(name: &str, compiled: Option<&str>) -> PathBuf {
    // Said now, and so true also in a clone that was renamed since.
    if let Some(path) = std::env::var_os(format!("CARGO_BIN_EXE_{name}")) {
        return path.into();
    }
    if wire::is_open() {
        // A runner names all that it has built: what lies there is left from what the package once was.
        let expected = format!("a program `{name}`");
        let observed = "the package has none of this name: its src/main.rs is missing, or named otherwise";
        let said = format!("expected {expected}: {observed}");
        wire::tell(Entry::Failed(Failed { expected, observed: observed.to_owned(), picture: Vec::new() }));
        panic!("{said}");
    }
    if let Some(path) = compiled {
        return path.into();
    }
    let test = std::env::current_exe().expect("the path of the test binary");
    let target = test.parent().and_then(Path::parent).expect("a test binary lies in target/debug/deps");
    target.join(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_where_cargo_puts_it() {
        assert_eq!(program_at("task-01", Some("/target/debug/task-01")), Path::new("/target/debug/task-01"));
        let test = std::env::current_exe().unwrap();
        let beside = test.ancestors().nth(2).unwrap().join("task-01");
        assert_eq!(program_at("task-01", None), beside);
    }
}
