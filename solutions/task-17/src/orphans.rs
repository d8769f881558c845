//! What a child leaves behind.
//!
//! The parent is a *subreaper*: whatever loses its own parent below it becomes its child, in whatever group or
//! session it is.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

use crate::worker::Worker;

/// What has been killed is gone within this time, unless it hangs in the kernel.
const PATIENCE: Duration = Duration::from_millis(400);

/// Takes note of those that have ended: what has lost its parent is our child, and would stay in the table of processes as
/// long as we live. Not the child itself: how it ended is still to be asked.
pub fn take_note(worker: &Worker) {
    for pid in children().into_iter().filter(|pid| *pid != worker.pid()) {
        let _ = waitpid(pid, Some(WaitPidFlag::WNOHANG));
    }
}

/// Kills all that is left, the child too, until nothing runs. Blocks the thread for a few milliseconds.
///
/// Only children of our own are killed, generation by generation: their numbers are theirs until we wait for them.
pub fn end(worker: &Worker) {
    let until = Instant::now() + PATIENCE;
    loop {
        let child_has_ended = worker.has_ended();
        let left = children();
        if child_has_ended && left == [worker.pid()] || Instant::now() > until {
            return;
        }
        for pid in left {
            let _ = kill(pid, Signal::SIGKILL);
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// The children of this process, of any of its threads, those included that have ended.
fn children() -> Vec<Pid> {
    let threads = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let lists = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    let numbers = |list: String| {
        list.split_whitespace().filter_map(|pid| pid.parse().ok()).map(Pid::from_raw).collect::<Vec<_>>()
    };
    lists.flat_map(numbers).collect()
}
