//! One criterion in a process of its own, with limits; nothing survives it.
//!
//! The runner starts itself once more for each criterion, as `xtask supervise`. The supervisor is a
//! *subreaper*: whatever the test starts, and whatever that starts, becomes the supervisor's child
//! when its own parent ends, in whatever session or process group it hides. So the kernel itself says
//! when nothing is left ("no such child"), and the supervisor ends only then. If the runner dies, the
//! supervisor is told by the kernel and does the same; if the supervisor dies, what it had below it
//! falls to the runner, a subreaper too, which does it instead.
//!
//! # What is contained
//!
//! | what | how |
//! | --- | --- |
//! | time | the criterion's limit and 1.2 s, then SIGTERM to all, then SIGKILL |
//! | processes | at most 256 at once, looked at every 20 ms; 16,384 tasks of the user as a hard limit |
//! | memory | at most 1 GiB in use by all together, 16 GiB of addresses for each process |
//! | files | none larger than 1 GiB, no core dumps |
//! | output | read to its end; the first and the last 16 KiB of each stream are kept |
//! | what is left behind | found in any session or group, however often it forked; named; killed |
//! | the end of the runner | Ctrl-C, SIGTERM, a closed terminal and SIGKILL: all of it is stopped |
//!
//! # What is not contained
//!
//! This is safety, not a sandbox: it keeps a mistake from hurting the machine, and does not try to
//! stop somebody who means to. The code under test runs with all rights of the user who checks it.
//!
//! - Files: it can read, change and delete what the user can, and fill the disk (or a `tmpfs`, which is
//!   memory) with many files.
//! - The network is as open to it as to the user.
//! - Processes that are not below it: it can signal whatever the user can, `kill(-1, SIGKILL)` included.
//! - Processes below it that the user may not signal, such as those of `sudo`, and those that hang in
//!   the kernel: they are named, and left.
//! - What it asks others to do: a container engine, `systemd-run`, `at`, a build server.
//! - The build: a build script or a procedural macro runs before any of this, without limits of time or
//!   memory, and what it leaves behind stays. Ctrl-C stops all of it.
//! - Both at once: when the runner and the supervisor are killed together, nobody is left to clean up.
//!   The kit's own watchdog then ends the test at its limit.
//! - A process number that is given to somebody else between the look and the signal. Numbers go round
//!   in thousands, and the two are microseconds apart.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::{Read, Write as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;
use nix::unistd::{Pid, getppid};
use tinyjson::JsonValue;

use crate::error::{Error, Result};
use crate::value::{Get as _, list, number, object, text};
use crate::{environment, interrupt, processes, workspace};

/// How often the number of processes and their memory are looked at, if looking is cheap.
const LOOK: Duration = Duration::from_millis(20);
/// How often at least.
const LONGEST_LOOK: Duration = Duration::from_millis(100);
/// What has been told to end gets this long before it is killed.
const GRACE: Duration = Duration::from_millis(200);
/// Programs that a test has just killed may take this long to be gone.
const SETTLE: Duration = Duration::from_millis(300);
/// Of what has ended or been killed, the output is there at once.
const LAST_OUTPUT: Duration = Duration::from_secs(1);
pub(crate) const MOST_PROCESSES: usize = 256;
/// Of memory in use, by all processes together, in GiB. Several criteria run side by side.
pub(crate) const MOST_MEMORY: u64 = 1;
/// More than anybody needs. Bounds what the machine has to bear before a flood of processes is seen.
const MOST_TASKS_OF_THE_USER: u64 = 16 * 1024;
/// Of address space, for each process: what is asked for at once and never used counts too.
const MOST_ADDRESSES: u64 = 16 << 30;
const LARGEST_FILE: u64 = 1 << 30;
/// Of each stream, this much of its beginning and of its end is kept.
const KEPT: usize = 16 * 1024;

/// What to run.
pub(crate) struct Job<'a> {
    pub(crate) binary: &'a Path,
    pub(crate) arguments: Vec<String>,
    /// Working folder, and `CARGO_MANIFEST_DIR`.
    pub(crate) folder: &'a Path,
    pub(crate) environment: Vec<(String, OsString)>,
    /// The kit appends its record here.
    pub(crate) events: PathBuf,
    /// Handed to the test on standard input; comes back in the record of a criterion that holds.
    pub(crate) word: String,
    pub(crate) limit: Duration,
}

/// How it ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The exit code, if it exited by itself.
    pub(crate) code: Option<i32>,
    /// The signal that killed it.
    pub(crate) signal: Option<i32>,
    /// Why the supervisor stopped it, if it did.
    pub(crate) stopped: Option<Stopped>,
    pub(crate) took: Duration,
    /// Processes that were still there after it had ended.
    pub(crate) left: Vec<String>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stopped {
    AtItsLimit,
    TooManyProcesses,
    TooMuchMemory,
    Interrupted,
    /// The supervisor itself was killed: by what it supervised, by the user, or for want of memory.
    Unsupervised,
}

impl Stopped {
    const ALL: [(Self, &'static str); 5] = [
        (Self::AtItsLimit, "limit"),
        (Self::TooManyProcesses, "processes"),
        (Self::TooMuchMemory, "memory"),
        (Self::Interrupted, "interrupted"),
        (Self::Unsupervised, "unsupervised"),
    ];

    fn word(self) -> &'static str {
        Self::ALL.iter().find(|(stopped, _)| *stopped == self).map_or("", |(_, word)| word)
    }
}

/// Runs the job under a supervisor, and returns when nothing of it is left.
pub(crate) fn run(job: &Job<'_>) -> Result<Ended> {
    // Not its path: the runner may have been built anew since it started.
    let mut command = Command::new("/proc/self/exe");
    command.arg(NAME).arg(job.limit.as_millis().to_string()).arg(std::process::id().to_string());
    command.arg(job.binary).args(&job.arguments);
    environment::for_tests(&mut command);
    command.current_dir(job.folder).env("CARGO_MANIFEST_DIR", job.folder);
    // What the kit of the services can make again is kept there.
    command.env("CARGO_TARGET_DIR", workspace::target_folder());
    command.env("DRAIN_EVENTS", &job.events).env("RUST_BACKTRACE", "0");
    command.envs(job.environment.iter().map(|(name, value)| (name, value)));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    let started = Instant::now();
    let (mut supervisor, group) = interrupt::spawn(&mut command)?;
    if let Some(mut stdin) = supervisor.stdin.take() {
        let _ = writeln!(stdin, "{}", job.word);
    }
    let output =
        supervisor.wait_with_output().map_err(|error| Error::new(format!("cannot supervise: {error}")))?;
    drop(group);
    if output.status.signal().is_some() {
        interrupt::stop_orphans();
    }
    interrupt::check()?;
    match String::from_utf8_lossy(&output.stdout).parse::<JsonValue>() {
        Ok(report) => Ok(Ended::read(&report)),
        Err(_) if output.status.signal().is_some() => Ok(Ended {
            code: None,
            signal: output.status.signal(),
            stopped: Some(Stopped::Unsupervised),
            took: started.elapsed(),
            left: Vec::new(),
            stdout: String::new(),
            stderr: String::new(),
        }),
        Err(_) => Err(Error::new(format!(
            "the supervisor of {} ended with {} and said nothing",
            job.binary.display(),
            output.status
        ))),
    }
}

impl Ended {
    fn read(report: &JsonValue) -> Self {
        let stopped = report.text("stopped");
        Self {
            code: report.number("code").map(|code| code as i32),
            signal: report.number("signal").map(|signal| signal as i32),
            stopped: Stopped::ALL.iter().find(|(_, word)| *word == stopped).map(|(stopped, _)| *stopped),
            took: Duration::from_secs_f64(report.number("seconds").unwrap_or_default().max(0.0)),
            left: report.list("left").iter().filter_map(|name| name.get::<String>()).cloned().collect(),
            stdout: report.text("stdout"),
            stderr: report.text("stderr"),
        }
    }

    fn write(&self) -> JsonValue {
        let optional = |value: Option<i32>| value.map_or(JsonValue::Null, number);
        object([
            ("code", optional(self.code)),
            ("signal", optional(self.signal)),
            ("stopped", self.stopped.map_or(JsonValue::Null, |stopped| text(stopped.word()))),
            ("seconds", number(self.took.as_secs_f64())),
            ("left", list(self.left.iter().map(text))),
            ("stdout", text(&self.stdout)),
            ("stderr", text(&self.stderr)),
        ])
    }
}

/// By this name the runner starts itself as a supervisor.
pub(crate) const NAME: &str = "supervise";

/// The supervisor's own `main`: `xtask supervise LIMIT_MS RUNNER BINARY ARGUMENTS…`.
pub(crate) fn main(mut arguments: impl Iterator<Item = OsString>) -> Result<u8> {
    let mut number = || arguments.next()?.to_str()?.parse::<u64>().ok();
    let (limit, runner) = (number(), number().and_then(|pid| pid.try_into().ok()));
    match (limit, runner, arguments.next()) {
        (Some(limit), Some(runner), Some(binary)) => {
            supervise(Duration::from_millis(limit), runner, Path::new(&binary), arguments)
        }
        _ => Err(Error::new(
            "`supervise` is for the runner itself: supervise LIMIT_MS RUNNER BINARY ARGUMENTS...",
        )),
    }
}

fn supervise(
    limit: Duration,
    runner: u32,
    binary: &Path,
    arguments: impl Iterator<Item = OsString>,
) -> Result<u8> {
    let told_to_stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT, signal_hook::consts::SIGHUP] {
        let _ = signal_hook::flag::register(signal, told_to_stop.clone());
    }
    contain(runner)?;

    let started = Instant::now();
    let mut child = Command::new(binary)
        .args(arguments)
        .process_group(0)
        .stdin(Stdio::inherit())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| Error::new(format!("cannot start {}: {error}", binary.display())))?;
    let stdout = keep(child.stdout.take());
    let stderr = keep(child.stderr.take());
    let test = Pid::from_raw(child.id().cast_signed());
    let (status, stopped, mut left) = wait(child, test, started + limit, &told_to_stop);
    let took = started.elapsed();
    if stopped.is_none() {
        left = left_over();
        let unstoppable = stop_everything(test);
        left.extend(unstoppable.into_iter().map(|name| format!("{name}, which cannot be killed")));
    }

    let ended = Ended {
        code: status.and_then(|status| status.code()),
        signal: status.and_then(|status| status.signal()),
        stopped,
        took,
        left,
        stdout: stdout(),
        stderr: stderr(),
    };
    let report =
        ended.write().stringify().map_err(|error| Error::new(format!("cannot write the report: {error}")))?;
    // Without a runner nobody reads it.
    let _ = writeln!(std::io::stdout(), "{report}");
    Ok(0)
}

/// Makes sure that nothing below this process escapes it, and that it takes no more than its share.
fn contain(runner: u32) -> Result<()> {
    let failed = |error| Error::new(format!("cannot supervise: {error}"));
    prctl::set_child_subreaper(true).map_err(failed)?;
    // Sent when the thread of the runner that waits for us ends, which is when the runner ends.
    prctl::set_pdeathsig(Signal::SIGTERM).map_err(failed)?;
    // It may have ended before.
    if getppid() != Pid::from_raw(runner.cast_signed()) {
        return Err(Error::new("the runner has ended"));
    }
    let limits = [
        (Resource::RLIMIT_AS, MOST_ADDRESSES),
        (Resource::RLIMIT_FSIZE, LARGEST_FILE),
        (Resource::RLIMIT_NPROC, MOST_TASKS_OF_THE_USER),
        (Resource::RLIMIT_CORE, 0),
    ];
    for (resource, most) in limits {
        let (soft, hard) = getrlimit(resource).map_err(failed)?;
        setrlimit(resource, most.min(soft), hard).map_err(failed)?;
    }
    Ok(())
}

/// Waits for the test's own process; stops it at its limit and when it takes too much. Returns its
/// status, why it was stopped, and what could not be.
fn wait(
    mut child: Child,
    test: Pid,
    until: Instant,
    told_to_stop: &AtomicBool,
) -> (Option<ExitStatus>, Option<Stopped>, Vec<String>) {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let _ = sender.send(child.wait().ok());
    });
    let mut pause = LOOK;
    loop {
        match receiver.recv_timeout(pause.min(until.saturating_duration_since(Instant::now()))) {
            Ok(status) => return (status, None, Vec::new()),
            Err(RecvTimeoutError::Disconnected) => return (None, None, Vec::new()),
            Err(RecvTimeoutError::Timeout) => {}
        }
        let began = Instant::now();
        // Orphans that have ended would use up the machine's process numbers.
        processes::reap(Some(test));
        let stopped = reason_to_stop(until, told_to_stop);
        let left = match stopped {
            None => {
                pause = (began.elapsed() * 10).clamp(LOOK, LONGEST_LOOK);
                continue;
            }
            Some(Stopped::AtItsLimit | Stopped::Interrupted) => stop_everything(test),
            // What takes too much goes on taking while it is asked.
            Some(_) => processes::kill_all(test),
        };
        let status = receiver.recv_timeout(LAST_OUTPUT).ok().flatten();
        return (status, stopped, left);
    }
}

fn reason_to_stop(until: Instant, told_to_stop: &AtomicBool) -> Option<Stopped> {
    let processes = processes::below(MOST_PROCESSES);
    match () {
        () if told_to_stop.load(Ordering::SeqCst) => Some(Stopped::Interrupted),
        () if processes.len() >= MOST_PROCESSES => Some(Stopped::TooManyProcesses),
        () if processes::memory(&processes) > MOST_MEMORY << 30 => Some(Stopped::TooMuchMemory),
        () if Instant::now() >= until => Some(Stopped::AtItsLimit),
        () => None,
    }
}

/// The names of the processes that outlive the test by more than what it takes to die.
fn left_over() -> Vec<String> {
    let until = Instant::now() + SETTLE;
    while processes::reap(None) && Instant::now() < until {
        thread::sleep(Duration::from_millis(2));
    }
    if processes::reap(None) { processes::names() } else { Vec::new() }
}

/// Asks everything below to end, then kills until nothing is left; returns what cannot be killed.
fn stop_everything(test: Pid) -> Vec<String> {
    processes::ask_to_end(GRACE);
    processes::kill_all(test)
}

/// Reads a stream to its end, and keeps its beginning and its end. What is returned waits for the end,
/// which comes when nobody is left who holds the other side; should somebody be, it does not wait long.
fn keep(stream: Option<impl Read + Send + 'static>) -> impl FnOnce() -> String {
    let kept = Arc::new(Mutex::new((Vec::new(), VecDeque::new())));
    let writer = kept.clone();
    let reader = thread::spawn(move || {
        let mut stream = stream?;
        let mut buffer = [0; 16 * 1024];
        while let Ok(count @ 1..) = stream.read(&mut buffer) {
            let mut kept = writer.lock().unwrap_or_else(PoisonError::into_inner);
            let (head, tail): &mut (Vec<u8>, VecDeque<u8>) = &mut kept;
            let to_head = count.min(KEPT - head.len());
            head.extend_from_slice(&buffer[..to_head]);
            tail.extend(&buffer[to_head..count]);
            let surplus = tail.len().saturating_sub(KEPT);
            tail.drain(..surplus);
        }
        Some(())
    });
    move || {
        let until = Instant::now() + LAST_OUTPUT;
        while !reader.is_finished() && Instant::now() < until {
            thread::sleep(Duration::from_millis(1));
        }
        let kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes: Vec<u8> = kept.0.iter().chain(kept.1.iter()).copied().collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}
