//! What `/proc` says of a process.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::unistd::Pid;

/// The process and everything below it, the parents first.
pub(crate) fn tree(pid: u32) -> Vec<u32> {
    let mut found = vec![pid];
    let mut next = 0;
    while next < found.len() {
        found.extend(children(found[next]));
        next += 1;
    }
    found
}

/// The processes that this one started and that still exist, zombies included.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let lists =
        threads.flatten().filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists
        .flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
        .collect()
}

/// The processes in whose environment one of these entries (`NAME=value`) stands. Children inherit
/// it, so it finds them also when their parent has gone; zombies have none.
pub(crate) fn with_environment(entries: &[String]) -> Vec<u32> {
    if entries.is_empty() {
        return Vec::new();
    }
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = processes.flatten().filter_map(|process| process.file_name().to_str()?.parse().ok());
    pids.filter(|pid: &u32| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let mut variables = environment.split(|byte| *byte == 0);
        variables.any(|variable| entries.iter().any(|entry| entry.as_bytes() == variable))
    })
    .collect()
}

/// The processes that hold one of these files open (`pipe:[4711]`).
pub(crate) fn holders(files: &[PathBuf]) -> Vec<u32> {
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = processes.flatten().filter_map(|process| process.file_name().to_str()?.parse().ok());
    let holds = |pid: &u32| {
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        descriptors
            .filter_map(|descriptor| fs::read_link(descriptor.path()).ok())
            .any(|file| files.contains(&file))
    };
    pids.filter(holds).collect()
}

/// How many descriptors the process may have.
pub(crate) fn most_descriptors(pid: u32) -> Option<u64> {
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).ok()?;
    let soft = limits.lines().find_map(|line| line.strip_prefix("Max open files")?.split_whitespace().next());
    soft.map(|soft| soft.parse().unwrap_or(u64::MAX))
}

/// The short name of a process: `sleep`.
pub(crate) fn name(pid: u32) -> String {
    fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim().to_owned()
}

/// How many threads the process has; zero once it is gone.
pub(crate) fn threads(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count)
}

/// How many file descriptors the process holds open; zero once it is gone.
pub(crate) fn descriptors(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count)
}

/// What the scheduler says of a thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Schedule {
    /// How long it has run.
    pub(crate) ran: Duration,
    /// How long it has waited for a processor while it could have run, the present wait not included.
    pub(crate) delay: Duration,
    /// Whether it runs, or could.
    pub(crate) ready: bool,
}

/// What the scheduler says of each thread of the process, by its number.
pub(crate) fn schedules(pid: u32) -> Vec<(u32, Schedule)> {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let schedules = threads.flatten().filter_map(|thread| {
        let (ran, delay) = schedstat(&thread.path().join("schedstat"))?;
        let ready = stat_from_state(&thread.path().join("stat")).starts_with('R');
        Some((thread.file_name().to_str()?.parse().ok()?, Schedule { ran, delay, ready }))
    });
    schedules.collect()
}

/// Whether no thread of the process runs, or could.
pub(crate) fn sleeps(pid: u32) -> bool {
    schedules(pid).iter().all(|(_, schedule)| !schedule.ready)
}

/// Whether each thread of the process is stopped; also if there is none.
pub(crate) fn stands_still(pid: u32) -> bool {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    // Stopped, or about to be no more.
    threads
        .into_iter()
        .all(|thread| stat_from_state(&thread.path().join("stat")).starts_with(['T', 't', 'Z', 'X']))
}

/// Whether this signal is on its way to this thread, and not to any thread of its process.
pub(crate) fn is_pending(thread: Pid, signal: Signal) -> bool {
    let status = fs::read_to_string(format!("/proc/{thread}/status")).unwrap_or_default();
    let pending = status.lines().find_map(|line| line.strip_prefix("SigPnd:"));
    let pending = pending.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    pending.is_some_and(|mask| mask & 1 << (signal as u32 - 1) != 0)
}

/// How long the thread that asks has waited for a processor.
pub(crate) fn run_delay_of_this_thread() -> Duration {
    schedstat(Path::new("/proc/thread-self/schedstat")).unwrap_or_default().1
}

/// For how long a thread has run, and has waited for that.
fn schedstat(path: &Path) -> Option<(Duration, Duration)> {
    let text = fs::read_to_string(path).ok()?;
    let mut times = text.split_whitespace().map(|time| time.parse().map(Duration::from_nanos));
    Some((times.next()?.ok()?, times.next()?.ok()?))
}

/// A line of `stat` from its third field on, the state.
fn stat_from_state(path: &Path) -> String {
    let stat = fs::read_to_string(path).unwrap_or_default();
    // The name in parentheses may contain anything.
    stat.rsplit_once(") ").map_or("", |(_, rest)| rest).to_owned()
}

/// Processor time that the process has used, in ticks of 10 ms.
pub(crate) fn ticks(pid: u32) -> u64 {
    // utime and stime are fields 14 and 15.
    let stat = stat_from_state(&PathBuf::from(format!("/proc/{pid}/stat")));
    stat.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum()
}
