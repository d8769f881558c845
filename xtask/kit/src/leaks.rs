//! What is left over: tasks, threads, descriptors, child processes.
//!
//! Things end a little after what ended them, so each check polls with a deadline before it fails.

use std::time::Duration;

use drain_record::Entry;
use tokio::runtime::Handle;

use crate::timeline::{Count, Millis};
use crate::{Moment, Running, Scenario, ms, proc, wire};

/// How long something may take to end by itself.
const PATIENCE: Duration = ms(1_000);

/// What this process had before the code under test ran in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Footprint {
    tasks: usize,
    threads: usize,
    descriptors: usize,
    children: usize,
}

impl Footprint {
    /// Counts tasks of the current runtime, and threads, descriptors and children of this process.
    ///
    /// Take it inside the runtime and after [`Scenario::new`], whose own threads are part of it. A
    /// runtime starts threads for `spawn_blocking` on demand and keeps them for seconds: they count.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn now() -> Self {
        let pid = std::process::id();
        Self {
            tasks: Handle::current().metrics().num_alive_tasks(),
            threads: proc::threads(pid),
            descriptors: proc::descriptors(pid),
            children: proc::children(pid).len(),
        }
    }

    /// Fails if there is more of anything than there was, a second after it could have ended. Under plain `cargo test`
    /// other tests start and end threads in the same process, and only tasks are looked at.
    pub async fn require_no_more(self, scenario: &Scenario) {
        let _waiting = scenario.waiting("everything that was started to end");
        let until = std::time::Instant::now() + PATIENCE;
        loop {
            let left = self.left(Self::now(), scenario.has_process_of_its_own());
            if left.is_empty() {
                return ["task", "thread", "descriptor", "process"].into_iter().for_each(none_left);
            }
            if std::time::Instant::now() >= until {
                scenario.fail("no task, thread, descriptor or child left", left.join(", "));
            }
            // A real pause even under a paused clock: blocking threads end in real time.
            std::thread::sleep(ms(2));
            tokio::task::yield_now().await;
        }
    }

    fn left(self, now: Self, all_is_ours: bool) -> Vec<String> {
        let kinds = [
            ("task", self.tasks, now.tasks),
            ("thread", self.threads, now.threads),
            ("descriptor", self.descriptors, now.descriptors),
            ("child process", self.children, now.children),
        ];
        let ours = kinds.into_iter().filter(|(kind, ..)| all_is_ours || *kind == "task");
        let more = ours.filter(|(_, before, after)| after > before);
        more.map(|(kind, before, after)| match after - before {
            1 => format!("1 {kind} left"),
            left if kind == "child process" => format!("{left} child processes left"),
            left => format!("{left} {kind}s left"),
        })
        .collect()
    }
}

/// Fails unless the program holds at most `limit` descriptors within a second: connections that have
/// ended must have been closed.
pub fn require_descriptors_at_most(scenario: &Scenario, program: &Running, limit: usize) {
    let count = settle(|| program.descriptors(), limit);
    scenario.require(
        count <= limit,
        format!("at most {limit} open descriptors, {} after the last connection ended", Millis(PATIENCE)),
        format!("{count} open descriptors"),
    );
    none_left("descriptor");
}

/// Fails unless the program has at most `limit` threads within a second.
pub fn require_threads_at_most(scenario: &Scenario, program: &Running, limit: usize) {
    let count = settle(|| program.threads(), limit);
    scenario.require(count <= limit, format!("at most {}", Count(limit, "thread")), Count(count, "thread"));
    none_left("thread");
}

/// Fails if the program has a child process now.
#[track_caller]
pub fn require_no_child(scenario: &Scenario, program: &Running, when: &str) {
    let children = program.children();
    scenario.require(
        children.is_empty(),
        format!("no child process {when}"),
        format!("child processes: {}", children.join(", ")),
    );
}

/// How much memory this process has now, in KiB, not counting the code that it has read so far. Other tests of the same process
/// have theirs: ask in [`Program::alone`](crate::Program::alone).
///
/// # Panics
///
/// If the kernel does not say.
pub fn resident_memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    let number = resident.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.expect("the kernel says how much memory is ours")
}

/// Fails if the program has exited and a process that it started still runs, 100 ms later: killing a
/// child and not waiting for it is allowed that long.
///
/// Waits for the exit first.
pub fn require_no_process_left(scenario: &Scenario, program: &Running) {
    let exit = program.exit();
    while !program.descendants().is_empty() && Moment::now().since(exit.at) < ms(100) {
        std::thread::sleep(ms(5));
    }
    let left = program.descendants();
    scenario.require(
        left.is_empty(),
        "no process left after the exit",
        format!("still running: {}", left.join(", ")),
    );
    none_left("process");
}

fn none_left(kind: &str) {
    wire::tell(Entry::NoneLeft(kind.to_owned()));
}

fn settle(count: impl Fn() -> usize, limit: usize) -> usize {
    let until = std::time::Instant::now() + PATIENCE;
    while count() > limit && std::time::Instant::now() < until {
        std::thread::sleep(ms(5));
    }
    count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_is_kept_is_seen() {
        let before = resident_memory();
        let kept = vec![1_u8; 32 << 20];
        assert!(resident_memory() > before + (24 << 10), "{} bytes", kept.len());
    }
}
