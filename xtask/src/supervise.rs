//! One criterion in a process of its own, with limits; nothing survives it.
//!
//! The runner starts itself once more for each criterion, as `xtask supervise`. The supervisor is a
//! *subreaper*: whatever the test starts, and whatever that starts, becomes the supervisor's child
//! when its own parent ends, in whatever session or process group it hides. So "everything below me"
//! is a complete list, and the supervisor ends only when the list is empty. If the runner dies, the
//! supervisor is told by the kernel and does the same.
//!
//! This is safety, not a sandbox: it keeps a mistake from hurting the machine, and does not try to
//! stop somebody who means to.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs;
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
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, getppid};
use tinyjson::JsonValue;

use crate::error::{Error, Result};
use crate::json::{Get as _, list, number, object, text};
use crate::{compile, interrupt};

/// How often the number of processes and their memory are looked at.
const LOOK: Duration = Duration::from_millis(20);
/// What has been told to end gets this long before it is killed.
const GRACE: Duration = Duration::from_millis(200);
/// Programs that a test has just killed may take this long to be gone.
const SETTLE: Duration = Duration::from_millis(300);
const MOST_PROCESSES: usize = 256;
/// Of memory in use, by all processes together.
const MOST_MEMORY: u64 = 4 << 30;
/// Of address space, for each process: what is asked for at once and never used counts too.
const MOST_ADDRESSES: u64 = 16 << 30;
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
}

impl Stopped {
    const ALL: [(Self, &'static str); 4] = [
        (Self::AtItsLimit, "limit"),
        (Self::TooManyProcesses, "processes"),
        (Self::TooMuchMemory, "memory"),
        (Self::Interrupted, "interrupted"),
    ];

    fn word(self) -> &'static str {
        Self::ALL.iter().find(|(stopped, _)| *stopped == self).map_or("", |(_, word)| word)
    }
}

/// Runs the job under a supervisor, and returns when nothing of it is left.
pub(crate) fn run(job: &Job<'_>) -> Result<Ended> {
    // Not its path: the runner may have been built anew since it started.
    let mut command = Command::new("/proc/self/exe");
    command.arg("supervise").arg(job.limit.as_millis().to_string()).arg(job.binary).args(&job.arguments);
    compile::forget_cargo_run(&mut command);
    command.current_dir(job.folder).env("CARGO_MANIFEST_DIR", job.folder);
    command.env("DRAIN_EVENTS", &job.events).env("RUST_BACKTRACE", "0").env_remove("RUST_TEST_THREADS");
    command.envs(job.environment.iter().map(|(name, value)| (name, value)));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    let (mut supervisor, _group) = interrupt::spawn(&mut command)?;
    if let Some(mut stdin) = supervisor.stdin.take() {
        let _ = writeln!(stdin, "{}", job.word);
    }
    let output =
        supervisor.wait_with_output().map_err(|error| Error::new(format!("cannot supervise: {error}")))?;
    interrupt::check()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let report: JsonValue = said.parse().map_err(|_| {
        Error::new(format!(
            "the supervisor of {} ended with {} and said nothing",
            job.binary.display(),
            output.status
        ))
    })?;
    Ok(Ended::read(&report))
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

/// The supervisor's own `main`: `xtask supervise LIMIT_MS BINARY ARGUMENTS…`.
pub(crate) fn main(limit: Duration, binary: &Path, arguments: &[OsString]) -> Result<u8> {
    let told_to_stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
        let _ = signal_hook::flag::register(signal, told_to_stop.clone());
    }
    contain()?;

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
    let (status, stopped) = wait(child, started + limit, &told_to_stop);
    let took = started.elapsed();
    let left = if stopped.is_none() { left_over() } else { Vec::new() };
    stop_everything();

    // Nobody is left who could hold the pipes open.
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
    println!("{report}");
    Ok(0)
}

/// Makes sure that nothing below this process escapes it, and that it takes no more than its share.
fn contain() -> Result<()> {
    let failed = |error| Error::new(format!("cannot supervise: {error}"));
    prctl::set_child_subreaper(true).map_err(failed)?;
    // Sent when the thread of the runner that waits for us ends, which is when the runner ends.
    prctl::set_pdeathsig(Signal::SIGTERM).map_err(failed)?;
    if getppid() == Pid::from_raw(1) {
        return Err(Error::new("the runner has ended"));
    }
    for (resource, most) in [(Resource::RLIMIT_AS, MOST_ADDRESSES), (Resource::RLIMIT_CORE, 0)] {
        let (_, hard) = getrlimit(resource).map_err(failed)?;
        setrlimit(resource, most.min(hard), hard).map_err(failed)?;
    }
    Ok(())
}

/// Waits for the test's own process; stops it at its limit and when it takes too much.
fn wait(
    mut child: Child,
    until: Instant,
    told_to_stop: &AtomicBool,
) -> (Option<ExitStatus>, Option<Stopped>) {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let _ = sender.send(child.wait().ok());
    });
    let mut stopped = None;
    loop {
        match receiver.recv_timeout(LOOK.min(until.saturating_duration_since(Instant::now()))) {
            Ok(status) => return (status, stopped),
            Err(RecvTimeoutError::Disconnected) => return (None, stopped),
            Err(RecvTimeoutError::Timeout) => {}
        }
        stopped = stopped.or_else(|| reason_to_stop(until, told_to_stop));
        if stopped.is_some() {
            stop_everything();
        }
    }
}

fn reason_to_stop(until: Instant, told_to_stop: &AtomicBool) -> Option<Stopped> {
    let processes = below();
    match () {
        () if told_to_stop.load(Ordering::SeqCst) => Some(Stopped::Interrupted),
        () if Instant::now() >= until => Some(Stopped::AtItsLimit),
        () if processes.len() > MOST_PROCESSES => Some(Stopped::TooManyProcesses),
        () if processes.iter().map(|pid| resident(*pid)).sum::<u64>() > MOST_MEMORY => {
            Some(Stopped::TooMuchMemory)
        }
        () => None,
    }
}

/// The names of the processes that outlive the test by more than what it takes to die.
fn left_over() -> Vec<String> {
    let until = Instant::now() + SETTLE;
    loop {
        reap();
        let left = below();
        if left.is_empty() || Instant::now() >= until {
            return left.into_iter().map(|pid| format!("{} ({pid})", name(pid))).collect();
        }
        thread::sleep(Duration::from_millis(2));
    }
}

/// Asks everything below to end, then kills until nothing is left. New processes are found in the
/// next round; those that multiply are stopped first, so that they cannot go on meanwhile.
fn stop_everything() {
    signal_all(Signal::SIGTERM);
    let until = Instant::now() + GRACE;
    while Instant::now() < until && !below().is_empty() {
        reap();
        thread::sleep(Duration::from_millis(2));
    }
    while !below().is_empty() {
        signal_all(Signal::SIGSTOP);
        signal_all(Signal::SIGKILL);
        reap();
        thread::sleep(Duration::from_millis(1));
    }
}

fn signal_all(signal: Signal) {
    for pid in below() {
        let _ = kill(Pid::from_raw(pid.cast_signed()), signal);
    }
}

/// Takes note of adopted processes that have ended. The test's own process has a thread that waits
/// for it: whoever comes first, the other is told "no such child".
fn reap() {
    while let Ok(WaitStatus::Exited(..) | WaitStatus::Signaled(..)) =
        waitpid(None, Some(WaitPidFlag::WNOHANG))
    {}
}

/// Every process below this one that still runs.
fn below() -> Vec<u32> {
    let mut found = vec![std::process::id()];
    let mut next = 0;
    while next < found.len() {
        found.extend(children(found[next]));
        next += 1;
    }
    found.remove(0);
    found.retain(|&pid| !is_zombie(pid));
    found
}

fn children(pid: u32) -> Vec<u32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let lists =
        threads.flatten().filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists
        .flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
        .collect()
}

fn is_zombie(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')')
        .is_none_or(|(_, rest)| matches!(rest.trim_start().chars().next(), Some('Z' | 'X') | None))
}

fn name(pid: u32) -> String {
    fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim().to_owned()
}

/// Memory that the process holds, in bytes.
fn resident(pid: u32) -> u64 {
    let pages = fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
    pages.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or_default() * 4096
}

/// Reads a stream to its end, and keeps its beginning and its end.
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
        let _ = reader.join();
        let kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes: Vec<u8> = kept.0.iter().chain(kept.1.iter()).copied().collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}
