//! Open files: enough for the test, and for a program no more than a user's would have.
//!
//! A test that runs out of descriptors sees what looks like the program's doing: no connection, an empty
//! `/proc`. So it never does: long before, the scenario ends without a verdict.

use std::os::fd::AsRawFd;
use std::sync::{Mutex, OnceLock, PoisonError};

use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};

use crate::{Scenario, proc};

/// So many stay free, for looks at `/proc` and the like.
const SPARE: rlim_t = 16;

/// The limit with which the test was started, once it has been raised.
static GIVEN: OnceLock<rlim_t> = OnceLock::new();
static STARTING: Mutex<()> = Mutex::new(());

/// Sees to it that so many connections can be open at once, here and in the program; raises our own limit
/// as far as it goes.
#[track_caller]
pub(crate) fn make_room(scenario: &Scenario, connections: usize) {
    let needed = connections as rlim_t + 2 * SPARE;
    let (soft, hard) = limits();
    let given = *GIVEN.get_or_init(|| soft);
    let ours = needed + proc::descriptors(std::process::id()) as rlim_t;
    if soft < ours {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
    let programs = scenario.programs().into_iter().filter_map(proc::most_descriptors);
    // A program that takes less than it was given is to blame itself.
    let theirs = programs.max().map_or(rlim_t::MAX, |most| most.max(given));
    for (limit, needed) in [(hard, ours), (theirs, needed)] {
        if limit < needed {
            scenario.unknown(format!(
                "{connections} connections need about {needed} open files, and {limit} are allowed: raise `ulimit -n`"
            ));
        }
    }
}

/// Ends the scenario without a verdict if hardly anything is left beyond what was just opened.
#[track_caller]
pub(crate) fn require_room_beyond(scenario: &Scenario, opened: &impl AsRawFd) {
    let (soft, _) = limits();
    // The lowest number that is free is always taken.
    if soft < rlim_t::try_from(opened.as_raw_fd()).unwrap_or_default() + SPARE {
        scenario
            .unknown(format!("the test needs more open files than the {soft} allowed: raise `ulimit -n`"));
    }
}

/// Does this while no program is being started: a new process has all that is open here until it becomes another
/// program, also what is closed meanwhile. A port that is given back then is not free.
pub fn while_nothing_starts<T>(body: impl FnOnce() -> T) -> T {
    let _one = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
    body()
}

/// Does this, the start of a program, under the limit that the test was started with, and with nothing of ours open in
/// it: a connection that it had would not break when we close it.
pub(crate) fn as_given<T>(start: impl FnOnce() -> T) -> T {
    let _one = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
    close_fds::set_fds_cloexec(3, &[]);
    let (soft, hard) = limits();
    let given = GIVEN.get().copied().unwrap_or(soft);
    if given == soft {
        return start();
    }
    let _ = setrlimit(Resource::RLIMIT_NOFILE, given, hard);
    let started = start();
    let _ = setrlimit(Resource::RLIMIT_NOFILE, soft, hard);
    started
}

fn limits() -> (rlim_t, rlim_t) {
    getrlimit(Resource::RLIMIT_NOFILE).unwrap_or((rlim_t::MAX, rlim_t::MAX))
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::process::Command;

    use super::*;

    #[test]
    fn a_program_has_nothing_of_ours_open() {
        let file = File::open("/proc/self/stat").unwrap();
        // Unlike what std opens, it is handed on.
        let _ours = nix::unistd::dup(&file).unwrap();
        let open = || Command::new("ls").args(["-l", "/proc/self/fd"]).output().unwrap();
        let open = [open(), as_given(open)].map(|open| String::from_utf8_lossy(&open.stdout).into_owned());
        assert_eq!(open.map(|open| open.contains("/stat")), [true, false]);
    }
}
