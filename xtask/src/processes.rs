//! What runs below this process, and how it is stopped.
//!
//! `/proc` finds processes, and may overlook one while others end. Whether any is *left* is asked of
//! the kernel: to a subreaper every orphan below it falls, so "no such child" means that nothing is
//! there.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::{Pid, getpgid, getpgrp, getsid};

/// What has been killed is gone within this time, unless it may not be killed or hangs in the kernel.
const PATIENCE: Duration = Duration::from_secs(5);
/// So many processes are looked at to find the groups that many others are in.
const FEW: usize = 16;

/// The processes below this one, parents before children, zombies included; at most so many.
pub(crate) fn below(most: usize) -> Vec<u32> {
    let mut found = vec![std::process::id()];
    let mut next = 0;
    while next < found.len() && found.len() <= most {
        found.extend(children(found[next]));
        next += 1;
    }
    found.remove(0);
    found
}

/// The children of a process, of any of its threads.
fn children(pid: u32) -> Vec<u32> {
    static LISTED: OnceLock<bool> = OnceLock::new();
    if !LISTED.get_or_init(|| Path::new("/proc/thread-self/children").exists()) {
        return children_by_parent(pid);
    }
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let lists = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists
        .flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
        .collect()
}

/// The same, slower, on a kernel that keeps no list of children.
fn children_by_parent(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|process| process.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|&pid| stat(pid).is_some_and(|stat| stat.parent == parent)).collect()
}

struct Stat {
    state: char,
    parent: u32,
}

fn stat(pid: u32) -> Option<Stat> {
    let line = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may contain anything.
    let mut fields = line.rsplit_once(')')?.1.split_whitespace();
    Some(Stat { state: fields.next()?.chars().next()?, parent: fields.next()?.parse().ok()? })
}

/// Whether the process runs: a thread of it may go on when its first one has ended.
fn runs(pid: u32) -> bool {
    let is_dead = |state: char| matches!(state, 'Z' | 'X');
    match stat(pid) {
        None => false,
        Some(stat) if !is_dead(stat.state) => true,
        Some(_) => fs::read_dir(format!("/proc/{pid}/task")).is_ok_and(|threads| threads.count() > 1),
    }
}

/// `sleep (4711)`, for all that run below this process.
pub(crate) fn names() -> Vec<String> {
    let name = |pid: &u32| {
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        format!("{} ({pid})", name.trim())
    };
    below(usize::MAX).iter().filter(|pid| runs(**pid)).map(name).collect()
}

/// Memory in use by these processes together, in bytes. What files and processes share counts once.
pub(crate) fn memory(pids: &[u32]) -> u64 {
    let used = pids.iter().filter_map(|pid| {
        let pages = fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
        let mut pages = pages.split_whitespace().skip(1).filter_map(|pages| pages.parse::<u64>().ok());
        Some((pages.next()?, pages.next()?))
    });
    let (own, shared) = used.fold((0, 0), |(own, most_shared), (resident, shared)| {
        (own + resident.saturating_sub(shared), shared.max(most_shared))
    });
    (own + shared) * 4096
}

/// Takes note of children that have ended, all but one: somebody else waits for that. Returns whether
/// any child is left.
pub(crate) fn reap(but: Option<Pid>) -> bool {
    let ended = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT | WaitPidFlag::__WALL;
    loop {
        match waitid(Id::All, ended) {
            Ok(WaitStatus::Exited(pid, _) | WaitStatus::Signaled(pid, ..)) if Some(pid) != but => {
                let _ = waitpid(pid, Some(WaitPidFlag::WNOHANG | WaitPidFlag::__WALL));
            }
            Err(nix::errno::Errno::ECHILD) => return false,
            _ => return true,
        }
    }
}

/// Asks everything below this process to end, and waits a little.
pub(crate) fn ask_to_end(grace: Duration) {
    let until = Instant::now() + grace;
    signal(&below(usize::MAX), Signal::SIGTERM);
    while reap(None) && Instant::now() < until {
        thread::sleep(Duration::from_millis(2));
    }
}

/// Kills everything below this process until nothing is left. `group` is a process group that was made
/// for it. Returns the names of what cannot be killed.
pub(crate) fn kill_all(group: Pid) -> Vec<String> {
    let until = Instant::now() + PATIENCE;
    while reap(None) {
        if Instant::now() > until {
            return names();
        }
        // A group is killed in one go. That stops what multiplies faster than it can be looked at.
        for group in groups(&below(FEW), group) {
            let _ = killpg(group, Signal::SIGKILL);
        }
        let rest = below(usize::MAX);
        signal(&rest, Signal::SIGSTOP);
        signal(&rest, Signal::SIGKILL);
        reap(None);
        thread::sleep(Duration::from_millis(1));
    }
    Vec::new()
}

/// Kills the children of this process that are not its own, and whatever falls to it from them.
pub(crate) fn kill_orphans(is_own: impl Fn(Pid) -> bool) {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        let mut orphans = children(std::process::id());
        orphans.retain(|pid| !is_own(Pid::from_raw(pid.cast_signed())));
        if orphans.is_empty() {
            return;
        }
        signal(&orphans, Signal::SIGKILL);
        for pid in orphans {
            let _ =
                waitpid(Pid::from_raw(pid.cast_signed()), Some(WaitPidFlag::WNOHANG | WaitPidFlag::__WALL));
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// The groups of these processes in which nobody else can be: the given one, and those of sessions that
/// were begun below this process.
fn groups(pids: &[u32], group: Pid) -> Vec<Pid> {
    let session = getsid(None).ok();
    let mut found: Vec<Pid> = Vec::new();
    for pid in pids.iter().map(|pid| Pid::from_raw(pid.cast_signed())) {
        let of_its_own = || getsid(Some(pid)).is_ok_and(|other| Some(other) != session);
        match getpgid(Some(pid)) {
            Ok(its) if its != getpgrp() && !found.contains(&its) && (its == group || of_its_own()) => {
                found.push(its);
            }
            _ => {}
        }
    }
    found
}

fn signal(pids: &[u32], signal: Signal) {
    for pid in pids {
        let _ = kill(Pid::from_raw(pid.cast_signed()), signal);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_are_found_in_both_ways() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().expect("sleep starts");
        let this = std::process::id();
        let found = (children(this).contains(&child.id()), children_by_parent(this).contains(&child.id()));
        let runs_before = runs(child.id());
        child.kill().expect("it is ours");
        child.wait().expect("it is ours");
        assert_eq!(found, (true, true));
        assert!(runs_before && !runs(child.id()), "only the living run");
    }
}
