//! What `/proc` says of the processes below the parent.

use std::fs;

use nix::sys::signal::Signal;

/// The children of a process, those included that have ended and that nobody has waited for.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let threads = threads.filter_map(|thread| thread.file_name().to_str()?.parse().ok());
    threads.flat_map(|thread| children_of_thread(pid, thread)).collect()
}

/// Those that this thread of it has started. The main thread has the number of the process.
pub(crate) fn children_of_thread(pid: u32, thread: u32) -> Vec<u32> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{thread}/children")).unwrap_or_default();
    list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

/// Whether no thread of the process is there for this signal: then it waits until one is.
pub(crate) fn block(pid: u32, signal: Signal) -> bool {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let mut known = threads.filter_map(|thread| fs::read_to_string(thread.path().join("status")).ok());
    known.all(|known| {
        let mask = known.lines().find_map(|line| line.strip_prefix("SigBlk:")).unwrap_or_default();
        let mask = u64::from_str_radix(mask.trim(), 16).unwrap_or_default();
        mask & (1 << (signal as i32 - 1)) != 0
    })
}

/// `R`, `S`, `Z`, ...: the state of a process, if it is there.
pub(crate) fn state(pid: u32) -> Option<char> {
    let line = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may contain anything.
    line.rsplit_once(") ")?.1.chars().next()
}

/// Whether the process has not ended.
pub(crate) fn runs(pid: u32) -> bool {
    state(pid).is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

/// Those of these processes that have ended and that nobody has waited for.
pub(crate) fn zombies(pids: &[u32]) -> usize {
    pids.iter().filter(|pid| state(**pid) == Some('Z')).count()
}
